import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOConcurrencyHelpers
import Testing

@testable import SparekeyClient

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

@Suite struct `Signing in to an app` {
  let sparekey = TestSparekey()

  func browser(publicURL: String = "https://notes.example.org") throws -> Browser {
    Browser(sparekey, try sparekey.client(publicURL: publicURL))
  }

  func text(_ response: Response) async throws -> String {
    var text = ""
    try await response.body.write(Collector { text += $0 })
    return text
  }

  // MARK: there and back

  @Test func `A4: a visitor comes back to the page they asked for, and is known there`() async throws {
    let browser = try browser()
    let query = try await browser.leave(for: "/notes/7?page=2&x=a%20b")
    #expect(query["redirect_uri"] == "https://notes.example.org/auth/callback")
    #expect(query["response_type"] == "code" && query["code_challenge_method"] == "S256")
    #expect(query["scope"] == "openid profile" && query["code_challenge"]?.count == 43)
    let back = try await browser.comeBack(query)
    #expect(back.status == .seeOther && back.headers[.location] == "/notes/7?page=2&x=a%20b")
    let page = try await browser.ask(.get, "/notes")
    #expect(page.status == .ok && page.headers[.cacheControl] == "no-store")
    #expect(try await text(page) == "maria-id maria")
  }

  @Test func `cookies belong to this host, to no script, and on https to nothing unencrypted`() async throws {
    let browser = try browser()
    let sent = try await browser.ask(.get, "/notes")
    let back = try await browser.signIn()
    for line in sent.headers[values: .setCookie] + back.headers[values: .setCookie] {
      #expect(line.hasPrefix("__Host-sparekey-app-01234567"))
      for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] { #expect(line.contains("; \(part)")) }
      #expect(!line.contains("Domain"))
    }
    let local = try self.browser(publicURL: "http://localhost:8090")
    try await local.signIn()
    #expect(local.cookies.keys.allSatisfy { $0.hasPrefix("sparekey-app-01234567") })
    #expect(try await local.isSignedIn())
  }

