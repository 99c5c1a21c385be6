import CPostgres
import FoundationEssentials
import Glibc
import SparekeyCore

typealias Deadline = ContinuousClock.Instant

/// What goes wrong between this program and a server.
enum PostgreSQLFault: Error, Equatable {
  /// Nothing came in time, or the connection broke. What was sent last may have been done.
  case lost(String)
  /// The server refused a statement. SQLSTATE, and a reason that quotes no value.
  case refused(state: String, reason: String)

  /// Whether the same transaction can succeed when it is begun anew: a serialization failure (40001, also as 40P01),
  /// a lock that took too long, a server that shuts down or is not (or no longer) the one that takes writes, a
  /// prepared statement that a pooler in between has lost.
  var passes: Bool {
    switch self {
    case .lost: true
    case .refused(let state, _):
      ["40001", "40P01", "55P03", "25006", "25P03", "26000", "53300"].contains(state)
        || state.hasPrefix("57") || state.hasPrefix("08")
    }
  }

  /// Whether the connection is of no further use.
  var endsConnection: Bool {
    switch self {
    case .lost: true
    case .refused(let state, _):
      ["25006", "25P03", "26000"].contains(state) || state.hasPrefix("57P") || state.hasPrefix("08")
    }
  }

  /// Whether a COMMIT that was answered so was surely not done.
  var settlesCommit: Bool {
    switch self {
    case .lost: false
    case .refused(let state, _):
      state != "40003" && !["08", "57", "58", "XX"].contains(String(state.prefix(2)))
    }
  }

  var reason: String {
    switch self {
    case .lost(let reason): reason
    case .refused(let state, let reason): "\(reason) (SQLSTATE \(state))"
    }
  }

  /// What it means when trying again does not help: the server has no room (class 53) or its disk fails (58030), which
  /// passes, or it is a mistake.
  var problem: StoreProblem {
    if case .refused(let state, _) = self, state.hasPrefix("53") || state == "58030" {
      return .hindered(reason: reason)
    }
    return .failed(reason: reason)
  }
}

/// One connection to one host, used by one thread at a time. Every wait has a deadline: a frozen server keeps a
/// connection alive for hours (`reliability.md`, traps a and b).
final class PostgreSQLConnection {
  private let raw: OpaquePointer
  private var prepared: [StatementKey: String] = [:]
  private let warnings = Warnings()
  /// Which host of the address this is.
  let host: Int
  /// Of the host's connections, when this one was made.
  let generation: Int
  /// After a lost answer it cannot be used again: the next answer would be the one that is missing.
  private(set) var isBroken = false

  private final class Warnings { var count = 0 }

  private struct StatementKey: Hashable {
    let text: UnsafeRawPointer
    let types: [UInt32]
  }

  /// - Throws: `PostgreSQLFault`.
  init(to address: PostgreSQLAddress.Host, number: Int, generation: Int, until deadline: Deadline) throws {
    host = number
    self.generation = generation
    let pairs = address.parameters
    var keywords = pairs.map { UnsafePointer<CChar>(strdup($0.keyword)) } + [nil]
    var values = pairs.map { UnsafePointer<CChar>(strdup($0.value)) } + [nil]
    defer { for text in keywords + values { free(UnsafeMutablePointer(mutating: text)) } }
    guard let raw = PQconnectStartParams(&keywords, &values, 0) else {
      throw PostgreSQLFault.lost("out of memory")
    }
    self.raw = raw
    PQsetNoticeReceiver(
      raw,
      { context, result in
        guard let context, let severity = PQresultErrorField(result, Int32(UInt8(ascii: "V"))) else { return }
        if String(cString: severity) == "WARNING" {
          Unmanaged<Warnings>.fromOpaque(context).takeUnretainedValue().count += 1
        }
      }, Unmanaged.passUnretained(warnings).toOpaque())
    // libpq's connect_timeout does not hold here, so a frozen host would never be left.
    var polling = PGRES_POLLING_WRITING
    while polling != PGRES_POLLING_OK {
      switch polling {
      case PGRES_POLLING_READING: try wait(for: POLLIN, until: deadline)
      case PGRES_POLLING_WRITING: try wait(for: POLLOUT, until: deadline)
      default: throw lost()
      }
      polling = PQconnectPoll(raw)
    }
    guard PQsetnonblocking(raw, 1) == 0 else { throw lost() }
  }

