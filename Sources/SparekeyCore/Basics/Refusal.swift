import RecoveryCode

/// An expected "no", with what the person needs to go on. Faults (a broken disk, a bug) are other errors.
package enum Refusal: Error, Equatable, Sendable {
  /// Something typed cannot be accepted; nothing was lost.
  case field(Field, FieldProblem)
  /// Unknown name or wrong password: never which of the two (S6).
  case wrongNameOrPassword
  case wrongPassword
  /// The issued code is wrong or no longer valid.
  case issuedCodeWrong
  /// The typed code is no code; nothing was counted (C7).
  case codeUnreadable(ReadingProblem)
  /// The typed code is no code, but probably this one: to be confirmed by the person (C7).
  case codeSuggestion(Suggestion)
  /// A well-formed code that does not open this account.
  case codeWrong
  /// C10: this code was replaced by a newer one at that time.
  case codeReplaced(at: Timestamp)
  /// C10: this code was used at that time.
  case codeUsed(at: Timestamp)
  /// What was shown so far does not open the account under the policy.
  case notEnough
  /// Too many tries from here; the earliest useful next one.
  case slowDown(until: Timestamp)
  /// The service is at its limit for a moment (T9).
  case busy(retryAfterSeconds: Int)
  /// The journey or form is too old, or was not made here. A code typed in it was not used.
  case expired
  /// The account changed since the journey began; it has to start again. A code typed in it was not used.
  case changedMeanwhile
  /// The step asked for is not the one that is due.
  case outOfStep
  case notSignedIn
  /// A sensitive page needs a fresh proof of who is there (S7).
  case stepUpNeeded
  /// The one-use form was sent before (a page shown once is not shown twice).
  case alreadyDone
  /// The operator has closed sign-up (S8).
  case signUpClosed
  /// D4: the last confirmed way to prove who you are cannot go without a replacement.
  case lastProof
  case notFound
  /// The typed code of an authenticator app does not fit, or its step was used before.
  case totpWrong
  /// The passkey's answer cannot be accepted.
  case passkeyWrong(PasskeyProblem)
  /// Two-step verification needs a working second factor (S5), and keeps the last one.
  case secondFactorNeeded
  /// S9: the password is good only beside a second factor; a longer one has to be chosen first.
  case passwordTooShortAlone
  /// A recovery is waiting; other security changes wait too (H7).
  case holdRunning(until: Timestamp)
  /// The hold has ended.
  case holdOver
  /// H8: a proof younger than the hold can do nothing to it.
  case juniorProof
  case ticketWrong
  /// D2: the account is frozen; only proofs older than what it was frozen for can change that.
  case frozen
  /// Signed in after a recovery: the old second factors come first.
  case factorsUnsettled
  /// An Idempotency-Key that came before with another body.
  case keyReused
  /// Not for sessions: the operator API has tokens of its own.
  case operatorsOnly
  /// The operator's token was deleted, is over, or never was.
  case tokenUnknown
  /// The operator's token does not cover this.
  case scopeMissing(OperatorScope)
  /// The app is described in the configuration file, and is changed there.
  case clientFromFile
  /// A public client has no secret.
  case clientIsPublic
  /// Support does not do this (G3, G4).
  case support(SupportProblem)
}
