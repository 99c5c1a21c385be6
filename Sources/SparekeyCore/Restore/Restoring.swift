/// What has to be known of a database that is an older copy of itself (O5): what was spent, stopped and signed out since
/// must not come back to life. The copy is marked before it serves anyone.
package struct Restoring: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// A code that was used or replaced, as the old database knew it. It opens nothing.
  package struct EndedCode: Sendable, Codable, Equatable {
    package let id: CodeID
    package let ending: StoredCode.Ending
    package let endedAt: Timestamp
  }

  /// What `mark` did.
  package struct Report: Sendable, Equatable {
    package var endedCodes = 0
    package var sessions = 0
    package var holds = 0
    /// Owners who were told to make a new code.
    package var told = 0
  }

  /// The codes that ended since, for the operator who still has the database that is being given up.
  package func codesEnded(since time: Timestamp) async throws -> [EndedCode] {
    try await ports.database.read { transaction in
      try transaction.codes(endedSince: time).compactMap { code in
        guard let ending = code.ending, let endedAt = code.endedAt else { return nil }
        return EndedCode(id: code.id, ending: ending, endedAt: endedAt)
      }
    }
  }

  /// Signs everyone out, operators' tokens too; holds wait at least 7 of 30 days more, and their contacts hear of them again. With the list of
  /// codes that ended since, those end here too, and all others open as before. Without it no code from before this
  /// moment opens at once (row 9), and their owners are told. To be interrupted and repeated at will.
  /// - Parameter told: hears how many owners were told so far.
  package func mark(
    endedCodes: [EndedCode]?, told: @Sendable (Int) -> Void = { _ in }
  ) async throws -> Report {
    var report = try await ports.database.write { transaction in
      var report = Report()
      report.sessions = try transaction.endAllSessions()
      // One that was deleted since would be good again.
      for token in try transaction.operatorTokens() { _ = try transaction.deleteOperatorToken(token.name) }
      try transaction.setFact(.holdsRestoredAt, to: transaction.now)
      if let endedCodes {
        for code in endedCodes where try transaction.endCode(code.id, as: code.ending, at: code.endedAt) {
          report.endedCodes += 1
        }
      } else {
        try transaction.setFact(.restoredAt, to: transaction.now)
      }
      return report
    }
    for id in try await ports.database.read({ try $0.openHolds() }) {
      try await ports.database.write { [ports] transaction in
        guard let hold = try transaction.hold(id), let account = try transaction.account(hold.account) else {
          return
        }
        try transaction.markUntold(id)
        try ports.tell(.restored, of: hold, account: account, in: transaction)
      }
      report.holds += 1
    }
    guard endedCodes == nil else { return report }
    report.told = try await tellOwners(told)
    return report
  }

  private func tellOwners(_ told: @Sendable (Int) -> Void) async throws -> Int {
    var last: AccountID?
    var count = 0
    repeat {
      let (next, number) = try await ports.database.write { [ports, last] transaction in
        let accounts = try transaction.accounts(after: last, limit: 200)
        var number = 0
        for account in accounts {
          guard let code = try transaction.liveCode(of: account.id) else { continue }
          try ports.tell(
            ports.contacts(of: account.id, in: transaction), .codeBeforeRestore(serial: code.serial),
            about: account, source: Source(address: ""), in: transaction)
          number += 1
        }
        return (accounts.last?.id, number)
      }
      (last, count) = (next, count + number)
      told(count)
    } while last != nil
    return count
  }
}
