/// THE table (H3): which evidence opens which account, and when. Enforcement, forecast, pages, API and tests are
/// queries on it; no outcome is decided anywhere else.
package enum RecoveryPolicy {
  /// From the fastest to none.
  package enum Outcome: Sendable, Comparable, Hashable {
    /// A new password takes effect at once.
    case now
    /// It takes effect after a wait, and the owner can stop it.
    case held(Wait)
    /// This evidence does not open the account.
    case notEnough
  }

  /// How long a recovery is held, as a part of the hold period (30 days unless the operator chose otherwise).
  package enum Wait: String, Sendable, Comparable, Hashable, Codable, CaseIterable {
    /// 7 of 30 days.
    case short
    /// All 30 days.
    case full

    package static func < (left: Wait, right: Wait) -> Bool { left == .short && right == .full }

    package func duration(of period: Duration) -> Duration {
      switch self {
      case .short: .milliseconds(period.milliseconds * 7 / 30)
      case .full: period
      }
    }
  }

  /// One thing that has to be shown.
  package enum Requirement: String, Sendable, CaseIterable {
    /// Any live code.
    case recoveryCode = "recovery-code"
    /// A live code that was not made before a backup was restored.
    case currentCode = "current-code"
    /// H13: a live code from before two-step verification, which was turned on less than 30 days ago.
    case codeBeforeTwoStep = "code-before-two-step"
    /// O5: a live code from before a backup was restored.
    case codeBeforeRestore = "code-before-restore"
    case seniorEmail = "senior-email"
    case seniorPhone = "senior-phone"
    case seniorPassword = "senior-password"
    case seniorTOTP = "senior-totp"
    case seniorPasskey = "senior-passkey"
    case email, phone, password, totp, passkey

    package func isMet(by evidence: EvidenceStrength) -> Bool {
      switch self {
      case .recoveryCode: evidence.kind == .recoveryCode
      case .currentCode: evidence.kind == .recoveryCode && evidence.code != .beforeRestore
      case .codeBeforeTwoStep: evidence.kind == .recoveryCode && evidence.code == .beforeTwoStep
      case .codeBeforeRestore: evidence.kind == .recoveryCode && evidence.code == .beforeRestore
      case .seniorEmail: evidence.kind == .email && evidence.isSenior
      case .seniorPhone: evidence.kind == .phone && evidence.isSenior
      case .seniorPassword: evidence.kind == .password && evidence.isSenior
      case .seniorTOTP: evidence.kind == .totp && evidence.isSenior
      case .seniorPasskey: evidence.kind == .passkey && evidence.isSenior
      case .email: evidence.kind == .email
      case .phone: evidence.kind == .phone
      case .password: evidence.kind == .password
      case .totp: evidence.kind == .totp
      case .passkey: evidence.kind == .passkey
      }
    }
  }

  package struct Row: Sendable {
    /// What strict mode makes of a row (H2).
    package enum WhenStrict: Sendable, Equatable {
      case same
      case held
      /// The row is not there.
      case ignored
    }

    /// The row's number in `docs/policy.md`.
    package let number: Int
    /// Accounts with two-step verification on, off, or both.
    package let twoStep: Bool?
    /// Any one of these sets suffices. Within a set every requirement is of another kind, so that one mailbox or
    /// one phone never counts twice.
    package let anyOf: [[Requirement]]
    package let outcome: Outcome
    package var whenStrict = WhenStrict.same

    package func isMet(by evidence: [EvidenceStrength]) -> Bool {
      anyOf.contains { $0.allSatisfy { need in evidence.contains(where: need.isMet) } }
    }

    package func outcome(strict: Bool) -> Outcome? {
      guard strict else { return outcome }
      switch whenStrict {
      case .same: return outcome
      case .held: return .held(.full)
      case .ignored: return nil
      }
    }
  }

  /// The fastest row whose requirements are met decides.
  package static let table: [Row] = [
    Row(
      number: 1, twoStep: false, anyOf: [[.currentCode], [.seniorEmail], [.seniorPhone], [.seniorPasskey]],
      outcome: .now),
    Row(number: 2, twoStep: false, anyOf: [[.email], [.phone], [.passkey], [.totp]], outcome: .held(.full)),
    Row(
      number: 3, twoStep: true,
      anyOf: [.seniorPassword, .seniorTOTP, .seniorPasskey, .seniorEmail, .seniorPhone].map {
        [.recoveryCode, $0]
      },
      outcome: .now, whenStrict: .held),
    Row(
      number: 4, twoStep: true,
      anyOf: [[.seniorPasskey], [.seniorTOTP, .seniorEmail], [.seniorTOTP, .seniorPhone]], outcome: .now),
    Row(
      number: 5, twoStep: true,
      anyOf: [
        [.seniorPassword, .seniorEmail], [.seniorPassword, .seniorPhone], [.seniorEmail, .seniorPhone],
      ],
      outcome: .held(.short)),
    Row(number: 6, twoStep: true, anyOf: [[.recoveryCode]], outcome: .held(.full)),
    Row(
      number: 7, twoStep: true, anyOf: [[.seniorEmail], [.seniorPhone], [.seniorTOTP], [.password]],
      outcome: .held(.full)),
    Row(number: 8, twoStep: true, anyOf: [[.codeBeforeTwoStep]], outcome: .now, whenStrict: .ignored),
    Row(number: 9, twoStep: nil, anyOf: [[.codeBeforeRestore]], outcome: .held(.full)),
    Row(number: 10, twoStep: nil, anyOf: [[]], outcome: .notEnough),
  ]

  /// What the table says, and the number of the row that says it.
  package struct Decision: Sendable, Equatable {
    package let outcome: Outcome
    package let row: Int
  }

  package static func decide(twoStep: Bool, strict: Bool, evidence: [EvidenceStrength]) -> Decision {
    let decisions = rows(twoStep: twoStep, strict: strict).filter { $0.row.isMet(by: evidence) }
    let fastest = decisions.min { ($0.outcome, $0.row.number) < ($1.outcome, $1.row.number) }
    return fastest.map { Decision(outcome: $0.outcome, row: $0.row.number) }
      ?? Decision(outcome: .notEnough, row: 10)
  }

  /// H4: what opens an account of this kind, from the fastest. Before the first proof it is asked about accounts in
  /// general, so that it says nothing about the one typed in (S6).
  /// - Parameter shown: what was shown already; rows that it leads to get shorter, slower ones fall away.
  package static func forecast(twoStep: Bool, strict: Bool, shown: [EvidenceStrength] = []) -> [Forecast] {
    let decided = decide(twoStep: twoStep, strict: strict, evidence: shown).outcome
    return rows(twoStep: twoStep, strict: strict).filter { $0.outcome < decided }
      .sorted { ($0.outcome, $0.row.number) < ($1.outcome, $1.row.number) }
      .flatMap { row, outcome in
        row.anyOf.map { set in
          Forecast(
            outcome: outcome, row: row.number,
            missing: set.filter { need in !shown.contains(where: need.isMet) })
        }
      }
  }

  /// One way to an outcome: what is still to be shown for it.
  package struct Forecast: Sendable, Equatable {
    package let outcome: Outcome
    package let row: Int
    package let missing: [Requirement]
  }

  private static func rows(twoStep: Bool, strict: Bool) -> [(row: Row, outcome: Outcome)] {
    table.filter { ($0.twoStep ?? twoStep) == twoStep }
      .compactMap { row in row.outcome(strict: strict).map { (row, $0) } }
  }
}
