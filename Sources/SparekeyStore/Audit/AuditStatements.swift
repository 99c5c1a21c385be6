import SparekeyCore

extension SQLTransaction {
  package func append(_ entry: AuditEntry) throws {
    _ = try connection.execute(
      "INSERT INTO audit (id, at, actor, action, account_id, detail) VALUES ($1, $2, $3, $4, $5, $6)",
      [
        .id(entry.id), .time(entry.at), .text(entry.actor.text), .text(entry.action.rawValue),
        .id(entry.account), .text(entry.detail),
      ])
  }

  package func auditEntries(limit: Int) throws -> [AuditEntry] {
    try connection.query(
      "SELECT id, at, actor, action, account_id, detail FROM audit ORDER BY at DESC, id LIMIT $1",
      [.integer(Int64(limit))]
    ).map(AuditEntry.init)
  }

  package func unnumberedAuditEntries(before time: Timestamp, limit: Int) throws -> [AuditEntry] {
    try connection.query(
      """
      SELECT id, at, actor, action, account_id, detail FROM audit
      WHERE number IS NULL AND at < $1 ORDER BY at, id LIMIT $2
      """, [.time(time), .integer(Int64(limit))]
    ).map(AuditEntry.init)
  }

  package func auditHead() throws -> AuditChain.Numbered? {
    try connection.query(
      """
      SELECT id, at, actor, action, account_id, detail, number, chain FROM audit
      WHERE number IS NOT NULL ORDER BY number DESC LIMIT 1
      """, []
    ).first.map(AuditChain.Numbered.init)
  }

  package func auditEntries(after number: Int, limit: Int) throws -> [AuditChain.Numbered] {
    try connection.query(
      """
      SELECT id, at, actor, action, account_id, detail, number, chain FROM audit
      WHERE number > $1 ORDER BY number LIMIT $2
      """, [.integer(Int64(number)), .integer(Int64(limit))]
    ).map(AuditChain.Numbered.init)
  }

  package func number(_ id: AuditID, as number: Int, link: AuditChain.Link) throws -> Bool {
    try changes(
      "UPDATE audit SET number = $2, chain = $3 WHERE id = $1 AND number IS NULL",
      [.id(id), .integer(Int64(number)), .blob(link)])
  }
}

extension AuditEntry {
  fileprivate init(_ row: SQLRow) throws {
    guard let actor = AuditActor(text: try row.text(2)) else { throw SQLRow.UnexpectedValue(column: 2) }
    self.init(
      id: try row.id(0), at: try row.time(1), actor: actor, action: try row.named(3),
      account: try row.optionalID(4), detail: try row.text(5))
  }
}

extension AuditChain.Numbered {
  fileprivate init(_ row: SQLRow) throws {
    let number = Int(try row.integer(6))
    do {
      self.init(number: number, entry: try AuditEntry(row), link: try row.blob(7))
    } catch is SQLRow.UnexpectedValue {
      throw AuditChain.Unreadable(number: number)
    }
  }
}
