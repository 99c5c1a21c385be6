/// *This wasn't me* (D2): the account stands still, every session ends, and only proofs older than what was disowned
/// set it going again (H10, T29).
package struct Freezing: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Disowns something of the last 30 days in recent activity, by a full sign-in with senior proofs that are older than
  /// what is disowned: an account that stands still keeps recoveries from starting and ending, so junior proofs cannot
  /// bring that about (H8), and nobody can who could not end it (T29).
  /// - Throws: `Refusal.notFound`, `.juniorProof`.
  package func thisWasNotMe(_ number: Int, by signedIn: SignedIn, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let account = try ports.account(of: signedIn, in: transaction)
      guard let event = try transaction.event(number, of: account.id),
        transaction.now < event.at + Seniority.period
      else { throw Refusal.notFound }
      // The oldest thing disowned counts.
      let eventAt = min(event.at, account.frozen?.eventAt ?? event.at)
      let proofs = try ports.proofs(of: account, in: transaction)
      let seniors = try transaction.openHold(of: account.id)?.seniors ?? proofs.senior(at: transaction.now)
      let shown = proofs.decisive(signedIn.session.proofs, among: seniors, before: eventAt)
        .filter { proofs.predates($0, eventAt) }
      guard proofs.reachesOwnLevel(shown) else { throw Refusal.juniorProof }
      _ = try transaction.setFrozen(Freeze(at: transaction.now, eventAt: eventAt), of: account.id)
      _ = try transaction.endSessions(of: account.id)
      try ports.note(.frozen, detail: event.kind.rawValue, on: account.id, source: source, in: transaction)
      try ports.tell(
        ports.contacts(of: account.id, in: transaction), .frozen, about: account, source: source,
        in: transaction)
    }
  }

  /// Sets the account going again, by a full sign-in whose proofs are all older than what was disowned.
  /// - Throws: `Refusal.juniorProof`.
  package func thaw(by steppedUp: SteppedUp, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let account = try ports.account(of: steppedUp.signedIn, in: transaction)
      guard let freeze = account.frozen else { return }
      let proofs = try ports.proofs(of: account, in: transaction)
      let shown = steppedUp.signedIn.session.proofs.filter { proofs.predates($0, freeze.eventAt) }
      guard proofs.reachesOwnLevel(shown) else { throw Refusal.juniorProof }
      _ = try transaction.setFrozen(nil, of: account.id)
      try ports.note(.thawed, on: account.id, source: source, in: transaction)
      try ports.tell(proofs.contacts, .thawed, about: account, source: source, in: transaction)
    }
  }

  /// What was added lately, for keeping or removing (D6): since the event that was disowned, or in the last 30 days.
  package struct CleanUp: Sendable {
    package let contacts: [Contact]
    package let apps: [AuthenticatorApp]
    package let passkeys: [Passkey]
    package let sessions: [Session]
    package let appsWithAccess: [Apps.Access]
    package let since: Timestamp
    package let frozen: Freeze?
  }

  package func cleanUp(for signedIn: SignedIn) async throws -> CleanUp {
    try await ports.database.read { [ports] transaction in
      guard let account = try transaction.account(signedIn.account.id) else { throw Refusal.notSignedIn }
      let now = transaction.now
      let since = min(account.frozen?.eventAt ?? now, now - Seniority.period)
      let proofs = try ports.proofs(of: account, in: transaction)
      return CleanUp(
        contacts: proofs.contacts.filter { since <= $0.addedAt && account.createdAt < $0.addedAt },
        apps: proofs.confirmedApps.filter { since <= $0.addedAt },
        passkeys: proofs.passkeys.filter { since <= $0.addedAt },
        sessions: try transaction.sessions(of: account.id).filter {
          $0.isLive(at: now) && $0.id != signedIn.session.id
        },
        appsWithAccess: try transaction.grants(of: account.id).filter { since <= $0.grantedAt }.compactMap {
          grant in try transaction.client(grant.client).map { Apps.Access(client: $0, grant: grant) }
        }, since: since, frozen: account.frozen)
    }
  }
}
