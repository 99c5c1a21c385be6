/// What the frame around every page shows; `shell` in the templates.
package struct Shell: Sendable {
  /// BCP 47 tag for `<html lang>`.
  package var language: String
  /// `ltr` or `rtl`.
  package var direction: String
  /// What the operator calls this service.
  package var serviceName: String
  /// The username of the session, which brings the *Sign out* button (`POST /sign-out`).
  package var signedInAs: String?
  /// Sent back by every form as `csrf`.
  package var csrf: String
  /// The path of this request, without its query.
  package var path: String

  package init(
    language: String, direction: String = "ltr", serviceName: String, signedInAs: String? = nil,
    csrf: String, path: String
  ) {
    self.language = language
    self.direction = direction
    self.serviceName = serviceName
    self.signedInAs = signedInAs
    self.csrf = csrf
    self.path = path
  }
}
