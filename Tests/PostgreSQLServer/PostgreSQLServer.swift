import Foundation
import NIOConcurrencyHelpers
import SparekeyCore

@testable import SparekeyStore

/// A real PostgreSQL for the tests of one process. It ends with the process, in whatever way that ends.
package final class PostgreSQLServer: Sendable {
  package static let shared = Result { try PostgreSQLServer() }

  package struct DidNotStart: Error {}

  /// Everything the server is given to live: it stops when this closes.
  private let life = Pipe()
  private let folder: String
  private let made = NIOLockedValueBox(0)

  package init() throws {
    let answer = Pipe()
    let server = Process()
    server.executableURL = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "serve")
    server.standardInput = life
    server.standardOutput = answer
    try server.run()
    guard let line = String(data: answer.fileHandleForReading.availableData, encoding: .utf8),
      line.hasPrefix("/")
    else { throw DidNotStart() }
    folder = line.trimmingCharacters(in: .newlines)
  }

  /// The URL of a new, empty database.
  package func newDatabase() throws -> String {
    try made.withLockedValue { made in
      made += 1
      let deadline = Deadline.now + .minutes(1)
      let connection = try PostgreSQLConnection(
        to: PostgreSQLAddress(url("postgres")).hosts[0], number: 0, generation: 0, until: deadline)
      _ = try connection.run("CREATE DATABASE test\(made)", until: deadline)
      return url("test\(made)")
    }
  }

  /// Opens a new database. Few connections: many tests run at a time.
  package func open(
    _ url: String? = nil, clock: WallClock? = nil, connections: Int = 3,
    wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
  ) throws -> PostgreSQLDatabase {
    let database = try PostgreSQLDatabase(
      PostgreSQLAddress(url ?? newDatabase()), connections: connections,
      patience: PostgreSQLPatience(
        dial: .seconds(10), statement: .seconds(20), transaction: .seconds(60)),
      clock: clock, wrap: wrap)
    try database.prepare(keys: [1])
    return database
  }

  private func url(_ database: String) -> String { "postgresql://postgres@/\(database)?host=\(folder)" }
}
