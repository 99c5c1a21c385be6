import SparekeyCore

extension SQLTransaction {
  package func append(
    _ event: SecurityEvent, to account: AccountID, id: String, leaving version: VersionID?,
    sealedStateBefore: [UInt8]?
  ) throws {
    _ = try connection.execute(
      """
      INSERT INTO security_history (id, account_id, at, kind, detail, source_address, source_agent, left_version,
        state_before)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      """,
      [
        .text(id), .id(account), .time(event.at), .text(event.kind.rawValue), .text(event.detail),
        .text(event.source.address), .text(event.source.agent), version.map { .id($0) } ?? .null,
        sealedStateBefore.map { .blob($0) } ?? .null,
      ])
  }

  package func events(of account: AccountID, limit: Int) throws -> [SecurityEvent] {
    try connection.query(
      """
      SELECT at, kind, detail, source_address, source_agent
      FROM security_history WHERE account_id = $1 ORDER BY at DESC, id DESC LIMIT $2
      """, [.id(account), .integer(Int64(limit))]
    ).map { row in
      SecurityEvent(
        at: try row.time(0), kind: try row.named(1), detail: try row.text(2),
        source: Source(address: try row.text(3), agent: try row.text(4)))
    }
  }
}
