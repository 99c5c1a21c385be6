/// One person's way back, as a state machine. It is sealed into a token and travels with them (design decision 5).
///
/// ```
/// choosing ──▶ issued code ──▶ ┐
///    │ ▲            │          ├─▶ policy ─┬ now ───────▶ new password ─▶ recovered, new code shown
///    ▼ │            ▼          │           └ not enough ▶ choosing
/// options ─ none of these ─▶ recovery code ┘
///   any step ─▶ expired | slowed down; an unknown name walks the same steps
/// ```
package struct RecoveryAttempt: Journey, Equatable {
  package static let purpose = "recovery"
  /// Before anything is shown, time to find the sheet; afterwards `Evidence.lifetime` counts too.
  package static let lifetime = Duration.hours(1)
  /// C9: how long the winner's own repeat of the last step gets the same answer again.
  package static let repeatable = Duration.minutes(10)

  package enum State: Codable, Sendable, Equatable {
    /// The first verification option is offered.
    case choosing
    /// *Use a different verification option*: all of them are listed.
    case listing
    /// A code is on its way to this option (if it is real).
    case awaitingIssuedCode(SentCode)
    /// *Do you have an account recovery code?*
    case enteringRecoveryCode
    /// The policy said *now*.
    case choosingPassword
    /// The new password is set.
    case recovered
  }

  /// A code sent to one option. Its digest travels here, sealed; its tries are counted in the database.
  package struct SentCode: Codable, Sendable, Equatable {
    package static let lifetime = Duration.minutes(10)

    package let id: String
    package let option: String
    package let masked: String
    package let contact: ContactID?
    package let digest: [UInt8]
    package let expiresAt: Timestamp
  }

  /// The page that is due.
  package enum Step: String, Sendable, Equatable {
    case verify, options
    case issuedCode = "issued-code"
    case recoveryCode = "recovery-code"
    case newPassword = "new-password"
    case recovered
  }

  package enum Event: Sendable {
    case differentOption
    case noneOfThese
    case sent(SentCode)
    case proved(Evidence)
    case passwordSet
  }

  package let id: JourneyID
  /// As typed, for showing it again.
  package let username: String
  package let expiresAt: Timestamp
  /// The account and its security version when the journey began; nil for an unknown name.
  package let target: Target?
  package private(set) var state: State
  package private(set) var evidence: [Evidence]
  /// The new recovery code is derived from this seed, so that a repeat of the last step shows the same code while
  /// the database never holds it (C4, C9).
  package let newCodeSeed: [UInt8]

  package struct Target: Codable, Sendable, Equatable {
    package let account: AccountID
    package let version: VersionID
  }

  package init(
    id: JourneyID, username: String, target: Target?, newCodeSeed: [UInt8], startsWithCode: Bool,
    at now: Timestamp
  ) {
    self.id = id
    self.username = username
    self.target = target
    self.newCodeSeed = newCodeSeed
    expiresAt = now + Self.lifetime
    state = startsWithCode ? .enteringRecoveryCode : .choosing
    evidence = []
  }

  package var step: Step {
    switch state {
    case .choosing: .verify
    case .listing: .options
    case .awaitingIssuedCode: .issuedCode
    case .enteringRecoveryCode: .recoveryCode
    case .choosingPassword: .newPassword
    case .recovered: .recovered
    }
  }

  /// What is looked up: the same for every spelling of one name.
  package var lookupName: String { Username.lookup(username) }

  /// Walks on. The form to choose a password is reached through `outcome` alone.
  /// - Throws: `Refusal.outOfStep` for an event that this state does not know, `.notEnough`, `.changedMeanwhile`.
  package mutating func receive(
    _ event: Event, about facts: AccountFacts?, at now: Timestamp
  ) throws(Refusal) {
    if case .recovered = state { throw .outOfStep }
    switch event {
    case .differentOption: state = .listing
    case .noneOfThese: state = .enteringRecoveryCode
    case .sent(let code): state = .awaitingIssuedCode(code)
    case .proved(let item):
      evidence.removeAll { $0.proof == item.proof }
      evidence.append(item)
      guard try outcome(about: facts, at: now) == .now else { throw .notEnough }
      state = .choosingPassword
    case .passwordSet:
      guard case .choosingPassword = state else { throw .outOfStep }
      guard try outcome(about: facts, at: now) == .now else { throw .notEnough }
      state = .recovered
    }
  }

  /// What the policy says of everything shown so far, against the facts of this moment.
  /// - Throws: `Refusal.changedMeanwhile` when the account is not at the version this journey began with, `.expired`
  ///   when the evidence is too old.
  package func outcome(about facts: AccountFacts?, at now: Timestamp) throws(Refusal)
    -> RecoveryPolicy.Outcome
  {
    guard let target, let facts else { return .notEnough }
    guard facts.account.id == target.account, facts.account.version == target.version else {
      throw .changedMeanwhile
    }
    guard evidence.isEmpty || evidence.contains(where: { $0.isFresh(at: now) }) else { throw .expired }
    return RecoveryPolicy.outcome(
      twoStep: facts.account.twoStepSince != nil,
      evidence: evidence.compactMap { facts.strength(of: $0, at: now) })
  }
}
