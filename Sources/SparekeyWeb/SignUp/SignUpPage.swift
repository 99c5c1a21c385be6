/// Open an account. Posts `username`, `email` (may be empty) and `password` to `/sign-up`.
package struct SignUpPage: Page {
  package static let template = "sign-up/account"

  package var username: String
  package var email: String
  package var newPassword: NewPasswordField
  package var usernameError: String?
  package var emailError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String = "", email: String = "", newPassword: NewPasswordField, usernameError: String? = nil,
    emailError: String? = nil, problem: String? = nil
  ) {
    self.username = username
    self.email = email
    self.newPassword = newPassword
    self.usernameError = usernameError
    self.emailError = emailError
    self.problem = problem
  }
}
