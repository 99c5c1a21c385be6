import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// Signs people in to a Hummingbird app through Sparekey.
///
/// ```swift
/// let client = try SparekeyClient(configuration)
/// let router = Router(context: VisitorContext.self)
/// client.addRoutes(to: router)
/// router.protected(by: client).get("/") { _, context in "Hello \(context.person.username ?? "you")" }
/// ```
///
/// It speaks the authorization code flow of OpenID Connect with PKCE, and ends sessions at once when Sparekey says so
/// (OpenID Connect Back-Channel Logout 1.0).
public struct SparekeyClient: Sendable {
  let configuration: Configuration
  let provider: Provider
  let sessions: any SessionStore
  let now: @Sendable () -> Date
  private let sealing: SymmetricKey

  /// - Parameter sessions: where sessions are kept; in this process's memory unless told otherwise. An app on several
  ///   machines needs one that they share.
  /// - Throws: ``Problem/misconfigured(_:)``
  public init(_ configuration: Configuration, sessions: any SessionStore = MemorySessions()) throws(Problem) {
    let exchange = WebExchange()
    try self.init(configuration, sessions: sessions, now: { Date() }) { try await exchange.perform($0) }
  }

  /// - Parameter send: brings a request to Sparekey.
  init(
    _ configuration: Configuration, sessions: any SessionStore, now: @escaping @Sendable () -> Date,
    send: @escaping Provider.Send
  ) throws(Problem) {
    try configuration.check()
    self.configuration = configuration
    self.sessions = sessions
    self.now = now
    provider = Provider(configuration, now: now, send: send)
    // The same on every machine of the app, so that a sign-in may begin on one and end on another.
    sealing =
      configuration.clientSecret.map {
        HKDF<SHA256>.deriveKey(
          inputKeyMaterial: SymmetricKey(data: Data($0.revealed.utf8)),
          info: Data("sparekey-client/pending".utf8), outputByteCount: 32)
      } ?? SymmetricKey(size: .bits256)
  }

  /// Adds what signing in and out needs, under ``Configuration/path``: `sign-in`, `callback`, `sign-out` (a form's
  /// POST) and `signed-out`, where Sparekey tells of people who signed out elsewhere.
  public func addRoutes<Context: RequestContext>(to router: some RouterMethods<Context>) {
    let group = router.group(RouterPath(configuration.path))
    group.get("sign-in") { request, _ in
      try await begin(
        returningTo: request.uri.queryParameters.get("return-to").flatMap(LocalPath.init), request)
    }
    group.get("callback") { request, context in try await finish(request, context) }
    group.post("sign-out") { request, _ in try await signOut(request) }
    group.post("signed-out") { request, context in try await hear(request, context) }
  }

  /// A middleware that lets only signed-in people pass. A browser on its way to a page is sent to the sign-in, and comes
  /// back to that page; whatever else asks gets 401. What changes something must come from a page of this app, or gets
  /// 403: no other token against forged forms is needed.
  public func protect<Context: SparekeyRequestContext>() -> any MiddlewareProtocol<Request, Response, Context>
  {
    Protection<Context>(client: self)
  }

  // MARK: signing in

  /// Sends the browser to Sparekey. What has to be remembered goes along in a sealed cookie of its own, so that several
  /// tabs can sign in at once.
  func begin(returningTo place: LocalPath?, _ request: Request) async throws -> Response {
    let document = try await provider.document()
    let pending = PendingSignIn(
      state: Self.random(), nonce: Self.random(), verifier: Self.random(), returnTo: place ?? .home,
      beganAt: now())
    let address = URL.adding(
      to: document.authorization_endpoint,
      [
        ("response_type", "code"), ("client_id", configuration.clientID),
        ("redirect_uri", configuration.address("callback")),
        ("scope", configuration.scopes.joined(separator: " ")), ("state", pending.state),
        ("nonce", pending.nonce), ("code_challenge", pending.challenge), ("code_challenge_method", "S256"),
      ])
    var response = Self.redirect(address)
    let open = pendingCookies(of: request)
    if open.count >= PendingSignIn.most { for name in open { response.setCookie(cookie(name, nil)) } }
    let name = pendingCookie(pending.state)
    response.setCookie(cookie(name, try pending.sealed(with: sealing, as: name)))
    return response
  }

