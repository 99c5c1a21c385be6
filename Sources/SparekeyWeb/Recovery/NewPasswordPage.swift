/// Choose a new password at the end of a recovery. Posts `journey`, `username` and `new-password` to
/// `/recover/new-password`; *Keep my password* sends `keep` = `yes` in its place.
///
/// For a recovery that waits also `contact`; while someone else's waits already also `ticket`.
package struct NewPasswordPage: Page {
  package static let template = "recover/new-password"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  /// What was accepted, such as "Recovery code accepted"; catalogue: `recover.evidence.…`.
  package var evidence: [String]
  package var newPassword: NewPasswordField
  /// What follows, when it follows at once.
  package var after: String?
  /// What follows when it has to wait.
  package var wait: WaitFacts?
  package var submitLabel: String
  /// Catalogue: `recover.newPassword.keep`; nil when the password has to change.
  package var keepLabel: String?
  package var contact: String = ""
  package var contactError: String?
  /// "A recovery is waiting already"; nil when none is.
  package var running: String?
  package var ticket: String = ""
  package var ticketError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// What a person agrees to who chooses a password that has to wait.
package struct WaitFacts: Sendable {
  package var effectiveAt: Moment
  /// "It takes effect in 30 days."
  package var line: String
}
