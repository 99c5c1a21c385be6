/// One person's way back, as a state machine. It is sealed into a token and travels with them (design decision 5).
///
/// ```
/// choosing ──▶ issued code ──▶ ┐
///    │ ▲            │          ├─▶ policy ─┬ now ────────▶ new password ─▶ recovered, new code shown
///    ▼ │            ▼          │           ├ held ───────▶ weighing ─▶ new password ─▶ hold
/// options ─ none of these ─▶ recovery code ┘              ▲   │ more evidence: password, app, passkey …
///   any step ─▶ expired | slowed down      └ not enough ──┘   ▼
///   an unknown name walks the same steps                    policy
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
    /// H4: what was shown does not open at once; more can be shown, or a wait accepted.
    case weighing
    /// The policy said *now*, or the person accepted the wait.
    case choosingPassword(Accepted)
    /// The new password is set, or parked in a hold.
    case ended
  }

  /// The outcome with which the password form was opened.
  package enum Accepted: String, Codable, Sendable, Equatable { case now, held }

  /// A code sent to one option. Its digest travels here, sealed; its tries are counted in the database.
  package struct SentCode: Codable, Sendable, Equatable {
    package static let lifetime = Duration.minutes(10)

    package let id: String
    package let option: String
    package let kind: ProofKind
    package let masked: String
    /// What a right code proves; nil for a decoy.
    package let proof: Proof?
    package let digest: [UInt8]
    package let expiresAt: Timestamp
  }

  /// The page that is due.
  package enum Step: String, Sendable, Equatable {
    case verify, options
    case issuedCode = "issued-code"
    case recoveryCode = "recovery-code"
    case weighing
    case newPassword = "new-password"
    case ended
  }

  package enum Event: Sendable {
    case differentOption
    case noneOfThese
    case sent(SentCode)
    case proved(Evidence)
    case acceptWait
    case moreEvidence
    case ended
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
    case .weighing: .weighing
    case .choosingPassword: .newPassword
    case .ended: .ended
    }
  }

  /// What is looked up: the same for every spelling of one name.
  package var lookupName: String { Username.lookup(username) }

  /// Walks on. The form to choose a password is reached through the policy alone.
  /// - Throws: `Refusal.outOfStep` for an event that this state does not know, `.notEnough`, `.changedMeanwhile`,
  ///   `.expired`.
  package mutating func receive(
    _ event: Event, about facts: AccountFacts?, strict: Bool, at now: Timestamp
  ) throws(Refusal) {
    if case .ended = state { throw .outOfStep }
    switch event {
    case .differentOption: state = .listing
    case .noneOfThese: state = .enteringRecoveryCode
    case .sent(let code): state = .awaitingIssuedCode(code)
    case .proved(let item):
      evidence.removeAll { $0.proof == item.proof }
      evidence.append(item)
      let outcome = try decision(about: facts, strict: strict, at: now).outcome
      state = outcome == .now ? .choosingPassword(.now) : .weighing
    case .acceptWait:
      guard try decision(about: facts, strict: strict, at: now).outcome != .notEnough else {
        throw .notEnough
      }
      state = .choosingPassword(.held)
    case .moreEvidence:
      guard !evidence.isEmpty else { throw .outOfStep }
      state = .weighing
    case .ended:
      guard case .choosingPassword(let accepted) = state else { throw .outOfStep }
      let outcome = try decision(about: facts, strict: strict, at: now).outcome
      // Nobody waits who did not agree to, because one of two proofs grew too old on the last page.
      if accepted == .now, case .held = outcome { throw .expired }
      guard outcome != .notEnough else { throw .notEnough }
      state = .ended
    }
  }

  /// What the policy says of everything shown so far, against the facts of this moment.
  /// - Throws: `Refusal.changedMeanwhile` when the account is not at the version this journey began with, `.expired`
  ///   when the evidence is too old.
  package func decision(about facts: AccountFacts?, strict: Bool, at now: Timestamp) throws(Refusal)
    -> RecoveryPolicy.Decision
  {
    // Before the first proof nothing is said about the account, not even that it changed (S6).
    guard let target, let facts, !evidence.isEmpty else {
      return RecoveryPolicy.Decision(outcome: .notEnough, row: 10)
    }
    guard facts.account.id == target.account, facts.account.version == target.version else {
      throw .changedMeanwhile
    }
    guard evidence.contains(where: { $0.isFresh(at: now) }) else { throw .expired }
    return RecoveryPolicy.decide(
      twoStep: facts.account.twoStep, strict: strict,
      evidence: evidence.compactMap { facts.strength(of: $0, at: now) })
  }
}
