import SparekeyCore

extension MemoryTransaction {
  // MARK: cases

  func insert(_ supportCase: SupportCase) throws -> Bool {
    guard state.cases.values.allSatisfy({ $0.id != supportCase.id && $0.number != supportCase.number }) else {
      return false
    }
    state.cases[supportCase.id] = supportCase
    return true
  }

  func supportCase(_ id: CaseID) throws -> SupportCase? { state.cases[id] }

  func supportCase(number: String) throws -> SupportCase? {
    state.cases.values.first { $0.number == number }
  }

  func supportCases(
    in wanted: SupportCase.State?, after place: (changedAt: Timestamp, id: CaseID)?, limit: Int
  ) throws -> [SupportCase] {
    Array(
      state.cases.values.filter { wanted.map { [state = $0.state] in state == $0 } ?? ($0.state != .closed) }
        .filter { found in
          place.map { ($0.changedAt, $0.id.text) < (found.changedAt, found.id.text) } ?? true
        }
        .sorted { ($0.changedAt, $0.id.text) < ($1.changedAt, $1.id.text) }.prefix(limit))
  }

  func openCases(of emailDigest: [UInt8]) throws -> Int {
    state.cases.values.count { $0.emailDigest == emailDigest && $0.state != .closed }
  }

  func move(_ supportCase: SupportCase, from old: SupportCase) throws -> Bool {
    guard let found = state.cases[old.id], found.state == old.state, found.changedAt == old.changedAt else {
      return false
    }
    state.cases[old.id] = supportCase
    return true
  }

  func append(_ message: CaseMessage, to supportCase: CaseID) throws {
    state.caseMessages[supportCase, default: []].append(message)
  }

  func messages(of supportCase: CaseID) throws -> [CaseMessage] { state.caseMessages[supportCase] ?? [] }

  func closeCases(untouchedSince time: Timestamp, at now: Timestamp) throws {
    for var found in state.cases.values
    where [.waiting, .answered].contains(found.state) && found.changedAt < time {
      try found.receive(.closed, at: now)
      state.cases[found.id] = found
    }
  }

  func forgetCases(closedBefore time: Timestamp) throws {
    for found in state.cases.values where found.state == .closed && found.changedAt < time {
      state.cases[found.id] = nil
      state.caseMessages[found.id] = nil
      state.holdRequests = state.holdRequests.filter { $0.value.supportCase != found.id }
    }
  }

  // MARK: requests

  func insert(_ request: HoldRequest) throws -> Bool {
    guard state.holdRequests[request.id] == nil, try undecidedRequest(for: request.account) == nil else {
      return false
    }
    state.holdRequests[request.id] = request
    return true
  }

  func holdRequest(_ id: HoldRequestID) throws -> HoldRequest? { state.holdRequests[id] }

  func undecidedRequest(for account: AccountID) throws -> HoldRequest? {
    state.holdRequests.values.first { $0.account == account && $0.decidedAt == nil }
  }

  func undecidedRequests() throws -> [HoldRequest] {
    state.holdRequests.values.filter { $0.decidedAt == nil }
      .sorted { ($0.requestedAt, $0.id.text) < ($1.requestedAt, $1.id.text) }
  }

  func holdRequests(of supportCase: CaseID) throws -> [HoldRequest] {
    state.holdRequests.values.filter { $0.supportCase == supportCase }
      .sorted { ($1.requestedAt, $0.id.text) < ($0.requestedAt, $1.id.text) }
  }

  func decide(_ request: HoldRequest) throws -> Bool {
    guard let found = state.holdRequests[request.id], found.decidedAt == nil else { return false }
    state.holdRequests[request.id] = request
    return true
  }

  // MARK: agents

  func addAgent(_ account: AccountID, at now: Timestamp) throws -> Bool {
    guard state.agents[account] == nil else { return false }
    state.agents[account] = now
    return true
  }

  func removeAgent(_ account: AccountID) throws -> Bool {
    state.agents.removeValue(forKey: account) != nil
  }

  func isAgent(_ account: AccountID) throws -> Bool { state.agents[account] != nil }

  func agents() throws -> [(account: AccountID, since: Timestamp)] {
    state.agents.map { (account: $0.key, since: $0.value) }
      .sorted { ($0.since, $0.account.text) < ($1.since, $1.account.text) }
  }

  // MARK: the audit trail

  func append(_ entry: AuditEntry) throws { state.audit.append(entry) }

  func unnumberedAuditEntries(before time: Timestamp, limit: Int) throws -> [AuditEntry] {
    Array(
      state.audit.filter { state.auditPlaces[$0.id] == nil && $0.at < time }
        .sorted { ($0.at, $0.id.text) < ($1.at, $1.id.text) }.prefix(limit))
  }

  func auditHead() throws -> AuditChain.Numbered? { numbered.last }

  func auditEntries(after number: Int, limit: Int) throws -> [AuditChain.Numbered] {
    Array(numbered.filter { number < $0.number }.prefix(limit))
  }

  func number(_ id: AuditID, as number: Int, link: AuditChain.Link) throws -> Bool {
    guard state.auditPlaces[id] == nil, state.audit.contains(where: { $0.id == id }) else { return false }
    state.auditPlaces[id] = (number, link)
    return true
  }

  private var numbered: [AuditChain.Numbered] {
    state.audit.compactMap { entry in
      state.auditPlaces[entry.id].map { AuditChain.Numbered(number: $0.number, entry: entry, link: $0.link) }
    }.sorted { $0.number < $1.number }
  }

  func auditEntries(limit: Int) throws -> [AuditEntry] {
    Array(state.audit.sorted { ($1.at, $0.id.text) < ($0.at, $1.id.text) }.prefix(limit))
  }
}
