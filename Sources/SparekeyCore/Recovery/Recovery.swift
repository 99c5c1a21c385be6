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
      let contact = facts?.contacts.first { $0.id == option.contact }
      try ports.countTry(
        ThrottleRules.mailToContact, on: option.id, from: nil,
        in: transaction)
      try ports.enqueue(
        contact.map {
          Notice(
            kind: .issuedCode(code: code), username: facts?.account.username ?? "", address: $0.address,
            at: now,
            source: source)
        }, in: transaction)
      let sent = RecoveryAttempt.SentCode(
        id: sentID, option: option.id, masked: option.masked, contact: option.contact,
        digest: ports.digest(issuedCode: code, for: sentID),
        expiresAt: now + RecoveryAttempt.SentCode.lifetime)
      return (facts, sent, now)
    }
    try attempt.receive(.sent(sent), about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// - Throws: `Refusal.issuedCodeWrong` (also when it is too old or was tried five times), `.field(.code, …)`,
  ///   `.outOfStep`, `.expired`, `.changedMeanwhile`, `.notEnough`.
  package func enterIssuedCode(
    _ token: String, code typed: String, binding: JourneyBinding
  ) async throws -> RecoveryProgress {
    var attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    guard case .awaitingIssuedCode(let sent) = attempt.state else { throw Refusal.outOfStep }
    let code = try IssuedCode.read(typed)
    let name = attempt.lookupName
    let (facts, now) = try await ports.database.write { [ports] transaction in
      do {
        try ports.countTry(ThrottleRules.issuedCode, on: sent.id, from: nil, in: transaction)
      } catch Refusal.slowDown {
        throw Refusal.issuedCodeWrong
      }
      return (try ports.facts(named: name, in: transaction), transaction.now)
    }
    guard constantTimeEqual(sent.digest, ports.digest(issuedCode: code, for: sent.id)), now < sent.expiresAt,
      let contact = sent.contact
    else { throw Refusal.issuedCodeWrong }
    try attempt.receive(.proved(Evidence(proof: .email(contact), provedAt: now)), about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// Checks a recovery code. It is not used up before the new password is written (design decision 4).
  /// - Throws: `Refusal.codeUnreadable`, `.codeSuggestion` (nothing counted); `.codeWrong`, `.codeReplaced`,
  ///   `.codeUsed`, `.slowDown`, `.busy`, `.expired`, `.changedMeanwhile`.
  package func enterRecoveryCode(
    _ token: String, code typed: String, binding: JourneyBinding, source: Source
  ) async throws -> RecoveryProgress {
    var attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let code = try ports.readCode(typed)
    let name = attempt.lookupName
    let (facts, codes, now) = try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.recoveryCode, on: name, from: source, in: transaction)
      let facts = try ports.facts(named: name, in: transaction)
      let id = facts?.account.id ?? AccountID(text: "")
      return (facts, try transaction.codes(of: id, limit: StoredCode.remembered + 1), transaction.now)
    }
    let verified: VerifiedCode
    do {
      verified = try await ports.check(code, of: facts?.account, among: codes)
    } catch Refusal.codeWrong {
      try await countWrongCode(for: facts?.account, named: name, source: source)
      throw Refusal.codeWrong
    }
    try await ports.database.write { [ports] transaction in
      try ports.clearTries(ThrottleRules.recoveryCode, on: name, from: source, in: transaction)
    }
    try attempt.receive(
      .proved(Evidence(proof: .recoveryCode(verified.id), provedAt: now)), about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  /// Ends the recovery: in ONE transaction the password is set, the live code is used up, a new one made, every
  /// session ended, the history written and every contact told (H1, C9).
  ///
  /// The same journey again gets the same answer for ten minutes, so that a lost response loses nothing.
  /// - Throws: `Refusal.field(.newPassword, …)`, `.outOfStep`, `.codeUsed`, `.changedMeanwhile`, `.expired`,
  ///   `.notEnough`, `.busy`.
  package func chooseNewPassword(
    _ token: String, password typed: String, binding: JourneyBinding, source: Source
  ) async throws -> ShownCode {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    guard case .choosingPassword = attempt.state, let target = attempt.target else { throw Refusal.outOfStep }
    let before = try await ports.database.read { [ports] transaction -> (AccountFacts?, Timestamp)? in
      if try transaction.spent(attempt.id.text) != nil { return nil }
      try ports.refuseSpentCode(attempt, in: transaction)
      return (try ports.facts(named: attempt.lookupName, in: transaction), transaction.now)
    }
    guard let (found, seen) = before else { return try await answer(to: attempt) }
    guard let facts = found, try attempt.outcome(about: facts, at: seen) == .now else {
      throw Refusal.notEnough
    }
    let password = try ports.passwordRules.check(
      typed, for: .newPassword, twoStep: facts.account.twoStepSince != nil,
      contextWords: ports.contextWords(facts.account, facts.contacts))
    let sealedPassword = try await ports.seal(password, for: target.account)
    let code = ports.newCode(seed: attempt.newCodeSeed)
    let newCode = try await ports.seal(
      code, id: CodeID(text: attempt.id.text), for: facts.account, at: ports.clock.now())

    do {
      try await ports.database.write { [ports] transaction in
        try ports.complete(
          attempt, password: sealedPassword, newCode: newCode, source: source, in: transaction)
      }
    } catch Refusal.alreadyDone {
      return try await answer(to: attempt)
    }
    return ShownCode(code: code, serial: newCode.serial, createdAt: newCode.createdAt)
  }

  /// The answer of a journey that came to its end less than ten minutes ago, again.
  /// - Throws: `Refusal.outOfStep` when it did not end, `.alreadyDone` when it is too long ago.
  package func finished(_ token: String, binding: JourneyBinding) async throws -> (
    username: String, code: ShownCode
  ) {
    let attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    // Every token of a journey holds the seed; only the one that had the proof may see what came of it.
    guard case .choosingPassword = attempt.state else { throw Refusal.outOfStep }
    return (attempt.username, try await answer(to: attempt))
  }

  private func answer(to attempt: RecoveryAttempt) async throws -> ShownCode {
    let id = CodeID(text: attempt.id.text)
    let found = try await ports.database.read { transaction in
      let live = try attempt.target.flatMap { try transaction.liveCode(of: $0.account)?.id }
      return try transaction.spent(attempt.id.text).map { ($0, live, transaction.now) }
    }
    guard let (finishedAt, live, now) = found else { throw Refusal.outOfStep }
    // A code that was replaced meanwhile is not shown as if it worked.
    guard now < finishedAt + RecoveryAttempt.repeatable, live == id else { throw Refusal.alreadyDone }
    return ShownCode(
      code: ports.newCode(seed: attempt.newCodeSeed),
      serial: ports.serial(of: id), createdAt: finishedAt)
  }

  private func walk(
    _ token: String, _ event: RecoveryAttempt.Event, _ binding: JourneyBinding
  ) async throws -> RecoveryProgress {
    var attempt = try ports.open(RecoveryAttempt.self, token, for: binding)
    let (facts, now) = try await facts(named: attempt.lookupName)
    try attempt.receive(event, about: facts, at: now)
    return try progress(of: attempt, facts: facts, binding: binding, at: now)
  }

  private func facts(named name: String) async throws -> (AccountFacts?, Timestamp) {
    try await ports.database.read { [ports] in (try ports.facts(named: name, in: $0), $0.now) }
  }

  /// The owner hears of ten well-formed codes that do not fit, whoever sent them, and of every hundredth.
  private func countWrongCode(for account: Account?, named name: String, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let count = try ports.tally(ThrottleRules.wrongCodes, on: name, in: transaction)
      guard count == ThrottleRules.wrongCodesTold || count.isMultiple(of: 100), let account else { return }
      try ports.note(.wrongCodes, on: account.id, source: source, in: transaction)
      try ports.tell(
        ports.contacts(of: account.id, in: transaction), .wrongCodes(count: count), about: account,
        source: source, in: transaction)
    }
  }

  private func progress(
    of attempt: RecoveryAttempt, facts: AccountFacts?, binding: JourneyBinding, at now: Timestamp
  ) throws -> RecoveryProgress {
    let sent: RecoveryAttempt.SentCode? =
      if case .awaitingIssuedCode(let code) = attempt.state { code } else { nil }
    return RecoveryProgress(
      journey: try ports.seal(attempt, for: binding), step: attempt.step,
      username: attempt.username,
      options: ports.verificationOptions(name: attempt.lookupName, facts: facts, at: now),
      evidence: attempt.evidence.map(\.kind),
      provedAddress: attempt.step == .newPassword ? facts?.provedAddress(in: attempt.evidence) : nil,
      sentTo: sent?.masked, sentOption: sent?.option,
      forecast: RecoveryPolicy.opensNow(),
      twoStep: attempt.step == .newPassword && facts?.account.twoStepSince != nil)
  }
}

/// Where a recovery stands, as pages and API show it.
package struct RecoveryProgress: Sendable {
  /// The sealed journey, for the next step.
  package let journey: String
  package let step: RecoveryAttempt.Step
  package let username: String
  package let options: [VerificationOption]
  package let evidence: [EvidenceKind]
  /// The masked address whose code was entered.
  package let provedAddress: String?
  /// The masked address that a code was sent to, if it is right.
  package let sentTo: String?
  package let sentOption: String?
  /// H4: what opens an account at once.
  package let forecast: [RecoveryPolicy.Requirement]
  /// Known only to someone whose evidence opened the account (S6).
  package let twoStep: Bool
}

extension AccountFacts {
  fileprivate var target: RecoveryAttempt.Target {
    RecoveryAttempt.Target(account: account.id, version: account.version)
  }
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
    let liveCode = try transaction.liveCode(of: id)?.id
    return account.map { AccountFacts(account: $0, contacts: contacts, liveCode: liveCode) }
  }

  /// The one transaction of C9. Everything is looked at again; every write is guarded.
  fileprivate func complete(
    _ attempt: RecoveryAttempt, password: SealedHash, newCode: StoredCode, source: Source,
    in transaction: any Transaction
  ) throws {
    guard let target = attempt.target else { throw Refusal.outOfStep }
    guard try transaction.spend(attempt.id.text, for: target.account) else { throw Refusal.alreadyDone }
    let now = transaction.now
    try refuseSpentCode(attempt, in: transaction)
    let facts = try facts(named: attempt.lookupName, in: transaction)
    var attempt = attempt
    try attempt.receive(.passwordSet, about: facts, at: now)
    guard let facts else { throw Refusal.notEnough }

    let kinds = attempt.evidence.map(\.kind)
    try record(
      .recovered, detail: kinds.map(\.rawValue).joined(separator: " "), of: facts.account, source: source,
      notice: .recovered(by: kinds), in: transaction)
    if let live = facts.liveCode {
      let ending: StoredCode.Ending = kinds.contains(.recoveryCode) ? .used : .replaced
      guard try transaction.endCode(live, as: ending, at: now) else { throw Refusal.changedMeanwhile }
    }
    try transaction.insert(newCode)
    try transaction.setPassword(password, of: target.account, changedAt: now)
    _ = try transaction.endSessions(of: target.account)
  }

  /// A code that another journey used or replaced meanwhile says so, rather than "something changed".
  fileprivate func refuseSpentCode(_ attempt: RecoveryAttempt, in transaction: any Transaction) throws {
    guard let target = attempt.target else { return }
    let codes = try transaction.codes(of: target.account, limit: StoredCode.remembered + 1)
    for case .recoveryCode(let id) in attempt.evidence.map(\.proof) {
      guard let stored = codes.first(where: { $0.id == id }), let endedAt = stored.endedAt else { continue }
      throw stored.ending == .used ? Refusal.codeUsed(at: endedAt) : Refusal.codeReplaced(at: endedAt)
    }
  }
}
