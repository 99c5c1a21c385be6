import Foundation
import NIOConcurrencyHelpers
import PostgreSQLServer
import SparekeyCore
import Testing

@testable import SparekeyStore

#if canImport(Glibc)
  import Glibc
#endif

@Suite struct `The PostgreSQL engine` {
  let server: PostgreSQLServer

  init() throws { server = try PostgreSQLServer.shared.get() }

  /// A connection beside the database's own.
  func connect(_ url: String) throws -> PostgreSQLConnection {
    try PostgreSQLConnection(
      to: PostgreSQLAddress(url).hosts[0], number: 0, generation: 0, until: .now + .seconds(20))
  }

  func lines(_ sql: StaticString, on connection: PostgreSQLConnection) throws -> [String] {
    try connection.run(sql, [], until: .now + .seconds(20)).rows().map { try $0.text(0) }
  }

  @Test func `O8: both engines have the same tables, columns, indexes and triggers`() throws {
    let url = try server.newDatabase()
    _ = try server.open(url)
    let connection = try connect(url)
    let path = FileManager.default.temporaryDirectory.appending(path: "schema-\(UUID()).sqlite").path
    _ = try SQLiteDatabase(path: path, clock: WallClock { Timestamp(milliseconds: 0) })
    let file = try SQLiteConnection(path, for: .reading)
    let columns = try file.query(
      """
      SELECT t.name || '.' || c.name || ' ' || c.type || ' ' || c."notnull" || ' ' || COALESCE(c.dflt_value, '')
      FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table'
      """, []
    ).map { try $0.text(0) }
    let indexes = try file.query(
      "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL", []
    )
    .map { try $0.text(0) }
    let triggers = try file.query("SELECT name FROM sqlite_schema WHERE type = 'trigger'", [])
      .map { try $0.text(0) }
    #expect(columns.count > 60 && indexes.count > 5 && triggers.count > 1)
    let sameColumns = try lines(
      """
      SELECT table_name || '.' || column_name || ' '
        || CASE data_type WHEN 'bigint' THEN 'INTEGER' WHEN 'bytea' THEN 'BLOB' ELSE upper(data_type) END || ' '
        || CASE is_nullable WHEN 'NO' THEN '1' ELSE '0' END || ' '
        || COALESCE(replace(column_default, '::text', ''), '')
      FROM information_schema.columns
      WHERE table_schema = 'public' AND table_name NOT IN ('commits', 'sparekey_schema')
      """, on: connection)
    #expect(Set(columns) == Set(sameColumns.map { $0.replacing("'0'::bigint", with: "0") }))
    let sameIndexes = try lines(
      """
      SELECT CAST(indexname AS TEXT) FROM pg_indexes WHERE schemaname = 'public'
        AND indexname NOT LIKE '%_pkey' AND indexname NOT LIKE '%_key' AND tablename <> 'commits'
      """, on: connection)
    #expect(Set(indexes) == Set(sameIndexes))
    let sameTriggers = try lines(
      "SELECT CAST(tgname AS TEXT) FROM pg_trigger WHERE NOT tgisinternal", on: connection)
    #expect(Set(triggers) == Set(sameTriggers))
  }

  @Test func `O8: a step is put into PostgreSQL's words, with the triggers that refuse`() {
    let step = """
      CREATE TABLE a (b BLOB, n INTEGER NOT NULL) STRICT;
      CREATE TRIGGER one BEFORE UPDATE OF
        b, n ON a
      BEGIN SELECT RAISE(ABORT, 'never'); END;
      CREATE TRIGGER two BEFORE DELETE ON a WHEN OLD.n IS NOT NULL
      BEGIN SELECT RAISE(ABORT, 'not again'); END;
      """
    #expect(
      Migrations.inPostgreSQL(step) == """
        CREATE TABLE a (b BYTEA, n BIGINT NOT NULL);
        CREATE TRIGGER one BEFORE UPDATE OF
          b, n ON a FOR EACH ROW EXECUTE FUNCTION sparekey_refuse('never');
        CREATE TRIGGER two BEFORE DELETE ON a FOR EACH ROW WHEN (OLD.n IS NOT NULL) EXECUTE FUNCTION sparekey_refuse('not again');
        """)
    for step in Migrations.postgresql { #expect(!step.contains("RAISE(") && !step.contains("STRICT")) }
  }

