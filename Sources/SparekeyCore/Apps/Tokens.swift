import Crypto

/// What apps exchange codes and refresh tokens for, and what their tokens tell them.
package struct Tokens: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// RFC 6749, section 5.2.
  package struct Problem: Error, Equatable, Sendable {
    package enum Code: String, Sendable {
      case invalidRequest = "invalid_request"
      case invalidClient = "invalid_client"
      case invalidGrant = "invalid_grant"
      case invalidScope = "invalid_scope"
      case unsupportedGrantType = "unsupported_grant_type"
      case unauthorizedClient = "unauthorized_client"
    }

    package let code: Code
    package let description: String

    package init(_ code: Code, _ description: String) {
      self.code = code
      self.description = description
    }

    static let badCode = Problem(.invalidGrant, "the code is unknown, expired, used or not for this request")
    static let badRefresh = Problem(.invalidGrant, "the refresh token is unknown, used or ended")
  }

  /// What an app is given. The tokens appear here and nowhere else.
  package struct Issued: Sendable {
    package let access: Secret
    package let refresh: Secret?
    package let idToken: String
    package let scopes: Set<Scope>
  }

  // MARK: clients

  /// Who asks. A public client says its id; a confidential one shows its secret.
  /// - Throws: `Problem` with `invalidClient`.
  package func authenticate(_ id: String?, secret: Secret?) async throws -> Client {
    let client = try await ports.database.read { transaction in
      try id.flatMap { try transaction.client(ClientID(text: $0)) }
    }
    let isRight =
      switch (client?.secretDigest, secret) {
      case (let digest?, let secret?): constantTimeEqual(digest, ports.digest(appSecret: secret))
      case (nil, nil): client?.kind == .public
      default: false
      }
    guard let client, isRight else { throw Problem(.invalidClient, "unknown client, or wrong secret") }
    return client
  }

  // MARK: codes

  /// Exchanges a code, once. One that comes again ends everything that came of it (RFC 6749, section 4.1.2).
  /// - Throws: `Problem`.
  package func exchange(
    code: Secret, redirectURI: String?, verifier: String?, by client: Client
  ) async throws -> Issued {
    guard let redirectURI, let verifier else {
      throw Problem(.invalidRequest, "redirect_uri and code_verifier are needed")
    }
    let (access, refresh) = (ports.newAppSecret(), ports.newAppSecret())
    let digest = ports.digest(appSecret: code)
    let authorization = try await ports.database.write { [ports] transaction -> Authorization? in
      let now = transaction.now
      guard let found = try transaction.authorization(codeDigest: digest), found.client == client.id else {
        return nil
      }
      guard found.redeemedAt == nil else {
        try transaction.endAuthorization(found.id, at: now)
        return nil
      }
      guard now < found.createdAt + TokenRules.code, found.redirectURI == redirectURI,
        Self.verifies(verifier, found.challenge), try ports.isLive(found, in: transaction)
      else { return nil }
      let refreshes = found.scopes.contains(.offline)
      guard
        try transaction.redeem(
          found.id, refreshDigest: refreshes ? ports.digest(appSecret: refresh) : nil, at: now)
      else { return nil }
      try transaction.insertAccessToken(
        ports.digest(appSecret: access), of: found.id, expiresAt: now + TokenRules.access)
      return found
    }
    guard let authorization else { throw Problem.badCode }
    return try await issued(access, refresh, of: authorization, to: client, nonce: authorization.nonce)
  }

  /// RFC 7636, section 4.6.
  private static func verifies(_ verifier: String, _ challenge: String) -> Bool {
    guard (43...128).contains(verifier.utf8.count), verifier.utf8.allSatisfy({ $0 < 0x80 }) else {
      return false
    }
    let digest = Base64URL.encode(Array(SHA256.hash(data: Array(verifier.utf8))))
    return constantTimeEqual(Array(digest.utf8), Array(challenge.utf8))
  }

  // MARK: refresh tokens

  /// Exchanges a refresh token for a new one. One that was exchanged before was stolen, then or now: its whole family
  /// ends (RFC 9700, section 4.14.2).
  /// - Parameter scope: may ask for less, not for more.
  /// - Throws: `Problem`.
  package func refresh(_ token: String, scope: String?, by client: Client) async throws -> Issued {
    guard let shown = RefreshToken(token) else { throw Problem.badRefresh }
    let (access, next) = (ports.newAppSecret(), ports.newAppSecret())
    let authorization = try await ports.database.write { [ports] transaction -> Authorization? in
      let now = transaction.now
      guard let found = try transaction.authorization(shown.authorization), found.client == client.id,
        let good = found.refreshDigest, try ports.isLive(found, in: transaction)
      else { return nil }
      if let scope,
        !Set(scope.split(separator: " ").map(String.init)).isSubset(of: found.scopes.map(\.rawValue))
      {
        throw Problem(.invalidScope, "more than what was allowed")
      }
      let digest = ports.digest(appSecret: shown.secret)
      guard constantTimeEqual(digest, good),
        try transaction.rotateRefresh(of: found.id, from: good, to: ports.digest(appSecret: next))
      else {
        try transaction.endAuthorization(found.id, at: now)
        return nil
      }
      try transaction.insertAccessToken(
        ports.digest(appSecret: access), of: found.id, expiresAt: now + TokenRules.access)
      // An app in use is its owner's use of the session: it does not run idle.
      try transaction.touch(found.appSession.session, seenAt: now)
      return found
    }
    guard let authorization else { throw Problem.badRefresh }
    return try await issued(access, next, of: authorization, to: client, nonce: nil)
  }

  private func issued(
    _ access: Secret, _ refresh: Secret, of authorization: Authorization, to client: Client, nonce: String?
  ) async throws -> Issued {
    let now = ports.clock.now()
    let authentication = authorization.authentication
    let claims = IDTokenClaims(
      iss: ports.tokenIssuer, sub: authorization.account.text, aud: client.id.text,
      exp: (now + TokenRules.idToken).seconds, iat: now.seconds, auth_time: authentication.at.seconds,
      nonce: nonce, acr: authentication.level.rawValue, amr: authentication.methods,
      sid: authorization.appSession.id.text)
    return Issued(
      access: access,
      refresh: authorization.scopes.contains(.offline)
        ? RefreshToken(authorization: authorization.id, secret: refresh).token : nil,
      idToken: try await ports.sign(claims, type: "JWT", by: client.algorithm), scopes: authorization.scopes)
  }

  // MARK: what a token is good for

  /// What an app may know (OpenID Connect Core, section 5.3). A claim that is not known is absent.
  package struct UserInfo: Sendable, Encodable {
    package let sub: String
    package var preferred_username: String?
    package var email: String?
    package var email_verified: Bool?
  }

  /// - Returns: nil for a token that is not, or no longer, good.
  package func userInfo(_ access: Secret) async throws -> UserInfo? {
    let digest = ports.digest(appSecret: access)
    return try await ports.database.read { [ports] transaction in
      guard let (authorization, _) = try ports.live(accessToken: digest, in: transaction),
        let account = try transaction.account(authorization.account)
      else { return nil }
      var info = UserInfo(sub: account.id.text)
      if authorization.scopes.contains(.profile) { info.preferred_username = account.username }
      if authorization.scopes.contains(.email) {
        let email = try ports.contacts(of: account.id, in: transaction)
          .first { $0.kind == .email && $0.isConfirmed }
        info.email = email?.address
        info.email_verified = email.map { _ in true }
      }
      return info
    }
  }

  /// RFC 7662, section 2.2.
  package struct Introspection: Sendable, Encodable {
    package let active: Bool
    package var scope: String?
    package var client_id: String?
    package var sub: String?
    package var username: String?
    package var token_type: String?
    package var exp: Int64?
    package var iss: String?
  }

  /// What a token is good for, for a server that was given it. Of refresh tokens only their own client learns
  /// anything.
  /// - Throws: `Problem` for a public client: whoever asks has to show who it is.
  package func introspect(_ token: String, by client: Client) async throws -> Introspection {
    guard client.kind == .confidential else {
      throw Problem(.unauthorizedClient, "introspection is for confidential clients")
    }
    return try await ports.database.read { [ports] transaction in
      let digest = ports.digest(appSecret: Secret(token))
      let found: (Authorization, Timestamp?)?
      if let (authorization, expiresAt) = try ports.live(accessToken: digest, in: transaction) {
        found = (authorization, expiresAt)
      } else {
        found = try ports.live(refreshToken: token, of: client, in: transaction).map { ($0, nil) }
      }
      guard let (authorization, expiresAt) = found,
        let account = try transaction.account(authorization.account)
      else { return Introspection(active: false) }
      return Introspection(
        active: true, scope: Scope.text(authorization.scopes), client_id: authorization.client.text,
        sub: account.id.text, username: authorization.scopes.contains(.profile) ? account.username : nil,
        token_type: expiresAt == nil ? nil : "Bearer", exp: expiresAt?.seconds, iss: ports.tokenIssuer)
    }
  }

  /// Ends a token of this client: a refresh token with its whole family. Nothing is said about others (RFC 7009).
  package func revoke(_ token: String, by client: Client) async throws {
    let digest = ports.digest(appSecret: Secret(token))
    try await ports.database.write { [ports] transaction in
      if let (authorization, _) = try transaction.accessToken(digest), authorization.client == client.id {
        try transaction.removeAccessToken(digest)
      } else if let authorization = try ports.live(refreshToken: token, of: client, in: transaction) {
        try transaction.endAuthorization(authorization.id, at: transaction.now)
      }
    }
  }
}

