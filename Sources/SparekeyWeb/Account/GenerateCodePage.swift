/// Before a new recovery code is made. Posts `form` to `/account/recovery-code`.
package struct GenerateCodePage: Page {
  package static let template = "account/recovery-code"

  /// Makes the form good for one use.
  package var form: String
  /// The code that will stop working.
  package var current: CodeState?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(form: String, current: CodeState? = nil, problem: String? = nil) {
    self.form = form
    self.current = current
    self.problem = problem
  }
}
