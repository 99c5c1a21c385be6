/// A sign-in under way: a name was given, the password is due, and with two-step verification a second factor. The
/// same for names that do not exist (S6).
package struct SignInAttempt: Journey {
  package static let purpose = "sign-in"
  package static let lifetime = Duration.hours(1)
  /// How long a right password waits for the second factor.
  package static let passwordLifetime = Duration.minutes(10)

  /// As typed, for showing it again.
  package let username: String
  package let expiresAt: Timestamp
  /// The password was right, for this account at this security version: any change ends what is half done.
  package var passwordProved: PasswordProved?

  package struct PasswordProved: Codable, Sendable, Equatable {
    package let account: AccountID
    package let version: VersionID
    package let at: Timestamp
  }
}

/// What a right answer at sign-in leads to.
package enum SignInProgress: Sendable {
  case signedIn(StartedSession)
  /// Two-step verification is on.
  case secondFactor(SecondFactorStep)
}

/// The second step.
package struct SecondFactorStep: Sendable {
  /// The sealed journey, for the next step.
  package let journey: String
  package let username: String
  package let hasApp: Bool
  /// Present when the account has passkeys.
  package let passkey: PasskeyPrompt?
  /// After a hold: the claim ticket answers instead, once.
  package let takesTicket: Bool
}

