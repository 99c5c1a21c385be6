/// Confirm an email or phone with the six digits sent to it. Posts `contact` and `code` to `/account/contact/confirm`;
/// *Send it again* posts `contact` and `resend` = `yes` to the same path.
package struct ConfirmContactPage: Page {
  package static let template = "account/confirm-contact"

  package var title: String
  /// The id of the email or phone.
  package var contact: String
  /// Catalogue: `account.confirmContact.sentTo` with `{address}`.
  package var sentTo: String
  /// Catalogue: `account.confirmContact.why.…`.
  package var why: String
  package var isPhone: Bool
  package var notice: String?
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    title: String, contact: String, sentTo: String, why: String, isPhone: Bool, notice: String? = nil,
    codeError: String? = nil, problem: String? = nil
  ) {
    self.title = title
    self.contact = contact
    self.sentTo = sentTo
    self.why = why
    self.isPhone = isPhone
    self.notice = notice
    self.codeError = codeError
    self.problem = problem
  }
}
