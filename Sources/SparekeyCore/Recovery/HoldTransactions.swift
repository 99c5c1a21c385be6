/// What happens to a hold inside one transaction: every write is guarded by the state it was read in.
extension Ports {
  // MARK: the claim ticket

  /// The ticket that a journey's seed stands for: 100 random bits, the same at a repeat of the last step, never in the
  /// database.
  package func newTicket(seed: [UInt8]) -> String {
    let symbols = Array(Base32.encode(keys.digest(seed, for: .newTicket)).prefix(20).uppercased())
    return stride(from: 0, to: symbols.count, by: 4).map { String(symbols[$0..<$0 + 4]) }.joined(
      separator: "-")
  }

  /// Spaces, dashes and case don't matter; O reads as 0, I and L as 1.
  package func digest(ticket typed: String) -> [UInt8] {
    let symbols = typed.prefix(256).uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
      .map { ["O": "0", "I": "1", "L": "1"][$0] ?? $0 }
    return keys.digest(String(symbols), for: .ticketDigest)
  }

  /// The short number on ticket and notices: "is this yours?"
  package func claimNumber(of hold: HoldID) -> String { serial(ofText: hold.text) }

  // MARK: starting

  /// Begins a hold (H2, H12). The account must have no open one.
  package func startHold(
    _ id: HoldID, _ purpose: Hold.Purpose, wait: RecoveryPolicy.Wait, row: Int, evidence: [Proof],
    parked: Hold.Parked, ticketDigest: [UInt8], of proofs: ProofsOfAccount, source: Source,
    in transaction: any Transaction
  ) throws -> Hold {
    let account = proofs.account
    let now = transaction.now
    let hold = Hold(
      id: id, account: account.id, purpose: purpose, startedAt: now,
      endsAt: now + wait.duration(of: options.holdPeriod),
      row: row, evidence: evidence, seniors: proofs.senior(at: now),
      sealedParked: keys.seal(try JSON.encode(parked), for: .parked, bound: "hold/\(account.id)/\(id)"),
      ticketDigest: ticketDigest, source: source)
    guard try transaction.insert(hold, nextNoticeAt: hold.nextMilestone(after: now)) else {
      throw Refusal.changedMeanwhile
    }
    try transaction.setHoldDue(at: hold.endsAt, of: account.id)
    try note(
      purpose == .recovery ? .holdStarted : .removalHeld, detail: claimNumber(of: id), on: account.id,
      source: source,
      in: transaction)
    try tell(.started, of: hold, account: account, in: transaction)
    return hold
  }

  // MARK: what people do to it

  /// Writes the next state of a hold, notes it and tells everyone.
  package func receive(
    _ event: Hold.Event, on hold: Hold, source: Source, in transaction: any Transaction
  ) throws -> Hold {
    var next = hold
    try next.receive(event, at: transaction.now)
    guard next != hold else { return next }
    guard try transaction.move(next, from: hold.state) else { throw Refusal.changedMeanwhile }
    guard let account = try transaction.account(hold.account) else { throw Refusal.notFound }
    if !next.state.isOpen { try transaction.setHoldDue(at: nil, of: hold.account) }
    let (kind, news): (SecurityEvent.Kind, Notice.HoldNews) =
      switch next.state {
      case .running: (.holdResumed, .resumed)
      case .contested: (.holdContested, .contested)
      case .frozen: (.frozen, .frozen)
      case .completed: (.holdCompleted, .completed)
      case .stopped: (.holdStopped, .stopped)
      }
    try note(kind, detail: claimNumber(of: hold.id), on: hold.account, source: source, in: transaction)
    // One more objection, or one less, is known from the history.
    guard next.state != hold.state else { return next }
    try tell(news, of: next, account: account, in: transaction)
    return next
  }

  /// The owner's stop, by everything shown in one full sign-in or as evidence that opens at once. A code that the
  /// claimant used is spent.
  package func stop(
    _ hold: Hold, by proofs: [Proof], source: Source, in transaction: any Transaction
  ) throws {
    _ = try receive(.stop(by: proofs), on: hold, source: source, in: transaction)
    if let code = hold.reservedCode { _ = try transaction.endCode(code, as: .used, at: transaction.now) }
  }

