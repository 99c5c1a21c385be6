extension AccountFacts {
  var target: RecoveryAttempt.Target {
    RecoveryAttempt.Target(account: account.id, version: account.version)
  }
}

/// Everything the transaction that ends a recovery decides on (C9): now, or held.
struct Claim: Sendable {
  let attempt: RecoveryAttempt
  let facts: AccountFacts
  let decision: RecoveryPolicy.Decision
  let parked: Hold.Parked
  /// What was shown and still counts.
  let proofs: [Proof]
  let ticket: String?
  let source: Source
}

extension Ports {
  package func facts(named name: String, in transaction: any Transaction) throws -> AccountFacts? {
    let account = try transaction.account(canonicalName: name)
    // An unknown name asks the same questions (S6).
    let id = account?.id ?? AccountID(text: "")
    let contacts = try contacts(of: id, in: transaction)
    // Opening none or one address takes as long as opening two (S6).
    for _ in contacts.count..<max(contacts.count, 2) {
      _ = keys.open(keys.unopenable(length: 64), for: .contact, bound: "")
    }
    let apps = try transaction.authenticatorApps(of: id)
    let passkeys = try transaction.passkeys(of: id)
    let code = try transaction.liveCode(of: id)
    let hold = try transaction.openHold(of: id)
    let restoredAt = try transaction.fact(.restoredAt)
    return account.map {
      AccountFacts(
        proofs: ProofsOfAccount(account: $0, contacts: contacts, apps: apps, passkeys: passkeys, code: code),
        hold: hold, restoredAt: restoredAt)
    }
  }

  func receive(
    _ event: RecoveryAttempt.Event, in attempt: inout RecoveryAttempt, about facts: AccountFacts?,
    at now: Timestamp
  ) throws(Refusal) {
    try attempt.receive(event, about: facts, strict: options.strictPolicy, at: now)
  }

  /// The journey with its wait accepted.
  func accepting(
    _ attempt: RecoveryAttempt, about facts: AccountFacts?, at now: Timestamp
  ) throws(Refusal) -> RecoveryAttempt {
    var accepted = attempt
    try receive(.acceptWait, in: &accepted, about: facts, at: now)
    return accepted
  }

  package func effectiveAt(_ outcome: RecoveryPolicy.Outcome, at now: Timestamp) -> Timestamp? {
    switch outcome {
    case .now: now
    case .held(let wait): now + wait.duration(of: options.holdPeriod)
    case .notEnough: nil
    }
  }

  /// H4. Without facts it speaks of accounts in general.
  package func forecast(facts: AccountFacts?, shown: [EvidenceStrength]) -> [RecoveryPolicy.Forecast] {
    guard let facts else {
      return RecoveryPolicy.forecast(twoStep: false, strict: options.strictPolicy)
        + RecoveryPolicy.forecast(twoStep: true, strict: options.strictPolicy)
    }
    return RecoveryPolicy.forecast(twoStep: facts.account.twoStep, strict: options.strictPolicy, shown: shown)
  }

  func newSessionToken(seed: [UInt8]) -> Secret {
    Secret(Base32.encode(keys.digest(seed, for: .newSession)))
  }

  /// *Now*: the one transaction of C9; every write is guarded.
  /// - Returns: with two-step verification, a session that has to settle the second factors.
  func recover(
    _ claim: Claim, newCode: StoredCode, in transaction: any Transaction
  ) throws -> StartedSession? {
    let facts = claim.facts
    let account = facts.account
    let now = transaction.now
    try endHold(for: claim, in: transaction)
    try thaw(claim, in: transaction)

    let kinds = claim.proofs.map(\.kind)
    try record(
      .recovered, detail: kinds.map(\.rawValue).joined(separator: " "), of: account, source: claim.source,
      notice: .recovered(by: kinds), past: [.hold, .freeze], in: transaction)
    if opensByFormerRow(claim.attempt, facts, at: now) {
      try suspend(youngerThan: facts.proofs.code, of: facts.proofs, in: transaction)
    }
    if let live = facts.proofs.code {
      let ending: StoredCode.Ending = kinds.contains(.recoveryCode) ? .used : .replaced
      // A hold that was just stopped spent the code it had reserved.
      guard try transaction.endCode(live.id, as: ending, at: now) || live.id == facts.hold?.reservedCode
      else {
        throw Refusal.changedMeanwhile
      }
    }
    try transaction.insert(newCode)
    if let password = claim.parked.password {
      try transaction.setPassword(
        password, needsTwoStep: claim.parked.passwordNeedsTwoStep, of: account.id, changedAt: now)
    }
    _ = try transaction.endSessions(of: account.id)
    try reopen(account, source: claim.source, in: transaction)
    guard let current = try transaction.account(account.id), current.twoStep else { return nil }
    let token = newSessionToken(seed: claim.attempt.newCodeSeed)
    let session = try startSession(
      for: current, shown: claim.proofs, restriction: .settleFactors, token: token, source: claim.source,
      in: transaction)
    return StartedSession(token: token, session: session, account: current)
  }

