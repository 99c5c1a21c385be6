/// Where a recovery stands, as pages and API show it.
package struct RecoveryProgress: Sendable {
  /// The sealed journey, for the next step.
  package let journey: String
  package let step: RecoveryAttempt.Step
  package let username: String
  package let options: [VerificationOption]
  package let evidence: [ProofKind]
  /// The masked address whose code was entered.
  package let provedAddress: String?
  /// The masked address that a code was sent to, if it is right.
  package let sentTo: String?
  package let sentOption: String?
  package let sentKind: ProofKind?
  /// What the policy says of the evidence; nil before the first.
  package let decision: RecoveryPolicy.Decision?
  /// When it would take effect; nil when it would not.
  package let effectiveAt: Timestamp?
  /// H4: faster ways than what was shown so far; before the first proof those of accounts in general.
  package let forecast: [RecoveryPolicy.Forecast]
  /// Someone's recovery waits already. Known only to someone with evidence.
  package let runningHold: RunningHold?
  /// Known only to someone with evidence (S6).
  package let twoStep: Bool
  /// H13: two-step verification and whatever else is younger than the recovery code goes at the end.
  package let suspends: Bool

  /// The password may stay as it is: it was shown, and the factors are what is lost.
  package var mayKeepPassword: Bool { evidence.contains(.password) && twoStep && !suspends }
}

/// A hold as another claimant may see it.
package struct RunningHold: Sendable {
  package let claimNumber: String
  package let hold: Hold
}

/// How a recovery came to its end.
package enum RecoveryEnd: Sendable {
  /// With two-step verification a session that has to settle the second factors comes with it.
  case recovered(ShownCode, StartedSession?)
  case held(HeldRecovery)
  /// Someone else's hold runs: it is paused, and both sides are told (H5, H9).
  case contested(RunningHold)
}

/// A recovery that waits, as its claimant sees it.
package struct HeldRecovery: Sendable {
  package let hold: Hold
  package let claimNumber: String
  /// The claimant's secret; shown here and never again. Nil for one who had it.
  package let ticket: String?

  init(_ hold: Hold, claimNumber: String, ticket: String?) {
    self.hold = hold
    self.claimNumber = claimNumber
    self.ticket = ticket
  }
}
