import CSQLite
import FoundationEssentials
import SparekeyCore

/// What SQLite refused.
struct SQLiteFault: Error, Equatable {
  /// Its primary result code, such as `SQLITE_FULL`.
  let code: Int32
  /// Its own words, which name tables and columns, never a value. What it quotes of a damaged schema goes over many
  /// lines, of which this is the first.
  let reason: String
}

/// One connection to a SQLite file, used by one thread at a time. Statements are prepared once.
final class SQLiteConnection: SQLConnection, @unchecked Sendable {  // whoever lends it lends it to one thread
  enum Access { case writing, reading }

  private let raw: OpaquePointer
  private var prepared: [UnsafeRawPointer: OpaquePointer] = [:]
  private var isOpen = true

  /// How long it waits while another program writes.
  private static let patience = Duration.seconds(5)

  /// Opens a file; for writing, makes one where there is none.
  /// - Throws: `SQLiteFault`.
  init(_ path: String, for access: Access) throws {
    let flags = access == .writing ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY
    var opened: OpaquePointer?
    let status = sqlite3_open_v2(path, &opened, flags | SQLITE_OPEN_NOMUTEX, nil)
    guard status == SQLITE_OK, let opened else {
      defer { sqlite3_close(opened) }
      throw Self.fault(status, opened)
    }
    raw = opened
    sqlite3_busy_timeout(raw, Int32(Self.patience.milliseconds))
    try run("PRAGMA foreign_keys = ON")
  }

  deinit { close() }

  /// Nothing may be asked afterwards. The last connection of a file leaves it without a log.
  func close() {
    guard isOpen else { return }
    isOpen = false
    for statement in prepared.values { sqlite3_finalize(statement) }
    prepared = [:]
    sqlite3_close(raw)
  }

  private func checkOpen() throws {
    guard isOpen else { throw SQLiteFault(code: SQLITE_MISUSE, reason: "the database is closed") }
  }

  // MARK: statements

  func query(_ sql: StaticString, _ values: [SQLValue]) throws -> [SQLRow] {
    let statement = try statement(sql)
    defer { Self.put(statement) }
    try bind(values, to: statement)
    var rows: [SQLRow] = []
    while try step(statement) { rows.append(Self.row(of: statement)) }
    return rows
  }

  func execute(_ sql: StaticString, _ values: [SQLValue]) throws -> Int {
    let statement = try statement(sql)
    defer { Self.put(statement) }
    try bind(values, to: statement)
    while try step(statement) {}
    return Int(sqlite3_changes(raw))
  }

  /// Runs statements that are not asked again and again: a schema step, a pragma.
  func run(_ script: String) throws {
    try checkOpen()
    let status = sqlite3_exec(raw, script, nil, nil, nil)
    guard status == SQLITE_OK else { throw Self.fault(status, raw) }
  }

  /// The first column of the first row, of statements that are not asked again and again.
  func text(_ sql: String) throws -> String? {
    try checkOpen()
    var statement: OpaquePointer?
    let status = sqlite3_prepare_v2(raw, sql, -1, &statement, nil)
    guard status == SQLITE_OK, let statement else { throw Self.fault(status, raw) }
    defer { sqlite3_finalize(statement) }
    return try step(statement) ? sqlite3_column_text(statement, 0).map { String(cString: $0) } : nil
  }

  func integer(_ sql: String) throws -> Int { try text(sql).flatMap { Int($0) } ?? 0 }

  /// Changes go to a log beside the file, so that readers see the state before them meanwhile.
  func keepLog() throws {
    let until = ContinuousClock.now + Self.patience
    while true {
      do {
        return try run("PRAGMA journal_mode = WAL")
      } catch let fault as SQLiteFault where fault.code == SQLITE_BUSY && ContinuousClock.now < until {
        // Another program is about to do the same; SQLite does not wait for that.
        sleep(for: .milliseconds(10))
      }
    }
  }

  // MARK: transactions

  /// False also after a fault that ended the transaction, such as a full disk.
  var isInTransaction: Bool { sqlite3_get_autocommit(raw) == 0 }

  /// All of it, or nothing when it throws.
  func transaction<Answer>(_ body: () throws -> Answer) throws -> Answer {
    try enclosed("BEGIN IMMEDIATE", "COMMIT", undo: ["ROLLBACK"], body)
  }

  /// The same inside a transaction.
  func savepoint<Answer>(_ body: () throws -> Answer) throws -> Answer {
    try enclosed("SAVEPOINT part", "RELEASE part", undo: ["ROLLBACK TO part", "RELEASE part"], body)
  }

