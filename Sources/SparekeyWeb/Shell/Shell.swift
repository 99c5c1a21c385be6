/// What changes in the frame around every page; `shell` in the templates. `shell.serviceName` and the language are the
/// same on all pages: the renderer puts them into the templates.
package struct Shell: Sendable {
  /// The username of the session, which brings the *Sign out* button (`POST /sign-out`).
  package var signedInAs: String?
  /// Sent back by every form as `csrf`.
  package var csrf: String

  package init(signedInAs: String? = nil, csrf: String = "") {
    self.signedInAs = signedInAs
    self.csrf = csrf
  }

  /// What templates see, without a look by reflection: it is on every page.
  var value: TemplateValue {
    var members = ["csrf": TemplateValue.text(csrf)]
    members["signedInAs"] = signedInAs.map { .text($0) }
    return .members(members)
  }
}
