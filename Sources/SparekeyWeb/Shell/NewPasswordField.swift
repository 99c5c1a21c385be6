/// The field where a new password is chosen: sign-up, recovery and changing it share it.
package struct NewPasswordField: Sendable {
  /// Catalogue: `newPassword.hint` with `{count}`.
  package var hint: String
  /// For the strength meter in the browser.
  package var minimumLength: Int
  /// A passphrase the person may take over.
  package var suggestion: String?
  /// Catalogue: `error.newPassword.…`.
  package var error: String?

  package init(hint: String, minimumLength: Int, suggestion: String? = nil, error: String? = nil) {
    self.hint = hint
    self.minimumLength = minimumLength
    self.suggestion = suggestion
    self.error = error
  }
}
