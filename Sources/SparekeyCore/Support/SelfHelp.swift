/// Where someone is led before a person has to look at it (G3): the ways that need nobody, the best first. It asks only
/// what they say they have, so it tells nothing about any account (S6).
package enum SelfHelp: String, Sendable, CaseIterable {
  /// The way back, with what they have.
  case recover
  /// Signed in somewhere: *This wasn't me* in recent activity.
  case activity
  /// The questions of the sign-in helper.
  case signInHelper = "sign-in-helper"
  case forgottenUsername = "forgotten-username"
  /// A recovery waits already: its status, by the ticket.
  case hold

  /// What someone may still have.
  package enum Possession: String, Sendable, CaseIterable {
    case username, password, contact, app, passkey
    case recoveryCode = "recovery-code"
    case session, ticket

    /// Opens an account, or begins a wait.
    fileprivate var isProof: Bool { [.password, .contact, .app, .passkey, .recoveryCode].contains(self) }
  }

  package static func ways(
    for category: SupportCase.Category, having possessions: Set<Possession>
  ) -> [SelfHelp] {
    var ways: [SelfHelp] = []
    if possessions.contains(.ticket) { ways.append(.hold) }
    if possessions.contains(.session), category != .other { ways.append(.activity) }
    if category != .other {
      // Without a name nothing can be shown.
      if possessions.contains(.username), possessions.contains(where: \.isProof) { ways.append(.recover) }
      if !possessions.contains(.username), possessions.contains(.contact) { ways.append(.forgottenUsername) }
    }
    return ways.contains(.recover) || category == .other ? ways : ways + [.signInHelper]
  }
}
