/// The accounts as operators may see them: what protects them and what they could lose; no address, no secret (O2, O7).
package struct AccountDirectory: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// One account in one consistent look.
  package struct Status: Sendable {
    package let facts: AccountFacts
    package let sessions: Int
    package let waysBack: [WaysBack.Entry]
    package let singlePointsOfFailure: [(loss: WaysBack.Loss, step: ProofKind)]

    package var account: Account { facts.account }
  }

  /// - Throws: `Refusal.notFound`.
  package func status(of username: String) async throws -> Status {
    try await ports.database.read { [ports] transaction in
      guard let facts = try ports.facts(named: Username.lookup(username), in: transaction) else {
        throw Refusal.notFound
      }
      return Status(
        facts: facts,
        sessions: try transaction.sessions(of: facts.account.id).count { $0.isLive(at: transaction.now) },
        waysBack: ports.waysBack(facts, at: transaction.now),
        singlePointsOfFailure: ports.singlePointsOfFailure(facts, at: transaction.now))
    }
  }

  /// The way back in for an account that loses these things at one time.
  /// - Throws: `Refusal.notFound`.
  package func wayBack(of username: String, losing losses: [WaysBack.Loss]) async throws -> WaysBack.Way {
    try await ports.database.read { [ports] transaction in
      guard let facts = try ports.facts(named: Username.lookup(username), in: transaction) else {
        throw Refusal.notFound
      }
      return facts.wayBack(losing: losses, strict: ports.options.strictPolicy, at: transaction.now)
    }
  }

  /// Those that follow, in the order of ids.
  package func accounts(after id: AccountID?, limit: Int) async throws -> [Account] {
    try await ports.database.read { try $0.accounts(after: id, limit: limit) }
  }

  /// An account, and each loss that would lock it out, with what mends that.
  package typealias Exposed = (account: Account, points: [(loss: WaysBack.Loss, step: ProofKind)])

  /// Looks at the accounts that follow, in the order of ids.
  /// - Returns: those that one loss would lock out, and the last that was looked at; nil at the end.
  package func withoutWayBack(after id: AccountID?, limit: Int) async throws -> (
    found: [Exposed], last: AccountID?
  ) {
    try await ports.database.read { [ports] transaction in
      let accounts = try transaction.accounts(after: id, limit: limit)
      return (try ports.withoutWayBack(accounts, in: transaction), accounts.last?.id)
    }
  }

  /// Every account, in the order of ids, a page at a time: memory does not grow with their number.
  package func each(_ body: (Account) throws -> Void) async throws {
    try await eachPage { accounts, _ in
      accounts
    } handing: {
      try body($0)
    }
  }

  /// O7: each account that one loss would lock out, with these losses and what mends each.
  package func eachWithoutWayBack(
    _ body: (Account, [(loss: WaysBack.Loss, step: ProofKind)]) throws -> Void,
    looked: (_ accounts: Int) -> Void = { _ in }
  ) async throws {
    try await eachPage { [ports] accounts, transaction in
      try ports.withoutWayBack(accounts, in: transaction)
    } handing: {
      try body($0.account, $0.points)
    } looked: {
      looked($0)
    }
  }

  private static let pageSize = 500

  private func eachPage<Found: Sendable>(
    _ look: @escaping @Sendable ([Account], any Transaction) throws -> [Found],
    handing body: (Found) throws -> Void,
    looked: (_ accounts: Int) -> Void = { _ in }
  ) async throws {
    var (last, count): (AccountID?, Int) = (nil, 0)
    repeat {
      let (next, number, found) = try await ports.database.read { [last] transaction in
        let accounts = try transaction.accounts(after: last, limit: Self.pageSize)
        return (accounts.last?.id, accounts.count, try look(accounts, transaction))
      }
      try found.forEach(body)
      last = next
      count += number
      looked(count)
    } while last != nil
  }
}

extension Ports {
  fileprivate func withoutWayBack(_ accounts: [Account], in transaction: any Transaction) throws
    -> [AccountDirectory.Exposed]
  {
    let restoredAt = try transaction.fact(.restoredAt)
    return try accounts.compactMap { account in
      let facts = AccountFacts(
        proofs: try proofs(of: account, in: transaction), restoredAt: restoredAt)
      let points = singlePointsOfFailure(facts, at: transaction.now)
      return points.isEmpty ? nil : (account, points)
    }
  }

  package func waysBack(_ facts: AccountFacts, at now: Timestamp) -> [WaysBack.Entry] {
    facts.waysBack(strict: options.strictPolicy, at: now)
  }

  package func singlePointsOfFailure(_ facts: AccountFacts, at now: Timestamp) -> [(
    loss: WaysBack.Loss, step: ProofKind
  )] {
    facts.singlePointsOfFailure(strict: options.strictPolicy, at: now)
  }
}
