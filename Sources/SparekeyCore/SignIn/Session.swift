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
  /// What was shown at sign-in and at the last step-up.
  package let proofs: [Proof]
  package let restriction: Restriction?
  /// Born from a recovery, and nothing was proved at the account's own level since.
  package let isRecovered: Bool

  /// What a session has to do before it is a full one.
  package enum Restriction: String, Sendable {
    /// After a recovery of a two-step account: each old factor is confirmed by use or removed, and one works.
    case settleFactors = "settle-factors"
  }

  package init(
    id: SessionID, account: AccountID, createdAt: Timestamp, lastSeenAt: Timestamp, provedAt: Timestamp,
    source: Source, proofs: [Proof], restriction: Restriction? = nil, isRecovered: Bool = false
  ) {
    self.id = id
    self.account = account
    self.createdAt = createdAt
    self.lastSeenAt = lastSeenAt
    self.provedAt = provedAt
    self.source = source
    self.proofs = proofs
    self.restriction = restriction
    self.isRecovered = isRecovered
  }

  package var expiresAt: Timestamp {
    min(createdAt + SessionRules.absolute, lastSeenAt + SessionRules.idle)
  }

  /// When its proofs were shown: at sign-in, or at the last step-up.
  package var authenticatedAt: Timestamp { max(createdAt, provedAt) }

  package func isLive(at now: Timestamp) -> Bool { now < expiresAt }
}

