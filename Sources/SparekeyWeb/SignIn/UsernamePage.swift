/// The first step of signing in. Posts `username` to `/sign-in`; *Sign in with a passkey* posts `credential` and
/// `request` to `/sign-in/passkey`.
package struct UsernamePage: Page {
  package static let template = "sign-in/username"

  package var username: String
  /// Whether new accounts may be opened here.
  package var signUpOpen: Bool
  package var passkey: PasskeyForm
  package var usernameError: String?
  /// Something that just happened, such as "You are signed out."
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String = "", signUpOpen: Bool = true, passkey: PasskeyForm, usernameError: String? = nil,
    notice: String? = nil, problem: String? = nil
  ) {
    self.username = username
    self.signUpOpen = signUpOpen
    self.passkey = passkey
    self.usernameError = usernameError
    self.notice = notice
    self.problem = problem
  }
}
