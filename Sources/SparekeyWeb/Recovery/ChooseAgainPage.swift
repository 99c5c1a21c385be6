/// The claimant forgot the new password while it waited. First posts `ticket`, then `ticket`, `code` and `new-password`
/// to `/holds/{id}/choose-again`.
package struct ChooseAgainPage: Page {
  package static let template = "recover/choose-again"

  /// `/holds/{id}/choose-again`.
  package var path: String
  package var ticket: String = ""
  package var ticketError: String?
  /// "We sent a code to ma•••@e•••.com"; nil before the ticket was checked.
  package var sentTo: String?
  package var codeError: String?
  package var newPassword: NewPasswordField
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}