  deinit { PQfinish(raw) }

  // MARK: statements

  /// Runs one or more statements without values. - Returns: the last one's result.
  func run(_ sql: String, until deadline: Deadline) throws -> PostgreSQLResult {
    guard PQsendQuery(raw, sql) == 1 else { throw lost() }
    return try answer(until: deadline)
  }

  /// Runs a statement, prepared at its first use on this connection.
  func run(_ sql: StaticString, _ values: [SQLValue], until deadline: Deadline) throws -> PostgreSQLResult {
    let types = values.map(\.type)
    let key = StatementKey(text: sql.utf8Start, types: types)
    let name: String
    if let known = prepared[key] {
      name = known
    } else {
      name = "s\(prepared.count)"
      guard PQsendPrepare(raw, name, "\(sql)", Int32(types.count), types) == 1 else { throw lost() }
      _ = try answer(until: deadline)
      prepared[key] = name
    }
    let bytes = values.map(\.bytes)
    // One block for all values: pointers into several arrays would not live long enough.
    let block = bytes.reduce(into: []) { $0 += $1 ?? [] } + [0]
    let sent = block.withUnsafeBytes { block in
      var offset = 0
      let pointers: [UnsafePointer<CChar>?] = bytes.map { value in
        guard let value else { return nil }
        defer { offset += value.count }
        return block.baseAddress?.advanced(by: offset).assumingMemoryBound(to: CChar.self)
      }
      return PQsendQueryPrepared(
        raw, name, Int32(values.count), pointers, bytes.map { Int32($0?.count ?? 0) },
        values.map { _ in 1 }, 1)
    }
    guard sent == 1 else { throw lost() }
    return try answer(until: deadline)
  }

  /// Commits, with everything in `sql` before the COMMIT. - Returns: false when the server warned: a commit that was
  /// interrupted while it waited for its standby is done here and perhaps nowhere else (trap c).
  func commit(_ sql: String, until deadline: Deadline) throws -> Bool {
    warnings.count = 0
    let result = try run(sql, until: deadline)
    guard result.command == "COMMIT" else {
      throw PostgreSQLFault.refused(state: "25P02", reason: "the transaction was aborted")
    }
    return warnings.count == 0
  }

  /// Says that what it would answer next is not to be trusted.
  func abandon() { isBroken = true }

  // MARK: waiting

  private func answer(until deadline: Deadline) throws -> PostgreSQLResult {
    while true {
      let left = PQflush(raw)
      guard left >= 0 else { throw lost() }
      if left == 0 { break }
      try wait(for: POLLIN | POLLOUT, until: deadline)
      guard PQconsumeInput(raw) == 1 else { throw lost() }
    }
    var last: PostgreSQLResult?
    var fault: PostgreSQLFault?
    while true {
      while PQisBusy(raw) == 1 {
        try wait(for: POLLIN, until: deadline)
        guard PQconsumeInput(raw) == 1 else { throw lost() }
      }
      guard let pointer = PQgetResult(raw) else { break }
      let result = PostgreSQLResult(pointer)
      fault = fault ?? result.fault
      last = result
    }
    if let fault {
      if fault.endsConnection { isBroken = true }
      throw fault
    }
    guard PQstatus(raw) == CONNECTION_OK, let last else { throw lost() }
    return last
  }

  private func wait(for events: Int32, until deadline: Deadline) throws {
    var descriptor = pollfd(fd: PQsocket(raw), events: Int16(events), revents: 0)
    while true {
      let left = ContinuousClock.now.duration(to: deadline)
      guard left > .zero else {
        isBroken = true
        throw PostgreSQLFault.lost("no answer in time")
      }
      let ready = poll(&descriptor, 1, Int32(min(left / .milliseconds(1) + 1, 60_000)))
      if ready > 0 { return }
    }
  }

  /// The first line of libpq's own words, which name host and user, never a password or a value.
  private func lost() -> PostgreSQLFault {
    isBroken = true
    let text = PQerrorMessage(raw).map { String(cString: $0) } ?? ""
    let line = text.prefix { !$0.isNewline }
    return .lost(line.isEmpty ? "the connection broke" : String(line))
  }
}

