import Foundation
import MemoryStore
import PostgreSQLServer
import SparekeyCore
import SparekeyStore
import Testing

/// Each engine that keeps the contract.
enum Engine: String, CaseIterable, CustomTestStringConvertible {
  case sqlite, postgresql, memory

  var testDescription: String { rawValue }

  func open(_ clock: WallClock) throws -> any Database {
    switch self {
    case .sqlite:
      try SQLiteDatabase(
        path: FileManager.default.temporaryDirectory.appending(path: "contract-\(UUID()).sqlite").path,
        clock: clock)
    case .postgresql: try PostgreSQLServer.shared.get().open(clock: clock)
    case .memory: MemoryDatabase(clock: clock)
    }
  }
}

@Suite struct `The contract of every engine` {
  static let start = Timestamp(milliseconds: 1_800_000_000_000)
  let clock = WallClock { Self.start }
  var start: Timestamp { Self.start }

  // MARK: what rows are made of

  func accountRow(_ id: String = "a") -> Account {
    Account(
      id: AccountID(text: id), username: id, createdAt: start, version: VersionID(text: "v1"),
      password: SealedHash(sealed: [1]), passwordChangedAt: start, twoStepSince: nil, codeSalt: [2])
  }

  func engine(_ engine: Engine, accounts: [String] = ["anna"]) async throws -> any Database {
    let database = try engine.open(clock)
    try await database.write { [self] transaction in
      for name in accounts {
        let isNew = try transaction.insert(accountRow(name), named: Username(name))
        #expect(isNew)
      }
    }
    return database
  }

  let anna = AccountID(text: "anna")

  func hold(
    _ id: String, of account: String = "anna", state: Hold.State = .running, contestedAt: Timestamp? = nil,
    days: Int = 30, endedAt: Timestamp? = nil
  ) -> Hold {
    Hold(
      id: HoldID(text: id), account: AccountID(text: account), purpose: .recovery, startedAt: start,
      endsAt: start + .days(days), row: 6, evidence: [.recoveryCode(CodeID(text: "c"))],
      seniors: [.password, .email(ContactID(text: "e"))], sealedParked: [1, 2], ticketDigest: [3],
      source: Source(address: "192.0.2.1", agent: "Firefox"), state: state, contestedAt: contestedAt,
      contestedBy: contestedAt == nil ? [] : [.email(ContactID(text: "e"))], endedAt: endedAt)
  }

  func moved(_ hold: Hold, _ event: Hold.Event, at now: Timestamp) throws -> Hold {
    var next = hold
    try next.receive(event, at: now)
    return next
  }

  // MARK: accounts

