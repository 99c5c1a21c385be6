/// The new recovery code, shown once.
package struct CodeMadePage: Page {
  package static let template = "account/recovery-code-made"

  package var sheet: CodeSheet
  /// Catalogue: `account.codeMade.replaced` with `{serial}`.
  package var replaced: String?

  package init(sheet: CodeSheet, replaced: String? = nil) {
    self.sheet = sheet
    self.replaced = replaced
  }
}
