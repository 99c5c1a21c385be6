import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `The way back` {
  static let newPassword = "a brand new green bicycle"

  @Test
  func
    `H1 C9: a code opens a one-step account at once, ends all sessions, tells every contact, makes a new code`()
    async throws
  {
    let world = try World()
    let session = try await world.person()
    let code = try await world.makeCode(session)
    _ = try await world.mail()

    let shown = try await world.recover(world.provedJourney(code: code.code), to: Self.newPassword)

    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(session) }
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn() }
    let again = try await world.signIn("maria", Self.newPassword)
    #expect(shown.code != code.code)
    let overview = try await world.site.securityInfo.overview(for: world.signedIn(again))
    #expect(overview.proofs.code?.serial == shown.serial)
    let told = try await world.mail()
    #expect(
      told.contains {
        if case .recovered(by: [.recoveryCode]) = $0.kind { $0.address == "maria@example.org" } else { false }
      })
  }

  @Test func `C9: the new code works, the used one explains itself`() async throws {
    let world = try World()
    let first = try await world.makeCode(world.person()).code
    let second = try await world.recover(world.provedJourney(code: first), to: Self.newPassword).code
    await #expect(throws: Refusal.codeUsed(at: world.now)) { try await world.provedJourney(code: first) }
    _ = try await world.recover(world.provedJourney(code: second), to: "yet another long password")
    _ = try await world.signIn("maria", "yet another long password")
  }

  @Test func `C10: a replaced code says when it was replaced, as long as ten newer ones were made`()
    async throws
  {
    let world = try World(limits: false)
    let session = try await world.person()
    let first = try await world.makeCode(session).code
    world.pass(.minutes(1))
    let replacedAt = world.now
    for count in 1...11 {
      _ = try await world.makeCode(session)
      if count <= 10 {
        await #expect(throws: Refusal.codeReplaced(at: replacedAt)) {
          try await world.provedJourney(code: first)
        }
      } else {
        await #expect(throws: Refusal.codeWrong) { try await world.provedJourney(code: first) }
      }
      world.pass(.milliseconds(1))
    }
  }

  @Test func `C3: making a code kills every earlier one in the same transaction`() async throws {
    let world = try World()
    let session = try await world.person()
    let old = try await world.makeCode(session).code
    let journey = try await world.provedJourney(code: old)
    let new = try await world.makeCode(session).code
    await #expect(throws: Refusal.codeReplaced(at: world.now)) {
      try await world.recover(journey, to: Self.newPassword)
    }
    _ = try await world.provedJourney(code: new)
  }

  @Test func `C3: a form to make a code works once, and the sheet just printed stays good`() async throws {
    let world = try World()
    let signedIn = try await world.signedIn(world.person())
    let form = try world.site.recoveryCodes.form(for: signedIn, binding: .api)
    func send() async throws -> ShownCode {
      try await world.site.recoveryCodes.generate(
        form: form, binding: .api, by: signedIn.steppedUp(at: world.now), source: world.source)
    }
    let shown = try await send()
    await #expect(throws: Refusal.alreadyDone) { try await send() }
    _ = try await world.provedJourney(code: shown.code)
  }

  @Test func `C9: the winner's own repeat gets the same answer for ten minutes`() async throws {
    let world = try World()
    let journey = try await world.provedJourney(code: world.makeCode(world.person()).code)
    let shown = try await world.recover(journey, to: Self.newPassword)
    world.pass(.minutes(9))
    let repeated = try await world.recover(journey, to: Self.newPassword)
    #expect(repeated.code == shown.code && repeated.serial == shown.serial)
    world.pass(.minutes(2))
    await #expect(throws: Refusal.alreadyDone) { try await world.recover(journey, to: Self.newPassword) }
  }

  @Test func `C7: a typo costs neither a try nor a hash`() async throws {
    let world = try World()
    let code = try await world.makeCode(world.person()).code
    let start = try await world.site.recovery.start(username: "maria", withCode: true, binding: .api)
    let before = world.hashes.count
    for _ in 0..<50 {
      await #expect(throws: Refusal.self) {
        try await world.site.recovery.enterRecoveryCode(
          start.journey, code: String(code.formatted.dropLast(3)), binding: .api, source: world.source)
      }
    }
    #expect(world.hashes.count == before)
    _ = try await world.provedJourney(code: code)
  }

  @Test func `T7: wrong codes slow their source down, never the owner elsewhere, and the owner hears of ten`()
    async throws
  {
    let world = try World()
    let code = try await world.makeCode(world.person()).code
    _ = try await world.mail()
    for number in 0..<10 {
      let stranger = Source(address: "198.51.100.\(number / 4)")
      let start = try await world.site.recovery.start(username: "maria", withCode: true, binding: .api)
      await #expect(throws: Refusal.codeWrong) {
        try await world.site.recovery.enterRecoveryCode(
          start.journey, code: RecoveryCode.generate().formatted, binding: .api, source: stranger)
      }
    }
    #expect(try await world.mail().contains { if case .wrongCodes(10) = $0.kind { true } else { false } })
    let here = Source(address: "198.51.100.9")
    for number in 0..<6 {
      let start = try await world.site.recovery.start(username: "maria", withCode: true, binding: .api)
      do {
        _ = try await world.site.recovery.enterRecoveryCode(
          start.journey, code: RecoveryCode.generate().formatted, binding: .api, source: here)
        Issue.record("a random code opened the account")
      } catch Refusal.slowDown {
        #expect(number == 5)
      } catch {
        #expect(error as? Refusal == .codeWrong && number < 5)
      }
    }
    _ = try await world.signIn()
    _ = try await world.recover(world.provedJourney(code: code), to: Self.newPassword)
  }

  @Test func `S4: a code sent to the confirmed email opens the account`() async throws {
    let world = try World()
    _ = try await world.person()
    let start = try await world.site.recovery.start(username: "Maria", binding: .api)
    #expect(start.options.map(\.masked) == ["ma•••@e•••.org"])
    let sent = try await world.site.recovery.sendIssuedCode(
      start.journey, to: start.options[0].id, binding: .api, source: world.source)
    let mail = try #require(try await world.mail().last)
    #expect(mail.address == "maria@example.org")
    let proved = try await world.site.recovery.enterIssuedCode(
      sent.journey, code: mail.code ?? "", binding: .api, source: world.source)
    #expect(proved.step == .newPassword && proved.evidence == [.email])
    _ = try await world.recover(proved.journey, to: Self.newPassword)
    _ = try await world.signIn("maria", Self.newPassword)
  }

  @Test func `row 7: an issued code is dead after five wrong tries, in whatever journey token they came`()
    async throws
  {
    let world = try World()
    _ = try await world.person()
    let start = try await world.site.recovery.start(username: "maria", binding: .api)
    let sent = try await world.site.recovery.sendIssuedCode(
      start.journey, to: start.options[0].id, binding: .api, source: world.source)
    let right = try #require(try await world.mail().last?.code)
    let wrong = right == "000000" ? "000001" : "000000"
    await withTaskGroup(of: Void.self) { group in
      for _ in 0..<200 {
        group.addTask {
          await #expect(throws: Refusal.issuedCodeWrong) {
            try await world.site.recovery.enterIssuedCode(
              sent.journey, code: wrong, binding: .api, source: world.source)
          }
        }
      }
    }
    await #expect(throws: Refusal.issuedCodeWrong) {
      try await world.site.recovery.enterIssuedCode(
        sent.journey, code: right, binding: .api, source: world.source)
    }
  }

  @Test func `row 31: an issued code is good for ten minutes, to the second`() async throws {
    for (wait, opens) in [(Duration.seconds(599), true), (.seconds(600), false)] {
      let world = try World()
      _ = try await world.person()
      let start = try await world.site.recovery.start(username: "maria", binding: .api)
      let sent = try await world.site.recovery.sendIssuedCode(
        start.journey, to: start.options[0].id, binding: .api, source: world.source)
      let code = try #require(try await world.mail().last?.code)
      world.pass(wait)
      let proved = try? await world.site.recovery.enterIssuedCode(
        sent.journey, code: code, binding: .api, source: world.source)
      #expect((proved != nil) == opens)
    }
  }

  @Test func `H8: an email added today does not open the account`() async throws {
    let world = try World()
    let session = try await world.person("maria", email: "maria@example.org")
    world.pass(.days(40))
    let later = try await world.signIn()
    _ = session
    let steppedUp = try await world.signedIn(later).steppedUp(at: world.now)
    let contact = try await world.site.securityInfo.addContact(
      NewContact(typed: "new@example.net"), by: steppedUp, source: world.source)
    let code = try #require(try await world.mail().compactMap(\.code).last)
    try await world.site.securityInfo.confirmContact(
      contact, code: code, by: world.signedIn(later), source: world.source)
    let today = try await world.site.recovery.start(username: "maria", binding: .api)
    let sent = try await world.site.recovery.sendIssuedCode(
      today.journey, to: #require(today.options.last).id, binding: .api, source: world.source)
    let issued = try #require(try await world.mail().last)
    #expect(issued.address == "new@example.net")
    let shown = try await world.site.recovery.enterIssuedCode(
      sent.journey, code: #require(issued.code), binding: .api, source: world.source)
    #expect(shown.decision?.row == 2)
  }

  @Test func `rows 30, 35, 36: a half-done recovery ends when the account's security changes`() async throws {
    let world = try World()
    let session = try await world.person()
    let code = try await world.makeCode(session).code
    let journey = try await world.provedJourney(code: code)
    try await world.site.securityInfo.changePassword(
      to: "changed by its owner just now", by: world.signedIn(session).steppedUp(at: world.now),
      source: world.source)
    await #expect(throws: Refusal.changedMeanwhile) { try await world.recover(journey, to: Self.newPassword) }
    _ = try await world.provedJourney(code: code)
  }

  @Test func `rows 1 and 23: the password form opens only for this journey, this account, this browser`()
    async throws
  {
    let world = try World()
    let code = try await world.makeCode(world.person()).code
    _ = try await world.person("victor", email: "victor@example.org")
    let proved = try await world.provedJourney(code: code)

    let unproved = try await world.site.recovery.start(username: "victor", binding: .api)
    await #expect(throws: Refusal.outOfStep) {
      try await world.recover(unproved.journey, to: Self.newPassword)
    }
    await #expect(throws: Refusal.codeWrong) { try await world.provedJourney("victor", code: code) }
    await #expect(throws: Refusal.expired) {
      try await world.site.recovery.finish(
        proved, wanted: Recovery.Wanted(password: Self.newPassword), binding: .browser("another"),
        source: world.source)
    }
    let signIn = try world.site.signIn.start(
      username: "maria", binding: .api, source: Source(address: "192.0.2.1"))
    await #expect(throws: Refusal.expired) { try await world.recover(signIn, to: Self.newPassword) }
    world.pass(Evidence.lifetime)
    await #expect(throws: Refusal.self) { try await world.recover(proved, to: Self.newPassword) }
    _ = try await world.signIn()
  }

  @Test func `Q5: a refused new password loses nothing`() async throws {
    let world = try World()
    let journey = try await world.provedJourney(code: world.makeCode(world.person()).code)
    await #expect(throws: Refusal.field(.newPassword, .tooShort(minimum: 15))) {
      try await world.recover(journey, to: "short")
    }
    _ = try await world.recover(journey, to: Self.newPassword)
  }

  @Test func `C4: what a journey came to is shown to the token that had the proof, to no earlier one`()
    async throws
  {
    let world = try World()
    let old = try await world.makeCode(world.person()).code
    let start = try await world.site.recovery.start(username: "maria", withCode: true, binding: .api)
    let proved = try await world.site.recovery.enterRecoveryCode(
      start.journey, code: old.formatted, binding: .api, source: world.source)
    let shown = try await world.recover(proved.journey, to: Self.newPassword)
    await #expect(throws: Refusal.outOfStep) {
      try await world.site.recovery.finished(start.journey, binding: .api)
    }
    await #expect(throws: Refusal.outOfStep) { try await world.recover(start.journey, to: Self.newPassword) }
    let again = try await world.site.recovery.finished(proved.journey, binding: .api)
    guard case .recovered(let code, _) = again.end else { throw Refusal.outOfStep }
    #expect(code.code == shown.code)
  }
}
