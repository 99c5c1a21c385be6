/// *Do you have an account recovery code?* Posts `code` to `/recover/code`, with `journey` when there is
/// one and with `username` when the page asks for it.
///
/// *Yes, use this code* posts the suggested `code` the same way. *edit* posts `journey` to `/recover` with
/// `edit` = `yes`.
package struct CodePage: Page {
  package static let template = "recover/code"

  /// `nil` on arrival by the sheet's QR or address.
  package var journey: String?
  /// True while no name is known: the page then has a username field.
  package var asksUsername: Bool
  package var username: String
  package var usernameError: String?
  /// As typed, so that nobody types 25 symbols twice.
  package var code: String
  /// Catalogue: `recover.code.tooShort.many` and its neighbours, or `error.recoveryCode.…`.
  package var codeError: String?
  /// The corrected code, when there is exactly one.
  package var suggestion: CodeSuggestion?
  /// Something was shown already, so that there is another page to go back to.
  package var hasEvidence: Bool
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String? = nil, asksUsername: Bool = false, username: String = "",
    usernameError: String? = nil, code: String = "", codeError: String? = nil,
    suggestion: CodeSuggestion? = nil, hasEvidence: Bool = false, problem: String? = nil
  ) {
    self.journey = journey
    self.asksUsername = asksUsername
    self.username = username
    self.usernameError = usernameError
    self.code = code
    self.codeError = codeError
    self.suggestion = suggestion
    self.hasEvidence = hasEvidence
    self.problem = problem
  }
}

/// A corrected recovery code that waits for the person's yes.
package struct CodeSuggestion: Sendable {
  /// Catalogue: `recover.code.suggestionWrong` or `.suggestionUnreadable`.
  package var explanation: String
  /// The whole code, as the form sends it.
  package var code: String
  package var symbols: [SuggestedSymbol]

  package init(explanation: String, code: String, symbols: [SuggestedSymbol]) {
    self.explanation = explanation
    self.code = code
    self.symbols = symbols
  }
}

/// One of the 25 symbols of a suggestion.
package struct SuggestedSymbol: Sendable {
  package var symbol: String
  /// Differs from what was typed.
  package var changed: Bool
  /// The last of its five; false at the very end.
  package var endOfGroup: Bool

  package init(symbol: String, changed: Bool, endOfGroup: Bool) {
    self.symbol = symbol
    self.changed = changed
    self.endOfGroup = endOfGroup
  }
}
