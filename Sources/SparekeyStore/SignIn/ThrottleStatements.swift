import SparekeyCore

extension SQLTransaction {
  package func raise(_ bucket: [UInt8], at now: Timestamp, forgetBefore: Timestamp) throws -> Int? {
    try connection.query(
      """
      INSERT INTO throttle (bucket, tries, last_at, blocked_until) VALUES ($1, 1, $2, 0)
      ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN throttle.last_at < $3 THEN 1 ELSE throttle.tries + 1 END,
        last_at = $2
      WHERE throttle.blocked_until <= $2
      RETURNING tries
      """, [.blob(bucket), .time(now), .time(forgetBefore)]
    ).first.map { Int(try $0.integer(0)) }
  }

  package func block(_ bucket: [UInt8], until time: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE throttle SET blocked_until = $2 WHERE bucket = $1", [.blob(bucket), .time(time)])
  }

  package func blockedUntil(_ bucket: [UInt8]) throws -> Timestamp? {
    try connection.query("SELECT blocked_until FROM throttle WHERE bucket = $1", [.blob(bucket)])
      .first.map { try $0.time(0) }
  }

  package func clear(_ bucket: [UInt8]) throws {
    _ = try connection.execute("DELETE FROM throttle WHERE bucket = $1", [.blob(bucket)])
  }

  package func forgetThrottles(before time: Timestamp) throws {
    _ = try connection.execute(
      "DELETE FROM throttle WHERE last_at < $1 AND blocked_until < $1", [.time(time)])
  }
}
