/// Which proofs may decide alone (H8): those that were there for 30 days before they are needed, so that what an
/// attacker added yesterday cannot overrule what the owner has had for years.
package enum Seniority {
  package static let period = Duration.days(30)
  /// What is set up on the day of sign-up was "present since sign-up": nobody finishes in one page.
  package static let signUpDay = Duration.days(1)

  /// Whether a proof is senior at `now`. Proofs present since sign-up count as senior while the account has none
  /// older than the period.
  package static func isSenior(
    since: Timestamp, fromSignUp: Bool, among all: [Timestamp], at now: Timestamp
  ) -> Bool {
    if since + period <= now { return true }
    return fromSignUp && !all.contains { $0 + period <= now }
  }
}
