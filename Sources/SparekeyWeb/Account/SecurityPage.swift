/// *Manage how I sign in*.
///
/// Leads to `/account/email`, `/account/email/confirm?contact=…`, `/account/email/remove?contact=…`,
/// `/account/password`, `/account/activity`, `/account/sessions` and `/account/recovery-code`; *Sign out
/// everywhere* posts to `/sign-out/everywhere`.
package struct SecurityPage: Page {
  package static let template = "account/security"

  package var username: String
  /// In the order they were added.
  package var emails: [EmailRow]
  /// When, such as "Changed 3 May 2026"; catalogue: `account.security.passwordChanged`.
  package var passwordChanged: String?
  /// Whether two-step verification exists yet; without it its section is left out.
  package var showsTwoStep: Bool
  package var twoStepOn: Bool
  /// The live recovery code, `nil` when there is none.
  package var code: CodeState?
  /// Something that just happened, such as "Your email is confirmed."
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String, emails: [EmailRow], passwordChanged: String? = nil, showsTwoStep: Bool = false,
    twoStepOn: Bool = false, code: CodeState? = nil, notice: String? = nil, problem: String? = nil
  ) {
    self.username = username
    self.emails = emails
    self.passwordChanged = passwordChanged
    self.showsTwoStep = showsTwoStep
    self.twoStepOn = twoStepOn
    self.code = code
    self.notice = notice
    self.problem = problem
  }
}

/// One email on the security page.
package struct EmailRow: Sendable {
  package var id: String
  package var address: String
  /// Such as "Added 3 May 2026"; catalogue: `account.security.added`.
  package var since: String
  package var confirmed: Bool

  package init(id: String, address: String, since: String, confirmed: Bool) {
    self.id = id
    self.address = address
    self.since = since
    self.confirmed = confirmed
  }
}

/// What may be said about a recovery code that exists.
package struct CodeState: Sendable {
  package var serial: String
  package var madeOn: String

  package init(serial: String, madeOn: String) {
    self.serial = serial
    self.madeOn = madeOn
  }
}
