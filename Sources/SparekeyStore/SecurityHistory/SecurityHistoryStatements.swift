import SparekeyCore

extension SQLTransaction {
  package func append(
    _ event: SecurityEvent, to account: AccountID, leaving version: VersionID?,
    sealedStateBefore: [UInt8]?
  ) throws {
    _ = try connection.execute(
      """
      INSERT INTO security_history (account_id, number, at, kind, detail, source_address, source_agent,
        left_version, state_before)
      SELECT $1, COALESCE(MAX(number), 0) + 1, $2, $3, $4, $5, $6, $7, $8
      FROM security_history WHERE account_id = $1
      """,
      [
        .id(account), .time(event.at), .text(event.kind.rawValue), .text(event.detail),
        .text(event.source.address), .text(event.source.agent), version.map { .id($0) } ?? .null,
        sealedStateBefore.map { .blob($0) } ?? .null,
      ])
  }

  package func events(of account: AccountID, before number: Int?, limit: Int) throws -> [SecurityEvent] {
    try connection.query(
      """
      SELECT number, at, kind, detail, source_address, source_agent
      FROM security_history WHERE account_id = $1 AND number < $2 ORDER BY number DESC LIMIT $3
      """, [.id(account), .integer(Int64(number ?? .max)), .integer(Int64(limit))]
    ).map(SecurityEvent.init)
  }

  package func event(_ number: Int, of account: AccountID) throws -> SecurityEvent? {
    try connection.query(
      """
      SELECT number, at, kind, detail, source_address, source_agent
      FROM security_history WHERE account_id = $1 AND number = $2
      """, [.id(account), .integer(Int64(number))]
    ).first.map(SecurityEvent.init)
  }
}

extension SecurityEvent {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      number: Int(try row.integer(0)), at: try row.time(1), kind: try row.named(2), detail: try row.text(3),
      source: Source(address: try row.text(4), agent: try row.text(5)))
  }
}
