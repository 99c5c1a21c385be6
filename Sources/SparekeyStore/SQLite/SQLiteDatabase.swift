import CSQLite
import FoundationEssentials
import Glibc
import SparekeyCore

/// Accounts in one SQLite file: many readers, and one writer that commits several waiting transactions together.
///
/// Durable: WAL with `synchronous = FULL`; when a write returns, it survives power loss.
package final class SQLiteDatabase: SparekeyCore.Database {
  private let readers: ReaderPool
  private let writes: WriteQueue
  private let path: String
  private let clock: WallClock
  private let wrap: @Sendable (any SQLConnection) -> any SQLConnection

  /// Opens or makes the file and brings its schema up to date. Other processes, such as the
  /// command line, may use it at the same time.
  /// - Parameter wrap: the test door: decorates the connection of each transaction (faults, counts).
  /// - Parameter largestGroup: changes in one commit, at most; 1 is what the benchmark compares with.
  /// - Throws: `StoreProblem` in words for the operator.
  package init(
    path: String, clock: WallClock, largestGroup: Int = WriteQueue.largestGroup,
    wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
  ) throws {
    self.path = path
    self.clock = clock
    self.wrap = wrap
    try Self.checkPlace(path)
    (readers, writes) = try Self.explaining(path) {
      if let size = FileStatus(of: path)?.size, 1...Self.largestToCheck ~= size,
        let damage = try Self.damage(at: path, check: "quick_check")
      {
        throw StoreProblem.damaged(path: path, what: damage)
      }
      let writer = try SQLiteConnection(path, for: .writing)
      try writer.keepLog()
      // Without FULL an acknowledged write can be lost.
      try writer.run("PRAGMA synchronous = FULL")
      // In KiB. Keys and digests come in no order: with little room every change of a large database reads its pages anew.
      try writer.run("PRAGMA cache_size = -16384")
      // In pages, so 16 MiB of log: a page that many commits changed goes into the file once.
      try writer.run("PRAGMA wal_autocheckpoint = 4000")
      guard try Self.synchronous(writer) == 2 else { throw StoreProblem.notDurable }
      try Migrations.run(on: writer, at: path)
      return (ReaderPool(path), WriteQueue(writer, largestGroup: largestGroup))
    }
  }

  /// A file up to this size is looked through at every start, which takes a fraction of a second.
  private static let largestToCheck = 64 << 20

  /// Refuses a place where there can be no database, with the system's own word on it. SQLite's is the same for all.
  package static func checkPlace(_ path: String) throws(StoreProblem) {
    func refuse(_ what: String, _ reason: String) throws(StoreProblem) {
      throw .cannotOpen(path: path, reason: what + reason)
    }
    var status = stat()
    if stat(path, &status) == 0 {
      guard status.st_mode & S_IFMT != S_IFDIR else { return try refuse("", "it is a folder") }
      guard access(path, R_OK | W_OK) == 0 else { return try refuse("", String(cString: strerror(errno))) }
    }
    guard access(path.folder, W_OK | X_OK) == 0 else {
      return try refuse("its folder: ", String(cString: strerror(errno)))
    }
  }

  /// What SQLite finds wrong when it looks through a whole file and compares every index with its table; nil when all
  /// is well. It changes nothing.
  package static func damage(at path: String) throws -> String? {
    do {
      return try damage(at: path, check: "integrity_check")
    } catch let fault as SQLiteFault {
      return fault.reason
    }
  }

  private static func damage(at path: String, check: String) throws -> String? {
    let found = try SQLiteConnection(path, for: .reading).text("PRAGMA \(check)(1)")
    // The first finding stands under a headline.
    let finding = found?.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no answer"
    return finding == "ok" ? nil : finding
  }

  /// Lets go of the file; nothing may be asked afterwards.
  package func disconnect() async {
    readers.close()
    await writes.close()
  }

  func copyPages(to copy: SQLiteConnection, _ progress: (Double) -> Void) throws {
    try readers.read { reader in
      // The first look fixes the moment of which the copy is.
      _ = try reader.integer("PRAGMA user_version")
      try reader.copy(to: copy, progress: progress)
    }
  }

  /// SQLite's own word on how commits are flushed, from the connection that writes: 2 is FULL.
  package func synchronousOfWriter() async throws -> Int? {
    try await writes.asked(Self.synchronous)
  }

  private static func synchronous(_ writer: SQLiteConnection) throws -> Int {
    try writer.integer("PRAGMA synchronous")
  }

  package func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try await explained { try snapshot(body) }
  }

  /// On the thread that asks: a read takes microseconds, and going to another thread and back takes many more.
  private func snapshot<Answer>(_ body: (any Transaction) throws -> Answer) throws -> Answer {
    try readers.read { try body(SQLTransaction(wrap($0), now: clock.now())) }
  }

  package func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try await explained {
      try await writes.run { [clock, wrap] in try body(SQLTransaction(wrap($0), now: clock.now())) }
    }
  }

  /// What lies outside the file, and passes: a full or read-only disk, one that fails, another program's lock.
  private static let hindrances = [SQLITE_FULL, SQLITE_BUSY, SQLITE_IOERR, SQLITE_READONLY]

  private func explained<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
    do {
      return try await body()
    } catch let fault as SQLiteFault {
      throw Self.hindrances.contains(fault.code)
        ? StoreProblem.hindered(reason: fault.reason)
        : StoreProblem.failed(reason: "\(fault.reason), in \(path)")
    }
  }

  static func explaining<Answer>(_ path: String, _ body: () throws -> Answer) throws -> Answer {
    do {
      return try body()
    } catch let fault as SQLiteFault {
      throw StoreProblem.cannotOpen(path: path, reason: fault.reason)
    }
  }
}
