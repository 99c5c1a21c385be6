/// THE table (H3): which evidence opens which account, and when. Enforcement, forecast, pages, API and tests are
/// queries on it; no outcome is decided anywhere else.
package enum RecoveryPolicy {
  package enum Outcome: Sendable, Equatable, Hashable {
    /// A new password takes effect at once.
    case now
    /// This evidence does not open the account.
    case notEnough
  }

  package enum Requirement: String, Sendable, CaseIterable {
    case recoveryCode = "recovery-code"
    case seniorEmail = "senior-email"

    func isMet(by evidence: EvidenceStrength) -> Bool {
      switch self {
      case .recoveryCode: evidence.kind == .recoveryCode
      case .seniorEmail: evidence.kind == .email && evidence.isSenior
      }
    }
  }

  package struct Row: Sendable {
    /// The row's number in `docs/policy.md`.
    package let number: Int
    package let twoStep: Bool?
    /// Any one of these suffices; empty means that nothing is required.
    package let anyOf: [Requirement]
    package let outcome: Outcome
  }

  /// Read from the top; the first row whose requirements are met decides. Accounts with two-step verification, and
  /// evidence younger than 30 days, have rows of their own once a recovery can be held.
  package static let table: [Row] = [
    Row(number: 1, twoStep: false, anyOf: [.recoveryCode, .seniorEmail], outcome: .now),
    Row(number: 10, twoStep: nil, anyOf: [], outcome: .notEnough),
  ]

  package static func outcome(twoStep: Bool, evidence: [EvidenceStrength]) -> Outcome {
    let row = table.first { row in
      (row.twoStep ?? twoStep) == twoStep
        && (row.anyOf.isEmpty || row.anyOf.contains { need in evidence.contains { need.isMet(by: $0) } })
    }
    return row?.outcome ?? .notEnough
  }

  /// H4: what would open an account of this kind at once. Before the first proof it is asked about accounts in
  /// general, so that it says nothing about the one typed in (S6).
  package static func opensNow(twoStep: Bool = false) -> [Requirement] {
    table.filter { ($0.twoStep ?? twoStep) == twoStep && $0.outcome == .now }.flatMap(\.anyOf)
  }
}
