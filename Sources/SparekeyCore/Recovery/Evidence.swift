/// One thing a claimant has shown in this recovery. Each item has its own age, and is looked at again in the
/// transaction that acts on it.
package struct Evidence: Codable, Sendable, Equatable {
  /// How long an item counts after it was shown.
  package static let lifetime = Duration.minutes(20)

  package let proof: Proof
  package let provedAt: Timestamp

  package var kind: ProofKind { proof.kind }

  package func isFresh(at now: Timestamp) -> Bool { now < provedAt + Self.lifetime }
}

/// What the store says now about the account someone wants to get back into.
package struct AccountFacts: Sendable {
  package let proofs: ProofsOfAccount
  /// The recovery that waits, if one does.
  package let hold: Hold?
  /// O5: codes made before this were restored from a backup.
  package let restoredAt: Timestamp?

  package init(proofs: ProofsOfAccount, hold: Hold? = nil, restoredAt: Timestamp? = nil) {
    self.proofs = proofs
    self.hold = hold
    self.restoredAt = restoredAt
  }

  package var account: Account { proofs.account }

  /// What a piece of evidence is worth at `now`; nil when it is too old, or what it proved is gone.
  package func strength(of evidence: Evidence, at now: Timestamp) -> EvidenceStrength? {
    evidence.isFresh(at: now) ? strength(of: evidence.proof, at: now) : nil
  }

  /// What this proof would be worth as evidence at `now`; nil when it is not the account's.
  package func strength(of proof: Proof, at now: Timestamp) -> EvidenceStrength? {
    guard let since = proofs.since(proof) else { return nil }
    return EvidenceStrength(
      kind: proof.kind, isSenior: proofs.isSenior(proof, at: now),
      code: proof.kind == .recoveryCode ? codeStanding(madeAt: since, at: now) : .current)
  }

  /// The masked address of the contact among the evidence.
  package func provedAddress(in evidence: [Evidence]) -> String? {
    evidence.lazy.compactMap { item in
      proofs.confirmedContacts.first { Proof.contact($0) == item.proof }?.masked
    }.first
  }

  private func codeStanding(madeAt: Timestamp, at now: Timestamp) -> EvidenceStrength.CodeStanding {
    if let restoredAt, madeAt < restoredAt { return .beforeRestore }
    if let twoStepSince = account.twoStepSince, madeAt < twoStepSince, now < twoStepSince + Seniority.period {
      return .beforeTwoStep
    }
    return .current
  }
}

/// A kind of evidence, and what is known of its age: all the policy table looks at.
package struct EvidenceStrength: Sendable, Hashable {
  /// What a recovery code is older than.
  package enum CodeStanding: Sendable, Hashable, CaseIterable {
    case current
    /// H13: made before two-step verification was turned on, which was less than 30 days ago.
    case beforeTwoStep
    /// O5: made before a backup was restored.
    case beforeRestore
  }

  package let kind: ProofKind
  /// H8: older than 30 days.
  package let isSenior: Bool
  package let code: CodeStanding

  package init(kind: ProofKind, isSenior: Bool, code: CodeStanding = .current) {
    self.kind = kind
    self.isSenior = isSenior
    self.code = code
  }
}
