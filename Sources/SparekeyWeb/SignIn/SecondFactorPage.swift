/// The second step, with two-step verification. Posts `journey` with `code`, or with `credential` and `request`, to
/// `/sign-in/second-factor`; *I lost my second factor* posts `journey` to `/recover`.
package struct SecondFactorPage: Page {
  package static let template = "sign-in/second-factor"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  /// Whether the account has an authenticator app.
  package var hasApp: Bool
  /// Present when the account has passkeys.
  package var passkey: PasskeyForm?
  /// After a recovery that waited: `ticket` is posted to `/sign-in/ticket`.
  package var takesTicket: Bool
  package var codeError: String?
  package var ticketError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, hasApp: Bool, passkey: PasskeyForm? = nil, takesTicket: Bool = false,
    codeError: String? = nil, ticketError: String? = nil, problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.hasApp = hasApp
    self.passkey = passkey
    self.takesTicket = takesTicket
    self.codeError = codeError
    self.ticketError = ticketError
    self.problem = problem
  }
}
