/// Change the password. Posts `username` and `new-password` to `/account/password`.
package struct ChangePasswordPage: Page {
  package static let template = "account/password"

  package var username: String
  package var newPassword: NewPasswordField
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(username: String, newPassword: NewPasswordField, problem: String? = nil) {
    self.username = username
    self.newPassword = newPassword
    self.problem = problem
  }
}
