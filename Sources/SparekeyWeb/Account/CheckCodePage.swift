/// *Check my code*: does the sheet still work? Posts `code` to `/account/check-code`; *Yes, use this code* posts the
/// suggested one.
package struct CheckCodePage: Page {
  package static let template = "account/check-code"

  /// The code there is; nothing can be checked without one.
  package var current: CodeState?
  /// As typed, so that nobody types 25 symbols twice.
  package var code: String
  package var codeError: String?
  /// The corrected code, when there is exactly one.
  package var suggestion: CodeSuggestion?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    current: CodeState?, code: String = "", codeError: String? = nil, suggestion: CodeSuggestion? = nil,
    problem: String? = nil
  ) {
    self.current = current
    self.code = code
    self.codeError = codeError
    self.suggestion = suggestion
    self.problem = problem
  }
}
