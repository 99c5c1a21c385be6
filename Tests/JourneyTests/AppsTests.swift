import Crypto
import Foundation
import NIOConcurrencyHelpers
import SparekeyCore
import SparekeyServices
import Testing

@testable import sparekey

@Suite struct `Apps` {
  let redirect = "https://notes.example.org/in"

  // MARK: what an app does

  struct App: Sendable {
    let client: Client
    let secret: Secret?
    let verifier = String(repeating: "v", count: 43)

    var challenge: String { Base64URL.encode(Array(SHA256.hash(data: Array(verifier.utf8)))) }

    func parameters(_ changed: [String: String] = [:]) -> @Sendable (String) -> String? {
      let all = [
        "client_id": client.id.text, "redirect_uri": client.redirectURIs[0], "response_type": "code",
        "scope": "openid email offline_access", "state": "s", "nonce": "n", "code_challenge": challenge,
        "code_challenge_method": "S256",
      ].merging(changed) { $1 }
      return { all[$0] }
    }
  }

  func app(_ world: World, _ kind: Client.Kind = .confidential, backChannel: String? = nil) async throws
    -> App
  {
    let registered = try await world.site.clients.register(
      Clients.New(
        name: "Notes", kind: kind, redirectURIs: [redirect], backChannelLogoutURI: backChannel))
    let (client, secret) = (registered.client, registered.secret)
    return App(client: client, secret: secret)
  }

  func value(_ name: String, in address: String) throws -> String? {
    try #require(URLComponents(string: address)).queryItems?.first { $0.name == name }?.value
  }

  /// A code, with a yes where it is asked for.
  func code(_ world: World, _ app: App, _ started: StartedSession) async throws -> Secret {
    let signedIn = try await world.signedIn(started)
    var step = try await world.site.apps.begin(
      app.parameters(), by: signedIn, binding: .api, source: world.source)
    if case .consent(let pending, _, _) = step {
      step = try await world.site.apps.allow(pending.token, by: signedIn, binding: .api, source: world.source)
    }
    guard case .toApp(let address) = step else { throw Refusal.outOfStep }
    return Secret(try #require(try value("code", in: address)))
  }

  func exchange(_ world: World, _ app: App, _ code: Secret) async throws -> Tokens.Issued {
    try await world.site.tokens.exchange(
      code: code, redirectURI: redirect, verifier: app.verifier, by: app.client)
  }

  func tokens(_ world: World, _ app: App, _ started: StartedSession) async throws -> Tokens.Issued {
    try await exchange(world, app, code(world, app, started))
  }

  /// The apps that were told, by the claims of their tokens.
  func told(_ world: World) async throws -> [[String: String]] {
    let all = NIOLockedValueBox<[[String: String]]>([])
    while try await world.site.appLogout.tellNext({ token, address in
      var said = try Self.claims(token)
      said["to"] = address
      all.withLockedValue { [said] in $0.append(said) }
    }) {}
    return all.withLockedValue { $0 }
  }

  static func claims(_ token: String) throws -> [String: String] {
    let part = try #require(Base64URL.decode(String(token.split(separator: ".")[1])))
    let read = try #require(try JSONSerialization.jsonObject(with: Data(part)) as? [String: Any])
    return read.mapValues { "\($0)" }
  }

  // MARK: tokens

  @Test func `RFC 6749 4.1.2: of 32 exchanges of one code at once one wins, and the others end what it gave`()
    async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    let code = try await code(world, app, world.person())
    let won = await withTaskGroup(of: Tokens.Issued?.self) { group in
      for _ in 0..<32 { group.addTask { try? await exchange(world, app, code) } }
      return await group.reduce(into: [Tokens.Issued]()) { all, issued in if let issued { all.append(issued) }
      }
    }
    #expect(won.count == 1)
    let access = try #require(won.first).access
    #expect(try await world.site.tokens.userInfo(access) == nil)
  }