/// A session that ends takes with it what apps got through it: in the same transaction their app sessions end.
package protocol SessionStore {
  func insert(_ session: Session, tokenDigest: [UInt8]) throws
  func session(tokenDigest: [UInt8]) throws -> (session: Session, account: Account)?
  func sessions(of account: AccountID) throws -> [Session]
  func touch(_ session: SessionID, seenAt: Timestamp) throws
  /// Gives a session a new token after a step-up (ASVS 7.2.4).
  func renew(_ session: Session, tokenDigest: [UInt8]) throws -> Bool
  func endSession(_ session: SessionID, of account: AccountID) throws -> Bool
  /// - Returns: how many ended.
  func endSessions(of account: AccountID) throws -> Int
  /// Everyone's. - Returns: how many ended.
  func endAllSessions() throws -> Int
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

/// Someone who is back after a recovery and has to settle the second factors first. Only `Sessions` makes one.
package struct Unsettled: Sendable {
  package let account: Account
  package let session: Session

  fileprivate init(account: Account, session: Session) {
    self.account = account
    self.session = session
  }
}

/// Whose session a token is.
package enum SessionHolder: Sendable {
  case full(SignedIn)
  case unsettled(Unsettled)

  package var account: Account {
    switch self {
    case .full(let signedIn): signedIn.account
    case .unsettled(let unsettled): unsettled.account
    }
  }

  package var session: Session {
    switch self {
    case .full(let signedIn): signedIn.session
    case .unsettled(let unsettled): unsettled.session
    }
  }

  /// - Throws: `Refusal.factorsUnsettled`.
  package func signedIn() throws(Refusal) -> SignedIn {
    guard case .full(let signedIn) = self else { throw .factorsUnsettled }
    return signedIn
  }

  /// - Throws: `Refusal.notSignedIn` for a session that is a full one.
  package func unsettled() throws(Refusal) -> Unsettled {
    guard case .unsettled(let unsettled) = self else { throw .notSignedIn }
    return unsettled
  }
}

/// A session with what is kept of its token.
struct FoundSession: Sendable {
  let session: Session
  let account: Account
  let digest: [UInt8]
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

  /// - Throws: `Refusal.notSignedIn`, `.factorsUnsettled`.
  package func signedIn(by token: Secret?) async throws -> SignedIn { try await holder(of: token).signedIn() }

  /// - Throws: `Refusal.notSignedIn`, also for a session that is a full one.
  package func unsettled(by token: Secret?) async throws -> Unsettled {
    try await holder(of: token).unsettled()
  }

  /// - Throws: `Refusal.notSignedIn`.
  package func holder(of token: Secret?) async throws -> SessionHolder {
    guard let token, var (found, now) = try await find(token), found.session.isLive(at: now) else {
      throw Refusal.notSignedIn
    }
    if let due = found.account.holdDueAt, due <= now {
      try await ports.endDueHold(of: found.account.id)
      guard let again = try await find(token) else { throw Refusal.notSignedIn }
      (found, now) = again
    }
    if found.session.lastSeenAt + SessionRules.seenResolution < now {
      try await ports.database.write { [found, now] in try $0.touch(found.session.id, seenAt: now) }
    }
    if ports.keys.isOutdated(sessionDigest: found.digest) {
      // What does not work now works the next time.
      _ = try? await ports.database.write { [ports, found] in
        try $0.redigest(found.session.id, from: found.digest, to: ports.keys.digest(sessionToken: token))
      }
    }
    return found.session.restriction == nil
      ? .full(SignedIn(account: found.account, session: found.session))
      : .unsettled(Unsettled(account: found.account, session: found.session))
  }

  private func find(_ token: Secret) async throws -> (FoundSession, Timestamp)? {
    let generation = ports.keys.generation
    let read = { [ports] in
      try await ports.database.read { transaction in
        try ports.session(token, in: transaction).map { ($0, transaction.now) }
      }
    }
    if let found = try await read() { return found }
    // Another program may keep it under a key that is new.
    return ports.keys.refresh(since: generation) ? try await read() : nil
  }

  package func list(for signedIn: SignedIn) async throws -> [Session] {
    try await ports.database.read { transaction in
      try transaction.sessions(of: signedIn.account.id).filter { $0.isLive(at: transaction.now) }
    }
  }

  package func signOut(_ session: Session) async throws {
    try await ports.database.write { _ = try $0.endSession(session.id, of: session.account) }
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
}

extension Ports {
  /// The account of someone signed in as it is now: their request may have been under way while it changed.
  /// - Throws: `Refusal.notSignedIn` when the session has ended since it was found.
  package func account(of signedIn: SignedIn, in transaction: any Transaction) throws -> Account {
    try check(signedIn.session, in: transaction)
    guard let account = try transaction.account(signedIn.account.id) else { throw Refusal.notSignedIn }
    return account
  }

  /// - Throws: `Refusal.notSignedIn` when the session has ended since it was found.
  package func check(_ session: Session, in transaction: any Transaction) throws {
    guard try transaction.sessions(of: session.account).contains(where: { $0.id == session.id }) else {
      throw Refusal.notSignedIn
    }
  }

  package func newSessionToken() -> Secret { Secret(Base32.encode(randomness.bytes(32))) }

  /// The session of this token, under whichever key it is kept.
  func session(_ token: Secret, in transaction: any Transaction) throws -> FoundSession? {
    for digest in keys.digests(sessionToken: token) {
      guard let (session, account) = try transaction.session(tokenDigest: digest) else { continue }
      return FoundSession(session: session, account: account, digest: digest)
    }
    return nil
  }

  /// When presence was proved by these proofs: now, if they reach the account's own level and none of them is junior to
  /// what the account has (S7, H8); never, otherwise, and sensitive pages ask for more.
  package func provedAt(_ shown: [Proof], of account: Account, in transaction: any Transaction) throws
    -> Timestamp
  {
    let proofs = try proofs(of: account, in: transaction)
    let now = transaction.now
    let trusted = shown.filter { proofs.isTrusted($0, at: now) }
    return proofs.reachesOwnLevel(trusted) ? now : Timestamp(milliseconds: 0)
  }

  /// Opens a session inside a transaction and notes it in the history.
  package func startSession(
    for account: Account, shown: [Proof], restriction: Session.Restriction? = nil, token: Secret,
    source: Source,
    in transaction: any Transaction
  ) throws -> Session {
    let now = transaction.now
    let session = Session(
      id: SessionID(randomness), account: account.id, createdAt: now, lastSeenAt: now,
      provedAt: try provedAt(shown, of: account, in: transaction), source: source, proofs: shown,
      restriction: restriction, isRecovered: restriction == .settleFactors)
    try transaction.insert(session, tokenDigest: keys.digest(sessionToken: token))
    // Whoever signs in fully after a hold needs its ticket no more.
    if restriction == nil, let hold = try transaction.completedHold(of: account.id), !hold.ticketUsed {
      try transaction.useTicket(of: hold.id)
    }
    try note(.signedIn, on: account.id, source: source, in: transaction)
    try reopen(account, source: source, in: transaction)
    return session
  }
}
