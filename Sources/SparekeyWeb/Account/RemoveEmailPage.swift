/// Remove an email, after a yes. Posts `contact` to `/account/email/remove`.
package struct RemoveEmailPage: Page {
  package static let template = "account/remove-email"

  package var contact: String
  /// Catalogue: `account.removeEmail.question` with `{address}`.
  package var question: String
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(contact: String, question: String, problem: String? = nil) {
    self.contact = contact
    self.question = question
    self.problem = problem
  }
}
