import SparekeyCore

extension SQLTransaction {
  // MARK: authenticator apps

  package func insert(_ app: AuthenticatorApp) throws {
    _ = try connection.execute(
      """
      INSERT INTO authenticator_apps (id, account_id, name, secret, added_at, confirmed_at, last_used_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7)
      """,
      [
        .id(app.id), .id(app.account), .text(app.name), .blob(app.sealedSecret), .time(app.addedAt),
        .time(app.confirmedAt), .time(app.lastUsedAt),
      ])
  }

  package func authenticatorApps(of account: AccountID) throws -> [AuthenticatorApp] {
    try connection.query(
      """
      SELECT id, account_id, name, secret, added_at, confirmed_at, last_used_at
      FROM authenticator_apps WHERE account_id = $1 AND removed_at IS NULL ORDER BY added_at, id
      """, [.id(account)]
    ).map { row in
      AuthenticatorApp(
        id: try row.id(0), account: try row.id(1), name: try row.text(2), sealedSecret: try row.blob(3),
        addedAt: try row.time(4), confirmedAt: try row.optionalTime(5), lastUsedAt: try row.optionalTime(6))
    }
  }

  package func useStep(_ step: Int64, of app: AuthenticatorAppID, at now: Timestamp) throws -> Bool {
    try changes(
      """
      UPDATE authenticator_apps SET last_step = $2, last_used_at = $3
      WHERE id = $1 AND last_step < $2 AND removed_at IS NULL
      """, [.id(app), .integer(step), .time(now)])
  }

  package func confirmApp(_ app: AuthenticatorAppID, at now: Timestamp) throws -> Bool {
    try changes(
      "UPDATE authenticator_apps SET confirmed_at = $2 WHERE id = $1 AND confirmed_at IS NULL AND removed_at IS NULL",
      [.id(app), .time(now)])
  }

  package func removeApp(_ app: AuthenticatorAppID, of account: AccountID, at now: Timestamp) throws -> Bool {
    try changes(
      "UPDATE authenticator_apps SET removed_at = $3 WHERE id = $1 AND account_id = $2 AND removed_at IS NULL",
      [.id(app), .id(account), .time(now)])
  }

  // MARK: passkeys

  package func insert(_ passkey: Passkey) throws -> Bool {
    try changes(
      """
      INSERT INTO passkeys (id, account_id, name, credential_id, credential, signature_count, added_at, last_used_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING
      """,
      [
        .id(passkey.id), .id(passkey.account), .text(passkey.name), .blob(passkey.credential.id),
        .json(passkey.credential), .integer(Int64(passkey.credential.signatureCount)), .time(passkey.addedAt),
        .time(passkey.lastUsedAt),
      ])
  }

  package func passkeys(of account: AccountID) throws -> [Passkey] {
    try connection.query(
      """
      SELECT id, account_id, name, credential, added_at, last_used_at
      FROM passkeys WHERE account_id = $1 AND removed_at IS NULL ORDER BY added_at, id
      """, [.id(account)]
    ).map(Passkey.init)
  }

  package func passkey(credential id: [UInt8]) throws -> Passkey? {
    try connection.query(
      """
      SELECT id, account_id, name, credential, added_at, last_used_at
      FROM passkeys WHERE credential_id = $1 AND removed_at IS NULL
      """, [.blob(id)]
    ).first.map(Passkey.init)
  }

  package func use(
    _ passkey: PasskeyID, counter before: UInt32, to credential: PasskeyCredential, at now: Timestamp
  ) throws -> Bool {
    try changes(
      """
      UPDATE passkeys SET signature_count = $3, credential = $4, last_used_at = $5
      WHERE id = $1 AND signature_count = $2 AND removed_at IS NULL
      """,
      [
        .id(passkey), .integer(Int64(before)), .integer(Int64(credential.signatureCount)), .json(credential),
        .time(now),
      ])
  }

  package func removePasskey(_ passkey: PasskeyID, of account: AccountID, at now: Timestamp) throws -> Bool {
    try changes(
      "UPDATE passkeys SET removed_at = $3 WHERE id = $1 AND account_id = $2 AND removed_at IS NULL",
      [.id(passkey), .id(account), .time(now)])
  }
}

extension Passkey {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), account: try row.id(1), name: try row.text(2), credential: try row.json(3),
      addedAt: try row.time(4), lastUsedAt: try row.optionalTime(5))
  }
}
