/// Add an email. Posts `email` to `/account/email`.
package struct AddEmailPage: Page {
  package static let template = "account/add-email"

  package var email: String
  package var emailError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(email: String = "", emailError: String? = nil, problem: String? = nil) {
    self.email = email
    self.emailError = emailError
    self.problem = problem
  }
}