  // MARK: what the clock does to it

  /// Ends what is due on this account, in a transaction of its own.
  package func endDueHold(of account: AccountID) async throws {
    try await database.write { [self] transaction in
      guard let hold = try transaction.openHold(of: account) else { return }
      try endIfDue(hold, in: transaction)
    }
  }

  /// The account as it is once what is due on it has taken effect.
  package func currentAccount(canonicalName name: String, in transaction: any Transaction) throws -> Account?
  {
    try current(transaction.account(canonicalName: name), in: transaction)
  }

  package func currentAccount(_ id: AccountID, in transaction: any Transaction) throws -> Account? {
    try current(transaction.account(id), in: transaction)
  }

  private func current(_ account: Account?, in transaction: any Transaction) throws -> Account? {
    guard let account, let due = account.holdDueAt, due <= transaction.now else { return account }
    if let hold = try transaction.openHold(of: account.id) { try endIfDue(hold, in: transaction) }
    return try transaction.account(account.id)
  }

  /// H11: completes a hold whose time has come, exactly once: everything is looked at again, and the write is guarded
  /// by the state.
  package func endIfDue(_ hold: Hold, in transaction: any Transaction) throws {
    let now = transaction.now
    guard let account = try transaction.account(hold.account) else { return }
    if hold.state == .contested, let at = hold.contestedAt, at + Hold.longestContest <= now {
      _ = try receive(.freeze, on: hold, source: hold.source, in: transaction)
      _ = try transaction.setFrozen(Freeze(at: now, eventAt: hold.startedAt), of: account.id)
      return
    }
    if clockHasJumped(in: transaction), try transaction.fact(.completionsStoppedAt) == nil {
      try transaction.setFact(.completionsStoppedAt, to: now)
    }
    let proofs = try proofs(of: account, in: transaction)
    let restoredAt = try transaction.fact(.holdsRestoredAt).flatMap { hold.startedAt < $0 ? $0 : nil }
    let conditions = HoldCompletion.Conditions(
      accountFrozen: account.frozen != nil,
      completionsStopped: try transaction.fact(.completionsStoppedAt) != nil,
      hasSeniorContact: hold.seniors.contains { $0.kind == .email || $0.kind == .phone },
      notBefore: restoredAt.map { $0 + RecoveryPolicy.Wait.short.duration(of: options.holdPeriod) })
    guard conditions.allow(hold, at: now) else { return }
    let parked = try parked(in: hold)
    // The history keeps the state before; the notice of the end goes out with the state's move.
    try record(
      hold.purpose == .recovery ? .recovered : .proofsRemoved,
      detail: hold.evidence.map(\.kind.rawValue).joined(separator: " "), of: account, source: hold.source,
      notice: nil,
      past: .hold, in: transaction)
    _ = try receive(.complete(conditions), on: hold, source: hold.source, in: transaction)
    switch hold.purpose {
    case .recovery:
      try takeOver(parked, of: proofs, hold: hold, in: transaction)
      try reopen(account, source: hold.source, in: transaction)
    case .removal: for proof in parked.removed { _ = try remove(proof, of: account.id, in: transaction) }
    }
  }

  /// T16: this machine's clock was moved on, or the database's, which decides, is far ahead of it.
  package func clockHasJumped(in transaction: any Transaction) -> Bool {
    clockWatch.hasJumped || transaction.now - clock.now() > ClockWatch.tolerance
  }

  package func parked(in hold: Hold) throws -> Hold.Parked {
    guard let plain = keys.open(hold.sealedParked, for: .parked, bound: "hold/\(hold.account)/\(hold.id)")
    else {
      throw UnreadableHold(id: hold.id)
    }
    return try JSON.decode(Hold.Parked.self, from: plain)
  }