/// Says whose family it is of, so that a used one is known again without keeping all that ever were.
private struct RefreshToken {
  let authorization: AuthorizationID
  let secret: Secret

  init(authorization: AuthorizationID, secret: Secret) {
    self.authorization = authorization
    self.secret = secret
  }

  private static let idLength = 26

  init?(_ token: String) {
    guard token.utf8.count == Self.idLength + 52 else { return nil }
    authorization = AuthorizationID(text: String(token.prefix(Self.idLength)))
    secret = Secret(String(token.dropFirst(Self.idLength)))
  }

  var token: Secret { Secret(authorization.text + secret.revealedText) }
}

extension Ports {
  /// Tokens live as long as the session they came from, and no longer (S7, T26).
  fileprivate func isLive(_ authorization: Authorization, in transaction: any Transaction) throws -> Bool {
    guard authorization.endedAt == nil, authorization.appSession.endedAt == nil else { return false }
    return try liveSession(
      authorization.appSession.session, of: authorization.account, in: transaction) != nil
  }

  fileprivate func live(accessToken digest: [UInt8], in transaction: any Transaction) throws
    -> (Authorization, expiresAt: Timestamp)?
  {
    guard let (authorization, expiresAt) = try transaction.accessToken(digest), transaction.now < expiresAt,
      try isLive(authorization, in: transaction)
    else { return nil }
    return (authorization, expiresAt)
  }

  fileprivate func live(refreshToken token: String, of client: Client, in transaction: any Transaction) throws
    -> Authorization?
  {
    guard let shown = RefreshToken(token),
      let authorization = try transaction.authorization(shown.authorization),
      authorization.client == client.id, let good = authorization.refreshDigest,
      constantTimeEqual(digest(appSecret: shown.secret), good), try isLive(authorization, in: transaction)
    else { return nil }
    return authorization
  }
}
