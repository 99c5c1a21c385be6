/// The second step of signing in. Posts `journey`, `username`, `password` to `/sign-in/password`.
///
/// Its other controls post `journey`: *Other ways to sign in* to `/sign-in/other-ways`, *Forgot password?*
/// to `/recover`, *Use a recovery code* to `/recover/code/start`, *edit* to `/sign-in` with `edit` = `yes`, *Sign in
/// with a passkey* with `credential` and `request` to `/sign-in/passkey`.
package struct PasswordPage: Page {
  package static let template = "sign-in/password"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  /// As the person typed it.
  package var username: String
  package var passkey: PasskeyForm
  package var passwordError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, passkey: PasskeyForm, passwordError: String? = nil,
    problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.passkey = passkey
    self.passwordError = passwordError
    self.problem = problem
  }
}
