import SparekeyCore

/// How a hold stands (H5). For its owner, signed in, with *Stop this recovery*, which posts to `/holds/{id}/stop`.
package struct HoldStatusPage: Page {
  package static let template = "recover/hold-status"

  package var title: String
  package var lines: [String]
  package var claimNumber: String
  package var startedAt: Moment
  package var endsAt: Moment
  /// Browser and address it was started from; for the owner alone.
  package var from: String?
  /// From 0 to 100, of the whole wait.
  package var percent: Int
  package var milestones: [TimelineItem]
  /// The owner may stop it: `/holds/{id}/stop`, with the button's label and what it takes.
  package var stop: StopChoice?
  /// What to do next; nothing while it runs.
  package var links: [NextLink]
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// A point on the way from start to end.
package struct TimelineItem: Sendable {
  package var words: String
  package var at: Moment
  package var isPast: Bool
}

package struct StopChoice: Sendable {
  package var path: String
  package var label: String
  package var explanation: String
}

package struct NextLink: Sendable {
  package var label: String
  package var path: String
}

extension HoldStatusPage {
  /// - Parameter isOwner: signed in to the account; otherwise the claimant, by the ticket.
  init(_ status: Holds.Status, isOwner: Bool, at now: Timestamp, _ texts: Texts) {
    let hold = status.hold
    let section = hold.purpose == .removal ? "hold.removal" : isOwner ? "hold.owner" : "hold.claimant"
    let values = HoldWords.values(hold, claimNumber: status.claimNumber, texts)
    let isOverdue = hold.state == .running && hold.endsAt <= now
    let state = isOverdue ? "overdue" : hold.state.rawValue
    title = texts.format("\(section).\(state).title", values)
    // What support started was started without any proof, and without a password.
    let bySupport = hold.row == Hold.rowOfSupport ? "BySupport" : ""
    lines = ["line", "next"].map { part in
      let key = "\(section).\(state).\(part)"
      return texts[key + bySupport] == key + bySupport ? key : key + bySupport
    }.filter { texts[$0] != $0 }.map { texts.format($0, values) }
    if status.accountFrozen, hold.state == .running { lines.append(texts["hold.accountFrozen"]) }
    claimNumber = status.claimNumber
    startedAt = Moment(hold.startedAt, texts)
    endsAt = Moment(hold.endsAt, texts)
    from = isOwner ? texts.from(hold.source) : nil
    let whole = max(1, (hold.endsAt - hold.startedAt).milliseconds)
    let passed = (min(hold.endedAt ?? now, hold.endsAt) - hold.startedAt).milliseconds
    percent = hold.state == .completed ? 100 : Int(max(0, min(whole, passed)) * 100 / whole)
    milestones = HoldWords.timeline(hold, at: now, texts)
    stop =
      isOwner && hold.state.isOpen
      ? StopChoice(
        path: "/holds/\(hold.id)/stop",
        label: texts[hold.purpose == .removal ? "hold.stop.removalLabel" : "hold.stop.label"],
        explanation: texts["hold.stop.explanation"]) : nil
    links = HoldWords.links(hold, isOwner: isOwner, texts)
  }
}

/// The words about a hold that pages share.
enum HoldWords {
  static func values(_ hold: Hold, claimNumber: String, _ texts: Texts) -> [String: String] {
    [
      "claim": claimNumber, "started": texts.exactly(hold.startedAt), "end": texts.exactly(hold.endsAt),
      "ended": hold.endedAt.map(texts.exactly) ?? "",
      "contested": hold.contestedAt.map(texts.exactly) ?? "",
      "limit": hold.contestedAt.map { texts.exactly($0 + Hold.longestContest) } ?? "",
      "duration": texts.duration(hold.endsAt - hold.startedAt), "from": texts.from(hold.source),
    ]
  }

  /// From start to end; what a stopped one never came to is not there.
  static func timeline(_ hold: Hold, at now: Timestamp, _ texts: Texts) -> [TimelineItem] {
    var items = [("started", hold.startedAt)] + hold.milestones.map { ($0.milestone.rawValue, $0.at) }
    switch hold.state {
    case .stopped:
      let stoppedAt = hold.endedAt ?? now
      items = items.filter { $0.1 <= stoppedAt } + [("stopped", stoppedAt)]
    case .completed: items.append(("completed", hold.endedAt ?? hold.endsAt))
    case .running: items.append(("end", hold.endsAt))
    case .contested, .frozen:
      items.append(("end", hold.endsAt))
      if let contestedAt = hold.contestedAt { items.append(("contested", contestedAt)) }
      items.sort { $0.1 < $1.1 }
    }
    return items.map {
      TimelineItem(
        words: texts["hold.timeline.\($0.0)"], at: Moment($0.1, texts),
        isPast: $0.1 <= now && ($0.0 != "end"))
    }
  }

  static func links(_ hold: Hold, isOwner: Bool, _ texts: Texts) -> [NextLink] {
    let paths: [(String, String)] =
      switch (hold.state, isOwner) {
      case (.stopped, true): [("replaceCode", "/account/recovery-code"), ("activity", "/account/activity")]
      case (.stopped, false): [("again", "/recover"), ("help", "/help/sign-in")]
      case (.completed, false):
        hold.row == Hold.rowOfSupport
          ? [("choose", "/holds/\(hold.id)/choose-again")]
          : [("signIn", "/sign-in"), ("chooseAgain", "/holds/\(hold.id)/choose-again")]
      case (.completed, true): [("activity", "/account/activity")]
      case (_, true): [("activity", "/account/activity"), ("policy", "/help/recovery-policy")]
      case (.frozen, false): [("help", "/help/sign-in")]
      case (_, false): [("policy", "/help/recovery-policy")]
      }
    return paths.map { NextLink(label: texts["hold.links.\($0.0)"], path: $0.1) }
  }
}

extension Texts {
  /// "Firefox · Linux, 192.0.2.1".
  package func from(_ source: Source) -> String {
    [source.agent, source.address].filter { !$0.isEmpty }.joined(separator: ", ")
  }
}
