import SparekeyCore

extension SQLTransaction {
  package func insert(_ supportCase: SupportCase) throws -> Bool {
    try changes(
      """
      INSERT INTO cases (id, number, category, state, opened_at, changed_at, assignee, content, email_digest,
        ticket_digest, source_address, source_agent)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING
      """,
      [
        .id(supportCase.id), .text(supportCase.number), .text(supportCase.category.rawValue),
        .text(supportCase.state.rawValue), .time(supportCase.openedAt), .time(supportCase.changedAt),
        .id(supportCase.assignee), .blob(supportCase.sealedContent), .blob(supportCase.emailDigest),
        .blob(supportCase.ticketDigest), .text(supportCase.source.address), .text(supportCase.source.agent),
      ])
  }

  package func supportCase(_ id: CaseID) throws -> SupportCase? {
    try connection.query(
      """
      SELECT id, number, category, state, opened_at, changed_at, assignee, content, email_digest, ticket_digest,
        source_address, source_agent
      FROM cases WHERE id = $1
      """, [.id(id)]
    ).first.map(SupportCase.init)
  }

  package func supportCase(number: String) throws -> SupportCase? {
    try connection.query(
      """
      SELECT id, number, category, state, opened_at, changed_at, assignee, content, email_digest, ticket_digest,
        source_address, source_agent
      FROM cases WHERE number = $1
      """, [.text(number)]
    ).first.map(SupportCase.init)
  }

  package func supportCases(
    in state: SupportCase.State?, after place: (changedAt: Timestamp, id: CaseID)?, limit: Int
  ) throws -> [SupportCase] {
    let (time, id) = place ?? (Timestamp(milliseconds: .min), CaseID(text: ""))
    guard let state else {
      return try connection.query(
        """
        SELECT id, number, category, state, opened_at, changed_at, assignee, content, email_digest, ticket_digest,
          source_address, source_agent
        FROM cases WHERE state <> 'closed' AND (changed_at, id) > ($2, $3) ORDER BY changed_at, id LIMIT $1
        """, [.integer(Int64(limit)), .time(time), .id(id)]
      ).map(SupportCase.init)
    }
    return try connection.query(
      """
      SELECT id, number, category, state, opened_at, changed_at, assignee, content, email_digest, ticket_digest,
        source_address, source_agent
      FROM cases WHERE state = $1 AND (changed_at, id) > ($3, $4) ORDER BY changed_at, id LIMIT $2
      """, [.text(state.rawValue), .integer(Int64(limit)), .time(time), .id(id)]
    ).map(SupportCase.init)
  }

  package func openCases(of emailDigest: [UInt8]) throws -> Int {
    try connection.query(
      "SELECT COUNT(*) FROM cases WHERE email_digest = $1 AND state <> 'closed'", [.blob(emailDigest)]
    ).first.map { Int(try $0.integer(0)) } ?? 0
  }

  package func move(_ supportCase: SupportCase, from old: SupportCase) throws -> Bool {
    try changes(
      """
      UPDATE cases SET state = $4, changed_at = $5, assignee = $6
      WHERE id = $1 AND state = $2 AND changed_at = $3
      """,
      [
        .id(old.id), .text(old.state.rawValue), .time(old.changedAt), .text(supportCase.state.rawValue),
        .time(supportCase.changedAt), .id(supportCase.assignee),
      ])
  }

  package func append(_ message: CaseMessage, to supportCase: CaseID) throws {
    _ = try connection.execute(
      """
      INSERT INTO case_messages (case_id, number, at, author, body)
      VALUES ($1, (SELECT COALESCE(MAX(number), 0) + 1 FROM case_messages WHERE case_id = $1), $2, $3, $4)
      """,
      [.id(supportCase), .time(message.at), .text(message.author.rawValue), .blob(message.sealedText)])
  }

  package func messages(of supportCase: CaseID) throws -> [CaseMessage] {
    try connection.query(
      "SELECT at, author, body FROM case_messages WHERE case_id = $1 ORDER BY number", [.id(supportCase)]
    ).map { CaseMessage(at: try $0.time(0), author: try $0.named(1), sealedText: try $0.blob(2)) }
  }

