import SparekeyCore
import Testing

@testable import sparekey

/// What a session of attacks found, and what was mended.
@Suite struct `Attacks that worked once` {
  @Test
  func `H7: an owner who changed the password last week still stops a hold, with a senior second factor`()
    async throws
  {
    let world = try World()
    let maria = try await world.protected()
    let fresh = "changed by its owner just now"
    try await world.site.securityInfo.changePassword(
      to: fresh, by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    world.pass(.days(7))
    let held = try await world.claim(code: maria.code)
    let session = try await world.signIn("maria", fresh, app: maria.app)
    try await world.site.holds.stop(held.hold.id, by: world.steppedUp(session), source: world.source)
    #expect(try await world.hold(held.hold.id).state == .stopped)
  }

  @Test func `H8: beside a junior second factor a fresh password stops nothing`() async throws {
    let world = try World(limits: false, options: ServiceOptions(limitsEnforced: false, strictPolicy: true))
    let changed = "changed by someone else now"
    let sheet = try await world.makeCode(world.person()).code
    world.pass(.days(60))
    let intruder = try await world.signIn()
    let junior = try await world.addApp(intruder)
    try await world.twoStepOn(intruder)
    world.pass(.days(10))
    try await world.site.securityInfo.changePassword(
      to: changed, by: world.steppedUp(world.signIn(app: junior)), source: world.source)
    let running = try await world.claim(code: sheet)
    let session = try await world.signIn("maria", changed, app: junior)
    await #expect(throws: Refusal.juniorProof) {
      try await world.site.holds.stop(running.hold.id, by: world.steppedUp(session), source: world.source)
    }
  }

  @Test func `H5: the ticket is over with the first full sign-in after the hold`() async throws {
    let world = try World()
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    try await world.work()
    world.pass(.days(30))
    try await world.work()
    _ = try await world.signIn("maria", Claim.newPassword, app: maria.app)
    let progress = try await world.site.signIn.enterPassword(
      Claim.newPassword,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: world.source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    #expect(!step.takesTicket)
    let ticket = try #require(held.ticket)
    await #expect(throws: Refusal.ticketWrong) {
      try await world.site.signIn.enterTicket(
        ticket, journey: step.journey, binding: .api, source: world.source)
    }
  }

  @Test func `H9: the mailbox that a claim was made with takes back no objection`() async throws {
    let world = try World()
    let maria = try await world.protected()
    var claim = try await Claim(world)
    try await claim.show(mailTo: maria.email)
    let held = try await claim.hold()
    try await world.work()
    let link = try #require(world.stopToken(to: maria.email))
    _ = try await world.site.holds.pause(stopToken: link, source: world.source)
    await #expect(throws: Refusal.outOfStep) {
      try await world.site.holds.resume(stopToken: link, source: world.source)
    }
    #expect(try await world.hold(held.hold.id).state == .contested)
  }

  @Test func `S6: before the first proof a journey does not tell that the account changed`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let known = try await world.site.recovery.start(username: "maria", binding: .api)
    let unknown = try await world.site.recovery.start(username: "nobody", binding: .api)
    try await world.addContact("second@example.org", session)
    for journey in [known.journey, unknown.journey] {
      await #expect(throws: Refusal.notEnough) {
        try await world.site.recovery.acceptWait(journey, binding: .api)
      }
    }
  }

  @Test func `T7: someone with the password cannot use up the owner's tries at codes of the app`()
    async throws
  {
    let world = try World()
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let thief = Source(address: "198.51.100.9")
    let progress = try await world.site.signIn.enterPassword(
      World.password,
      journey: world.site.signIn.start(
        username: "maria", binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
      source: thief)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    for _ in 0..<30 {
      _ = try? await world.site.signIn.enterTOTP(
        "000000", journey: step.journey, binding: .api, source: thief)
    }
    world.pass(.seconds(30))
    _ = try await world.site.stepUp.prove(
      [.password(World.password), .totp(maria.app.code(at: world.now))], by: world.signedIn(session),
      source: world.source)
    _ = try await world.signIn(app: maria.app)
  }
}
