import SparekeyCore

// What operators see, by command line and API alike: no address of an account, no secret but new ones.

/// One account in a list.
package struct AccountAnswer: Codable, Sendable {
  package let id: String
  package let username: String
  package let createdAt: String
  /// `open`, `frozen`, `recovery waits` or `closing`.
  package let state: String
  package let twoStep: Bool

  package init(_ account: Account) {
    id = account.id.text
    username = account.username
    createdAt = account.createdAt.iso8601
    state =
      account.frozen != nil
      ? "frozen" : account.holdDueAt != nil ? "recovery waits" : account.closesAt != nil ? "closing" : "open"
    twoStep = account.twoStep
  }
}

/// One account with what protects it: kinds and ages.
package struct AccountStatusAnswer: Encodable, Sendable {
  package struct ProofLine: Encodable, Sendable {
    package let kind: String
    package let since: String
    package let senior: Bool
  }
  package struct Loss: Encodable, Sendable {
    package let lost: [String]
    package let way: WayAnswer
  }
  package let account: AccountAnswer
  package let twoStepSince: String?
  package let closesAt: String?
  package let recoveryCodeMadeAt: String?
  package let recoveryCodeCheckedAt: String?
  package let sessions: Int
  package let proofs: [ProofLine]
  package let waysBack: [Loss]
  package let singlePointsOfFailure: [String]

  package init(_ status: AccountDirectory.Status, at now: Timestamp, period: Duration) {
    let found = status.facts.proofs
    account = AccountAnswer(status.account)
    twoStepSince = status.account.twoStepSince?.iso8601
    closesAt = status.account.closesAt?.iso8601
    recoveryCodeMadeAt = found.code?.createdAt.iso8601
    recoveryCodeCheckedAt = found.code?.checkedAt?.iso8601
    sessions = status.sessions
    proofs = ([.password] + found.securityInfo).compactMap { proof in
      found.since(proof).map {
        ProofLine(kind: proof.kind.rawValue, since: $0.iso8601, senior: found.isSenior(proof, at: now))
      }
    }
    waysBack = status.waysBack.map {
      Loss(lost: $0.losses.map(\.rawValue), way: WayAnswer($0.way, period: period))
    }
    singlePointsOfFailure = status.singlePointsOfFailure.map(\.loss.rawValue)
  }
}

/// An account that one loss would lock out.
package struct ExposedAnswer: Encodable, Sendable {
  package let username: String
  package let twoStep: Bool
  package let createdAt: String
  package let mustNotLose: [String]
  package let add: [String]

  package init(_ account: Account, _ points: [(loss: WaysBack.Loss, step: ProofKind)]) {
    username = account.username
    twoStep = account.twoStep
    createdAt = account.createdAt.iso8601
    mustNotLose = points.map(\.loss.rawValue)
    add = points.map(\.step.rawValue)
  }
}

/// An app.
package struct ClientAnswer: Codable, Sendable {
  package let id: String
  package let name: String
  package let kind: String
  package let redirectUris: [String]
  package let postLogoutUris: [String]
  package let backChannelLogoutUri: String?
  package let algorithm: String
  package let createdAt: String
  /// `operator`, `file` or `formerly-file`.
  package let origin: String
  /// Only when it is made.
  package let secret: String?

  package init(_ client: Client, secret: Secret? = nil) {
    id = client.id.text
    name = client.name
    kind = client.kind.rawValue
    redirectUris = client.redirectURIs
    postLogoutUris = client.postLogoutURIs
    backChannelLogoutUri = client.backChannelLogoutURI
    algorithm = client.algorithm.rawValue
    createdAt = client.createdAt.iso8601
    origin = client.origin.rawValue
    self.secret = secret?.revealedText
  }
}

