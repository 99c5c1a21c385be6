import SparekeyCore

extension SQLTransaction {
  package func insert(_ account: Account, named username: Username) throws -> Bool {
    try changes(
      """
      INSERT INTO accounts (id, username, username_canonical, username_skeleton, created_at, version, password,
        password_changed_at, two_step_since, code_salt)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
      ON CONFLICT DO NOTHING
      """,
      [
        .id(account.id), .text(username.display), .text(username.canonical), .text(username.skeleton),
        .time(account.createdAt), .id(account.version), .blob(account.password.bytes),
        .time(account.passwordChangedAt), .time(account.twoStepSince), .blob(account.codeSalt),
      ])
  }

  package func account(_ id: AccountID) throws -> Account? {
    try connection.query(
      """
      SELECT id, username, created_at, version, password, password_changed_at, two_step_since, code_salt,
        password_needs_two_step, frozen_at, frozen_event_at, hold_due_at, closes_at
      FROM accounts WHERE id = $1 AND closed_at IS NULL
      """, [.id(id)]
    ).first.map { try Account($0, from: 0) }
  }

  package func account(canonicalName: String) throws -> Account? {
    try connection.query(
      """
      SELECT id, username, created_at, version, password, password_changed_at, two_step_since, code_salt,
        password_needs_two_step, frozen_at, frozen_event_at, hold_due_at, closes_at
      FROM accounts WHERE username_canonical = $1 AND closed_at IS NULL
      """, [.text(canonicalName)]
    ).first.map { try Account($0, from: 0) }
  }

  package func setPassword(
    _ password: SealedHash, needsTwoStep: Bool, of account: AccountID, changedAt: Timestamp
  ) throws {
    _ = try connection.execute(
      "UPDATE accounts SET password = $2, password_changed_at = $3, password_needs_two_step = $4 WHERE id = $1",
      [.id(account), .blob(password.bytes), .time(changedAt), .flag(needsTwoStep)])
  }

  package func setTwoStep(since: Timestamp?, of account: AccountID) throws {
    _ = try connection.execute(
      "UPDATE accounts SET two_step_since = $2 WHERE id = $1", [.id(account), .time(since)])
  }

  package func setFrozen(_ freeze: Freeze?, of account: AccountID) throws -> Bool {
    guard let freeze else {
      return try changes(
        "UPDATE accounts SET frozen_at = NULL, frozen_event_at = NULL WHERE id = $1 AND frozen_at IS NOT NULL",
        [.id(account)])
    }
    return try changes(
      "UPDATE accounts SET frozen_at = COALESCE(frozen_at, $2), frozen_event_at = $3 WHERE id = $1",
      [.id(account), .time(freeze.at), .time(freeze.eventAt)])
  }

  package func setHoldDue(at time: Timestamp?, of account: AccountID) throws {
    _ = try connection.execute(
      "UPDATE accounts SET hold_due_at = $2 WHERE id = $1", [.id(account), .time(time)])
  }

  package func setClosing(at time: Timestamp?, of account: AccountID) throws -> Bool {
    guard let time else {
      return try changes(
        "UPDATE accounts SET closes_at = NULL WHERE id = $1 AND closes_at IS NOT NULL AND closed_at IS NULL",
        [.id(account)])
    }
    return try changes(
      "UPDATE accounts SET closes_at = $2 WHERE id = $1 AND closed_at IS NULL", [.id(account), .time(time)])
  }

  package func closingsDue(at now: Timestamp, limit: Int) throws -> [AccountID] {
    try connection.query(
      """
      SELECT id FROM accounts
      WHERE closes_at <= $1 AND closed_at IS NULL AND frozen_at IS NULL AND hold_due_at IS NULL
      ORDER BY closes_at LIMIT $2
      """, [.time(now), .integer(Int64(limit))]
    ).map { try $0.id(0) }
  }

  package func erase(_ account: AccountID, at now: Timestamp) throws -> Bool {
    guard
      try changes(
        """
        UPDATE accounts SET closed_at = $2, username = '', password = $3, code_salt = $3, two_step_since = NULL
        WHERE id = $1 AND closes_at <= $2 AND closed_at IS NULL AND frozen_at IS NULL AND hold_due_at IS NULL
        """, [.id(account), .time(now), .blob([])])
    else { return false }
    for statement in Self.erasing { _ = try connection.execute(statement, [.id(account)]) }
    return true
  }

  private static let erasing: [StaticString] = [
    "DELETE FROM sessions WHERE account_id = $1", "DELETE FROM contacts WHERE account_id = $1",
    "DELETE FROM recovery_codes WHERE account_id = $1",
    "DELETE FROM authenticator_apps WHERE account_id = $1",
    "DELETE FROM passkeys WHERE account_id = $1", "DELETE FROM holds WHERE account_id = $1",
    "DELETE FROM security_history WHERE account_id = $1",
    """
    DELETE FROM access_tokens WHERE authorization_id IN (
      SELECT z.id FROM authorizations z JOIN app_sessions s ON s.id = z.app_session_id WHERE s.account_id = $1)
    """,
    "DELETE FROM authorizations WHERE app_session_id IN (SELECT id FROM app_sessions WHERE account_id = $1)",
    "DELETE FROM app_sessions WHERE account_id = $1", "DELETE FROM app_grants WHERE account_id = $1",
  ]

  package func accounts(after id: AccountID?, limit: Int) throws -> [Account] {
    try connection.query(
      """
      SELECT id, username, created_at, version, password, password_changed_at, two_step_since, code_salt,
        password_needs_two_step, frozen_at, frozen_event_at, hold_due_at, closes_at
      FROM accounts WHERE id > $1 AND closed_at IS NULL ORDER BY id LIMIT $2
      """, [.text(id?.text ?? ""), .integer(Int64(limit))]
    ).map { try Account($0, from: 0) }
  }

  package func rehashPassword(of account: AccountID, from old: SealedHash, to new: SealedHash) throws {
    _ = try connection.execute(
      "UPDATE accounts SET password = $3 WHERE id = $1 AND password = $2",
      [.id(account), .blob(old.bytes), .blob(new.bytes)])
  }

  package func advance(_ account: AccountID, from version: VersionID, to next: VersionID) throws -> Bool {
    try changes(
      "UPDATE accounts SET version = $3 WHERE id = $1 AND version = $2",
      [.id(account), .id(version), .id(next)])
  }
}

extension Account {
  /// Reads id, username, created_at, version, password, password_changed_at, two_step_since, code_salt,
  /// password_needs_two_step, frozen_at, frozen_event_at, hold_due_at, closes_at.
  init(_ row: SQLRow, from first: Int) throws {
    let frozenAt = try row.optionalTime(first + 9)
    let eventAt = try row.optionalTime(first + 10)
    self.init(
      id: try row.id(first), username: try row.text(first + 1), createdAt: try row.time(first + 2),
      version: try row.id(first + 3), password: SealedHash(sealed: try row.blob(first + 4)),
      passwordChangedAt: try row.time(first + 5), twoStepSince: try row.optionalTime(first + 6),
      passwordNeedsTwoStep: try row.flag(first + 8),
      frozen: frozenAt.map { Freeze(at: $0, eventAt: eventAt ?? $0) },
      holdDueAt: try row.optionalTime(first + 11), closesAt: try row.optionalTime(first + 12),
      codeSalt: try row.blob(first + 7))
  }
}