  /// An error's name, of visible ASCII (RFC 6749, section 4.1.2.1): anything else would write lines into the log.
  private static func readable(_ error: some StringProtocol) -> String {
    error.utf8.allSatisfy { (0x21...0x7E).contains($0) } ? String(error.prefix(100)) : "an unreadable error"
  }

  /// Takes what the browser came back with (OpenID Connect Core, section 3.1.2.5; RFC 9207).
  private func finish(_ request: Request, _ context: some RequestContext) async throws -> Response {
    let answer = request.uri.queryParameters
    let name = pendingCookie(answer.get("state") ?? "")
    guard let state = answer.get("state"), answer.get("iss") == configuration.issuer,
      let sealed = request.cookies[name]?.value,
      let pending = PendingSignIn(sealed, with: sealing, as: name, at: now()), pending.state == state
    else {
      // Loading the page again after it worked is no reason to frighten anyone.
      if try await session(of: request) != nil { return Self.redirect(LocalPath.home.text) }
      throw Problem.stale
    }
    do {
      guard let code = answer.get("code") else {
        throw answer.get("error") == "access_denied"
          ? Problem.denied : Problem.refused(Self.readable(answer.get("error") ?? "no-code"))
      }
      let session = try await redeem(code, pending)
      let token = Self.random()
      guard try await sessions.insert(session, at: Self.digest(token)) else { throw Problem.stale }
      if let old = sessionToken(of: request) { try await sessions.remove(Self.digest(old)) }
      var response = Self.redirect(pending.returnTo.text)
      response.setCookie(cookie(name, nil))
      response.setCookie(cookie(sessionCookie, token, seconds: configuration.lifetime.wholeSeconds))
      return response
    } catch {
      context.logger.warning("sign-in failed", metadata: ["reason": "\(error)"])
      throw error
    }
  }

  private func redeem(_ code: String, _ pending: PendingSignIn) async throws -> Session {
    let tokens = try await provider.exchange(
      code: code, verifier: pending.verifier, redirectURI: configuration.address("callback"))
    let rules = TokenRules(issuer: configuration.issuer, clientID: configuration.clientID, now: now())
    let claims: IDTokenClaims
    do {
      let token = try SignedToken(tokens.id_token)
      claims = try rules.idToken(token, nonce: pending.nonce, key: await provider.key(token.header))
    } catch let problem as TokenProblem {
      throw Problem.badToken(problem)
    }
    let info = try await provider.userInfo(tokens.access_token)
    guard info.sub == claims.sub else { throw Problem.badToken(.subject) }
    let began = now()
    return Session(
      person: Person(
        id: claims.sub, username: info.preferred_username, email: info.email,
        emailIsVerified: info.email_verified ?? false,
        authenticatedAt: claims.auth_time.map { Date(timeIntervalSince1970: $0) } ?? began,
        level: claims.acr ?? "", methods: claims.amr ?? []),
      sid: claims.sid, idToken: Secret(tokens.id_token), startedAt: began, seenAt: began,
      endsAt: began + configuration.lifetime.seconds)
  }

  // MARK: sessions

  /// The session of a request that is still good; its being seen is written down once a minute.
  func session(of request: Request) async throws -> Session? {
    guard let token = sessionToken(of: request) else { return nil }
    let (key, now) = (Self.digest(token), now())
    guard let session = try await sessions.session(key) else { return nil }
    guard now < session.endsAt, now < session.seenAt + configuration.idleTimeout.seconds else {
      try await sessions.remove(key)
      return nil
    }
    if session.seenAt + 60 <= now { try await sessions.touch(key, seenAt: now) }
    return session
  }

  /// Ends the session here, and asks Sparekey to end its own (OpenID Connect RP-Initiated Logout 1.0).
  private func signOut(_ request: Request) async throws -> Response {
    guard isOwn(request) else { throw HTTPError(.forbidden) }
    var place = configuration.publicURL + configuration.afterSignOut
    if let token = sessionToken(of: request), let session = try await sessions.session(Self.digest(token)) {
      try await sessions.remove(Self.digest(token))
      if let document = try? await provider.document() {
        place = URL.adding(
          to: document.end_session_endpoint,
          [
            ("id_token_hint", session.idToken.revealed), ("client_id", configuration.clientID),
            ("post_logout_redirect_uri", place),
          ])
      }
    }
    var response = Self.redirect(place)
    response.setCookie(cookie(sessionCookie, nil))
    return response
  }

