import SparekeyCore

extension SQLTransaction {
  package func insert(_ token: OperatorToken, digest: [UInt8]) throws -> Bool {
    try changes(
      """
      INSERT INTO operator_tokens (digest, name, scopes, created_at, expires_at, last_used_at)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING
      """,
      [
        .blob(digest), .text(token.name), try .json(token.scopes.sorted()), .time(token.createdAt),
        .time(token.expiresAt), .time(token.lastUsedAt),
      ])
  }

  package func operatorToken(digest: [UInt8]) throws -> OperatorToken? {
    try connection.query(
      "SELECT name, scopes, created_at, expires_at, last_used_at FROM operator_tokens WHERE digest = $1",
      [.blob(digest)]
    ).first.map(OperatorToken.init)
  }

  package func operatorTokens() throws -> [OperatorToken] {
    try connection.query(
      "SELECT name, scopes, created_at, expires_at, last_used_at FROM operator_tokens ORDER BY name", []
    ).map(OperatorToken.init)
  }

  package func setLastUse(ofOperatorToken name: String, to time: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE operator_tokens SET last_used_at = $2 WHERE name = $1", [.text(name), .time(time)])
  }

  package func deleteOperatorToken(_ name: String) throws -> Bool {
    try changes("DELETE FROM operator_tokens WHERE name = $1", [.text(name)])
  }
}

extension OperatorToken {
  fileprivate init(_ row: SQLRow) throws {
    let scopes: [OperatorScope] = try row.json(1)
    self.init(
      name: try row.text(0), scopes: Set(scopes), createdAt: try row.time(2),
      expiresAt: try row.optionalTime(3), lastUsedAt: try row.optionalTime(4))
  }
}
