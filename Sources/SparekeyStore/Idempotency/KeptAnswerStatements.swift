import SparekeyCore

extension SQLTransaction {
  package func keep(_ answer: KeptAnswer, unlessSince time: Timestamp) throws -> Bool {
    try changes(
      """
      INSERT INTO kept_answers (id, request, answer, is_secret, at) VALUES ($1, $2, $3, $4, $5)
      ON CONFLICT (id) DO UPDATE SET request = $2, answer = $3, is_secret = $4, at = $5
      WHERE kept_answers.at < $6
      """,
      [
        .blob(answer.id), .blob(answer.request), answer.sealed.map { .blob($0) } ?? .null,
        .flag(answer.isSecret), .time(answer.at), .time(time),
      ])
  }

  package func keptAnswer(_ id: [UInt8]) throws -> KeptAnswer? {
    try connection.query(
      "SELECT id, request, answer, is_secret, at FROM kept_answers WHERE id = $1", [.blob(id)]
    ).first.map { row in
      KeptAnswer(
        id: try row.blob(0), request: try row.blob(1), sealed: row.isNull(2) ? nil : try row.blob(2),
        isSecret: try row.flag(3), at: try row.time(4))
    }
  }

  package func forgetAnswers(before time: Timestamp, secretsBefore secretTime: Timestamp) throws {
    _ = try connection.execute("DELETE FROM kept_answers WHERE at < $1", [.time(time)])
    _ = try connection.execute(
      "UPDATE kept_answers SET answer = NULL WHERE is_secret = 1 AND answer IS NOT NULL AND at < $1",
      [.time(secretTime)])
  }
}
