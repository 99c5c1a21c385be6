import Foundation
import RecoveryCode
import SparekeyCore
import Testing

@testable import SparekeyWeb
@testable import sparekey

/// What the pages of someone signed in say when time passes: they are asked as a browser asks them, on a clock moved
/// by hand.
@Suite struct `Pages of the account` {
  @Test func `H8: a way added lately says from when it counts fully`() async throws {
    let world = try World(limits: false)
    _ = try await world.person()
    world.pass(.days(40))
    var started = try await world.signIn()
    _ = try await world.addEmail("new@example.org", started)
    func emails() async throws -> [WayRow] {
      let page: SecurityPage = try await world.page(AccountPages.security, "/account/security", started)
      return page.ways[0].ways
    }
    var rows = try await emails()
    #expect(rows.map(\.label) == ["maria@example.org", "new@example.org"])
    #expect(rows[0].junior == nil)
    #expect(rows[1].junior?.contains(world.site.texts.day(world.now + .days(30))) == true)
    world.pass(.days(30))
    started = try await world.signIn()
    rows = try await emails()
    #expect(rows.allSatisfy { $0.junior == nil })
  }

  @Test func `C8: after a year the page reminds to check the code`() async throws {
    let world = try World(limits: false)
    let code = try await world.makeCode(world.person())
    world.pass(.days(364))
    var started = try await world.signIn()
    func reminder() async throws -> String? {
      let page: SecurityPage = try await world.page(AccountPages.security, "/account/security", started)
      return page.checkCode
    }
    #expect(try await reminder() == nil)
    world.pass(.days(2))
    #expect(try await reminder() != nil)
    started = try await world.signIn()
    let reply = try await CodePages.enterCheck(
      world.visit("/account/check-code", started, form: "code=\(code.code.formatted)"))
    #expect(reply.content.redirect == "/account/security?notice=code-checked")
    #expect(try await reminder() == nil)
  }

  @Test func `H12: removing the last senior proof says that it waits, and everything else waits for it`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.person()
    world.pass(.days(40))
    let started = try await world.signIn()
    let old = try await world.site.securityInfo.overview(for: world.signedIn(started)).proofs.contacts[0]
    _ = try await world.addEmail("new@example.org", started)
    let proof = "proof=\(Proof.contact(old).text)"
    let page: RemovalPage = try await world.page(
      RemovalPages.show, "/account/remove", started, query: proof)
    #expect(page.waits?.contains("30 days") == true)
    let reply = try await RemovalPages.remove(world.visit("/account/remove", started, form: proof))
    #expect(reply.content.redirect == "/account/security?notice=removal-held")

