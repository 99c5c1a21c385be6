/// Takes the database from old master keys to the current one while everything goes on (O6), and counts what still
/// refers to each. It may end at any moment and start again: a value is under one key or the other, never neither.
package struct Resealing: Sendable {
  /// Values looked at, and at most changed, at a time.
  private static let portion = 200
  /// Journeys and forms under way may be under the former key for an hour, answers that are kept to be given again for
  /// a day.
  package static let restBeforeRetiring = RepeatableCall.remembered + slack
  /// For nodes that notice a new key file late.
  private static let slack = Duration.hours(1)

  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// What refers to one master key.
  package struct References: Sendable, Equatable {
    package var values: [SealedColumn: Int] = [:]
    package var sessions = 0
    /// Holds that parked something under it, or whose notices have links made with it.
    package var holds = 0

    package init() {}

    package var isEmpty: Bool { values.isEmpty && sessions == 0 && holds == 0 }

    /// For people: what and how many.
    package var counts: [(what: String, count: Int)] {
      SealedColumn.allCases.compactMap { column in values[column].map { (column.rawValue, $0) } }
        + [("sessions", sessions), ("holds", holds)].filter { $0.1 > 0 }
    }

    /// Whether another pass would make it less.
    package var canBeResealed: Bool { values.keys.contains { !$0.isImmutable } }
  }

  package struct Survey: Sendable {
    package fileprivate(set) var references: [UInt8: References] = [:]
    /// Sealed values that none of the keys opens.
    package fileprivate(set) var unreadable = 0
  }

  /// One pass over everything. - Parameter resealed: hears how many values were sealed again so far.
  /// - Returns: how many values were sealed again.
  package func pass(_ resealed: @Sendable (Int) -> Void = { _ in }) async throws -> Int {
    var count = 0
    for column in SealedColumn.allCases where !column.isImmutable {
      try await each(in: column) { [ports] values in
        let changes = values.compactMap { value in
          ports.keys.resealed(value.bytes, for: column.purpose, bound: column.context(of: value)).map {
            (value: value, bytes: $0)
          }
        }
        guard !changes.isEmpty else { return }
        count += try await patiently {
          try await ports.database.write { transaction in
            try changes.count { try transaction.reseal($0.value, in: column, as: $0.bytes) }
          }
        }
        resealed(count)
      }
    }
    return count
  }

  /// Whether the keys are those of what lies first in each column: a former copy of the key file lacks some after a
  /// rotation. One value alone may be a damaged one. What is empty for most accounts is left out: a million of them would
  /// be gone through at each start to find the first that is not.
  package func hasKeysOfFirst() async throws -> Bool {
    let known = Set(ports.keys.masters.masters.map(\.id))
    var (looked, unknown) = (0, 0)
    for column in SealedColumn.allCases where column != .history && column != .outbox {
      let values = try await ports.database.read {
        try $0.sealedValues(in: column, after: .start, limit: Self.portion)
      }
      let masters = values.compactMap(\.bytes.first)
      looked += masters.count
      unknown += masters.count { !known.contains($0) }
    }
    return unknown == 0 || unknown == 1 && looked > 1
  }

  /// Goes through everything and counts. - Parameter looked: hears how many values were looked at so far.
  package func survey(_ looked: @Sendable (Int) -> Void = { _ in }) async throws -> Survey {
    var survey = Survey()
    var count = 0
    for column in SealedColumn.allCases {
      try await each(in: column) { [ports] values in
        // What was erased is empty.
        for value in values where !value.bytes.isEmpty {
          if ports.keys.open(value.bytes, for: column.purpose, bound: column.context(of: value)) != nil {
            survey.references[value.bytes[0], default: References()].values[column, default: 0] += 1
          } else {
            survey.unreadable += 1
          }
        }
        count += values.count
        looked(count)
      }
    }
    try await countSessions(in: &survey)
    try await countHolds(in: &survey)
    return survey
  }

  private func countSessions(in survey: inout Survey) async throws {
    var last = SessionID(text: "")
    while true {
      let found = try await ports.database.read { [last] in
        try $0.tokenDigests(after: last, limit: Self.portion)
      }
      guard let end = found.last else { return }
      for (_, digest) in found {
        guard let id = ports.keys.master(ofSessionDigest: digest) else { continue }
        survey.references[id, default: References()].sessions += 1
      }
      last = end.session
    }
  }

  private func countHolds(in survey: inout Survey) async throws {
    let masters = ports.keys.masters
    for id in try await ports.database.read({ try $0.holdsWithParked() }) {
      let found = try await ports.database.read { transaction -> Hold? in
        guard let hold = try transaction.hold(id), let account = try transaction.account(hold.account) else {
          return nil
        }
        return hold.state.isOpen || hold.letsChooseAgain(of: account) ? hold : nil
      }
      guard let hold = found else { continue }
      for master in masters.masters {
        // Its notices have links made with whatever key was the current one.
        let mayHaveLinks =
          masters.successor(of: master.id)?.since.map { hold.startedAt < $0 + Self.slack } ?? false
        guard hold.sealedParked.first == master.id || mayHaveLinks && hold.state.isOpen else { continue }
        survey.references[master.id, default: References()].holds += 1
      }
    }
  }

  /// All values of a column, a few at a time.
  private func each(in column: SealedColumn, _ visit: ([SealedValue]) async throws -> Void) async throws {
    var last = SealedValue.Place.start
    while true {
      let values = try await patiently { [ports, last] in
        try await ports.database.read { try $0.sealedValues(in: column, after: last, limit: Self.portion) }
      }
      guard let end = values.last else { return }
      try await visit(values)
      last = end.place
    }
  }

  /// A database that is busy with people, or changes its primary, is asked again for some time.
  private func patiently<Answer>(_ ask: () async throws -> Answer) async throws -> Answer {
    for pause in [50, 100, 200, 500, 1_000, 2_000, 5_000] {
      do {
        return try await ask()
      } catch is CancellationError {
        throw CancellationError()
      } catch {
        try await Task.sleep(for: .milliseconds(pause))
      }
    }
    return try await ask()
  }
}
