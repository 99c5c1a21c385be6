/// Add a passkey. Posts `name`, `credential` and `request` to `/account/passkey`.
package struct NewPasskeyPage: Page {
  package static let template = "account/new-passkey"

  /// The page this one belongs to.
  package var back: String
  package var name: String
  package var passkey: PasskeyForm
  package var nameError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    back: String, name: String = "", passkey: PasskeyForm, nameError: String? = nil, problem: String? = nil
  ) {
    self.back = back
    self.name = name
    self.passkey = passkey
    self.nameError = nameError
    self.problem = problem
  }
}
