/// The password is changed; here is the new recovery code.
package struct DonePage: Page {
  package static let template = "recover/done"

  package var username: String
  package var sheet: CodeSheet
  /// With two-step verification the way leads on to the second factors, signed in already.
  package var settlesFactors: Bool

  package init(username: String, sheet: CodeSheet, settlesFactors: Bool) {
    self.username = username
    self.sheet = sheet
    self.settlesFactors = settlesFactors
  }
}
