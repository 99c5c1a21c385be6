import SparekeyCore

extension SQLTransaction {
  // MARK: app sessions

  package func appSession(of session: SessionID, in client: ClientID) throws -> AppSession? {
    try connection.query(
      """
      SELECT id, client_id, account_id, session_id, created_at, ended_at FROM app_sessions
      WHERE session_id = $1 AND client_id = $2 AND ended_at IS NULL
      """, [.id(session), .id(client)]
    ).first.map { try AppSession($0, from: 0) }
  }

  package func insert(_ appSession: AppSession) throws {
    _ = try connection.execute(
      """
      INSERT INTO app_sessions (id, client_id, account_id, session_id, created_at, ended_at)
      VALUES ($1, $2, $3, $4, $5, $6)
      """,
      [
        .id(appSession.id), .id(appSession.client), .id(appSession.account), .id(appSession.session),
        .time(appSession.createdAt), .time(appSession.endedAt),
      ])
  }

  package func endAppSessions(of account: AccountID, in client: ClientID, at now: Timestamp) throws {
    _ = try connection.execute(
      """
      UPDATE app_sessions SET ended_at = $3, due_at = $3
      WHERE account_id = $1 AND client_id = $2 AND ended_at IS NULL
      """, [.id(account), .id(client), .time(now)])
  }

  package func leaseEndedAppSession(until lease: Timestamp, at now: Timestamp) throws -> (
    appSession: AppSession, attempts: Int
  )? {
    try connection.query(
      """
      UPDATE app_sessions SET due_at = $2, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM app_sessions WHERE ended_at IS NOT NULL AND due_at <= $1 ORDER BY due_at, id LIMIT 1)
      AND due_at <= $1
      RETURNING id, client_id, account_id, session_id, created_at, ended_at, attempts
      """, [.time(now), .time(lease)]
    ).first.map { (try AppSession($0, from: 0), Int(try $0.integer(6))) }
  }

  package func postponeEndedAppSession(_ id: AppSessionID, until time: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE app_sessions SET due_at = $2 WHERE id = $1", [.id(id), .time(time)])
  }

  package func forgetAppSession(_ id: AppSessionID) throws {
    _ = try connection.execute(
      """
      DELETE FROM access_tokens
      WHERE authorization_id IN (SELECT id FROM authorizations WHERE app_session_id = $1)
      """, [.id(id)])
    _ = try connection.execute("DELETE FROM authorizations WHERE app_session_id = $1", [.id(id)])
    _ = try connection.execute("DELETE FROM app_sessions WHERE id = $1", [.id(id)])
  }

  // MARK: authorizations

  package func insert(_ authorization: Authorization, codeDigest: [UInt8]) throws {
    _ = try connection.execute(
      """
      INSERT INTO authorizations (id, app_session_id, code_digest, redirect_uri, challenge, nonce, scopes,
        authentication, created_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
      """,
      [
        .id(authorization.id), .id(authorization.appSession.id), .blob(codeDigest),
        .text(authorization.redirectURI), .text(authorization.challenge),
        authorization.nonce.map { .text($0) } ?? .null, .text(Scope.text(authorization.scopes)),
        try .json(authorization.authentication), .time(authorization.createdAt),
      ])
  }

  package func authorization(codeDigest: [UInt8]) throws -> Authorization? {
    try connection.query(
      """
      SELECT z.id, z.redirect_uri, z.challenge, z.nonce, z.scopes, z.authentication, z.created_at, z.redeemed_at,
        z.refresh_digest, z.ended_at,
        s.id, s.client_id, s.account_id, s.session_id, s.created_at, s.ended_at
      FROM authorizations z JOIN app_sessions s ON s.id = z.app_session_id WHERE z.code_digest = $1
      """, [.blob(codeDigest)]
    ).first.map(Authorization.init)
  }

  package func authorization(_ id: AuthorizationID) throws -> Authorization? {
    try connection.query(
      """
      SELECT z.id, z.redirect_uri, z.challenge, z.nonce, z.scopes, z.authentication, z.created_at, z.redeemed_at,
        z.refresh_digest, z.ended_at,
        s.id, s.client_id, s.account_id, s.session_id, s.created_at, s.ended_at
      FROM authorizations z JOIN app_sessions s ON s.id = z.app_session_id WHERE z.id = $1
      """, [.id(id)]
    ).first.map(Authorization.init)
  }

  package func redeem(_ id: AuthorizationID, refreshDigest: [UInt8]?, at now: Timestamp) throws -> Bool {
    try changes(
      "UPDATE authorizations SET redeemed_at = $2, refresh_digest = $3 WHERE id = $1 AND redeemed_at IS NULL",
      [.id(id), .time(now), refreshDigest.map { .blob($0) } ?? .null])
  }

  package func rotateRefresh(of id: AuthorizationID, from old: [UInt8], to new: [UInt8]) throws -> Bool {
    try changes(
      "UPDATE authorizations SET refresh_digest = $3 WHERE id = $1 AND refresh_digest = $2 AND ended_at IS NULL",
      [.id(id), .blob(old), .blob(new)])
  }

  package func endAuthorization(_ id: AuthorizationID, at now: Timestamp) throws {
    _ = try connection.execute("DELETE FROM access_tokens WHERE authorization_id = $1", [.id(id)])
    _ = try connection.execute(
      "UPDATE authorizations SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL", [.id(id), .time(now)])
  }

  package func insertAccessToken(_ digest: [UInt8], of id: AuthorizationID, expiresAt: Timestamp) throws {
    _ = try connection.execute(
      "INSERT INTO access_tokens (digest, authorization_id, expires_at) VALUES ($1, $2, $3)",
      [.blob(digest), .id(id), .time(expiresAt)])
  }

  package func accessToken(_ digest: [UInt8]) throws -> (authorization: Authorization, expiresAt: Timestamp)?
  {
    let rows = try connection.query(
      "SELECT authorization_id, expires_at FROM access_tokens WHERE digest = $1", [.blob(digest)])
    guard let row = rows.first, let authorization = try authorization(row.id(0)) else { return nil }
    return (authorization, try row.time(1))
  }

  package func removeAccessToken(_ digest: [UInt8]) throws {
    _ = try connection.execute("DELETE FROM access_tokens WHERE digest = $1", [.blob(digest)])
  }

  package func forgetAuthorizations(before time: Timestamp) throws {
    _ = try connection.execute("DELETE FROM access_tokens WHERE expires_at < $1", [.time(time)])
    // Those with a refresh token stay as long as their app session, so that a used one is known again.
    _ = try connection.execute(
      """
      DELETE FROM authorizations WHERE created_at < $1 AND (refresh_digest IS NULL OR ended_at IS NOT NULL)
      AND id NOT IN (SELECT authorization_id FROM access_tokens)
      """, [.time(time)])
  }
}

extension AppSession {
  fileprivate init(_ row: SQLRow, from first: Int) throws {
    self.init(
      id: try row.id(first), client: try row.id(first + 1), account: try row.id(first + 2),
      session: try row.id(first + 3), createdAt: try row.time(first + 4),
      endedAt: try row.optionalTime(first + 5))
  }
}

extension Authorization {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), appSession: try AppSession(row, from: 10), redirectURI: try row.text(1),
      challenge: try row.text(2), nonce: row.isNull(3) ? nil : try row.text(3),
      scopes: Scope.read(try row.text(4)), authentication: try row.json(5), createdAt: try row.time(6),
      redeemedAt: try row.optionalTime(7), refreshDigest: row.isNull(8) ? nil : try row.blob(8),
      endedAt: try row.optionalTime(9))
  }
}
