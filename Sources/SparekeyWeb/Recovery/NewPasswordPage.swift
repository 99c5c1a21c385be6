/// Choose a new password at the end of a recovery. Posts `journey`, `username` and `new-password` to
/// `/recover/new-password`.
package struct NewPasswordPage: Page {
  package static let template = "recover/new-password"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  /// What was accepted, such as "Recovery code accepted"; catalogue: `recover.evidence.…`.
  package var evidence: [String]
  package var newPassword: NewPasswordField
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, evidence: [String], newPassword: NewPasswordField,
    problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.evidence = evidence
    self.newPassword = newPassword
    self.problem = problem
  }
}
