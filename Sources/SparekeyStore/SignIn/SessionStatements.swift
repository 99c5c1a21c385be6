import SparekeyCore

extension SQLTransaction {
  package func insert(_ session: Session, tokenDigest: [UInt8]) throws {
    _ = try connection.execute(
      """
      INSERT INTO sessions (id, token_digest, account_id, created_at, last_seen_at, proved_at, source_address,
        source_agent, proofs, restriction, is_recovered)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
      """,
      [
        .id(session.id), .blob(tokenDigest), .id(session.account), .time(session.createdAt),
        .time(session.lastSeenAt), .time(session.provedAt), .text(session.source.address),
        .text(session.source.agent), try .json(session.proofs),
        session.restriction.map { .text($0.rawValue) } ?? .null, .flag(session.isRecovered),
      ])
  }

  package func session(tokenDigest: [UInt8]) throws -> (session: Session, account: Account)? {
    try connection.query(
      """
      SELECT s.id, s.account_id, s.created_at, s.last_seen_at, s.proved_at, s.source_address, s.source_agent,
        s.proofs, s.restriction, s.is_recovered,
        a.id, a.username, a.created_at, a.version, a.password, a.password_changed_at, a.two_step_since, a.code_salt,
        a.password_needs_two_step, a.frozen_at, a.frozen_event_at, a.hold_due_at, a.closes_at
      FROM sessions s JOIN accounts a ON a.id = s.account_id WHERE s.token_digest = $1
      """, [.blob(tokenDigest)]
    ).first.map { (try Session($0), try Account($0, from: 10)) }
  }

  package func sessions(of account: AccountID) throws -> [Session] {
    try connection.query(
      """
      SELECT id, account_id, created_at, last_seen_at, proved_at, source_address, source_agent, proofs,
        restriction, is_recovered
      FROM sessions WHERE account_id = $1 ORDER BY last_seen_at DESC, id
      """, [.id(account)]
    ).map(Session.init)
  }

  package func touch(_ session: SessionID, seenAt: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE sessions SET last_seen_at = $2 WHERE id = $1 AND last_seen_at < $2",
      [.id(session), .time(seenAt)])
  }

  package func renew(_ session: Session, tokenDigest: [UInt8]) throws -> Bool {
    try changes(
      """
      UPDATE sessions SET token_digest = $2, proved_at = $3, last_seen_at = $4, proofs = $5, restriction = $6,
        is_recovered = $7
      WHERE id = $1
      """,
      [
        .id(session.id), .blob(tokenDigest), .time(session.provedAt), .time(session.lastSeenAt),
        try .json(session.proofs), session.restriction.map { .text($0.rawValue) } ?? .null,
        .flag(session.isRecovered),
      ])
  }

  // What ends a session ends what apps got through it, here and nowhere else.

  package func endSession(_ session: SessionID, of account: AccountID) throws -> Bool {
    _ = try connection.execute(
      """
      UPDATE app_sessions SET ended_at = $3, due_at = $3
      WHERE session_id = $1 AND account_id = $2 AND ended_at IS NULL
      """, [.id(session), .id(account), .time(now)])
    return try changes(
      "DELETE FROM sessions WHERE id = $1 AND account_id = $2", [.id(session), .id(account)])
  }

  package func endSessions(of account: AccountID) throws -> Int {
    _ = try connection.execute(
      "UPDATE app_sessions SET ended_at = $2, due_at = $2 WHERE account_id = $1 AND ended_at IS NULL",
      [.id(account), .time(now)])
    return try connection.execute("DELETE FROM sessions WHERE account_id = $1", [.id(account)])
  }

  package func endAllSessions() throws -> Int {
    _ = try connection.execute(
      "UPDATE app_sessions SET ended_at = $1, due_at = $1 WHERE ended_at IS NULL", [.time(now)])
    return try connection.execute("DELETE FROM sessions", [])
  }

  package func forgetSessions(seenBefore time: Timestamp) throws {
    _ = try connection.execute(
      """
      UPDATE app_sessions SET ended_at = $2, due_at = $2
      WHERE ended_at IS NULL AND session_id NOT IN (SELECT id FROM sessions WHERE last_seen_at >= $1)
      """, [.time(time), .time(now)])
    _ = try connection.execute("DELETE FROM sessions WHERE last_seen_at < $1", [.time(time)])
  }
}

extension Session {
  /// How most people sign in. Every request reads a session: no decoder for that.
  private static let byPassword = #"["password"]"#

  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), account: try row.id(1), createdAt: try row.time(2), lastSeenAt: try row.time(3),
      provedAt: try row.time(4), source: Source(address: try row.text(5), agent: try row.text(6)),
      proofs: try row.text(7) == Self.byPassword ? [.password] : try row.json(7),
      restriction: row.isNull(8) ? nil : try row.named(8), isRecovered: try row.flag(9))
  }
}
