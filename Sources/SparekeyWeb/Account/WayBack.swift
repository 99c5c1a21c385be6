import SparekeyCore

/// *Ways back in* (D3), in words and as a drawing: computed by the policy table.
package struct WaysBackPart: Sendable {
  package var single: [WayBack]
  /// What two losses at one time mean; empty when there are not two.
  package var table: [LossRow]
  package var columns: [String]
  /// What is left when everything is lost.
  package var all: String?
  /// Single points of failure, with the step that mends each.
  package var careful: [Banner]

  package init(
    single: [WayBack] = [], table: [LossRow] = [], columns: [String] = [], all: String? = nil,
    careful: [Banner] = []
  ) {
    self.single = single
    self.table = table
    self.columns = columns
    self.all = all
    self.careful = careful
  }
}

/// What one loss would mean, said in one line.
package struct WayBack: Sendable {
  /// Such as "If you forget your password".
  package var loss: String
  package var way: String
  /// Nothing is left that opens the account.
  package var none: Bool

  package init(loss: String, way: String, none: Bool) {
    self.loss = loss
    self.way = way
    self.none = none
  }
}

/// One loss beside each of those before it, and alone at the end.
package struct LossRow: Sendable {
  package var loss: String
  package var cells: [LossCell]

  package init(loss: String, cells: [LossCell]) {
    self.loss = loss
    self.cells = cells
  }
}

package struct LossCell: Sendable {
  /// Such as "30 days"; empty where another row says it.
  package var text: String
  /// `good`, `wait`, `none`, or `blank`.
  package var tone: String

  package init(text: String = "", tone: String = "blank") {
    self.text = text
    self.tone = tone
  }
}

extension WaysBackPart {
  init(_ overview: SecurityInfo.Overview, period: Duration, _ texts: Texts) {
    let hasPhone = overview.proofs.confirmedContacts.contains { $0.kind == .phone }
    let entries = overview.waysBack
    let losses = entries.filter { $0.losses.count == 1 }.flatMap(\.losses)
    func words(_ section: String, _ loss: WaysBack.Loss) -> String {
      texts["account.waysBack.\(section).\(loss == .phone && !hasPhone ? "device" : loss.rawValue)"]
    }
    single = entries.filter { $0.losses.count == 1 }.map {
      WayBack(
        loss: words("lost", $0.losses[0]), way: texts.way($0.way, period: period), none: $0.way == .support)
    }
    columns = losses.map { words("short", $0) }
    table =
      losses.count < 2
      ? []
      : losses.indices.map { row in
        LossRow(
          loss: words("short", losses[row]),
          cells: losses.indices.map { column in
            guard column <= row else { return LossCell() }
            let lost = row == column ? [losses[row]] : [losses[column], losses[row]]
            let way = entries.first { $0.losses == lost }?.way ?? .support
            return LossCell(text: texts.shortly(way, period: period), tone: way.tone)
          })
      }
    all = losses.count < 2 ? nil : texts["account.waysBack.all"]
    careful = overview.singlePointsOfFailure.map { point in
      Banner(
        line: texts.format("account.waysBack.point", ["loss": words("lost", point.loss)]),
        linkLabel: texts["account.waysBack.mend.\(point.step.rawValue)"],
        linkPath: [
          .recoveryCode: "/account/recovery-code", .email: "/account/contact?kind=email",
          .phone: "/account/contact?kind=phone",
        ][point.step] ?? "/account/passkey")
    }
  }
}

extension WaysBack.Way {
  fileprivate var tone: String {
    switch self {
    case .signIn, .recovery(.now, _): "good"
    case .recovery: "wait"
    case .support: "none"
    }
  }
}

extension Texts {
  /// "You are back at once, with your recovery code together with your password or a code sent to your email."
  package func way(_ way: WaysBack.Way, period: Duration) -> String {
    switch way {
    case .signIn: self["account.waysBack.signIn"]
    case .support: self["account.waysBack.none"]
    case .recovery(let outcome, let sets):
      format(
        outcome == .now ? "account.waysBack.now" : "account.waysBack.held",
        ["with": things(sets), "duration": duration(of: outcome, period: period)])
    }
  }

  /// "30 days".
  fileprivate func shortly(_ way: WaysBack.Way, period: Duration) -> String {
    switch way {
    case .signIn: self["account.waysBack.cell.signIn"]
    case .recovery(.now, _): self["account.waysBack.cell.now"]
    case .recovery(let outcome, _): duration(of: outcome, period: period)
    case .support: self["account.waysBack.cell.support"]
    }
  }

  private func things(_ needing: [[RecoveryPolicy.Requirement]]) -> String {
    let sets = needing.map { Set($0.map(\.wordKey)) }
    // What suffices with less is said with less.
    let least = needing.map { $0.map(\.wordKey) }.filter { words in
      !sets.contains { $0.isStrictSubset(of: words) }
    }
    let shared = least.dropFirst().reduce(least.first ?? []) { all, words in all.filter(words.contains) }
    let rest = least.map { $0.filter { !shared.contains($0) } }
    guard !shared.isEmpty, !rest.contains(where: \.isEmpty) else { return either(ways(least)) }
    return format(
      "account.waysBack.together", ["shared": either(ways([shared])), "rest": either(ways(rest))])
  }
}
