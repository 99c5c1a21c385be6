import SparekeyCore

/// The recovery policy in words (H3): made from `RecoveryPolicy.table` and the catalogue, for the help page,
/// `docs/policy.md` and the command line.
package struct PolicyTable: Sendable {
  package struct Row: Sendable, Encodable {
    /// The row's number in the table.
    package let row: Int
    /// Which accounts it is about, in words.
    package let account: String
    /// Any one of these suffices; within one, all of it is needed. In words.
    package let evidence: [String]
    /// The same as the names of requirements.
    package let requirements: [[String]]
    /// In words, with the period that is in force.
    package let outcome: String
    /// In strict mode, in words.
    package let strict: String
    /// What holds here and now, whichever mode is on.
    package let inForce: String
  }

  package let rows: [Row]
  /// "30 days".
  package let period: String
  package let shortPeriod: String
  package let isStrict: Bool
  private let texts: Texts

  package init(_ texts: Texts, options: ServiceOptions) {
    self.texts = texts
    let period = options.holdPeriod
    self.period = texts.duration(period)
    shortPeriod = texts.duration(RecoveryPolicy.Wait.short.duration(of: period))
    isStrict = options.strictPolicy
    rows = RecoveryPolicy.table.map { row in
      let outcome = texts.words(row.outcome, period: period)
      let strict =
        row.outcome(strict: true).map { texts.words($0, period: period) } ?? texts["policy.ignored"]
      return Row(
        row: row.number,
        account: texts["policy.account.\(row.twoStep.map { $0 ? "twoStep" : "oneStep" } ?? "any")"],
        evidence: row.anyOf.map { set in
          set.isEmpty
            ? texts["policy.need.nothing"]
            : set.map { texts["policy.need.\($0.rawValue)"] }.joined(separator: texts["policy.plus"])
        },
        requirements: row.anyOf.map { $0.map(\.rawValue) }, outcome: outcome, strict: strict,
        inForce: options.strictPolicy ? strict : outcome)
    }
  }

  /// `docs/policy.md`.
  package var markdown: String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |" }
    let head = ["row", "account", "evidence", "outcome", "strict"].map { texts["policy.head.\($0)"] }
    let table =
      [line(head), line(head.map { _ in "---" })]
      + rows.map { row in
        line([
          "\(row.row)", row.account, row.evidence.joined(separator: texts["policy.or"]), row.outcome,
          row.strict,
        ])
      }
    return
      ([
        "# " + texts["policy.title"], texts["policy.generated"], texts["policy.lede"],
        table.joined(separator: "\n"),
      ]
      + notes).joined(separator: "\n\n") + "\n"
  }

  /// What the words of the table mean, and how it is read.
  package var notes: [String] {
    ["fastest", "senior", "two", "lifetime", "wait", "older", "suspended", "strict", "nothing"].map {
      texts.format("policy.note.\($0)", ["duration": period, "short": shortPeriod])
    }
  }
}

extension Texts {
  fileprivate func words(_ outcome: RecoveryPolicy.Outcome, period: Duration) -> String {
    switch outcome {
    case .now: self["policy.now"]
    case .held: format("policy.held", ["duration": duration(of: outcome, period: period)])
    case .notEnough: self["policy.notEnough"]
    }
  }
}
