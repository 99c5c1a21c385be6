/// *Forgot your username?* (G2). Posts `contact`, an email or phone, to `/help/username`.
package struct ForgottenUsernamePage: Page {
  package static let template = "help/username"

  package var contact: String
  package var contactError: String?

  package init(contact: String = "", contactError: String? = nil) {
    self.contact = contact
    self.contactError = contactError
  }
}