  private func takeOver(
    _ parked: Hold.Parked, of proofs: ProofsOfAccount, hold: Hold, in transaction: any Transaction
  ) throws {
    let account = proofs.account
    let now = transaction.now
    if let password = parked.password {
      // It may have waited under a key that is an old one by now.
      try transaction.setPassword(
        resealed(password, of: account.id), needsTwoStep: parked.passwordNeedsTwoStep, of: account.id,
        changedAt: now)
    }
    if let live = proofs.code {
      _ = try transaction.endCode(live.id, as: live.id == hold.reservedCode ? .used : .replaced, at: now)
    }
    if let contact = parked.contact,
      !proofs.contacts.contains(where: { $0.address.lowercased() == contact.canonical })
    {
      try insert(contact, of: account, fromSignUp: false, in: transaction)
    }
    _ = try transaction.endSessions(of: account.id)
  }

  /// Removes a proof of the security info. - Returns: false when it was gone.
  package func remove(_ proof: Proof, of account: AccountID, in transaction: any Transaction) throws -> Bool {
    let now = transaction.now
    switch proof {
    case .email(let id), .phone(let id): return try transaction.removeContact(id, of: account, at: now)
    case .totp(let id): return try transaction.removeApp(id, of: account, at: now)
    case .passkey(let id): return try transaction.removePasskey(id, of: account, at: now)
    case .password, .recoveryCode: return false
    }
  }

  // MARK: telling

  /// Sends the notice of a milestone that has come, once (H6).
  package func tellMilestone(of hold: Hold, in transaction: any Transaction) throws {
    let now = transaction.now
    guard hold.state == .running || hold.state == .contested, now < hold.endsAt,
      let due = try transaction.nextNotice(of: hold.id), due <= now,
      let milestone = hold.milestone(at: now), let account = try transaction.account(hold.account),
      try transaction.moveNotice(of: hold.id, from: due, to: hold.nextMilestone(after: now))
    else { return }
    try tell(.milestone(milestone), of: hold, account: account, in: transaction)
  }

  /// Tells ALL contacts, also those removed within 30 days (H6, T21). Only senior ones can pause by a link (H8). No mail
  /// quota counts here.
  func tell(
    _ news: Notice.HoldNews, of hold: Hold, account: Account, in transaction: any Transaction
  ) throws {
    let removed = try transaction.removedContacts(of: account.id, since: hold.startedAt - Seniority.period)
      .map(open)
    for contact in try contacts(of: account.id, in: transaction).filter(\.isConfirmed) + removed {
      let isSenior = hold.seniors.contains(.contact(contact))
      let facts = Notice.HoldFacts(
        id: hold.id, claimNumber: claimNumber(of: hold.id), purpose: hold.purpose, startedAt: hold.startedAt,
        endsAt: hold.endsAt, claimedFrom: hold.source,
        stopToken: isSenior ? stopToken(of: hold.id, for: .contact(contact)) : nil,
        bySupport: hold.row == Hold.rowOfSupport ? true : nil)
      try enqueue(
        Notice(
          kind: .hold(news, facts), username: account.username, contact: contact, at: transaction.now,
          source: hold.source),
        in: transaction)
    }
  }

  // MARK: the link in the notices

  private struct StopLink: Codable {
    let hold: HoldID
    let contact: Proof
  }

  /// Bound to hold and contact (T12). It opens no account: all it can do is pause, and take the pause back.
  private func stopToken(of hold: HoldID, for contact: Proof) -> String? {
    (try? JSON.encode(StopLink(hold: hold, contact: contact))).map {
      Base64URL.encode(keys.seal($0, for: .stopLink, bound: "stop"))
    }
  }

  /// - Throws: `Refusal.notFound`.
  package func open(stopToken token: String) throws(Refusal) -> (hold: HoldID, contact: Proof) {
    guard token.utf8.count <= 1_024, let sealed = Base64URL.decode(token),
      let plain = keys.open(sealed, for: .stopLink, bound: "stop"),
      let link = try? JSON.decode(StopLink.self, from: plain)
    else { throw .notFound }
    return (link.hold, link.contact)
  }
}

/// A hold that no key opens: a fault.
package struct UnreadableHold: Error, CustomStringConvertible {
  package let id: HoldID
  package var description: String { "what hold \(id) has parked cannot be opened with the keys present" }
}
