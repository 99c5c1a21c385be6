import SparekeyCore

/// What the SQL of this module needs from an engine. Statements are written once, in the dialect both engines share,
/// with `$1` placeholders.
package protocol SQLConnection {
  /// Runs a statement. - Returns: its rows; empty when it has none.
  func query(_ sql: StaticString, _ values: [SQLValue]) throws -> [SQLRow]
  /// Runs a statement. - Returns: how many rows it changed.
  func execute(_ sql: StaticString, _ values: [SQLValue]) throws -> Int
}

/// A value as both engines know it.
package enum SQLValue: Sendable, Equatable {
  case null
  case integer(Int64)
  case text(String)
  case blob([UInt8])

  static func time(_ time: Timestamp) -> SQLValue { .integer(time.milliseconds) }
  static func time(_ time: Timestamp?) -> SQLValue { time.map { .time($0) } ?? .null }
  static func id<Kind>(_ id: Identifier<Kind>) -> SQLValue { .text(id.text) }
  static func json(_ value: some Encodable) throws -> SQLValue {
    .text(String(decoding: try JSON.encode(value), as: UTF8.self))
  }
  static func flag(_ flag: Bool) -> SQLValue { .integer(flag ? 1 : 0) }
}

/// One row, read by column position in the order of the statement.
package struct SQLRow: Sendable {
  private let values: [SQLValue]

  package init(_ values: [SQLValue]) { self.values = values }

  /// The database holds something this version does not understand: a fault, never a refusal.
  package struct UnexpectedValue: OperatorFault {
    package let column: Int
    package var description: String { "unexpected value in column \(column) of a row" }
  }

  func integer(_ column: Int) throws -> Int64 {
    guard case .integer(let value) = values[column] else { throw UnexpectedValue(column: column) }
    return value
  }

  func text(_ column: Int) throws -> String {
    guard case .text(let value) = values[column] else { throw UnexpectedValue(column: column) }
    return value
  }

  func blob(_ column: Int) throws -> [UInt8] {
    guard case .blob(let value) = values[column] else { throw UnexpectedValue(column: column) }
    return value
  }

  func isNull(_ column: Int) -> Bool { values[column] == .null }

  func time(_ column: Int) throws -> Timestamp { Timestamp(milliseconds: try integer(column)) }
  func optionalTime(_ column: Int) throws -> Timestamp? { isNull(column) ? nil : try time(column) }
  func id<Kind>(_ column: Int) throws -> Identifier<Kind> { Identifier(text: try text(column)) }
  func flag(_ column: Int) throws -> Bool { try integer(column) != 0 }

  func json<Value: Decodable>(_ column: Int) throws -> Value {
    try JSON.decode(Value.self, from: Array(try text(column).utf8))
  }

  func named<Value: RawRepresentable<String>>(_ column: Int) throws -> Value {
    guard let value = Value(rawValue: try text(column)) else { throw UnexpectedValue(column: column) }
    return value
  }
}

/// One transaction over an engine's connection. Each feature's folder adds its own statements.
package struct SQLTransaction: Transaction {
  let connection: any SQLConnection
  package let now: Timestamp

  package init(_ connection: any SQLConnection, now: Timestamp) {
    self.connection = connection
    self.now = now
  }

  /// Runs a guarded statement. - Returns: whether it changed a row.
  func changes(_ sql: StaticString, _ values: [SQLValue]) throws -> Bool {
    try connection.execute(sql, values) > 0
  }
}