  package func closeCases(untouchedSince time: Timestamp, at now: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE cases SET state = 'closed', changed_at = $2 WHERE state IN ('waiting', 'answered') AND changed_at < $1",
      [.time(time), .time(now)])
  }

  package func forgetCases(closedBefore time: Timestamp) throws {
    _ = try connection.execute(
      """
      DELETE FROM case_messages
      WHERE case_id IN (SELECT id FROM cases WHERE state = 'closed' AND changed_at < $1)
      """, [.time(time)])
    _ = try connection.execute(
      """
      DELETE FROM hold_requests
      WHERE case_id IN (SELECT id FROM cases WHERE state = 'closed' AND changed_at < $1)
      """, [.time(time)])
    _ = try connection.execute(
      "DELETE FROM cases WHERE state = 'closed' AND changed_at < $1", [.time(time)])
  }

  // MARK: requests

  package func insert(_ request: HoldRequest) throws -> Bool {
    try changes(
      """
      INSERT INTO hold_requests (id, case_id, account_id, requested_by, requested_at, reason)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
      """,
      [
        .id(request.id), .id(request.supportCase), .id(request.account), .id(request.requestedBy),
        .time(request.requestedAt), .blob(request.sealedReason),
      ])
  }

  package func holdRequest(_ id: HoldRequestID) throws -> HoldRequest? {
    try connection.query(
      """
      SELECT id, case_id, account_id, requested_by, requested_at, reason, decision, decided_by, decided_at, hold_id
      FROM hold_requests WHERE id = $1
      """, [.id(id)]
    ).first.map(HoldRequest.init)
  }

  package func undecidedRequest(for account: AccountID) throws -> HoldRequest? {
    try connection.query(
      """
      SELECT id, case_id, account_id, requested_by, requested_at, reason, decision, decided_by, decided_at, hold_id
      FROM hold_requests WHERE account_id = $1 AND decided_at IS NULL
      """, [.id(account)]
    ).first.map(HoldRequest.init)
  }

  package func undecidedRequests() throws -> [HoldRequest] {
    try connection.query(
      """
      SELECT id, case_id, account_id, requested_by, requested_at, reason, decision, decided_by, decided_at, hold_id
      FROM hold_requests WHERE decided_at IS NULL ORDER BY requested_at, id
      """, []
    ).map(HoldRequest.init)
  }

  package func holdRequests(of supportCase: CaseID) throws -> [HoldRequest] {
    try connection.query(
      """
      SELECT id, case_id, account_id, requested_by, requested_at, reason, decision, decided_by, decided_at, hold_id
      FROM hold_requests WHERE case_id = $1 ORDER BY requested_at DESC, id
      """, [.id(supportCase)]
    ).map(HoldRequest.init)
  }

  package func decide(_ request: HoldRequest) throws -> Bool {
    try changes(
      """
      UPDATE hold_requests SET decision = $2, decided_by = $3, decided_at = $4, hold_id = $5
      WHERE id = $1 AND decided_at IS NULL
      """,
      [
        .id(request.id), request.decision.map { .text($0.rawValue) } ?? .null, .id(request.decidedBy),
        .time(request.decidedAt), .id(request.hold),
      ])
  }

  // MARK: agents

  package func addAgent(_ account: AccountID, at now: Timestamp) throws -> Bool {
    try changes(
      "INSERT INTO agents (account_id, since) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      [.id(account), .time(now)])
  }

  package func removeAgent(_ account: AccountID) throws -> Bool {
    try changes("DELETE FROM agents WHERE account_id = $1", [.id(account)])
  }

  package func isAgent(_ account: AccountID) throws -> Bool {
    try !connection.query("SELECT since FROM agents WHERE account_id = $1", [.id(account)]).isEmpty
  }

  package func agents() throws -> [(account: AccountID, since: Timestamp)] {
    try connection.query("SELECT account_id, since FROM agents ORDER BY since, account_id", [])
      .map { (account: try $0.id(0), since: try $0.time(1)) }
  }
}

extension SQLValue {
  static func id<Kind>(_ id: Identifier<Kind>?) -> SQLValue { id.map { .text($0.text) } ?? .null }
}

extension SQLRow {
  func optionalID<Kind>(_ column: Int) throws -> Identifier<Kind>? {
    isNull(column) ? nil : try id(column)
  }
}

extension SupportCase {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), number: try row.text(1), category: try row.named(2), openedAt: try row.time(4),
      source: Source(address: try row.text(10), agent: try row.text(11)), sealedContent: try row.blob(7),
      emailDigest: try row.blob(8), ticketDigest: try row.blob(9), state: try row.named(3),
      changedAt: try row.time(5), assignee: try row.optionalID(6))
  }
}

extension HoldRequest {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), supportCase: try row.id(1), account: try row.id(2), requestedBy: try row.id(3),
      requestedAt: try row.time(4), sealedReason: try row.blob(5),
      decision: row.isNull(6) ? nil : try row.named(6), decidedBy: try row.optionalID(7),
      decidedAt: try row.optionalTime(8), hold: try row.optionalID(9))
  }
}
