/// What agents see and do (G4). They see no secrets, and nothing by which they could answer for an owner; they set no
/// password, see no code, and neither shorten nor complete a hold. What they do to an account is told to all of its
/// contacts in the same transaction, and everything is in the audit trail.
package struct SupportConsole: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  // MARK: cases

  package struct Overview: Sendable {
    /// Longest untouched first.
    package let cases: [Listed]
    package let requests: [Request]
  }

  package struct Listed: Sendable {
    package let supportCase: SupportCase
    package let assignee: String?
    package let isMine: Bool
  }

  /// A request for a hold, with names.
  package struct Request: Sendable {
    package let request: HoldRequest
    package let caseNumber: String
    package let username: String
    package let requestedBy: String
    package let reason: String
    /// Whoever looks may decide it; if they asked for it themselves they may only take it back.
    package let isMine: Bool
    package let isUndecided: Bool
  }

  package static let listed = 200

  /// - Parameter state: nil for all that are not closed.
  /// - Throws: what `Ports.agent` throws.
  package func overview(
    in state: SupportCase.State?, after place: (changedAt: Timestamp, id: CaseID)? = nil, limit: Int = listed,
    by signedIn: SignedIn
  ) async throws -> Overview {
    try await ports.database.read { [ports] transaction in
      let agent = try ports.agent(signedIn, in: transaction)
      return Overview(
        cases: try transaction.supportCases(in: state, after: place, limit: limit).map {
          try ports.listed($0, for: agent, in: transaction)
        },
        requests: try transaction.undecidedRequests().filter { $0.isUndecided(at: transaction.now) }
          .map { try ports.request($0, for: agent, in: transaction) })
    }
  }

  /// Everything about one case.
  package struct File: Sendable {
    package let listed: Listed
    package let content: SupportCase.Content
    package let messages: [Support.ReadMessage]
    package let requests: [Request]
    /// Proved within the last minutes: may act on accounts.
    package let isFresh: Bool
  }

  /// - Throws: `Refusal.notFound`, what `Ports.agent` throws.
  package func file(_ number: String, by signedIn: SignedIn) async throws -> File {
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(signedIn, in: transaction)
      let found = try ports.supportCase(number, in: transaction)
      try ports.audit(.caseRead, by: agent.actor, detail: "case \(found.number)", in: transaction)
      return File(
        listed: try ports.listed(found, for: agent, in: transaction), content: try ports.content(of: found),
        messages: try ports.messages(of: found, in: transaction),
        requests: try transaction.holdRequests(of: found.id).map {
          try ports.request($0, for: agent, in: transaction)
        }, isFresh: signedIn.isFresh(at: transaction.now))
    }
  }

  /// What an agent does with a case.
  package enum CaseDeed: Sendable {
    case take, release
    case answer(String)
    case ask(String)
    case close
  }

  /// - Throws: `Refusal.field(.answer, …)`, `.support(.caseClosed)`, `.changedMeanwhile`, `.notFound`, what `Ports.agent` throws.
  package func act(_ deed: CaseDeed, on number: String, by signedIn: SignedIn) async throws {
    let written: String? =
      switch deed {
      case .answer(let typed), .ask(let typed): try plainText(typed, .answer)
      case .take, .release, .close: nil
      }
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(signedIn, in: transaction)
      let found = try ports.supportCase(number, in: transaction)
      let (event, action, news) = deed.consequences(by: agent.account.id, written: written ?? "")
      _ = try ports.receive(event, on: found, in: transaction)
      if let written { try ports.append(written, by: .agent, to: found, in: transaction) }
      if let news {
        try ports.tell(news, about: found, to: ports.content(of: found).email, in: transaction)
      }
      try ports.audit(action, by: agent.actor, detail: "case \(found.number)", in: transaction)
    }
  }

  // MARK: accounts

  /// How an account stands, without secrets: kinds and moments, and contacts masked as strangers see them.
  package struct AccountStatus: Sendable {
    package let id: AccountID
    package let username: String
    package let createdAt: Timestamp
    package let twoStepSince: Timestamp?
    package let frozenAt: Timestamp?
    package let hold: Hold?
    package let claimNumber: String?
    package let proofs: [ProofStatus]
    package let sessions: Int
    /// Newest first; kinds and moments, without details and addresses.
    package let activity: [(kind: SecurityEvent.Kind, at: Timestamp)]
    package let isOwn: Bool
    package let isFresh: Bool
    /// How many are told of whatever support does.
    package let told: Int
  }

  package struct ProofStatus: Sendable {
    package let kind: ProofKind
    /// A contact as strangers see it at the way back; nil for anything else.
    package let masked: String?
    package let since: Timestamp
    package let isSenior: Bool
  }

  /// The account someone asks about.
  package enum Wanted: Sendable {
    case named(String)
    case id(AccountID)
    /// Whose name was typed in this case.
    case ofCase(String)
  }

  private static let activityShown = 15

  /// - Returns: nil when nobody has that name.
  /// - Throws: `Refusal.notFound` for a case that is not there, `.slowDown`, what `Ports.agent` throws.
  package func account(_ wanted: Wanted, by signedIn: SignedIn) async throws -> AccountStatus? {
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(signedIn, in: transaction)
      // An insider does not leaf through the accounts.
      try ports.countTry(ThrottleRules.accountLookup, on: agent.account.id.text, from: nil, in: transaction)
      let account: Account? =
        switch wanted {
        case .named(let name): try transaction.account(canonicalName: Username.lookup(name))
        case .id(let id): try transaction.account(id)
        case .ofCase(let number):
          try ports.content(of: ports.supportCase(number, in: transaction)).username
            .flatMap { try transaction.account(canonicalName: Username.lookup($0)) }
        }
      let detail =
        if case .ofCase(let number) = wanted { "case \(SupportCase.number(typed: number))" } else { "" }
      // What was typed is not kept: it may be anything.
      try ports.audit(
        .accountLookedUp, by: agent.actor, about: account?.id,
        detail: account == nil ? "nobody has this name" : detail, in: transaction)
      guard let account else { return nil }
      let proofs = try ports.proofs(of: account, in: transaction)
      let now = transaction.now
      let hold = try transaction.openHold(of: account.id)
      let kinds = [Proof.password] + proofs.securityInfo + (proofs.code.map { [.recoveryCode($0.id)] } ?? [])
      return AccountStatus(
        id: account.id, username: account.username, createdAt: account.createdAt,
        twoStepSince: account.twoStepSince, frozenAt: account.frozen?.at, hold: hold,
        claimNumber: hold.map { ports.claimNumber(of: $0.id) },
        proofs: kinds.compactMap { proof in
          proofs.since(proof).map { since in
            ProofStatus(
              kind: proof.kind,
              masked: proofs.confirmedContacts.first { Proof.contact($0) == proof }?.masked, since: since,
              isSenior: proofs.isSenior(proof, at: now))
          }
        },
        sessions: try transaction.sessions(of: account.id).count { $0.isLive(at: now) },
        activity: try transaction.events(of: account.id, limit: Self.activityShown).map { ($0.kind, $0.at) },
        isOwn: account.id == agent.account.id, isFresh: signedIn.isFresh(at: now),
        told: proofs.confirmedContacts.count)
    }
  }

  /// What an agent does to an account, alone.
  package enum AccountDeed: String, Sendable, CaseIterable {
    case freeze
    case endSessions = "end-sessions"
    case resendNotice = "resend-notice"
  }

  /// - Throws: `Refusal.field(.reason, …)`, `.support(.ownAccount)`, `.support(.noHold)`, `.frozen`, `.slowDown`,
  ///   `.notFound`, what `Ports.agent` throws.
  package func act(_ deed: AccountDeed, on id: AccountID, reason typed: String, by agent: SteppedUp)
    async throws
  {
    let reason = try Self.reason(typed)
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(agent.signedIn, fresh: true, in: transaction)
      let account = try ports.account(id, notOf: agent, in: transaction)
      switch deed {
      case .freeze: try ports.freezeForSupport(account, in: transaction)
      case .endSessions:
        try ports.tellOwner(.sessionsEnded, of: account, in: transaction)
        _ = try transaction.endSessions(of: account.id)
      case .resendNotice: try ports.resendNotice(to: account, in: transaction)
      }
      try ports.audit(deed.action, by: agent.actor, about: account.id, detail: reason, in: transaction)
    }
  }

  // MARK: a recovery for someone who can show nothing (policy row 10)

  /// Asks for a hold; the owner is told at once, and nothing else happens before another agent agrees.
  /// - Throws: `Refusal.field(.reason, …)`, `.support(…)`, `.frozen`, `.holdRunning`, `.slowDown`, `.notFound`, what
  ///   `Ports.agent` throws.
  package func requestHold(
    of account: AccountID, for number: String, reason typed: String, by agent: SteppedUp
  ) async throws {
    let reason = try Self.reason(typed)
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(agent.signedIn, fresh: true, in: transaction)
      let account = try ports.account(account, notOf: agent, in: transaction)
      let found = try ports.supportCase(number, in: transaction)
      try ports.checkHold(of: account, for: found, by: agent, in: transaction)
      if let old = try transaction.undecidedRequest(for: account.id) {
        guard !old.isUndecided(at: transaction.now) else { throw Refusal.support(.alreadyRequested) }
        _ = try ports.receive(.expire, on: old, in: transaction)
      }
      let id = HoldRequestID(ports.randomness)
      let request = HoldRequest(
        id: id, supportCase: found.id, account: account.id, requestedBy: agent.account.id,
        requestedAt: transaction.now,
        sealedReason: ports.keys.seal(reason.utf8, for: .supportCase, bound: "request/\(id)"))
      guard try transaction.insert(request) else { throw Refusal.support(.alreadyRequested) }
      try ports.tellOwner(.holdRequested, of: account, in: transaction)
      try ports.audit(
        .holdRequested, by: agent.actor, about: account.id, detail: "case \(found.number): \(reason)",
        in: transaction)
    }
  }

  /// A second agent agrees: the hold begins, as any other one of 30 days. Its ticket is the case's; all that is parked is
  /// the case's confirmed email, to which a code goes afterwards (`Holds.chooseAgain`).
  /// - Throws: `Refusal.support(…)`, `.frozen`, `.holdRunning`, `.slowDown`, `.changedMeanwhile`, `.notFound`, what
  ///   `Ports.agent` throws.
  package func approve(_ id: HoldRequestID, by agent: SteppedUp) async throws {
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(agent.signedIn, fresh: true, in: transaction)
      guard let request = try transaction.holdRequest(id),
        let found = try transaction.supportCase(request.supportCase)
      else { throw Refusal.notFound }
      let account = try ports.account(request.account, notOf: agent, in: transaction)
      let holdID = HoldID(ports.randomness)
      _ = try ports.receive(.approve(by: agent.account.id, holdID), on: request, in: transaction)
      guard try transaction.isAgent(request.requestedBy),
        try transaction.account(request.requestedBy)?.twoStep == true
      else { throw Refusal.support(.requesterGone) }
      try ports.checkHold(of: account, for: found, by: agent, in: transaction)
      let email = try ports.content(of: found).email
      let hold = try ports.startHold(
        holdID, .recovery, wait: .full, row: Hold.rowOfSupport, evidence: [],
        parked: Hold.Parked(contact: NewContact(kind: .email, address: email)),
        ticketDigest: found.ticketDigest, of: ports.proofs(of: account, in: transaction),
        source: found.source, in: transaction)
      let claimNumber = ports.claimNumber(of: holdID)
      try ports.tell(
        .holdStarted(holdID, claimNumber: claimNumber, endsAt: hold.endsAt), about: found, to: email,
        in: transaction)
      try ports.audit(
        .holdApproved, by: agent.actor, about: account.id,
        detail: "case \(found.number), claim \(claimNumber)",
        in: transaction)
    }
  }

  /// Another agent disagrees, or whoever asked takes it back.
  /// - Throws: `Refusal.field(.reason, …)`, `.support(…)`, `.notFound`, what `Ports.agent` throws.
  package func decline(_ id: HoldRequestID, reason typed: String, by signedIn: SignedIn) async throws {
    let reason = try Self.reason(typed)
    try await ports.database.write { [ports] transaction in
      let agent = try ports.agent(signedIn, in: transaction)
      guard let request = try transaction.holdRequest(id),
        let found = try transaction.supportCase(request.supportCase)
      else { throw Refusal.notFound }
      let decided = try ports.receive(.decline(by: agent.account.id), on: request, in: transaction)
      try ports.audit(
        decided.decision == .withdrawn ? .holdWithdrawn : .holdDeclined, by: agent.actor,
        about: request.account, detail: "case \(found.number): \(reason)", in: transaction)
    }
  }

  package static let longestReason = 500

  private static func reason(_ typed: String) throws(Refusal) -> String {
    try plainText(typed, .reason, longest: longestReason)
  }

  // MARK: for the operator's command line

  /// - Parameter place: only those that stand after it: when a case was touched last, and its id.
  package func cases(
    in state: SupportCase.State?, after place: (changedAt: Timestamp, id: CaseID)? = nil, limit: Int = 10_000
  ) async throws -> [Listed] {
    try await ports.database.read { [ports] transaction in
      try transaction.supportCases(in: state, after: place, limit: limit).map {
        try ports.listed($0, for: nil, in: transaction)
      }
    }
  }

  /// - Returns: nil when there is no such case.
  package func fileForOperator(_ number: String, by actor: AuditActor = .operator) async throws -> File? {
    try await ports.database.write { [ports] transaction in
      guard let found = try transaction.supportCase(number: SupportCase.number(typed: number)) else {
        return nil
      }
      try ports.audit(.caseRead, by: actor, detail: "case \(found.number)", in: transaction)
      return File(
        listed: try ports.listed(found, for: nil, in: transaction), content: try ports.content(of: found),
        messages: try ports.messages(of: found, in: transaction),
        requests: try transaction.holdRequests(of: found.id).map {
          try ports.request($0, for: nil, in: transaction)
        }, isFresh: false)
    }
  }

  /// - Throws: `Refusal.notFound`, `.support(.caseClosed)`.
  package func closeByOperator(_ number: String, by actor: AuditActor = .operator) async throws {
    try await ports.database.write { [ports] transaction in
      let found = try ports.supportCase(number, in: transaction)
      _ = try ports.receive(.closed, on: found, in: transaction)
      try ports.tell(.closed, about: found, to: ports.content(of: found).email, in: transaction)
      try ports.audit(.caseClosed, by: actor, detail: "case \(found.number)", in: transaction)
    }
  }
}

