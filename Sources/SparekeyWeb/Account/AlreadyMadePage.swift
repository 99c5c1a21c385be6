/// The form that makes a code was sent twice; the code of the first time stays valid.
package struct AlreadyMadePage: Page {
  package static let template = "account/already-made"

  package var code: CodeState?

  package init(code: CodeState? = nil) {
    self.code = code
  }
}
