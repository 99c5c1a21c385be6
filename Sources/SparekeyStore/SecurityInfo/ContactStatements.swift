import SparekeyCore

extension SQLTransaction {
  package func insert(_ contact: Contact, sealedAddress: [UInt8], addressDigest: [UInt8]) throws {
    _ = try connection.execute(
      """
      INSERT INTO contacts (id, account_id, kind, address, address_digest, added_at, from_sign_up, confirmed_at)
      VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
      """,
      [
        .id(contact.id), .id(contact.account), .text(contact.kind.rawValue), .blob(sealedAddress),
        .blob(addressDigest), .time(contact.addedAt), .flag(contact.fromSignUp), .time(contact.confirmedAt),
      ])
  }

  package func contacts(of account: AccountID) throws -> [StoredContact] {
    try connection.query(
      """
      SELECT id, account_id, kind, address, added_at, confirmed_at, from_sign_up
      FROM contacts WHERE account_id = $1 AND removed_at IS NULL ORDER BY added_at, id
      """, [.id(account)]
    ).map(StoredContact.init)
  }

  package func removedContacts(of account: AccountID, since time: Timestamp) throws -> [StoredContact] {
    try connection.query(
      """
      SELECT id, account_id, kind, address, added_at, confirmed_at, from_sign_up
      FROM contacts WHERE account_id = $1 AND removed_at >= $2 AND confirmed_at IS NOT NULL ORDER BY added_at, id
      """, [.id(account), .time(time)]
    ).map(StoredContact.init)
  }

  package func confirmedContacts(
    addressDigest: [UInt8], limit: Int
  ) throws -> [(contact: StoredContact, username: String)] {
    try connection.query(
      """
      SELECT c.id, c.account_id, c.kind, c.address, c.added_at, c.confirmed_at, c.from_sign_up, a.username
      FROM contacts c JOIN accounts a ON a.id = c.account_id
      WHERE c.address_digest = $1 AND c.confirmed_at IS NOT NULL AND c.removed_at IS NULL AND a.closed_at IS NULL
      ORDER BY a.created_at, a.id LIMIT $2
      """, [.blob(addressDigest), .integer(Int64(limit))]
    ).map { (try StoredContact($0), try $0.text(7)) }
  }

  package func setConfirmation(_ confirmation: Confirmation, of contact: ContactID) throws {
    _ = try connection.execute(
      """
      UPDATE contacts SET confirmation = $2, confirmation_expires_at = $3, confirmation_tries = 0
      WHERE id = $1 AND confirmed_at IS NULL AND removed_at IS NULL
      """, [.id(contact), .blob(confirmation.digest), .time(confirmation.expiresAt)])
  }

  package func tryConfirmation(of contact: ContactID, at now: Timestamp) throws -> [UInt8]? {
    try connection.query(
      """
      UPDATE contacts SET confirmation_tries = confirmation_tries + 1
      WHERE id = $1 AND confirmation IS NOT NULL AND confirmed_at IS NULL AND removed_at IS NULL
        AND confirmation_tries < $2 AND confirmation_expires_at > $3
      RETURNING confirmation
      """, [.id(contact), .integer(Int64(Confirmation.tries)), .time(now)]
    ).first.map { try $0.blob(0) }
  }

  package func confirm(_ contact: ContactID, at now: Timestamp) throws -> Bool {
    try changes(
      """
      UPDATE contacts SET confirmed_at = $2, confirmation = NULL
      WHERE id = $1 AND confirmed_at IS NULL AND removed_at IS NULL AND confirmation IS NOT NULL
      """, [.id(contact), .time(now)])
  }

  package func removeContact(_ contact: ContactID, of account: AccountID, at now: Timestamp) throws -> Bool {
    try changes(
      """
      UPDATE contacts SET removed_at = $3, confirmation = NULL
      WHERE id = $1 AND account_id = $2 AND removed_at IS NULL
      """, [.id(contact), .id(account), .time(now)])
  }
}

extension StoredContact {
  fileprivate init(_ row: SQLRow) throws {
    self.init(
      id: try row.id(0), account: try row.id(1), kind: try row.named(2), sealedAddress: try row.blob(3),
      addedAt: try row.time(4), confirmedAt: try row.optionalTime(5), fromSignUp: try row.flag(6))
  }
}