    let security: SecurityPage = try await world.page(AccountPages.security, "/account/security", started)
    let end = world.site.texts.exactly(world.now + .days(30))
    #expect(security.banners.contains { $0.line.contains(end) && $0.linkPath.hasPrefix("/holds/") })
    for handler: PageHandler in [
      ContactPages.new, TwoStepPages.show, AccountPages.password, CodePages.recoveryCode,
    ] {
      await #expect(throws: Refusal.holdRunning(until: world.now + .days(30))) {
        try await handler(world.visit("/account/two-step", started))
      }
    }
  }

  @Test func `S7, H8: a step-up by what was added yesterday is right and not enough, and says so`()
    async throws
  {
    let world = try World(limits: false)
    let first = try await world.person()
    _ = try await world.addApp(first)
    world.pass(.days(40))
    let started = try await world.signIn()
    let new = try await world.addApp(started)
    try await world.site.securityInfo.setTwoStep(
      true, by: world.signedIn(started).steppedUp(at: world.now), source: world.source)
    world.pass(.minutes(10))
    let code = new.code(at: world.now)
    let reply = try await StepUpPages.prove(
      world.visit(
        "/step-up", started,
        form: "return-to=/account/two-step&password=\(World.password.replacing(" ", with: "+"))&code=\(code)")
    )
    let page = try #require(reply.content.page as? StepUpPage)
    #expect(page.problem == world.site.texts["error.juniorProof"])
    #expect(reply.status == .forbidden)
  }

  @Test func `H13: the page says that an older code keeps its right, for 30 days, and not in strict mode`()
    async throws
  {
    for strict in [false, true] {
      let world = try World(options: ServiceOptions(limitsEnforced: false, strictPolicy: strict))
      var started = try await world.person()
      _ = try await world.makeCode(started)
      let app = try await world.addApp(started)
      world.pass(.minutes(1))
      func olderCode() async throws -> String? {
        let page: TwoStepPage = try await world.page(TwoStepPages.show, "/account/two-step", started)
        return page.olderCode
      }
      #expect(try await olderCode() != nil || strict)
      try await world.site.securityInfo.setTwoStep(
        true, by: world.signedIn(started).steppedUp(at: world.now), source: world.source)
      #expect(try await (olderCode() != nil) == !strict)
      world.pass(.days(31))
      started = try await world.signIn(app: app)
      #expect(try await olderCode() == nil)
    }
  }

  @Test func `After a recovery of a two-step account no page opens before the second factors are settled`()
    async throws
  {
    let world = try World(limits: false)
    let first = try await world.person()
    let app = try await world.addApp(first, name: "Old phone")
    try await world.site.securityInfo.setTwoStep(
      true, by: world.signedIn(first).steppedUp(at: world.now), source: world.source)
    let code = try await world.makeCode(first)
    world.pass(.days(60))
    let proved = try await world.site.recovery.enterPassword(
      world.provedJourney(code: code.code), password: World.password, binding: .api, source: world.source)
    let end = try await world.site.recovery.finish(
      proved.journey, wanted: Recovery.Wanted(password: "another grey cat on a wall"), binding: .api,
      source: world.source)
    guard case .recovered(_, let session?) = end else {
      Issue.record("it opens at once, with a session that has to settle")
      return
    }
    for handler: PageHandler in [
      AccountPages.security, AccountPages.password, CodePages.recoveryCode, TwoStepPages.show,
      ActivityPages.activity, ActivityPages.cleanUp, RemovalPages.show, ContactPages.new, StepUpPages.show,
    ] {
      await #expect(throws: Refusal.factorsUnsettled) {
        try await handler(world.visit("/account/security", session))
      }
    }
    var page: SettlingPage = try await world.page(SettlingPages.show, "/account/factors", session)
    #expect(page.factors.map(\.name) == ["Old phone"] && !page.isDone && page.asksCode)
    let early = try await SettlingPages.finish(world.visit("/account/factors/done", session))
    #expect(early.status == .conflict)
    // The same pages that the security page leads to add a factor here.
    let made = try await FactorPages.addApp(
      world.visit("/account/authenticator-app", session, form: "name=New+phone"))
    let place = try #require(made.content.redirect?.split(separator: "?").last)
    let confirming: ConfirmAppPage = try await world.page(
      FactorPages.app, "/account/authenticator-app/confirm", session, query: String(place))
    #expect(confirming.back == "/account/factors")
    // The old one works.
    let step = TOTP.stepNumber(at: world.now)
    let wrong = try await SettlingPages.confirm(world.visit("/account/factors", session, form: "code=12"))
    #expect((wrong.content.page as? SettlingPage)?.codeError == world.site.texts["error.totp.malformed"])
    let shown = try await SettlingPages.confirm(
      world.visit("/account/factors", session, form: "code=\(TOTP.code(secret: app.secret, step: step))"))
    #expect(shown.content.redirect == "/account/factors?notice=confirmed")
    page = try await world.page(SettlingPages.show, "/account/factors", session)
    #expect(page.isDone && page.factors[0].settled)
    let done = try await SettlingPages.finish(world.visit("/account/factors/done", session))
    let token = try #require(done.cookies.first { $0.cookie == .session }?.value)
    _ = try await AccountPages.security(world.visit("/account/security", token: Secret(token)))
    // Signing out works before and after.
    await #expect(throws: Refusal.notSignedIn) {
      try await SettlingPages.show(world.visit("/account/factors", session))
    }
  }

  @Test func `A session that has to settle its factors can be signed out`() async throws {
    let world = try World(limits: false)
    let first = try await world.person()
    _ = try await world.addApp(first)
    try await world.site.securityInfo.setTwoStep(
      true, by: world.signedIn(first).steppedUp(at: world.now), source: world.source)
    let code = try await world.makeCode(first)
    let proved = try await world.site.recovery.enterPassword(
      world.provedJourney(code: code.code), password: World.password, binding: .api, source: world.source)
    let end = try await world.site.recovery.finish(
      proved.journey, wanted: Recovery.Wanted(password: "another grey cat on a wall"), binding: .api,
      source: world.source)
    guard case .recovered(_, let session?) = end else {
      Issue.record("it opens at once, with a session that has to settle")
      return
    }
    _ = try await world.site.sessions.unsettled(by: session.token)
    let reply = try await SignInPages.signOut(world.visit("/sign-out", session))
    #expect(reply.content.redirect == "/sign-in?notice=signed-out")
    await #expect(throws: Refusal.notSignedIn) {
      try await world.site.sessions.unsettled(by: session.token)
    }
  }

  // MARK: texts

  @Test func `Every text that a template, a handler or an event asks for exists`() throws {
    let texts = try World().site.texts
    func isThere(_ key: String) -> Bool { texts[key] != key }
    for kind in SecurityEvent.Kind.allCases { #expect(isThere("activity.\(kind.textKey)"), "\(kind)") }
    let sources = URL(filePath: #filePath).appending(path: "../../../Sources/SparekeyWeb").standardized
    let files = try #require(
      FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)?.compactMap { $0 as? URL })
    var count = 0
    for file in files where ["mustache", "swift"].contains(file.pathExtension) {
      let source = try String(contentsOf: file, encoding: .utf8)
      let keys =
        file.pathExtension == "mustache"
        ? source.matches(of: /\btext\.([A-Za-z0-9.]+)/).map { String($0.1) }
        : source.matches(of: /texts(?:\[|\.format\(\s*)"([A-Za-z0-9.]+)"/).map { String($0.1) }
      for key in keys { #expect(isThere(key), "\(key) in \(file.lastPathComponent)") }
      count += keys.count
    }
    #expect(count > 400)
  }
}

extension World {
  /// A request for a page, as someone signed in sends it.
  fileprivate func visit(
    _ path: String, _ started: StartedSession? = nil, token: Secret? = nil, query: String = "",
    form: String = ""
  ) throws -> Visit {
    Visit(
      site: site, path: path, query: try Form(query), form: try Form(form), headers: [:],
      peer: source.address, browser: "browser", sessionToken: token ?? started?.token, journey: nil, now: now)
  }

  fileprivate func page<Shown: Page>(
    _ handler: PageHandler, _ path: String, _ started: StartedSession, query: String = ""
  ) async throws -> Shown {
    try #require(try await handler(visit(path, started, query: query)).content.page as? Shown)
  }

  fileprivate func addEmail(_ address: String, _ started: StartedSession) async throws -> ContactID {
    let signedIn = try await signedIn(started)
    let id = try await site.securityInfo.addContact(
      NewContact(kind: .email, address: address), by: signedIn.steppedUp(at: now), source: source)
    let code = try await mail().last { $0.address == address && $0.code != nil }?.code
    try await site.securityInfo.confirmContact(id, code: #require(code), by: signedIn, source: source)
    return id
  }
}

extension Reply.Content {
  fileprivate var redirect: String? { if case .redirect(let path) = self { path } else { nil } }
  fileprivate var page: (any Page)? { if case .page(let page) = self { page } else { nil } }
}
