/// An agent's request to start a recovery that waits, for someone who can show nothing (policy row 10). A second agent
/// decides (G4, T17).
package struct HoldRequest: Sendable, Equatable {
  package enum Decision: String, Sendable {
    case approved, declined
    /// Taken back by whoever asked.
    case withdrawn
    case expired
  }

  package static let lifetime = Duration.days(7)

  package let id: HoldRequestID
  package let supportCase: CaseID
  package let account: AccountID
  package let requestedBy: AccountID
  package let requestedAt: Timestamp
  package let sealedReason: [UInt8]
  package private(set) var decision: Decision?
  package private(set) var decidedBy: AccountID?
  package private(set) var decidedAt: Timestamp?
  /// What it started.
  package private(set) var hold: HoldID?

  package init(
    id: HoldRequestID, supportCase: CaseID, account: AccountID, requestedBy: AccountID,
    requestedAt: Timestamp, sealedReason: [UInt8], decision: Decision? = nil, decidedBy: AccountID? = nil,
    decidedAt: Timestamp? = nil, hold: HoldID? = nil
  ) {
    self.id = id
    self.supportCase = supportCase
    self.account = account
    self.requestedBy = requestedBy
    self.requestedAt = requestedAt
    self.sealedReason = sealedReason
    self.decision = decision
    self.decidedBy = decidedBy
    self.decidedAt = decidedAt
    self.hold = hold
  }

  package var expiresAt: Timestamp { requestedAt + Self.lifetime }

  package func isUndecided(at now: Timestamp) -> Bool { decision == nil && now < expiresAt }

  package enum Event: Sendable {
    case approve(by: AccountID, HoldID)
    case decline(by: AccountID)
    case expire
  }

  /// - Throws: `Refusal.support(.requestOver)` once it is decided or expired, `.support(.ownRequest)`, `.support(.ownAccount)`.
  package mutating func receive(_ event: Event, at now: Timestamp) throws(Refusal) {
    guard decision == nil else { throw .support(.requestOver) }
    switch event {
    case .approve(let agent, let hold):
      guard now < expiresAt else { throw .support(.requestOver) }
      guard agent != requestedBy else { throw .support(.ownRequest) }
      guard agent != account else { throw .support(.ownAccount) }
      (decision, decidedBy, self.hold) = (.approved, agent, hold)
    case .decline(let agent):
      guard now < expiresAt else { throw .support(.requestOver) }
      guard agent != account else { throw .support(.ownAccount) }
      (decision, decidedBy) = (agent == requestedBy ? .withdrawn : .declined, agent)
    case .expire:
      guard expiresAt <= now else { throw .outOfStep }
      decision = .expired
    }
    decidedAt = now
  }
}