  @Test func `a new sign-in has a new id, and the old one is worth nothing`() async throws {
    let browser = try browser()
    try await browser.signIn()
    let old = browser.cookies
    let query = try await browser.another().leave()
    let second = browser.another()
    _ = query
    let again = try await browser.ask(.get, "/auth/sign-in?return-to=/notes")
    let address = try #require(again.headers[.location].flatMap { URLComponents(string: $0) })
    let items = try #require(address.queryItems)
    sparekey.set { state in state.nonce = items.first { $0.name == "nonce" }?.value ?? "" }
    _ = try await browser.comeBack(["state": try #require(items.first { $0.name == "state" }?.value)])
    #expect(try await browser.isSignedIn())
    second.cookies = old
    #expect(try await !second.isSignedIn())
  }

  @Test func `several tabs sign in at once, and too many begin anew`() async throws {
    let browser = try browser()
    let first = try await browser.leave(for: "/a")
    let second = try await browser.leave(for: "/b")
    #expect(try await browser.comeBack(second).headers[.location] == "/b")
    sparekey.set { $0.nonce = first["nonce"] ?? "" }
    #expect(try await browser.comeBack(first).headers[.location] == "/a")
    let other = browser.another()
    for _ in 0..<30 { _ = try await other.leave() }
    #expect(other.cookies.count <= PendingSignIn.most + 1)
    // Names that no browser was given are left alone.
    for name in ["a(b", "aaaa bbb", "\u{E9}aaaaaaa", ""] {
      other.cookies["__Host-sparekey-app-01234567-in-\(name)"] = "x"
    }
    #expect(try await other.leave()["state"] != nil)
  }

  // MARK: what is refused

  @Test func `RFC 9700 4.7: an answer of another browser, an old one, or a made-up one signs nobody in`()
    async throws
  {
    let browser = try browser()
    let query = try await browser.leave()
    let other = browser.another()
    #expect(try await other.comeBack(query).status == .badRequest)
    _ = try await other.leave()
    #expect(try await other.comeBack(query).status == .badRequest)
    #expect(try await browser.comeBack(query, ["state": "other"]).status == .badRequest)
    // RFC 9207: mixed up with another issuer.
    #expect(try await browser.comeBack(query, ["iss": "https://evil.example"]).status == .badRequest)
    // A cookie that opens is good for its own state only.
    let name = try #require(browser.cookies.keys.first)
    other.cookies = [name: "AAAA"]
    #expect(try await other.comeBack(query).status == .badRequest)
    #expect(try await !other.isSignedIn())
    sparekey.pass(PendingSignIn.lifetime)
    #expect(try await browser.comeBack(query).status == .badRequest)
    #expect(!sparekey.asked.contains("/oauth2/token"))
  }

  @Test func `an ID token of another sign-in, or about someone else, signs nobody in`() async throws {
    let browser = try browser()
    let query = try await browser.leave()
    sparekey.set { $0.nonce = "other" }
    #expect(try await browser.comeBack(query).status == .badGateway)
    sparekey.set {
      $0.nonce = query["nonce"] ?? ""; $0.sub = "otto-id"
    }
    #expect(try await browser.comeBack(query).status == .badGateway)
    #expect(try await !browser.isSignedIn())
    // The control.
    sparekey.set { $0.sub = "maria-id" }
    #expect(try await browser.comeBack(query).status == .seeOther)
  }

  @Test func `a no at Sparekey is said in words, and its own words never reach the page`() async throws {
    let browser = try browser()
    let query = try await browser.leave()
    let answer = try await browser.ask(
      .get,
      "/auth/callback?error=access_denied&error_description=%3Cscript%3E&iss=https://accounts.example.org&state=\(query["state"] ?? "")"
    )
    #expect(answer.status == .forbidden)
    let words = try await text(answer)
    #expect(words.contains("You did not allow this app") && !words.contains("<script>"))
    #expect(words.contains("href=\"sign-in\""))
  }

  @Test(arguments: [
    "//evil.example/x", "/\\evil.example", "https://evil.example", "javascript:alert(1)", "/%0d%0aX: y\r\n",
    "",
    "/\u{E9}", "\\\\evil.example",
  ])
  func `T26: nobody is led out of the app after the sign-in`(_ place: String) async throws {
    let browser = try browser()
    let sent = try await browser.ask(.get, "/auth/sign-in?return-to=\(URL.encode(place))")
    let items = try #require(sent.headers[.location].flatMap { URLComponents(string: $0)?.queryItems })
    sparekey.set { state in state.nonce = items.first { $0.name == "nonce" }?.value ?? "" }
    let back = try await browser.comeBack(["state": items.first { $0.name == "state" }?.value ?? ""])
    let location = try #require(back.headers[.location])
    #expect(location == "/" || location.hasPrefix("/%0d%0aX:") && !location.contains("\r"))
  }

  @Test func `a page whose own address looks like another host leads home`() async throws {
    let browser = try browser()
    #expect(try await browser.signIn(at: "//evil.example/x").headers[.location] == "/")
  }

  @Test func `whoever asks for data, or changes some, gets 401 and no redirect`() async throws {
    let browser = try browser()
    let fetch = try #require(HTTPField.Name("Sec-Fetch-Mode"))
    let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
    for headers in [[.accept: "application/json"], [:], [.accept: "text/html", fetch: "cors"]] as [HTTPFields]
    {
      #expect(try await browser.ask(.get, "/notes", headers).status == .unauthorized)
    }
    #expect(try await browser.ask(.post, "/notes", [site: "same-origin"]).status == .unauthorized)
    #expect(try await browser.ask(.get, "/notes", [fetch: "navigate"]).status == .seeOther)
  }

  @Test func `what another site's page sends changes nothing`() async throws {
    let browser = try browser()
    try await browser.signIn()
    let site = try #require(HTTPField.Name("Sec-Fetch-Site"))
    let foreign: [HTTPFields] = [
      [:], [.origin: "https://evil.example"], [.origin: "null"], [site: "cross-site"], [site: "same-site"],
      [site: "none"], [site: "cross-site", .origin: "https://notes.example.org"],
    ]
    for headers in foreign {
      #expect(try await browser.ask(.post, "/notes", headers).status == .forbidden)
      #expect(try await browser.ask(.post, "/auth/sign-out", headers).status == .forbidden)
    }
    #expect(try await browser.ask(.post, "/notes", [.origin: browser.origin]).status == .ok)
    #expect(try await browser.ask(.post, "/notes", [site: "same-origin", .origin: "null"]).status == .ok)
  }

  // MARK: the end of a session

  @Test func `signing out ends the session here, and asks Sparekey to end its own`() async throws {
    let browser = try browser()
    try await browser.signIn()
    let copy = browser.another()
    copy.cookies = browser.cookies
    let out = try await browser.ask(.post, "/auth/sign-out", [.origin: browser.origin])
    let address = try #require(out.headers[.location].flatMap { URLComponents(string: $0) })
    #expect(address.path == "/oauth2/end-session")
    let query = Dictionary(uniqueKeysWithValues: address.queryItems?.map { ($0.name, $0.value) } ?? [])
    #expect(query["post_logout_redirect_uri"] == "https://notes.example.org/")
    #expect(try SignedToken(#require(query["id_token_hint"] ?? nil)).header.kid == "one")
    #expect(browser.cookies.isEmpty)
    #expect(try await !copy.isSignedIn())
  }

  @Test func `a session ends when nobody is there, and after a day in any case`() async throws {
    let browser = try browser()
    try await browser.signIn()
    for _ in 0..<3 {
      sparekey.pass(7.9 * 3_600)
      #expect(try await browser.isSignedIn())
    }
    sparekey.pass(0.3 * 3_600)
    #expect(try await !browser.isSignedIn())
    try await browser.signIn()
    sparekey.pass(8 * 3_600)
    #expect(try await !browser.isSignedIn())
  }

  func tell(_ browser: Browser, _ changed: [String: Any?] = [:], by key: TestKey? = nil) async throws
    -> Response
  {
    let key = key ?? sparekey.state.withLockedValue { $0.keys[0] }
    let token = try key.token(logoutClaims(changed, at: sparekey.now), header: ["typ": "logout+jwt"])
    return try await browser.another().ask(
      .post, "/auth/signed-out", [.contentType: "application/x-www-form-urlencoded"],
      form: "logout_token=\(token)")
  }

  @Test func `S7: a logout token ends the session it names at once, and is good once`() async throws {
    let browser = try browser()
    try await browser.signIn()
    let other = browser.another()
    sparekey.set { $0.claims = ["sid": "sid-2"] }
    try await other.signIn()
    #expect(try await tell(browser, ["sub": nil]).status == .ok)
    #expect(try await !browser.isSignedIn())
    #expect(try await other.isSignedIn())
    let again = try await tell(browser, ["sid": "sid-2"])
    #expect(again.status == .badRequest && again.headers[.cacheControl] == "no-store")
    #expect(try await other.isSignedIn())
    // By its person alone.
    #expect(try await tell(browser, ["sid": nil, "jti": "jti-2"]).status == .ok)
    #expect(try await !other.isSignedIn())
  }

  @Test func `S7: a sign-out that is told before its sign-in is done still ends it`() async throws {
    let browser = try browser()
    let query = try await browser.leave()
    #expect(try await tell(browser).status == .ok)
    #expect(try await browser.comeBack(query).status == .badRequest)
    #expect(try await !browser.isSignedIn())
  }

  @Test func `a logout token that cannot be checked now is asked for again; one that never can is not`()
    async throws
  {
    let browser = try browser()
    try await browser.signIn()
    #expect(try await tell(browser, by: TestKey("unknown")).status == .serviceUnavailable)
    #expect(try await tell(browser, by: TestKey("one")).status == .badRequest)
    #expect(try await tell(browser, ["aud": "other"]).status == .badRequest)
    #expect(
      try await browser.another().ask(.post, "/auth/signed-out", [:], form: "x=y").status == .badRequest)
    sparekey.pass(3_601)
    sparekey.set { $0.isAway = true }
    #expect(try await tell(browser).status == .serviceUnavailable)
    sparekey.set { $0.isAway = false }
    #expect(try await browser.isSignedIn())
    #expect(try await tell(browser).status == .ok)
    #expect(try await !browser.isSignedIn())
  }

  // MARK: Sparekey

  @Test
  func `the key list is kept, and asked for once more when a key is new, but not for every made-up one`()
    async throws
  {
    let browser = try browser()
    func asked() -> Int { sparekey.asked.count { $0 == "/oauth2/jwks" } }
    try await browser.signIn()
    try await browser.another().signIn()
    #expect(asked() == 1)
    for _ in 0..<20 { _ = try await tell(browser, by: TestKey("made-up")) }
    #expect(asked() == 1)
    sparekey.pass(31)
    sparekey.set { $0.keys = [TestKey("two")] }
    let other = browser.another()
    try await other.signIn()
    #expect(try await other.isSignedIn())
    for _ in 0..<20 { _ = try await tell(browser, by: TestKey("made-up")) }
    #expect(asked() == 2)
    sparekey.pass(3_600)
    try await browser.another().signIn()
    #expect(asked() == 3)
  }

  @Test(arguments: [
    ["issuer": "https://evil.example"], ["issuer": "https://accounts.example.org/"],
    ["token_endpoint": "https://evil.example/token"],
    ["jwks_uri": "https://accounts.example.org.evil.example/"],
  ])
  func `a discovery document that names another place is not followed`(_ changed: [String: String])
    async throws
  {
    sparekey.set { $0.document = changed }
    let browser = try browser()
    let page = try await browser.ask(.get, "/notes")
    #expect(page.status == .serviceUnavailable)
    #expect(try await text(page).contains("cannot be reached"))
  }

  @Test func `a redirect is not followed: a secret could go along`() async throws {
    let reached = NIOLockedValueBox(0)
    let port = NIOLockedValueBox<Int?>(nil)
    let router = Router()
    router.post("token") { _, _ in Response.redirect(to: "/elsewhere", type: .temporary) }
    router.on("elsewhere", method: .post) { _, _ in
      reached.withLockedValue { $0 += 1 }
      return "got it"
    }
    let app = Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
      onServerRunning: { channel in port.withLockedValue { $0 = channel.localAddress?.port } },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try? await app.run() }
      var found: Int?
      while found == nil {
        try await Task.sleep(for: .milliseconds(10))
        found = port.withLockedValue { $0 }
      }
      let exchange = WebExchange()
      func ask(_ path: String) async throws -> Int {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(found ?? 0)/\(path)")))
        request.httpMethod = "POST"
        request.httpBody = Data("x".utf8)
        return try await exchange.perform(request).status
      }
      #expect(try await ask("token") == 307)
      #expect(reached.withLockedValue { $0 } == 0)
      #expect(try await ask("elsewhere") == 200)
      group.cancelAll()
    }
  }

  // MARK: settings

  @Test(arguments: [
    ("http://accounts.example.org", "https://notes.example.org"),
    ("https://accounts.example.org/", "https://a.example"),
    ("https://accounts.example.org", "http://notes.example.org"), ("", "https://a.example"),
    ("https://accounts.example.org", "https://notes.example.org/app"),
  ])
  func `addresses that would send secrets in the clear, or fit nothing, are refused at the start`(
    _ issuer: String, _ publicURL: String
  ) {
    #expect(throws: SparekeyClient.Problem.self) {
      try SparekeyClient(.init(issuer: issuer, clientID: clientID, clientSecret: nil, publicURL: publicURL))
    }
  }

  @Test func `no secret is printed by accident`() {
    let configuration = SparekeyClient.Configuration(
      issuer: issuer, clientID: clientID, clientSecret: .init("very secret"), publicURL: "https://a.example")
    var dumped = ""
    dump(configuration, to: &dumped)
    #expect(!"\(configuration) \(String(reflecting: configuration)) \(dumped)".contains("very secret"))
    #expect("\(configuration)".contains("<redacted>"))
  }
}

private struct Collector: ResponseBodyWriter {
  let take: (String) -> Void

  mutating func write(_ buffer: ByteBuffer) { take(String(buffer: buffer)) }
  consuming func finish(_ trailingHeaders: HTTPFields?) {}
}
