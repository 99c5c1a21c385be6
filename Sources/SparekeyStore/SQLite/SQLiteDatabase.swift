import Foundation
import GRDB
import SparekeyCore

#if canImport(Glibc)
  import Glibc
#endif

/// Accounts in one SQLite file: many readers, and one writer that commits several waiting transactions together.
///
/// Durable: WAL with `synchronous = FULL`; when a write returns, it survives power loss.
package final class SQLiteDatabase: SparekeyCore.Database {
  private let pool: DatabasePool
  private let clock: WallClock
  private let writes: WriteQueue
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
    self.clock = clock
    self.wrap = wrap
    try Self.checkPlace(path)
    var configuration = Configuration()
    configuration.maximumReaderCount = 4
    configuration.busyMode = .timeout(5)
    configuration.prepareDatabase { try $0.execute(sql: "PRAGMA foreign_keys = ON") }
    do {
      let size = (try? FileManager.default.attributesOfItem(atPath: path)[.size]) as? NSNumber
      if let size, 1...Self.largestToCheck ~= size.intValue,
        let damage = try Self.damage(at: path, check: "quick_check")
      {
        throw StoreProblem.damaged(path: path, what: damage)
      }
      pool = try DatabasePool(path: path, configuration: configuration)
      writes = WriteQueue(pool, largestGroup: largestGroup)
      // The pool sets NORMAL on its writer when it opens; without FULL an acknowledged write can be lost.
      try pool.writeWithoutTransaction { database in
        try database.execute(sql: "PRAGMA synchronous = FULL")
        guard try Int.fetchOne(database, sql: "PRAGMA synchronous") == 2 else {
          throw StoreProblem.notDurable
        }
      }
      try Migrations.run(on: pool, at: path)
    } catch let error as DatabaseError {
      throw StoreProblem.cannotOpen(path: path, reason: error.firstLine)
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
    let folder = (path as NSString).deletingLastPathComponent
    guard access(folder.isEmpty ? "." : folder, W_OK | X_OK) == 0 else {
      return try refuse("its folder: ", String(cString: strerror(errno)))
    }
  }

  /// What SQLite finds wrong when it looks through a whole file and compares every index with its table; nil when all
  /// is well. It changes nothing.
  package static func damage(at path: String) throws -> String? {
    do {
      return try damage(at: path, check: "integrity_check")
    } catch let error as DatabaseError {
      return error.firstLine
    }
  }

  private static func damage(at path: String, check: String) throws -> String? {
    var configuration = Configuration()
    configuration.readonly = true
    configuration.busyMode = .timeout(5)
    let found = try DatabaseQueue(path: path, configuration: configuration).read {
      try String.fetchOne($0, sql: "PRAGMA \(check)(1)")
    }
    // The first finding stands under a headline.
    let finding = found?.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no answer"
    return finding == "ok" ? nil : finding
  }

  /// Lets go of the file; nothing may be asked afterwards.
  package func disconnect() throws { try pool.close() }

  func copyPages(to copy: DatabaseQueue, _ progress: @escaping (Double) -> Void) throws {
    try pool.backup(to: copy, pagesPerStep: 1_024) { step in
      progress(step.totalPageCount == 0 ? 1 : Double(step.completedPageCount) / Double(step.totalPageCount))
    }
  }

  /// SQLite's own word on how commits are flushed, from the connection that writes: 2 is FULL.
  package func synchronousOfWriter() async throws -> Int? {
    try await pool.writeWithoutTransaction { try Int.fetchOne($0, sql: "PRAGMA synchronous") }
  }

  package func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try await explained { try snapshot(body) }
  }

  /// On the thread that asks: a read takes microseconds, and going to another thread and back takes many more.
  private func snapshot<Answer>(_ body: (any Transaction) throws -> Answer) throws -> Answer {
    try pool.read { try body(SQLTransaction(wrap(SQLiteConnection($0)), now: clock.now())) }
  }

  package func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try await explained {
      try await writes.run { [clock, wrap] database in
        try body(SQLTransaction(wrap(SQLiteConnection(database)), now: clock.now()))
      }
    }
  }

  /// What lies outside the file, and passes: a full or read-only disk, one that fails, another program's lock.
  private static let hindrances: [ResultCode] = [
    .SQLITE_FULL, .SQLITE_BUSY, .SQLITE_IOERR, .SQLITE_READONLY,
  ]

  /// SQLite's words name tables and columns, never a value.
  private func explained<Answer>(_ body: () async throws -> Answer) async throws -> Answer {
    do {
      return try await body()
    } catch let error as DatabaseError {
      throw Self.hindrances.contains(error.resultCode)
        ? StoreProblem.hindered(reason: error.firstLine) : StoreProblem.failed(reason: error.firstLine)
    }
  }
}

extension DatabaseError {
  /// SQLite's own words; what it quotes of a damaged schema goes over many lines.
  var firstLine: String { String((message ?? "\(resultCode)").prefix { !$0.isNewline }) }
}

/// GRDB's connection, as the statements see it.
private struct SQLiteConnection: SQLConnection {
  private let database: GRDB.Database

  init(_ database: GRDB.Database) { self.database = database }

  func query(_ sql: StaticString, _ values: [SQLValue]) throws -> [SQLRow] {
    let statement = try prepared(sql)
    return try Row.fetchAll(statement, arguments: arguments(values)).map { row in
      SQLRow(row.databaseValues.map(SQLValue.init))
    }
  }

  func execute(_ sql: StaticString, _ values: [SQLValue]) throws -> Int {
    try prepared(sql).execute(arguments: arguments(values))
    return database.changesCount
  }

  /// SQLite reads `$1` as a name, `?1` as a position; PostgreSQL has it the other way round.
  private func prepared(_ sql: StaticString) throws -> Statement {
    let text = String(unsafeUninitializedCapacity: sql.utf8CodeUnitCount) { bytes in
      sql.withUTF8Buffer { source in
        for (place, byte) in source.enumerated() {
          bytes[place] = byte == UInt8(ascii: "$") ? UInt8(ascii: "?") : byte
        }
      }
      return sql.utf8CodeUnitCount
    }
    return try database.cachedStatement(sql: text)
  }

  private func arguments(_ values: [SQLValue]) -> StatementArguments {
    StatementArguments(values.map(\.databaseValue))
  }
}

extension SQLValue {
  fileprivate var databaseValue: DatabaseValue {
    switch self {
    case .null: .null
    case .integer(let value): value.databaseValue
    case .text(let value): value.databaseValue
    case .blob(let value): Data(value).databaseValue
    }
  }

  fileprivate init(_ value: DatabaseValue) {
    switch value.storage {
    case .null: self = .null
    case .int64(let value): self = .integer(value)
    case .double(let value): self = .text("\(value)")
    case .string(let value): self = .text(value)
    case .blob(let value): self = .blob(Array(value))
    }
  }
}
