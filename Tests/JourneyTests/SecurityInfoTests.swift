import RecoveryCode
import SparekeyCore
import SparekeyServices
import SparekeyStore
import SparekeyWeb
import Testing

@testable import sparekey

@Suite struct `The security page` {
  @Test(arguments: [
    ("My phone", "My phone"), ("  Kim's \u{202E}enohp\u{2066}\r\n\u{7} ", "Kim's enohp"),
    ("\u{202E}\n ", "Authenticator app"), ("\u{0}", "Authenticator app"),
  ])
  func `D4: the name of an app is one line that turns nothing around in the mails about it`(
    typed: String, name: String
  ) async throws {
    let world = try World(inMemory: true)
    _ = try await world.addApp(world.person(), name: typed)
    #expect(try await world.proofs().apps.map(\.name) == [name])
    let letters = try await world.mail().map {
      NoticeLetter($0, texts: world.site.texts, settings: world.site.settings)
    }
    #expect(letters.contains { $0.body.contains("“\(name)”") })
    await #expect(throws: Refusal.field(.name, .tooLong(maximum: SecurityInfo.longestName))) {
      _ = try await world.addApp(world.signIn(), name: String(repeating: "a", count: 65))
    }
  }

  // MARK: check my code

  func check(_ code: String, _ session: StartedSession, in world: World) async throws {
    try await world.site.recoveryCodes.check(code, by: world.steppedUp(session), source: world.source)
  }

  @Test func `C8: a check says that the sheet works, uses nothing up, and opens nothing`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let before = try await world.account().version
    try await check(maria.code.formatted.lowercased(), session, in: world)
    #expect(try await world.proofs().code?.checkedAt == world.now)
    #expect(try await world.account().version == before)
    #expect(try await world.signedIn(session).session.proofs.allSatisfy { $0.kind != .recoveryCode })
    let start = try await world.site.recovery.start(username: "maria", binding: .api)
    #expect(start.evidence.isEmpty, "a success is never evidence")
    _ = try await world.claim(code: maria.code)
  }

  @Test func `C8: every failure stands in recent activity; a typo is none; five tries and a wait`()
    async throws
  {
    let world = try World()
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    await #expect(throws: Refusal.self) {
      try await check(String(maria.code.formatted.dropLast(2)), session, in: world)
    }
    for number in 0..<7 {
      do {
        try await check(RecoveryCode.generate().formatted, session, in: world)
      } catch Refusal.slowDown {
        #expect(number == 5)
        break
      } catch { #expect(error as? Refusal == .codeWrong) }
    }
    let events = try await world.site.securityInfo.activity(for: world.signedIn(session))
    #expect(events.count { $0.kind == .codeCheckFailed } == 5)
    world.pass(.hours(1))
    let again = try await world.signIn(app: maria.app)
    let replacement = try await world.makeCode(again)
    world.pass(.minutes(1))
    await #expect(throws: Refusal.codeReplaced(at: world.now - .minutes(1))) {
      try await check(maria.code.formatted, again, in: world)
    }
    world.pass(.minutes(3))
    try await check(replacement.code.formatted, again, in: world)
  }

  // MARK: this wasn't me

  @Test func `D2: it freezes, ends every session and tells everyone; the same proofs thaw`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let thief = try await world.signIn(app: maria.app)
    try await world.addContact("thief@example.net", thief)
    let session = try await world.signIn(app: maria.app)
    let signedIn = try await world.signedIn(session)
    let added = try #require(
      try await world.site.securityInfo.activity(for: signedIn).first { $0.kind == .emailAdded })
    _ = try await world.mail()
    try await world.site.freezing.thisWasNotMe(added.number, by: signedIn, source: world.source)
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(thief) }
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(session) }
    let told = try await world.mail().filter { if case .frozen = $0.kind { true } else { false } }
    #expect(Set(told.map(\.address)) == [maria.email, "thief@example.net"])

    let owner = try await world.steppedUp(world.signIn(app: maria.app))
    await #expect(throws: Refusal.frozen) {
      try await world.site.securityInfo.changePassword(
        to: "changed while frozen solid", by: owner, source: world.source)
    }
    let cleanUp = try await world.site.freezing.cleanUp(for: owner.signedIn)
    #expect(cleanUp.contacts.map(\.address) == ["thief@example.net"])
    try await world.site.freezing.thaw(by: owner, source: world.source)
    #expect(try await world.account().frozen == nil)
    try await world.site.securityInfo.changePassword(
      to: "changed after the thaw", by: owner, source: world.source)
  }

  @Test func `D2 T29: nobody freezes an account so early that their own proofs could not thaw it`()
    async throws
  {
    let world = try World(limits: false)
    let session = try await world.person()
    world.pass(.days(40))
    let early = try await world.signIn()
    let signedInThen = try #require(
      try await world.site.securityInfo.activity(for: world.signedIn(early)).first)
    world.pass(.days(10))
    let later = try await world.signIn()
    try await world.site.securityInfo.changePassword(
      to: "a younger password by far", by: world.steppedUp(later), source: world.source)
    _ = session
    await #expect(throws: Refusal.juniorProof) {
      try await world.site.freezing.thisWasNotMe(
        signedInThen.number, by: world.signedIn(later), source: world.source)
    }
    #expect(try await world.account().frozen == nil)
  }

  @Test func `D2: a frozen account opens to older proofs alone, however many younger ones come with them`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    try await world.addContact("young@example.net", session)
    let young = try await world.addPasskey(session)
    let signedIn = try await world.signedIn(session)
    let added = try #require(
      try await world.site.securityInfo.activity(for: signedIn).first { $0.kind == .emailAdded })
    try await world.site.freezing.thisWasNotMe(added.number, by: signedIn, source: world.source)
    var alone = try await Claim(world)
    try await alone.show(passkey: young)
    #expect(alone.decision?.outcome == .notEnough)
    var held = try await Claim(world)
    try await held.show(code: maria.code)
    await #expect(throws: Refusal.frozen) { try await held.end() }
    var owner = try await Claim(world)
    try await owner.show(passkey: young)
    try await owner.show(code: maria.code)
    try await owner.show(app: maria.app)
    guard case .recovered = try await owner.end() else { throw Refusal.outOfStep }
    #expect(try await world.account().frozen == nil)
  }

  @Test func `D2: a freeze keeps a hold from completing; the clock runs, and a stop still works`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    _ = try await world.mail()
    let session = try await world.signIn(app: maria.app)
    let started = try #require(
      try await world.site.securityInfo.activity(for: world.signedIn(session)).first {
        $0.kind == .holdStarted
      })
    try await world.site.freezing.thisWasNotMe(
      started.number, by: world.signedIn(session), source: world.source)
    world.pass(.days(31))
    try await world.work()
    #expect(try await world.hold(held.hold.id).state == .running)
    let owner = try await world.steppedUp(world.signIn(app: maria.app))
    try await world.site.holds.stop(held.hold.id, by: owner, source: world.source)
    #expect(try await world.hold(held.hold.id).state == .stopped)
  }

  // MARK: step-up

  @Test func `S7 H8: a step-up with too little leaves the session as it was (row 13)`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let before = try await world.signedIn(session).session
    let renewed = try await world.site.stepUp.prove(
      [.password(World.password)], by: world.signedIn(session), source: world.source)
    let after = try await world.signedIn(renewed).session
    #expect(after.provedAt == before.provedAt && after.proofs == before.proofs)
  }

  @Test func `S7 H8: what was added yesterday opens no sensitive page while there is something older`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let young = try await world.addApp(session)
    world.pass(.days(1))
    let signedIn = try await world.signedIn(world.signIn(app: young))
    #expect(throws: Refusal.stepUpNeeded) { try signedIn.steppedUp(at: world.now) }
    world.pass(.seconds(30))
    let both = try await world.site.stepUp.prove(
      [.password(World.password), .totp(maria.app.code(at: world.now))], by: signedIn, source: world.source)
    _ = try await world.steppedUp(both)
  }

  // MARK: rows

  @Test func `row 35: what was removed proves nothing anywhere, and its pending code dies`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let second = try await world.addContact("second@example.org", session)
    let app = try await world.addApp(session)
    let passkey = try await world.addPasskey(session)
    world.pass(.days(31))
    let later = try await world.signIn(app: maria.app)
    let start = try await world.site.recovery.start(username: "maria", binding: .api)
    let masked = try NewContact(typed: "second@example.org").masked
    let option = try #require(start.options.first { $0.masked == masked })
    let sent = try await world.site.recovery.sendIssuedCode(
      start.journey, to: option.id, binding: .api, source: world.source)
    let code = try #require(try await world.mail().compactMap(\.code).last)
    for proof in [second, .totp(app.id), .passkey(try #require(passkey.id))] {
      _ = try await world.site.securityInfo.remove(
        proof, by: world.steppedUp(later), source: world.source)
    }
    await #expect(throws: Refusal.changedMeanwhile) {
      try await world.site.recovery.enterIssuedCode(
        sent.journey, code: code, binding: .api, source: world.source)
    }
    let after = try await world.site.recovery.start(username: "maria", binding: .api)
    #expect(!after.options.contains { $0.masked == masked })
    await #expect(throws: Refusal.expired, "an option that is gone") {
      _ = try await world.site.recovery.sendIssuedCode(
        "", to: option.id, binding: .api, source: world.source)
    }
    await #expect(throws: Refusal.totpWrong) { try await world.signIn(app: app) }
    await #expect(throws: Refusal.passkeyWrong(.wrongCredential)) { try await world.signIn(passkey: passkey) }
  }

  @Test func `rows 27, 28: frozen, on hold, with a passkey or an old cost: the same statements and hashes`()
    async throws
  {
    let world = try World(limits: false)
    for name in ["plain", "frozen", "waits", "keyed", "costly"] {
      _ = try await world.protected(name)
    }
    let frozen = try await world.account("frozen")
    let keyed = try await world.account("keyed")
    let costly = try await world.account("costly")
    let sealed = try await Self.sealed(World.password, for: costly, in: world)
    try await world.ports.database.write { transaction in
      _ = try transaction.setFrozen(Freeze(at: transaction.now, eventAt: transaction.now), of: frozen.id)
      for app in try transaction.authenticatorApps(of: keyed.id) {
        _ = try transaction.removeApp(app.id, of: keyed.id, at: transaction.now)
      }
      _ = try transaction.insert(
        Passkey(
          id: PasskeyID(text: "k"), account: keyed.id, name: "",
          credential: PasskeyCredential(
            id: [1], publicKey: [], algorithm: .es256, signatureCount: 0, backupEligible: false,
            backedUp: false, transports: [], aaguid: []), addedAt: transaction.now))
      try transaction.setPassword(sealed, needsTwoStep: false, of: costly.id, changedAt: transaction.now)
    }
    var claim = try await Claim(world, "waits")
    try await claim.show(password: World.password)
    _ = try await claim.hold()

    func cost(_ name: String) async throws -> [Int] {
      let hashes = world.hashes.count
      var statements: [Int] = []
      func count(_ work: () async throws -> Void) async {
        world.tap.visit(nil)
        try? await work()
        statements.append(world.tap.count)
      }
      await count { _ = try await world.signIn(name, "not the right password") }
      let start = try await world.site.recovery.start(username: name, withCode: true, binding: .api)
      await count { _ = try await world.site.recovery.start(username: name, binding: .api) }
      await count {
        _ = try await world.site.recovery.enterRecoveryCode(
          start.journey, code: RecoveryCode.generate().formatted, binding: .api, source: world.source)
      }
      await count {
        _ = try await world.site.recovery.enterPassword(
          start.journey, password: "not the right password", binding: .api, source: world.source)
      }
      return statements + [world.hashes.count - hashes]
    }
    _ = try await cost("warm.up")
    let unknown = try await cost("nobody")
    #expect(unknown.last == 3)
    for name in ["plain", "frozen", "waits", "keyed", "costly"] {
      #expect(try await cost(name) == unknown, "\(name)")
    }
  }

  /// With twice the passes of now.
  private static func sealed(_ password: String, for account: Account, in world: World) async throws
    -> SealedHash
  {
    let cost = HashCost(memoryKiB: 8, passes: 2)
    let salt = world.ports.randomness.bytes(SealedHash.saltLength)
    return SealedHash(
      OpenHash(
        cost: cost, salt: salt,
        output: try await world.hashes.hash(
          Password(password).secret, salt: salt, cost: cost, for: world.source)),
      keys: world.ports.keys, purpose: .passwordPepper, context: "password/\(account.id)")
  }

  @Test func `row 28: a password hashed at an old cost opens, and is hashed anew without a change`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.person()
    let account = try await world.account()
    let old = try await Self.sealed(World.password, for: account, in: world)
    try await world.ports.database.write {
      try $0.setPassword(old, needsTwoStep: false, of: account.id, changedAt: account.passwordChangedAt)
    }
    _ = try await world.signIn()
    let after = try await world.account()
    #expect(after.password != old && after.version == account.version)
    let open = after.password.open(
      keys: world.ports.keys, purpose: .passwordPepper, context: "password/\(account.id)")
    #expect(open?.cost == .cheap)
    _ = try await world.signIn()
  }

  @Test func `row 26: a mail server that is down makes no name answer differently, and loses nothing`()
    async throws
  {
    struct Down: Error {}
    let world = try World(limits: false)
    let maria = try await world.protected()
    func ask(_ name: String) async throws -> RecoveryAttempt.Step {
      let start = try await world.site.recovery.start(username: name, binding: .api)
      guard let option = start.options.first else { return .issuedCode }
      let step = try await world.site.recovery.sendIssuedCode(
        start.journey, to: option.id, binding: .api, source: world.source
      ).step
      while try await world.ports.deliverOutbox(with: { _, _ in throw Down() }) > 0 {}
      return step
    }
    #expect(try await ask("maria") == .issuedCode)
    #expect(try await ask("nobody") == .issuedCode)
    #expect(try await world.mail().isEmpty, "a moment's wait before the next try")
    world.pass(.hours(1))
    #expect(try await world.mail().map(\.address) == [maria.email])
  }

  @Test func `row 26 H6: a notice of a hold is tried until it arrives, and no completion before`()
    async throws
  {
    struct Down: Error {}
    let world = try World(limits: false)
    let maria = try await world.protected()
    let held = try await world.claim(code: maria.code)
    for _ in 0..<40 {
      while try await world.ports.deliverOutbox(with: { _, _ in throw Down() }) > 0 {}
      _ = try await world.site.holds.workOffDue()
      world.pass(.days(1))
    }
    #expect(try await world.hold(held.hold.id).state == .running)
    #expect(try await world.hold(held.hold.id).toldAt == nil)
    try await world.work()
    #expect(world.news(to: maria.email).first == .started)
  }

  @Test func `row 7: of 200 parallel guesses at a confirmation, from many addresses, five are compared`()
    async throws
  {
    let world = try World(limits: false)
    let session = try await world.person()
    let id = try await world.site.securityInfo.addContact(
      NewContact(typed: "new@example.net"), by: world.steppedUp(session), source: world.source)
    let right = try #require(try await world.mail().compactMap(\.code).last)
    let signedIn = try await world.signedIn(session)
    let wrong = right == "000000" ? "000001" : "000000"
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<200 {
        group.addTask {
          _ = try? await world.site.securityInfo.confirmContact(
            id, code: wrong, by: signedIn, source: Source(address: "198.51.100.\(number)"))
        }
      }
    }
    await #expect(throws: Refusal.issuedCodeWrong) {
      try await world.site.securityInfo.confirmContact(
        id, code: right, by: signedIn, source: world.source)
    }
  }

  @Test func `row 41: names and mail addresses share no spelling, so none blocks the other`() async throws {
    let world = try World(limits: false)
    _ = try await world.person()
    await #expect(throws: Refusal.field(.username, .impossible("@"))) {
      try await world.site.signUp.create(
        username: "maria@example.org", password: World.password, email: nil, source: world.source)
    }
    _ = try await world.person("maria.example.org", email: nil)
    _ = try await world.signIn()
    _ = try await world.signIn("maria.example.org")
  }

  @Test func `D4: proofs added, confirmed and removed are told to every contact`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    try await world.addContact("second@example.org", session)
    _ = try await world.mail()
    let app = try await world.addApp(session, name: "My phone")
    let passkey = try await world.addPasskey(session)
    for proof in [Proof.totp(app.id), .passkey(try #require(passkey.id))] {
      _ = try await world.site.securityInfo.remove(proof, by: world.steppedUp(session), source: world.source)
    }
    _ = try await world.makeCode(session)
    let told = try await world.mail()
    let kinds = ["totpAdded", "passkeyAdded", "totpRemoved", "passkeyRemoved", "codeMade"]
    for kind in kinds {
      let addresses = told.filter { "\($0.kind)".hasPrefix(kind) }.map(\.address)
      #expect(
        addresses.contains("maria@example.org") && addresses.contains("second@example.org"), "\(kind)")
    }
  }
}
