/// Before a session becomes full after a recovery of a two-step account, each old second factor is confirmed by use or
/// removed, and at least one works (DESIGN section 6).
package struct FactorSettling: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Where it stands: a rule of what the account has and what was used since the session began.
  package struct Progress: Sendable {
    package let proofs: ProofsOfAccount
    package let settled: Set<Proof>

    package init(_ proofs: ProofsOfAccount, since start: Timestamp) {
      self.proofs = proofs
      let apps = proofs.confirmedApps.filter { start <= max($0.addedAt, $0.lastUsedAt ?? $0.addedAt) }
      let passkeys = proofs.passkeys.filter { start <= max($0.addedAt, $0.lastUsedAt ?? $0.addedAt) }
      settled = Set(apps.map { Proof.totp($0.id) } + passkeys.map { Proof.passkey($0.id) })
    }

    package var isDone: Bool { !settled.isEmpty && settled == Set(proofs.secondFactors) }
  }

  package func progress(for unsettled: Unsettled) async throws -> Progress {
    try await ports.database.read { [ports] transaction in
      try ports.settling(of: unsettled, in: transaction)
    }
  }

  /// - Throws: `Refusal.totpWrong`, `.field(.code, …)`, `.slowDown`.
  package func confirmApp(code: String, by unsettled: Unsettled, source: Source) async throws {
    _ = try await ports.enterTOTP(code, of: unsettled.account, in: unsettled.session)
  }

  package func passkeyPrompt(for unsettled: Unsettled, binding: JourneyBinding) async throws -> PasskeyPrompt
  {
    try await ports.promptPasskey(of: unsettled.account.id, binding: binding)
  }

  /// - Throws: `Refusal.passkeyWrong`, `.slowDown`, `.expired`.
  package func confirmPasskey(
    _ assertion: PasskeyAssertion, request: String, by unsettled: Unsettled, binding: JourneyBinding,
    source: Source
  ) async throws {
    _ = try await ports.usePasskey(
      assertion, request: ports.open(PasskeyRequest.self, request, for: binding),
      expected: unsettled.account.id,
      source: source)
  }

  /// - Throws: see `SecurityInfo.addApp`.
  package func addApp(named name: String, by unsettled: Unsettled) async throws -> SecurityInfo.NewApp {
    try await ports.addApp(named: name, to: unsettled.account, by: unsettled.session, in: ports.issuer)
  }

  package func unconfirmedApp(_ id: AuthenticatorAppID, by unsettled: Unsettled) async throws
    -> SecurityInfo.NewApp
  {
    try await ports.unconfirmedApp(id, of: unsettled.account)
  }

  package func confirmNewApp(
    _ id: AuthenticatorAppID, code: String, by unsettled: Unsettled, source: Source
  ) async throws {
    try await ports.confirmApp(id, code: code, of: unsettled.account, by: unsettled.session, source: source)
  }

  package func newPasskeyPrompt(for unsettled: Unsettled, binding: JourneyBinding) async throws
    -> PasskeyPrompt
  {
    try await ports.promptNewPasskey(of: unsettled.account, binding: binding)
  }

  package func addPasskey(
    _ registration: PasskeyRegistration, request: String, named name: String, by unsettled: Unsettled,
    binding: JourneyBinding, source: Source
  ) async throws {
    _ = try await ports.addPasskey(
      registration, request: ports.open(PasskeyRequest.self, request, for: binding), named: name,
      to: unsettled.account, by: unsettled.session, source: source)
  }

  /// A second factor that is lost goes. - Throws: `Refusal.notFound`, `.changedMeanwhile`.
  package func remove(_ proof: Proof, by unsettled: Unsettled, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      try ports.check(unsettled.session, in: transaction)
      let proofs = try ports.proofs(of: unsettled.account, in: transaction)
      guard proofs.secondFactors.contains(proof) else { throw Refusal.notFound }
      try ports.recordRemoval(of: proof, from: proofs, source: source, in: transaction)
    }
  }

  /// Makes the session a full one, under a new token. After a hold the new recovery code is made and shown here.
  /// - Throws: `Refusal.secondFactorNeeded` while it is not done, `.changedMeanwhile`, `.busy`.
  package func finish(by unsettled: Unsettled, source: Source) async throws -> (StartedSession, ShownCode?) {
    let account = unsettled.account
    let token = ports.newSessionToken()
    let code = ports.newCode(seed: ports.randomness.bytes(32))
    let stored = try await ports.seal(
      code, id: CodeID(ports.randomness), for: account, at: ports.clock.now(), from: source)
    return try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let progress = try ports.settling(of: unsettled, in: transaction)
      guard progress.isDone else { throw Refusal.secondFactorNeeded }
      let old = unsettled.session
      let session = Session(
        id: old.id, account: account.id, createdAt: old.createdAt, lastSeenAt: now, provedAt: now,
        source: old.source, proofs: old.proofs + progress.settled, isRecovered: old.isRecovered)
      guard try transaction.renew(session, tokenDigest: ports.keys.digest(sessionToken: token)) else {
        throw Refusal.notSignedIn
      }
      if let hold = try transaction.completedHold(of: account.id) { try transaction.useTicket(of: hold.id) }
      var shown: ShownCode?
      if progress.proofs.code == nil {
        try ports.replaceCode(with: stored, of: account, source: source, in: transaction)
        shown = ShownCode(code: code, serial: stored.serial, createdAt: stored.createdAt)
      } else {
        try ports.note(.factorsSettled, on: account.id, source: source, in: transaction)
      }
      return (StartedSession(token: token, session: session, account: account), shown)
    }
  }
}

extension Ports {
  fileprivate func settling(of unsettled: Unsettled, in transaction: any Transaction) throws
    -> FactorSettling.Progress
  {
    guard let account = try transaction.account(unsettled.account.id) else { throw Refusal.notSignedIn }
    return FactorSettling.Progress(
      try proofs(of: account, in: transaction), since: unsettled.session.createdAt)
  }
}
