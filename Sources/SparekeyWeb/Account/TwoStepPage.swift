/// Two-step verification. Posts `two-step` = `on` or `off` to `/account/two-step`.
package struct TwoStepPage: Page {
  package static let template = "account/two-step"

  package var isOn: Bool
  /// Catalogue: `account.twoStep.since` with `{date}`.
  package var since: String?
  /// Whether a second factor works; without one it cannot be turned on.
  package var hasFactor: Bool
  package var hasCode: Bool
  /// What a recovery code means beside it, alone and with something else (H2).
  package var codeAlone: String
  package var codeTogether: String
  /// H13: that the code made before keeps its former right.
  package var olderCode: String?
  package var passwordTooShort: Bool
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    isOn: Bool, since: String? = nil, hasFactor: Bool, hasCode: Bool, codeAlone: String, codeTogether: String,
    olderCode: String? = nil, passwordTooShort: Bool = false, notice: String? = nil, problem: String? = nil
  ) {
    self.isOn = isOn
    self.since = since
    self.hasFactor = hasFactor
    self.hasCode = hasCode
    self.codeAlone = codeAlone
    self.codeTogether = codeTogether
    self.olderCode = olderCode
    self.passwordTooShort = passwordTooShort
    self.notice = notice
    self.problem = problem
  }
}
