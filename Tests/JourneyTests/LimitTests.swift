import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

/// What is counted, for how long, and what a right answer takes back (DESIGN, section 6).
@Suite struct `What limits count` {
  private static let kim = Source(address: "203.0.113.7", agent: "Chrome · Android")

  private func isSlowed(_ body: () async throws -> Void) async throws -> Bool {
    do {
      try await body()
    } catch Refusal.slowDown {
      return true
    } catch is Refusal {}
    return false
  }

  /// Wrong passwords for names of their own, so that only the source is counted together.
  /// - Returns: how many got a verdict before the first wait.
  private func spray(
    _ world: World, from source: Source, most: Int = 200, between: () async throws -> Void = {}
  )
    async throws -> Int
  {
    for number in 0..<most {
      try await between()
      if try await isSlowed({
        _ = try await world.signIn("name\(number)", "wrong password", source: source)
      }) {
        return number
      }
    }
    return most
  }

  @Test func `T7: an office of three hundred right sign-ins without a quiet hour is never slowed down`()
    async throws
  {
    let world = try World(inMemory: true)
    _ = try await world.person()
    for _ in 0..<300 {
      _ = try await world.signIn()
      world.pass(.minutes(2))
    }
  }

  @Test func `T7: a wrong password now and then, without a quiet hour, never slows a source down`()
    async throws
  {
    let world = try World(inMemory: true)
    for number in 0..<300 {
      world.pass(.minutes(1))
      let slowed = try await isSlowed { _ = try await world.signIn("name\(number)", "wrong password") }
      #expect(!slowed, "try \(number)")
    }
  }

  @Test func `T7: counting starts anew an hour after a source's first try, though it never stopped`()
    async throws
  {
    let world = try World(inMemory: true)
    #expect(try await spray(world, from: world.source) == ThrottleRules.perSource.free)
    let rule = ThrottleRules.perSource
    // Whatever is tried meanwhile is refused or counted, and lengthens nothing beyond the longest wait.
    for _ in 0..<(60 * 60 / 30) {
      world.pass(.seconds(30))
      _ = try? await world.signIn("someone", "wrong password")
    }
    world.pass(rule.longestWait)
    #expect(try await spray(world, from: world.source) > rule.free / 2)
  }