  @Test func `RFC 9700 4.14: of 32 uses of one refresh token at once one wins, and then its family ends`()
    async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    let first = try await tokens(world, app, world.person())
    let refresh = try #require(first.refresh).revealedText
    let won = await withTaskGroup(of: Tokens.Issued?.self) { group in
      for _ in 0..<32 {
        group.addTask { try? await world.site.tokens.refresh(refresh, scope: nil, by: app.client) }
      }
      return await group.reduce(into: [Tokens.Issued]()) { all, issued in if let issued { all.append(issued) }
      }
    }
    let next = try #require(won.first?.refresh).revealedText
    #expect(won.count == 1)
    await #expect(throws: Tokens.Problem.self) {
      try await world.site.tokens.refresh(next, scope: nil, by: app.client)
    }
    #expect(try await world.site.tokens.userInfo(first.access) == nil)
  }

  @Test func `A1: what people allowed an app does not hold for a new address of it`() async throws {
    let world = try World(limits: false)
    let app = try await app(world)
    let started = try await world.person()
    _ = try await code(world, app, started)
    func asks() async throws -> Bool {
      let step = try await world.site.apps.begin(
        app.parameters(), by: world.signedIn(started), binding: .api, source: world.source)
      return if case .consent = step { true } else { false }
    }
    var new = Clients.New(name: "Notes again", kind: .confidential, redirectURIs: [redirect])
    _ = try await world.site.clients.change(app.client.id, to: new, by: .operator)
    #expect(try await !asks())
    new.redirectURIs.append("https://elsewhere.example.org/in")
    _ = try await world.site.clients.change(app.client.id, to: new, by: .operator)
    #expect(try await asks())
  }

  @Test func `A1: an access token is good for ten minutes, a code for one`() async throws {
    let world = try World(limits: false)
    let app = try await app(world)
    let started = try await world.person()
    let access = try await tokens(world, app, started).access
    world.pass(.minutes(10) - .seconds(1))
    #expect(try await world.site.tokens.userInfo(access)?.email == "maria@example.org")
    world.pass(.seconds(1))
    #expect(try await world.site.tokens.userInfo(access) == nil)
    let code = try await code(world, app, started)
    world.pass(.seconds(60))
    await #expect(throws: Tokens.Problem.self) { try await exchange(world, app, code) }
  }

  @Test func `S7: refresh tokens end with the session, 30 days after its beginning at the latest`()
    async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    var refresh = try #require(try await tokens(world, app, world.person()).refresh).revealedText
    for _ in 0..<29 {
      world.pass(.days(1))
      // Housekeeping forgets nothing that is still good.
      try await world.ports.forgetWhatIsOver()
      refresh = try #require(
        try await world.site.tokens.refresh(refresh, scope: nil, by: app.client).refresh
      ).revealedText
    }
    world.pass(.days(1))
    await #expect(throws: Tokens.Problem.self) {
      try await world.site.tokens.refresh(refresh, scope: nil, by: app.client)
    }
  }

  @Test func `S7: a session that runs idle takes its tokens along, and the app is told`() async throws {
    let world = try World(limits: false)
    let app = try await app(world, backChannel: "https://notes.example.org/out")
    _ = try await tokens(world, app, world.person())
    world.pass(.days(7) + .seconds(1))
    #expect(try await told(world).isEmpty)
    try await world.ports.forgetWhatIsOver()
    #expect(try await told(world).map { $0["to"] } == ["https://notes.example.org/out"])
  }

  // MARK: what ends a session

  @Test func `H11 S7: a hold that completes ends tokens, and apps are told`() async throws {
    let world = try World(limits: false)
    let owner = try await world.protected()
    let app = try await app(world, backChannel: "https://notes.example.org/out")
    _ = try await world.claim(code: owner.code)
    _ = try await world.mail()
    world.pass(.days(29))
    let access = try await tokens(world, app, world.signIn(app: owner.app)).access
    world.pass(.days(1) - .minutes(2))
    let late = try await tokens(world, app, world.signIn(app: owner.app)).access
    #expect(try await world.site.tokens.userInfo(late) != nil)
    world.pass(.minutes(3))
    _ = try await world.site.holds.workOffDue()
    #expect(try await world.site.tokens.userInfo(late) == nil)
    #expect(try await told(world).count == 2)
    #expect(try await world.site.tokens.userInfo(access) == nil)
  }

  @Test
  func `C9 S7: at no statement of a recovery are tokens ended or apps told without it, nor it without them`()
    async throws
  {
    struct Injected: Error {}
    let world = try World(limits: false)
    let app = try await app(world, backChannel: "https://notes.example.org/out")
    let started = try await world.person()
    let code = try await world.makeCode(started).code
    let access = try await tokens(world, app, started).access
    var steps = 0
    while true {
      let journey = try await world.provedJourney(code: code)
      let failing = steps
      world.tap.visit { if $0 == failing { throw Injected() } }
      do {
        _ = try await world.recover(journey, to: "a brand new green bicycle")
        world.tap.visit(nil)
        break
      } catch is Injected {
        world.tap.visit(nil)
        #expect(try await world.site.tokens.userInfo(access) != nil)
        #expect(try await told(world).isEmpty)
      }
      steps += 1
    }
    #expect(steps > 16)
    #expect(try await world.site.tokens.userInfo(access) == nil)
    #expect(try await told(world).count == 1)
  }

  @Test func `D2: a frozen account opens no app`() async throws {
    let world = try World(limits: false)
    let app = try await app(world)
    let started = try await world.person()
    world.pass(.days(40))
    let again = try await world.signIn()
    let events = try await world.site.securityInfo.activity(for: world.signedIn(again))
    let event = try #require(events.first { $0.kind == .signedIn })
    try await world.site.freezing.thisWasNotMe(
      event.number, by: world.signedIn(again), source: world.source)
    let frozen = try await world.signedIn(world.signIn())
    await #expect(throws: Refusal.frozen) {
      try await world.site.apps.begin(app.parameters(), by: frozen, binding: .api, source: world.source)
    }
    let silent = try await world.site.apps.begin(
      app.parameters(["prompt": "none"]), by: frozen, binding: .api, source: world.source)
    guard case .toApp(let address) = silent else { throw Refusal.outOfStep }
    #expect(try value("error", in: address) == "access_denied")
    _ = started
  }

  @Test
  func `A1: a session that a claim ticket opened says recovery, though password and a new app were shown`()
    async throws
  {
    let world = try World(limits: false)
    let owner = try await world.protected()
    let ticket = try #require(try await world.claim(code: owner.code).ticket)
    try await world.work()
    world.pass(.days(30))
    try await world.work()
    let started = try await world.firstSignIn(Claim.newPassword, ticket: ticket)
    var unsettled = try await world.site.sessions.unsettled(by: started.token)
    try await world.site.factorSettling.remove(.totp(owner.app.id), by: unsettled, source: world.source)
    unsettled = try await world.site.sessions.unsettled(by: started.token)
    let new = try await world.site.factorSettling.addApp(named: "", by: unsettled)
    let phone = TestApp(id: new.id, secret: new.secret)
    try await world.site.factorSettling.confirmNewApp(
      new.id, code: phone.code(at: world.now), by: unsettled, source: world.source)
    unsettled = try await world.site.sessions.unsettled(by: started.token)
    let (full, _) = try await world.site.factorSettling.finish(by: unsettled, source: world.source)
    let said = Authentication(try await world.signedIn(full).session)
    #expect(said.level == .recovery && said.methods.contains("recovery") && !said.methods.contains("mfa"))
  }

  // MARK: requests

  @Test func `T26: a request cannot be changed on its way, nor used in another browser`() async throws {
    let world = try World(limits: false)
    let app = try await app(world)
    let signedIn = try await world.signedIn(world.person())
    let step = try await world.site.apps.begin(
      app.parameters(), by: signedIn, binding: .browser("one"), source: world.source)
    guard case .consent(let pending, _, _) = step else { throw Refusal.outOfStep }
    await #expect(throws: Refusal.expired) {
      try await world.site.apps.allow(
        pending.token, by: signedIn, binding: .browser("two"), source: world.source)
    }
    world.pass(AuthorizationRequest.lifetime)
    await #expect(throws: Refusal.expired) {
      try await world.site.apps.allow(
        pending.token, by: signedIn, binding: .browser("one"), source: world.source)
    }
  }

  @Test func `acr_values ask once for what the account can show, and never for what it cannot`() async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    let started = try await world.person()
    let wish = app.parameters(["acr_values": "phr"])
    let without = try await world.site.apps.begin(
      wish, by: world.signedIn(started), binding: .api, source: world.source)
    guard case .consent = without else { throw Refusal.outOfStep }
    _ = try await world.addPasskey(started)
    world.pass(.seconds(1))
    let with = try await world.site.apps.begin(
      wish, by: world.signedIn(started), binding: .api, source: world.source)
    guard case .stepUp = with else { throw Refusal.outOfStep }
  }

  @Test func `OIDC Core 3.1.2.1: id_token_hint lets nobody else in, and asks for the right person`()
    async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    let maria = try await world.person()
    let hint = try await tokens(world, app, maria).idToken
    let other = try await world.person("otto", email: "otto@example.org")

    func begin(_ changed: [String: String], by started: StartedSession, as app: App) async throws
      -> SparekeyCore.Apps.Step
    {
      try await world.site.apps.begin(
        app.parameters(changed), by: world.signedIn(started), binding: .api, source: world.source)
    }
    func error(_ step: SparekeyCore.Apps.Step) throws -> String? {
      guard case .toApp(let address) = step else { return nil }
      return try value("error", in: address) ?? "none"
    }

    let silent = ["id_token_hint": hint, "prompt": "none"]
    #expect(try await error(begin(silent, by: maria, as: app)) == "none")
    // As good as nobody, even where otto allowed the app before.
    _ = try await tokens(world, app, other)
    #expect(try await error(begin(silent, by: other, as: app)) == "login_required")
    guard case .otherPerson(let pending) = try await begin(["id_token_hint": hint], by: other, as: app) else {
      throw Refusal.outOfStep
    }
    let allowed = try await world.site.apps.allow(
      pending.token, by: world.signedIn(other), binding: .api, source: world.source)
    guard case .otherPerson = allowed else { throw Refusal.outOfStep }
    let resumed = try await world.site.apps.resume(
      pending.token, by: world.signedIn(maria), binding: .api, source: world.source)
    #expect(try error(resumed) == "none")
    // It may be old, but not made up, and not another app's.
    world.pass(.minutes(10))
    #expect(try await error(begin(silent, by: maria, as: app)) == "none")
    let forged = ["id_token_hint": String(hint.dropLast(6)) + "AAAAAA"]
    #expect(try await error(begin(forged, by: maria, as: app)) == "invalid_request")
    let second = try await self.app(world)
    #expect(try await error(begin(["id_token_hint": hint], by: maria, as: second)) == "invalid_request")
  }

  @Test func `D4: every contact is told of an app that is allowed, and not of what it is allowed already`()
    async throws
  {
    let world = try World(limits: false)
    let app = try await app(world)
    let started = try await world.person()
    _ = try await world.mail()
    _ = try await tokens(world, app, started)
    let told = try await world.mail()
    #expect(told.map(\.address) == ["maria@example.org"])
    guard case .appAllowed(name: "Notes") = told.first?.kind else { throw Refusal.outOfStep }
    _ = try await tokens(world, app, started)
    #expect(try await world.mail().isEmpty)
  }

  // MARK: addresses

  @Test(arguments: [
    "http://notes.example.org/in", "https://u@notes.example.org/", "https://u:p@notes.example.org/",
    "https://notes.example.org/#a", "https://*.example.org/", "notes:/in", "javascript:alert(1)",
    "data:text/html,x", "https:///in", "//notes.example.org/in", "/in", "https://notes.example.org/a b",
    "https://notes.example.org\\@evil.example/", "https://notes.example.org/\u{E9}",
    "HTTPS://notes.example.org/",
    "https://notes.example.org;script-src/", "https://notes.example.org:0443/in", "http://localhost:0300/",
    "https://notes.example.org:99999/in", "http://localhost:0/",
  ])
  func `T26: no app gets an address that means something else elsewhere`(_ text: String) {
    #expect(AppAddress(text) == nil)
  }

  @Test(arguments: [
    ("https://notes.example.org/in?x=1", "https://notes.example.org"),
    ("https://notes.example.org:8443/in", "https://notes.example.org:8443"),
    ("http://localhost:3000/in", "http://localhost:3000"), ("http://[::1]:3000/in", "http://[::1]:3000"),
    ("com.example.notes:/in", "com.example.notes:"),
  ])
  func `an address names the origin that a page's policy allows`(_ text: String, _ origin: String) {
    #expect(AppAddress(text)?.origin == origin)
  }

  // MARK: keys

  @Test(arguments: SigningAlgorithm.allCases)
  func `A1: keys are published before they sign and after they did; no signature ever lacks its key`(
    _ algorithm: SigningAlgorithm
  ) async throws {
    let world = try World(limits: false)
    _ = try await world.site.clients.register(
      Clients.New(name: "Notes", kind: .public, redirectURIs: [redirect], algorithm: algorithm))
    var list = try await world.site.clients.publicKeys()
    var signers: Set<String> = []
    for hour in 0..<(200 * 24) {
      try await world.site.clients.turnKeys()
      let keys = try await world.ports.database.read { try $0.signingKeys() }
      let signer = try #require(KeyRotation.current(of: keys, at: world.now)).id.text
      signers.insert(signer)
      // An app that fetched the list an hour ago can check what is signed now.
      #expect(list.contains { $0["kid"] == signer }, "hour \(hour)")
      #expect(keys.count <= 2)
      list = try await world.site.clients.publicKeys()
      world.pass(KeyRotation.listLifetime)
    }
    #expect(signers.count == 3)
  }

  @Test func `a service that was off for long goes on signing with its old key for a day`() async throws {
    let world = try World(limits: false)
    let app = try await app(world)
    let old = try await world.ports.database.read { try $0.signingKeys() }
    world.pass(.days(400))
    let token = try await tokens(world, app, world.person()).idToken
    #expect(try Self.kid(token) == old[0].id.text)
    try await world.site.clients.turnKeys()
    world.pass(.hours(23))
    #expect(try Self.kid(try await tokens(world, app, world.signIn()).idToken) == old[0].id.text)
    world.pass(.hours(1))
    #expect(try Self.kid(try await tokens(world, app, world.signIn()).idToken) != old[0].id.text)
  }

  static func kid(_ token: String) throws -> String {
    let head = try #require(Base64URL.decode(String(token.prefix { $0 != "." })))
    let read = try #require(try JSONSerialization.jsonObject(with: Data(head)) as? [String: String])
    return try #require(read["kid"])
  }
}
