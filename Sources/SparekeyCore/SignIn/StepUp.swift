/// Proving again who one is, before a sensitive change (S7): at the account's own level, and with no proof that is
/// junior to another the account has. With two-step verification the password and the app's code come together; too
/// little leaves the session as fresh as it was.
package struct StepUp: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// What someone shows.
  package enum Shown: Sendable {
    case password(String)
    case totp(String)
    /// The request's token, and the browser's answer.
    case passkey(request: String, PasskeyAssertion, JourneyBinding)
  }

  /// - Returns: the session under a new token. It is fresh when its level is reached; `SignedIn.isFresh` says so.
  /// - Throws: `Refusal.wrongPassword`, `.totpWrong`, `.passkeyWrong`, `.field(…)`, `.slowDown`, `.busy`, `.expired`.
  package func prove(_ shown: [Shown], by signedIn: SignedIn, source: Source) async throws -> StartedSession {
    let account = signedIn.account
    var proved: [Proof] = []
    for item in shown {
      proved.append(try await prove(item, of: account, in: signedIn.session, source: source))
    }
    let token = ports.newSessionToken()
    let session = try await ports.database.write { [ports, proved] transaction in
      let now = transaction.now
      // What was just checked must still be the account's.
      guard let current = try transaction.account(account.id), current.version == account.version else {
        throw Refusal.notSignedIn
      }
      let old = signedIn.session
      let provedAt = try ports.provedAt(proved, of: current, in: transaction)
      let isEnough = provedAt == now
      let session = Session(
        id: old.id, account: account.id, createdAt: old.createdAt, lastSeenAt: now,
        provedAt: isEnough ? provedAt : old.provedAt, source: old.source,
        proofs: isEnough ? proved : old.proofs, isRecovered: old.isRecovered && !isEnough)
      guard try transaction.renew(session, tokenDigest: ports.keys.digest(sessionToken: token)) else {
        throw Refusal.notSignedIn
      }
      return session
    }
    return StartedSession(token: token, session: session, account: account)
  }

  private func prove(_ shown: Shown, of account: Account, in session: Session, source: Source) async throws
    -> Proof
  {
    switch shown {
    case .password(let typed):
      guard !typed.isEmpty else { throw Refusal.field(.password, .missing) }
      let tried = try await ports.database.write { [ports] transaction in
        try ports.countTry(ThrottleRules.stepUp, on: account.id.text, from: source, in: transaction)
      }
      guard typed.utf8.count <= PasswordRules.maximumBytes,
        try await ports.verify(typed, of: account, from: source) != nil
      else {
        throw Refusal.wrongPassword
      }
      try await ports.database.write { [ports] in try ports.clearTries(tried, in: $0) }
      return .password
    case .totp(let typed):
      return .totp(try await ports.enterTOTP(typed, of: account, in: session))
    case .passkey(let request, let assertion, let binding):
      let request = try ports.open(PasskeyRequest.self, request, for: binding)
      let passkey = try await ports.usePasskey(
        assertion, request: request, expected: account.id, source: source)
      return .passkey(passkey.id)
    }
  }

  /// What the browser needs to ask for one of the account's passkeys.
  package func passkeyRequest(for signedIn: SignedIn, binding: JourneyBinding) async throws -> PasskeyPrompt {
    try await ports.promptPasskey(of: signedIn.account.id, binding: binding)
  }
}

extension Ports {
  /// Checks a code of one of the account's apps in a live session, whose tries are counted for itself.
  /// - Throws: `Refusal.totpWrong`, `.slowDown`, `.field(.code, …)`.
  package func enterTOTP(_ typed: String, of account: Account, in session: Session) async throws
    -> AuthenticatorAppID
  {
    let code = try IssuedCode.read(typed)
    return try await useTOTP(code, of: account, counting: [(ThrottleRules.sessionTOTP, session.id.text, nil)])
  }

  /// The same at sign-in, once the password was right.
  package func enterTOTP(_ typed: String, of account: Account, source: Source) async throws
    -> AuthenticatorAppID
  {
    let code = try IssuedCode.read(typed)
    return try await useTOTP(
      code, of: account,
      counting: [
        (ThrottleRules.totp, account.id.text, source), (ThrottleRules.totpOfAccount, account.id.text, nil),
      ])
  }

  /// A success clears what was counted first; from what was counted for all sources together it takes back itself.
  private func useTOTP(
    _ code: String, of account: Account, counting counts: [(ThrottleRule, String, Source?)]
  ) async throws -> AuthenticatorAppID {
    let tried = try await database.write { [self] transaction in
      try counts.map { rule, subject, source in
        try countTry(rule, on: subject, from: source, in: transaction)
      }
    }
    return try await database.write { [self] transaction in
      let apps = try transaction.authenticatorApps(of: account.id).filter(\.isConfirmed)
      guard let app = try useTOTP(code, among: apps, in: transaction) else { throw Refusal.totpWrong }
      if let first = tried.first { try clearTries(first, in: transaction) }
      for other in tried.dropFirst() { try takeBack(other, in: transaction) }
      return app.id
    }
  }
}
