/// Every column whose values a master key seals and that can be sealed again. What a recovery that waits has parked
/// is not among them: it is never changed while it waits.
package enum SealedColumn: String, Sendable, CaseIterable {
  case password = "passwords"
  case recoveryCode = "recovery codes"
  case contact = "contacts"
  case authenticatorApp = "authenticator apps"
  case history = "earlier states"
  case outbox = "messages"
  case caseContent = "support cases"
  case caseMessage = "support messages"
  case signingKey = "signing keys"
  /// Immutable like a hold: it keeps its key until its case is forgotten.
  case holdRequest = "support requests"

  package var isImmutable: Bool { self == .holdRequest }

  var purpose: KeyPurpose {
    switch self {
    case .password: .passwordPepper
    case .recoveryCode: .codePepper
    case .contact: .contact
    case .authenticatorApp: .authenticatorApp
    case .history: .history
    case .outbox: .outbox
    case .caseContent, .caseMessage, .holdRequest: .supportCase
    case .signingKey: .signingKey
    }
  }

  /// What the seal is bound to, as those who seal and open say it.
  func context(of value: SealedValue) -> String {
    let id = value.place.id
    return switch self {
    case .password: "password/\(id)"
    case .recoveryCode: "recovery-code/\(value.owner)/\(id)"
    case .contact: "contact/\(value.owner)/\(id)"
    case .authenticatorApp: "totp/\(value.owner)/\(id)"
    case .history: "state/\(id)"
    case .outbox: "outbox/\(id)"
    case .caseContent: "case/\(id)"
    case .caseMessage: "case/\(id)/message"
    case .signingKey: "signing-key/\(id)"
    case .holdRequest: "request/\(id)"
    }
  }
}

/// One sealed value where it lies.
package struct SealedValue: Sendable, Equatable {
  /// A primary key; the number is 0 where a text is enough.
  package struct Place: Sendable, Equatable {
    package let id: String
    package let number: Int64

    package init(id: String, number: Int64) {
      self.id = id
      self.number = number
    }

    /// Before all others.
    package static let start = Place(id: "", number: 0)
  }

  package let place: Place
  /// The account that it is bound to, where its own id does not say so.
  package let owner: String
  package let bytes: [UInt8]

  package init(place: Place, owner: String = "", bytes: [UInt8]) {
    self.place = place
    self.owner = owner
    self.bytes = bytes
  }
}

/// Going through all sealed values, a few at a time, whoever else is at work.
package protocol SealedValueStore {
  /// The next ones in the order of their places.
  func sealedValues(in column: SealedColumn, after place: SealedValue.Place, limit: Int) throws
    -> [SealedValue]
  /// Puts other bytes in the place of these. - Returns: false when they are no longer there, and nothing is done.
  func reseal(_ value: SealedValue, in column: SealedColumn, as bytes: [UInt8]) throws -> Bool
  /// The next ones in the order of their ids.
  func tokenDigests(after session: SessionID, limit: Int) throws -> [(session: SessionID, digest: [UInt8])]
  /// Keeps a session's token in another form. - Returns: false when it is kept in another one already.
  func redigest(_ session: SessionID, from old: [UInt8], to new: [UInt8]) throws -> Bool
  /// Holds whose parked values may still be opened: those that are open, and those that completed for a claimant who
  /// did not sign in since.
  func holdsWithParked() throws -> [HoldID]
}
