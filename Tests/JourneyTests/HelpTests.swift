import SparekeyCore
import SparekeyWeb
import Testing

@testable import sparekey

@Suite struct `Help` {
  // MARK: sign-in helper

  static let kinds: [ProofKind] = [.password, .recoveryCode, .email, .phone, .totp, .passkey]
  static let belongings: [Set<ProofKind>] = (0..<64).map { bits in
    Set(kinds.indices.filter { bits & 1 << $0 != 0 }.map { kinds[$0] })
  }

  @Test(arguments: [false, true])
  func `G1: the helper says what the policy decides, for everything someone can still have`(strict: Bool) {
    for having in Self.belongings {
      let evidence = having.map { EvidenceStrength(kind: $0, isSenior: true) }
      for twoStep in [false, true] {
        let advice = SignInHelper.advise(having: having, twoStep: twoStep, strict: strict)
        #expect(advice.count == 1)
        let decided = RecoveryPolicy.decide(twoStep: twoStep, strict: strict, evidence: evidence).outcome
        switch advice[0].way {
        case .signIn:
          #expect(having.contains(.passkey) || having.contains(.password))
          #expect(!twoStep || having.contains(.passkey) || having.isSuperset(of: [.password, .totp]))
        case .recovery(let outcome, let sets):
          #expect(outcome == decided)
          #expect(!sets.isEmpty)
          #expect(sets.allSatisfy { $0.allSatisfy { need in evidence.contains(where: need.isMet) } })
        case .support: #expect(decided == .notEnough)
        }
      }
    }
  }

  @Test
  func `G1: who does not know whether there is a second step hears of both, or of one way that fits both`() {
    for having in Self.belongings {
      let advice = SignInHelper.advise(having: having, twoStep: nil, strict: false)
      #expect(advice.count == 1 && advice[0].twoStep == nil || advice.map(\.twoStep) == [false, true])
    }
    #expect(SignInHelper.advise(having: [], twoStep: nil, strict: false).map(\.way) == [.support])
    #expect(SignInHelper.advise(having: [.passkey], twoStep: nil, strict: false).map(\.way) == [.signIn])
  }

  // MARK: forgotten username

  func send(_ typed: String, in world: World, from source: Source? = nil) async throws {
    try await world.site.forgottenUsername.send(to: typed, source: source ?? world.source)
  }

  func names(in world: World) async throws -> [(address: String, names: [String])] {
    try await world.mail().compactMap { notice in
      guard case .usernames(let names) = notice.kind else { return nil }
      return (notice.address, names)
    }
  }

  @Test func `G2: every username goes to the confirmed address as it is stored, and to no other`()
    async throws
  {
    let world = try World()
    let maria = try await world.person("maria", email: "Maria@example.org")
    world.pass(.seconds(1))
    _ = try await world.person("maria.work", email: "maria@example.org")
    try await world.addContact("+49 171 1234567", maria)
    _ = try await world.mail()

    try await send(" MARIA@EXAMPLE.ORG ", in: world)
    try await send("0049 (0)171 1234567", in: world)
    let sent = try await names(in: world)
    #expect(sent.map(\.address) == ["Maria@example.org", "+491711234567"])
    #expect(sent.map(\.names) == [["maria", "maria.work"], ["maria"]])
  }

  @Test
  func `G2: an address that is not confirmed, removed or unknown hears nothing, and nothing shows that`()
    async throws
  {
    let world = try World()
    let maria = try await world.person()
    let signedIn = try await world.steppedUp(maria)
    _ = try await world.site.securityInfo.addContact(
      NewContact(typed: "victim@example.net"), by: signedIn, source: world.source)
    let removed = try await world.addContact("old@example.net", maria)
    _ = try await world.site.securityInfo.remove(removed, by: world.steppedUp(maria), source: world.source)
    _ = try await world.mail()
    var costs: Set<Int> = []
    for typed in ["victim@example.net", "old@example.net", "nobody@example.net", "maria@example.org"] {
      world.tap.visit(nil)
      try await send(typed, in: world)
      costs.insert(world.tap.count)
    }
    #expect(costs.count == 1, "known and unknown addresses cost the same statements")
    #expect(try await names(in: world).map(\.address) == ["maria@example.org"])
  }

