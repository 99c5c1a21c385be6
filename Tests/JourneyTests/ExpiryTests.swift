import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Time limits` {
  private static let moment = Duration.milliseconds(1)

  /// Every verb that takes the token of a recovery.
  private static func verbs(_ world: World) -> [(String, (String) async throws -> Void)] {
    let recovery = world.site.recovery
    let source = world.source
    return [
      ("resume", { _ = try await recovery.resume($0, binding: .api) }),
      ("name", { _ = try recovery.name($0, binding: .api) }),
      ("another option", { _ = try await recovery.useDifferentOption($0, binding: .api) }),
      ("none of these", { _ = try await recovery.noneOfThese($0, binding: .api) }),
      ("send", { _ = try await recovery.sendIssuedCode($0, to: "x", binding: .api, source: source) }),
      (
        "issued code",
        { _ = try await recovery.enterIssuedCode($0, code: "123456", binding: .api, source: source) }
      ),
      (
        "recovery code",
        {
          _ = try await recovery.enterRecoveryCode(
            $0, code: RecoveryCode.generate().formatted, binding: .api, source: source)
        }
      ),
      (
        "password", { _ = try await recovery.enterPassword($0, password: "x", binding: .api, source: source) }
      ),
      ("app", { _ = try await recovery.enterTOTP($0, code: "123456", binding: .api, source: source) }),
      ("ask for a passkey", { _ = try await recovery.passkeyPrompt($0, binding: .api) }),
      (
        "passkey",
        {
          let prompt = try await world.site.signIn.passkeyPrompt(binding: .api)
          let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
          _ = try await recovery.enterPasskey(
            $0, assertion: TestPasskey(.system).assertion(request, of: AccountID(text: "a")),
            request: prompt.request, binding: .api, source: source)
        }
      ),
      ("wait", { _ = try await recovery.acceptWait($0, binding: .api) }),
      ("more evidence", { _ = try await recovery.showMore($0, binding: .api) }),
      ("object", { _ = try await recovery.object($0, binding: .api, source: source) }),
      ("new password", { _ = try await world.recover($0, to: "a brand new green bicycle") }),
      ("finished", { _ = try await recovery.finished($0, binding: .api) }),
    ]
  }

  @Test func `row 31: a recovery is over after one hour, to the millisecond, whatever is tried with it`()
    async throws
  {
    for (wait, isOver) in [(RecoveryAttempt.lifetime - Self.moment, false), (RecoveryAttempt.lifetime, true)]
    {
      let world = try World(limits: false)
      _ = try await world.person()
      for name in ["maria", "nobody"] {
        let began = world.now
        let start = try await world.site.recovery.start(username: name, binding: .api)
        world.pass(wait)
        for (verb, run) in Self.verbs(world) {
          do {
            try await run(start.journey)
            #expect(!isOver, "\(verb) of \(name)")
          } catch let refusal as Refusal {
            #expect((refusal == .expired) == isOver, "\(verb) of \(name) after \(world.now - began)")
          }
        }
      }
    }
  }

  @Test func `row 31: evidence is over after 20 minutes, to the millisecond`() async throws {
    for (wait, opens) in [(Evidence.lifetime - Self.moment, true), (Evidence.lifetime, false)] {
      let world = try World()
      let journey = try await world.provedJourney(code: world.makeCode(world.person()).code)
      world.pass(wait)
      do {
        _ = try await world.recover(journey, to: "a brand new green bicycle")
        #expect(opens)
      } catch let refusal as Refusal {
        #expect(!opens && refusal == .expired)
      }
    }
  }

  @Test func `row 31: a sign-in and the form for a new code are over after one hour, to the millisecond`()
    async throws
  {
    for (wait, works) in [(SignInAttempt.lifetime - Self.moment, true), (SignInAttempt.lifetime, false)] {
      let world = try World()
      let steppedUp = try await world.signedIn(world.person()).steppedUp(at: world.now)
      let form = try world.site.recoveryCodes.form(for: steppedUp.signedIn, binding: .api)
      let journey = try world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1"))
      world.pass(wait)
      let entered = try? await world.site.signIn.enterPassword(
        World.password, journey: journey, binding: .api, source: world.source)
      let made = try? await world.site.recoveryCodes.generate(
        form: form, binding: .api, by: steppedUp, source: world.source)
      #expect((entered != nil) == works && (made != nil) == works)
    }
  }

  /// A second before a limit, and a second after it.
  private static func around(_ limit: Duration) -> [(wait: Duration, isOver: Bool)] {
    [(limit - .seconds(1), false), (limit + .seconds(1), true)]
  }

  /// - Returns: whether it was refused as too late.
  private static func isOver(_ body: () async throws -> Void) async throws -> Bool {
    do {
      try await body()
      return false
    } catch Refusal.expired {
      return true
    }
  }

  @Test func `row 31: a passkey's challenge is good for five minutes, wherever it was asked for`()
    async throws
  {
    #expect(PasskeyRequest.lifetime == .minutes(5))
    for (wait, isOver) in Self.around(PasskeyRequest.lifetime) {
      let world = try World(limits: false)
      let started = try await world.person()
      let passkey = try await world.addPasskey(started)
      let account = try await world.account().id
      func answer(to prompt: PasskeyPrompt) throws -> PasskeyAssertion {
        try passkey.assertion(world.ports.open(PasskeyRequest.self, prompt.request, for: .api), of: account)
      }
      let signIn = try await world.site.signIn.passkeyPrompt(binding: .api)
      let recovery = try await world.site.recovery.start(username: "maria", binding: .api)
      let evidence = try await world.site.recovery.passkeyPrompt(recovery.journey, binding: .api)
      let stepUp = try await world.site.stepUp.passkeyRequest(for: world.signedIn(started), binding: .api)
      let steppedUp = try await world.steppedUp(started)
      let new = try await world.site.securityInfo.passkeyPrompt(by: steppedUp, binding: .api)
      let answers = try [signIn, evidence, stepUp].map(answer)
      let registration = try TestPasskey(.system).registration(
        world.ports.open(PasskeyRequest.self, new.request, for: .api))
      world.pass(wait)
      let (site, source) = (world.site, world.source)
      let over = [
        try await Self.isOver {
          _ = try await site.signIn.enterPasskey(
            answers[0], request: signIn.request, binding: .api, source: source)
        },
        try await Self.isOver {
          _ = try await site.recovery.enterPasskey(
            recovery.journey, assertion: answers[1], request: evidence.request, binding: .api, source: source)
        },
        try await Self.isOver {
          _ = try await site.stepUp.prove(
            [.passkey(request: stepUp.request, answers[2], .api)], by: world.signedIn(started), source: source
          )
        },
        try await Self.isOver {
          _ = try await site.securityInfo.addPasskey(
            registration, request: new.request, named: "", by: steppedUp, binding: .api, source: source)
        },
      ]
      #expect(over == Array(repeating: isOver, count: 4), "after \(wait)")
    }
  }

  @Test func `row 31: a right password waits ten minutes for the second factor, whichever it is`()
    async throws
  {
    #expect(SignInAttempt.passwordLifetime == .minutes(10))
    for (wait, isOver) in Self.around(SignInAttempt.passwordLifetime) {
      let world = try World(limits: false)
      let maria = try await world.protected()
      let passkey = try await world.addPasskey(world.signIn(app: maria.app))
      let account = try await world.account().id
      let signIn = world.site.signIn
      let progress = try await signIn.enterPassword(
        World.password,
        journey: signIn.start(username: "maria", binding: .api, source: Source(address: "192.0.2.1")),
        binding: .api,
        source: world.source)
      guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
      world.pass(wait)
      let prompt = try await signIn.passkeyPrompt(binding: .api)
      let assertion = try passkey.assertion(
        world.ports.open(PasskeyRequest.self, prompt.request, for: .api), of: account)
      #expect(
        try await isOver == Self.isOver { _ = try await signIn.secondFactor(step.journey, binding: .api) })
      #expect(
        try await isOver
          == Self.isOver {
            _ = try await signIn.enterTOTP(
              maria.app.code(at: world.now), journey: step.journey, binding: .api, source: world.source)
          })
      #expect(
        try await isOver
          == Self.isOver {
            _ = try await signIn.enterPasskey(
              assertion, request: prompt.request, journey: step.journey, binding: .api, source: world.source)
          })
      await #expect(throws: isOver ? Refusal.expired : Refusal.ticketWrong) {
        try await signIn.enterTicket("x", journey: step.journey, binding: .api, source: world.source)
      }
    }
  }

  @Test func `row 31: an email's confirmation is over after a day, to the millisecond`() async throws {
    for (wait, works) in [(Confirmation.lifetime - Self.moment, true), (Confirmation.lifetime, false)] {
      let world = try World()
      let started = try await world.site.signUp.create(
        username: "maria", password: World.password, email: "maria@example.org", source: world.source)
      let signedIn = try await world.signedIn(started)
      let contact = try await world.site.securityInfo.overview(for: signedIn).proofs.contacts[0].id
      let code = try #require(try await world.mail().last?.code)
      world.pass(wait)
      let confirmed: Void? = try? await world.site.securityInfo.confirmContact(
        contact, code: code, by: signedIn, source: world.source)
      #expect((confirmed != nil) == works)
    }
  }
}
