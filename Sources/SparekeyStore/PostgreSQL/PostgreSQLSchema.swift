import SparekeyCore

/// The schema steps on PostgreSQL. Their text is SQLite's, put into PostgreSQL's words; each is one transaction, and
/// of several nodes that start at once one takes it.
extension Migrations {
  static let postgresql: [String] = sqlite.enumerated().map { index, step in
    (index == 0 ? String(decoding: PackageResources.engine_sql, as: UTF8.self) : "") + inPostgreSQL(step)
  }

  /// Types, and triggers that refuse; all else is the same on both engines.
  static func inPostgreSQL(_ step: String) -> String {
    let refusal =
      #/
      (?<trigger> CREATE\ TRIGGER\ \w+ [^;]*? \ ON\ \w+) (\s+ WHEN\ (?<condition> [^;]*?))?
      \s+ BEGIN \s+ SELECT\ RAISE\(ABORT,\ (?<reason> '[^';]*')\); \s* END;
      /#
    return step.replacing(") STRICT;", with: ");")
      .replacing(#/\bBLOB\b/#, with: "BYTEA").replacing(#/\bINTEGER\b/#, with: "BIGINT")
      .replacing(refusal) { found in
        let condition = found.condition.map { " WHEN (\($0))" } ?? ""
        return "\(found.trigger) FOR EACH ROW\(condition) EXECUTE FUNCTION sparekey_refuse(\(found.reason));"
      }
  }

  /// The version of the schema; 0 in a database without one.
  static func version(on connection: PostgreSQLConnection, until deadline: Deadline) throws -> Int {
    let tables = try connection.run(
      """
      SELECT COUNT(*) FROM information_schema.tables
      WHERE table_name = 'sparekey_schema' AND table_schema = current_schema()
      """, until: deadline)
    guard tables.text != "0" else { return 0 }
    return try number(connection.run("SELECT version FROM sparekey_schema WHERE id = 1", until: deadline))
  }

  /// Brings the schema up to date.
  static func run(on connection: PostgreSQLConnection, until deadline: Deadline) throws {
    if try version(on: connection, until: deadline) == 0 {
      _ = try connection.run(
        """
        CREATE TABLE IF NOT EXISTS sparekey_schema (id BIGINT PRIMARY KEY, version BIGINT NOT NULL, keys BYTEA)
        """, until: deadline)
      _ = try connection.run(
        "INSERT INTO sparekey_schema (id, version) VALUES (1, 0) ON CONFLICT DO NOTHING", until: deadline)
    }
    while true {
      let found = try version(on: connection, until: deadline)
      guard found <= postgresql.count else {
        throw StoreProblem.newerSchema(found: found, known: postgresql.count)
      }
      guard found < postgresql.count else { return }
      _ = try connection.run("BEGIN", until: deadline)
      // Whoever comes second waits here, and finds the step taken.
      let now = try number(
        connection.run("SELECT version FROM sparekey_schema WHERE id = 1 FOR UPDATE", until: deadline))
      if now == found {
        _ = try connection.run(postgresql[found], until: deadline)
        _ = try connection.run(
          "UPDATE sparekey_schema SET version = \(found + 1) WHERE id = 1", until: deadline)
      }
      _ = try connection.run("COMMIT", until: deadline)
    }
  }

  /// Binds a new database to the key file; an old one knows its own.
  /// - Throws: `StoreProblem.otherKeys`.
  static func claim(
    for fingerprint: [UInt8], on connection: PostgreSQLConnection, until deadline: Deadline
  ) throws {
    _ = try connection.run(
      "UPDATE sparekey_schema SET keys = $1 WHERE id = 1 AND keys IS NULL", [.blob(fingerprint)],
      until: deadline)
    let kept = try connection.run(
      "SELECT keys FROM sparekey_schema WHERE id = $1", [.integer(1)], until: deadline)
    guard try kept.rows().first?.blob(0) == fingerprint else { throw StoreProblem.otherKeys }
  }

  private static func number(_ result: PostgreSQLResult) -> Int { result.text.flatMap { Int($0) } ?? 0 }
}
