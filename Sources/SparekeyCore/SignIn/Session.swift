/// How long sessions live (S7, ASVS 7.3) and how long a proof of presence counts as fresh.
package enum SessionRules {
  /// From sign-in, however busy (NIST SP 800-63B-4, 2.1.3).
  package static let absolute = Duration.days(30)
  /// Without a request.
  package static let idle = Duration.days(7)
  /// For sensitive pages after signing in or stepping up.
  package static let fresh = Duration.minutes(5)
  /// `lastSeenAt` is written at most this often: a session check is a read.
  package static let seenResolution = Duration.minutes(5)
}

/// A signed-in browser or program. Its token is 256 random bits, stored as a keyed digest only.
package struct Session: Sendable, Equatable {
  package let id: SessionID
  package let account: AccountID
  package let createdAt: Timestamp
  package let lastSeenAt: Timestamp
  /// When its owner last proved presence: at sign-in, or by step-up.
  package let provedAt: Timestamp
  package let source: Source

  package init(
    id: SessionID, account: AccountID, createdAt: Timestamp, lastSeenAt: Timestamp, provedAt: Timestamp,
    source: Source
  ) {
    self.id = id
    self.account = account
    self.createdAt = createdAt
    self.lastSeenAt = lastSeenAt
    self.provedAt = provedAt
    self.source = source
  }

  package var expiresAt: Timestamp {
    min(createdAt + SessionRules.absolute, lastSeenAt + SessionRules.idle)
  }

  package func isLive(at now: Timestamp) -> Bool { now < expiresAt }
}

package protocol SessionStore {
  func insert(_ session: Session, tokenDigest: [UInt8]) throws
  func session(tokenDigest: [UInt8]) throws -> (session: Session, account: Account)?
  func sessions(of account: AccountID) throws -> [Session]
  func touch(_ session: SessionID, seenAt: Timestamp) throws
  /// Gives a session a new token after a step-up (ASVS 7.2.4).
  func renew(_ session: SessionID, tokenDigest: [UInt8], provedAt: Timestamp) throws -> Bool
  func endSession(_ session: SessionID, of account: AccountID) throws -> Bool
  /// - Returns: how many ended.
  func endSessions(of account: AccountID) throws -> Int
  func forgetSessions(seenBefore time: Timestamp) throws
}

/// Someone whose session was found live in this request. Only `Sessions` makes one.
package struct SignedIn: Sendable {
  package let account: Account
  package let session: Session

  fileprivate init(account: Account, session: Session) {
    self.account = account
    self.session = session
  }

  package func isFresh(at now: Timestamp) -> Bool { now < session.provedAt + SessionRules.fresh }

  /// - Throws: `Refusal.stepUpNeeded`.
  package func steppedUp(at now: Timestamp) throws(Refusal) -> SteppedUp {
    guard isFresh(at: now) else { throw .stepUpNeeded }
    return SteppedUp(self)
  }
}

/// Someone who proved within the last minutes to be there; what sensitive changes demand (S7).
package struct SteppedUp: Sendable {
  package let signedIn: SignedIn
  package var account: Account { signedIn.account }

  fileprivate init(_ signedIn: SignedIn) { self.signedIn = signedIn }
}

/// What someone gets who signed in. The token appears here and in the cookie, nowhere else.
package struct StartedSession: Sendable {
  package let token: Secret
  package let session: Session
  package let account: Account
}

/// Finding, renewing and ending sessions.
package struct Sessions: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// - Throws: `Refusal.notSignedIn`.
  package func signedIn(by token: Secret?) async throws -> SignedIn {
    guard let token else { throw Refusal.notSignedIn }
    let digest = ports.digest(sessionToken: token)
    let found = try await ports.database.read { transaction in
      try transaction.session(tokenDigest: digest).map { ($0, transaction.now) }
    }
    guard let ((session, account), now) = found, session.isLive(at: now) else { throw Refusal.notSignedIn }
    if session.lastSeenAt + SessionRules.seenResolution < now {
      try await ports.database.write { try $0.touch(session.id, seenAt: now) }
    }
    return SignedIn(account: account, session: session)
  }

  package func list(for signedIn: SignedIn) async throws -> [Session] {
    try await ports.database.read { transaction in
      try transaction.sessions(of: signedIn.account.id).filter { $0.isLive(at: transaction.now) }
    }
  }

  package func signOut(_ signedIn: SignedIn) async throws {
    try await ports.database.write {
      _ = try $0.endSession(signedIn.session.id, of: signedIn.account.id)
    }
  }

  /// - Throws: `Refusal.notFound`.
  package func end(_ session: SessionID, by signedIn: SignedIn, source: Source) async throws {
    try await ports.database.write { transaction in
      guard try transaction.endSession(session, of: signedIn.account.id) else { throw Refusal.notFound }
      try ports.note(.sessionEnded, on: signedIn.account.id, source: source, in: transaction)
    }
  }

  /// Ends every session, this one too, at once.
  package func signOutEverywhere(_ signedIn: SignedIn, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let account = signedIn.account
      _ = try transaction.endSessions(of: account.id)
      try ports.note(.signedOutEverywhere, on: account.id, source: source, in: transaction)
      try ports.tell(
        ports.contacts(of: account.id, in: transaction), .signedOutEverywhere, about: account, source: source,
        in: transaction)
    }
  }

  /// Proves presence again with the password; the session gets a new token.
  /// - Throws: `Refusal.wrongPassword`, `.slowDown`, `.busy`.
  package func stepUp(_ signedIn: SignedIn, password: String, source: Source) async throws -> StartedSession {
    guard !password.isEmpty else { throw Refusal.field(.password, .missing) }
    try await ports.database.write { [ports] transaction in
      try ports.countTry(
        ThrottleRules.stepUp, on: signedIn.account.id.text, from: source, in: transaction)
    }
    guard try await ports.verify(password, of: signedIn.account) != nil else { throw Refusal.wrongPassword }
    let token = ports.newSessionToken()
    let session = try await ports.database.write { [ports] transaction in
      let now = transaction.now
      try ports.clearTries(
        ThrottleRules.stepUp, on: signedIn.account.id.text, from: source, in: transaction)
      // The password that was just checked must still be the account's.
      guard try transaction.account(signedIn.account.id)?.version == signedIn.account.version,
        try transaction.renew(
          signedIn.session.id, tokenDigest: ports.digest(sessionToken: token), provedAt: now)
      else { throw Refusal.notSignedIn }
      return Session(
        id: signedIn.session.id, account: signedIn.account.id, createdAt: signedIn.session.createdAt,
        lastSeenAt: now, provedAt: now, source: signedIn.session.source)
    }
    return StartedSession(token: token, session: session, account: signedIn.account)
  }
}

extension Ports {
  package func newSessionToken() -> Secret { Secret(Base32.encode(randomness.bytes(32))) }

  package func digest(sessionToken: Secret) -> [UInt8] {
    sessionToken.withBytes { keys.digest(Array($0), for: .sessionDigest) }
  }

  /// Opens a session inside a transaction and notes it in the history.
  package func startSession(
    for account: Account, token: Secret, source: Source, in transaction: any Transaction
  ) throws -> Session {
    let now = transaction.now
    let session = Session(
      id: SessionID(randomness), account: account.id, createdAt: now, lastSeenAt: now, provedAt: now,
      source: source)
    try transaction.insert(session, tokenDigest: digest(sessionToken: token))
    try note(.signedIn, on: account.id, source: source, in: transaction)
    return session
  }
}
