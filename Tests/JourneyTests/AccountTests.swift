import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Signing up and in` {
  @Test func `S8: an account can sign in at once; its email counts once it is confirmed`() async throws {
    let world = try World()
    let started = try await world.site.signUp.create(
      username: "maria", password: World.password, email: "maria@example.org", source: world.source)
    _ = try await world.signIn()
    let before = try await world.site.recovery.start(username: "maria", binding: .api)
    #expect(!before.options.contains { $0.proof != nil })
    let signedIn = try await world.signedIn(started)
    let contact = try await world.site.securityInfo.overview(for: signedIn).proofs.contacts[0].id
    let code = try #require(try await world.mail().last?.code)
    try await world.site.securityInfo.confirmContact(contact, code: code, by: signedIn, source: world.source)
    let after = try await world.site.recovery.start(username: "maria", binding: .api)
    #expect(after.options.map(\.proof) == [.email(contact)])
  }

  @Test func `S8: names taken, in any spelling that looks alike, are refused; sign-up can be closed`()
    async throws
  {
    let world = try World()
    _ = try await world.person("paypal")
    for name in ["paypal", "PAYPAL", "paypa1", "ｐａｙｐａｌ"] {
      await #expect(throws: Refusal.field(.username, .taken)) {
        try await world.site.signUp.create(
          username: name, password: World.password, email: nil, source: world.source)
      }
    }
    let closed = try World(options: ServiceOptions(signUpOpen: false))
    await #expect(throws: Refusal.signUpClosed) { try await closed.person() }
  }

  @Test func `S6: learning which names are taken is limited, taken or not`() async throws {
    let world = try World()
    _ = try await world.person()
    var slowedDown = false
    for _ in 0..<40 where !slowedDown {
      do {
        _ = try await world.site.signUp.create(
          username: "maria", password: World.password, email: nil, source: world.source)
      } catch Refusal.slowDown {
        slowedDown = true
      } catch {}
    }
    #expect(slowedDown)
  }

  @Test func `S9: a listed password repeated is no better`() async throws {
    let world = try World()
    await #expect(throws: Refusal.field(.password, .breached)) {
      try await world.site.signUp.create(
        username: "maria", password: "dragondragondragon", email: nil, source: world.source)
    }
  }

  @Test func `T11: of 16 sign-ups for one name one wins`() async throws {
    let world = try World(limits: false)
    let made = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<16 {
        group.addTask {
          (try? await world.site.signUp.create(
            username: number.isMultiple(of: 2) ? "maria" : "mar1a", password: World.password, email: nil,
            source: world.source)) != nil
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(made == 1)
  }

  @Test func `row 5: of 200 parallel wrong passwords from one source, five get a verdict`() async throws {
    let world = try World()
    _ = try await world.person()
    let verdicts = await withTaskGroup(of: Bool.self) { group in
      for _ in 0..<200 {
        group.addTask {
          do {
            _ = try await world.signIn("maria", "wrong password")
            return true
          } catch {
            return error as? Refusal == .wrongNameOrPassword
          }
        }
      }
      return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
    }
    #expect(verdicts == ThrottleRules.password.free)
  }

  @Test func `row 11: all spellings of a name share one counter`() async throws {
    let world = try World()
    _ = try await world.person()
    for name in ["maria", "MARIA", " Maria", "ｍａｒｉａ", "mAria "] {
      _ = try? await world.signIn(name, "wrong password")
    }
    await #expect(throws: Refusal.self) { try await world.signIn("maria", "wrong password") }
    do {
      _ = try await world.signIn("Maria", World.password)
      Issue.record("the sixth try came through")
    } catch Refusal.slowDown {}
  }

  @Test func `T7: a wait ends, and a right password clears the count`() async throws {
    let world = try World()
    _ = try await world.person()
    for _ in 0..<5 { _ = try? await world.signIn("maria", "wrong password") }
    world.pass(.seconds(6))
    _ = try await world.signIn()
    for _ in 0..<4 { _ = try? await world.signIn("maria", "wrong password") }
    _ = try await world.signIn()
  }
}

@Suite struct `Sessions and step-up` {
  @Test func `S7: signing out everywhere takes effect at once`() async throws {
    let world = try World()
    let one = try await world.person()
    let two = try await world.signIn()
    try await world.site.sessions.signOutEverywhere(world.signedIn(one), source: world.source)
    for started in [one, two] {
      await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(started) }
    }
  }

  @Test func `S7: sessions end when idle for 7 days, and after 30 days however busy`() async throws {
    let world = try World()
    let idle = try await world.person()
    world.pass(.days(7) - .milliseconds(1))
    _ = try await world.signedIn(idle)
    world.pass(.days(7))
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(idle) }
    let busy = try await world.signIn()
    for _ in 0..<9 {
      world.pass(.days(3))
      _ = try await world.signedIn(busy)
    }
    world.pass(.days(3))
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(busy) }
  }

  @Test func `S7: sensitive changes need a proof of the last five minutes; stepping up gives a new token`()
    async throws
  {
    let world = try World()
    let started = try await world.person()
    world.pass(.minutes(5))
    let stale = try await world.signedIn(started)
    #expect(throws: Refusal.stepUpNeeded) { try stale.steppedUp(at: world.now) }
    await #expect(throws: Refusal.wrongPassword) {
      try await world.site.stepUp.prove(
        [.password("wrong")], by: stale, source: world.source)
    }
    let renewed = try await world.site.stepUp.prove(
      [.password(World.password)], by: stale, source: world.source)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(started) }
    _ = try await world.signedIn(renewed).steppedUp(at: world.now)
  }

  @Test func `S7: one session can be ended, but only one's own`() async throws {
    let world = try World()
    let maria = try await world.person()
    let victor = try await world.person("victor", email: nil)
    await #expect(throws: Refusal.notFound) {
      try await world.site.sessions.end(maria.session.id, by: world.signedIn(victor), source: world.source)
    }
    let other = try await world.signIn()
    try await world.site.sessions.end(other.session.id, by: world.signedIn(maria), source: world.source)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(other) }
  }

  @Test func `row 13: an abandoned step-up leaves the session as it was`() async throws {
    let world = try World()
    let started = try await world.person()
    world.pass(.minutes(6))
    _ = try? await world.site.stepUp.prove(
      [.password("wrong")], by: world.signedIn(started), source: world.source)
    #expect(try await world.signedIn(started).session.id == started.session.id)
  }
}

