import SparekeyCore

extension SQLTransaction {
  package func insert(_ hold: Hold, nextNoticeAt: Timestamp?) throws -> Bool {
    try changes(
      """
      INSERT INTO holds (id, account_id, purpose, state, started_at, ends_at, policy_row, evidence, seniors, parked,
        ticket_digest, source_address, source_agent, next_notice_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING
      """,
      [
        .id(hold.id), .id(hold.account), .text(hold.purpose.rawValue), .text(hold.state.rawValue),
        .time(hold.startedAt), .time(hold.endsAt), .integer(Int64(hold.row)), .json(hold.evidence),
        .json(hold.seniors), .blob(hold.sealedParked), .blob(hold.ticketDigest), .text(hold.source.address),
        .text(hold.source.agent), .time(nextNoticeAt),
      ])
  }

  package func hold(_ id: HoldID) throws -> Hold? {
    try connection.query(
      """
      SELECT id, account_id, purpose, state, started_at, ends_at, policy_row, evidence, seniors, parked,
        ticket_digest, source_address, source_agent, contested_at, contested_by, told_at, ticket_used, chosen_again_at,
        ended_at
      FROM holds WHERE id = $1
      """, [.id(id)]
    ).first.map(Hold.init)
  }

  package func openHold(of account: AccountID) throws -> Hold? {
    try connection.query(
      """
      SELECT id, account_id, purpose, state, started_at, ends_at, policy_row, evidence, seniors, parked,
        ticket_digest, source_address, source_agent, contested_at, contested_by, told_at, ticket_used, chosen_again_at,
        ended_at
      FROM holds WHERE account_id = $1 AND ended_at IS NULL
      """, [.id(account)]
    ).first.map(Hold.init)
  }

  package func stoppedHold(of account: AccountID) throws -> Hold? {
    try connection.query(
      """
      SELECT id, account_id, purpose, state, started_at, ends_at, policy_row, evidence, seniors, parked,
        ticket_digest, source_address, source_agent, contested_at, contested_by, told_at, ticket_used, chosen_again_at,
        ended_at
      FROM holds WHERE account_id = $1 AND state = 'stopped' AND purpose = 'recovery'
      ORDER BY ended_at DESC LIMIT 1
      """, [.id(account)]
    ).first.map(Hold.init)
  }

  package func completedHold(of account: AccountID) throws -> Hold? {
    try connection.query(
      """
      SELECT id, account_id, purpose, state, started_at, ends_at, policy_row, evidence, seniors, parked,
        ticket_digest, source_address, source_agent, contested_at, contested_by, told_at, ticket_used, chosen_again_at,
        ended_at
      FROM holds WHERE account_id = $1 AND state = 'completed' AND purpose = 'recovery'
      ORDER BY ended_at DESC LIMIT 1
      """, [.id(account)]
    ).first.map(Hold.init)
  }

  package func move(_ hold: Hold, from state: Hold.State) throws -> Bool {
    try changes(
      """
      UPDATE holds SET state = $3, contested_at = $4, contested_by = $5, ended_at = $6
      WHERE id = $1 AND state = $2 AND ended_at IS NULL
      """,
      [
        .id(hold.id), .text(state.rawValue), .text(hold.state.rawValue), .time(hold.contestedAt),
        hold.contestedBy.isEmpty ? .null : try .json(hold.contestedBy), .time(hold.endedAt),
      ])
  }

  package func useTicket(of hold: HoldID) throws {
    _ = try connection.execute("UPDATE holds SET ticket_used = 1 WHERE id = $1", [.id(hold)])
  }

  package func setChosenAgain(at time: Timestamp, in hold: HoldID) throws {
    _ = try connection.execute(
      "UPDATE holds SET chosen_again_at = $2 WHERE id = $1", [.id(hold), .time(time)])
  }

  package func markTold(_ hold: HoldID, at now: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE holds SET told_at = $2 WHERE id = $1 AND told_at IS NULL", [.id(hold), .time(now)])
  }

  package func markUntold(_ hold: HoldID) throws {
    _ = try connection.execute(
      "UPDATE holds SET told_at = NULL WHERE id = $1 AND ended_at IS NULL", [.id(hold)])
  }

  package func openHolds() throws -> [HoldID] {
    try connection.query("SELECT id FROM holds WHERE ended_at IS NULL ORDER BY ends_at", [])
      .map { try $0.id(0) }
  }

  package func dueHolds(at now: Timestamp, limit: Int) throws -> [HoldID] {
    try connection.query(
      """
      SELECT h.id FROM holds h JOIN accounts a ON a.id = h.account_id
      WHERE h.ended_at IS NULL AND (
        (h.state = 'running' AND h.ends_at <= $1 AND a.frozen_at IS NULL)
        OR (h.state IN ('running', 'contested') AND h.ends_at > $1 AND h.next_notice_at <= $1)
        OR (h.state = 'contested' AND h.contested_at <= $2))
      ORDER BY h.ends_at <= $1, h.told_at IS NULL, h.ends_at LIMIT $3
      """, [.time(now), .time(now - Hold.longestContest), .integer(Int64(limit))]
    ).map { try $0.id(0) }
  }

  package func moveNotice(of hold: HoldID, from due: Timestamp, to next: Timestamp?) throws -> Bool {
    try changes(
      "UPDATE holds SET next_notice_at = $3 WHERE id = $1 AND next_notice_at = $2",
      [.id(hold), .time(due), .time(next)])
  }

  package func nextNotice(of hold: HoldID) throws -> Timestamp? {
    try connection.query("SELECT next_notice_at FROM holds WHERE id = $1", [.id(hold)])
      .first.flatMap { try $0.optionalTime(0) }
  }

  package func fact(_ fact: ServiceFact) throws -> Timestamp? {
    try connection.query("SELECT at FROM service_facts WHERE name = $1", [.text(fact.rawValue)])
      .first.map { try $0.time(0) }
  }

  package func setFact(_ fact: ServiceFact, to time: Timestamp?) throws {
    guard let time else {
      _ = try connection.execute("DELETE FROM service_facts WHERE name = $1", [.text(fact.rawValue)])
      return
    }
    _ = try connection.execute(
      "INSERT INTO service_facts (name, at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET at = $2",
      [.text(fact.rawValue), .time(time)])
  }
}

extension Hold {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), account: try row.id(1), purpose: try row.named(2), startedAt: try row.time(4),
      endsAt: try row.time(5), row: Int(try row.integer(6)), evidence: try row.json(7),
      seniors: try row.json(8),
      sealedParked: try row.blob(9), ticketDigest: try row.blob(10),
      source: Source(address: try row.text(11), agent: try row.text(12)), state: try row.named(3),
      contestedAt: try row.optionalTime(13), contestedBy: row.isNull(14) ? [] : try row.json(14),
      toldAt: try row.optionalTime(15), ticketUsed: try row.flag(16),
      chosenAgainAt: try row.optionalTime(17), endedAt: try row.optionalTime(18))
  }
}
