/// What someone can do who cannot sign in.
package struct SignInHelpPage: Page {
  package static let template = "help/sign-in"

  /// How to reach the operator, as text.
  package var operatorContact: String?
  /// The same as a link (`mailto:` or `https:`), when it can be one.
  package var operatorLink: String?

  package init(operatorContact: String? = nil, operatorLink: String? = nil) {
    self.operatorContact = operatorContact
    self.operatorLink = operatorLink
  }
}
