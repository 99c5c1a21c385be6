import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Two-step verification` {
  @Test func `S5: it goes on with a working second factor, and asks for it at every sign-in`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let other = try await world.signIn()
    await #expect(throws: Refusal.secondFactorNeeded) { try await world.twoStepOn(session) }
    let unconfirmed = try await world.site.securityInfo.addApp(
      named: "", by: world.steppedUp(session), source: world.source)
    await #expect(throws: Refusal.secondFactorNeeded) { try await world.twoStepOn(session) }
    _ = unconfirmed
    let app = try await world.addApp(session)
    try await world.twoStepOn(session)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(other) }
    _ = try await world.signedIn(session)
    await #expect(throws: Refusal.outOfStep) { try await world.signIn() }
    _ = try await world.signIn(app: app)
    #expect(
      try await world.mail().contains { if case .twoStepOn = $0.kind { true } else { false } })
  }

  @Test func `S5: it goes off after a step-up, but not beside a password too short to stand alone`()
    async throws
  {
    let world = try World(limits: false)
    let session = try await world.person()
    let app = try await world.addApp(session)
    try await world.twoStepOn(session)
    let full = try await world.signIn(app: app)
    try await world.site.securityInfo.changePassword(
      to: "nine grey!", by: world.steppedUp(full), source: world.source)
    await #expect(throws: Refusal.passwordTooShortAlone) {
      try await world.site.securityInfo.setTwoStep(false, by: world.steppedUp(full), source: world.source)
    }
    try await world.site.securityInfo.changePassword(
      to: World.password, by: world.steppedUp(full), source: world.source)
    try await world.site.securityInfo.setTwoStep(false, by: world.steppedUp(full), source: world.source)
    _ = try await world.signIn()
  }

  @Test func `S5 D4: the last second factor stays while it is on`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let app = try await world.addApp(session)
    try await world.twoStepOn(session)
    let full = try await world.signIn(app: app)
    await #expect(throws: Refusal.secondFactorNeeded) {
      try await world.site.securityInfo.remove(
        .totp(app.id), by: world.steppedUp(full), source: world.source)
    }
    let passkey = try await world.addPasskey(full)
    let removal = try await world.site.securityInfo.remove(
      .totp(app.id), by: world.steppedUp(full), source: world.source)
    #expect({ if case .removed = removal { true } else { false } }())
    _ = passkey
  }

  @Test func `S4 row 38: every way to sign in asks for the account's own level`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let app = try await world.addApp(session)
    let passkey = try await world.addPasskey(session)
    try await world.twoStepOn(session)
    await #expect(throws: Refusal.outOfStep, "the password alone") { try await world.signIn() }
    _ = try await world.steppedUp(world.signIn(app: app))
    let alone = try await world.signIn(passkey: passkey)
    _ = try await world.steppedUp(alone)
    #expect(alone.session.proofs == [.passkey(try #require(passkey.id))])
    let second = try await world.signIn("maria", World.password, passkey: passkey)
    _ = try await world.steppedUp(second)
    // Not with a wrong password before it, and not with somebody else's passkey.
    let victor = try await world.person("victor", email: nil)
    let other = try await world.addPasskey(victor)
    await #expect(throws: Refusal.passkeyWrong(.wrongCredential)) {
      try await world.signIn("maria", World.password, passkey: other)
    }
    await #expect(throws: Refusal.wrongNameOrPassword) {
      try await world.signIn("maria", "not the right one", passkey: passkey)
    }
  }

  @Test func `row 10 T12: a step of an app is accepted once, at any door, on any node, of 64 at once`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let other = try world.secondNode()
    var journeys: [String] = []
    for _ in 0..<64 {
      let progress = try await world.site.signIn.enterPassword(
        World.password,
        journey: world.site.signIn.start(
          username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
        source: world.source)
      guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
      journeys.append(step.journey)
    }
    let code = maria.app.code(at: world.now)
    let wins = await withTaskGroup(of: Bool.self) { group in
      for (number, journey) in journeys.enumerated() {
        group.addTask {
          (try? await SignIn(number.isMultiple(of: 2) ? world.ports : other).enterTOTP(
            code, journey: journey, binding: .api, source: world.source)) != nil
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(wins == 1)
    let start = try await world.site.recovery.start(username: "maria", binding: .api)
    await #expect(throws: Refusal.totpWrong) {
      try await world.site.recovery.enterTOTP(
        start.journey, code: code, binding: .api, source: world.source)
    }
  }

  @Test func `row 9: a code of an app is good for 90 seconds, to the millisecond`() async throws {
    let step: Int64 = 60_000_100
    for (time, opens) in [
      ((step - 1) * 30_000 - 1, false), ((step - 1) * 30_000, true), ((step + 2) * 30_000 - 1, true),
      ((step + 2) * 30_000, false),
    ] {
      let world = try World(limits: false)
      let session = try await world.person()
      let app = try await world.addApp(session)
      try await world.twoStepOn(session)
      world.set(Timestamp(milliseconds: time))
      let progress = try await world.site.signIn.enterPassword(
        World.password,
        journey: world.site.signIn.start(
          username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
        source: world.source)
      guard case .secondFactor(let second) = progress else { throw Refusal.outOfStep }
      let started = try? await world.site.signIn.enterTOTP(
        TOTP.code(secret: app.secret, step: step), journey: second.journey, binding: .api,
        source: world.source)
      #expect((started != nil) == opens, "\(time)")
    }
  }

  @Test(arguments: [(1, ThrottleRules.totp.free), (200, ThrottleRules.totpOfAccount.free)])
  func `row 29 T8: of 200 parallel wrong codes of an app few get a verdict, from one source or from many`(
    sources: Int, expected: Int
  ) async throws {
    let world = try World()
    let maria = try await world.protected()
    let progress = try await world.site.signIn.enterPassword(
      World.password,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: world.source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    let right = (-1...1).map {
      TOTP.code(secret: maria.app.secret, step: TOTP.stepNumber(at: world.now) + $0)
    }
    let wrong = try #require(["000000", "111111", "222222", "333333"].first { !right.contains($0) })
    let verdicts = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<200 {
        group.addTask {
          do {
            _ = try await world.site.signIn.enterTOTP(
              wrong, journey: step.journey, binding: .api,
              source: Source(address: "198.51.100.\(number % sources)"))
            return true
          } catch { return error as? Refusal == .totpWrong }
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(verdicts == expected)
  }

  @Test func `row 36: a second step left open does not survive a change of the password`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let progress = try await world.site.signIn.enterPassword(
      World.password,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: world.source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    let session = try await world.signIn(app: maria.app)
    try await world.site.securityInfo.changePassword(
      to: "changed by its owner just now", by: world.steppedUp(session), source: world.source)
    world.pass(.seconds(30))
    await #expect(throws: Refusal.changedMeanwhile) {
      try await world.site.signIn.enterTOTP(
        maria.app.code(at: world.now), journey: step.journey, binding: .api, source: world.source)
    }
  }

  @Test func `row 36: a second step left open for ten minutes is over`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let progress = try await world.site.signIn.enterPassword(
      World.password,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: world.source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    world.pass(.minutes(10))
    await #expect(throws: Refusal.expired) {
      try await world.site.signIn.enterTOTP(
        maria.app.code(at: world.now), journey: step.journey, binding: .api, source: world.source)
    }
  }

  @Test func `row 37: two mailboxes are one kind, and the code twice is one code`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    try await world.addContact("second@example.org", session)
    let app = try await world.addApp(session)
    try await world.twoStepOn(session)
    world.pass(.minutes(1))
    let code = try await world.makeCode(session).code
    world.pass(.days(60))
    var claim = try await Claim(world)
    try await claim.show(mailTo: "maria@example.org")
    try await claim.show(mailTo: "second@example.org")
    #expect(claim.decision?.outcome == .held(.full))
    var twice = try await Claim(world)
    try await twice.show(code: code)
    try await twice.show(code: code)
    #expect(twice.decision?.outcome == .held(.full))
    _ = app
  }

  @Test func `H2 row 3: the code and one senior factor open at once, and the factors are settled first`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let before = try await world.signIn(app: maria.app)
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    try await claim.show(password: World.password)
    #expect(claim.decision?.outcome == .now && claim.decision?.row == 3)
    guard case .recovered(let code, let session?) = try await claim.end() else { throw Refusal.outOfStep }
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(before) }
    await #expect(throws: Refusal.factorsUnsettled) { try await world.signedIn(session) }
    // The same step again: the same answer.
    guard case .recovered(let again, let same?) = try await claim.end() else { throw Refusal.outOfStep }
    #expect(again.code == code.code && same.session.id == session.session.id)
  }

  @Test func `H13 row 4: the password may stay when the factors are what is lost`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    #expect(!claim.progress.mayKeepPassword)
    await #expect(throws: Refusal.field(.newPassword, .missing)) { try await claim.end(password: nil) }
    try await claim.show(password: World.password)
    guard case .recovered(_, let session?) = try await claim.end(password: nil) else {
      throw Refusal.outOfStep
    }
    let unsettled = try await world.site.sessions.unsettled(by: session.token)
    try await world.site.factorSettling.remove(.totp(maria.app.id), by: unsettled, source: world.source)
    await #expect(throws: Refusal.outOfStep) { try await world.signIn() }
  }

  @Test func `row 39: what changes nothing leaves a running recovery alone`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    let session = try await world.signIn(app: maria.app)
    let by = try await world.steppedUp(session)
    try await world.site.securityInfo.setTwoStep(true, by: by, source: world.source)
    try await world.site.recoveryCodes.check(maria.code.formatted, by: by, source: world.source)
    await #expect(throws: Refusal.field(.email, .unchanged)) {
      try await world.site.securityInfo.addContact(
        NewContact(typed: maria.email.uppercased()), by: by, source: world.source)
    }
    _ = try await claim.hold()
  }

  @Test func `row 40: a stranger's attempts sign nobody out and change nothing`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    var claim = try await Claim(world)
    try await claim.show(mailTo: maria.email)
    #expect(claim.decision?.outcome == .held(.full))
    let held = try await claim.hold()
    await #expect(throws: Refusal.self) {
      var wrong = try await Claim(world)
      try await wrong.show(code: RecoveryCode.generate())
    }
    _ = try await world.signedIn(session)
    _ = try await world.signIn(app: maria.app)
    #expect(try await world.hold(held.hold.id).state == .running)
  }

  @Test func `row 12: while strangers try, the owner signs in from elsewhere`() async throws {
    let world = try World()
    let maria = try await world.protected()
    for number in 0..<60 {
      let stranger = Source(address: "198.51.100.\(number / 6)")
      _ = try? await world.signIn("maria", "wrong password", source: stranger)
      let start = try await world.site.recovery.start(username: "maria", binding: .api)
      _ = try? await world.site.recovery.enterTOTP(
        start.journey, code: "000000", binding: .api, source: stranger)
      _ = try? await world.site.recovery.enterPassword(
        start.journey, password: "wrong password", binding: .api, source: stranger)
    }
    _ = try await world.signIn(app: maria.app)
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    try await claim.show(password: World.password)
    #expect(claim.decision?.outcome == .now)
  }

  @Test func `row 8: issued codes are limited per contact, whatever the addresses they are asked from`()
    async throws
  {
    let world = try World()
    let maria = try await world.protected()
    var tries = 0
    for number in 0..<60 {
      let source = Source(address: "198.51.100.\(number)")
      let start = try await world.site.recovery.start(username: "maria", binding: .api)
      guard
        let sent = try? await world.site.recovery.sendIssuedCode(
          start.journey, to: start.options[0].id, binding: .api, source: source)
      else { continue }
      for _ in 0..<7 {
        do {
          _ = try await world.site.recovery.enterIssuedCode(
            sent.journey, code: "000000", binding: .api, source: source)
        } catch { tries += error as? Refusal == .issuedCodeWrong ? 1 : 0 }
      }
    }
    // 20 mails, five verdicts each; the sixth and seventh try of each get the same answer without a look.
    #expect(try await world.mail().count <= ThrottleRules.mailToContact.free)
    #expect(tries <= ThrottleRules.mailToContact.free * 7)
    _ = maria
  }

  @Test func `row 20 T24: mails and links are made of what is stored, never of a request`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    _ = try await world.claim(code: maria.code)
    let told = try await world.mail()
    #expect(!told.isEmpty && told.allSatisfy { $0.address == maria.email && $0.username == "maria" })
  }
}

extension World {
  /// Without a username.
  func signIn(passkey: TestPasskey) async throws -> StartedSession {
    let prompt = try await site.signIn.passkeyPrompt(binding: .api)
    let request = try ports.open(PasskeyRequest.self, prompt.request, for: .api)
    return try await site.signIn.enterPasskey(
      try passkey.assertion(request, of: account().id), request: prompt.request, binding: .api, source: source
    )
  }

  /// As second factor.
  func signIn(_ name: String, _ password: String, passkey: TestPasskey) async throws -> StartedSession {
    let progress = try await site.signIn.enterPassword(
      password,
      journey: site.signIn.start(username: name, binding: .api, source: Source(address: "192.0.2.1")),
      binding: .api, source: source)
    guard case .secondFactor(let step) = progress, let prompt = step.passkey else { throw Refusal.outOfStep }
    let request = try ports.open(PasskeyRequest.self, prompt.request, for: .api)
    return try await site.signIn.enterPasskey(
      try passkey.assertion(request, of: account(name).id), request: prompt.request, journey: step.journey,
      binding: .api, source: source)
  }
}
