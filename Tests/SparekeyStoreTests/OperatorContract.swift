import MemoryStore
import SparekeyCore
import SparekeyStore
import Testing

/// The part of the contract that is about operators, and about calls that are sent again.
extension `The contract of every engine` {
  private func answer(_ id: UInt8, _ text: UInt8 = 1, secret: Bool = false, at time: Timestamp? = nil)
    -> KeptAnswer
  {
    KeptAnswer(id: [id], request: [7, id], sealed: [text], isSecret: secret, at: time ?? start)
  }

  @Test(arguments: Engine.allCases)
  func `A2: one answer is kept for each key, and a new one when its day is over`(_ kind: Engine) async throws
  {
    let database = try await engine(kind, accounts: [])
    try await database.write { [self] transaction in
      let first = try transaction.keep(answer(1), unlessSince: start - .hours(24))
      let twin = try transaction.keep(answer(1, 2), unlessSince: start - .hours(24))
      let other = try transaction.keep(answer(2), unlessSince: start - .hours(24))
      #expect(first && !twin && other)
      #expect(try transaction.keptAnswer([1]) == answer(1))
      #expect(try transaction.keptAnswer([9]) == nil)
      let late = answer(1, 3, at: start + .hours(25))
      let again = try transaction.keep(late, unlessSince: start + .hours(1))
      #expect(again)
      #expect(try transaction.keptAnswer([1]) == late)
    }
  }

  @Test(arguments: Engine.allCases)
  func `A2: of two transactions that keep an answer to one key, one is undone`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let kept = await withTaskGroup(of: Bool.self) { group in
      for number in UInt8(0)..<8 {
        group.addTask { [self] in
          do {
            try await database.write { transaction in
              _ = try transaction.spend("effect \(number)", for: anna)
              guard try transaction.keep(answer(1, number), unlessSince: start - .hours(24)) else {
                throw Refusal.alreadyDone
              }
            }
            return true
          } catch {
            return false
          }
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(kept == 1)
    let effects = try await database.read { transaction in
      try (0..<8).count { try transaction.spent("effect \($0)") != nil }
    }
    #expect(effects == 1)
  }

  @Test(arguments: Engine.allCases)
  func `C4: answers with secrets are wiped early, and all are forgotten`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: [])
    try await database.write { [self] transaction in
      _ = try transaction.keep(answer(1, secret: true), unlessSince: start)
      _ = try transaction.keep(answer(2), unlessSince: start)
      _ = try transaction.keep(answer(3, secret: true, at: start + .minutes(9)), unlessSince: start)
      try transaction.forgetAnswers(before: start, secretsBefore: start + .minutes(1))
      #expect(
        try transaction.keptAnswer([1])
          == KeptAnswer(id: [1], request: [7, 1], sealed: nil, isSecret: true, at: start))
      #expect(try transaction.keptAnswer([2])?.sealed == [1])
      #expect(try transaction.keptAnswer([3])?.sealed == [1])
      try transaction.forgetAnswers(before: start + .minutes(1), secretsBefore: start)
      #expect(try transaction.keptAnswer([1]) == nil && transaction.keptAnswer([2]) == nil)
      #expect(try transaction.keptAnswer([3]) != nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `O2: an operator's token is found by its digest, under one name, until it is deleted`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind, accounts: [])
    try await database.write { [self] transaction in
      let token = OperatorToken(
        name: "ci", scopes: [.readAudit, .readAccounts], createdAt: start, expiresAt: start + .days(90))
      let eternal = OperatorToken(name: "backup", scopes: [.readReport], createdAt: start, expiresAt: nil)
      let isNew = try transaction.insert(token, digest: [1])
      let isSecond = try transaction.insert(eternal, digest: [2])
      let isTaken = try transaction.insert(token, digest: [3])
      #expect(isNew && isSecond && !isTaken)
      #expect(try transaction.operatorToken(digest: [1]) == token)
      #expect(try transaction.operatorToken(digest: [3]) == nil)
      #expect(try transaction.operatorTokens() == [eternal, token])
      try transaction.setLastUse(ofOperatorToken: "ci", to: start + .hours(1))
      #expect(try transaction.operatorToken(digest: [1])?.lastUsedAt == start + .hours(1))
      #expect(try transaction.operatorToken(digest: [2])?.lastUsedAt == nil)
      let isGone = try transaction.deleteOperatorToken("ci")
      let again = try transaction.deleteOperatorToken("ci")
      #expect(isGone && !again)
      #expect(try transaction.operatorToken(digest: [1]) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `A2: cases are read on from where a page ended, also when some were touched at one moment`(
    _ kind: Engine
  )
    async throws
  {
    let database = try await engine(kind, accounts: [])
    try await database.write { [self] transaction in
      for (id, minute) in [("a", 0), ("c", 1), ("b", 1), ("d", 2)] {
        _ = try transaction.insert(
          SupportCase(
            id: CaseID(text: id), number: "AAA-AA\(id)", category: .other, openedAt: start + .minutes(minute),
            source: Source(address: "192.0.2.1"), sealedContent: [1], emailDigest: [2], ticketDigest: [3]))
      }
      func after(_ id: String, _ minute: Int, in state: SupportCase.State? = nil) throws -> [String] {
        try transaction.supportCases(
          in: state, after: (start + .minutes(minute), CaseID(text: id)), limit: 2
        ).map(\.id.text)
      }
      #expect(try after("a", 0) == ["b", "c"])
      #expect(try after("b", 1) == ["c", "d"])
      #expect(try after("b", 1, in: .open) == ["c", "d"])
      #expect(try after("bb", 1) == ["c", "d"])
      #expect(try after("d", 2) == [])
    }
  }
}
