/// Prove again who you are before a sensitive page. Posts `username`, `password` and `return-to` to
/// `/step-up`.
package struct StepUpPage: Page {
  package static let template = "account/step-up"

  package var username: String
  /// A path of this service.
  package var returnTo: String
  /// Catalogue: `account.stepUp.for.…`.
  package var purpose: String?
  package var passwordError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String, returnTo: String, purpose: String? = nil, passwordError: String? = nil,
    problem: String? = nil
  ) {
    self.username = username
    self.returnTo = returnTo
    self.purpose = purpose
    self.passwordError = passwordError
    self.problem = problem
  }
}
