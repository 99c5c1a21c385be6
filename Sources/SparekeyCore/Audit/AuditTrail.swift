/// Who did something that the audit trail keeps (O4).
package enum AuditActor: Sendable, Equatable {
  case agent(AccountID)
  /// Someone at the command line of this machine.
  case `operator`
  /// A program with an operator's token, by the token's name.
  case token(String)
  /// The service itself.
  case service

  /// Kept as text: `operator`, `agent:ID`, `token:NAME`.
  package var text: String {
    switch self {
    case .agent(let id): "agent:\(id)"
    case .operator: "operator"
    case .token(let name): "token:\(name)"
    case .service: "service"
    }
  }

  package init?(text: String) {
    switch text.split(separator: ":", maxSplits: 1).map(String.init) {
    case ["operator"]: self = .operator
    case ["service"]: self = .service
    case let parts where parts.count == 2 && parts[0] == "agent": self = .agent(AccountID(text: parts[1]))
    case let parts where parts.count == 2 && parts[0] == "token": self = .token(parts[1])
    default: return nil
    }
  }
}

/// What agents and operators do.
package enum AuditAction: String, Sendable, CaseIterable {
  case accountCreated = "account-created"
  case accountsImported = "accounts-imported"
  case agentAdded = "agent-added"
  case agentRemoved = "agent-removed"
  case completionsResumed = "completions-resumed"
  case caseRead = "case-read"
  case caseTaken = "case-taken"
  case caseReleased = "case-released"
  case caseAnswered = "case-answered"
  case caseAsked = "case-asked"
  case caseClosed = "case-closed"
  case accountLookedUp = "account-looked-up"
  case holdRequested = "hold-requested"
  case holdApproved = "hold-approved"
  case holdDeclined = "hold-declined"
  case holdWithdrawn = "hold-withdrawn"
  case accountFrozen = "account-frozen"
  case sessionsEnded = "sessions-ended"
  case noticeResent = "notice-resent"
  case tokenCreated = "token-created"
  case tokenDeleted = "token-deleted"
  case clientRegistered = "client-registered"
  case clientChanged = "client-changed"
  case clientSecretRotated = "client-secret-rotated"
  case clientDeleted = "client-deleted"
  case keysRotated = "keys-rotated"
  case keyRetired = "key-retired"
}

/// One row of the audit trail. Nothing secret is in it, and nothing changes it.
package struct AuditEntry: Sendable, Equatable {
  package let id: AuditID
  package let at: Timestamp
  package let actor: AuditActor
  package let action: AuditAction
  /// The account it was done to.
  package let account: AccountID?
  /// In words: the case, the reason that was given.
  package let detail: String

  package init(
    id: AuditID, at: Timestamp, actor: AuditActor, action: AuditAction, account: AccountID?, detail: String
  ) {
    self.id = id
    self.at = at
    self.actor = actor
    self.action = action
    self.account = account
    self.detail = detail
  }
}

package protocol AuditStore {
  func append(_ entry: AuditEntry) throws
  /// Newest first.
  func auditEntries(limit: Int) throws -> [AuditEntry]
  /// Those without a number that were written before that time, oldest first.
  func unnumberedAuditEntries(before time: Timestamp, limit: Int) throws -> [AuditEntry]
  /// The one with the highest number.
  func auditHead() throws -> AuditChain.Numbered?
  /// The numbered ones that follow, in their order.
  func auditEntries(after number: Int, limit: Int) throws -> [AuditChain.Numbered]
  /// Puts an entry in its place, once. - Returns: false when it has one.
  func number(_ id: AuditID, as number: Int, link: AuditChain.Link) throws -> Bool
}

extension Ports {
  /// Writes down what an agent or operator does, in the transaction that does it: neither is there without the other.
  package func audit(
    _ action: AuditAction, by actor: AuditActor, about account: AccountID? = nil, detail: String = "",
    in transaction: any Transaction
  ) throws {
    try transaction.append(
      AuditEntry(
        id: AuditID(randomness), at: transaction.now, actor: actor, action: action, account: account,
        detail: detail))
  }
}
