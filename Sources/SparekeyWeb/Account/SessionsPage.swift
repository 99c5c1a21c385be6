/// Where this account is signed in. *Sign out* posts `session` to `/account/sessions/end`, *Sign out
/// everywhere* posts to `/sign-out/everywhere`.
package struct SessionsPage: Page {
  package static let template = "account/sessions"

  package var sessions: [SessionRow]
  package var notice: String?

  package init(sessions: [SessionRow], notice: String? = nil) {
    self.sessions = sessions
    self.notice = notice
  }
}

/// One session.
package struct SessionRow: Sendable {
  package var id: String
  /// Such as "Firefox on Linux"; catalogue: `account.sessions.unknownDevice` when it is not known.
  package var device: String
  package var from: String?
  /// Catalogue: `account.sessions.signedIn` with `{date}`.
  package var signedIn: String
  /// Catalogue: `account.sessions.lastSeen` with `{date}`.
  package var lastSeen: String?
  /// The session that asks.
  package var current: Bool

  package init(
    id: String, device: String, from: String? = nil, signedIn: String, lastSeen: String? = nil,
    current: Bool = false
  ) {
    self.id = id
    self.device = device
    self.from = from
    self.signedIn = signedIn
    self.lastSeen = lastSeen
    self.current = current
  }
}