  @Test func `O8: nodes that start at once on a new database do not trip over each other`() async throws {
    let url = try server.newDatabase()
    let versions = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<6 {
        group.addTask { [self] in
          _ = try server.open(url, connections: 1)
          return try Migrations.version(on: connect(url), until: .now + .seconds(20))
        }
      }
      return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
    }
    #expect(versions == [Migrations.sqlite.count])
  }

  @Test func `O8: a database made by a newer program is refused in one clear line`() throws {
    let url = try server.newDatabase()
    _ = try server.open(url)
    _ = try connect(url).run("UPDATE sparekey_schema SET version = 99", until: .now + .seconds(20))
    #expect(throws: StoreProblem.newerSchema(found: 99, known: Migrations.sqlite.count)) {
      try server.open(url)
    }
  }

  @Test func `T13: a database is new once, and keeps to the key file that it was made with`() throws {
    let url = try server.newDatabase()
    let first = try PostgreSQLDatabase(PostgreSQLAddress(url), connections: 1)
    #expect(first.isNew)
    try first.prepare(keys: [1, 2])
    let second = try PostgreSQLDatabase(PostgreSQLAddress(url), connections: 1)
    #expect(!second.isNew)
    #expect(throws: StoreProblem.otherKeys) { try second.prepare(keys: [1, 3]) }
    try second.prepare(keys: [1, 2])
  }

  @Test func `rows 33, 34: what a hold was begun with, and its end, is constant for whatever program writes`()
    async throws
  {
    let url = try server.newDatabase()
    let start = Timestamp(milliseconds: 1_800_000_000_000)
    let database = try server.open(url, clock: WallClock { start })
    try await database.write { transaction in
      _ = try transaction.insert(
        Account(
          id: AccountID(text: "a"), username: "anna", createdAt: start, version: VersionID(text: "v"),
          password: SealedHash(sealed: [1]), passwordChangedAt: start, twoStepSince: nil, codeSalt: [2]),
        named: Username("anna"))
      _ = try transaction.insert(
        Hold(
          id: HoldID(text: "h"), account: AccountID(text: "a"), purpose: .recovery, startedAt: start,
          endsAt: start + .days(30), row: 6, evidence: [], seniors: [.password], sealedParked: [1],
          ticketDigest: [2], source: Source(address: "192.0.2.1")), nextNoticeAt: nil)
    }
    let connection = try connect(url)
    for column in ["id", "account_id", "ends_at", "seniors", "parked", "ticket_digest"] {
      #expect(throws: PostgreSQLFault.refused(state: "P0001", reason: "a hold is immutable"), "\(column)") {
        try connection.run("UPDATE holds SET \(column) = \(column)", until: .now + .seconds(20))
      }
    }
    try await database.write { transaction in
      var hold = try #require(try transaction.hold(HoldID(text: "h")))
      try hold.receive(.stop(by: [.password]), at: start)
      _ = try transaction.move(hold, from: .running)
    }
    #expect(throws: PostgreSQLFault.refused(state: "P0001", reason: "an ended hold stays ended")) {
      try connection.run("UPDATE holds SET ended_at = NULL", until: .now + .seconds(20))
    }
  }

  @Test func `T11: of 100 parallel spendings of one id over three nodes one wins`() async throws {
    let url = try server.newDatabase()
    let nodes = try (0..<3).map { _ in try server.open(url) }
    let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
      for number in 0..<100 {
        group.addTask {
          try await nodes[number % 3].write { try $0.spend("once", for: AccountID(text: "a")) }
        }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wins == 1)
  }

  @Test func `T11: what two transactions read and write crosswise is as if one came after the other`()
    async throws
  {
    // Each reads what the other writes. Under snapshot isolation both would find nothing and both would win.
    let database = try server.open()
    for round in 0..<50 {
      let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
        for (mine, other) in [("a\(round)", "b\(round)"), ("b\(round)", "a\(round)")] {
          group.addTask {
            try await database.write { transaction in
              guard try transaction.spent(other) == nil else { return false }
              return try transaction.spend(mine, for: AccountID(text: "a"))
            }
          }
        }
        return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
      }
      #expect(wins == 1)
    }
  }

  @Test func `O4: the time of a transaction is the server's, one reading for all of it`() async throws {
    let database = try server.open()
    let before = Int64(Date().timeIntervalSince1970 * 1_000)
    let (first, second) = try await database.write { transaction in
      usleep(20_000)
      return (transaction.now, transaction.now)
    }
    #expect(first == second)
    #expect((before - 5...before + 60_000).contains(first.milliseconds))
  }

  @Test func `Q4: a transaction whose connection dies before the COMMIT is run again, once for all`()
    async throws
  {
    let url = try server.newDatabase()
    let database = try server.open(url)
    let tries = NIOLockedValueBox(0)
    try await database.write { [self] transaction in
      let number = tries.withLockedValue { tries in
        tries += 1
        return tries
      }
      try transaction.enqueue("letter \(number)", sealedBody: [1])
      if number < 3 {
        _ = try connect(url).run(
          """
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'
          """, until: .now + .seconds(20))
      }
    }
    #expect(tries.withLockedValue { $0 } == 3)
    #expect(try lines("SELECT id FROM outbox", on: connect(url)) == ["letter 3"])
  }

  @Test func `Q4: a statement refused by the server is a fault without the value, and leaves no trace`()
    async throws
  {
    let database = try server.open()
    let problem = await #expect(throws: StoreProblem.self) {
      try await database.write { transaction in
        _ = try transaction.spend("one", for: AccountID(text: "a"))
        try transaction.enqueue("twice", sealedBody: [1])
        try transaction.enqueue("twice", sealedBody: [1])
      }
    }
    #expect(problem?.description.contains("outbox_pkey") == true)
    #expect(problem?.description.contains("twice") == false)
    #expect(try await database.read { try $0.spent("one") } == nil)
  }
}