  /// Whether a page of this app sent the request, by what browsers say of it and pages cannot change.
  func isOwn(_ request: Request) -> Bool {
    if let site = request.headers.text("Sec-Fetch-Site") { return site == "same-origin" }
    return request.headers[.origin] == configuration.publicURL
  }

  // MARK: hearing of sign-outs

  private struct LogoutForm: Decodable { let logout_token: String }

  /// OpenID Connect Back-Channel Logout 1.0, sections 2.5 to 2.8. A key list that cannot be had is an error of this
  /// side: Sparekey tells it again.
  private func hear(_ request: Request, _ context: some RequestContext) async throws -> Response {
    do {
      let body = try await request.body.collect(upTo: 16 * 1_024)
      guard let form = try? URLEncodedFormDecoder().decode(LogoutForm.self, from: String(buffer: body)) else {
        throw TokenProblem.malformed
      }
      let token = try SignedToken(form.logout_token)
      let rules = TokenRules(issuer: configuration.issuer, clientID: configuration.clientID, now: now())
      let claims = try rules.logoutToken(token, key: await provider.key(token.header))
      guard try await sessions.isNew(tokenID: claims.jti, until: rules.end(of: claims)) else {
        throw TokenProblem.replayed
      }
      if let sid = claims.sid {
        try await sessions.end(sid: sid, at: now())
      } else if let person = claims.sub {
        try await sessions.end(person: person, at: now())
      }
      return Response(status: .ok, headers: [.cacheControl: "no-store"])
    } catch let problem as TokenProblem {
      context.logger.warning("logout token refused", metadata: ["reason": "\(problem)"])
      let body = #"{"error":"invalid_request","error_description":"\#(problem)"}"#
      return Response(
        // 400 is for good. A key may be so new that the list has to be fetched again first, and a clock may be put right.
        status: [.key, .expired, .fromTheFuture].contains(problem) ? .serviceUnavailable : .badRequest,
        headers: [.cacheControl: "no-store", .contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: body)))
    }
  }

  // MARK: cookies

  /// Two apps on one machine share cookies, whatever their ports; hence the id.
  private var sessionCookie: String {
    (configuration.isSecure ? "__Host-" : "") + "sparekey-app-\(configuration.clientID.prefix(8))"
  }

  private func pendingCookie(_ state: String) -> String { "\(sessionCookie)-in-\(state.prefix(8))" }

  /// The names of those under way: what `pendingCookie` makes, and nothing else that a request may hold.
  private func pendingCookies(of request: Request) -> Set<String> {
    let prefix = pendingCookie("")
    return Set(
      request.headers[values: .cookie].flatMap { $0.split(separator: ";") }.compactMap {
        $0.split(separator: "=", maxSplits: 1).first?.trimmingCharacters(in: .whitespaces)
      }.filter {
        $0.hasPrefix(prefix) && $0.utf8.count == prefix.utf8.count + 8
          && Base64URL.decode($0.dropFirst(prefix.count)) != nil
      })
  }

  private func sessionToken(of request: Request) -> String? { request.cookies[sessionCookie]?.value }

  /// - Parameter value: nil takes it away.
  private func cookie(
    _ name: String, _ value: String?, seconds: Int = Int(PendingSignIn.lifetime)
  ) -> Cookie {
    Cookie(
      name: name, value: value ?? "", maxAge: value == nil ? 0 : seconds, path: "/",
      secure: configuration.isSecure, httpOnly: true, sameSite: .lax)
  }

  static func redirect(_ address: String) -> Response {
    Response(status: .seeOther, headers: [.location: address, .cacheControl: "no-store"])
  }

  /// 256 bits, as text.
  private static func random() -> String {
    SymmetricKey(size: .bits256).withUnsafeBytes { Base64URL.encode(Data($0)) }
  }

  private static func digest(_ token: String) -> SessionKey {
    SessionKey(text: SHA256.hash(data: Data(token.utf8)).map { String(format: "%02x", $0) }.joined())
  }
}