/// Signing in: username, then password (S1), then a second factor if the account asks for one (S5); or a passkey alone,
/// also without a username (S4).
package struct SignIn: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Begins with a name. Every name walks on; nothing is looked up.
  /// - Throws: `Refusal.field(.username, …)` when nothing, or far too much, was typed; `.busy` when a password could not
  ///   be checked now.
  package func start(username: String, binding: JourneyBinding, source: Source) throws -> String {
    try ports.hashing.checkRoom(for: source, toBegin: true)
    return try ports.seal(
      SignInAttempt(
        username: try typedName(username), expiresAt: ports.clock.now() + SignInAttempt.lifetime),
      for: binding)
  }

  /// - Throws: `Refusal.expired`.
  package func resume(_ token: String, binding: JourneyBinding) throws(Refusal) -> SignInAttempt {
    try ports.open(SignInAttempt.self, token, for: binding)
  }

  /// - Throws: `Refusal.wrongNameOrPassword`, `.slowDown`, `.busy`, `.expired`, `.field(.password, …)`.
  package func enterPassword(
    _ password: String, journey token: String, binding: JourneyBinding, source: Source
  ) async throws -> SignInProgress {
    try ports.hashing.checkRoom(for: source, toBegin: false)
    var attempt = try resume(token, binding: binding)
    guard !password.isEmpty else { throw Refusal.field(.password, .missing) }
    guard password.utf8.count <= PasswordRules.maximumBytes else { throw Refusal.wrongNameOrPassword }
    let name = Username.lookup(attempt.username)
    let (tried, account) = try await ports.database.write { [ports] transaction in
      (
        try ports.countTry(ThrottleRules.password, on: name, from: source, in: transaction),
        try ports.currentAccount(canonicalName: name, in: transaction)
      )
    }
    let match = try await ports.verify(password, of: account, from: source)
    guard let account, let match else { throw Refusal.wrongNameOrPassword }
    let token = ports.newSessionToken()
    let session = try await ports.database.write { [ports] transaction -> Session? in
      // The password checked must still be the account's: it may have changed while it was hashed.
      guard try transaction.account(account.id)?.version == account.version else {
        throw Refusal.changedMeanwhile
      }
      try ports.clearTries(tried, in: transaction)
      if let rehashed = match.rehashed {
        try transaction.rehashPassword(of: account.id, from: account.password, to: rehashed)
      }
      guard !account.twoStep else { return nil }
      return try ports.startSession(
        for: account, shown: [.password], token: token, source: source, in: transaction)
    }
    if let session { return .signedIn(StartedSession(token: token, session: session, account: account)) }
    attempt.passwordProved = SignInAttempt.PasswordProved(
      account: account.id, version: account.version, at: ports.clock.now())
    return .secondFactor(try await secondFactorStep(of: attempt, binding: binding))
  }

  /// The second step again, for showing its page.
  /// - Throws: `Refusal.expired`, `.outOfStep` before the password.
  package func secondFactor(_ token: String, binding: JourneyBinding) async throws -> SecondFactorStep {
    let attempt = try resume(token, binding: binding)
    _ = try proved(attempt)
    return try await secondFactorStep(of: attempt, binding: binding)
  }

  /// - Throws: `Refusal.totpWrong`, `.field(.code, …)`, `.slowDown`, `.expired`, `.outOfStep`, `.changedMeanwhile`.
  package func enterTOTP(
    _ code: String, journey token: String, binding: JourneyBinding, source: Source
  ) async throws -> StartedSession {
    let password = try proved(try resume(token, binding: binding))
    let account = try await current(password)
    let app = try await ports.afterPassword(of: account, source: source) {
      try await ports.enterTOTP(code, of: account, source: source)
    }
    return try await start(account, password, shown: [.password, .totp(app)], source: source)
  }

  /// The passkey as second factor, for the journey whose password was right.
  /// - Throws: `Refusal.passkeyWrong`, `.slowDown`, `.expired`, `.outOfStep`, `.changedMeanwhile`.
  package func enterPasskey(
    _ assertion: PasskeyAssertion, request: String, journey token: String, binding: JourneyBinding,
    source: Source
  ) async throws -> StartedSession {
    let password = try proved(try resume(token, binding: binding))
    let account = try await current(password)
    let passkey = try await ports.afterPassword(of: account, source: source) {
      try await ports.usePasskey(
        assertion, request: try ports.open(PasskeyRequest.self, request, for: binding), expected: account.id,
        source: source)
    }
    return try await start(account, password, shown: [.password, .passkey(passkey.id)], source: source)
  }

  /// What the browser needs to ask for a passkey without a username.
  package func passkeyPrompt(binding: JourneyBinding) async throws -> PasskeyPrompt {
    try await ports.promptPasskey(of: nil, binding: binding)
  }

  /// The passkey alone (S4): it verified its user, so it is two factors in one.
  /// - Throws: `Refusal.passkeyWrong`, `.slowDown`, `.expired`, `.changedMeanwhile`.
  package func enterPasskey(
    _ assertion: PasskeyAssertion, request: String, binding: JourneyBinding, source: Source
  ) async throws -> StartedSession {
    let passkey = try await ports.usePasskey(
      assertion, request: try ports.open(PasskeyRequest.self, request, for: binding), expected: nil,
      source: source)
    let token = ports.newSessionToken()
    return try await ports.database.write { [ports] transaction in
      guard let account = try ports.currentAccount(passkey.account, in: transaction),
        try transaction.passkeys(of: account.id).contains(where: { $0.id == passkey.id })
      else { throw Refusal.changedMeanwhile }
      let session = try ports.startSession(
        for: account, shown: [.passkey(passkey.id)], token: token, source: source, in: transaction)
      return StartedSession(token: token, session: session, account: account)
    }
  }

  /// The first sign-in after a hold: new password and claim ticket. The session has to settle the second factors first;
  /// the ticket works until that is done.
  /// - Throws: `Refusal.ticketWrong`, `.slowDown`, `.expired`, `.outOfStep`, `.changedMeanwhile`.
  package func enterTicket(
    _ ticket: String, journey token: String, binding: JourneyBinding, source: Source
  ) async throws -> StartedSession {
    let password = try proved(try resume(token, binding: binding))
    let session = ports.newSessionToken()
    let digest = ports.digest(ticket: ticket)
    let tried = try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.ticket, on: password.account.text, from: source, in: transaction)
    }
    return try await ports.database.write { [ports] transaction in
      guard let account = try transaction.account(password.account), account.version == password.version
      else {
        throw Refusal.changedMeanwhile
      }
      guard let hold = try transaction.completedHold(of: account.id), hold.takesTicket(of: account),
        constantTimeEqual(hold.ticketDigest, digest)
      else { throw Refusal.ticketWrong }
      try ports.clearTries(tried, in: transaction)
      let started = try ports.startSession(
        for: account, shown: [.password], restriction: .settleFactors, token: session, source: source,
        in: transaction)
      return StartedSession(token: session, session: started, account: account)
    }
  }

  private func proved(_ attempt: SignInAttempt) throws(Refusal) -> SignInAttempt.PasswordProved {
    guard let password = attempt.passwordProved else { throw .outOfStep }
    guard ports.clock.now() < password.at + SignInAttempt.passwordLifetime else { throw .expired }
    return password
  }

  private func current(_ password: SignInAttempt.PasswordProved) async throws -> Account {
    let account = try await ports.database.read { try $0.account(password.account) }
    guard let account, account.version == password.version else { throw Refusal.changedMeanwhile }
    return account
  }

  private func start(
    _ account: Account, _ password: SignInAttempt.PasswordProved, shown: [Proof], source: Source
  ) async throws -> StartedSession {
    let token = ports.newSessionToken()
    return try await ports.database.write { [ports] transaction in
      guard let account = try transaction.account(account.id), account.version == password.version else {
        throw Refusal.changedMeanwhile
      }
      let session = try ports.startSession(
        for: account, shown: shown, token: token, source: source, in: transaction)
      return StartedSession(token: token, session: session, account: account)
    }
  }

  private func secondFactorStep(of attempt: SignInAttempt, binding: JourneyBinding) async throws
    -> SecondFactorStep
  {
    let password = try proved(attempt)
    let account = try await current(password)
    let (apps, passkeys, hold) = try await ports.database.read { transaction in
      (
        try transaction.authenticatorApps(of: account.id), try transaction.passkeys(of: account.id),
        try transaction.completedHold(of: account.id)
      )
    }
    return SecondFactorStep(
      journey: try ports.seal(attempt, for: binding), username: attempt.username,
      hasApp: apps.contains(where: \.isConfirmed),
      passkey: passkeys.isEmpty ? nil : try await ports.promptPasskey(of: account.id, binding: binding),
      takesTicket: hold?.takesTicket(of: account) ?? false)
  }
}
