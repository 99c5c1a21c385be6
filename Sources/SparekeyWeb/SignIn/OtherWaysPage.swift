/// The ways to sign in besides the one just offered.
///
/// *Use my password* posts `journey` (and no password) to `/sign-in/password`, *Use a recovery code* posts
/// it to `/recover/code/start`, *edit* to `/sign-in` with `edit` = `yes`.
package struct OtherWaysPage: Page {
  package static let template = "sign-in/other-ways"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String

  package init(journey: String, username: String) {
    self.journey = journey
    self.username = username
  }
}
