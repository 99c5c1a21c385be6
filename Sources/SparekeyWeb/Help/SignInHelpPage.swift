/// The sign-in helper (G1). Posts `username` (may be empty), one field for each thing the person still has, and
/// `two-step` (`yes`, `no`, `unknown`) to `/help/sign-in`.
package struct SignInHelpPage: Page {
  package static let template = "help/sign-in"

  package var username: String
  package var usernameError: String?
  package var things: [Choice]
  package var twoStep: [Choice]
  /// The answer; empty before anything was asked.
  package var advice: [AdviceCard]
  /// How to reach the operator, as text.
  package var operatorContact: String?
  /// The same as a link (`mailto:` or `https:`), when it can be one.
  package var operatorLink: String?

  package init(
    username: String = "", usernameError: String? = nil, things: [Choice], twoStep: [Choice],
    advice: [AdviceCard] = [], operatorContact: String? = nil, operatorLink: String? = nil
  ) {
    self.username = username
    self.usernameError = usernameError
    self.things = things
    self.twoStep = twoStep
    self.advice = advice
    self.operatorContact = operatorContact
    self.operatorLink = operatorLink
  }
}

/// The fastest way, and a button that begins it.
package struct AdviceCard: Sendable {
  /// For which accounts it holds; nil when for all.
  package var account: String?
  package var way: String
  /// What would be faster, or what it takes.
  package var lines: [String]
  package var startLabel: String
  /// A page to go to, or a form to send the typed name to.
  package var startPath: String
  /// Nil when no name was typed: then `startPath` is a link.
  package var username: String?

  package init(
    account: String? = nil, way: String, lines: [String] = [], startLabel: String, startPath: String,
    username: String? = nil
  ) {
    self.account = account
    self.way = way
    self.lines = lines
    self.startLabel = startLabel
    self.startPath = startPath
    self.username = username
  }
}