/// Commits that get no answer. The server waits for a standby that is not there; only what asks for that is affected.
@Suite(.serialized) struct `A COMMIT without an answer` {
  let server: PostgreSQLServer
  let url: String
  let admin: PostgreSQLConnection

  init() throws {
    server = try PostgreSQLServer()
    url = try server.newDatabase()
    _ = try server.open(url)
    admin = try PostgreSQLConnection(
      to: PostgreSQLAddress(url).hosts[0], number: 0, generation: 0, until: .now + .seconds(20))
  }

  /// One that waits for standbys, and for each statement not for long.
  func open(
    doubt: Duration, statement: Duration = .milliseconds(500),
    wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
  ) throws -> PostgreSQLDatabase {
    try PostgreSQLDatabase(
      PostgreSQLAddress("\(url)&options=-csynchronous_commit%3Don"), connections: 2,
      patience: PostgreSQLPatience(
        dial: .seconds(10), statement: statement, transaction: .milliseconds(1_500), doubt: doubt),
      wrap: wrap)
  }

  func waitForStandby(_ name: String) throws {
    _ = try admin.run("ALTER SYSTEM SET synchronous_standby_names = '\(name)'", until: .now + .seconds(20))
    _ = try admin.run("SELECT pg_reload_conf()", until: .now + .seconds(20))
    usleep(300_000)
  }

  func letters() throws -> [String] {
    try admin.run("SELECT id FROM outbox ORDER BY id", [], until: .now + .seconds(20)).rows().map {
      try $0.text(0)
    }
  }

