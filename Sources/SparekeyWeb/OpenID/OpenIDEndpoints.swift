import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import SparekeyCore

/// What apps call themselves, without a browser's cookies: tokens, keys, what a token is good for.
enum OpenIDEndpoints {
  // MARK: discovery

  /// OpenID Connect Discovery 1.0, section 3; RFC 8414.
  private struct Configuration: Encodable {
    let issuer: String
    let authorization_endpoint: String
    let token_endpoint: String
    let userinfo_endpoint: String
    let jwks_uri: String
    let revocation_endpoint: String
    let introspection_endpoint: String
    let end_session_endpoint: String
    let scopes_supported = Scope.allCases.map(\.rawValue)
    let response_types_supported = ["code"]
    let response_modes_supported = ["query"]
    let grant_types_supported = ["authorization_code", "refresh_token"]
    let acr_values_supported = Authentication.Level.allCases.map(\.rawValue)
    let subject_types_supported = ["public"]
    let id_token_signing_alg_values_supported = SigningAlgorithm.allCases.map(\.rawValue)
    let token_endpoint_auth_methods_supported = ["client_secret_basic", "none"]
    let revocation_endpoint_auth_methods_supported = ["client_secret_basic", "none"]
    let introspection_endpoint_auth_methods_supported = ["client_secret_basic"]
    let code_challenge_methods_supported = ["S256"]
    let claims_supported = [
      "iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid", "preferred_username",
      "email",
      "email_verified",
    ]
    let prompt_values_supported = ["none", "login", "consent", "select_account"]
    let authorization_response_iss_parameter_supported = true
    let backchannel_logout_supported = true
    let backchannel_logout_session_supported = true
    let claims_parameter_supported = false
    let request_parameter_supported = false
    let request_uri_parameter_supported = false

    init(_ site: Site) {
      let base = site.settings.publicURL.text
      issuer = site.ports.tokenIssuer
      authorization_endpoint = "\(base)/oauth2/authorize"
      token_endpoint = "\(base)/oauth2/token"
      userinfo_endpoint = "\(base)/oauth2/userinfo"
      jwks_uri = "\(base)/oauth2/jwks"
      revocation_endpoint = "\(base)/oauth2/revoke"
      introspection_endpoint = "\(base)/oauth2/introspect"
      end_session_endpoint = "\(base)/oauth2/end-session"
    }
  }

  static func configuration(_ call: AppCall) async throws -> AppAnswer {
    try .json(Configuration(call.site), kept: true)
  }

  static func keys(_ call: AppCall) async throws -> AppAnswer {
    try .json(["keys": try await call.site.clients.publicKeys()], kept: true)
  }

  // MARK: tokens

  private struct TokenAnswer: Encodable {
    let access_token: String
    let token_type = "Bearer"
    let expires_in = TokenRules.access.components.seconds
    let refresh_token: String?
    let id_token: String
    let scope: String
  }

  static func token(_ call: AppCall) async throws -> AppAnswer {
    let client = try await call.client()
    let issued: Tokens.Issued
    switch call.form.value("grant_type") {
    case "authorization_code":
      guard let code = call.form.value("code") else { throw missing("code") }
      issued = try await call.site.tokens.exchange(
        code: Secret(code), redirectURI: call.form.value("redirect_uri"),
        verifier: call.form.value("code_verifier"), by: client)
    case "refresh_token":
      guard let token = call.form.value("refresh_token") else { throw missing("refresh_token") }
      issued = try await call.site.tokens.refresh(token, scope: call.form.value("scope"), by: client)
    case nil: throw missing("grant_type")
    default:
      throw Tokens.Problem(
        .unsupportedGrantType, "grant_type must be authorization_code or refresh_token")
    }
    return try .json(
      TokenAnswer(
        access_token: issued.access.revealedText, refresh_token: issued.refresh?.revealedText,
        id_token: issued.idToken, scope: Scope.text(issued.scopes)))
  }

  static func revoke(_ call: AppCall) async throws -> AppAnswer {
    let client = try await call.client()
    guard let token = call.form.value("token") else { throw missing("token") }
    try await call.site.tokens.revoke(token, by: client)
    return AppAnswer(status: .ok)
  }

  static func introspect(_ call: AppCall) async throws -> AppAnswer {
    let client = try await call.client()
    guard let token = call.form.value("token") else { throw missing("token") }
    return try .json(await call.site.tokens.introspect(token, by: client))
  }

  private static func missing(_ name: String) -> Tokens.Problem {
    Tokens.Problem(.invalidRequest, "\(name) is missing")
  }

  /// RFC 6750, section 3.
  static func userInfo(_ call: AppCall) async throws -> AppAnswer {
    guard let token = call.bearer else {
      return AppAnswer(status: .unauthorized, challenge: "Bearer")
    }
    guard let info = try await call.site.tokens.userInfo(token) else {
      return AppAnswer(status: .unauthorized, challenge: "Bearer error=\"invalid_token\"")
    }
    return try .json(info)
  }
}

/// One call of an app, read.
struct AppCall: Sendable {
  let site: Site
  /// Empty for GET.
  let form: Form
  private let scheme: String
  private let credentials: String

