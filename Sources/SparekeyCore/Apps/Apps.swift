/// Signing in to apps (A1): a request is checked, its owner signs in and says yes, and the app gets a code.
///
///     request ─┬ unusable ─▶ a page of our own
///              └▶ sign in ─▶ prove again ─▶ consent ─▶ back to the app, with a code or an error
package struct Apps: Sendable {
  let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// What is due in a request.
  package enum Step: Sendable {
    /// The browser goes back to the app.
    case toApp(String)
    case signIn(PendingRequest)
    /// Someone else is signed in than the app asks for (OpenID Connect Core, section 3.1.2.1).
    case otherPerson(PendingRequest)
    /// Signed in, but too long ago or with too little.
    case stepUp(PendingRequest)
    case consent(PendingRequest, asked: Set<Scope>, granted: Set<Scope>)
  }

  /// A request that waits for its owner.
  package struct PendingRequest: Sendable {
    /// The sealed request.
    package let token: String
    package let client: Client
    package let redirectURI: String
    package let loginHint: String?
  }

  /// Checks a request: client and redirect address first, then everything that is answered at that address.
  /// - Parameter value: the parameters by name; nil for those that are absent or empty.
  /// - Throws: `UnusableRequest`, `Refusal.frozen`.
  package func begin(
    _ value: @Sendable (String) -> String?, by signedIn: SignedIn?, binding: JourneyBinding, source: Source
  ) async throws -> Step {
    let (client, address) = try await target(id: value("client_id"), redirectURI: value("redirect_uri"))
    let now = ports.clock.now()
    var request: AuthorizationRequest
    do {
      request = try AuthorizationRequest.read(value, of: client, redirectURI: address.text, at: now)
    } catch {
      return .toApp(answer(error, at: address, state: value("state")))
    }
    if let hint = value("id_token_hint") {
      guard let claims = try await ports.read(hint: hint), claims.aud == client.id.text else {
        return .toApp(
          answer(
            AuthorizationError(.invalidRequest, "id_token_hint must be an ID token of this app"),
            at: address, state: request.state))
      }
      request.subject = claims.sub
    }
    // acr_values are a wish: whoever can show more is asked once, and tokens tell what was shown.
    if let signedIn, !request.isSilent, try await canReachMore(request.levels, signedIn) {
      request.authenticatedSince = now
    }
    return try await next(request, client, address, by: signedIn, binding: binding, source: source)
  }

  /// Goes on with a request after its owner signed in or proved again who they are.
  /// - Throws: `Refusal.expired`, `.frozen`, `UnusableRequest`.
  package func resume(_ token: String, by signedIn: SignedIn?, binding: JourneyBinding, source: Source)
    async throws -> Step
  {
    let request = try ports.open(AuthorizationRequest.self, token, for: binding)
    let (client, address) = try await target(id: request.client.text, redirectURI: request.redirectURI)
    return try await next(request, client, address, by: signedIn, binding: binding, source: source)
  }

  /// *Allow*. - Throws: `Refusal.expired`, `.frozen`, `.notSignedIn`, `UnusableRequest`.
  package func allow(_ token: String, by signedIn: SignedIn, binding: JourneyBinding, source: Source)
    async throws -> Step
  {
    let request = try ports.open(AuthorizationRequest.self, token, for: binding)
    let (client, address) = try await target(id: request.client.text, redirectURI: request.redirectURI)
    return try await next(
      request, client, address, by: signedIn, consents: true, binding: binding, source: source)
  }

  /// *Don't allow*. - Returns: where the browser goes. - Throws: `Refusal.expired`, `UnusableRequest`.
  package func deny(_ token: String, binding: JourneyBinding) async throws -> String {
    let request = try ports.open(AuthorizationRequest.self, token, for: binding)
    let (_, address) = try await target(id: request.client.text, redirectURI: request.redirectURI)
    return answer(
      AuthorizationError(.accessDenied, "the owner said no"), at: address, state: request.state)
  }

  /// The app that a browser is on its way to; nil when it is on none.
  package func pending(_ token: String, binding: JourneyBinding) async -> PendingRequest? {
    guard let request = try? ports.open(AuthorizationRequest.self, token, for: binding),
      let (client, address) = try? await target(id: request.client.text, redirectURI: request.redirectURI)
    else { return nil }
    return PendingRequest(
      token: token, client: client, redirectURI: address.text, loginHint: request.loginHint)
  }

  /// An address is good only together with the client it is registered for.
  private func target(id: String?, redirectURI: String?) async throws -> (Client, AppAddress) {
    guard let id, let client = try await ports.database.read({ try $0.client(ClientID(text: id)) }) else {
      throw UnusableRequest.unknownClient
    }
    guard let redirectURI, client.accepts(redirectURI: redirectURI), let address = AppAddress(redirectURI)
    else { throw UnusableRequest.unknownAddress }
    return (client, address)
  }

  private func next(
    _ request: AuthorizationRequest, _ client: Client, _ address: AppAddress, by signedIn: SignedIn?,
    consents: Bool = false, binding: JourneyBinding, source: Source
  ) async throws -> Step {
    func silence(_ code: AuthorizationError.Code, _ reason: String) -> Step {
      .toApp(answer(AuthorizationError(code, reason), at: address, state: request.state))
    }
    let pending = PendingRequest(
      token: try ports.seal(request, for: binding), client: client, redirectURI: address.text,
      loginHint: request.loginHint)
    guard let signedIn else {
      return request.isSilent ? silence(.loginRequired, "nobody is signed in") : .signIn(pending)
    }
    // Nobody is signed out for it: any app can send a browser here.
    guard request.subject == nil || request.subject == signedIn.account.id.text else {
      return request.isSilent ? silence(.loginRequired, "someone else is signed in") : .otherPerson(pending)
    }
    guard signedIn.account.frozen == nil else {
      if request.isSilent { return silence(.accessDenied, "the account is frozen") }
      throw Refusal.frozen
    }
    if let since = request.authenticatedSince, signedIn.session.authenticatedAt < since {
      return request.isSilent
        ? silence(.loginRequired, "the sign-in is older than max_age allows") : .stepUp(pending)
    }
    let granted = try await ports.database.read {
      try $0.grant(of: signedIn.account.id, to: client.id)?.scopes ?? []
    }
    guard consents || !request.asksConsent && request.scopes.isSubset(of: granted) else {
      return request.isSilent
        ? silence(.consentRequired, "the owner has to be asked first")
        : .consent(pending, asked: request.scopes, granted: granted)
    }
    let code = try await authorize(request, by: signedIn, consents: consents, source: source)
    return .toApp(
      address.adding([
        ("code", code.revealedText), ("state", request.state), ("iss", ports.tokenIssuer),
      ]))
  }

  /// RFC 9207: the issuer stands in errors, too.
  private func answer(_ error: AuthorizationError, at address: AppAddress, state: String?) -> String {
    address.adding([
      ("error", error.code.rawValue), ("error_description", error.description), ("state", state),
      ("iss", ports.tokenIssuer),
    ])
  }

  private func canReachMore(_ wanted: [Authentication.Level], _ signedIn: SignedIn) async throws -> Bool {
    guard let least = wanted.min(), Authentication(signedIn.session).level < least else { return false }
    let proofs = try await ports.database.read { [ports] in try ports.proofs(of: signedIn.account, in: $0) }
    if !proofs.passkeys.isEmpty { return true }
    return least <= (proofs.confirmedApps.isEmpty || !proofs.account.twoStep ? .oneFactor : .twoFactor)
  }

  /// The yes, and a code for it, in one transaction.
  private func authorize(
    _ request: AuthorizationRequest, by signedIn: SignedIn, consents: Bool, source: Source
  ) async throws -> Secret {
    let code = ports.newAppSecret()
    let digest = ports.digest(appSecret: code)
    try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let account = signedIn.account.id
      guard let session = try ports.liveSession(signedIn.session.id, of: account, in: transaction),
        let client = try transaction.client(request.client)
      else { throw Refusal.notSignedIn }
      let old = try transaction.grant(of: account, to: client.id)
      guard consents || request.scopes.isSubset(of: old?.scopes ?? []) else { throw Refusal.changedMeanwhile }
      let scopes = request.scopes.union(old?.scopes ?? [])
      if old?.scopes != scopes {
        try ports.note(.appAllowed, detail: client.name, on: account, source: source, in: transaction)
        try ports.tell(
          ports.contacts(of: account, in: transaction), .appAllowed(name: client.name),
          about: signedIn.account, source: source, in: transaction)
      }
      try transaction.put(
        Grant(
          account: account, client: client.id, scopes: scopes, grantedAt: old?.grantedAt ?? now,
          lastUsedAt: now))
      try transaction.insert(
        Authorization(
          id: AuthorizationID(ports.randomness),
          appSession: ports.appSession(of: session, in: client.id, in: transaction),
          redirectURI: request.redirectURI, challenge: request.challenge, nonce: request.nonce,
          scopes: request.scopes, authentication: Authentication(session), createdAt: now),
        codeDigest: digest)
    }
    return code
  }

  // MARK: apps with access (D6)

  package struct Access: Sendable {
    package let client: Client
    package let grant: Grant
  }

  /// The apps its owner allowed, the latest used first.
  package func list(for signedIn: SignedIn) async throws -> [Access] {
    try await ports.database.read { transaction in
      try transaction.grants(of: signedIn.account.id).compactMap { grant in
        try transaction.client(grant.client).map { Access(client: $0, grant: grant) }
      }
    }
  }

  /// Takes an app's access away: its tokens end, and it is told. - Throws: `Refusal.notFound`.
  package func remove(_ id: ClientID, by signedIn: SignedIn, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let account = signedIn.account.id
      guard let client = try transaction.client(id), try transaction.removeGrant(of: account, to: id) else {
        throw Refusal.notFound
      }
      try transaction.endAppSessions(of: account, in: id, at: transaction.now)
      try ports.note(.appRemoved, detail: client.name, on: account, source: source, in: transaction)
    }
  }
}

extension Ports {
  /// 256 random bits: codes, tokens, client secrets.
  func newAppSecret() -> Secret { Secret(Base32.encode(randomness.bytes(32))) }

  func digest(appSecret: Secret) -> [UInt8] {
    appSecret.withBytes { keys.digest(Array($0), for: .appSecret) }
  }

  /// The session, if it has not ended.
  func liveSession(_ id: SessionID, of account: AccountID, in transaction: any Transaction) throws -> Session?
  {
    try transaction.sessions(of: account).first { $0.id == id && $0.isLive(at: transaction.now) }
  }

  fileprivate func appSession(of session: Session, in client: ClientID, in transaction: any Transaction)
    throws
    -> AppSession
  {
    if let known = try transaction.appSession(of: session.id, in: client) { return known }
    let new = AppSession(
      id: AppSessionID(randomness), client: client, account: session.account, session: session.id,
      createdAt: transaction.now)
    try transaction.insert(new)
    return new
  }
}