@Suite struct `Security info` {
  @Test func `D4: every contact, the removed one too, hears of a change`() async throws {
    let world = try World()
    let started = try await world.person()
    func steppedUp() async throws -> SteppedUp { try await world.signedIn(started).steppedUp(at: world.now) }
    let second = try await world.site.securityInfo.addContact(
      NewContact(typed: "second@example.net"), by: steppedUp(), source: world.source)
    let code = try #require(try await world.mail().compactMap(\.code).last)
    try await world.site.securityInfo.confirmContact(
      second, code: code, by: world.signedIn(started), source: world.source)
    _ = try await world.site.securityInfo.remove(
      .email(second), by: steppedUp(), source: world.source)
    let told = try await world.mail().filter { if case .contactRemoved = $0.kind { true } else { false } }
    #expect(Set(told.map(\.address)) == ["maria@example.org", "second@example.net"])
  }

  @Test func `D4: the last confirmed email cannot be removed`() async throws {
    let world = try World()
    let started = try await world.person()
    let contact = try await world.site.securityInfo.overview(for: world.signedIn(started)).proofs.contacts[0]
      .id
    await #expect(throws: Refusal.lastProof) {
      _ = try await world.site.securityInfo.remove(
        .email(contact), by: world.signedIn(started).steppedUp(at: world.now), source: world.source)
    }
  }

  @Test func `N6: an email is confirmed by its newest code, in five tries, within a day`() async throws {
    let world = try World(limits: false)
    let started = try await world.site.signUp.create(
      username: "maria", password: World.password, email: "maria@example.org", source: world.source)
    let signedIn = try await world.signedIn(started)
    let contact = try await world.site.securityInfo.overview(for: signedIn).proofs.contacts[0].id
    let first = try #require(try await world.mail().last?.code)
    try await world.site.securityInfo.resendConfirmation(of: contact, by: signedIn, source: world.source)
    let second = try #require(try await world.mail().last?.code)
    func confirm(_ code: String) async throws {
      try await world.site.securityInfo.confirmContact(
        contact, code: code, by: signedIn, source: world.source)
    }
    if first != second { await #expect(throws: Refusal.issuedCodeWrong) { try await confirm(first) } }
    for _ in 0..<5 { try? await confirm(second == "000000" ? "000001" : "000000") }
    await #expect(throws: Refusal.issuedCodeWrong) { try await confirm(second) }
    try await world.site.securityInfo.resendConfirmation(of: contact, by: signedIn, source: world.source)
    let third = try #require(try await world.mail().last?.code)
    world.pass(.hours(24))
    let later = try await world.signedIn(world.signIn())
    await #expect(throws: Refusal.issuedCodeWrong) {
      try await world.site.securityInfo.confirmContact(contact, code: third, by: later, source: world.source)
    }
  }

  @Test func `S7: a changed password ends every other session and is told`() async throws {
    let world = try World()
    let started = try await world.person()
    let other = try await world.signIn()
    try await world.site.securityInfo.changePassword(
      to: "a new password for maria's", by: world.signedIn(started).steppedUp(at: world.now),
      source: world.source)
    _ = try await world.signedIn(started)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(other) }
    #expect(try await world.mail().contains { if case .passwordChanged = $0.kind { true } else { false } })
  }

  @Test func `S7: a request of a session that ended meanwhile changes nothing any more`() async throws {
    let world = try World(limits: false)
    let owner = try await world.person()
    let thief = try await world.signedIn(world.signIn()).steppedUp(at: world.now)
    let form = try world.site.recoveryCodes.form(for: thief.signedIn, binding: .api)
    let before = try await world.proofs()
    try await world.site.sessions.signOutEverywhere(world.signedIn(owner), source: world.source)
    let (site, source) = (world.site, world.source)
    let late: [@Sendable () async throws -> Void] = [
      {
        try await site.securityInfo.changePassword(
          to: "a thief's own long password", by: thief, source: source)
      },
      { _ = try await site.recoveryCodes.generate(form: form, binding: .api, by: thief, source: source) },
      {
        _ = try await site.securityInfo.addContact(
          NewContact(typed: "t@example.net"), by: thief, source: source)
      },
      { _ = try await site.securityInfo.addApp(named: "", by: thief, source: source) },
      { _ = try await site.closing.close(after: .thirtyDays, by: thief, source: source) },
    ]
    for attempt in late { await #expect(throws: Refusal.notSignedIn) { try await attempt() } }
    #expect(try await world.proofs().account.version == before.account.version)
  }

  @Test func `T10: mail asked for by other accounts never uses up an owner's own`() async throws {
    let world = try World()
    _ = try await world.person()
    for number in 0..<30 {
      _ = try? await world.site.signUp.create(
        username: "stranger\(number)x", password: World.password, email: "MARIA@example.org",
        source: Source(address: "198.51.100.\(number)"))
    }
    let told = try await world.mail().count { if case .confirmEmail = $0.kind { true } else { false } }
    #expect(told <= ThrottleRules.confirmationMail.free)
    let start = try await world.site.recovery.start(username: "maria", binding: .api)
    _ = try await world.site.recovery.sendIssuedCode(
      start.journey, to: start.options[0].id, binding: .api, source: world.source)
    #expect(try await world.mail().last?.address == "maria@example.org")
  }

  @Test func `T10: an account cannot be used to write to many strangers`() async throws {
    let world = try World()
    let started = try await world.person()
    for number in 0..<60 {
      guard
        let contact = try? await world.site.securityInfo.addContact(
          NewContact(typed: "stranger\(number)@example.net"),
          by: world.signedIn(started).steppedUp(at: world.now),
          source: world.source)
      else { continue }
      _ = try await world.site.securityInfo.remove(
        .email(contact), by: world.signedIn(started).steppedUp(at: world.now), source: world.source)
    }
    let strangers = try await world.mail().filter { $0.address.hasPrefix("stranger") }
    #expect(strangers.count <= ThrottleRules.costlyChange.free)
  }

  @Test func `T10: a stranger cannot have more than a few mails sent`() async throws {
    let world = try World()
    _ = try await world.person()
    _ = try await world.mail()
    for number in 0..<60 {
      let start = try await world.site.recovery.start(username: "maria", binding: .api)
      _ = try? await world.site.recovery.sendIssuedCode(
        start.journey, to: start.options[0].id, binding: .api, source: Source(address: "198.51.100.\(number)")
      )
    }
    #expect(try await world.mail().count <= ThrottleRules.mailToContact.free)
  }
}
