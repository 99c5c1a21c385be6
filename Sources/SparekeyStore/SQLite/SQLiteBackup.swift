import CSQLite
import FoundationEssentials
import Glibc

extension SQLiteDatabase {
  /// Copies everything as of one moment into a new file while the service goes on. The copy is whole or not there.
  /// - Parameter progress: hears which part is copied, from 0 to 1.
  /// - Throws: `StoreProblem`.
  package func backup(to path: String, progress: @escaping (Double) -> Void) async throws {
    guard !FileManager.default.fileExists(atPath: path) else { throw StoreProblem.inTheWay(path: path) }
    let part = path + ".part"
    try? FileManager.default.removeItem(atPath: part)
    defer { try? FileManager.default.removeItem(atPath: part) }
    try Self.explaining(part) {
      let copy = try SQLiteConnection(part, for: .writing)
      defer { copy.close() }
      try copyPages(to: copy, progress)
    }
    try Self.makeOneFile(part)
    try Self.put(part, at: path)
  }

  /// What a file must be to be restored: whole, and made by this program or an older one.
  /// - Throws: `StoreProblem`.
  package static func checkBackup(at path: String) throws {
    if let damage = try damage(at: path) { throw StoreProblem.damaged(path: path, what: damage) }
    try explaining(path) {
      let file = try SQLiteConnection(path, for: .reading)
      let isOurs =
        try file.integer("SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'accounts'") == 1
      let version = try file.integer("PRAGMA user_version")
      guard isOurs, version > 0 else { throw StoreProblem.notOurs(path: path) }
      try Migrations.checkKnown(version)
    }
  }

  /// Puts a database in the place of another, which keeps its content beside it under another name.
  /// - Returns: where the former one is now; nil when there was none.
  /// - Throws: `StoreProblem.inUse` while any program has it open.
  package static func replace(_ path: String, by prepared: String, keepingAs former: String) throws -> String?
  {
    try makeOneFile(prepared)
    var kept: String?
    if FileManager.default.fileExists(atPath: path) {
      try makeOneFile(path)
      try put(path, at: former)
      kept = former
    }
    try put(prepared, at: path)
    return kept
  }

  /// Leaves one file without a log beside it; refused while another connection is there.
  private static func makeOneFile(_ path: String) throws {
    try explaining(path) {
      let file = try SQLiteConnection(path, for: .writing)
      defer { file.close() }
      do {
        try file.run("PRAGMA journal_mode = DELETE")
      } catch let fault as SQLiteFault where fault.code == SQLITE_BUSY {
        throw StoreProblem.inUse(path: path)
      }
    }
  }

  /// Renames, and is done when that is safe from power loss.
  static func put(_ source: String, at destination: String) throws {
    let file = open(source, O_RDONLY)
    fsync(file)
    close(file)
    guard rename(source, destination) == 0 else {
      throw StoreProblem.cannotOpen(path: destination, reason: String(cString: strerror(errno)))
    }
    let folder = open(destination.folder, O_RDONLY)
    fsync(folder)
    close(folder)
  }
}
