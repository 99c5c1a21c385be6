/// What happened on this account, newest first.
package struct ActivityPage: Page {
  package static let template = "account/activity"

  package var entries: [ActivityRow]

  package init(entries: [ActivityRow]) {
    self.entries = entries
  }
}

/// One thing that happened.
package struct ActivityRow: Sendable {
  package var when: String
  /// ISO 8601 in UTC, for `<time datetime>`.
  package var machineTime: String
  /// Catalogue: `activity.…`.
  package var what: String
  /// Such as "Firefox on Linux, 203.0.113.7".
  package var from: String?
  /// Something to look at twice, such as wrong codes.
  package var serious: Bool
  /// Where *This wasn't me* leads; nil when it is too late for it.
  package var disownPath: String?

  package init(
    when: String, machineTime: String, what: String, from: String? = nil, serious: Bool = false,
    disownPath: String? = nil
  ) {
    self.when = when
    self.machineTime = machineTime
    self.what = what
    self.from = from
    self.serious = serious
    self.disownPath = disownPath
  }
}
