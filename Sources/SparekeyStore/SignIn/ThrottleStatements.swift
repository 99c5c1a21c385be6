import SparekeyCore

extension SQLTransaction {
  package func raise(_ bucket: [UInt8], at now: Timestamp, forgetBefore: Timestamp) throws -> ThrottleCount? {
    try connection.query(
      """
      INSERT INTO throttle (bucket, tries, since, blocked_until) VALUES ($1, 1, $2, 0)
      ON CONFLICT (bucket) DO UPDATE SET
        tries = CASE WHEN throttle.since <= $3 THEN 1 ELSE throttle.tries + 1 END,
        since = CASE WHEN throttle.since <= $3 THEN $2 ELSE throttle.since END
      WHERE throttle.blocked_until <= $2
      RETURNING tries, since
      """, [.blob(bucket), .time(now), .time(forgetBefore)]
    ).first.map { ThrottleCount(tries: Int(try $0.integer(0)), since: try $0.time(1)) }
  }

  package func block(_ bucket: [UInt8], until time: Timestamp) throws {
    _ = try connection.execute(
      "UPDATE throttle SET blocked_until = $2 WHERE bucket = $1", [.blob(bucket), .time(time)])
  }

  package func blockedUntil(_ bucket: [UInt8]) throws -> Timestamp? {
    try connection.query("SELECT blocked_until FROM throttle WHERE bucket = $1", [.blob(bucket)])
      .first.map { try $0.time(0) }
  }

  package func takeBack(_ bucket: [UInt8], since: Timestamp, wait end: Timestamp?) throws {
    _ = try connection.execute(
      """
      UPDATE throttle SET tries = tries - 1,
        blocked_until = CASE WHEN blocked_until = $3 THEN 0 ELSE blocked_until END
      WHERE bucket = $1 AND since = $2 AND tries > 0
      """, [.blob(bucket), .time(since), .time(end ?? Timestamp(milliseconds: 0))])
  }

  package func clear(_ bucket: [UInt8]) throws {
    _ = try connection.execute("DELETE FROM throttle WHERE bucket = $1", [.blob(bucket)])
  }

  package func forgetThrottles(before time: Timestamp) throws {
    _ = try connection.execute(
      "DELETE FROM throttle WHERE since < $1 AND blocked_until < $1", [.time(time)])
  }
}