/// The answer to one statement.
final class PostgreSQLResult {
  private let raw: OpaquePointer

  init(_ raw: OpaquePointer) { self.raw = raw }

  deinit { PQclear(raw) }

  /// The command's name, such as `UPDATE`.
  var command: String {
    PQcmdStatus(raw).map { String(cString: $0).prefix { $0 != " " } }.map(String.init) ?? ""
  }

  /// How many rows a statement changed; 0 for one that only reads.
  var changed: Int {
    guard ["INSERT", "UPDATE", "DELETE"].contains(command), let count = PQcmdTuples(raw) else { return 0 }
    return Int(String(cString: count)) ?? 0
  }

  /// The only value of a result in text form.
  var text: String? { PQntuples(raw) > 0 ? PQgetvalue(raw, 0, 0).map { String(cString: $0) } : nil }

  func rows() throws -> [SQLRow] {
    let types = (0..<PQnfields(raw)).map { PQftype(raw, $0) }
    return try (0..<PQntuples(raw)).map { row in
      SQLRow(
        try types.enumerated().map { column, type in
          guard PQgetisnull(raw, row, Int32(column)) == 0, let start = PQgetvalue(raw, row, Int32(column))
          else { return .null }
          let bytes = UnsafeRawBufferPointer(
            start: start, count: Int(PQgetlength(raw, row, Int32(column))))
          guard let value = SQLValue(bytes, type: type) else { throw SQLRow.UnexpectedValue(column: column) }
          return value
        })
    }
  }

  /// The server's words may quote a value, except where they speak of its own state or of the schema.
  var fault: PostgreSQLFault? {
    guard PQresultStatus(raw) == PGRES_FATAL_ERROR else { return nil }
    func field(_ code: Character) -> String? {
      PQresultErrorField(raw, Int32(code.asciiValue ?? 0)).map { String(cString: $0) }
    }
    guard let state = field("C") else { return .lost("the connection broke") }
    let harmless = ["08", "25", "26", "40", "42", "53", "55", "57", "58", "3D", "P0", "XX"]
    let words = harmless.contains(String(state.prefix(2))) ? field("M") : nil
    let place = [field("t"), field("n")].compactMap(\.self).joined(separator: ", ")
    return .refused(state: state, reason: words ?? (place.isEmpty ? "a statement was refused" : place))
  }
}

/// PostgreSQL's numbers for the types in use.
private enum TypeNumber {
  static let bool: UInt32 = 16
  static let bytes: UInt32 = 17
  static let int8: UInt32 = 20
  static let int2: UInt32 = 21
  static let int4: UInt32 = 23
  static let text: UInt32 = 25
  static let varchar: UInt32 = 1_043
}

extension SQLValue {
  /// 0 lets the server infer it.
  fileprivate var type: UInt32 {
    switch self {
    case .null: 0
    case .integer: TypeNumber.int8
    case .text: TypeNumber.text
    case .blob: TypeNumber.bytes
    }
  }

  /// In binary form; nil for null.
  fileprivate var bytes: [UInt8]? {
    switch self {
    case .null: nil
    case .integer(let value): withUnsafeBytes(of: value.bigEndian) { Array($0) }
    case .text(let value): Array(value.utf8)
    case .blob(let value): value
    }
  }

  fileprivate init?(_ bytes: UnsafeRawBufferPointer, type: UInt32) {
    func integer<Number: FixedWidthInteger>(_: Number.Type) -> Int64? {
      guard bytes.count == MemoryLayout<Number>.size else { return nil }
      return Int64(Number(bigEndian: bytes.loadUnaligned(as: Number.self)))
    }
    switch type {
    case TypeNumber.int8: self.init(integer(Int64.self))
    case TypeNumber.int4: self.init(integer(Int32.self))
    case TypeNumber.int2: self.init(integer(Int16.self))
    case TypeNumber.bool: self.init(integer(Int8.self))
    case TypeNumber.text, TypeNumber.varchar: self = .text(String(decoding: bytes, as: UTF8.self))
    case TypeNumber.bytes: self = .blob(Array(bytes))
    default: return nil
    }
  }

  private init?(_ integer: Int64?) {
    guard let integer else { return nil }
    self = .integer(integer)
  }
}
