/// The ways a claimant can prove something, as the policy table knows them.
package enum EvidenceKind: String, Codable, Sendable, CaseIterable {
  case recoveryCode = "recovery-code"
  /// An issued code that was sent to a confirmed email.
  case email
}

/// One thing a claimant has shown in this recovery. Each item has its own age, and is looked at again in the
/// transaction that acts on it.
package struct Evidence: Codable, Sendable, Equatable {
  /// How long an item counts after it was shown.
  package static let lifetime = Duration.minutes(20)

  package enum Proof: Codable, Sendable, Equatable {
    case recoveryCode(CodeID)
    case email(ContactID)
  }

  package let proof: Proof
  package let provedAt: Timestamp

  package var kind: EvidenceKind {
    switch proof {
    case .recoveryCode: .recoveryCode
    case .email: .email
    }
  }

  package func isFresh(at now: Timestamp) -> Bool { now < provedAt + Self.lifetime }
}

/// What the store says now about the account someone wants to get back into.
package struct AccountFacts: Sendable {
  package let account: Account
  /// Confirmed contacts only.
  package let contacts: [Contact]
  package let liveCode: CodeID?

  package init(account: Account, contacts: [Contact], liveCode: CodeID?) {
    self.account = account
    self.contacts = contacts.filter(\.isConfirmed)
    self.liveCode = liveCode
  }

  /// What a piece of evidence is worth at `now`; nil when it is too old, or what it proved is gone.
  package func strength(of evidence: Evidence, at now: Timestamp) -> EvidenceStrength? {
    guard evidence.isFresh(at: now) else { return nil }
    switch evidence.proof {
    case .recoveryCode(let id):
      return id == liveCode ? EvidenceStrength(kind: .recoveryCode, isSenior: true) : nil
    case .email(let id):
      return contacts.first { $0.id == id }.map { strength(of: $0, at: now) }
    }
  }

  /// The masked address of the email among the evidence.
  package func provedAddress(in evidence: [Evidence]) -> String? {
    for case .email(let id) in evidence.map(\.proof) {
      if let contact = contacts.first(where: { $0.id == id }) { return contact.masked }
    }
    return nil
  }

  /// What an issued code sent to this contact would be worth.
  package func strength(of contact: Contact, at now: Timestamp) -> EvidenceStrength {
    let isSenior = Seniority.isSenior(
      since: contact.provenSince, fromSignUp: contact.fromSignUp, amongSince: contacts.map(\.provenSince),
      at: now)
    return EvidenceStrength(kind: .email, isSenior: isSenior)
  }
}

/// A kind of evidence, and whether it is older than 30 days (H8): all the policy table looks at.
package struct EvidenceStrength: Sendable, Hashable {
  package let kind: EvidenceKind
  package let isSenior: Bool

  package init(kind: EvidenceKind, isSenior: Bool) {
    self.kind = kind
    self.isSenior = isSenior
  }
}