  @Test func `Q4: it is told as unknown when nobody can say, and nothing is answered meanwhile`() async throws
  {
    let database = try open(doubt: .seconds(1))
    try waitForStandby("nobody")
    let problem = await #expect(throws: StoreProblem.self) {
      try await database.write { try $0.enqueue("letter", sealedBody: [1]) }
    }
    #expect(problem == .outcomeUnknown && problem?.retryAfterSeconds != nil)
    // The server answers reads. Whether they still hold it cannot prove, so nobody hears them.
    let read = await #expect(throws: StoreProblem.self) {
      try await database.read { try $0.fact(.restoredAt) }
    }
    #expect(read?.retryAfterSeconds != nil)
    let refused = await #expect(throws: StoreProblem.self) {
      try await database.write { _ in throw Refusal.codeWrong }
    }
    #expect(refused?.retryAfterSeconds != nil)
    try waitForStandby("")
    #expect(try await database.read { try $0.fact(.restoredAt) } == nil)
  }

  @Test func `Q4: it is found to be done, and is not done again`() async throws {
    let tries = NIOLockedValueBox(0)
    let database = try open(doubt: .seconds(20))
    try waitForStandby("nobody")
    async let written: Void = database.write { transaction in
      tries.withLockedValue { $0 += 1 }
      try transaction.enqueue("letter", sealedBody: [1])
    }
    try await Task.sleep(for: .seconds(2))
    try waitForStandby("")
    try await written
    #expect(tries.withLockedValue { $0 } == 1)
    #expect(try letters() == ["letter"])
  }

  @Test func `Q4: one that the server has not read yet can never be done, and the transaction runs again`()
    async throws
  {
    // The server's process for this connection stands still from before the COMMIT until all is over.
    let frozen = NIOLockedValueBox<[pid_t]>([])
    let tries = NIOLockedValueBox(0)
    let connections = NIOLockedValueBox<[Int64]>([])
    let database = try open(doubt: .seconds(10)) { connection in
      let number = (try? connection.query("SELECT pg_backend_pid()", []).first?.integer(0)) ?? 0
      connections.withLockedValue { $0.append(number) }
      return connection
    }
    try await database.write { transaction in
      let number = tries.withLockedValue { tries in
        tries += 1
        return tries
      }
      try transaction.enqueue("letter \(number)", sealedBody: [1])
      if number == 1, let process = connections.withLockedValue({ $0.last }) {
        kill(pid_t(process), SIGSTOP)
        frozen.withLockedValue { $0.append(pid_t(process)) }
      }
    }
    #expect(try letters() == ["letter 2"])
    for process in frozen.withLockedValue({ $0 }) { kill(process, SIGCONT) }
    usleep(1_000_000)
    #expect(try letters() == ["letter 2"], "what was given up came back")
    #expect(tries.withLockedValue { $0 } == 2)
  }

  /// Ends every wait for a standby, as `pg_cancel_backend` by an operator does. - Returns: how many.
  static func cancelWaits(on url: String, until isOver: NIOLockedValueBox<Bool>) async throws -> Int {
    let connection = try PostgreSQLConnection(
      to: PostgreSQLAddress(url).hosts[0], number: 0, generation: 0, until: .now + .seconds(20))
    var count = 0
    while !isOver.withLockedValue({ $0 }) {
      let cancelled = try connection.run(
        """
        WITH waiting AS MATERIALIZED (SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep')
        SELECT COUNT(*) FROM waiting WHERE pg_cancel_backend(pid)
        """, until: .now + .seconds(20))
      count += cancelled.text.flatMap { Int($0) } ?? 0
      try await Task.sleep(for: .milliseconds(20))
    }
    return count
  }

  @Test func `trap c: one whose wait for its standby was cancelled is not told as done, although it is here`()
    async throws
  {
    // Long enough that the server's warning comes first, not the end of our patience.
    let database = try open(doubt: .seconds(2), statement: .seconds(10))
    try waitForStandby("nobody")
    let (isOver, place) = (NIOLockedValueBox(false), url)
    async let cancelled = Self.cancelWaits(on: place, until: isOver)
    let problem = await #expect(throws: StoreProblem.self) {
      try await database.write { try $0.enqueue("letter", sealedBody: [1]) }
    }
    isOver.withLockedValue { $0 = true }
    #expect(try await cancelled > 1)
    #expect(problem == .outcomeUnknown && problem?.retryAfterSeconds != nil)
    #expect(try letters() == ["letter"], "committed locally")
    try waitForStandby("")
  }

  @Test func `trap c: once a standby has it, it is told as done, and is done once`() async throws {
    let tries = NIOLockedValueBox(0)
    let database = try open(doubt: .seconds(20), statement: .seconds(10))
    try waitForStandby("nobody")
    let (isOver, place) = (NIOLockedValueBox(false), url)
    async let cancelled = Self.cancelWaits(on: place, until: isOver)
    async let written: Void = database.write { transaction in
      tries.withLockedValue { $0 += 1 }
      try transaction.enqueue("letter", sealedBody: [1])
    }
    try await Task.sleep(for: .seconds(1))
    isOver.withLockedValue { $0 = true }
    try waitForStandby("")
    try await written
    #expect(try await cancelled > 1)
    #expect(tries.withLockedValue { $0 } == 1)
    #expect(try letters() == ["letter"])
  }

  @Test func `trap e: a server that takes no writes for half a second is waited for, and nothing fails`()
    async throws
  {
    // As the service has it: five seconds for a transaction.
    let database = try PostgreSQLDatabase(PostgreSQLAddress(url), connections: 2)
    try await database.write { try $0.enqueue("before", sealedBody: [1]) }
    for statement in ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"] {
      _ = try admin.run(statement, until: .now + .seconds(20))
    }
    while try admin.run("SHOW default_transaction_read_only", until: .now + .seconds(20)).text != "on" {
      usleep(1_000)
    }
    let start = ContinuousClock.now
    // One on a connection that was there before, others on new ones.
    async let written: Void = withThrowingTaskGroup { group in
      for number in 0..<5 {
        group.addTask { try await database.write { try $0.enqueue("letter \(number)", sealedBody: [1]) } }
      }
      try await group.waitForAll()
    }
    try await Task.sleep(for: .milliseconds(500))
    #expect(try letters() == ["before"])
    for statement in ["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"] {
      _ = try admin.run(statement, until: .now + .seconds(20))
    }
    try await written
    #expect(ContinuousClock.now - start < .seconds(4))
    #expect(try letters() == ["before"] + (0..<5).map { "letter \($0)" })
  }
}
