import CPostgres
import FoundationEssentials
import NIOConcurrencyHelpers
import SparekeyCore

/// Accounts in PostgreSQL, shared by any number of nodes.
///
/// A change is durable when the server's COMMIT says so (with standbys: `synchronous_standby_names`). A COMMIT
/// without an answer is looked up by the row that the transaction left in `commits`, never taken for either. An answer
/// that changed nothing counts only if its server committed something shortly before: one that was replaced by a
/// promoted standby cannot. `docs/decisions/0013-postgresql.md` says why.
package final class PostgreSQLDatabase: Database {
  /// How old the last confirmed commit of a server may be for what is only read there.
  static let trust = Duration.seconds(1)
  /// How long `commits` remembers: far longer than anybody asks, also where two servers' clocks differ.
  private static let memory = Duration.hours(1)
  private static let tidyingEvery = Duration.minutes(1)

  private static let clockReading = "CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT)"

  private let pool: ConnectionPool
  private let clock: WallClock?
  private let wrap: @Sendable (any SQLConnection) -> any SQLConnection
  private let tidiedAt = NIOLockedValueBox(Deadline.now)

  /// Whether nobody has ever opened this database: only then may there be a new key file.
  package let isNew: Bool

  /// Reaches the server. Before anything else, `prepare`.
  /// - Parameters:
  ///   - connections: at a time, each with a thread.
  ///   - clock: the test door: a clock in place of the server's.
  ///   - wrap: the test door: decorates the connection of each transaction (faults, counts).
  /// - Throws: `StoreProblem` in words for the operator.
  package init(
    _ address: PostgreSQLAddress, connections: Int = 8, patience: PostgreSQLPatience = PostgreSQLPatience(),
    clock: WallClock? = nil, wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
  ) throws {
    self.clock = clock
    self.wrap = wrap
    let pool = ConnectionPool(address, connections: connections, patience: patience)
    self.pool = pool
    isNew = try Self.explained {
      let deadline = Deadline.now + patience.transaction
      return try Migrations.version(on: pool.dial(until: deadline), until: deadline) == 0
    }
  }

  /// Brings the schema up to date, and makes sure that the keys belong to the database.
  /// - Parameter fingerprint: of the key file.
  /// - Throws: `StoreProblem` in words for the operator.
  package func prepare(keys fingerprint: [UInt8]) throws {
    // Of nodes that start at once all but one may be refused something that the one has just made.
    for tries in 1... {
      do {
        let deadline = Deadline.now + .minutes(5)
        let connection = try pool.dial(until: .now + pool.patience.transaction)
        _ = try connection.run("RESET lock_timeout; RESET statement_timeout", until: deadline)
        try Migrations.run(on: connection, until: deadline)
        try Migrations.claim(for: fingerprint, on: connection, until: deadline)
        return
      } catch let fault as PostgreSQLFault {
        guard tries < 10 else { throw fault.problem }
        sleep(for: .milliseconds(100))
      }
    }
  }

  /// Ends all connections. What still waits is refused.
  package func close() { pool.close() }

  package func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try await pool.run { [self] in
      try transact("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", in: $0, body)
    }
  }

  package func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    defer { tidy() }
    return try await pool.run { [self] in try transact("BEGIN ISOLATION LEVEL SERIALIZABLE", in: $0, body) }
  }

  // MARK: one transaction

  /// Tries until it is done, refused by the body, or out of time.
  private func transact<Answer>(
    _ begin: String, in lane: Lane, _ body: (any Transaction) throws -> Answer
  ) throws -> Answer {
    var pause = Duration.milliseconds(2)
    while true {
      let connection = try lane.connection(until: lane.deadline)
      do {
        return try attempt(begin, on: connection, in: lane, body)
      } catch let fault as PostgreSQLFault {
        if fault.endsConnection { pool.distrust(connection) } else { rollBack(connection) }
        guard fault.passes else { throw fault.problem }
        guard lane.deadline > .now + pause else {
          throw fault.endsConnection
            ? StoreProblem.unavailable(reason: fault.reason) : Refusal.busy(retryAfterSeconds: 1)
        }
        sleep(for: pause * Double.random(in: 0...1))
        pause = min(pause * 2, .milliseconds(64))
      }
    }
  }

  private func attempt<Answer>(
    _ begin: String, on connection: PostgreSQLConnection, in lane: Lane,
    _ body: (any Transaction) throws -> Answer
  ) throws -> Answer {
    let statements = Statements(connection, until: lane.deadline, each: pool.patience.statement)
    let reading = try connection.run("\(begin); SELECT \(Self.clockReading)", until: statements.deadline)
    guard let serverTime = reading.text.flatMap({ Int64($0) }) else {
      throw PostgreSQLFault.refused(state: "XX000", reason: "the server did not tell its time")
    }
    let outcome = Result {
      try body(
        SQLTransaction(wrap(statements), now: clock?.now() ?? Timestamp(milliseconds: serverTime)))
    }
    // Whatever the body made of it.
    if let fault = statements.fault { throw fault }
    guard case .success = outcome, statements.changed else {
      if case .failure = outcome {
        rollBack(connection)
      } else {
        _ = try connection.run("COMMIT", until: statements.deadline)
      }
      try makeSure(of: connection)
      return try outcome.get()
    }
    let id = Self.newID()
    let start = Deadline.now
    do {
      let insert = Self.insert(id, done: true)
      guard try connection.commit("\(insert); COMMIT", until: .now + pool.patience.statement) else {
        throw PostgreSQLFault.lost("the server was stopped while it waited for its standby")
      }
      pool.confirm(connection, at: start)
    } catch let fault as PostgreSQLFault where !fault.settlesCommit {
      connection.abandon()
      pool.distrust(connection)
      guard try wasDone(id, in: lane) else { throw fault }
    }
    return try outcome.get()
  }

  /// A connection that cannot even do this is broken, and known to be.
  private func rollBack(_ connection: PostgreSQLConnection) {
    do {
      _ = try connection.run("ROLLBACK", until: .now + pool.patience.statement)
    } catch {
      connection.abandon()
    }
  }

  /// What was only read, or refused, holds if the server is still the one whose commits count: it commits something
  /// now, unless it did so within the last second.
  private func makeSure(of connection: PostgreSQLConnection) throws {
    let start = Deadline.now
    guard !pool.isConfirmed(connection, since: start - Self.trust) else { return }
    let insert = Self.insert(Self.newID(), done: true)
    guard
      try connection.commit("BEGIN; \(insert); COMMIT", until: .now + pool.patience.statement)
    else {
      connection.abandon()
      throw PostgreSQLFault.lost("the server was stopped while it waited for its standby")
    }
    pool.confirm(connection, at: start)
  }

  // MARK: a COMMIT without an answer

  /// Finds out what became of a transaction, and makes it final: a row with its id says that it is done; if there is
  /// none, one is put there, and the transaction can never commit.
  /// - Throws: `StoreProblem.outcomeUnknown` when nobody could say in time.
  private func wasDone(_ id: String, in lane: Lane) throws -> Bool {
    let deadline = max(lane.deadline, .now) + pool.patience.doubt
    while deadline > .now {
      do {
        let connection = try lane.connection(until: deadline)
        do {
          return try ask(about: id, on: connection)
        } catch let fault as PostgreSQLFault {
          connection.abandon()
          if fault.endsConnection { pool.distrust(connection) }
          guard fault.passes else { break }
        }
      } catch is StoreProblem { break }
      sleep(for: .milliseconds(20))
    }
    throw StoreProblem.outcomeUnknown
  }

  private func ask(about id: String, on connection: PostgreSQLConnection) throws -> Bool {
    let start = Deadline.now
    let deadline = start + pool.patience.statement
    // The first row makes sure that this is committed where it counts, and with it all that is older.
    let found = try connection.run(
      """
      BEGIN ISOLATION LEVEL READ COMMITTED; \(Self.insert(Self.newID(), done: true));
      \(Self.insert(id, done: false)) ON CONFLICT DO NOTHING; SELECT done FROM commits WHERE id = '\(id)'
      """, until: deadline)
    guard let done = found.text, try connection.commit("COMMIT", until: deadline) else {
      throw PostgreSQLFault.lost("the server was stopped while it waited for its standby")
    }
    pool.confirm(connection, at: start)
    return done == "1"
  }

  private static func insert(_ id: String, done: Bool) -> String {
    "INSERT INTO commits (id, at, done) VALUES ('\(id)', \(clockReading), \(done ? 1 : 0))"
  }

  /// 128 random bits in hexadecimal.
  private static func newID() -> String {
    var generator = SystemRandomNumberGenerator()
    return (0..<2).map { _ in
      let digits = String(generator.next(), radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// Forgets old rows of `commits`, about once a minute, beside what people wait for.
  private func tidy() {
    let isTime = tidiedAt.withLockedValue { last in
      guard last + Self.tidyingEvery < .now else { return false }
      last = .now
      return true
    }
    guard isTime else { return }
    pool.enqueue { [pool] lane in
      let few = 10_000
      let oldest = "\(Self.clockReading) - \(Int64(Self.memory / .milliseconds(1)))"
      while lane.deadline > .now, let connection = try? lane.connection(until: lane.deadline) {
        do {
          let deleted = try connection.run(
            "DELETE FROM commits WHERE id IN (SELECT id FROM commits WHERE at < \(oldest) LIMIT \(few))",
            until: .now + pool.patience.statement)
          if deleted.changed < few { return }
        } catch { return }
      }
    }
  }

  private static func explained<Answer>(_ body: () throws -> Answer) throws -> Answer {
    do {
      return try body()
    } catch let fault as PostgreSQLFault {
      throw fault.problem
    }
  }
}

/// The statements of one transaction.
private final class Statements: SQLConnection {
  private let connection: PostgreSQLConnection
  private let end: Deadline
  private let each: Duration
  /// Whether a row was changed.
  private(set) var changed = false
  /// The first thing that went wrong; after it nothing in this transaction counts.
  private(set) var fault: PostgreSQLFault?

  init(_ connection: PostgreSQLConnection, until end: Deadline, each: Duration) {
    self.connection = connection
    self.end = end
    self.each = each
  }

  var deadline: Deadline { min(end, .now + each) }

  func query(_ sql: StaticString, _ values: [SQLValue]) throws -> [SQLRow] {
    try run(sql, values).rows()
  }

  func execute(_ sql: StaticString, _ values: [SQLValue]) throws -> Int { try run(sql, values).changed }

  private func run(_ sql: StaticString, _ values: [SQLValue]) throws -> PostgreSQLResult {
    do {
      let result = try connection.run(sql, values, until: deadline)
      if result.changed > 0 { changed = true }
      return result
    } catch let error as PostgreSQLFault {
      fault = fault ?? error
      throw error
    }
  }
}
