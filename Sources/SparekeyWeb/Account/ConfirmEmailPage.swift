/// Confirm an email with the six digits sent to it. Posts `contact` and `code` to `/account/email/confirm`;
/// *Send it again* posts `contact` and `resend` = `yes` to the same path.
package struct ConfirmEmailPage: Page {
  package static let template = "account/confirm-email"

  /// The id of the email.
  package var contact: String
  /// Catalogue: `account.confirmEmail.sentTo` with `{address}`.
  package var sentTo: String
  package var notice: String?
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    contact: String, sentTo: String, notice: String? = nil, codeError: String? = nil,
    problem: String? = nil
  ) {
    self.contact = contact
    self.sentTo = sentTo
    self.notice = notice
    self.codeError = codeError
    self.problem = problem
  }
}
