/// A sign-in under way: a name was given, the password is due. The same for names that do not exist (S6).
package struct SignInAttempt: Journey {
  package static let purpose = "sign-in"
  package static let lifetime = Duration.hours(1)

  /// As typed, for showing it again.
  package let username: String
  package let expiresAt: Timestamp
}

/// Signing in: username, then password (S1).
package struct SignIn: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Begins with a name. Every name walks on; nothing is looked up.
  /// - Throws: `Refusal.field(.username, …)` when nothing, or far too much, was typed.
  package func start(username: String, binding: JourneyBinding) throws -> String {
    try ports.seal(
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
  ) async throws -> StartedSession {
    let attempt = try resume(token, binding: binding)
    guard !password.isEmpty else { throw Refusal.field(.password, .missing) }
    guard password.utf8.count <= PasswordRules.maximumBytes else { throw Refusal.wrongNameOrPassword }
    let name = Username.lookup(attempt.username)
    let account = try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.password, on: name, from: source, in: transaction)
      return try transaction.account(canonicalName: name)
    }
    let match = try await ports.verify(password, of: account)
    guard let account, let match else { throw Refusal.wrongNameOrPassword }
    let token = ports.newSessionToken()
    let session = try await ports.database.write { [ports] transaction in
      // The password checked must still be the account's: it may have changed while it was hashed.
      guard try transaction.account(account.id)?.version == account.version else {
        throw Refusal.changedMeanwhile
      }
      try ports.clearTries(ThrottleRules.password, on: name, from: source, in: transaction)
      if let rehashed = match.rehashed {
        try transaction.rehashPassword(of: account.id, from: account.password, to: rehashed)
      }
      return try ports.startSession(for: account, token: token, source: source, in: transaction)
    }
    return StartedSession(token: token, session: session, account: account)
  }
}
