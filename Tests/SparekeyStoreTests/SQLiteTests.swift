import Foundation
import SparekeyCore
import Testing

@testable import SparekeyStore

@Suite struct `The SQLite engine` {
  let path = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID()).sqlite").path
  let clock = WallClock { Timestamp(milliseconds: 1_800_000_000_000) }

  func open() throws -> SQLiteDatabase { try SQLiteDatabase(path: path, clock: clock) }

  @Test func `Q4: the writer runs with synchronous FULL, asked where it matters`() async throws {
    let database = try open()
    #expect(try await database.synchronousOfWriter() == 2)
  }

  @Test func `Q4: one refused transaction of a group undoes only itself`() async throws {
    struct Refused: Error {}
    let database = try open()
    let spent = await withTaskGroup(of: Int.self) { group in
      for number in 0..<200 {
        group.addTask {
          do {
            try await database.write { transaction in
              _ = try transaction.spend("id \(number)", for: AccountID(text: "a"))
              if number.isMultiple(of: 3) { throw Refused() }
            }
            return 1
          } catch {
            return 0
          }
        }
      }
      return await group.reduce(0, +)
    }
    #expect(spent == 133)
    for number in 0..<200 {
      let found = try await database.read { try $0.spent("id \(number)") }
      #expect((found == nil) == number.isMultiple(of: 3))
    }
  }

  @Test func `T11: of 100 parallel spendings of one id one wins`() async throws {
    let database = try open()
    let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<100 {
        group.addTask { try await database.write { try $0.spend("once", for: AccountID(text: "a")) } }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wins == 1)
  }

  @Test func `O8: a database made by a newer program is refused in one clear line`() throws {
    _ = try open()
    try SQLiteConnection(path, for: .writing).run("PRAGMA user_version = 99")
    #expect(throws: StoreProblem.newerSchema(found: 99, known: Migrations.sqlite.count)) { try open() }
  }

  @Test(arguments: 1..<Migrations.sqlite.count)
  func `O8: a database of an older version is copied, and then brought up to date with all it holds`(
    version: Int
  ) async throws {
    let old = try SQLiteConnection(path, for: .writing)
    for step in Migrations.sqlite.prefix(version) { try old.run(step) }
    try old.run(
      """
      INSERT INTO accounts (id, username, username_canonical, username_skeleton, created_at, version, password,
        password_changed_at, code_salt) VALUES ('a', 'anna', 'anna', 'anna', 1, 'v', x'01', 1, x'02')
      """)
    try old.run("PRAGMA user_version = \(version)")
    try old.run("INSERT INTO throttle VALUES (x'03', 5, 1, 0)")
    old.close()
    for tries in 6...7 {
      let database = try open()
      #expect(try await database.read { try $0.account(AccountID(text: "a"))?.username } == "anna")
      let counted = try await database.write {
        try $0.raise([3], at: Timestamp(milliseconds: 2), forgetBefore: Timestamp(milliseconds: 0))
      }
      #expect(counted == ThrottleCount(tries: tries, since: Timestamp(milliseconds: 1)))
    }
    let copy = try SQLiteConnection("\(path).schema-\(version)", for: .reading)
    #expect(try copy.integer("PRAGMA user_version") == version)
    #expect(try copy.text("SELECT username FROM accounts") == "anna")
    let folder = (path as NSString).deletingLastPathComponent
    let name = (path as NSString).lastPathComponent
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter {
        $0.hasPrefix("\(name).schema")
      } == ["\(name).schema-\(version)"])
  }

  @Test func `O8: programs that start at once on a new database do not trip over each other`() async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<8 { group.addTask { _ = try open() } }
      try await group.waitForAll()
    }
  }

  @Test func `what is no database is refused in one clear line`() throws {
    try Data("this is a letter, not a database; it is long enough to be looked at".utf8).write(
      to: URL(filePath: path))
    #expect(throws: StoreProblem.self) { try open() }
  }

  @Test func `Q5: a database that another program holds for long is a hindrance that passes, not a fault`()
    async throws
  {
    let database = try open()
    let other = try SQLiteConnection(path, for: .writing)
    try other.run("BEGIN IMMEDIATE")
    let problem = await #expect(throws: StoreProblem.self) {
      try await database.write { _ = try $0.spend("form", for: AccountID(text: "a")) }
    }
    #expect(problem == .hindered(reason: "database is locked"))
    #expect(problem?.retryAfterSeconds == 5)
    try other.run("ROLLBACK")
    #expect(try await database.write { try $0.spend("form", for: AccountID(text: "a")) })
  }

  @Test func `the outbox hands out a message once per lease, and keeps it until it is delivered`()
    async throws
  {
    let database = try open()
    let now = clock.now()
    func lease(at time: Timestamp) async throws -> [String] {
      try await database.write {
        try $0.leaseOutbox(limit: 10, until: time + .minutes(2), at: time).map(\.id)
      }
    }
    try await database.write { try $0.enqueue("letter", sealedBody: [1]) }
    #expect(try await lease(at: now) == ["letter"])
    #expect(try await lease(at: now + .minutes(1)).isEmpty)
    #expect(try await lease(at: now + .minutes(2)) == ["letter"])
    try await database.write { try $0.delivered("letter", at: now) }
    #expect(try await lease(at: now + .hours(1)).isEmpty)
    try await database.write { try $0.enqueue("returned", sealedBody: [1]) }
    try await database.write { try $0.giveUp("returned") }
    #expect(try await lease(at: now + .hours(1)).isEmpty)
  }
}

@Suite struct `Rows that no program may change` {
  @Test func `rows 33, 34: what a hold was begun with, and its end, is constant for whatever program writes`()
    async throws
  {
    let path = FileManager.default.temporaryDirectory.appending(path: "rows-\(UUID()).sqlite").path
    let start = Timestamp(milliseconds: 1_800_000_000_000)
    let database = try SQLiteDatabase(path: path, clock: WallClock { start })
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
    let other = try SQLiteConnection(path, for: .writing)
    let columns = [
      "id", "account_id", "purpose", "started_at", "ends_at", "policy_row", "evidence", "seniors", "parked",
      "ticket_digest",
    ]
    for column in columns {
      #expect(throws: SQLiteFault.self, "\(column)") {
        try other.run("UPDATE holds SET \(column) = \(column)")
      }
    }
    try await database.write { transaction in
      var hold = try #require(try transaction.hold(HoldID(text: "h")))
      try hold.receive(.stop(by: [.password]), at: start)
      _ = try transaction.move(hold, from: .running)
    }
    for change in ["state = 'running'", "ended_at = NULL", "state = 'completed', ended_at = 0"] {
      #expect(throws: SQLiteFault.self, "\(change)") { try other.run("UPDATE holds SET \(change)") }
    }
  }
}