extension SupportConsole.CaseDeed {
  fileprivate func consequences(by agent: AccountID, written: String) -> (
    SupportCase.Event, AuditAction, Notice.CaseNews?
  ) {
    switch self {
    case .take: (.taken(by: agent), .caseTaken, nil)
    case .release: (.released, .caseReleased, nil)
    case .answer: (.answered(by: agent), .caseAnswered, .answered(written))
    case .ask: (.asked(by: agent), .caseAsked, .asked(written))
    case .close: (.closed, .caseClosed, .closed)
    }
  }
}

extension SupportConsole.AccountDeed {
  fileprivate var action: AuditAction {
    switch self {
    case .freeze: .accountFrozen
    case .endSessions: .sessionsEnded
    case .resendNotice: .noticeResent
    }
  }
}

extension Hold {
  /// The row of the policy table for someone who can show nothing.
  package static let rowOfSupport = 10
}

extension Ports {
  /// - Throws: `Refusal.notFound`.
  fileprivate func supportCase(_ number: String, in transaction: any Transaction) throws -> SupportCase {
    guard let found = try transaction.supportCase(number: SupportCase.number(typed: number)) else {
      throw Refusal.notFound
    }
    return found
  }

  fileprivate func listed(_ supportCase: SupportCase, for agent: Agent?, in transaction: any Transaction)
    throws
    -> SupportConsole.Listed
  {
    SupportConsole.Listed(
      supportCase: supportCase,
      assignee: try supportCase.assignee.flatMap { try transaction.account($0)?.username },
      isMine: agent != nil && supportCase.assignee == agent?.account.id)
  }

