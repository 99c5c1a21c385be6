import FoundationEssentials
import SparekeyCore

/// Schema steps, oldest first; each is one transaction, none is ever changed or undone. (A database made by a newer
/// program is refused.)
enum Migrations {
  static let sqlite: [String] = [
    String(decoding: PackageResources.v0001_accounts_sql, as: UTF8.self),
    String(decoding: PackageResources.v0002_two_step_and_holds_sql, as: UTF8.self),
    String(decoding: PackageResources.v0003_closing_accounts_sql, as: UTF8.self),
    String(decoding: PackageResources.v0004_support_sql, as: UTF8.self),
    String(decoding: PackageResources.v0005_apps_sql, as: UTF8.self),
    String(decoding: PackageResources.v0006_idempotency_sql, as: UTF8.self),
    String(decoding: PackageResources.v0007_operators_sql, as: UTF8.self),
    String(decoding: PackageResources.v0008_counting_from_the_first_try_sql, as: UTF8.self),
  ]

  /// - Throws: `StoreProblem.newerSchema`.
  static func checkKnown(_ version: Int) throws {
    guard version <= sqlite.count else {
      throw StoreProblem.newerSchema(found: version, known: sqlite.count)
    }
  }

  /// Brings the schema up to date. A database of an older version is copied beside itself first (O8).
  static func run(on writer: SQLiteConnection, at path: String) throws {
    let found = try writer.integer("PRAGMA user_version")
    try checkKnown(found)
    if 0 < found, found < sqlite.count {
      let copy = "\(path).schema-\(found)"
      if !FileManager.default.fileExists(atPath: copy) {
        // Under another name until it is whole: a full disk, or a kill, leaves nothing that looks like a copy.
        let part = "\(copy).part-\(UUID())"
        defer { try? FileManager.default.removeItem(atPath: part) }
        _ = try writer.execute("VACUUM INTO $1", [.text(part)])
        try SQLiteDatabase.put(part, at: copy)
      }
    }
    for (index, step) in sqlite.enumerated().dropFirst(found) {
      try writer.transaction {
        // Another process may have taken this step since it was looked at.
        guard try writer.integer("PRAGMA user_version") == index else { return }
        try writer.run(step)
        try writer.run("PRAGMA user_version = \(index + 1)")
      }
    }
  }
}
