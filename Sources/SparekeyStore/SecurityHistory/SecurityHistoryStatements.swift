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

  package func events(of account: AccountID, limit: Int) throws -> [SecurityEvent] {
    try connection.query(
      """
      SELECT at, kind, detail, source_address, source_agent
      FROM security_history WHERE account_id = $1 ORDER BY number DESC LIMIT $2
      """, [.id(account), .integer(Int64(limit))]
    ).map { row in
      SecurityEvent(
        at: try row.time(0), kind: try row.named(1), detail: try row.text(2),
        source: Source(address: try row.text(3), agent: try row.text(4)))
    }
  }
}
