import SparekeyCore
import Testing

@testable import SparekeyStore

extension `The contract of every engine` {
  func supportCase(
    _ id: String, number: String, email: [UInt8] = [1], state: SupportCase.State = .open, at: Timestamp? = nil
  ) -> SupportCase {
    SupportCase(
      id: CaseID(text: id), number: number, category: .lostEverything, openedAt: at ?? start,
      source: Source(address: "192.0.2.1", agent: "Firefox"), sealedContent: [7], emailDigest: email,
      ticketDigest: [9], state: state)
  }

  func request(_ id: String, case number: String = "one", of account: String = "anna", at: Timestamp? = nil)
    -> HoldRequest
  {
    HoldRequest(
      id: HoldRequestID(text: id), supportCase: CaseID(text: number), account: AccountID(text: account),
      requestedBy: AccountID(text: "ada"), requestedAt: at ?? start, sealedReason: [5])
  }

  @Test(arguments: Engine.allCases)
  func `G3: a number belongs to one case, which is moved only from where it was read`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      let one = supportCase("one", number: "AAA-AAA")
      let isNew = try transaction.insert(one)
      let sameNumber = try transaction.insert(supportCase("two", number: "AAA-AAA"))
      let sameID = try transaction.insert(supportCase("one", number: "BBB-BBB"))
      #expect(isNew && !sameNumber && !sameID)
      #expect(try transaction.supportCase(CaseID(text: "one")) == one)
      #expect(try transaction.supportCase(number: "AAA-AAA") == one)
      #expect(try transaction.supportCase(number: "BBB-BBB") == nil)
      var next = one
      try next.receive(.answered(by: anna), at: start + .minutes(1))
      let moved = try transaction.move(next, from: one)
      let again = try transaction.move(next, from: one)
      #expect(moved && !again)
      #expect(try transaction.supportCase(CaseID(text: "one")) == next)
      for (number, author) in [CaseMessage.Author.person, .agent, .person].enumerated() {
        try transaction.append(
          CaseMessage(at: start + .minutes(number), author: author, sealedText: [UInt8(number)]),
          to: CaseID(text: "one"))
      }
      #expect(try transaction.messages(of: CaseID(text: "one")).map(\.sealedText) == [[0], [1], [2]])
      #expect(try transaction.messages(of: CaseID(text: "one")).map(\.author) == [.person, .agent, .person])
      #expect(try transaction.messages(of: CaseID(text: "x")).isEmpty)
    }
  }

  @Test(arguments: Engine.allCases)
  func `G4: cases are listed by state, the longest untouched first, and counted by email`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      _ = try transaction.insert(supportCase("late", number: "1", at: start + .hours(2)))
      _ = try transaction.insert(supportCase("early", number: "2", at: start + .hours(1)))
      _ = try transaction.insert(supportCase("waiting", number: "3", state: .waiting, at: start))
      _ = try transaction.insert(supportCase("closed", number: "4", state: .closed))
      _ = try transaction.insert(
        supportCase("other", number: "5", email: [2], state: .answered, at: start + .hours(9)))
      func ids(_ state: SupportCase.State?, limit: Int = 10) throws -> [String] {
        try transaction.supportCases(in: state, limit: limit).map(\.id.text)
      }
      #expect(try ids(.open) == ["early", "late"] && ids(.closed) == ["closed"])
      #expect(try ids(nil) == ["waiting", "early", "late", "other"] && ids(nil, limit: 1) == ["waiting"])
      #expect(try transaction.openCases(of: [1]) == 3 && transaction.openCases(of: [3]) == 0)
    }
  }

  @Test(arguments: Engine.allCases)
  func `G3: what nobody answers is closed, and what is closed is forgotten with all that is in it`(
    _ kind: Engine
  )
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      _ = try transaction.insert(supportCase("one", number: "1", state: .answered))
      _ = try transaction.insert(supportCase("open", number: "2"))
      _ = try transaction.insert(supportCase("new", number: "3", state: .waiting, at: start + .days(1)))
      try transaction.append(
        CaseMessage(at: start, author: .person, sealedText: [1]), to: CaseID(text: "one"))
      _ = try transaction.insert(request("r"))
      try transaction.closeCases(untouchedSince: start + .hours(1), at: start + .days(2))
      let closed = try transaction.supportCase(CaseID(text: "one"))
      #expect(closed?.state == .closed && closed?.changedAt == start + .days(2))
      #expect(try transaction.supportCases(in: nil, limit: 9).map(\.id.text) == ["open", "new"])
      try transaction.forgetCases(closedBefore: start + .days(2))
      #expect(try transaction.supportCase(CaseID(text: "one")) != nil)
      try transaction.forgetCases(closedBefore: start + .days(3))
      #expect(try transaction.supportCase(CaseID(text: "one")) == nil)
      #expect(try transaction.messages(of: CaseID(text: "one")).isEmpty)
      #expect(try transaction.holdRequest(HoldRequestID(text: "r")) == nil)
      #expect(try transaction.supportCases(in: nil, limit: 9).count == 2)
    }
  }

  @Test(arguments: Engine.allCases)
  func `G4: one undecided request for an account, decided once`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "berta"])
    try await database.write { [self] transaction in
      _ = try transaction.insert(supportCase("one", number: "1"))
      let first = request("r1")
      let isNew = try transaction.insert(first)
      let second = try transaction.insert(request("r2", at: start + .days(1)))
      let other = try transaction.insert(request("r3", of: "berta", at: start + .hours(1)))
      #expect(isNew && !second && other)
      #expect(try transaction.holdRequest(first.id) == first)
      #expect(try transaction.undecidedRequest(for: anna) == first)
      #expect(try transaction.undecidedRequests().map(\.id.text) == ["r1", "r3"])
      var approved = first
      try approved.receive(.approve(by: AccountID(text: "ben"), HoldID(text: "h")), at: start + .minutes(1))
      let decided = try transaction.decide(approved)
      let twice = try transaction.decide(approved)
      #expect(decided && !twice)
      #expect(try transaction.holdRequest(first.id) == approved)
      #expect(try transaction.undecidedRequest(for: anna) == nil)
      let next = try transaction.insert(request("r2", at: start + .days(1)))
      #expect(next)
      #expect(try transaction.holdRequests(of: CaseID(text: "one")).map(\.id.text) == ["r2", "r3", "r1"])
    }
  }

  @Test(arguments: Engine.allCases)
  func `G4: an account is an agent once, until it is not`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "berta"])
    try await database.write { [self] transaction in
      let berta = AccountID(text: "berta")
      let added = try transaction.addAgent(berta, at: start)
      let twice = try transaction.addAgent(berta, at: start + .days(1))
      let second = try transaction.addAgent(anna, at: start + .days(2))
      #expect(added && !twice && second)
      #expect(try transaction.agents().map(\.account) == [berta, anna])
      #expect(try transaction.agents().map(\.since) == [start, start + .days(2)])
      let removed = try transaction.removeAgent(berta)
      let gone = try transaction.removeAgent(berta)
      #expect(removed && !gone)
      #expect(try transaction.isAgent(anna) && !transaction.isAgent(berta))
    }
  }

  @Test(arguments: Engine.allCases)
  func `O4: the audit trail keeps every entry as it was written, newest first`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      let entries = [
        AuditEntry(
          id: AuditID(text: "1"), at: start, actor: .agent(anna), action: .holdApproved, account: anna,
          detail: "why"),
        AuditEntry(
          id: AuditID(text: "2"), at: start + .hours(1), actor: .operator, action: .agentAdded, account: nil,
          detail: ""),
        AuditEntry(
          id: AuditID(text: "3"), at: start + .hours(2), actor: .service, action: .caseClosed, account: nil,
          detail: ""),
      ]
      for entry in entries { try transaction.append(entry) }
      #expect(try transaction.auditEntries(limit: 9) == entries.reversed())
      #expect(try transaction.auditEntries(limit: 1) == [entries[2]])
    }
  }
}

