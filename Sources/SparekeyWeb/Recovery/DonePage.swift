/// The password is changed; here is the new recovery code.
package struct DonePage: Page {
  package static let template = "recover/done"

  package var username: String
  package var sheet: CodeSheet

  package init(username: String, sheet: CodeSheet) {
    self.username = username
    self.sheet = sheet
  }
}