  fileprivate func request(_ request: HoldRequest, for agent: Agent?, in transaction: any Transaction) throws
    -> SupportConsole.Request
  {
    guard let plain = keys.open(request.sealedReason, for: .supportCase, bound: "request/\(request.id)")
    else {
      throw UnreadableCase(id: request.supportCase)
    }
    return SupportConsole.Request(
      request: request, caseNumber: try transaction.supportCase(request.supportCase)?.number ?? "",
      username: try transaction.account(request.account)?.username ?? "",
      requestedBy: try transaction.account(request.requestedBy)?.username ?? "",
      reason: String(decoding: plain, as: UTF8.self), isMine: request.requestedBy == agent?.account.id,
      isUndecided: request.isUndecided(at: transaction.now))
  }

  /// The account as it is once what is due on it has taken effect. - Throws: `Refusal.notFound`, `.support(.ownAccount)`.
  fileprivate func account(_ id: AccountID, notOf agent: Agent, in transaction: any Transaction) throws
    -> Account
  {
    guard let account = try currentAccount(id, in: transaction) else { throw Refusal.notFound }
    guard account.id != agent.account.id else { throw Refusal.support(.ownAccount) }
    return account
  }

  /// Whether a hold may begin for this case, asked at the request and again at its approval.
  fileprivate func checkHold(
    of account: Account, for supportCase: SupportCase, by agent: Agent, in transaction: any Transaction
  ) throws {
    guard supportCase.state != .closed else { throw Refusal.support(.caseClosed) }
    if account.frozen != nil { throw Refusal.frozen }
    if let hold = try transaction.openHold(of: account.id) { throw Refusal.holdRunning(until: hold.endsAt) }
    // T19: an owner who has just stopped one is left in peace.
    if let stoppedAt = try transaction.stoppedHold(of: account.id)?.endedAt,
      transaction.now < stoppedAt + Hold.quietAfterStop
    {
      throw Refusal.slowDown(until: stoppedAt + Hold.quietAfterStop)
    }
    let email = try EmailAddress(content(of: supportCase).email).canonical
    func hasEmail(_ contacts: [Contact]) -> Bool { contacts.contains { $0.address.lowercased() == email } }
    guard !hasEmail(agent.proofs.contacts) else { throw Refusal.support(.ownCase) }
    guard !hasEmail(try contacts(of: account.id, in: transaction).filter(\.isConfirmed)) else {
      throw Refusal.support(.contactOnAccount)
    }
  }