  @Test func `T8: who signs in to an account of their own between guesses at others gains nothing`()
    async throws
  {
    let world = try World(inMemory: true)
    _ = try await world.person("mallory", email: nil)
    let verdicts = try await spray(world, from: Self.kim) {
      _ = try? await world.signIn("mallory", source: Self.kim)
    }
    #expect(verdicts == ThrottleRules.perSource.free)
    // The wait is there for their own account, too; after it the next guess brings a longer one.
    var waits: [Duration] = []
    for number in 0..<4 {
      guard
        case .slowDown(let until) = await #expect(
          throws: Refusal.self,
          performing: { try await world.signIn("mallory", source: Self.kim) })
      else { throw Refusal.outOfStep }
      waits.append(until - world.now)
      world.pass(until - world.now)
      _ = try await world.signIn("mallory", source: Self.kim)
      _ = try? await world.signIn("other\(number)", "wrong password", source: Self.kim)
    }
    #expect(waits == [.seconds(5), .seconds(10), .seconds(20), .seconds(40)])
  }

  @Test func `T8: a right try ends the wait that it imposed itself, and no other's`() async throws {
    let world = try World(inMemory: true)
    let ports = world.ports
    @Sendable func count(_ subject: String, _ transaction: any Transaction) throws -> CountedTry {
      try ports.countTry(ThrottleRules.password, on: subject, from: Self.kim, in: transaction)
    }
    let tried = try await ports.database.write { transaction in
      for number in 0..<(ThrottleRules.perSource.free - 2) { _ = try count("name\(number)", transaction) }
      return try count("right", transaction)
    }
    _ = try await ports.database.write { try count("wrong", $0) }
    try await ports.database.write { try ports.clearTries(tried, in: $0) }
    await #expect(throws: Refusal.slowDown(until: world.now + .seconds(5))) {
      try await ports.database.write { _ = try count("next", $0) }
    }
    // One that came to the limit itself: with it goes its wait.
    world.pass(.seconds(5))
    let last = try await ports.database.write { try count("right", $0) }
    #expect(try await isSlowed { try await ports.database.write { _ = try count("next", $0) } })
    try await ports.database.write { try ports.clearTries(last, in: $0) }
    try await ports.database.write { _ = try count("next", $0) }
    #expect(try await isSlowed { try await ports.database.write { _ = try count("next", $0) } })
  }

  @Test func `T8: what was counted before counting began anew takes nothing back afterwards`() async throws {
    let world = try World(inMemory: true)
    let ports = world.ports
    let old = try await ports.database.write {
      try ports.countTry(ThrottleRules.password, on: "right", from: Self.kim, in: $0)
    }
    world.pass(ThrottleRules.perSource.forgetAfter)
    #expect(try await spray(world, from: Self.kim, most: 99) == 99)
    try await ports.database.write { try ports.clearTries(old, in: $0) }
    #expect(try await spray(world, from: Self.kim) == 1)
  }

  @Test func `T8: right codes of the app use up nothing, at sign-in and on the way back`() async throws {
    let world = try World(inMemory: true)
    let maria = try await world.protected()
    for _ in 0..<(ThrottleRules.totpOfAccount.free + 10) { _ = try await world.signIn(app: maria.app) }
    for _ in 0..<(ThrottleRules.recoveryTOTPOfAccount.free + 10) {
      var claim = try await Claim(world)
      try await claim.show(app: maria.app)
    }
  }

  @Test func `T8: right codes give strangers no further guesses at an account's app`() async throws {
    let world = try World(inMemory: true)
    let maria = try await world.protected()
    var verdicts = 0
    for number in 0..<200 {
      let thief = Source(address: "198.51.100.\(number)")
      if number.isMultiple(of: 10) { _ = try? await world.signIn(app: maria.app) }
      let start = try await world.site.recovery.start(username: "maria", binding: .api)
      do {
        _ = try await world.site.recovery.enterTOTP(
          start.journey, code: "000000", binding: .api, source: thief)
      } catch { verdicts += error as? Refusal == .totpWrong ? 1 : 0 }
    }
    #expect(verdicts < ThrottleRules.recoveryTOTPOfAccount.free + 20)
  }

  @Test
  func `T7: whatever is right is taken back: more than a source's free tries of each kind slow nobody down`()
    async throws
  {
    let world = try World(inMemory: true)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    let ticket = try #require(held.ticket)
    let number = ThrottleRules.perSource.free + 10
    for _ in 0..<number {
      _ = try await world.site.holds.status(held.hold.id, ticket: ticket, source: world.source)
    }
    let opened = try await world.openCase()
    for _ in 0..<number {
      _ = try await world.site.support.status(
        opened.supportCase.number, ticket: opened.ticket, source: world.source)
    }
    let paul = try await world.person("paul", email: "paul@example.org")
    let code = try await world.makeCode(paul).code
    let passkey = try await world.addPasskey(paul)
    for _ in 0..<number {
      var claim = try await Claim(world, "paul")
      try await claim.show(code: code)
      try await claim.show(password: World.password)
      try await claim.show(passkey: passkey)
    }
    var session = paul
    for _ in 0..<number {
      session = try await world.site.stepUp.prove(
        [.password(World.password)], by: world.signedIn(session), source: world.source)
      try await world.site.recoveryCodes.check(
        code.formatted, by: world.steppedUp(session), source: world.source)
    }
  }

  @Test func `T7: the ticket at the first sign-in after a hold may be shown again and again`() async throws {
    let world = try World(inMemory: true)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    try await world.work()
    world.pass(.days(30))
    try await world.work()
    for _ in 0..<(ThrottleRules.ticket.free + 5) {
      let progress = try await world.site.signIn.enterPassword(
        Claim.newPassword,
        journey: world.site.signIn.start(
          username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
        source: world.source)
      guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
      _ = try await world.site.signIn.enterTicket(
        #require(held.ticket), journey: step.journey, binding: .api, source: world.source)
    }
  }

  // MARK: issued codes

  /// A journey that waits for a code sent to the first option.
  private func awaiting(_ world: World, _ name: String, from source: Source) async throws -> String {
    let start = try await world.site.recovery.start(username: name, binding: .api)
    guard let option = start.options.first else { throw Refusal.outOfStep }
    return try await world.site.recovery.sendIssuedCode(
      start.journey, to: option.id, binding: .api, source: source
    ).journey
  }

  @Test func `T8: one source guesses at issued codes of many accounts no faster than at one's`() async throws
  {
    let world = try World(inMemory: true)
    var verdicts = 0
    // Names that nobody has count alike (S6).
    for number in 0..<60 {
      if number.isMultiple(of: 20) { world.pass(.minutes(1)) }
      guard let journey = try? await awaiting(world, "name\(number)", from: Self.kim) else { continue }
      for _ in 0..<5 {
        do {
          _ = try await world.site.recovery.enterIssuedCode(
            journey, code: "000000", binding: .api, source: Self.kim)
        } catch { verdicts += error as? Refusal == .issuedCodeWrong ? 1 : 0 }
      }
    }
    // A minute passes now and then, and with it a wait.
    let free = ThrottleRules.issuedCodesOfSource.free
    #expect((free...(free + 5)).contains(verdicts))
  }

  @Test func `T8: ten wrong issued codes for one name and the source waits; a right one clears that`()
    async throws
  {
    let world = try World(inMemory: true)
    _ = try await world.person()
    _ = try await world.person("paul", email: "paul@example.org")
    func enter(_ code: String, _ journey: String) async throws {
      _ = try await world.site.recovery.enterIssuedCode(
        journey, code: code, binding: .api, source: Self.kim)
    }
    var journey = ""
    for number in 0..<ThrottleRules.enterIssuedCode.free {
      if number.isMultiple(of: 5) { journey = try await awaiting(world, "maria", from: Self.kim) }
      await #expect(throws: Refusal.issuedCodeWrong) { try await enter("000000", journey) }
    }
    journey = try await awaiting(world, "maria", from: Self.kim)
    let code = try #require(try await world.mail().last?.code)
    await #expect(throws: Refusal.slowDown(until: world.now + .seconds(5))) { try await enter(code, journey) }
    // Strangers' tries are not the owner's, and others' names are not slowed.
    let other = try await awaiting(world, "paul", from: Self.kim)
    await #expect(throws: Refusal.issuedCodeWrong) { try await enter("000000", other) }
    world.pass(.seconds(5))
    try await enter(code, journey)
    for _ in 0..<4 {
      await #expect(throws: Refusal.issuedCodeWrong) {
        try await enter(code == "000000" ? "000001" : "000000", journey)
      }
    }
  }

  @Test func `T8: the codes that open a case with support are counted per source as well`() async throws {
    let world = try World(inMemory: true)
    var verdicts = 0
    var waits = 0
    for number in 0..<40 {
      let sent = try? await world.site.support.start(
        Support.Typed(
          category: .lostEverything, username: "maria", description: "My house burned down.",
          email: "kim\(number)@example.net"),
        binding: .api, source: Source(address: "198.51.100.\(number)"))
      guard let sent else { continue }
      for _ in 0..<5 {
        do {
          _ = try await world.site.support.confirm(
            sent.journey, code: "000000", binding: .api, source: Self.kim)
        } catch Refusal.issuedCodeWrong {
          verdicts += 1
        } catch Refusal.slowDown { waits += 1 }
      }
    }
    #expect(verdicts == ThrottleRules.issuedCodesOfSource.free)
    #expect(waits == 200 - verdicts)
  }

  // MARK: what the owner hears of

  /// A journey whose password was right.
  private func afterPassword(_ world: World, from source: Source) async throws -> String {
    let progress = try await world.site.signIn.enterPassword(
      World.password,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    return step.journey
  }

  private func told(_ world: World) async throws -> [String] {
    try await world.mail().compactMap { notice in
      if case .wrongSecondFactors(let count) = notice.kind { "\(count) to \(notice.address)" } else { nil }
    }
  }

  @Test
  func `T8: ten wrong second factors after the right password are told to every contact, whoever tried them`()
    async throws
  {
    let world = try World(inMemory: true)
    let maria = try await world.protected()
    let owner = try await world.signIn(app: maria.app)
    try await world.addContact("second@example.org", owner)
    let stranger = TestPasskey(.system)
    for number in 1...99 {
      let thief = Source(address: "198.51.100.\(number)")
      let journey = try await afterPassword(world, from: thief)
      if number.isMultiple(of: 3) {
        let prompt = try await world.site.signIn.passkeyPrompt(binding: .api)
        let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
        await #expect(throws: Refusal.passkeyWrong(.wrongCredential)) {
          try await world.site.signIn.enterPasskey(
            stranger.assertion(request, of: AccountID(text: "a")), request: prompt.request, journey: journey,
            binding: .api, source: thief)
        }
      } else {
        // The wait of the account as a whole is over then.
        world.pass(.minutes(5))
        await #expect(throws: Refusal.totpWrong) {
          try await world.site.signIn.enterTOTP("000000", journey: journey, binding: .api, source: thief)
        }
      }
      let news = try await told(world).sorted()
      #expect(news == (number == 10 ? ["10 to maria@example.org", "10 to second@example.org"] : []))
    }
    let noted = try await world.site.securityInfo.activity(for: world.signedIn(owner))
      .filter { $0.kind == .wrongSecondFactors }
    #expect(noted.map(\.source.address) == ["198.51.100.10"])
  }

  @Test func `T8: wrong codes of the app are told on the way back only when the password was right`()
    async throws
  {
    let world = try World(inMemory: true)
    _ = try await world.protected()
    for number in 1...20 {
      let thief = Source(address: "198.51.100.\(number)")
      var journey = try await world.site.recovery.start(username: "maria", binding: .api).journey
      if number > 10 {
        journey = try await world.site.recovery.enterPassword(
          journey, password: World.password, binding: .api, source: thief
        ).journey
      }
      await #expect(throws: Refusal.totpWrong) {
        try await world.site.recovery.enterTOTP(journey, code: "000000", binding: .api, source: thief)
      }
      #expect(try await told(world) == (number == 20 ? ["10 to maria@example.org"] : []))
    }
  }

  // MARK: IPv6

  @Test func `T8: one subscriber's 65,536 IPv6 networks share ten times the tries of one source`()
    async throws
  {
    let world = try World(inMemory: true)
    var verdicts = 0
    for number in 0..<1_200 {
      let source = Source(address: "2001:db8:7:\(String(number, radix: 16))::")
      let slowed = try await isSlowed {
        _ = try await world.signIn("name\(number)", "wrong password", source: source)
      }
      verdicts += slowed ? 0 : 1
    }
    #expect(verdicts == ThrottleRules.perNetwork.free)
    let neighbour = Source(address: "2001:db8:8:1::")
    #expect(try await !isSlowed { _ = try await world.signIn("name", "wrong", source: neighbour) })
  }
}
