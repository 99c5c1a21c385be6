/// Recovery begins without a name. Posts `username` (and `journey`, when there is one) to `/recover`.
package struct RecoverUsernamePage: Page {
  package static let template = "recover/username"

  package var journey: String?
  package var username: String
  package var usernameError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String? = nil, username: String = "", usernameError: String? = nil, problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.usernameError = usernameError
    self.problem = problem
  }
}
