import SparekeyCore

/// Where the values of a sealed column lie, and how one is replaced by another while nobody else changed it.
package struct SealedPlace: Sendable {
  /// `table.column`
  package let name: String
  /// After `$1` and `$2`, at most `$3`: id, number, owner, bytes.
  let select: StaticString
  /// `$1` and `$2` are the place, `$3` the bytes as they were, `$4` the new ones. Nil for what is immutable.
  let update: StaticString?
}

extension SealedColumn {
  package var place: SealedPlace {
    switch self {
    case .password:
      SealedPlace(
        name: "accounts.password",
        select: "SELECT id, $2, '', password FROM accounts WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE accounts SET password = $4 WHERE id = $1 AND $2 = 0 AND password = $3")
    case .recoveryCode:
      SealedPlace(
        name: "recovery_codes.hash",
        select: "SELECT id, $2, account_id, hash FROM recovery_codes WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE recovery_codes SET hash = $4 WHERE id = $1 AND $2 = 0 AND hash = $3")
    case .contact:
      SealedPlace(
        name: "contacts.address",
        select: "SELECT id, $2, account_id, address FROM contacts WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE contacts SET address = $4 WHERE id = $1 AND $2 = 0 AND address = $3")
    case .authenticatorApp:
      SealedPlace(
        name: "authenticator_apps.secret",
        select:
          "SELECT id, $2, account_id, secret FROM authenticator_apps WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE authenticator_apps SET secret = $4 WHERE id = $1 AND $2 = 0 AND secret = $3")
    case .history:
      SealedPlace(
        name: "security_history.state_before",
        select: """
          SELECT account_id, number, '', state_before FROM security_history
          WHERE state_before IS NOT NULL AND (account_id, number) > ($1, $2) ORDER BY account_id, number LIMIT $3
          """,
        update: """
          UPDATE security_history SET state_before = $4 WHERE account_id = $1 AND number = $2 AND state_before = $3
          """)
    case .outbox:
      SealedPlace(
        name: "outbox.body",
        select: "SELECT id, $2, '', body FROM outbox WHERE id > $1 AND body IS NOT NULL ORDER BY id LIMIT $3",
        update: "UPDATE outbox SET body = $4 WHERE id = $1 AND $2 = 0 AND body = $3")
    case .caseContent:
      SealedPlace(
        name: "cases.content",
        select: "SELECT id, $2, '', content FROM cases WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE cases SET content = $4 WHERE id = $1 AND $2 = 0 AND content = $3")
    case .caseMessage:
      SealedPlace(
        name: "case_messages.body",
        select: """
          SELECT case_id, number, '', body FROM case_messages
          WHERE (case_id, number) > ($1, $2) ORDER BY case_id, number LIMIT $3
          """,
        update: "UPDATE case_messages SET body = $4 WHERE case_id = $1 AND number = $2 AND body = $3")
    case .signingKey:
      SealedPlace(
        name: "signing_keys.sealed",
        select: "SELECT id, $2, '', sealed FROM signing_keys WHERE id > $1 ORDER BY id LIMIT $3",
        update: "UPDATE signing_keys SET sealed = $4 WHERE id = $1 AND $2 = 0 AND sealed = $3")
    case .holdRequest:
      SealedPlace(
        name: "hold_requests.reason",
        select: "SELECT id, $2, '', reason FROM hold_requests WHERE id > $1 ORDER BY id LIMIT $3",
        update: nil)
    }
  }
}

extension SQLTransaction {
  package func sealedValues(in column: SealedColumn, after place: SealedValue.Place, limit: Int) throws
    -> [SealedValue]
  {
    try connection.query(
      column.place.select, [.text(place.id), .integer(place.number), .integer(Int64(limit))]
    ).map { row in
      SealedValue(
        place: SealedValue.Place(id: try row.text(0), number: try row.integer(1)), owner: try row.text(2),
        bytes: try row.blob(3))
    }
  }

  package func reseal(_ value: SealedValue, in column: SealedColumn, as bytes: [UInt8]) throws -> Bool {
    guard let update = column.place.update else { return false }
    return try changes(
      update, [.text(value.place.id), .integer(value.place.number), .blob(value.bytes), .blob(bytes)])
  }

  package func tokenDigests(after session: SessionID, limit: Int) throws -> [(
    session: SessionID, digest: [UInt8]
  )] {
    try connection.query(
      "SELECT id, token_digest FROM sessions WHERE id > $1 ORDER BY id LIMIT $2",
      [.id(session), .integer(Int64(limit))]
    ).map { (session: try $0.id(0), digest: try $0.blob(1)) }
  }

  package func redigest(_ session: SessionID, from old: [UInt8], to new: [UInt8]) throws -> Bool {
    try changes(
      "UPDATE sessions SET token_digest = $3 WHERE id = $1 AND token_digest = $2",
      [.id(session), .blob(old), .blob(new)])
  }

  package func holdsWithParked() throws -> [HoldID] {
    try connection.query(
      """
      SELECT id FROM holds WHERE ended_at IS NULL OR (state = 'completed' AND ticket_used = 0) ORDER BY id
      """, []
    ).map { try $0.id(0) }
  }
}
