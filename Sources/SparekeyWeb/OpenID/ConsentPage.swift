/// Whether an app may know who someone is. Posts `request` and `decision` (`allow`, `deny` or `other`) to
/// `/oauth2/consent`.
package struct ConsentPage: Page {
  package static let template = "apps/consent"

  /// The sealed request.
  package var request: String
  package var app: String
  package var username: String
  /// What the app asks for, each a line; catalogue: `apps.scope.…`.
  package var scopes: [String]
  /// It was allowed something before.
  package var isKnown: Bool
  /// It asks for someone else than who is signed in: there is nothing to allow.
  package var isOther: Bool
  /// Catalogue: `apps.consent.returnsTo` with `{address}`.
  package var returnsTo: String

  package init(
    request: String, app: String, username: String, scopes: [String], isKnown: Bool, isOther: Bool,
    returnsTo: String
  ) {
    self.request = request
    self.app = app
    self.username = username
    self.scopes = scopes
    self.isKnown = isKnown
    self.isOther = isOther
    self.returnsTo = returnsTo
  }
}

/// An app sent someone here to sign out. Posts `request` to `/oauth2/end-session/confirm`.
package struct AppSignOutPage: Page {
  package static let template = "apps/sign-out"

  package var request: String

  package init(request: String) { self.request = request }
}
