/// Signing out because an app says so (OpenID Connect RP-Initiated Logout 1.0), and telling apps that someone signed
/// out (Back-Channel Logout 1.0).
package struct AppLogout: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// A wish to sign out that waits for a yes.
  package struct Request: Journey {
    package static let purpose = "logout"
    static let lifetime = Duration.minutes(10)

    let returnTo: String?
    package let expiresAt: Timestamp
  }

  package enum Step: Sendable {
    /// Signed out, or nobody was signed in; where the browser goes on, when that is known.
    case done(returnTo: String?)
    /// Anyone can send a browser here, so its owner is asked.
    case confirm(token: String, returnTo: String?)
  }

  /// Signs out at once when the app shows the ID token of this very session; asks otherwise.
  /// - Parameter value: the parameters by name; nil for those that are absent or empty.
  package func begin(
    _ value: @Sendable (String) -> String?, in session: Session?, binding: JourneyBinding
  ) async throws -> Step {
    let hint = try await ports.read(hint: value("id_token_hint"))
    let id = value("client_id")
    let contradicts = hint != nil && id != nil && hint?.aud != id
    let client = try await ports.database.read { transaction in
      try contradicts ? nil : (hint?.aud ?? id).flatMap { try transaction.client(ClientID(text: $0)) }
    }
    let returnTo = Self.address(value("post_logout_redirect_uri"), of: client, state: value("state"))
    guard let session else { return .done(returnTo: returnTo) }
    if let hint, let client, hint.sub == session.account.text,
      try await ports.database.read({ try $0.appSession(of: session.id, in: client.id)?.id.text }) == hint.sid
    {
      try await end(session)
      return .done(returnTo: returnTo)
    }
    return .confirm(
      token: try ports.seal(
        Request(returnTo: returnTo, expiresAt: ports.clock.now() + Request.lifetime), for: binding),
      returnTo: returnTo)
  }

  /// - Returns: where the browser goes on. - Throws: `Refusal.expired`.
  package func confirm(_ token: String, in session: Session?, binding: JourneyBinding) async throws -> String?
  {
    let request = try ports.open(Request.self, token, for: binding)
    if let session { try await end(session) }
    return request.returnTo
  }

  private func end(_ session: Session) async throws {
    try await ports.database.write { _ = try $0.endSession(session.id, of: session.account) }
  }

  /// Only to an address that is registered, letter by letter.
  private static func address(_ uri: String?, of client: Client?, state: String?) -> String? {
    guard let uri, let client, client.postLogoutURIs.contains(uri), let address = AppAddress(uri) else {
      return nil
    }
    return state == nil ? address.text : address.adding([("state", state)])
  }

  // MARK: telling apps

  /// Tells one app that someone signed out of it. A try that fails is made again, as for messages.
  /// - Parameter send: posts the logout token to that address. Throws `Undelivered`.
  /// - Returns: whether there was anything to tell.
  package func tellNext(
    _ send: @Sendable (_ token: String, _ address: String) async throws -> Void,
    failed: @Sendable (FailedDelivery) -> Void = { _ in }
  ) async throws -> Bool {
    let due = try await ports.database.write { transaction in
      try transaction.leaseEndedAppSession(until: transaction.now + .minutes(2), at: transaction.now)
    }
    guard let (ended, attempts) = due else { return false }
    let client = try await ports.database.read { try $0.client(ended.client) }
    do {
      if let client, let address = client.backChannelLogoutURI {
        try await send(logoutToken(of: ended, for: client), address)
      }
      try await ports.database.write { try $0.forgetAppSession(ended.id) }
    } catch {
      let failure = FailedDelivery(id: ended.id.text, tries: attempts, problem: error)
      try await ports.database.write { transaction in
        if failure.isFinal {
          try transaction.forgetAppSession(ended.id)
        } else {
          try transaction.postponeEndedAppSession(ended.id, until: transaction.now + failure.wait)
        }
      }
      failed(failure)
    }
    return true
  }

  private func logoutToken(of ended: AppSession, for client: Client) async throws -> String {
    let now = ports.clock.now()
    return try await ports.sign(
      LogoutTokenClaims(
        iss: ports.tokenIssuer, sub: ended.account.text, aud: client.id.text,
        exp: (now + TokenRules.logoutToken).seconds, iat: now.seconds,
        jti: Base32.encode(ports.randomness.bytes(16)), sid: ended.id.text),
      type: "logout+jwt", by: client.algorithm)
  }
}

extension Ports {
  /// An ID token that was signed here; it may have expired.
  func read(hint: String?) async throws -> IDTokenClaims? {
    guard let parts = hint.flatMap(SignedToken.Parts.init),
      let key = try await database.read({ try $0.signingKeys() })
        .first(where: { $0.id.text == parts.header.kid && $0.algorithm.rawValue == parts.header.alg }),
      parts.header.typ == "JWT",
      signing.isValid(parts.signature, of: parts.message, with: try open(key), by: key.algorithm),
      let claims = try? JSON.decode(IDTokenClaims.self, from: parts.claims), claims.iss == tokenIssuer
    else { return nil }
    return claims
  }
}