  /// Everything that is read in it is of one moment.
  func snapshot<Answer>(_ body: () throws -> Answer) throws -> Answer {
    try enclosed("BEGIN", "COMMIT", undo: ["ROLLBACK"], body)
  }

  private func enclosed<Answer>(
    _ begin: StaticString, _ end: StaticString, undo: [StaticString], _ body: () throws -> Answer
  ) throws -> Answer {
    _ = try execute(begin, [])
    do {
      let answer = try body()
      _ = try execute(end, [])
      return answer
    } catch {
      // A fault may have ended it already.
      for statement in undo where isInTransaction { _ = try? execute(statement, []) }
      throw error
    }
  }

  // MARK: copies

  /// Copies every page into another file. In a snapshot it is a copy of that moment; otherwise it begins anew whenever
  /// another connection writes.
  /// - Parameter progress: hears which part is copied, from 0 to 1.
  func copy(to other: SQLiteConnection, progress: (Double) -> Void) throws {
    guard let backup = sqlite3_backup_init(other.raw, "main", raw, "main") else {
      throw Self.fault(sqlite3_errcode(other.raw), other.raw)
    }
    var status = SQLITE_OK
    while status == SQLITE_OK {
      status = sqlite3_backup_step(backup, Self.pagesPerStep)
      let all = sqlite3_backup_pagecount(backup)
      progress(all == 0 ? 1 : 1 - Double(sqlite3_backup_remaining(backup)) / Double(all))
    }
    let finished = sqlite3_backup_finish(backup)
    guard status == SQLITE_DONE, finished == SQLITE_OK else {
      throw Self.fault(status == SQLITE_DONE ? finished : status, other.raw)
    }
  }

  private static let pagesPerStep: Int32 = 1_024

  // MARK: SQLite's interface

  /// SQLite reads `$1` as a name, `?1` as a position; PostgreSQL has it the other way round.
  private func statement(_ sql: StaticString) throws -> OpaquePointer {
    try checkOpen()
    if let statement = prepared[sql.utf8Start] { return statement }
    let text = "\(sql)".replacing("$", with: "?")
    var made: OpaquePointer?
    let status = sqlite3_prepare_v3(raw, text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &made, nil)
    guard status == SQLITE_OK, let made else { throw Self.fault(status, raw) }
    prepared[sql.utf8Start] = made
    return made
  }

  /// Ready for the next time, and without what it was asked with.
  private static func put(_ statement: OpaquePointer) {
    sqlite3_reset(statement)
    sqlite3_clear_bindings(statement)
  }

  private func bind(_ values: [SQLValue], to statement: OpaquePointer) throws {
    for (index, value) in values.enumerated() {
      let place = Int32(index + 1)
      let status =
        switch value {
        case .null: sqlite3_bind_null(statement, place)
        case .integer(let number): sqlite3_bind_int64(statement, place, number)
        case .text(let text):
          sqlite3_bind_text(statement, place, text, Int32(text.utf8.count), csqlite_copied())
        case .blob(let bytes) where bytes.isEmpty: sqlite3_bind_zeroblob(statement, place, 0)
        case .blob(let bytes):
          sqlite3_bind_blob(statement, place, bytes, Int32(bytes.count), csqlite_copied())
        }
      guard status == SQLITE_OK else { throw Self.fault(status, raw) }
    }
  }

  /// - Returns: whether there is a row.
  private func step(_ statement: OpaquePointer) throws -> Bool {
    switch sqlite3_step(statement) {
    case SQLITE_ROW: true
    case SQLITE_DONE: false
    case let status: throw Self.fault(status, raw)
    }
  }

  private static func row(of statement: OpaquePointer) -> SQLRow {
    SQLRow(
      (0..<sqlite3_column_count(statement)).map { column in
        switch sqlite3_column_type(statement, column) {
        case SQLITE_NULL: .null
        case SQLITE_INTEGER: .integer(sqlite3_column_int64(statement, column))
        case SQLITE_BLOB:
          .blob(
            Array(
              UnsafeRawBufferPointer(
                start: sqlite3_column_blob(statement, column),
                count: Int(sqlite3_column_bytes(statement, column)))))
        default:
          .text(
            String(
              decoding: UnsafeBufferPointer(
                start: sqlite3_column_text(statement, column),
                count: Int(sqlite3_column_bytes(statement, column))), as: UTF8.self))
        }
      })
  }

  private static func fault(_ status: Int32, _ raw: OpaquePointer?) -> SQLiteFault {
    let words = raw.flatMap { sqlite3_errmsg($0) } ?? sqlite3_errstr(status)
    let reason = words.map { String(cString: $0) } ?? "error \(status)"
    return SQLiteFault(code: status & 0xFF, reason: String(reason.prefix { !$0.isNewline }))
  }
}