/// A hold: no evidence by id, no ticket.
package struct WatchedHoldAnswer: Encodable, Sendable {
  package let id: String
  package let claimNumber: String
  package let username: String
  package let purpose: String
  package let state: String
  package let startedAt: String
  package let effectiveAt: String
  package let endedAt: String?
  package let row: Int
  /// What the claimant has shown, by kind.
  package let evidence: [String]
  package let claimedFrom: String
  /// Whether a notice of the start reached a senior contact.
  package let ownerTold: Bool
  package let accountFrozen: Bool

  package init(_ status: Holds.Status) {
    let hold = status.hold
    id = hold.id.text
    claimNumber = status.claimNumber
    username = status.username
    purpose = hold.purpose.rawValue
    state = hold.state.rawValue
    startedAt = hold.startedAt.iso8601
    effectiveAt = hold.endsAt.iso8601
    endedAt = hold.endedAt?.iso8601
    row = hold.row
    evidence = hold.evidence.map(\.kind.rawValue)
    claimedFrom = [hold.source.agent, hold.source.address].filter { !$0.isEmpty }.joined(separator: ", ")
    ownerTold = hold.toldAt != nil
    accountFrozen = status.accountFrozen
  }
}

/// A case in a list.
package struct CaseAnswer: Encodable, Sendable {
  package let number: String
  package let category: String
  package let state: String
  package let openedAt: String
  package let changedAt: String
  package let agent: String?

  package init(_ listed: SupportConsole.Listed) {
    let found = listed.supportCase
    number = found.number
    category = found.category.rawValue
    state = found.state.rawValue
    openedAt = found.openedAt.iso8601
    changedAt = found.changedAt.iso8601
    agent = listed.assignee
  }
}

/// A case and what is written in it.
package struct CaseFileAnswer: Encodable, Sendable {
  package struct Message: Encodable, Sendable {
    package let at: String
    package let author: String
    package let text: String
  }

  package let facts: CaseAnswer
  package let email: String
  /// As typed; nobody vouches for it.
  package let username: String?
  package let messages: [Message]
  package let holds: [String]

  package init(_ file: SupportConsole.File) {
    facts = CaseAnswer(file.listed)
    email = file.content.email
    username = file.content.username
    messages =
      [Message(at: facts.openedAt, author: "person", text: file.content.description)]
      + file.messages.map { Message(at: $0.at.iso8601, author: $0.author.rawValue, text: $0.text) }
    holds = file.requests.compactMap { $0.request.hold?.text }
  }
}

/// Someone who answers cases.
package struct AgentAnswer: Encodable, Sendable {
  package let username: String
  package let since: String
  /// Without it they can do nothing.
  package let twoStep: Bool

  package init(_ listed: Agents.Listed) {
    username = listed.username
    since = listed.since.iso8601
    twoStep = listed.twoStep
  }
}

/// An entry of the audit trail.
package struct AuditAnswer: Encodable, Sendable {
  package let number: Int
  package let at: String
  package let actor: String
  package let action: String
  package let account: String?
  package let detail: String
  package let chain: String

  package init(_ found: AuditChain.Numbered) {
    let entry = found.entry
    number = found.number
    at = entry.at.iso8601
    actor = entry.actor.text
    action = entry.action.rawValue
    account = entry.account?.text
    detail = entry.detail
    chain = found.link.hexadecimal
  }
}

/// What looking through the audit trail found.
package struct AuditReportAnswer: Encodable, Sendable {
  package let entries: Int
  package let head: String
  package let fault: String?

  package init(_ report: AuditTrail.Report) {
    entries = report.entries
    head = report.head.hexadecimal
    fault = report.fault?.description
  }
}

/// A token of the operator API.
package struct OperatorTokenAnswer: Encodable, Sendable {
  package let name: String
  package let scopes: [String]
  package let createdAt: String
  package let expiresAt: String?
  package let lastUsedAt: String?
  /// Only when it is made.
  package let token: String?

  package init(_ token: OperatorToken, secret: Secret? = nil) {
    name = token.name
    scopes = token.scopes.sorted().map(\.rawValue)
    createdAt = token.createdAt.iso8601
    expiresAt = token.expiresAt?.iso8601
    lastUsedAt = token.lastUsedAt?.iso8601
    self.token = secret?.revealedText
  }
}

extension AuditChain {
  /// The head of a trail as it is printed: 64 hexadecimal digits. Nil for anything else.
  package static func link(hexadecimal text: String) -> Link? {
    let digits = Array(text)
    guard digits.count == 64 else { return nil }
    let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
      UInt8(String(digits[$0...($0 + 1)]), radix: 16)
    }
    return bytes.count == 32 ? bytes : nil
  }
}

extension [UInt8] {
  package var hexadecimal: String {
    map { String(UInt16($0) + 0x100, radix: 16).dropFirst() }.joined()
  }
}
