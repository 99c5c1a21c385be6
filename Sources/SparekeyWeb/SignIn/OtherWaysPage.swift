/// The ways to sign in besides the one just offered.
///
/// *Use my password* posts `journey` (and no password) to `/sign-in/password`, *Use a recovery code* posts
/// it to `/recover/code/start`, *edit* to `/sign-in` with `edit` = `yes`, *Use a passkey* with `credential` and
/// `request` to `/sign-in/passkey`.
package struct OtherWaysPage: Page {
  package static let template = "sign-in/other-ways"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var passkey: PasskeyForm

  package init(journey: String, username: String, passkey: PasskeyForm) {
    self.journey = journey
    self.username = username
    self.passkey = passkey
  }
}