  /// Writes what becomes of a request. - Throws: `Refusal.support(…)`, also when another agent was faster.
  fileprivate func receive(
    _ event: HoldRequest.Event, on request: HoldRequest, in transaction: any Transaction
  ) throws
    -> HoldRequest
  {
    var next = request
    try next.receive(event, at: transaction.now)
    guard try transaction.decide(next) else { throw Refusal.support(.requestOver) }
    return next
  }

  /// The weakest freeze there is: whatever proves the owner now is older than it, and thaws.
  fileprivate func freezeForSupport(_ account: Account, in transaction: any Transaction) throws {
    guard account.frozen == nil else { throw Refusal.frozen }
    let now = transaction.now
    try tellOwner(.frozen, of: account, in: transaction)
    _ = try transaction.setFrozen(Freeze(at: now, eventAt: now), of: account.id)
    _ = try transaction.endSessions(of: account.id)
  }

  fileprivate func resendNotice(to account: Account, in transaction: any Transaction) throws {
    guard let hold = try transaction.openHold(of: account.id) else { throw Refusal.support(.noHold) }
    try countTry(ThrottleRules.resendNotice, on: hold.id.text, from: nil, in: transaction)
    let news: Notice.HoldNews =
      switch hold.state {
      case .contested: .contested
      case .frozen: .frozen
      case .running, .completed, .stopped: .reminder
      }
    try tell(news, of: hold, account: account, in: transaction)
  }
}
