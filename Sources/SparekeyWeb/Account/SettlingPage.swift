/// After a recovery, before anything else: are the second factors still yours? Posts `code`, or `credential` and
/// `request`, to `/account/factors`; `proof` to `/account/factors/remove`; *Done* posts to `/account/factors/done`.
package struct SettlingPage: Page {
  package static let template = "account/factors"

  package var factors: [SettlingRow]
  /// Whether an app waits for a code of it.
  package var asksCode: Bool
  /// Present while a passkey waits to be used.
  package var passkey: PasskeyForm?
  package var isDone: Bool
  package var codeError: String?
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    factors: [SettlingRow], asksCode: Bool, passkey: PasskeyForm? = nil, isDone: Bool,
    codeError: String? = nil, notice: String? = nil, problem: String? = nil
  ) {
    self.factors = factors
    self.asksCode = asksCode
    self.passkey = passkey
    self.isDone = isDone
    self.codeError = codeError
    self.notice = notice
    self.problem = problem
  }
}

/// One second factor.
package struct SettlingRow: Sendable {
  package var proof: String
  package var name: String
  /// Catalogue: `account.factors.app` or `.passkey`, with `{date}`.
  package var facts: String
  /// Confirmed by use, or added just now.
  package var settled: Bool

  package init(proof: String, name: String, facts: String, settled: Bool) {
    self.proof = proof
    self.name = name
    self.facts = facts
    self.settled = settled
  }
}
