/// Prove again who you are before a sensitive page. Posts `return-to` with `username`, `password` and, with two-step
/// verification, `code`, or with `credential` and `request`, to `/step-up`.
package struct StepUpPage: Page {
  package static let template = "sign-in/step-up"

  package var username: String
  /// A path of this service.
  package var returnTo: String
  /// Catalogue: `account.stepUp.for.…`.
  package var purpose: String?
  /// False when only a passkey reaches the account's level.
  package var asksPassword: Bool
  package var asksCode: Bool
  /// Present when the account has passkeys.
  package var passkey: PasskeyForm?
  package var passwordError: String?
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String, returnTo: String, purpose: String? = nil, asksPassword: Bool = true,
    asksCode: Bool = false, passkey: PasskeyForm? = nil, passwordError: String? = nil,
    codeError: String? = nil, problem: String? = nil
  ) {
    self.username = username
    self.returnTo = returnTo
    self.purpose = purpose
    self.asksPassword = asksPassword
    self.asksCode = asksCode
    self.passkey = passkey
    self.passwordError = passwordError
    self.codeError = codeError
    self.problem = problem
  }
}
