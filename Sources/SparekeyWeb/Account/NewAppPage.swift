/// Add an authenticator app. Posts `name` to `/account/authenticator-app`.
package struct NewAppPage: Page {
  package static let template = "account/new-app"

  /// The page this one belongs to.
  package var back: String
  package var name: String
  package var nameError: String?

  package init(back: String, name: String = "", nameError: String? = nil) {
    self.back = back
    self.name = name
    self.nameError = nameError
  }
}

/// A new authenticator app before its first code. Posts `app` and `code` to `/account/authenticator-app/confirm`.
package struct ConfirmAppPage: Page {
  package static let template = "account/confirm-app"

  /// The page this one belongs to.
  package var back: String
  /// The id of the app.
  package var app: String
  /// The picture to scan, an `<svg>` element.
  package var qr: String
  /// The same for typing, in groups of four.
  package var secret: String
  /// The same as a link, for an app on this device.
  package var uri: String
  package var codeError: String?

  package init(back: String, app: String, qr: String, secret: String, uri: String, codeError: String? = nil) {
    self.back = back
    self.app = app
    self.qr = qr
    self.secret = secret
    self.uri = uri
    self.codeError = codeError
  }
}
