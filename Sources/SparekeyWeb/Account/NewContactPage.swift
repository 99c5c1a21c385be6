/// Add an email or a phone. Posts `kind` and `email` or `phone` to `/account/contact`.
package struct NewContactPage: Page {
  package static let template = "account/new-contact"

  package var isPhone: Bool
  package var email: String
  package var phone: String
  package var emailError: String?
  package var phoneError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    isPhone: Bool, typed: String = "", emailError: String? = nil, phoneError: String? = nil,
    problem: String? = nil
  ) {
    self.isPhone = isPhone
    email = isPhone ? "" : typed
    phone = isPhone ? typed : ""
    self.emailError = emailError
    self.phoneError = phoneError
    self.problem = problem
  }
}
