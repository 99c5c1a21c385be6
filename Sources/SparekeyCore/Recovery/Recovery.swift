import RecoveryCode

/// The way back into an account: load, decide, save, enqueue. Every verb takes the sealed journey and gives the
/// next one; pages and API render the same `RecoveryProgress`.
package struct Recovery: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Begins with a name; a name nobody has walks the same steps (S6).
  /// - Throws: `Refusal.field(.username, …)`.
  package func start(
    username: String, withCode: Bool = false, binding: JourneyBinding
  ) async throws -> RecoveryProgress {
    let name = try typedName(username)
    let lookup = Username.lookup(name)
    let (facts, now) = try await facts(named: lookup)
    let hasOptions = !ports.verificationOptions(name: lookup, facts: facts, at: now).isEmpty
    let attempt = RecoveryAttempt(
      id: JourneyID(ports.randomness), username: name, target: facts?.target,
      newCodeSeed: ports.randomness.bytes(32), startsWithCode: withCode || !hasOptions, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// Where a journey stands.
  /// - Throws: `Refusal.expired`.
  package func resume(_ token: String, binding: JourneyBinding) async throws -> RecoveryProgress {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let (facts, now) = try await facts(named: attempt.lookupName)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// The name a journey is about.
  /// - Throws: `Refusal.expired`.
  package func name(_ token: String, binding: JourneyBinding) throws(Refusal) -> String {
    try ports.open(RecoveryAttempt.self, token, for: binding).username
  }

  /// What was shown in a journey so far.
  /// - Throws: `Refusal.expired`.
  package func evidence(in token: String, binding: JourneyBinding) throws(Refusal) -> [ProofKind] {
    try ports.open(RecoveryAttempt.self, token, for: binding).evidence.map(\.kind)
  }

  /// *Use a different verification option*.
  package func useDifferentOption(_ token: String, binding: JourneyBinding) async throws -> RecoveryProgress {
    try await walk(token, .differentOption, binding)
  }

  /// *I don't have any of these*.
  package func noneOfThese(_ token: String, binding: JourneyBinding) async throws -> RecoveryProgress {
    try await walk(token, .noneOfThese, binding)
  }

  /// Sends a code to an option. For a decoy nothing goes out, and nothing shows that (S6).
  /// - Throws: `Refusal.field(.option, .missing)`, `.slowDown`, `.expired`, `.outOfStep`.
  package func sendIssuedCode(
    _ token: String, to optionID: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    var attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let name = attempt.lookupName
    let code = IssuedCode.make(ports.randomness)
    let sentID = Base32.encode(ports.randomness.bytes(16))
    let (facts, sent, now) = try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let facts = try ports.facts(named: name, in: transaction)
      let options = ports.verificationOptions(name: name, facts: facts, at: now)
      guard let option = options.first(where: { $0.id == optionID }) else {
        throw Refusal.field(.option, .missing)
      }
      try ports.countTry(ThrottleRules.issueCode, on: name, from: source, in: transaction)
      let contact = facts?.proofs.confirmedContacts.first { Proof.contact($0) == option.proof }
      try ports.countTry(
        ThrottleRules.mailToContact, on: option.id, from: nil,
        in: transaction)
      try ports.enqueue(
        contact.map {
          Notice(
            kind: .issuedCode(code: code), username: facts?.account.username ?? "", contact: $0, at: now,
            source: source)
        }, in: transaction)
      let sent = RecoveryAttempt.SentCode(
        id: sentID, option: option.id, kind: option.kind, masked: option.masked, proof: option.proof,
        digest: ports.digest(issuedCode: code, for: sentID),
        expiresAt: now + RecoveryAttempt.SentCode.lifetime)
      return (facts, sent, now)
    }
    try ports.receive(.sent(sent), in: &attempt, about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// - Throws: `Refusal.issuedCodeWrong` (also when it is too old or was tried five times), `.field(.code, …)`,
  ///   `.slowDown`, `.outOfStep`, `.expired`, `.changedMeanwhile`.
  package func enterIssuedCode(
    _ token: String, code typed: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    guard case .awaitingIssuedCode(let sent) = attempt.state else { throw Refusal.outOfStep }
    let code = try IssuedCode.read(typed)
    let name = attempt.lookupName
    let (tried, facts, now) = try await ports.database.write { [ports] transaction in
      (
        try ports.countTry(atIssuedCode: sent.id, of: name, from: source, in: transaction),
        try ports.facts(named: name, in: transaction), transaction.now
      )
    }
    guard constantTimeEqual(sent.digest, ports.digest(issuedCode: code, for: sent.id)), now < sent.expiresAt,
      let proof = sent.proof
    else { throw Refusal.issuedCodeWrong }
    try await ports.database.write { [ports] in try ports.clearTries(tried, in: $0) }
    return try proved(proof, in: attempt, facts: facts, binding: binding, at: now)
  }

  /// The password as evidence, beside others. Its tries are counted apart from those at sign-in, so that neither locks
  /// the other (T7).
  /// - Throws: `Refusal.wrongPassword`, `.field(.password, …)`, `.slowDown`, `.busy`, `.expired`, `.changedMeanwhile`.
  package func enterPassword(
    _ token: String, password: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    guard !password.isEmpty else { throw Refusal.field(.password, .missing) }
    guard password.utf8.count <= PasswordRules.maximumBytes else { throw Refusal.wrongPassword }
    let (tried, facts, now) = try await counted(ThrottleRules.recoveryPassword, attempt, from: source)
    guard try await ports.verify(password, of: facts?.account, from: source) != nil else {
      throw Refusal.wrongPassword
    }
    try await ports.database.write { [ports] in try ports.clearTries(tried, in: $0) }
    return try proved(.password, in: attempt, facts: facts, binding: binding, at: now)
  }

  /// A code of an authenticator app as evidence. Each step is accepted once, here and at sign-in together.
  /// - Throws: `Refusal.totpWrong`, `.field(.code, …)`, `.slowDown`, `.expired`, `.changedMeanwhile`.
  package func enterTOTP(
    _ token: String, code typed: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let code = try IssuedCode.read(typed)
    let (triedFromHere, _, _) = try await counted(ThrottleRules.recoveryTOTP, attempt, from: source)
    let (tried, facts, now) = try await counted(ThrottleRules.recoveryTOTPOfAccount, attempt, from: nil)
    let knowsPassword = attempt.evidence.contains { $0.proof == .password }
    let app = try await ports.afterPassword(of: knowsPassword ? facts?.account : nil, source: source) {
      try await ports.database.write { [ports] transaction in
        guard let app = try ports.useTOTP(code, among: facts?.proofs.confirmedApps ?? [], in: transaction)
        else { throw Refusal.totpWrong }
        try ports.clearTries(triedFromHere, in: transaction)
        try ports.takeBack(tried, in: transaction)
        return app
      }
    }
    return try proved(.totp(app.id), in: attempt, facts: facts, binding: binding, at: now)
  }

  /// What the browser needs to ask for a passkey: the same for every name (S6).
  /// - Throws: `Refusal.expired`.
  package func passkeyPrompt(_ token: String, binding: JourneyBinding) async throws -> PasskeyPrompt {
    _ = try ports.open(RecoveryAttempt.self, token, for: binding)
    return try await ports.promptPasskey(of: nil, binding: binding)
  }

  /// A passkey as evidence.
  /// - Throws: `Refusal.passkeyWrong`, `.slowDown`, `.expired`, `.changedMeanwhile`.
  package func enterPasskey(
    _ token: String, assertion: PasskeyAssertion, request: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let request = try ports.open(PasskeyRequest.self, request, for: binding)
    let passkey = try await ports.usePasskey(
      assertion, request: request, expected: attempt.target?.account ?? AccountID(text: ""), source: source)
    let (facts, now) = try await facts(named: attempt.lookupName)
    return try proved(.passkey(passkey.id), in: attempt, facts: facts, binding: binding, at: now)
  }

  /// *Wait*: the person accepts a hold and goes on to the new password.
  /// - Throws: `Refusal.notEnough`, `.expired`, `.changedMeanwhile`.
  package func acceptWait(_ token: String, binding: JourneyBinding) async throws -> RecoveryProgress {
    try await walk(token, .acceptWait, binding)
  }

  /// *It is not mine*: someone with enough evidence objects to the recovery that waits (H5, H9). Nothing is parked;
  /// objecting again changes nothing.
  /// - Throws: `Refusal.notEnough`, `.holdOver` when none waits any more, `.juniorProof`, `.expired`,
  ///   `.changedMeanwhile`.
  package func object(_ token: String, binding: JourneyBinding, source: Source) async throws -> RunningHold {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    // H11: what is due ends first.
    _ = try await facts(named: attempt.lookupName)
    return try await ports.database.write { [ports] transaction in
      _ = try ports.currentAccount(canonicalName: attempt.lookupName, in: transaction)
      let facts = try ports.facts(named: attempt.lookupName, in: transaction)
      let decision = try attempt.decision(
        about: facts, strict: ports.options.strictPolicy, at: transaction.now)
      guard decision.outcome != .notEnough else { throw Refusal.notEnough }
      guard let running = facts?.hold else { throw Refusal.holdOver }
      let fresh = attempt.evidence.filter { $0.isFresh(at: transaction.now) }
      return try ports.contest(running, by: fresh.map(\.proof), source: source, in: transaction)
    }
  }

  /// Back to what else could be shown. - Throws: `Refusal.outOfStep` before anything was shown.
  package func showMore(_ token: String, binding: JourneyBinding) async throws -> RecoveryProgress {
    try await walk(token, .moreEvidence, binding)
  }

  /// Checks a recovery code. It is not used up before the new password is written (design decision 4).
  /// - Throws: `Refusal.codeUnreadable`, `.codeSuggestion` (nothing counted); `.codeWrong`, `.codeReplaced`,
  ///   `.codeUsed`, `.slowDown`, `.busy`, `.expired`, `.changedMeanwhile`.
  package func enterRecoveryCode(
    _ token: String, code typed: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    try ports.hashing.checkRoom(for: source, toBegin: false)
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let code = try ports.readCode(typed)
    let name = attempt.lookupName
    let (tried, facts, codes, now) = try await ports.database.write { [ports] transaction in
      let tried = try ports.countTry(ThrottleRules.recoveryCode, on: name, from: source, in: transaction)
      let facts = try ports.facts(named: name, in: transaction)
      let id = facts?.account.id ?? AccountID(text: "")
      return (tried, facts, try transaction.codes(of: id, limit: StoredCode.remembered + 1), transaction.now)
    }
    let verified: VerifiedCode
    do {
      verified = try await ports.check(code, of: facts?.account, among: codes, from: source)
    } catch Refusal.codeWrong {
      try await ports.count(.codes, on: name, for: facts?.account, source: source)
      throw Refusal.codeWrong
    }
    try await ports.database.write { [ports] in try ports.clearTries(tried, in: $0) }
    return try proved(.recoveryCode(verified.id), in: attempt, facts: facts, binding: binding, at: now)
  }

  /// What is asked for on the last page.
  package struct Wanted: Sendable {
    /// Nil keeps the password, which must be among the evidence.
    package let password: String?
    /// For a hold: where the claimant can be reached; becomes a contact of the account when the hold completes.
    package let contact: String?
    /// For a hold that runs: the ticket of its claimant.
    package let ticket: String?

    package init(password: String?, contact: String? = nil, ticket: String? = nil) {
      self.password = password
      self.contact = contact.flatMap { $0.isEmpty ? nil : $0 }
      self.ticket = ticket.flatMap { $0.isEmpty ? nil : $0 }
    }
  }

  /// Ends the recovery, in ONE transaction (C9): *now*, the password is set, the live code used up, a new one made,
  /// every session ended, the history written and every contact told (H1); *held*, the password is parked, the code
  /// reserved, and every contact told (H2).
  ///
  /// The same journey again gets the same answer for ten minutes, so that a lost response loses nothing.
  /// - Parameter acceptsWait: whoever asks knows that it may take effect only later: `acceptWait` is in it.
  /// - Throws: `Refusal.field(…)`, `.outOfStep`, `.codeUsed`, `.codeReplaced`, `.changedMeanwhile`, `.expired`,
  ///   `.notEnough`, `.holdRunning`, `.juniorProof`, `.ticketWrong`, `.frozen`, `.slowDown`, `.busy`.
  package func finish(
    _ token: String, wanted: Wanted, acceptsWait: Bool = false, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryEnd {
    let opened = try ports.open(RecoveryAttempt.self, token, for: binding)
    let due: [RecoveryAttempt.Step] = acceptsWait ? [.newPassword, .weighing] : [.newPassword]
    guard due.contains(opened.step), let target = opened.target else { throw Refusal.outOfStep }
    // H11: after the end of a hold nothing stops it any more.
    let (found, seen) = try await facts(named: opened.lookupName)
    let ended = try await ports.database.read { [ports] transaction in
      if try transaction.spent(opened.id.text) != nil { return true }
      try ports.refuseSpentCode(opened, in: transaction)
      return false
    }
    if ended { return try await answer(to: opened) }
    let strict = ports.options.strictPolicy
    let attempt = try opened.step == .weighing ? ports.accepting(opened, about: found, at: seen) : opened
    let decision = try attempt.decision(about: found, strict: strict, at: seen)
    guard let facts = found, decision.outcome != .notEnough else { throw Refusal.notEnough }
    let parked = try await park(
      wanted, of: facts, attempt, formerRow: ports.opensByFormerRow(attempt, facts, at: seen), from: source)
    let code = ports.newCode(seed: attempt.newCodeSeed)
    let newCode = try await ports.seal(
      code, id: CodeID(text: attempt.id.text), for: facts.account, at: ports.clock.now(), from: source)
    do {
      return try await ports.database.write { [ports] transaction in
        guard try transaction.spend(attempt.id.text, for: target.account) else { throw Refusal.alreadyDone }
        try ports.refuseSpentCode(attempt, in: transaction)
        // Everything is looked at again.
        _ = try ports.currentAccount(canonicalName: attempt.lookupName, in: transaction)
        guard let facts = try ports.facts(named: attempt.lookupName, in: transaction) else {
          throw Refusal.notEnough
        }
        var ended = attempt
        try ended.receive(.ended, about: facts, strict: strict, at: transaction.now)
        let claim = Claim(
          attempt: attempt, facts: facts,
          decision: try attempt.decision(about: facts, strict: strict, at: transaction.now), parked: parked,
          proofs: attempt.evidence.filter { facts.strength(of: $0, at: transaction.now) != nil }.map(\.proof),
          ticket: wanted.ticket, source: source)
        switch claim.decision.outcome {
        case .now:
          let session = try ports.recover(claim, newCode: newCode, in: transaction)
          return .recovered(
            ShownCode(code: code, serial: newCode.serial, createdAt: newCode.createdAt), session)
        case .held(let wait): return try ports.hold(claim, wait: wait, in: transaction)
        case .notEnough: throw Refusal.notEnough
        }
      }
    } catch Refusal.alreadyDone {
      return try await answer(to: attempt)
    }
  }

  private func park(
    _ wanted: Wanted, of facts: AccountFacts, _ attempt: RecoveryAttempt, formerRow: Bool,
    from source: Source
  ) async throws -> Hold.Parked {
    let staysTwoStep = facts.account.twoStep && !formerRow
    var parked = Hold.Parked(contact: try wanted.contact.map { try NewContact(typed: $0) })
    guard let typed = wanted.password else {
      // H13: a password younger than the code goes with everything else that is.
      guard attempt.evidence.contains(where: { $0.proof == .password }), !formerRow,
        staysTwoStep || !facts.account.passwordNeedsTwoStep
      else { throw Refusal.field(.newPassword, .missing) }
      return parked
    }
    let accepted = try ports.passwordRules.check(
      typed, for: .newPassword, twoStep: staysTwoStep,
      contextWords: ports.contextWords(facts.account, facts.proofs.contacts))
    parked.password = try await ports.seal(accepted.password, for: facts.account.id, from: source)
    parked.passwordNeedsTwoStep = accepted.needsTwoStep
    return parked
  }

  /// The answer of a journey that came to its end less than ten minutes ago, again.
  /// - Throws: `Refusal.outOfStep` when it did not end, `.alreadyDone` when it is too long ago.
  package func finished(_ token: String, binding: JourneyBinding) async throws -> (
    username: String, end: RecoveryEnd
  ) {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    // Every token of a journey holds the seed; only the one that had the proof may see what came of it.
    guard case .choosingPassword = attempt.state else { throw Refusal.outOfStep }
    return (attempt.username, try await answer(to: attempt))
  }

  private func answer(to attempt: RecoveryAttempt) async throws -> RecoveryEnd {
    let id = CodeID(text: attempt.id.text)
    let token = ports.newSessionToken(seed: attempt.newCodeSeed)
    return try await ports.database.read { [ports] transaction in
      guard let endedAt = try transaction.spent(attempt.id.text) else { throw Refusal.outOfStep }
      guard transaction.now < endedAt + RecoveryAttempt.repeatable, let target = attempt.target else {
        throw Refusal.alreadyDone
      }
      if let hold = try transaction.hold(HoldID(text: attempt.id.text)) {
        return .held(
          HeldRecovery(
            hold, claimNumber: ports.claimNumber(of: hold.id),
            ticket: ports.newTicket(seed: attempt.newCodeSeed)))
      }
      // A code that was replaced meanwhile is not shown as if it worked.
      guard try transaction.liveCode(of: target.account)?.id == id else { throw Refusal.alreadyDone }
      return .recovered(
        ShownCode(
          code: ports.newCode(seed: attempt.newCodeSeed), serial: ports.serial(of: id), createdAt: endedAt),
        try ports.session(token, in: transaction).map {
          StartedSession(token: token, session: $0.session, account: $0.account)
        })
    }
  }

  private func counted(
    _ rule: ThrottleRule, _ attempt: RecoveryAttempt, from source: Source?
  ) async throws -> (CountedTry, AccountFacts?, Timestamp) {
    try await ports.database.write { [ports] transaction in
      (
        try ports.countTry(rule, on: attempt.lookupName, from: source, in: transaction),
        try ports.facts(named: attempt.lookupName, in: transaction), transaction.now
      )
    }
  }

  private func proved(
    _ proof: Proof, in attempt: RecoveryAttempt, facts: AccountFacts?, binding: JourneyBinding,
    at now: Timestamp
  ) throws -> RecoveryProgress {
    var attempt = attempt
    try ports.receive(.proved(Evidence(proof: proof, provedAt: now)), in: &attempt, about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  private func walk(
    _ token: String, _ event: RecoveryAttempt.Event, _ binding: JourneyBinding
  ) async throws -> RecoveryProgress {
    var attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let (facts, now) = try await facts(named: attempt.lookupName)
    try ports.receive(event, in: &attempt, about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  private func facts(named name: String) async throws -> (AccountFacts?, Timestamp) {
    let (facts, now) = try await ports.database.read { [ports] in
      (try ports.facts(named: name, in: $0), $0.now)
    }
    guard let facts, let due = facts.account.holdDueAt, due <= now else { return (facts, now) }
    try await ports.endDueHold(of: facts.account.id)
    return try await ports.database.read { [ports] in (try ports.facts(named: name, in: $0), $0.now) }
  }

  private func progress(
    of attempt: RecoveryAttempt, facts: AccountFacts?, binding: JourneyBinding, at now: Timestamp
  ) throws -> RecoveryProgress {
    let sent: RecoveryAttempt.SentCode? =
      if case .awaitingIssuedCode(let code) = attempt.state { code } else { nil }
    let shown = attempt.evidence.compactMap { facts?.strength(of: $0, at: now) }
    let proved = Set(attempt.evidence.map(\.proof))
    let decision =
      shown.isEmpty ? nil : try attempt.decision(about: facts, strict: ports.options.strictPolicy, at: now)
    return RecoveryProgress(
      journey: try ports.seal(attempt, for: binding), step: attempt.step,
      username: attempt.username,
      options: ports.verificationOptions(name: attempt.lookupName, facts: facts, at: now)
        .filter { $0.proof.map { !proved.contains($0) } ?? true },
      evidence: attempt.evidence.map(\.kind),
      provedAddress: decision == nil ? nil : facts?.provedAddress(in: attempt.evidence),
      sentTo: sent?.masked, sentOption: sent?.option, sentKind: sent?.kind, decision: decision,
      effectiveAt: decision.flatMap { ports.effectiveAt($0.outcome, at: now) },
      forecast: ports.forecast(facts: decision == nil ? nil : facts, shown: shown),
      runningHold: decision == nil
        ? nil : facts?.hold.map { RunningHold(claimNumber: ports.claimNumber(of: $0.id), hold: $0) },
      twoStep: decision != nil && facts?.account.twoStep == true,
      suspends: decision != nil && facts.map { ports.opensByFormerRow(attempt, $0, at: now) } ?? false)
  }
}
