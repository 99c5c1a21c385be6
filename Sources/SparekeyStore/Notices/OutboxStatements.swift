import SparekeyCore

extension SQLTransaction {
  package func enqueue(_ id: String, sealedBody: [UInt8]) throws {
    _ = try connection.execute(
      "INSERT INTO outbox (id, body, created_at, due_at, attempts) VALUES ($1, $2, $3, $3, 0)",
      [.text(id), .blob(sealedBody), .time(now)])
  }

  package func leaseOutbox(limit: Int, until lease: Timestamp, at now: Timestamp) throws -> [OutboxMessage] {
    try connection.query(
      """
      UPDATE outbox SET due_at = $2, attempts = attempts + 1
      WHERE id IN (
        SELECT id FROM outbox WHERE delivered_at IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $3)
      AND delivered_at IS NULL AND due_at <= $1
      RETURNING id, body, attempts
      """, [.time(now), .time(lease), .integer(Int64(limit))]
    ).map { row in
      OutboxMessage(id: try row.text(0), sealedBody: try row.blob(1), attempts: Int(try row.integer(2)))
    }
  }

  package func delivered(_ id: String, at now: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE outbox SET delivered_at = $2, body = NULL WHERE id = $1", [.text(id), .time(now)])
  }

  package func postpone(_ id: String, until time: Timestamp) throws {
    _ = try connection.execute("UPDATE outbox SET due_at = $2 WHERE id = $1", [.text(id), .time(time)])
  }

  package func giveUp(_ id: String) throws {
    _ = try connection.execute("DELETE FROM outbox WHERE id = $1", [.text(id)])
  }

  package func forgetDelivered(before time: Timestamp) throws {
    _ = try connection.execute("DELETE FROM outbox WHERE delivered_at < $1", [.time(time)])
  }
}