  /// H13: the code is older than two-step verification, which was turned on less than 30 days ago.
  func opensByFormerRow(_ attempt: RecoveryAttempt, _ facts: AccountFacts, at now: Timestamp)
    -> Bool
  {
    !options.strictPolicy
      && attempt.evidence.contains { facts.strength(of: $0, at: now)?.code == .beforeTwoStep }
  }

  /// H13: what is younger than the code bought nobody time; it goes, and can be undone like any change.
  private func suspend(
    youngerThan code: StoredCode?, of proofs: ProofsOfAccount, in transaction: any Transaction
  ) throws {
    guard let code else { return }
    for proof in proofs.securityInfo {
      if let since = proofs.since(proof), since > code.createdAt {
        _ = try remove(proof, of: proofs.account.id, in: transaction)
      }
    }
    try transaction.setTwoStep(since: nil, of: proofs.account.id)
  }

  /// A recovery that opens at once ends a hold: its own claimant's, or, with proofs that were senior when the hold
  /// started, the one it overrules (H8).
  private func endHold(for claim: Claim, in transaction: any Transaction) throws {
    guard let hold = claim.facts.hold else { return }
    if hold.state == .running, let ticket = claim.ticket,
      constantTimeEqual(digest(ticket: ticket), hold.ticketDigest)
    {
      _ = try receive(.supersede, on: hold, source: claim.source, in: transaction)
    } else {
      let senior = claim.proofs.filter(hold.seniors.contains)
      guard opensAtOnce(senior, of: claim.facts, at: transaction.now) else {
        throw Refusal.holdRunning(until: hold.endsAt)
      }
      try stop(hold, by: senior, source: claim.source, in: transaction)
    }
  }

  /// What came with younger proofs must suffice without them.
  private func opensAtOnce(_ proofs: [Proof], of facts: AccountFacts, at now: Timestamp) -> Bool {
    RecoveryPolicy.decide(
      twoStep: facts.account.twoStep, strict: options.strictPolicy,
      evidence: proofs.compactMap { facts.strength(of: $0, at: now) }
    ).outcome == .now
  }

  /// D2: only proofs older than what an account was frozen for open it.
  private func thaw(_ claim: Claim, in transaction: any Transaction) throws {
    guard let freeze = claim.facts.account.frozen else { return }
    let older = claim.proofs.filter { claim.facts.proofs.predates($0, freeze.eventAt) }
    guard opensAtOnce(older, of: claim.facts, at: transaction.now) else { throw Refusal.frozen }
    _ = try transaction.setFrozen(nil, of: claim.facts.account.id)
  }

  /// *Held*: a hold begins, is joined by its own claimant, or is contested by another (H5, H9).
  func hold(
    _ claim: Claim, wait: RecoveryPolicy.Wait, in transaction: any Transaction
  ) throws -> RecoveryEnd {
    let proofs = claim.proofs
    if let running = claim.facts.hold {
      let number = claimNumber(of: running.id)
      if let ticket = claim.ticket {
        guard constantTimeEqual(digest(ticket: ticket), running.ticketDigest) else {
          throw Refusal.ticketWrong
        }
        return .held(HeldRecovery(running, claimNumber: number, ticket: nil))
      }
      return .contested(try contest(running, by: proofs, source: claim.source, in: transaction))
    }
    if claim.facts.account.frozen != nil { throw Refusal.frozen }
    if let stopped = try transaction.stoppedHold(of: claim.facts.account.id), let at = stopped.endedAt,
      transaction.now < at + Hold.quietAfterStop, !Set(stopped.evidence).isDisjoint(with: proofs)
    {
      throw Refusal.slowDown(until: at + Hold.quietAfterStop)
    }
    let ticket = newTicket(seed: claim.attempt.newCodeSeed)
    let hold = try startHold(
      HoldID(text: claim.attempt.id.text), .recovery, wait: wait, row: claim.decision.row, evidence: proofs,
      parked: claim.parked, ticketDigest: digest(ticket: ticket), of: claim.facts.proofs,
      source: claim.source,
      in: transaction)
    return .held(HeldRecovery(hold, claimNumber: claimNumber(of: hold.id), ticket: ticket))
  }

  func contest(
    _ running: Hold, by proofs: [Proof], source: Source, in transaction: any Transaction
  ) throws -> RunningHold {
    guard let senior = proofs.first(where: running.seniors.contains) else { throw Refusal.juniorProof }
    return RunningHold(
      claimNumber: claimNumber(of: running.id),
      hold: try receive(.contest(by: senior), on: running, source: source, in: transaction))
  }

  /// A code that another journey used or replaced meanwhile says so, rather than "something changed".
  func refuseSpentCode(_ attempt: RecoveryAttempt, in transaction: any Transaction) throws {
    guard let target = attempt.target else { return }
    let codes = try transaction.codes(of: target.account, limit: StoredCode.remembered + 1)
    for case .recoveryCode(let id) in attempt.evidence.map(\.proof) {
      guard let stored = codes.first(where: { $0.id == id }), let endedAt = stored.endedAt else { continue }
      throw stored.ending == .used ? Refusal.codeUsed(at: endedAt) : Refusal.codeReplaced(at: endedAt)
    }
  }
}
