import SparekeyCore

extension SQLTransaction {
  package func insert(_ client: Client) throws {
    _ = try connection.execute(
      """
      INSERT INTO clients (id, name, kind, secret_digest, redirect_uris, post_logout_uris, back_channel_logout_uri,
        algorithm, created_at, origin)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      """,
      [
        .id(client.id), .text(client.name), .text(client.kind.rawValue),
        client.secretDigest.map { .blob($0) } ?? .null, try .json(client.redirectURIs),
        try .json(client.postLogoutURIs), client.backChannelLogoutURI.map { .text($0) } ?? .null,
        .text(client.algorithm.rawValue), .time(client.createdAt), .text(client.origin.rawValue),
      ])
  }

  package func replace(_ client: Client) throws -> Bool {
    try changes(
      """
      UPDATE clients SET name = $2, kind = $3, secret_digest = $4, redirect_uris = $5, post_logout_uris = $6,
        back_channel_logout_uri = $7, algorithm = $8, origin = $9
      WHERE id = $1
      """,
      [
        .id(client.id), .text(client.name), .text(client.kind.rawValue),
        client.secretDigest.map { .blob($0) } ?? .null, try .json(client.redirectURIs),
        try .json(client.postLogoutURIs), client.backChannelLogoutURI.map { .text($0) } ?? .null,
        .text(client.algorithm.rawValue), .text(client.origin.rawValue),
      ])
  }

  package func client(_ id: ClientID) throws -> Client? {
    try connection.query(
      """
      SELECT id, name, kind, secret_digest, redirect_uris, post_logout_uris, back_channel_logout_uri, algorithm,
        created_at, origin
      FROM clients WHERE id = $1
      """, [.id(id)]
    ).first.map(Client.init)
  }

  package func clients() throws -> [Client] {
    try connection.query(
      """
      SELECT id, name, kind, secret_digest, redirect_uris, post_logout_uris, back_channel_logout_uri, algorithm,
        created_at, origin
      FROM clients ORDER BY name, id
      """, []
    ).map(Client.init)
  }

  package func deleteClient(_ id: ClientID) throws -> Bool {
    _ = try connection.execute(
      """
      DELETE FROM access_tokens WHERE authorization_id IN (
        SELECT z.id FROM authorizations z JOIN app_sessions s ON s.id = z.app_session_id WHERE s.client_id = $1)
      """, [.id(id)])
    _ = try connection.execute(
      "DELETE FROM authorizations WHERE app_session_id IN (SELECT id FROM app_sessions WHERE client_id = $1)",
      [.id(id)])
    _ = try connection.execute("DELETE FROM app_sessions WHERE client_id = $1", [.id(id)])
    try removeGrants(to: id)
    return try changes("DELETE FROM clients WHERE id = $1", [.id(id)])
  }

  // MARK: what was allowed

  package func grant(of account: AccountID, to client: ClientID) throws -> Grant? {
    try connection.query(
      """
      SELECT account_id, client_id, scopes, granted_at, last_used_at FROM app_grants
      WHERE account_id = $1 AND client_id = $2
      """, [.id(account), .id(client)]
    ).first.map(Grant.init)
  }

  package func grants(of account: AccountID) throws -> [Grant] {
    try connection.query(
      """
      SELECT account_id, client_id, scopes, granted_at, last_used_at FROM app_grants
      WHERE account_id = $1 ORDER BY last_used_at DESC, client_id
      """, [.id(account)]
    ).map(Grant.init)
  }

  package func put(_ grant: Grant) throws {
    _ = try connection.execute(
      """
      INSERT INTO app_grants (account_id, client_id, scopes, granted_at, last_used_at)
      VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (account_id, client_id) DO UPDATE SET scopes = $3, last_used_at = $5
      """,
      [
        .id(grant.account), .id(grant.client), .text(Scope.text(grant.scopes)), .time(grant.grantedAt),
        .time(grant.lastUsedAt),
      ])
  }

  package func removeGrants(to client: ClientID) throws {
    _ = try connection.execute("DELETE FROM app_grants WHERE client_id = $1", [.id(client)])
  }

  package func removeGrant(of account: AccountID, to client: ClientID) throws -> Bool {
    try changes(
      "DELETE FROM app_grants WHERE account_id = $1 AND client_id = $2", [.id(account), .id(client)])
  }

  // MARK: signing keys

  package func signingKeys() throws -> [StoredSigningKey] {
    try connection.query(
      "SELECT id, algorithm, number, sealed, created_at, used_from FROM signing_keys ORDER BY created_at, id",
      []
    ).map { row in
      StoredSigningKey(
        id: try row.id(0), algorithm: try row.named(1), number: Int(try row.integer(2)),
        sealed: try row.blob(3), createdAt: try row.time(4), usedFrom: try row.time(5))
    }
  }

  package func insert(_ key: StoredSigningKey) throws -> Bool {
    try changes(
      """
      INSERT INTO signing_keys (id, algorithm, number, sealed, created_at, used_from)
      VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (algorithm, number) DO NOTHING
      """,
      [
        .id(key.id), .text(key.algorithm.rawValue), .integer(Int64(key.number)), .blob(key.sealed),
        .time(key.createdAt), .time(key.usedFrom),
      ])
  }

  package func deleteSigningKey(_ id: SigningKeyID) throws {
    _ = try connection.execute("DELETE FROM signing_keys WHERE id = $1", [.id(id)])
  }
}

extension Client {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), name: try row.text(1), kind: try row.named(2),
      secretDigest: row.isNull(3) ? nil : try row.blob(3), redirectURIs: try row.json(4),
      postLogoutURIs: try row.json(5), backChannelLogoutURI: row.isNull(6) ? nil : try row.text(6),
      algorithm: try row.named(7), createdAt: try row.time(8), origin: try row.named(9))
  }
}

extension Grant {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      account: try row.id(0), client: try row.id(1), scopes: Scope.read(try row.text(2)),
      grantedAt: try row.time(3), lastUsedAt: try row.time(4))
  }
}
