/// Closing an account (D5): at the end of a grace period everything about it is erased. Until then signing in, or
/// getting back in, opens it again.
package struct Closing: Sendable {
  /// How long the owner can come back.
  package enum Grace: Int, Sendable, CaseIterable {
    case thirtyDays = 30
    case sixtyDays = 60

    package var duration: Duration { .days(rawValue) }
  }

  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Begins the grace period; every session ends, this one too, and every contact is told.
  /// - Returns: when the account is erased.
  /// - Throws: `Refusal.changedMeanwhile`, `.holdRunning`, `.frozen`.
  package func close(after grace: Grace, by steppedUp: SteppedUp, source: Source) async throws -> Timestamp {
    try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      let account = steppedUp.account
      let end = transaction.now + grace.duration
      try ports.record(
        .closing, detail: "\(grace.rawValue)", of: account, source: source, notice: .closing(at: end),
        in: transaction)
      _ = try transaction.setClosing(at: end, of: account.id)
      _ = try transaction.endSessions(of: account.id)
      return end
    }
  }

  /// Erases the accounts whose grace period is over, each in a transaction of its own; any number of nodes may do it at
  /// once. One that is frozen, or that someone is getting back into, waits.
  package func eraseDue() async throws {
    let due = try await ports.database.read { try $0.closingsDue(at: $0.now, limit: 100) }
    for account in due {
      _ = try await ports.database.write { try $0.erase(account, at: $0.now) }
    }
  }
}

extension Ports {
  /// Whoever is in again keeps the account.
  package func reopen(_ account: Account, source: Source, in transaction: any Transaction) throws {
    guard account.closesAt != nil, try transaction.setClosing(at: nil, of: account.id) else { return }
    try note(.reopened, on: account.id, source: source, in: transaction)
    try tell(
      contacts(of: account.id, in: transaction), .reopened, about: account, source: source, in: transaction)
  }
}