  @Test(arguments: Engine.allCases)
  func `one name, and one that looks like it, belongs to one account`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["paypal"])
    let second = try await database.write { [self] in
      (
        try $0.insert(accountRow("x"), named: Username("PayPa1")),
        try $0.insert(accountRow("y"), named: Username("hanna"))
      )
    }
    #expect(second == (false, true))
  }

  @Test(arguments: Engine.allCases)
  func `T11: a version is left once; what changes an account is read again`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let found = try await database.write { [self] transaction in
      let first = try transaction.advance(anna, from: VersionID(text: "v1"), to: VersionID(text: "v2"))
      let second = try transaction.advance(anna, from: VersionID(text: "v1"), to: VersionID(text: "v3"))
      try transaction.setPassword(
        SealedHash(sealed: [9]), needsTwoStep: true, of: anna, changedAt: start + .days(1))
      try transaction.rehashPassword(
        of: anna, from: SealedHash(sealed: [8]), to: SealedHash(sealed: [7]))
      try transaction.setTwoStep(since: start + .days(2), of: anna)
      try transaction.setHoldDue(at: start + .days(3), of: anna)
      #expect(first && !second)
      return try #require(try transaction.account(canonicalName: "anna"))
    }
    #expect(found.version == VersionID(text: "v2"))
    #expect(found.password == SealedHash(sealed: [9]) && found.passwordNeedsTwoStep)
    #expect(found.passwordChangedAt == start + .days(1) && found.twoStepSince == start + .days(2))
    #expect(found.holdDueAt == start + .days(3) && found.codeSalt == [2])
    try await database.write { [self] transaction in
      try transaction.rehashPassword(
        of: anna, from: SealedHash(sealed: [9]), to: SealedHash(sealed: [7]))
      try transaction.setTwoStep(since: nil, of: anna)
      try transaction.setHoldDue(at: nil, of: anna)
    }
    let read = try await database.read { [self] in try $0.account(anna) }
    let again = try #require(read)
    #expect(again.password == SealedHash(sealed: [7]) && !again.twoStep && again.holdDueAt == nil)
  }

  @Test(arguments: Engine.allCases)
  func `D2: frozen once more, an account keeps its first moment and takes the new event`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    let frozen = try await database.write { [self] transaction in
      let none = try transaction.setFrozen(nil, of: anna)
      _ = try transaction.setFrozen(Freeze(at: start, eventAt: start - .days(1)), of: anna)
      _ = try transaction.setFrozen(
        Freeze(at: start + .days(5), eventAt: start - .days(9)), of: anna)
      let frozen = try transaction.account(anna)?.frozen
      let thawed = try transaction.setFrozen(nil, of: anna)
      #expect(!none && thawed)
      #expect(try transaction.account(anna)?.frozen == nil)
      return frozen
    }
    #expect(frozen == Freeze(at: start, eventAt: start - .days(9)))
  }

  // MARK: contacts

  func contact(_ id: String, addedAt: Timestamp, confirmedAt: Timestamp? = nil) -> Contact {
    Contact(
      id: ContactID(text: id), account: anna, kind: .email, address: "", addedAt: addedAt,
      confirmedAt: confirmedAt, fromSignUp: false)
  }

  @Test(arguments: Engine.allCases)
  func `H6 T21: contacts removed since a time are found if they were confirmed`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let found = try await database.write { [self] transaction in
      for (id, confirmedAt) in [("present", start), ("removed", start), ("longAgo", start), ("never", nil)] {
        try transaction.insert(
          contact(id, addedAt: start, confirmedAt: confirmedAt), sealedAddress: [5], addressDigest: [6])
      }
      _ = try transaction.removeContact(ContactID(text: "longAgo"), of: anna, at: start + .days(1))
      let first = try transaction.removeContact(ContactID(text: "removed"), of: anna, at: start + .days(9))
      let twice = try transaction.removeContact(ContactID(text: "removed"), of: anna, at: start + .days(9))
      let others = try transaction.removeContact(
        ContactID(text: "present"), of: AccountID(text: "x"), at: start)
      _ = try transaction.removeContact(ContactID(text: "never"), of: anna, at: start + .days(9))
      #expect(first && !twice && !others)
      return (
        try transaction.contacts(of: anna).map(\.id.text),
        try transaction.removedContacts(of: anna, since: start + .days(9)).map(\.id.text),
        try transaction.removedContacts(of: anna, since: start + .days(9) + .milliseconds(1)).map(\.id.text)
      )
    }
    #expect(found == (["present"], ["removed"], []))
  }

  @Test(arguments: Engine.allCases)
  func `N6: a confirmation has five tries until its end, and is used once`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let id = ContactID(text: "new")
    try await database.write { [self] transaction in
      try transaction.insert(contact("new", addedAt: start), sealedAddress: [5], addressDigest: [6])
      let early = try transaction.confirm(id, at: start)
      #expect(!early, "nothing was sent yet")
      try transaction.setConfirmation(
        Confirmation(digest: [7], expiresAt: start + .hours(24)), of: id)
      let late = try transaction.tryConfirmation(of: id, at: start + .hours(24))
      #expect(late == nil)
      for number in 0..<6 {
        let digest = try transaction.tryConfirmation(of: id, at: start)
        #expect(digest == (number < 5 ? [7] : nil))
      }
      try transaction.setConfirmation(
        Confirmation(digest: [8], expiresAt: start + .hours(24)), of: id)
      let again = try transaction.tryConfirmation(of: id, at: start)
      #expect(again == [8])
      let first = try transaction.confirm(id, at: start + .hours(1))
      let second = try transaction.confirm(id, at: start + .hours(2))
      #expect(first && !second)
      let confirmedAt = try transaction.contacts(of: anna).first?.confirmedAt
      #expect(confirmedAt == start + .hours(1))
    }
  }

  // MARK: recovery codes

  func code(_ id: String, at time: Timestamp) -> StoredCode {
    StoredCode(
      id: CodeID(text: id), account: anna, serial: "AAA-AAA", hash: SealedHash(sealed: [1]), createdAt: time)
  }

  @Test(arguments: Engine.allCases)
  func `C3 C9 T11: at most one code lives, it ends once, and old ones are remembered newest first`(
    _ kind: Engine
  ) async throws {
    let database = try await engine(kind)
    try await database.write { [self] in try $0.insert(code("one", at: start)) }
    await #expect(throws: (any Error).self) {
      try await database.write { [self] in try $0.insert(code("two", at: start + .days(1))) }
    }
    try await database.write { [self] transaction in
      try transaction.checked(CodeID(text: "one"), at: start + .hours(1))
      let first = try transaction.endCode(CodeID(text: "one"), as: .used, at: start + .days(1))
      let second = try transaction.endCode(CodeID(text: "one"), as: .replaced, at: start + .days(2))
      #expect(first && !second)
      try transaction.checked(CodeID(text: "one"), at: start + .days(3))
      try transaction.insert(code("two", at: start + .days(1)))
      let codes = try transaction.codes(of: anna, limit: 2)
      #expect(codes.map(\.id.text) == ["two", "one"])
      #expect(codes[1].ending == .used && codes[1].endedAt == start + .days(1))
      #expect(codes[1].checkedAt == start + .hours(1), "an ended code is not checked any more")
      let newest = try transaction.codes(of: anna, limit: 1).map(\.id.text)
      let live = try transaction.liveCode(of: anna)?.id.text
      #expect(newest == ["two"] && live == "two")
    }
  }

  // MARK: sessions

  @Test(arguments: Engine.allCases)
  func `S7: a session is found by its newest token alone, with proofs and restriction, until it ends`(
    _ kind: Engine
  ) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert"])
    let source = Source(address: "192.0.2.1", agent: "Firefox")
    try await database.write { [self] transaction in
      for number in 0..<3 {
        try transaction.insert(
          Session(
            id: SessionID(text: "s\(number)"), account: anna, createdAt: start, lastSeenAt: start,
            provedAt: start, source: source, proofs: [.password, .totp(AuthenticatorAppID(text: "t"))],
            restriction: number == 0 ? .settleFactors : nil), tokenDigest: [UInt8(number)])
      }
      let found = try #require(try transaction.session(tokenDigest: [0]))
      #expect(found.session.restriction == .settleFactors && found.account.id == anna)
      #expect(found.session.proofs.count == 2 && found.session.source == source)
      try transaction.touch(SessionID(text: "s0"), seenAt: start + .hours(2))
      try transaction.touch(SessionID(text: "s0"), seenAt: start + .hours(1))
      let renewed = try transaction.renew(
        Session(
          id: SessionID(text: "s0"), account: anna, createdAt: start + .days(9),
          lastSeenAt: start + .hours(3), provedAt: start + .hours(3), source: source, proofs: [.password]),
        tokenDigest: [9])
      let gone = try transaction.session(tokenDigest: [0])
      let now = try #require(try transaction.session(tokenDigest: [9])).session
      #expect(renewed && gone == nil)
      #expect(now.createdAt == start && now.lastSeenAt == start + .hours(3))
      #expect(now.proofs == [.password] && now.restriction == nil && now.provedAt == start + .hours(3))
      #expect(try transaction.sessions(of: anna).map(\.id.text) == ["s0", "s1", "s2"])
      let byOther = try transaction.endSession(SessionID(text: "s1"), of: AccountID(text: "bert"))
      let byOwner = try transaction.endSession(SessionID(text: "s1"), of: anna)
      #expect(!byOther && byOwner)
      try transaction.forgetSessions(seenBefore: start + .hours(1))
      #expect(try transaction.sessions(of: anna).map(\.id.text) == ["s0"])
      let ended = try transaction.endSessions(of: anna)
      #expect(ended == 1)
    }
  }

  // MARK: factors

  @Test(arguments: Engine.allCases)
  func `T12 rows 9, 10: a step of an app counts once, whoever comes at the same time`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    let app = AuthenticatorAppID(text: "app")
    try await database.write { [self] transaction in
      try transaction.insert(
        AuthenticatorApp(
          id: app, account: anna, name: "phone", sealedSecret: [1], addedAt: start))
      let first = try transaction.confirmApp(app, at: start + .hours(1))
      let second = try transaction.confirmApp(app, at: start + .hours(2))
      #expect(first && !second)
    }
    let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<100 {
        group.addTask { try await database.write { try $0.useStep(1_000, of: app, at: $0.now) } }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wins == 1)
    try await database.write { [self] transaction in
      let older = try transaction.useStep(999, of: app, at: start)
      let newer = try transaction.useStep(1_001, of: app, at: start + .days(1))
      #expect(!older && newer)
      let found = try #require(try transaction.authenticatorApps(of: anna).first)
      #expect(found.lastUsedAt == start + .days(1) && found.confirmedAt == start + .hours(1))
      let others = try transaction.removeApp(app, of: AccountID(text: "x"), at: start)
      let removed = try transaction.removeApp(app, of: anna, at: start)
      let afterwards = try transaction.useStep(2_000, of: app, at: start)
      #expect(!others && removed && !afterwards)
      #expect(try transaction.authenticatorApps(of: anna).isEmpty)
    }
  }

  @Test(arguments: Engine.allCases)
  func `T12: a passkey's counter moves from what was read; its id is one account's`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    @Sendable func credential(_ count: UInt32) -> PasskeyCredential {
      PasskeyCredential(
        id: [1, 2], publicKey: [3], algorithm: .edDSA, signatureCount: count, backupEligible: true,
        backedUp: false, transports: ["usb"], aaguid: [])
    }
    try await database.write { [self] transaction in
      func passkey(_ id: String) -> Passkey {
        Passkey(
          id: PasskeyID(text: id), account: anna, name: "key", credential: credential(5), addedAt: start)
      }
      let first = try transaction.insert(passkey("one"))
      let second = try transaction.insert(passkey("two"))
      #expect(first && !second)
      let used = try transaction.use(
        PasskeyID(text: "one"), counter: 5, to: credential(6), at: start + .days(1))
      let stale = try transaction.use(
        PasskeyID(text: "one"), counter: 5, to: credential(7), at: start + .days(2))
      #expect(used && !stale)
      let found = try #require(try transaction.passkey(credential: [1, 2]))
      #expect(found.credential == credential(6) && found.lastUsedAt == start + .days(1))
      let removed = try transaction.removePasskey(PasskeyID(text: "one"), of: anna, at: start)
      let third = try transaction.insert(passkey("three"))
      #expect(removed && third, "a credential that was removed may come back")
      #expect(try transaction.passkeys(of: anna).map(\.id.text) == ["three"])
    }
  }

  // MARK: holds

  @Test(arguments: Engine.allCases)
  func `H5: an account has one open hold, and everything of it is read again`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert"])
    try await database.write { [self] transaction in
      let first = try transaction.insert(hold("one"), nextNoticeAt: start + .days(15))
      let second = try transaction.insert(hold("two"), nextNoticeAt: nil)
      let others = try transaction.insert(hold("three", of: "bert"), nextNoticeAt: nil)
      #expect(first && !second && others)
      #expect(try transaction.hold(HoldID(text: "one")) == hold("one"))
      #expect(try transaction.openHold(of: anna) == hold("one"))
      #expect(try transaction.nextNotice(of: HoldID(text: "one")) == start + .days(15))
      #expect(try transaction.stoppedHold(of: anna) == nil && transaction.completedHold(of: anna) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `H11 T11: a hold leaves a state once, and an ended one never moves`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let running = hold("one")
    let contested = try moved(running, .contest(by: .password), at: start + .days(1))
    let stopped = try moved(contested, .stop(by: [.password]), at: start + .days(2))
    try await database.write { _ = try $0.insert(running, nextNoticeAt: nil) }
    let wins = try await withThrowingTaskGroup(of: Bool.self) { group in
      for _ in 0..<50 {
        group.addTask { try await database.write { try $0.move(contested, from: .running) } }
      }
      return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wins == 1)
    try await database.write { [self] transaction in
      #expect(try transaction.hold(running.id) == contested)
      let wrong = try transaction.move(stopped, from: .running)
      let right = try transaction.move(stopped, from: .contested)
      let ended = try transaction.move(contested, from: .stopped)
      #expect(!wrong && right && !ended)
      #expect(try transaction.openHold(of: anna) == nil)
      #expect(try transaction.stoppedHold(of: anna)?.id == running.id)
      let next = try transaction.insert(hold("two"), nextNoticeAt: nil)
      #expect(next)
    }
  }

  @Test(arguments: Engine.allCases)
  func `H9: who objects is kept, all of them`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let both = try moved(
      moved(hold("one"), .contest(by: .password), at: start),
      .contest(by: .email(ContactID(text: "e"))), at: start + .days(1))
    try await database.write { [self] transaction in
      _ = try transaction.insert(hold("one"), nextNoticeAt: nil)
      _ = try transaction.move(both, from: .running)
      let found = try transaction.hold(both.id)
      #expect(found?.contestedBy == both.contestedBy && found?.contestedAt == start)
    }
  }

  @Test(arguments: Engine.allCases)
  func `H6: a notice moves on once; the first moment it was told stays; a ticket is used`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    let id = HoldID(text: "one")
    try await database.write { [self] transaction in
      _ = try transaction.insert(hold("one"), nextNoticeAt: start + .days(15))
      let first = try transaction.moveNotice(of: id, from: start + .days(15), to: start + .days(28))
      let second = try transaction.moveNotice(of: id, from: start + .days(15), to: start + .days(29))
      let last = try transaction.moveNotice(of: id, from: start + .days(28), to: nil)
      #expect(first && !second && last)
      #expect(try transaction.nextNotice(of: id) == nil)
      try transaction.markTold(id, at: start + .hours(1))
      try transaction.markTold(id, at: start + .hours(9))
      try transaction.useTicket(of: id)
      try transaction.setChosenAgain(at: start + .days(31), in: id)
      let found = try #require(try transaction.hold(id))
      #expect(found.toldAt == start + .hours(1) && found.ticketUsed)
      #expect(found.chosenAgainAt == start + .days(31))
    }
  }

  @Test(arguments: Engine.allCases)
  func `H6 H11: holds are due for an end, a notice or a contest, and never because of what stands still`(
    _ kind: Engine
  ) async throws {
    let names = ["ended", "soon", "noticed", "contested", "frozen", "stuck"]
    let database = try await engine(kind, accounts: names)
    try await database.write { [self] transaction in
      _ = try transaction.insert(
        hold("ended", of: "ended", state: .stopped, days: 1, endedAt: start), nextNoticeAt: nil)
      _ = try transaction.insert(hold("soon", of: "soon", days: 7), nextNoticeAt: start + .days(3))
      _ = try transaction.insert(hold("noticed", of: "noticed"), nextNoticeAt: start + .days(1))
      _ = try transaction.insert(hold("contested", of: "contested"), nextNoticeAt: nil)
      _ = try transaction.insert(hold("frozen", of: "frozen", days: 1), nextNoticeAt: start)
      _ = try transaction.insert(hold("stuck", of: "stuck", days: 1), nextNoticeAt: nil)
      let contested = try moved(
        hold("contested", of: "contested"), .contest(by: .password), at: start + .hours(1))
      let paused = try moved(hold("frozen", of: "frozen", days: 1), .contest(by: .password), at: start)
      _ = try transaction.move(contested, from: .running)
      _ = try transaction.move(paused, from: .running)
      _ = try transaction.move(moved(paused, .freeze, at: start + .days(14)), from: .contested)
      _ = try transaction.setFrozen(Freeze(at: start, eventAt: start), of: AccountID(text: "stuck"))
      func due(_ days: Int) throws -> Set<String> {
        Set(try transaction.dueHolds(at: start + .days(days), limit: 100).map(\.text))
      }
      #expect(try due(0) == [])
      #expect(try due(1) == ["noticed"])
      #expect(try due(3) == ["noticed", "soon"])
      #expect(try due(7) == ["noticed", "soon"])
      #expect(try due(15) == ["noticed", "soon", "contested"])
      #expect(try transaction.dueHolds(at: start + .days(15), limit: 1).count == 1)
    }
  }

  @Test(arguments: Engine.allCases)
  func `H6 T19: any number of holds that cannot end leave the notices of others alone`(_ kind: Engine)
    async throws
  {
    let others = (0..<120).map { "other\($0)x" }
    let database = try await engine(kind, accounts: others + ["maria"])
    let due = try await database.write { [self] transaction in
      // Past their end, and nobody was ever told.
      for name in others { _ = try transaction.insert(hold(name, of: name, days: 1), nextNoticeAt: nil) }
      _ = try transaction.insert(hold("maria", of: "maria"), nextNoticeAt: start + .days(2))
      return try transaction.dueHolds(at: start + .days(2), limit: 100).map(\.text)
    }
    #expect(due.contains("maria"))
  }

  // MARK: the rest

  @Test(arguments: Engine.allCases)
  func `T16: facts of the service are set, changed and taken back`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      #expect(try transaction.fact(.completionsStoppedAt) == nil)
      try transaction.setFact(.completionsStoppedAt, to: start)
      try transaction.setFact(.completionsStoppedAt, to: start + .days(1))
      try transaction.setFact(.restoredAt, to: start)
      #expect(try transaction.fact(.completionsStoppedAt) == start + .days(1))
      try transaction.setFact(.completionsStoppedAt, to: nil)
      #expect(try transaction.fact(.completionsStoppedAt) == nil)
      #expect(try transaction.fact(.restoredAt) == start)
    }
  }

  @Test(arguments: Engine.allCases)
  func `C9: an id is spent once, with its moment`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      let first = try transaction.spend("form", for: anna)
      let second = try transaction.spend("form", for: anna)
      #expect(first && !second)
      #expect(try transaction.spent("form") == start)
      try transaction.forgetSpent(before: start)
      #expect(try transaction.spent("form") != nil)
      try transaction.forgetSpent(before: start + .milliseconds(1))
      #expect(try transaction.spent("form") == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `T8: tries are counted, forgotten, and nothing counts during a wait`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      let bucket: [UInt8] = [1]
      let counts = [
        try transaction.raise(bucket, at: start, forgetBefore: start - .hours(1)),
        try transaction.raise(bucket, at: start + .minutes(59), forgetBefore: start - .minutes(1)),
        // The second came a minute ago: it is the first that counts.
        try transaction.raise(bucket, at: start + .hours(1), forgetBefore: start),
      ]
      try transaction.block(bucket, until: start + .hours(3))
      let waiting = try transaction.raise(bucket, at: start + .hours(2), forgetBefore: start)
      let after = try transaction.raise(bucket, at: start + .hours(3), forgetBefore: start + .minutes(59))
      #expect(waiting == nil)
      #expect(
        counts + [after] == [
          ThrottleCount(tries: 1, since: start), ThrottleCount(tries: 2, since: start),
          ThrottleCount(tries: 1, since: start + .hours(1)),
          ThrottleCount(tries: 2, since: start + .hours(1)),
        ])
      #expect(try transaction.blockedUntil(bucket) == start + .hours(3))
      try transaction.clear(bucket)
      #expect(try transaction.blockedUntil(bucket) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `T8: a try is taken back with its own wait, and with nothing that came after it`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      let bucket: [UInt8] = [1]
      func raise(at now: Timestamp) throws -> ThrottleCount? {
        try transaction.raise(bucket, at: now, forgetBefore: now - .hours(1))
      }
      let none = Timestamp(milliseconds: 0)
      for tries in 1...3 { #expect(try raise(at: start) == ThrottleCount(tries: tries, since: start)) }
      try transaction.block(bucket, until: start + .minutes(5))
      // It has imposed none; another try has.
      try transaction.takeBack(bucket, since: start, wait: nil)
      #expect(try transaction.blockedUntil(bucket) == start + .minutes(5))
      try transaction.takeBack(bucket, since: start, wait: start + .minutes(4))
      #expect(try transaction.blockedUntil(bucket) == start + .minutes(5))
      try transaction.takeBack(bucket, since: start, wait: start + .minutes(5))
      #expect(try transaction.blockedUntil(bucket) == none)
      // All three are out: never below nothing, and the count still began with the first.
      try transaction.takeBack(bucket, since: start, wait: nil)
      #expect(try raise(at: start + .minutes(1)) == ThrottleCount(tries: 1, since: start))
      // Counted in what is forgotten by now.
      #expect(try raise(at: start + .hours(1)) == ThrottleCount(tries: 1, since: start + .hours(1)))
      try transaction.block(bucket, until: start + .hours(2))
      try transaction.takeBack(bucket, since: start, wait: start + .hours(2))
      #expect(try transaction.blockedUntil(bucket) == start + .hours(2))
      try transaction.takeBack([2], since: start, wait: nil)
      #expect(try transaction.blockedUntil([2]) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `T8: a bucket is kept as long as its count or its wait can matter`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      for bucket in [[1], [2]] as [[UInt8]] {
        _ = try transaction.raise(bucket, at: start, forgetBefore: start - .hours(1))
      }
      try transaction.block([2], until: start + .hours(3))
      try transaction.forgetThrottles(before: start)
      #expect(try transaction.blockedUntil([1]) != nil)
      try transaction.forgetThrottles(before: start + .milliseconds(1))
      #expect(try transaction.blockedUntil([1]) == nil)
      try transaction.forgetThrottles(before: start + .hours(3))
      #expect(try transaction.blockedUntil([2]) != nil)
      try transaction.forgetThrottles(before: start + .hours(3) + .milliseconds(1))
      #expect(try transaction.blockedUntil([2]) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `D2: history counts from one and is read newest first`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      for (number, event) in [SecurityEvent.Kind.signedIn, .holdStarted, .frozen].enumerated() {
        try transaction.append(
          SecurityEvent(
            at: start + .days(number), kind: event, detail: "d", source: Source(address: "192.0.2.1")),
          to: anna, leaving: number == 1 ? VersionID(text: "v1") : nil, sealedStateBefore: nil)
      }
      let events = try transaction.events(of: anna, limit: 2)
      #expect(events.map(\.number) == [3, 2] && events.map(\.kind) == [.frozen, .holdStarted])
      #expect(try transaction.events(of: anna, before: 3, limit: 1).map(\.number) == [2])
      #expect(try transaction.events(of: anna, before: 1, limit: 9).isEmpty)
      #expect(try transaction.event(1, of: anna)?.kind == .signedIn)
      #expect(try transaction.event(1, of: AccountID(text: "x")) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `Q4: a message is leased, given back, delivered and wiped`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      try transaction.enqueue("letter", sealedBody: [1])
      func lease(_ wait: Duration) throws -> [OutboxMessage] {
        try transaction.leaseOutbox(limit: 10, until: start + wait + .minutes(2), at: start + wait)
      }
      let first = try lease(.zero)
      let leased = try lease(.minutes(1))
      let again = try lease(.minutes(2))
      #expect(first.map(\.sealedBody) == [[1]] && leased.isEmpty && again.map(\.attempts) == [2])
      try transaction.postpone("letter", until: start + .hours(1))
      let early = try lease(.minutes(59))
      let late = try lease(.hours(1))
      #expect(early.isEmpty && late.count == 1)
      try transaction.delivered("letter", at: start + .hours(1))
      let gone = try lease(.hours(9))
      #expect(gone.isEmpty)
      try transaction.forgetDelivered(before: start + .hours(2))
    }
  }

  @Test(arguments: Engine.allCases)
  func `a transaction that throws leaves no trace`(_ kind: Engine) async throws {
    struct Stop: Error {}
    let database = try await engine(kind)
    await #expect(throws: Stop.self) {
      try await database.write { [self] transaction in
        _ = try transaction.spend("form", for: anna)
        try transaction.setTwoStep(since: start, of: anna)
        _ = try transaction.insert(hold("one"), nextNoticeAt: nil)
        throw Stop()
      }
    }
    try await database.read { [self] transaction throws in
      #expect(try transaction.spent("form") == nil)
      #expect(try transaction.account(anna)?.twoStepSince == nil)
      #expect(try transaction.openHold(of: anna) == nil)
    }
  }

  // MARK: closing accounts, forgotten usernames, lists

  @Test(arguments: Engine.allCases)
  func `D5: an account is erased once, when it is due, neither frozen nor held, and keeps its name`(
    engine: Engine
  ) async throws {
    let database = try await self.engine(engine, accounts: ["anna", "bert"])
    let end = start + .days(30)
    try await database.write { [anna] transaction in
      #expect(try !transaction.setClosing(at: nil, of: anna))
      #expect(try transaction.setClosing(at: end, of: anna))
      #expect(try transaction.account(anna)?.closesAt == end)
      #expect(try transaction.closingsDue(at: end - .seconds(1), limit: 9).isEmpty)
      #expect(try !transaction.erase(anna, at: end - .seconds(1)))
      _ = try transaction.setFrozen(Freeze(at: end, eventAt: end), of: anna)
      #expect(try transaction.closingsDue(at: end, limit: 9).isEmpty)
      #expect(try !transaction.erase(anna, at: end))
      _ = try transaction.setFrozen(nil, of: anna)
      try transaction.setHoldDue(at: end, of: anna)
      #expect(try !transaction.erase(anna, at: end))
      try transaction.setHoldDue(at: nil, of: anna)
      #expect(try transaction.closingsDue(at: end, limit: 9) == [anna])
    }
    try await database.write { [self] transaction in
      let erased = try transaction.erase(anna, at: end)
      #expect(erased)
      #expect(try !transaction.erase(anna, at: end))
      #expect(try transaction.account(anna) == nil)
      #expect(try transaction.account(canonicalName: "anna") == nil)
      #expect(try !transaction.setClosing(at: nil, of: anna))
      #expect(try !transaction.insert(accountRow("other"), named: Username("anna")))
      #expect(try transaction.accounts(after: nil, limit: 9).map(\.username) == ["bert"])
    }
  }

  @Test(arguments: Engine.allCases)
  func `accounts are listed in the order of ids, page by page`(engine: Engine) async throws {
    let database = try await self.engine(engine, accounts: ["carl", "anna", "bert"])
    try await database.read { transaction in
      let first = try transaction.accounts(after: nil, limit: 2)
      #expect(first.map(\.id.text) == ["anna", "bert"])
      #expect(try transaction.accounts(after: first.last?.id, limit: 2).map(\.id.text) == ["carl"])
      #expect(try transaction.accounts(after: AccountID(text: "carl"), limit: 2).isEmpty)
    }
  }

  @Test(arguments: Engine.allCases)
  func `G2: an address finds the accounts where it is confirmed and present`(engine: Engine) async throws {
    let database = try await self.engine(engine, accounts: ["anna", "bert", "carl", "dora"])
    func contact(_ id: String, of account: String, confirmed: Bool = true) -> Contact {
      Contact(
        id: ContactID(text: id), account: AccountID(text: account), kind: .email, address: "x",
        addedAt: start,
        confirmedAt: confirmed ? start : nil, fromSignUp: false)
    }
    let contacts = [
      contact("1", of: "anna"), contact("2", of: "bert"), contact("3", of: "carl", confirmed: false),
      contact("4", of: "dora"),
    ]
    try await database.write { [start] transaction in
      for contact in contacts { try transaction.insert(contact, sealedAddress: [1], addressDigest: [7]) }
      _ = try transaction.removeContact(ContactID(text: "4"), of: AccountID(text: "dora"), at: start)
    }
    try await database.read { transaction in
      let both = try transaction.confirmedContacts(addressDigest: [7], limit: 9)
      #expect(both.map(\.username) == ["anna", "bert"])
      #expect(try transaction.confirmedContacts(addressDigest: [7], limit: 1).map(\.username) == ["anna"])
      #expect(try transaction.confirmedContacts(addressDigest: [8], limit: 9).isEmpty)
    }
  }
}
