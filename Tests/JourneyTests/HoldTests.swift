import NIOConcurrencyHelpers
import RecoveryCode
import SparekeyCore
import SparekeyStore
import Testing

@testable import sparekey

@Suite struct `A recovery that waits` {
  @Test
  func `H2 H5 H6: the code alone waits 30 days, told at start, halfway, 48 h and 1 h before and at the end`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code, contact: "maria.new@example.net")
    let start = world.now
    #expect(held.hold.endsAt == start + .days(30) && held.hold.row == 6)
    try await world.work()
    #expect(world.news(to: maria.email) == [.started])
    // Nothing of the claim works while it waits, everything of the owner's does.
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn("maria", Claim.newPassword) }
    _ = try await world.signIn(app: maria.app)

    for (moment, news) in [
      (Duration.days(15), Notice.HoldNews.milestone(.halfway)), (.days(28), .milestone(.twoDaysLeft)),
      (.days(30) - .hours(1), .milestone(.oneHourLeft)),
    ] {
      world.set(start + moment - .milliseconds(1))
      try await world.work()
      #expect(world.news(to: maria.email).last != news)
      world.set(start + moment)
      try await world.work()
      try await world.work()
      #expect(world.news(to: maria.email).count { $0 == news } == 1)
    }
    world.set(held.hold.endsAt - .milliseconds(1))
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .running)
    world.set(held.hold.endsAt)
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .completed)
    #expect(world.news(to: maria.email).last == .completed && world.news(to: maria.email).count == 5)
  }

  @Test
  func `H2 row 4: after the wait, new password and ticket open a session that settles the factors first`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let ticket = try #require(try await world.claim(code: maria.code).ticket)
    try await world.work()
    world.pass(.days(30))
    try await world.work()
    let account = try await world.account()
    #expect(account.twoStep, "two-step verification stays on")
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn(app: maria.app) }

    let started = try await world.firstSignIn(Claim.newPassword, ticket: ticket)
    // Row 4: the required step is asked for at every door.
    await #expect(throws: Refusal.factorsUnsettled) { try await world.signedIn(started) }
    let unsettled = try await world.site.sessions.unsettled(by: started.token)
    await #expect(throws: Refusal.secondFactorNeeded) {
      try await world.site.factorSettling.finish(by: unsettled, source: world.source)
    }
    try await world.site.factorSettling.remove(.totp(maria.app.id), by: unsettled, source: world.source)
    let again = try await world.site.sessions.unsettled(by: started.token)
    let new = try await world.site.factorSettling.addApp(named: "", by: again)
    let app = TestApp(id: new.id, secret: new.secret)
    try await world.site.factorSettling.confirmNewApp(
      new.id, code: app.code(at: world.now), by: again, source: world.source)
    let last = try await world.site.sessions.unsettled(by: started.token)
    let (full, code) = try await world.site.factorSettling.finish(by: last, source: world.source)
    _ = try await world.steppedUp(full)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(started) }
    // C9: the new code is shown then, and is the only one.
    var claim = try await Claim(world)
    try await claim.show(code: try #require(code).code)
    #expect(claim.decision?.outcome == .held(.full))
    await #expect(throws: Refusal.codeUsed(at: account.passwordChangedAt)) {
      try await claim.show(code: maria.code)
    }
    // The ticket has done its work.
    await #expect(throws: Refusal.ticketWrong) {
      try await world.firstSignIn(Claim.newPassword, ticket: ticket)
    }
  }

  @Test func `H5: the same ticket joins the hold and changes nothing; another claimant contests it`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    world.pass(.days(3))
    var again = try await Claim(world)
    try await again.show(code: maria.code)
    #expect(again.progress.runningHold?.claimNumber == held.claimNumber)
    let joined = try await again.hold(password: "another green bicycle of mine", ticket: held.ticket)
    #expect(joined.hold == (try await world.hold(held.hold.id)) && joined.ticket == nil)
    #expect(joined.hold.endsAt == held.hold.endsAt && joined.hold.sealedParked == held.hold.sealedParked)
    var wrong = try await Claim(world)
    try await wrong.show(code: maria.code)
    await #expect(throws: Refusal.ticketWrong) {
      try await wrong.end(ticket: "AAAA-BBBB-CCCC-DDDD-EEEE")
    }
    guard case .contested = try await wrong.end() else { throw Refusal.outOfStep }
    let paused = try await world.hold(held.hold.id)
    #expect(paused.state == .contested && paused.endsAt == held.hold.endsAt)
  }

  @Test func `H5: the status page knows the ticket however it is typed, and nobody else`() async throws {
    let world = try World(limits: false)
    let held = try await world.claim(code: world.protected().code)
    let ticket = try #require(held.ticket)
    func status(_ ticket: String) async throws -> Holds.Status {
      try await world.site.holds.status(held.hold.id, ticket: ticket, source: world.source)
    }
    #expect(
      try await status(ticket.lowercased().split(separator: "-").joined(separator: " ")).claimNumber
        == held.claimNumber)
    #expect(try await status(ticket).hold.endsAt == held.hold.endsAt)
    await #expect(throws: Refusal.ticketWrong) { try await status(String(ticket.reversed())) }
    await #expect(throws: Refusal.ticketWrong) {
      try await world.site.holds.status(HoldID(text: "none"), ticket: ticket, source: world.source)
    }
  }

  @Test func `H6 T21: contacts removed within 30 days hear of everything too`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let gone = try await world.addContact("gone@example.org", session)
    let longGone = try await world.addContact("long.gone@example.org", session)
    _ = try await world.site.securityInfo.remove(longGone, by: world.steppedUp(session), source: world.source)
    world.pass(.days(10))
    _ = try await world.site.securityInfo.remove(
      gone, by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    world.pass(.days(20) + .minutes(1))
    _ = try await world.claim(code: maria.code)
    try await world.work()
    #expect(world.news(to: "gone@example.org") == [.started])
    #expect(world.news(to: "long.gone@example.org").isEmpty)
    #expect(world.stopToken(to: "gone@example.org") == nil && world.stopToken(to: maria.email) != nil)
  }

  @Test func `H7 T23: a link shows, a button pauses, and the same contact lets it go on`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    try await world.work()
    let link = try #require(world.stopToken(to: maria.email))
    #expect(try await world.site.holds.status(stopToken: link).hold.state == .running)
    #expect(try await world.hold(held.hold.id).state == .running, "looking changes nothing")
    #expect(try await world.site.holds.pause(stopToken: link, source: world.source).hold.state == .contested)
    world.pass(.days(10))
    #expect(try await world.site.holds.resume(stopToken: link, source: world.source).hold.state == .running)
    #expect(try await world.hold(held.hold.id).endsAt == held.hold.endsAt)
    await #expect(throws: Refusal.notFound) {
      try await world.site.holds.pause(stopToken: String(link.dropLast(2)) + "AA", source: world.source)
    }
    // T12: bound to this hold.
    try await world.site.holds.stop(
      held.hold.id, by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    await #expect(throws: Refusal.holdOver) {
      try await world.site.holds.pause(stopToken: link, source: world.source)
    }
  }

  @Test func `H7 C9: the owner's full sign-in stops it, the code is spent, and it never applies`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    world.pass(.days(29))
    try await world.site.holds.stop(
      held.hold.id, by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    world.pass(.days(40))
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .stopped)
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn("maria", Claim.newPassword) }
    var claim = try await Claim(world)
    await #expect(throws: Refusal.self) { try await claim.show(code: maria.code) }
    #expect(world.news(to: maria.email).last == .stopped)
  }

  @Test func `H7: while it waits nothing else changes the security info, the password or the code`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let second = try await world.addContact("second@example.org", session)
    let held = try await world.claim(code: maria.code)
    let by = try await world.steppedUp(session)
    let waits = Refusal.holdRunning(until: held.hold.endsAt)
    let info = world.site.securityInfo
    await #expect(throws: waits) {
      try await info.addContact(NewContact(typed: "x@example.org"), by: by, source: world.source)
    }
    await #expect(throws: waits) { try await info.remove(second, by: by, source: world.source) }
    await #expect(throws: waits) { try await info.setTwoStep(false, by: by, source: world.source) }
    await #expect(throws: waits) {
      try await info.changePassword(to: "something long and new", by: by, source: world.source)
    }
    await #expect(throws: waits) { try await world.makeCode(session) }
    await #expect(throws: waits) { try await world.addApp(session) }
    await #expect(throws: waits) { try await world.addPasskey(session) }
    _ = try await world.signIn(app: maria.app)
  }

  @Test func `H8 T18: what was added yesterday can do nothing to it`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let thief = try await world.signIn(app: maria.app)
    try await world.addContact("thief@example.net", thief)
    let app = try await world.addApp(thief)
    _ = try await world.site.securityInfo.remove(
      .totp(maria.app.id), by: world.steppedUp(thief), source: world.source)
    world.pass(.days(1))
    let held = try await world.claim(code: maria.code)
    try await world.work()
    #expect(world.stopToken(to: "thief@example.net") == nil)
    #expect(world.news(to: "thief@example.net") == [.started])
    let young = try await world.steppedUp(world.signIn(app: app))
    await #expect(throws: Refusal.juniorProof) {
      try await world.site.holds.stop(held.hold.id, by: young, source: world.source)
    }
    var claim = try await Claim(world)
    try await claim.show(app: app)
    await #expect(throws: Refusal.self) { try await claim.end() }
    #expect(try await world.hold(held.hold.id).state == .running)
  }

  @Test
  func `H8 T18: a thief's young session cannot freeze the account to keep the owner's hold from ending`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let thief = try await world.signIn(app: maria.app)
    let app = try await world.addApp(thief)
    _ = try await world.site.securityInfo.remove(
      .totp(maria.app.id), by: world.steppedUp(thief), source: world.source)
    world.pass(.days(1))
    for before in [true, false] {
      if before { _ = try await world.signIn(app: app) }
      if !before { _ = try await world.claim(code: maria.code) }
      let young = try await world.signedIn(world.signIn(app: app))
      let newest = try #require(try await world.site.securityInfo.activity(for: young).first)
      await #expect(throws: Refusal.juniorProof) {
        try await world.site.freezing.thisWasNotMe(newest.number, by: young, source: world.source)
      }
    }
    #expect(try await world.account().frozen == nil)
  }

  @Test func `H9: an objection stands until the one who objected takes it back, whoever objected first`()
    async throws
  {
    let world = try World(limits: false)
    let session = try await world.person()
    try await world.addContact("stolen@example.org", session)
    let app = try await world.addApp(session)
    try await world.twoStepOn(session)
    world.pass(.days(60))
    _ = app
    // A thief with one of two mailboxes starts a recovery, and pauses it himself.
    var claim = try await Claim(world)
    try await claim.show(mailTo: "stolen@example.org")
    let held = try await claim.hold()
    try await world.work()
    world.pass(.days(20))
    let stolen = try #require(world.stopToken(to: "stolen@example.org"))
    _ = try await world.site.holds.pause(stopToken: stolen, source: world.source)
    // The owner objects, too.
    let own = try #require(world.stopToken(to: "maria@example.org"))
    _ = try await world.site.holds.pause(stopToken: own, source: world.source)
    world.pass(.days(10))
    // The thief's taking back does not speak for the owner.
    _ = try? await world.site.holds.resume(stopToken: stolen, source: world.source)
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .contested)
  }

  @Test
  func `H9: contested, it is decided by two senior factors; after 14 days the account is handed to nobody`()
    async throws
  {
    for decides in [true, false] {
      let world = try World(limits: false)
      let maria = try await world.protected()
      let held = try await world.claim(code: maria.code)
      try await world.work()
      _ = try await world.site.holds.pause(
        stopToken: #require(world.stopToken(to: maria.email)), source: world.source)
      world.pass(.days(14) - .minutes(1))
      try await world.work()
      if decides {
        // H9: the senior side's two factors, without the password.
        var owner = try await Claim(world)
        try await owner.show(app: maria.app)
        try await owner.show(mailTo: maria.email)
        guard case .recovered = try await owner.end(password: "decided by two factors") else {
          throw Refusal.outOfStep
        }
        #expect(try await world.hold(held.hold.id).state == .stopped)
      } else {
        world.pass(.minutes(1))
        try await world.work()
        #expect(try await world.hold(held.hold.id).state == .frozen)
        #expect(try await world.account().frozen != nil)
        #expect(world.news(to: maria.email).last == .frozen)
        world.pass(.days(60))
        try await world.work()
        #expect(try await world.hold(held.hold.id).state == .frozen)
        // The owner's full sign-in ends it, and sets the account going again.
        let owner = try await world.steppedUp(world.signIn(app: maria.app))
        try await world.site.holds.stop(held.hold.id, by: owner, source: world.source)
        try await world.site.freezing.thaw(by: owner, source: world.source)
        #expect(try await world.account().frozen == nil)
      }
    }
  }

  @Test func `H7 H9: one more proof than is needed never hurts`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let young = try await world.addPasskey(world.signIn(app: maria.app))
    let held = try await world.claim(code: maria.code)
    var owner = try await Claim(world)
    try await owner.show(app: maria.app)
    try await owner.show(passkey: young)
    try await owner.show(mailTo: maria.email)
    guard case .recovered = try await owner.end() else { throw Refusal.outOfStep }
    #expect(try await world.hold(held.hold.id).state == .stopped)
  }

  @Test func `H5: its own claimant with evidence that opens at once need not wait`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    world.pass(.days(5))
    var found = try await Claim(world)
    try await found.show(code: maria.code)
    try await found.show(app: maria.app)
    guard case .recovered(_, let session?) = try await found.end(ticket: held.ticket) else {
      throw Refusal.outOfStep
    }
    #expect(session.session.restriction == .settleFactors)
    #expect(try await world.hold(held.hold.id).state == .stopped)
  }

  @Test func `H11 T30: down over the deadline, it completes at the first touch, exactly once`() async throws {
    for touch in 0..<4 {
      let world = try World(limits: false)
      let maria = try await world.protected()
      let held = try await world.claim(code: maria.code)
      _ = try await world.mail()
      world.pass(.days(25))
      let session = try await world.signIn(app: maria.app)
      world.set(held.hold.endsAt)
      switch touch {
      case 0: await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(session) }
      case 1: _ = try await Claim(world)
      case 2: await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn() }
      default:
        _ = try await world.site.holds.status(
          held.hold.id, ticket: #require(held.ticket), source: world.source)
      }
      #expect(try await world.hold(held.hold.id).state == .completed, "touch \(touch)")
      for _ in 0..<3 { try await world.work() }
      #expect(world.news(to: maria.email).count { $0 == .completed } == 1)
    }
  }

  @Test func `H11: after the deadline nobody stops it any more, whether or not it was completed yet`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    world.pass(.days(30) - .minutes(5))
    var late = try await Claim(world)
    try await late.show(app: maria.app)
    try await late.show(mailTo: maria.email)
    world.pass(.minutes(10))
    await #expect(throws: Refusal.changedMeanwhile) { try await late.end() }
    #expect(try await world.hold(held.hold.id).state == .completed)
  }

  @Test
  func `H9 H11: after the deadline nobody objects to it any more, nor ever with evidence that is too old`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    try await world.site.securityInfo.changePassword(
      to: "a younger password", by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    // A senior mailbox was shown, and is too old now; what is fresh is junior.
    var stale = try await Claim(world)
    try await stale.show(mailTo: maria.email)
    world.pass(.minutes(19))
    try await stale.show(password: "a younger password")
    world.pass(.minutes(1))
    await #expect(throws: Refusal.juniorProof) {
      try await world.site.recovery.object(stale.progress.journey, binding: .api, source: world.source)
    }
    world.set(held.hold.endsAt - .minutes(5))
    var late = try await Claim(world)
    try await late.show(mailTo: maria.email)
    world.pass(.minutes(10))
    await #expect(throws: Refusal.changedMeanwhile) {
      try await world.site.recovery.object(late.progress.journey, binding: .api, source: world.source)
    }
    #expect(try await world.hold(held.hold.id).state == .completed)
  }

  @Test func `H11: it waits for the start notice to reach a senior contact`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    world.pass(.days(31))
    _ = try await world.site.holds.workOffDue()
    #expect(try await world.hold(held.hold.id).state == .running)
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .completed)
    _ = maria
  }

  @Test func `T16: after a jump of the clock nothing completes before the operator looked`() async throws {
    let ahead = NIOLockedValueBox(Duration.zero)
    let watch = ClockWatch(
      ahead: { ahead.withLockedValue { $0 } }, settle: { ahead.withLockedValue { $0 = .zero } })
    let world = try World(limits: false, clockWatch: watch)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    world.pass(.days(31))
    ahead.withLockedValue { $0 = .days(31) }
    for _ in 0..<3 { try await world.work() }
    #expect(try await world.hold(held.hold.id).state == .running)
    #expect(try await world.site.holds.completionsStoppedAt() != nil)
    try await world.site.holds.letCompletionsGoOn()
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .completed)
  }

  @Test func `H12: removing the last senior proof waits 30 days, says so, and can be stopped`() async throws {
    for stops in [true, false] {
      let world = try World(limits: false)
      let session = try await world.person()
      let senior = try await world.proofs().securityInfo[0]
      world.pass(.days(60))
      let later = try await world.signIn()
      _ = session
      try await world.addContact("new@example.net", later)
      let removal = try await world.site.securityInfo.remove(
        senior, by: world.steppedUp(later), source: world.source)
      guard case .held(let hold) = removal else { throw Refusal.outOfStep }
      #expect(hold.purpose == .removal && hold.endsAt == world.now + .days(30))
      try await world.work()
      #expect(world.news(to: "maria@example.org") == [.started])
      #expect(try await world.proofs().securityInfo.contains(senior))
      if stops {
        world.pass(.days(29))
        try await world.site.holds.stop(hold.id, by: world.steppedUp(world.signIn()), source: world.source)
      }
      world.pass(.days(30))
      try await world.work()
      #expect(try await world.proofs().securityInfo.contains(senior) == stops)
      _ = try await world.signIn()
    }
  }

  @Test func `H12: a series of removals ends at the last senior proof`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let second = try await world.addContact("second@example.org", session)
    world.pass(.days(60))
    let later = try await world.signIn()
    let thief = try await world.addContact("thief@example.net", later)
    let first = try #require(
      try await world.proofs().securityInfo.first { $0 != second && $0 != thief })
    guard
      case .removed = try await world.site.securityInfo.remove(
        second, by: world.steppedUp(later), source: world.source),
      case .held = try await world.site.securityInfo.remove(
        first, by: world.steppedUp(later), source: world.source)
    else {
      Issue.record("the last senior proof went at once")
      return
    }
  }

  @Test
  func `H13: for 30 days two-step verification does not slow down an older code, and what is younger goes`()
    async throws
  {
    for (days, isFormer) in [(29, true), (30, false)] {
      let world = try World(limits: false)
      let code = try await world.makeCode(world.person()).code
      world.pass(.days(60))
      let thief = try await world.signIn()
      let app = try await world.addApp(thief)
      try await world.addContact("thief@example.net", thief)
      try await world.twoStepOn(thief)
      world.pass(.days(days))
      var owner = try await Claim(world)
      try await owner.show(code: code)
      #expect(owner.decision?.outcome == (isFormer ? .now : .held(.full)))
      guard isFormer else { continue }
      guard case .recovered(_, nil) = try await owner.end() else { throw Refusal.outOfStep }
      #expect(try await !world.account().twoStep)
      #expect(try await world.proofs().securityInfo.map(\.kind) == [.email])
      _ = try await world.signIn("maria", Claim.newPassword)
      _ = app
    }
  }

  @Test func `H13: strict mode ignores it, and always waits`() async throws {
    let world = try World(options: ServiceOptions(limitsEnforced: false, strictPolicy: true))
    let session = try await world.person()
    let code = try await world.makeCode(session).code
    let app = try await world.addApp(session)
    world.pass(.minutes(1))
    try await world.twoStepOn(session)
    var owner = try await Claim(world)
    try await owner.show(code: code)
    #expect(owner.decision?.outcome == .held(.full) && owner.decision?.row == 6)
    try await owner.show(app: app)
    #expect(owner.decision?.outcome == .held(.full))
  }

  @Test func `T19: after a stop the same evidence starts no other hold for a week`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    var first = try await Claim(world)
    try await first.show(password: World.password)
    let held = try await first.hold()
    try await world.site.holds.stop(
      held.hold.id, by: world.steppedUp(world.signIn(app: maria.app)), source: world.source)
    let stoppedAt = world.now
    var second = try await Claim(world)
    try await second.show(password: World.password)
    await #expect(throws: Refusal.slowDown(until: stoppedAt + .days(7))) { try await second.end() }
    world.set(stoppedAt + .days(7))
    var third = try await Claim(world)
    try await third.show(password: World.password)
    _ = try await third.hold()
  }

  @Test func `T10: pausing and going on again cannot flood the other contacts`() async throws {
    let world = try World()
    let maria = try await world.protected()
    _ = try await world.claim(code: maria.code)
    try await world.work()
    let link = try #require(world.stopToken(to: maria.email))
    for _ in 0..<100 {
      _ = try? await world.site.holds.pause(stopToken: link, source: world.source)
      _ = try? await world.site.holds.resume(stopToken: link, source: world.source)
    }
    try await world.work()
    #expect(world.news(to: maria.email).count < 20)
    _ = try await world.site.holds.pause(stopToken: link, source: world.source)
  }

  // MARK: races

  @Test func `T11: of 32 claims at once one starts the hold, the others contest it at most`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let claims = try await (0..<32).asyncMap { _ in
      var claim = try await Claim(world)
      try await claim.show(code: maria.code)
      try await claim.acceptWait()
      return claim
    }
    let tickets = await withTaskGroup(of: String?.self) { group in
      for claim in claims {
        group.addTask {
          var claim = claim
          return try? await claim.hold().ticket
        }
      }
      return await group.reduce(into: [String?]()) { $0.append($1) }.compactMap(\.self)
    }
    #expect(tickets.count == 1)
    try await world.work()
    #expect(world.news(to: maria.email).count { $0 == .started } == 1)
    #expect(world.news(to: maria.email).count { $0 == .contested } == 1)
  }

  @Test func `H11 T11 row 34: two programs and many requests complete one hold once`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    world.pass(.days(30))
    let other = try world.secondNode()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<32 {
        group.addTask {
          _ = try? await Holds(number.isMultiple(of: 2) ? world.ports : other).workOffDue()
          _ = try? await SignIn(number.isMultiple(of: 2) ? other : world.ports).enterPassword(
            "not the right one",
            journey: world.site.signIn.start(
              username: "maria", binding: .api, source: Source(address: "192.0.2.1")),
            binding: .api, source: world.source)
        }
      }
    }
    #expect(try await world.hold(held.hold.id).state == .completed)
    try await world.work()
    #expect(world.news(to: maria.email).count { $0 == .completed } == 1)
    let history = try await world.ports.database.read { transaction in
      try transaction.events(of: try #require(try transaction.account(canonicalName: "maria")).id, limit: 100)
    }
    #expect(history.count { $0.kind == .holdCompleted } == 1 && history.count { $0.kind == .recovered } == 1)
  }

  @Test func `H11: a stop and the end at once: one of them is true for everybody`() async throws {
    for _ in 0..<10 {
      let world = try World(limits: false)
      let maria = try await world.protected()
      let held = try await world.claim(code: maria.code)
      _ = try await world.mail()
      world.pass(.days(30) - .seconds(40))
      let owner = try await world.steppedUp(world.signIn(app: maria.app))
      world.set(held.hold.endsAt - .milliseconds(1))
      let stopped = await withTaskGroup(of: Bool?.self) { group in
        group.addTask {
          await Task.yield()
          return (try? await world.site.holds.stop(held.hold.id, by: owner, source: world.source)) != nil
        }
        group.addTask {
          world.set(held.hold.endsAt)
          _ = try? await world.site.holds.workOffDue()
          return nil
        }
        return await group.reduce(into: [Bool?]()) { $0.append($1) }.compactMap(\.self).first ?? false
      }
      #expect(try await world.hold(held.hold.id).state == (stopped ? .stopped : .completed))
      let works = (try? await world.signIn(app: maria.app)) != nil
      #expect(works == stopped)
    }
  }

  // MARK: crashes

  struct Injected: Error {}

  @Test func `T27: a failure at any statement of a claim leaves no hold, or all of it`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    try await claim.acceptWait()
    var failing = 0
    while true {
      let step = failing
      world.tap.visit { if $0 == step { throw Injected() } }
      do {
        let held = try await claim.hold()
        world.tap.visit(nil)
        #expect(held.ticket != nil)
        break
      } catch is Injected {
        world.tap.visit(nil)
        let account = try await world.account()
        #expect(try await world.ports.database.read { try $0.openHold(of: account.id) } == nil)
        #expect(account.holdDueAt == nil)
      }
      failing += 1
    }
    #expect(failing > 16)
    try await world.work()
    #expect(world.news(to: maria.email) == [.started])
  }

  @Test func `T27 T30 row 34: a failure at any statement of the completion leaves before or after`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    world.pass(.days(30))
    var failing = 0
    while true {
      let step = failing
      world.tap.visit { if $0 == step { throw Injected() } }
      do {
        _ = try await world.site.holds.workOffDue()
        world.tap.visit(nil)
        break
      } catch is Injected {
        world.tap.visit(nil)
        #expect(try await world.hold(held.hold.id).state == .running)
        #expect(try await world.proofs().code != nil)
      }
      failing += 1
    }
    #expect(failing > 20)
    #expect(try await world.hold(held.hold.id).state == .completed)
    #expect(try await world.proofs().code == nil)
    try await world.work()
    #expect(world.news(to: maria.email) == [.started, .completed])
  }

  @Test func `T27: a failure at any statement of a stop leaves before or after`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    let owner = try await world.steppedUp(world.signIn(app: maria.app))
    var failing = 0
    while true {
      let step = failing
      world.tap.visit { if $0 == step { throw Injected() } }
      do {
        try await world.site.holds.stop(held.hold.id, by: owner, source: world.source)
        world.tap.visit(nil)
        break
      } catch is Injected {
        world.tap.visit(nil)
        #expect(try await world.hold(held.hold.id).state == .running)
        #expect(try await world.proofs().code != nil)
      }
      failing += 1
    }
    #expect(failing > 10)
    #expect(try await world.hold(held.hold.id).state == .stopped)
    #expect(try await world.proofs().code == nil)
  }
}

extension Sequence {
  func asyncMap<Answer>(_ make: (Element) async throws -> Answer) async rethrows -> [Answer] {
    var answers: [Answer] = []
    for element in self { answers.append(try await make(element)) }
    return answers
  }
}

extension World {
  /// After a hold: new password and ticket.
  func firstSignIn(_ password: String, ticket: String) async throws -> StartedSession {
    let progress = try await site.signIn.enterPassword(
      password,
      journey: site.signIn.start(username: "maria", binding: .api, source: Source(address: "192.0.2.1")),
      binding: .api, source: source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    return try await site.signIn.enterTicket(ticket, journey: step.journey, binding: .api, source: source)
  }
}
