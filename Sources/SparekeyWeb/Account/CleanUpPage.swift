/// *This wasn't me*, before it happens. Posts `event` to `/account/activity/not-me`.
package struct NotMePage: Page {
  package static let template = "account/not-me"

  package var event: Int
  package var entry: ActivityRow

  package init(event: Int, entry: ActivityRow) {
    self.event = event
    self.entry = entry
  }
}

/// What was added lately, to be kept or removed. *Set the account going again* posts to `/account/clean-up`, *Sign out*
/// posts `session` and `from` = `clean-up` to `/account/sessions/end`, *Remove* beside an app `app` and `from` to
/// `/account/apps/remove`.
package struct CleanUpPage: Page {
  package static let template = "account/clean-up"

  /// Catalogue: `account.cleanUp.since` with `{date}`.
  package var since: String
  package var added: [CleanUpRow]
  /// Allowed lately.
  package var apps: [AppRow]
  /// Other ones than this.
  package var sessions: [SessionRow]
  /// While it stands still nothing can be removed.
  package var isFrozen: Bool
  package var notice: String?

  package init(
    since: String, added: [CleanUpRow], apps: [AppRow] = [], sessions: [SessionRow], isFrozen: Bool,
    notice: String? = nil
  ) {
    self.since = since
    self.added = added
    self.apps = apps
    self.sessions = sessions
    self.isFrozen = isFrozen
    self.notice = notice
  }
}

/// One way to prove who one is that came lately.
package struct CleanUpRow: Sendable {
  /// Such as `email:ID`.
  package var proof: String
  package var label: String
  package var facts: String

  package init(proof: String, label: String, facts: String) {
    self.proof = proof
    self.label = label
    self.facts = facts
  }
}
