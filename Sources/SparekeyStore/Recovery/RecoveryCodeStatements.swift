import SparekeyCore

extension SQLTransaction {
  package func insert(_ code: StoredCode) throws {
    _ = try connection.execute(
      "INSERT INTO recovery_codes (id, account_id, serial, hash, created_at) VALUES ($1, $2, $3, $4, $5)",
      [.id(code.id), .id(code.account), .text(code.serial), .blob(code.hash.bytes), .time(code.createdAt)])
  }

  package func liveCode(of account: AccountID) throws -> StoredCode? {
    try connection.query(
      """
      SELECT id, account_id, serial, hash, created_at, ending, ended_at, checked_at
      FROM recovery_codes WHERE account_id = $1 AND ended_at IS NULL
      """, [.id(account)]
    ).first.map(StoredCode.init)
  }

  package func codes(of account: AccountID, limit: Int) throws -> [StoredCode] {
    try connection.query(
      """
      SELECT id, account_id, serial, hash, created_at, ending, ended_at, checked_at
      FROM recovery_codes WHERE account_id = $1 ORDER BY created_at DESC, id LIMIT $2
      """, [.id(account), .integer(Int64(limit))]
    ).map(StoredCode.init)
  }

  package func codes(endedSince time: Timestamp) throws -> [StoredCode] {
    try connection.query(
      """
      SELECT id, account_id, serial, hash, created_at, ending, ended_at, checked_at
      FROM recovery_codes WHERE ended_at >= $1 ORDER BY ended_at, id
      """, [.time(time)]
    ).map(StoredCode.init)
  }

  package func endCode(_ id: CodeID, as ending: StoredCode.Ending, at now: Timestamp) throws -> Bool {
    try changes(
      "UPDATE recovery_codes SET ending = $2, ended_at = $3 WHERE id = $1 AND ended_at IS NULL",
      [.id(id), .text(ending.rawValue), .time(now)])
  }

  package func checked(_ id: CodeID, at now: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE recovery_codes SET checked_at = $2 WHERE id = $1 AND ended_at IS NULL", [.id(id), .time(now)])
  }

  package func spend(_ id: String, for account: AccountID) throws -> Bool {
    try changes(
      "INSERT INTO spent (id, account_id, at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
      [.text(id), .id(account), .time(now)])
  }

  package func spent(_ id: String) throws -> Timestamp? {
    try connection.query("SELECT at FROM spent WHERE id = $1", [.text(id)]).first.map { try $0.time(0) }
  }

  package func forgetSpent(before time: Timestamp) throws {
    _ = try connection.execute("DELETE FROM spent WHERE at < $1", [.time(time)])
  }
}

extension StoredCode {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), account: try row.id(1), serial: try row.text(2),
      hash: SealedHash(sealed: try row.blob(3)), createdAt: try row.time(4),
      ending: row.isNull(5) ? nil : try row.named(5), endedAt: try row.optionalTime(6),
      checkedAt: try row.optionalTime(7))
  }
}
