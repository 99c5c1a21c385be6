import Foundation
import GRDB
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
  static func run(on pool: DatabasePool, at path: String) throws {
    try pool.writeWithoutTransaction { database in
      let found = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
      try checkKnown(found)
      if 0 < found, found < sqlite.count {
        let copy = "\(path).schema-\(found)"
        if !FileManager.default.fileExists(atPath: copy) {
          // Under another name until it is whole: a full disk, or a kill, leaves nothing that looks like a copy.
          let part = "\(copy).part-\(UUID())"
          defer { try? FileManager.default.removeItem(atPath: part) }
          try database.execute(sql: "VACUUM INTO ?", arguments: [part])
          try SQLiteDatabase.put(part, at: copy)
        }
      }
      for (index, step) in sqlite.enumerated().dropFirst(found) {
        try database.inTransaction(.immediate) {
          // Another process may have taken this step since it was looked at.
          let now = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
          guard now == index else { return .rollback }
          try database.execute(sql: step)
          try database.execute(sql: "PRAGMA user_version = \(index + 1)")
          return .commit
        }
      }
    }
  }
}
