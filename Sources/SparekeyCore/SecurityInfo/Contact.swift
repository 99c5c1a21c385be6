/// An email address or phone number in the security info. It is a proof only once confirmed.
package struct Contact: Sendable, Equatable {
  package enum Kind: String, Sendable, Codable {
    case email, phone
  }

  package let id: ContactID
  package let account: AccountID
  package let kind: Kind
  package let address: String
  package let addedAt: Timestamp
  package let confirmedAt: Timestamp?
  /// Given at sign-up: senior while the account has none older.
  package let fromSignUp: Bool

  package init(
    id: ContactID, account: AccountID, kind: Kind, address: String, addedAt: Timestamp,
    confirmedAt: Timestamp?, fromSignUp: Bool
  ) {
    self.id = id
    self.account = account
    self.kind = kind
    self.address = address
    self.addedAt = addedAt
    self.confirmedAt = confirmedAt
    self.fromSignUp = fromSignUp
  }

  package var isConfirmed: Bool { confirmedAt != nil }

  /// Its age as a proof: waiting unconfirmed makes nothing senior (H8).
  package var provenSince: Timestamp { confirmedAt ?? addedAt }

  /// As shown to someone who has not proved to be the owner.
  package var masked: String { NewContact(kind: kind, address: address).masked }
}

/// A contact that is not in the account yet.
package struct NewContact: Sendable, Codable, Equatable {
  package let kind: Contact.Kind
  package let address: String

  package init(kind: Contact.Kind, address: String) {
    self.kind = kind
    self.address = address
  }

  /// As shown to someone who has not proved to be the owner.
  package var masked: String {
    switch kind {
    case .email: (try? EmailAddress(address).masked) ?? "•••"
    case .phone: (try? PhoneNumber(address).masked) ?? "•••"
    }
  }

  /// What two spellings of it share.
  package var canonical: String { address.lowercased() }

  /// What was typed: with an `@` an email, otherwise a phone number.
  /// - Throws: `Refusal.field(.email, …)`, `.field(.phone, …)`.
  package init(typed: String) throws(Refusal) {
    if typed.contains("@") {
      (kind, address) = (.email, try EmailAddress(typed).text)
    } else {
      (kind, address) = (.phone, try PhoneNumber(typed).text)
    }
  }
}

/// A code sent to a new contact to confirm it: stored as a keyed hash, five tries, one day (NIST N5, N6).
package struct Confirmation: Sendable, Equatable {
  package static let tries = 5
  package static let lifetime = Duration.hours(24)

  package let digest: [UInt8]
  package let expiresAt: Timestamp

  package init(digest: [UInt8], expiresAt: Timestamp) {
    self.digest = digest
    self.expiresAt = expiresAt
  }
}

package protocol ContactStore {
  func insert(_ contact: Contact, sealedAddress: [UInt8], addressDigest: [UInt8]) throws
  /// Present ones, oldest first.
  func contacts(of account: AccountID) throws -> [StoredContact]
  /// Replaces the confirmation code and its tries.
  func setConfirmation(_ confirmation: Confirmation, of contact: ContactID) throws
  /// Counts a try, and hands out what it is compared with; nil when none is left, it expired or was used.
  func tryConfirmation(of contact: ContactID, at now: Timestamp) throws -> [UInt8]?
  func confirm(_ contact: ContactID, at now: Timestamp) throws -> Bool
  /// Those removed since `time` that were confirmed: they still hear of a hold (H6, T21).
  func removedContacts(of account: AccountID, since time: Timestamp) throws -> [StoredContact]
  func removeContact(_ contact: ContactID, of account: AccountID, at now: Timestamp) throws -> Bool
  /// Where this address is a confirmed contact of an account that is not closed, oldest account first.
  func confirmedContacts(addressDigest: [UInt8], limit: Int) throws -> [(
    contact: StoredContact, username: String
  )]
}

/// A contact row before its address is opened.
package struct StoredContact: Sendable {
  package let id: ContactID
  package let account: AccountID
  package let kind: Contact.Kind
  package let sealedAddress: [UInt8]
  package let addedAt: Timestamp
  package let confirmedAt: Timestamp?
  package let fromSignUp: Bool

  package init(
    id: ContactID, account: AccountID, kind: Contact.Kind, sealedAddress: [UInt8], addedAt: Timestamp,
    confirmedAt: Timestamp?, fromSignUp: Bool
  ) {
    self.id = id
    self.account = account
    self.kind = kind
    self.sealedAddress = sealedAddress
    self.addedAt = addedAt
    self.confirmedAt = confirmedAt
    self.fromSignUp = fromSignUp
  }
}

/// A contact row that no key opens: a fault, since a contact that silently vanished could not be told anything.
package struct UnreadableContact: Error, CustomStringConvertible {
  package let id: ContactID
  package var description: String { "the address of contact \(id) cannot be opened with the keys present" }
}

extension KeyRing {
  /// Addresses rest encrypted, bound to their account (T13).
  package func seal(_ contact: Contact) -> [UInt8] {
    seal(contact.address.utf8, for: .contact, bound: "contact/\(contact.account)/\(contact.id)")
  }

  package func open(_ stored: StoredContact) -> Contact? {
    open(stored.sealedAddress, for: .contact, bound: "contact/\(stored.account)/\(stored.id)").map {
      Contact(
        id: stored.id, account: stored.account, kind: stored.kind,
        address: String(decoding: $0, as: UTF8.self),
        addedAt: stored.addedAt, confirmedAt: stored.confirmedAt, fromSignUp: stored.fromSignUp)
    }
  }
}

extension Ports {
  package func open(_ stored: StoredContact) throws -> Contact {
    guard let contact = keys.open(stored) else { throw UnreadableContact(id: stored.id) }
    return contact
  }

  package func contacts(of account: AccountID, in transaction: any Transaction) throws -> [Contact] {
    try transaction.contacts(of: account).map(open)
  }
}
