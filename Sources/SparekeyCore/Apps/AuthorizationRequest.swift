/// A request of an app to sign someone in, checked (RFC 6749, section 4.1.1; OpenID Connect Core, section 3.1.2.1).
/// While someone signs in it travels sealed, like every journey.
package struct AuthorizationRequest: Journey, Equatable {
  package static let purpose = "authorization"
  package static let lifetime = Duration.hours(1)
  /// More would not fit into a cookie once it is sealed.
  static let largest = 2_000

  package let client: ClientID
  package let redirectURI: String
  package let scopes: Set<Scope>
  package let state: String?
  package let nonce: String?
  package let challenge: String
  /// To be written into the sign-in form.
  package let loginHint: String?
  /// The owner is asked even if the app was allowed before.
  package let asksConsent: Bool
  /// Nothing may be asked.
  package let isSilent: Bool
  package let levels: [Authentication.Level]
  /// Whoever signed in before that has to prove again who they are.
  package internal(set) var authenticatedSince: Timestamp?
  /// The only one whom the app wants to hear of: the account of its `id_token_hint`.
  package internal(set) var subject: String?
  package let expiresAt: Timestamp
}

/// The request names no app that is known, or an address that is not this app's: nobody is sent there.
package enum UnusableRequest: Error, Equatable {
  case unknownClient
  case unknownAddress
}

/// Something the app is told at its own address (RFC 6749, section 4.1.2.1; OpenID Connect Core, section 3.1.2.6).
package struct AuthorizationError: Error, Equatable {
  package enum Code: String, Sendable {
    case invalidRequest = "invalid_request"
    case unsupportedResponseType = "unsupported_response_type"
    case invalidScope = "invalid_scope"
    case accessDenied = "access_denied"
    case loginRequired = "login_required"
    case consentRequired = "consent_required"
    case requestNotSupported = "request_not_supported"
    case requestURINotSupported = "request_uri_not_supported"
  }

  package let code: Code
  /// For the app's developer.
  package let description: String

  package init(_ code: Code, _ description: String) {
    self.code = code
    self.description = description
  }
}

extension AuthorizationRequest {
  /// Reads a request, once client and redirect address were found good.
  /// - Parameter value: the parameters by name; nil for those that are absent or empty (RFC 6749, section 3.1).
  static func read(_ value: (String) -> String?, of client: Client, redirectURI: String, at now: Timestamp)
    throws(AuthorizationError) -> AuthorizationRequest
  {
    if value("request") != nil {
      throw AuthorizationError(.requestNotSupported, "request objects are not supported")
    }
    if value("request_uri") != nil {
      throw AuthorizationError(.requestURINotSupported, "request_uri is not supported")
    }
    guard let type = value("response_type") else { throw .missing("response_type") }
    guard type == "code" else {
      throw AuthorizationError(.unsupportedResponseType, "response_type must be code")
    }
    guard value("response_mode") ?? "query" == "query" else {
      throw AuthorizationError(.invalidRequest, "response_mode must be query")
    }
    let scopes = Scope.read(value("scope") ?? "")
    guard scopes.contains(.openid) else { throw AuthorizationError(.invalidScope, "scope must have openid") }
    let prompts = Set((value("prompt") ?? "").split(separator: " ").map(String.init))
    guard prompts.isSubset(of: ["none", "login", "consent", "select_account"]),
      !prompts.contains("none") || prompts.count == 1
    else { throw AuthorizationError(.invalidRequest, "prompt must be none, or login and consent") }
    let request = AuthorizationRequest(
      client: client.id, redirectURI: redirectURI, scopes: scopes, state: value("state"),
      nonce: value("nonce"), challenge: try challenge(value), loginHint: value("login_hint"),
      asksConsent: prompts.contains("consent") || prompts.contains("select_account"),
      isSilent: prompts.contains("none"),
      levels: (value("acr_values") ?? "").split(separator: " ").compactMap {
        Authentication.Level(rawValue: String($0))
      },
      authenticatedSince: try authenticatedSince(value, prompts, at: now), expiresAt: now + lifetime)
    guard let encoded = try? JSON.encode(request), encoded.count <= largest else {
      throw AuthorizationError(.invalidRequest, "the request is too long")
    }
    return request
  }

  /// RFC 7636, section 4.3; RFC 9700, section 2.1.1: required of every client, and `plain` is no choice.
  private static func challenge(_ value: (String) -> String?) throws(AuthorizationError) -> String {
    guard let challenge = value("code_challenge") else { throw .missing("code_challenge") }
    guard value("code_challenge_method") == "S256" else {
      throw AuthorizationError(.invalidRequest, "code_challenge_method must be S256")
    }
    guard challenge.utf8.count == 43, Base64URL.decode(challenge) != nil else {
      throw AuthorizationError(.invalidRequest, "code_challenge must be the base64url of a SHA-256 digest")
    }
    return challenge
  }

  private static func authenticatedSince(
    _ value: (String) -> String?, _ prompts: Set<String>, at now: Timestamp
  ) throws(AuthorizationError) -> Timestamp? {
    if prompts.contains("login") { return now }
    guard let age = value("max_age") else { return nil }
    guard let seconds = Int64(age), (0...Int64(Int32.max)).contains(seconds) else {
      throw AuthorizationError(.invalidRequest, "max_age must be a number of seconds")
    }
    return now - .seconds(seconds)
  }
}

extension AuthorizationError {
  fileprivate static func missing(_ name: String) -> AuthorizationError {
    AuthorizationError(.invalidRequest, "\(name) is missing")
  }
}