  init(site: Site, form: Form, authorization: String?) {
    self.site = site
    self.form = form
    let parts = (authorization ?? "").split(separator: " ", maxSplits: 1).map(String.init)
    // The scheme's name has no case (RFC 9110, section 11.1).
    scheme = parts.first?.lowercased() ?? ""
    credentials = parts.count == 2 ? parts[1] : ""
  }

  var bearer: Secret? { scheme == "bearer" && !credentials.isEmpty ? Secret(credentials) : nil }

  /// Who calls: by HTTP Basic (RFC 6749, section 2.3.1), or a public client by its id alone.
  /// - Throws: `Tokens.Problem`.
  func client() async throws -> Client {
    let named = form.value("client_id")
    guard !form.has("client_secret") else {
      throw Tokens.Problem(.invalidClient, "the secret belongs into the Authorization header")
    }
    guard scheme == "basic" else { return try await site.tokens.authenticate(named, secret: nil) }
    guard let bytes = Data(base64Encoded: credentials),
      let text = String(validating: bytes, as: UTF8.self)
    else { throw Tokens.Problem(.invalidClient, "the Authorization header cannot be read") }
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map {
      (try? Form("value=\($0)"))?.value("value")
    }
    guard parts.count == 2, let id = parts[0], let secret = parts[1] else {
      throw Tokens.Problem(.invalidClient, "the Authorization header cannot be read")
    }
    guard named == nil || named == id else {
      throw Tokens.Problem(.invalidRequest, "client_id differs from the Authorization header")
    }
    return try await site.tokens.authenticate(id, secret: Secret(secret))
  }
}

/// What an app is answered.
struct AppAnswer: Sendable {
  let status: HTTPResponse.Status
  fileprivate var body: [UInt8]?
  fileprivate var challenge: String?
  /// It may be kept for an hour, by anyone.
  fileprivate var isKept = false

  init(status: HTTPResponse.Status, challenge: String? = nil) {
    self.status = status
    self.challenge = challenge
  }

  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok, kept: Bool = false) throws
    -> AppAnswer
  {
    var answer = AppAnswer(status: status)
    answer.body = try JSON.encode(value)
    answer.isKept = kept
    return answer
  }
}

extension Site {
  /// Wraps an endpoint for apps.
  /// - Parameter crossOrigin: apps in browsers call it from their own origin. No cookie plays a part in it, so anyone
  ///   may (RFC 9700, section 2.6).
  func app(crossOrigin: Bool = true, _ handler: @escaping @Sendable (AppCall) async throws -> AppAnswer)
    -> @Sendable (Request, WebContext) async throws -> Response
  {
    { request, _ in
      let answer: AppAnswer
      do {
        let body = try await request.wholeBody(upTo: BodyLimits.app)
        guard let form = try? Form(String(buffer: body)) else {
          throw Tokens.Problem(.invalidRequest, "the form cannot be read, or has a field twice")
        }
        answer = try await handler(
          AppCall(site: self, form: form, authorization: request.headers[.authorization]))
      } catch let problem as Tokens.Problem {
        answer = try .problem(problem)
      }
      var headers: HTTPFields = [
        .cacheControl: answer.isKept
          ? "public, max-age=\(KeyRotation.listLifetime.components.seconds)" : "no-store"
      ]
      if answer.body != nil { headers[.contentType] = "application/json" }
      if let challenge = answer.challenge { headers[.wwwAuthenticate] = challenge }
      if crossOrigin { headers.append(contentsOf: Self.openToAllOrigins) }
      return Response(
        status: answer.status, headers: headers,
        body: answer.body.map { ResponseBody(byteBuffer: ByteBuffer(bytes: $0)) } ?? ResponseBody())
    }
  }

  /// What a browser asks before it lets a page call.
  func preflight() -> @Sendable (Request, WebContext) async throws -> Response {
    { _, _ in Response(status: .noContent, headers: Self.openToAllOrigins) }
  }

  private static var openToAllOrigins: HTTPFields {
    var headers: HTTPFields = [
      .accessControlAllowOrigin: "*", .accessControlAllowMethods: "GET, POST",
      .accessControlAllowHeaders: "Authorization, Content-Type", .accessControlMaxAge: "600",
    ]
    if let name = HTTPField.Name("Cross-Origin-Resource-Policy") { headers[name] = "cross-origin" }
    return headers
  }

  /// Requests may come as a form (OpenID Connect Core, section 3.1.2.1). The browser goes on with GET, so that its
  /// cookies come along and nothing depends on where the form stood.
  func asQuery(_ path: String) -> @Sendable (Request, WebContext) async throws -> Response {
    { request, _ in
      let query = String(buffer: try await request.wholeBody(upTo: BodyLimits.app))
      guard query.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw HTTPError(.badRequest)
      }
      return Response(status: .seeOther, headers: [.location: "\(path)?\(query)"])
    }
  }
}

extension AppAnswer {
  fileprivate static func problem(_ problem: Tokens.Problem) throws -> AppAnswer {
    let isUnknown = problem.code == .invalidClient
    var answer = try json(
      ["error": problem.code.rawValue, "error_description": problem.description],
      status: isUnknown ? .unauthorized : .badRequest)
    if isUnknown { answer.challenge = "Basic realm=\"clients\"" }
    return answer
  }
}