  @Test func `G2 T10: a contact is written to three times a day; the answer stays the same`() async throws {
    let world = try World()
    _ = try await world.person()
    _ = try await world.mail()
    for number in 0..<6 {
      try await send(
        "maria@example.org", in: world, from: Source(address: "198.51.100.\(number)"))
    }
    #expect(try await names(in: world).count == 3)
    world.pass(.days(1))
    try await send("maria@example.org", in: world)
    #expect(try await names(in: world).count == 1)
  }

  @Test func `G2 T10: one source, and everyone together, is slowed down`() async throws {
    let world = try World()
    for number in 0..<10 { try await send("someone\(number)@example.net", in: world) }
    await #expect(throws: Refusal.self) { try await send("one.more@example.net", in: world) }
    let others = try World()
    await #expect(throws: Refusal.slowDown(until: others.now + .minutes(2))) {
      for number in 0..<100 {
        try await send(
          "+4917100000\(100 + number)", in: others, from: Source(address: "198.51.100.\(number)"))
      }
    }
    try await send("mail@example.net", in: others, from: Source(address: "198.51.100.200"))
  }

  @Test func `G2: what is no contact is told so, and counts nothing`() async throws {
    let world = try World()
    for _ in 0..<30 {
      await #expect(throws: Refusal.field(.contact, .missing)) { try await send("  ", in: world) }
      await #expect(throws: Refusal.self) { try await send("maria", in: world) }
      await #expect(throws: Refusal.self) { try await send("a@b@c", in: world) }
    }
    try await send("maria@example.org", in: world)
  }

  // MARK: ways back in

  @Test func `D3: for every two losses the dashboard says what the policy decides`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let overview = try await world.site.securityInfo.overview(
      for: world.signedIn(world.signIn(app: maria.app)))
    func way(_ losses: [WaysBack.Loss]) -> WaysBack.Way? {
      overview.waysBack.first { $0.losses == losses }?.way
    }
    #expect(overview.waysBack.count == 11, "four alone, six pairs, and all")
    let expected: [([WaysBack.Loss], RecoveryPolicy.Outcome)] = [
      ([.password], .now), ([.phone], .now), ([.mailbox, .phone], .now), ([.password, .phone], .now),
      ([.password, .sheet], .now), ([.phone, .sheet], .held(.short)),
    ]
    for (losses, outcome) in expected {
      guard case .recovery(outcome, _) = way(losses) else {
        Issue.record("\(losses): \(String(describing: way(losses)))")
        continue
      }
    }
    #expect(way([.mailbox]) == .signIn && way([.sheet]) == .signIn && way([.mailbox, .sheet]) == .signIn)
    #expect(way(WaysBack.Loss.allCases) == .support)
  }

  @Test func `D3: a single point of failure is named, and the step that mends it does`() async throws {
    let world = try World(limits: false)
    let maria = try await world.person(email: nil)
    func points() async throws -> [WaysBack.Loss] {
      try await world.site.securityInfo.overview(for: world.signedIn(maria)).singlePointsOfFailure.map(\.loss)
    }
    let before = try await world.site.securityInfo.overview(for: world.signedIn(maria))
    #expect(before.singlePointsOfFailure.map(\.loss) == [.password])
    #expect(before.singlePointsOfFailure.map(\.step) == [.recoveryCode])
    _ = try await world.makeCode(maria)
    #expect(try await points() == [])
  }

  @Test func `O7: the report names who hangs by one thing, and says how far it is`() async throws {
    let world = try World(limits: false)
    _ = try await world.person("bare", email: nil)
    _ = try await world.makeCode(world.person("safe", email: nil))
    var (named, looked): ([String], [Int]) = ([], [])
    try await world.site.directory.eachWithoutWayBack { account, points in
      named.append(account.username)
      #expect(points.map(\.loss) == [.password])
    } looked: {
      looked.append($0)
    }
    #expect(named == ["bare"])
    #expect(looked.contains(2))
  }

  // MARK: closing

  @Test(arguments: Closing.Grace.allCases)
  func
    `D5: an account closes after its grace period, everything about it is erased, and its name stays taken`(
      grace: Closing.Grace
    ) async throws
  {
    let world = try World(limits: false)
    let maria = try await world.person()
    let code = try await world.makeCode(maria)
    let other = try await world.signIn("maria", World.password)
    let end = try await world.site.closing.close(
      after: grace, by: world.steppedUp(maria), source: world.source)
    #expect(end == world.now + grace.duration)
    for session in [maria, other] {
      await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(session) }
    }
    #expect(
      try await world.mail().contains {
        if case .closing(end) = $0.kind { $0.address == "maria@example.org" } else { false }
      })
    world.pass(grace.duration - .seconds(1))
    try await world.ports.forgetWhatIsOver()
    #expect(try await world.account().closesAt == end)
    world.pass(.seconds(1))
    try await world.ports.forgetWhatIsOver()
    let journey = try await world.site.recovery.start(username: "maria", withCode: true, binding: .api)
    await #expect(throws: Refusal.codeWrong) {
      try await world.site.recovery.enterRecoveryCode(
        journey.journey, code: code.code.formatted, binding: .api, source: world.source)
    }
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn("maria", World.password) }
    await #expect(throws: Refusal.field(.username, .taken)) { try await world.person(email: nil) }
    _ = try await world.mail()
    try await send("maria@example.org", in: world)
    #expect(try await names(in: world).isEmpty)
  }

  @Test func `D5: signing in opens it again, and everyone is told`() async throws {
    let world = try World(limits: false)
    let maria = try await world.person()
    _ = try await world.site.closing.close(
      after: .thirtyDays, by: world.steppedUp(maria), source: world.source)
    _ = try await world.mail()
    world.pass(.days(29))
    let back = try await world.signIn("maria", World.password)
    #expect(try await world.account().closesAt == nil)
    #expect(
      try await world.mail().contains { if case .reopened = $0.kind { true } else { false } })
    world.pass(.days(2))
    try await world.ports.forgetWhatIsOver()
    _ = try await world.signedIn(back)
  }

  @Test func `D5: getting back in with the sheet opens it again`() async throws {
    let world = try World(limits: false)
    let maria = try await world.person()
    let code = try await world.makeCode(maria)
    _ = try await world.site.closing.close(
      after: .thirtyDays, by: world.steppedUp(maria), source: world.source)
    _ = try await world.recover(world.provedJourney(code: code.code), to: Claim.newPassword)
    #expect(try await world.account().closesAt == nil)
  }

  @Test func `D5: nothing is erased while a recovery waits, and the one that takes effect opens it again`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    _ = try await world.site.closing.close(
      after: .thirtyDays, by: world.steppedUp(session), source: world.source)
    world.pass(.days(15))
    _ = try await world.claim(code: maria.code)
    try await world.work()
    world.pass(.days(16))
    try await world.ports.forgetWhatIsOver()
    #expect(try await world.account().closesAt != nil)
    world.pass(.days(15))
    try await world.work()
    #expect(try await world.account().closesAt == nil)
  }

  @Test func `D5 H7: while a recovery waits, the account cannot be closed`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let steppedUp = try await world.steppedUp(session)
    _ = try await world.claim(code: maria.code)
    await #expect(throws: Refusal.self) {
      try await world.site.closing.close(after: .thirtyDays, by: steppedUp, source: world.source)
    }
    #expect(try await world.account().closesAt == nil)
  }
}
