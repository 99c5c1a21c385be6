/// What the journeys need from outside. The executable wires it; tests hand in their own clock and randomness.
package struct Ports: Sendable {
  package let database: any Database
  package let hashing: any SecretHashing
  package let keys: KeyRing
  package let randomness: Randomness
  package let clock: WallClock
  package let passwordRules: PasswordRules
  package let passkeys: PasskeyCeremony
  package let signing: any TokenSigning
  package let clockWatch: ClockWatch
  package let options: ServiceOptions

  package init(
    database: any Database, hashing: any SecretHashing, keys: KeyRing, randomness: Randomness,
    clock: WallClock, passwordRules: PasswordRules, passkeys: PasskeyCeremony,
    signing: any TokenSigning, clockWatch: ClockWatch = .trusting, options: ServiceOptions = ServiceOptions()
  ) {
    self.database = database
    self.hashing = hashing
    self.keys = keys
    self.randomness = randomness
    self.clock = clock
    self.passwordRules = passwordRules
    self.passkeys = passkeys
    self.signing = signing
    self.clockWatch = clockWatch
    self.options = options
  }
}

/// The operator's choices that rules depend on.
package struct ServiceOptions: Sendable {
  package var signUpOpen: Bool
  /// Load tests on loopback only: waits are counted but never imposed.
  package var limitsEnforced: Bool
  /// How long a recovery is held (H2).
  package var holdPeriod: Duration
  /// H2: a recovery code never opens a two-step account at once.
  package var strictPolicy: Bool

  package init(
    signUpOpen: Bool = true, limitsEnforced: Bool = true, holdPeriod: Duration = .days(30),
    strictPolicy: Bool = false
  ) {
    self.signUpOpen = signUpOpen
    self.limitsEnforced = limitsEnforced
    self.holdPeriod = holdPeriod
    self.strictPolicy = strictPolicy
  }
}

/// Where accounts are kept. Bodies are synchronous, so nothing slow or irrevocable can happen inside a transaction;
/// they may run more than once (a lost connection, a serialization failure), so they have no effects of their own.
package protocol Database: Sendable {
  /// Sees one consistent snapshot.
  func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer
  /// All or nothing: durable when it returns, without trace when it throws.
  func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer
}

/// One transaction, as each feature sees it.
package protocol Transaction: AccountStore, ContactStore, RecoveryCodeStore, SessionStore, ThrottleStore,
  SecurityHistoryStore, OutboxStore, OnceStore, AuthenticatorAppStore, PasskeyStore, HoldStore,
  ServiceStateStore, ClientStore, GrantStore, AppSessionStore, AuthorizationStore, SigningKeyStore, CaseStore,
  AuditStore, SealedValueStore, KeptAnswerStore, OperatorTokenStore
{
  /// The one clock reading of this transaction (PostgreSQL: the server's; SQLite: the injected one).
  var now: Timestamp { get }
}

/// Ids that may be spent once: journeys that came to their outcome, one-use forms.
package protocol OnceStore {
  /// Records the id; false when it was spent before.
  func spend(_ id: String, for account: AccountID) throws -> Bool
  /// When the id was spent.
  func spent(_ id: String) throws -> Timestamp?
  /// Forgets what was spent before that time.
  func forgetSpent(before time: Timestamp) throws
}

/// The few facts about the service itself that every node must agree on.
package enum ServiceFact: String, Sendable {
  /// T16: the clock jumped forward; no hold completes before an operator looked.
  case completionsStoppedAt = "completions-stopped-at"
  /// O5: codes made before this were restored from a backup.
  case restoredAt = "restored-at"
  /// O5: holds that started before this were restored from a backup.
  case holdsRestoredAt = "holds-restored-at"
}

package protocol ServiceStateStore {
  func fact(_ fact: ServiceFact) throws -> Timestamp?
  func setFact(_ fact: ServiceFact, to time: Timestamp?) throws
}

/// Who asks: where limits are counted and what activity shows. Never an identity.
package struct Source: Sendable, Equatable, Codable {
  /// The client's address: IPv4 whole, IPv6 cut to /64.
  package let address: String
  /// Browser and system in a few words, from the user agent.
  package let agent: String

  package init(address: String, agent: String = "") {
    self.address = address
    self.agent = agent
  }
}
