/// Someone who answers cases, found to be one in this transaction: the role, two-step verification and a live session
/// whose proofs reach it are looked at again at every act (G4, T17).
struct Agent: Sendable {
  let account: Account
  let proofs: ProofsOfAccount

  var actor: AuditActor { .agent(account.id) }

  fileprivate init(account: Account, proofs: ProofsOfAccount) {
    self.account = account
    self.proofs = proofs
  }
}

extension Ports {
  /// - Parameter fresh: for acts on accounts: proved within the last minutes.
  /// - Throws: `Refusal.notFound` for anyone else: the console does not exist for them; `.support(.twoStepNeeded)`,
  ///   `.frozen`, `.stepUpNeeded`, `.notSignedIn`.
  func agent(_ signedIn: SignedIn, fresh: Bool = false, in transaction: any Transaction) throws -> Agent {
    guard let account = try transaction.account(signedIn.account.id), try transaction.isAgent(account.id)
    else {
      throw Refusal.notFound
    }
    // As it is now, not as it was when the request began.
    guard
      let session = try transaction.sessions(of: account.id).first(where: { $0.id == signedIn.session.id }),
      session.restriction == nil
    else { throw Refusal.notSignedIn }
    guard account.frozen == nil else { throw Refusal.frozen }
    guard account.twoStep else { throw Refusal.support(.twoStepNeeded) }
    let proofs = try proofs(of: account, in: transaction)
    let now = transaction.now
    guard proofs.reachesOwnLevel(session.proofs.filter { proofs.isTrusted($0, at: now) }),
      !fresh || now < session.provedAt + SessionRules.fresh
    else { throw Refusal.stepUpNeeded }
    return Agent(account: account, proofs: proofs)
  }
}

/// Who is an agent; for the operator's command line.
package struct Agents: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package struct Listed: Sendable {
    package let username: String
    package let since: Timestamp
    /// Without it they can do nothing.
    package let twoStep: Bool
  }

  package func list() async throws -> [Listed] {
    try await ports.database.read { transaction in
      try transaction.agents().compactMap { agent in
        try transaction.account(agent.account).map {
          Listed(username: $0.username, since: agent.since, twoStep: $0.twoStep)
        }
      }
    }
  }

  /// - Returns: false when it is an agent already.
  /// - Throws: `Refusal.notFound`, `.support(.twoStepNeeded)`.
  package func add(username: String, by actor: AuditActor = .operator) async throws -> Bool {
    try await ports.database.write { [ports] transaction in
      guard let account = try transaction.account(canonicalName: Username.lookup(username)) else {
        throw Refusal.notFound
      }
      guard account.twoStep else { throw Refusal.support(.twoStepNeeded) }
      guard try transaction.addAgent(account.id, at: transaction.now) else { return false }
      try ports.audit(.agentAdded, by: actor, about: account.id, in: transaction)
      return true
    }
  }

  /// - Returns: false when it was none.
  /// - Throws: `Refusal.notFound`.
  package func remove(username: String, by actor: AuditActor = .operator) async throws -> Bool {
    try await ports.database.write { [ports] transaction in
      guard let account = try transaction.account(canonicalName: Username.lookup(username)) else {
        throw Refusal.notFound
      }
      guard try transaction.removeAgent(account.id) else { return false }
      try ports.audit(.agentRemoved, by: actor, about: account.id, in: transaction)
      return true
    }
  }
}
