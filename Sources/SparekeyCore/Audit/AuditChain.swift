/// The hash chain over the audit trail (O4): entry number n carries a keyed digest of itself and of the chain before
/// it. Entries are written without a number, so that no transaction waits for another; a worker numbers them in the
/// order of their times soon after. Who can write the database but has no key cannot make a chain.
package enum AuditChain {
  /// 32 bytes.
  package typealias Link = [UInt8]

  /// What stands before the first entry.
  package static let start = Link(repeating: 0, count: 32)

  /// An entry in its place.
  package struct Numbered: Sendable, Equatable {
    package let number: Int
    package let entry: AuditEntry
    package let link: Link

    package init(number: Int, entry: AuditEntry, link: Link) {
      self.number = number
      self.entry = entry
      self.link = link
    }
  }

  /// What is wrong with the trail, and where.
  package enum Fault: Sendable, Equatable, CustomStringConvertible {
    /// The entry, or the link before it, is not what was written.
    case changed(number: Int)
    /// Entries up to the next number are gone.
    case missing(number: Int)
    /// The trail ends before an entry that was there when its link was noted elsewhere.
    case cutOff(after: Int)
    /// Written, but never numbered, although the worker had its time.
    case unnumbered(id: AuditID)

    package var description: String {
      switch self {
      case .changed(let number): "entry \(number), or the link it stands on, was changed"
      case .missing(let number): "entry \(number) is missing"
      case .cutOff(let number): "the trail does not hold the given link; it ends with entry \(number)"
      case .unnumbered(let id): "entry \(id) stands outside the chain"
      }
    }
  }

  /// A row that holds what this program never writes.
  package struct Unreadable: OperatorFault, Equatable {
    package let number: Int

    package init(number: Int) { self.number = number }

    package var description: String { "entry \(number) of the audit trail cannot be read" }
  }

  /// The link of an entry. Every part carries its length, so that none can be moved into another.
  package static func link(
    of entry: AuditEntry, number: Int, after previous: Link, keys: KeyRing
  ) -> Link {
    let parts = [
      "\(number)", entry.id.text, "\(entry.at.milliseconds)", entry.actor.text, entry.action.rawValue,
      entry.account?.text ?? "", entry.detail,
    ].flatMap { part in Array("\(part.utf8.count):\(part)".utf8) }
    return keys.digest(previous + parts, for: .audit)
  }

  /// The first fault of a stretch of the trail; nil when it goes on from `previous` without a gap.
  package static func fault(
    in entries: [Numbered], after number: Int, _ previous: Link, keys: KeyRing
  ) -> Fault? {
    var (expected, link) = (number + 1, previous)
    for found in entries {
      guard found.number == expected else { return .missing(number: expected) }
      link = Self.link(of: found.entry, number: found.number, after: link, keys: keys)
      guard constantTimeEqual(link, found.link) else { return .changed(number: found.number) }
      expected += 1
    }
    return nil
  }
}

/// Numbering, verifying and reading the audit trail.
package struct AuditTrail: Sendable {
  private static let page = 500
  /// Longer than any transaction that may still be writing an entry.
  private static let settling = Duration.seconds(10)
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Gives numbers to what waits for them. Of several nodes at once one does it: numbers are unique.
  /// - Returns: how many got one.
  package func chain() async throws -> Int {
    try await ports.database.write { [ports] transaction in
      var (number, link) = try transaction.auditHead().map { ($0.number, $0.link) } ?? (0, AuditChain.start)
      let waiting = try transaction.unnumberedAuditEntries(
        before: transaction.now - Self.settling, limit: Self.page)
      for entry in waiting {
        number += 1
        link = AuditChain.link(of: entry, number: number, after: link, keys: ports.keys)
        guard try transaction.number(entry.id, as: number, link: link) else { throw Refusal.changedMeanwhile }
      }
      return waiting.count
    }
  }

  /// What `verify` found.
  package struct Report: Sendable, Equatable {
    package var entries = 0
    /// Of the last entry: kept elsewhere, it shows later whether the trail was cut off.
    package var head = AuditChain.start
    package var fault: AuditChain.Fault?
  }

  /// Looks at every entry, a page at a time, and stops at the first fault.
  /// - Parameters:
  ///   - known: a head that was noted before; the trail must hold it.
  ///   - looked: hears how many entries were looked at.
  package func verify(holding known: AuditChain.Link? = nil, looked: (Int) -> Void = { _ in }) async throws
    -> Report
  {
    var report = Report()
    var isKnown = known == nil || known == AuditChain.start
    while true {
      let entries: [AuditChain.Numbered]
      do {
        entries = try await ports.database.read { [report] in
          try $0.auditEntries(after: report.entries, limit: Self.page)
        }
      } catch let unreadable as AuditChain.Unreadable {
        report.fault = .changed(number: unreadable.number)
        return report
      }
      if let fault = AuditChain.fault(in: entries, after: report.entries, report.head, keys: ports.keys) {
        report.fault = fault
        return report
      }
      guard let last = entries.last else { break }
      isKnown = isKnown || entries.contains { $0.link == known }
      (report.entries, report.head) = (last.number, last.link)
      looked(report.entries)
    }
    if !isKnown {
      report.fault = .cutOff(after: report.entries)
    } else if let stray = try await ports.database.read({ transaction in
      // One left behind by a stopped service is numbered at its next start.
      try transaction.unnumberedAuditEntries(before: transaction.now - .minutes(10), limit: 1).first
    }), report.entries > 0, try await isOlderThanHead(stray, report) {
      report.fault = .unnumbered(id: stray.id)
    }
    return report
  }

  private func isOlderThanHead(_ stray: AuditEntry, _ report: Report) async throws -> Bool {
    let head = try await ports.database.read {
      try $0.auditEntries(after: report.entries - 1, limit: 1).first
    }
    return head.map { stray.at + .minutes(10) < $0.entry.at } ?? false
  }

  /// The numbered entries that follow, oldest first.
  package func entries(after number: Int, limit: Int) async throws -> [AuditChain.Numbered] {
    try await ports.database.read { try $0.auditEntries(after: number, limit: limit) }
  }

  /// Every numbered entry, oldest first.
  package func each(_ body: (AuditChain.Numbered) throws -> Void) async throws {
    var last = 0
    while true {
      let entries = try await ports.database.read { [last] in
        try $0.auditEntries(after: last, limit: Self.page)
      }
      guard let end = entries.last else { return }
      try entries.forEach(body)
      last = end.number
    }
  }
}