@Suite struct `Rows of support that nothing changes` {
  @Test func `O4 G4: whatever program writes here, the trail and what was decided stay`() async throws {
    let contract = `The contract of every engine`()
    let path = "/tmp/support-\(UInt64.random(in: 0...UInt64.max)).sqlite"
    let database = try SQLiteDatabase(path: path, clock: contract.clock)
    try await database.write { transaction in
      _ = try transaction.insert(contract.accountRow("anna"), named: Username("anna"))
      _ = try transaction.insert(contract.supportCase("one", number: "1"))
      var request = contract.request("r")
      _ = try transaction.insert(request)
      try request.receive(.decline(by: AccountID(text: "ben")), at: contract.start)
      _ = try transaction.decide(request)
      try transaction.append(
        AuditEntry(
          id: AuditID(text: "a"), at: contract.start, actor: .operator, action: .agentAdded, account: nil,
          detail: ""))
    }
    let other = try SQLiteConnection(path, for: .writing)
    for statement in [
      "UPDATE audit SET detail = 'x'", "UPDATE audit SET at = 1", "UPDATE audit SET account_id = 'x'",
      "DELETE FROM audit", "UPDATE hold_requests SET account_id = 'berta'",
      "UPDATE hold_requests SET decision = 'approved'", "UPDATE hold_requests SET decided_by = 'x'",
    ] {
      #expect(throws: SQLiteFault.self, "\(statement)") { try other.run(statement) }
    }
    // The chain is filled in later, once.
    try other.run("UPDATE audit SET number = 1, chain = x'00'")
    #expect(throws: SQLiteFault.self) { try other.run("UPDATE audit SET chain = x'01'") }
  }
}
