/// Watching, pausing and stopping a recovery that waits, and what the clock does with it.
package struct Holds: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// What a status page shows.
  package struct Status: Sendable {
    package let hold: Hold
    package let claimNumber: String
    package let username: String
    /// The account is frozen: the hold does not complete before it thaws.
    package let accountFrozen: Bool
  }

  // MARK: looking

  /// For the claimant (H5). - Throws: `Refusal.ticketWrong`, also for a hold that does not exist; `.slowDown`.
  package func status(_ id: HoldID, ticket: String, source: Source) async throws -> Status {
    let tried = try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.ticket, on: id.text, from: source, in: transaction)
    }
    let digest = ports.digest(ticket: ticket)
    return try await ports.database.write { [ports] transaction in
      guard let hold = try ports.currentHold(id, in: transaction),
        constantTimeEqual(hold.ticketDigest, digest)
      else {
        throw Refusal.ticketWrong
      }
      try ports.clearTries(tried, in: transaction)
      return try ports.status(of: hold, in: transaction)
    }
  }

  /// For someone signed in: the open hold of their account.
  package func open(for signedIn: SignedIn) async throws -> Status? {
    try await ports.database.read { [ports] transaction in
      try transaction.openHold(of: signedIn.account.id).map { try ports.status(of: $0, in: transaction) }
    }
  }

  /// For someone signed in: this hold of their account. - Throws: `Refusal.notFound`.
  package func status(_ id: HoldID, for signedIn: SignedIn) async throws -> Status {
    try await ports.database.read { [ports] transaction in
      guard let hold = try transaction.hold(id), hold.account == signedIn.account.id else {
        throw Refusal.notFound
      }
      return try ports.status(of: hold, in: transaction)
    }
  }

  /// What the link in a notice shows. Looking changes nothing (T23). - Throws: `Refusal.notFound`.
  package func status(stopToken: String) async throws -> Status {
    let link = try ports.open(stopToken: stopToken)
    return try await ports.database.read { [ports] transaction in
      guard let hold = try transaction.hold(link.hold) else { throw Refusal.notFound }
      return try ports.status(of: hold, in: transaction)
    }
  }

  /// For operators: every open hold, the next to end first.
  package func allOpen() async throws -> [Status] {
    try await ports.database.read { [ports] transaction in
      try transaction.openHolds().compactMap { try transaction.hold($0) }
        .map { try ports.status(of: $0, in: transaction) }
    }
  }

  /// For operators: one hold, open or ended.
  package func status(forOperator id: HoldID) async throws -> Status? {
    try await ports.database.read { [ports] transaction in
      try transaction.hold(id).map { try ports.status(of: $0, in: transaction) }
    }
  }

  /// For operators: those that wait beyond their end because nobody could be told of their start.
  package func overdueUntold() async throws -> [Status] {
    let now = ports.clock.now()
    return try await allOpen().filter { status in
      let hold = status.hold
      return hold.state == .running && hold.endsAt <= now && hold.toldAt == nil
        && hold.seniors.contains { $0.kind == .email || $0.kind == .phone }
    }
  }

  // MARK: acting

  /// A senior contact objects: the hold pauses (H7, H9). - Throws: `Refusal.notFound`, `.juniorProof`, `.holdOver`.
  package func pause(stopToken: String, source: Source) async throws -> Status {
    try await receive({ .contest(by: $0) }, stopToken, source)
  }

  /// The same contact takes it back: "it was me". - Throws: also `Refusal.outOfStep`, `.slowDown`.
  package func resume(stopToken: String, source: Source) async throws -> Status {
    let link = try ports.open(stopToken: stopToken)
    // Each pause but the first needs one of these, so they bound what everyone is told (T10).
    try await ports.database.write { [ports] transaction in
      _ = try ports.countTry(
        ThrottleRules.withdrawal, on: "\(link.hold) \(link.contact.text)", from: nil, in: transaction)
    }
    return try await receive({ .withdraw(by: $0) }, stopToken, source)
  }

  private func receive(
    _ event: @escaping @Sendable (Proof) -> Hold.Event, _ token: String, _ source: Source
  ) async throws -> Status {
    let link = try ports.open(stopToken: token)
    return try await ports.database.write { [ports] transaction in
      guard let hold = try ports.currentHold(link.hold, in: transaction) else { throw Refusal.notFound }
      return try ports.status(
        of: ports.receive(event(link.contact), on: hold, source: source, in: transaction), in: transaction)
    }
  }

  /// The owner stops it, by a full sign-in whose proofs were all senior when it started (H7, H8).
  /// - Throws: `Refusal.juniorProof`, `.holdOver`, `.notFound`.
  package func stop(_ id: HoldID, by steppedUp: SteppedUp, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      guard let hold = try ports.currentHold(id, in: transaction), hold.account == steppedUp.account.id else {
        throw Refusal.notFound
      }
      guard hold.state.isOpen else { throw Refusal.holdOver }
      let account = try ports.account(of: steppedUp.signedIn, in: transaction)
      let proofs = try ports.proofs(of: account, in: transaction)
      let shown = proofs.decisive(
        steppedUp.signedIn.session.proofs, among: hold.seniors, before: hold.startedAt)
      guard proofs.reachesOwnLevel(shown) else { throw Refusal.juniorProof }
      try ports.stop(
        hold, by: shown.filter(hold.seniors.contains), source: source, in: transaction)
    }
  }

  // MARK: the new password, forgotten while it waited

  /// Sends a code to the contact that was given with the claim, once the hold has completed.
  /// - Returns: that contact, masked.
  /// - Throws: `Refusal.ticketWrong`, `.notFound` when there is none, or it is too late; `.slowDown`.
  package func sendCodeToChooseAgain(_ id: HoldID, ticket: String, source: Source) async throws -> String {
    let hold = try await status(id, ticket: ticket, source: source).hold
    return try await ports.database.write { [ports] transaction in
      let (account, contact) = try ports.claimContact(of: hold, in: transaction)
      try ports.sendConfirmation(of: contact, account: account, source: source, in: transaction)
      return contact.masked
    }
  }

  /// Ticket and that code choose another password; the contact is confirmed by it.
  /// - Throws: also `Refusal.issuedCodeWrong`, `.field(…)`, `.busy`.
  package func chooseAgain(
    _ id: HoldID, ticket: String, code typed: String, password: String, source: Source
  ) async throws {
    let hold = try await status(id, ticket: ticket, source: source).hold
    let code = try IssuedCode.read(typed)
    let (account, contact) = try await ports.database.read { [ports] in
      try ports.claimContact(of: hold, in: $0)
    }
    let accepted = try ports.passwordRules.check(
      password, for: .newPassword, twoStep: account.twoStep,
      contextWords: ports.contextWords(account, [contact]))
    let (tried, expected) = try await ports.database.write { [ports] transaction in
      (
        try ports.countTry(
          ThrottleRules.enterIssuedCode, on: "hold/\(id)", from: source, in: transaction),
        try transaction.tryConfirmation(of: contact.id, at: transaction.now)
      )
    }
    guard let expected, constantTimeEqual(expected, ports.digest(issuedCode: code, for: contact.id.text))
    else {
      throw Refusal.issuedCodeWrong
    }
    try await ports.database.write { [ports] in try ports.clearTries(tried, in: $0) }
    let sealed = try await ports.seal(accepted.password, for: account.id, from: source)
    try await ports.database.write { [ports] transaction in
      guard try transaction.hold(id)?.letsChooseAgain(of: account) == true else { throw Refusal.notFound }
      try ports.record(
        .passwordChanged, of: account, source: source, notice: .passwordChanged, in: transaction)
      guard try transaction.confirm(contact.id, at: transaction.now) else { throw Refusal.issuedCodeWrong }
      try transaction.setPassword(
        sealed, needsTwoStep: accepted.needsTwoStep, of: account.id, changedAt: transaction.now)
      try transaction.setChosenAgain(at: transaction.now, in: id)
      _ = try transaction.endSessions(of: account.id)
    }
  }

  // MARK: the clock

  /// Completes, freezes and announces what is due; any number of nodes may do it at once (H11).
  /// - Returns: how many holds were looked at.
  package func workOffDue() async throws -> Int {
    let jumped = ports.clockWatch.hasJumped
    let due = try await ports.database.write { [ports] transaction in
      if ports.clockHasJumped(in: transaction) {
        try transaction.setFact(.completionsStoppedAt, to: transaction.now)
      }
      return try transaction.dueHolds(at: transaction.now, limit: 100)
    }
    if jumped { ports.clockWatch.settle() }
    for id in due {
      try await ports.database.write { [ports] transaction in
        guard let hold = try transaction.hold(id), hold.state.isOpen else { return }
        try ports.tellMilestone(of: hold, in: transaction)
        try ports.endIfDue(hold, in: transaction)
      }
    }
    return due.count
  }

  /// When completions were stopped after a jump of the clock (T16); nil while they go on.
  package func completionsStoppedAt() async throws -> Timestamp? {
    try await ports.database.read { try $0.fact(.completionsStoppedAt) }
  }

  /// The operator has looked at the clock.
  package func letCompletionsGoOn(by actor: AuditActor = .operator) async throws {
    try await ports.database.write { [ports] transaction in
      try transaction.setFact(.completionsStoppedAt, to: nil)
      try ports.audit(.completionsResumed, by: actor, in: transaction)
    }
  }
}

extension Ports {
  fileprivate func currentHold(_ id: HoldID, in transaction: any Transaction) throws -> Hold? {
    guard let hold = try transaction.hold(id) else { return nil }
    guard hold.state.isOpen else { return hold }
    try endIfDue(hold, in: transaction)
    return try transaction.hold(id)
  }

  fileprivate func claimContact(of hold: Hold, in transaction: any Transaction) throws -> (Account, Contact) {
    guard let account = try transaction.account(hold.account), hold.letsChooseAgain(of: account),
      let given = try parked(in: hold).contact,
      let contact = try contacts(of: account.id, in: transaction).first(where: {
        !$0.isConfirmed && NewContact(kind: $0.kind, address: $0.address).canonical == given.canonical
      })
    else { throw Refusal.notFound }
    return (account, contact)
  }

  fileprivate func status(of hold: Hold, in transaction: any Transaction) throws -> Holds.Status {
    guard let account = try transaction.account(hold.account) else { throw Refusal.notFound }
    return Holds.Status(
      hold: hold, claimNumber: claimNumber(of: hold.id), username: account.username,
      accountFrozen: account.frozen != nil)
  }
}
