/// What the owner sees and changes on *Manage how I sign in* (D1). Changes need a step-up, are told to every contact
/// (D4), leave the state before them in the history, and wait while a hold is open (H7).
package struct SecurityInfo: Sendable {
  package static let maximumContacts = 10
  package static let maximumFactors = 10
  package static let longestName = 64
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// The dashboard in one consistent look.
  package struct Overview: Sendable {
    package let proofs: ProofsOfAccount
    package let senior: Set<Proof>
    package let hold: Hold?
    /// H4: what opens an account of this kind, and when.
    package let forecast: [RecoveryPolicy.Forecast]
    /// D3: what each thing the owner has would open, and when, if others were lost.
    package let waysBack: [WaysBack.Entry]
    package let singlePointsOfFailure: [(loss: WaysBack.Loss, step: ProofKind)]

    package var account: Account { proofs.account }
  }

  package func overview(for signedIn: SignedIn) async throws -> Overview {
    try await ports.database.read { [ports] transaction in
      guard let account = try transaction.account(signedIn.account.id) else { throw Refusal.notSignedIn }
      let proofs = try ports.proofs(of: account, in: transaction)
      let hold = try transaction.openHold(of: account.id)
      let facts = AccountFacts(proofs: proofs, hold: hold, restoredAt: try transaction.fact(.restoredAt))
      return Overview(
        proofs: proofs, senior: Set(proofs.senior(at: transaction.now)), hold: hold,
        forecast: RecoveryPolicy.forecast(twoStep: account.twoStep, strict: ports.options.strictPolicy),
        waysBack: ports.waysBack(facts, at: transaction.now),
        singlePointsOfFailure: ports.singlePointsOfFailure(facts, at: transaction.now))
    }
  }

  /// - Parameter number: only what happened before that event.
  package func activity(
    for signedIn: SignedIn, before number: Int? = nil, limit: Int = 100
  ) async throws -> [SecurityEvent] {
    try await ports.database.read { try $0.events(of: signedIn.account.id, before: number, limit: limit) }
  }

  // MARK: emails and phones

  /// Adds an email or a phone and sends it a code. It is no proof before it is confirmed.
  /// - Throws: `Refusal.field(.email, …)`, `.field(.phone, …)`, `.changedMeanwhile`, `.slowDown`, `.holdRunning`,
  ///   `.frozen`.
  package func addContact(
    _ contact: NewContact, by steppedUp: SteppedUp, source: Source,
    keeping keep: @escaping Keeping<ContactID> = { _, _ in }
  ) async throws -> ContactID {
    try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      let account = steppedUp.account
      let field: Field = contact.kind == .email ? .email : .phone
      try ports.countCostlyChange(of: account.id, in: transaction)
      let contacts = try ports.contacts(of: account.id, in: transaction)
      guard contacts.count < Self.maximumContacts else {
        throw Refusal.field(field, .tooMany(maximum: Self.maximumContacts))
      }
      guard !contacts.contains(where: { $0.address.lowercased() == contact.canonical }) else {
        throw Refusal.field(field, .unchanged)
      }
      try ports.record(
        contact.kind == .email ? .emailAdded : .phoneAdded, detail: contact.masked, of: account,
        source: source,
        notice: .contactAdded(masked: contact.masked), in: transaction)
      let added = try ports.insert(contact, of: account, fromSignUp: false, in: transaction)
      try ports.sendConfirmation(of: added, account: account, source: source, in: transaction)
      try keep(added.id, transaction)
      return added.id
    }
  }

  /// Sends a new confirmation code.
  /// - Throws: `Refusal.notFound`, `.slowDown`.
  package func resendConfirmation(of id: ContactID, by signedIn: SignedIn, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      try ports.countCostlyChange(of: signedIn.account.id, in: transaction)
      guard
        let contact = try ports.contacts(of: signedIn.account.id, in: transaction).first(where: {
          $0.id == id
        }),
        !contact.isConfirmed
      else { throw Refusal.notFound }
      try ports.sendConfirmation(of: contact, account: signedIn.account, source: source, in: transaction)
    }
  }

  /// - Throws: `Refusal.issuedCodeWrong`, `.notFound`, `.field(.code, …)`, `.slowDown`, `.holdRunning`, `.frozen`.
  package func confirmContact(
    _ id: ContactID, code typed: String, by signedIn: SignedIn, source: Source
  ) async throws {
    let code = try IssuedCode.read(typed)
    let (tried, expected) = try await ports.database.write { [ports] transaction in
      guard try transaction.contacts(of: signedIn.account.id).contains(where: { $0.id == id }) else {
        throw Refusal.notFound
      }
      return (
        try ports.countTry(
          ThrottleRules.confirmContact, on: signedIn.account.id.text, from: source, in: transaction),
        try transaction.tryConfirmation(of: id, at: transaction.now)
      )
    }
    guard let expected, constantTimeEqual(expected, ports.digest(issuedCode: code, for: id.text)) else {
      throw Refusal.issuedCodeWrong
    }
    try await ports.database.write { [ports] transaction in
      let account = try ports.account(of: signedIn, in: transaction)
      guard let contact = try ports.contacts(of: account.id, in: transaction).first(where: { $0.id == id })
      else {
        throw Refusal.notFound
      }
      try ports.record(
        contact.kind == .email ? .emailConfirmed : .phoneConfirmed, detail: contact.masked, of: account,
        source: source, notice: .contactConfirmed(masked: contact.masked), in: transaction)
      guard try transaction.confirm(id, at: transaction.now) else { throw Refusal.issuedCodeWrong }
      try ports.clearTries(tried, in: transaction)
    }
  }

  // MARK: authenticator apps

  /// A new app, before its first code. Its secret is shown here, and again only while it is unconfirmed.
  package struct NewApp: Sendable {
    package let id: AuthenticatorAppID
    package let secret: Secret
    package let uri: String
  }

  /// Adds an app. It proves nothing before a code of it was entered.
  /// - Throws: `Refusal.field(.name, …)`, `.changedMeanwhile`, `.slowDown`, `.holdRunning`, `.frozen`.
  package func addApp(
    named typed: String, by steppedUp: SteppedUp, source: Source,
    keeping keep: @escaping Keeping<NewApp> = { _, _ in }
  ) async throws -> NewApp {
    try await ports.addApp(
      named: typed, to: steppedUp.account, by: steppedUp.signedIn.session, in: ports.issuer, keeping: keep)
  }

  /// The secret of an app that waits for its first code, again. - Throws: `Refusal.notFound`.
  package func unconfirmedApp(_ id: AuthenticatorAppID, by steppedUp: SteppedUp) async throws -> NewApp {
    try await ports.unconfirmedApp(id, of: steppedUp.account)
  }

  /// The first code of a new app: from now on it proves something.
  /// - Throws: `Refusal.totpWrong`, `.notFound`, `.field(.code, …)`, `.slowDown`, `.holdRunning`, `.frozen`.
  package func confirmApp(
    _ id: AuthenticatorAppID, code: String, by steppedUp: SteppedUp, source: Source
  ) async throws {
    try await ports.confirmApp(
      id, code: code, of: steppedUp.account, by: steppedUp.signedIn.session, source: source)
  }

  // MARK: passkeys

  package func passkeyPrompt(by steppedUp: SteppedUp, binding: JourneyBinding) async throws -> PasskeyPrompt {
    try await ports.promptNewPasskey(of: steppedUp.account, binding: binding)
  }

  /// - Throws: `Refusal.passkeyWrong`, `.field(.name, …)`, `.expired`, `.changedMeanwhile`, `.holdRunning`, `.frozen`.
  package func addPasskey(
    _ registration: PasskeyRegistration, request: String, named typed: String, by steppedUp: SteppedUp,
    binding: JourneyBinding, source: Source, keeping keep: @escaping Keeping<PasskeyID> = { _, _ in }
  ) async throws -> PasskeyID {
    try await ports.addPasskey(
      registration, request: ports.open(PasskeyRequest.self, request, for: binding), named: typed,
      to: steppedUp.account, by: steppedUp.signedIn.session, source: source, keeping: keep)
  }

  // MARK: removing

  /// What became of a removal.
  package enum Removal: Sendable {
    case removed
    /// H12: it was the last senior proof; it goes when the hold ends.
    case held(Hold)
  }

  /// Removes a proof of the security info; every contact, the removed one too, is told. What would leave no senior
  /// proof is held like a recovery (H12).
  /// - Throws: `Refusal.notFound`; `.lastProof` (D4); `.secondFactorNeeded` for the last one while two-step verification
  ///   is on; `.holdRunning`, `.frozen`, `.changedMeanwhile`.
  package func remove(_ proof: Proof, by steppedUp: SteppedUp, source: Source) async throws -> Removal {
    try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      let account = steppedUp.account
      let proofs = try ports.proofs(of: account, in: transaction)
      guard let change = try proofs.removal(of: proof, at: transaction.now) else { throw Refusal.notFound }
      if change == .held {
        // The same checks as for any change; the hold tells everyone, and its end writes the history.
        if let open = try transaction.openHold(of: account.id) {
          throw Refusal.holdRunning(until: open.endsAt)
        }
        guard
          try transaction.account(account.id).map({ $0.version == account.version && $0.frozen == nil })
            == true
        else { throw account.frozen == nil ? Refusal.changedMeanwhile : Refusal.frozen }
        let hold = try ports.startHold(
          HoldID(ports.randomness), .removal, wait: .full, row: 0,
          evidence: steppedUp.signedIn.session.proofs,
          parked: Hold.Parked(removed: [proof]), ticketDigest: ports.randomness.bytes(32), of: proofs,
          source: source,
          in: transaction)
        return .held(hold)
      }
      try ports.recordRemoval(of: proof, from: proofs, source: source, in: transaction)
      return .removed
    }
  }

  // MARK: two-step verification and password

  /// Turns two-step verification on or off (S5); every other session ends when it goes on.
  /// - Throws: `Refusal.secondFactorNeeded` when there is none that works, `.passwordTooShortAlone`,
  ///   `.changedMeanwhile`, `.holdRunning`, `.frozen`.
  package func setTwoStep(_ on: Bool, by steppedUp: SteppedUp, source: Source) async throws {
    let account = steppedUp.account
    guard account.twoStep != on else { return }
    if !on, account.passwordNeedsTwoStep { throw Refusal.passwordTooShortAlone }
    try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      if on, try ports.proofs(of: account, in: transaction).secondFactors.isEmpty {
        throw Refusal.secondFactorNeeded
      }
      try ports.record(
        on ? .twoStepOn : .twoStepOff, of: account, source: source, notice: on ? .twoStepOn : .twoStepOff,
        in: transaction)
      try transaction.setTwoStep(since: on ? transaction.now : nil, of: account.id)
      if on { try ports.endOtherSessions(than: steppedUp.signedIn.session, in: transaction) }
    }
  }

  /// Chooses a new password; every other session ends (S7).
  /// - Throws: `Refusal.field(.newPassword, …)`, `.busy`, `.changedMeanwhile`, `.holdRunning`, `.frozen`.
  package func changePassword(to typed: String, by steppedUp: SteppedUp, source: Source) async throws {
    let account = steppedUp.account
    let contacts = try await ports.database.read { [ports] in try ports.contacts(of: account.id, in: $0) }
    let accepted = try ports.passwordRules.check(
      typed, for: .newPassword, twoStep: account.twoStep, contextWords: ports.contextWords(account, contacts))
    try await ports.database.write { [ports] in try ports.countCostlyChange(of: account.id, in: $0) }
    let sealed = try await ports.seal(accepted.password, for: account.id, from: source)
    try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      try ports.record(
        .passwordChanged, of: account, source: source, notice: .passwordChanged, in: transaction)
      try transaction.setPassword(
        sealed, needsTwoStep: accepted.needsTwoStep, of: account.id, changedAt: transaction.now)
      try ports.endOtherSessions(than: steppedUp.signedIn.session, in: transaction)
    }
  }
}

/// How a removal takes effect.
private enum RemovalEffect { case atOnce, held }

extension ProofsOfAccount {
  /// D4, H12: what removing this proof means. Nil when it is not there.
  fileprivate func removal(of proof: Proof, at now: Timestamp) throws(Refusal) -> RemovalEffect? {
    let present = contacts.map(Proof.contact) + apps.map { .totp($0.id) } + passkeys.map { .passkey($0.id) }
    guard present.contains(proof) else { return nil }
    guard since(proof) != nil else { return .atOnce }
    let left = securityInfo.filter { $0 != proof }
    guard !left.isEmpty else { throw .lastProof }
    if account.twoStep, secondFactors == [proof] { throw .secondFactorNeeded }
    // Of all the security info, not of its own kind alone: an email that stays senior is a way back.
    guard isSenior(proof, at: now) else { return .atOnce }
    return left.contains { isSenior($0, at: now) } ? .atOnce : .held
  }
}

extension Ports {
  /// What authenticator apps show above the username.
  package var issuer: String { passkeys.relyingParty.name }

  fileprivate func endOtherSessions(than kept: Session, in transaction: any Transaction) throws {
    for session in try transaction.sessions(of: kept.account) where session.id != kept.id {
      _ = try transaction.endSession(session.id, of: kept.account)
    }
  }

  /// - Throws: `Refusal.slowDown` for an account that changes its security all the time.
  package func countCostlyChange(of account: AccountID, in transaction: any Transaction) throws {
    try countTry(ThrottleRules.costlyChange, on: account.text, from: nil, in: transaction)
  }

  /// Words no password of this account may consist of.
  package func contextWords(_ account: Account, _ contacts: [Contact]) -> [String] {
    [account.username]
      + contacts.flatMap { [$0.address, String($0.address.prefix { $0 != "@" })] }
  }

  /// Adds a contact, unconfirmed unless another system confirmed it.
  @discardableResult
  package func insert(
    _ new: NewContact, of account: Account, fromSignUp: Bool, addedAt: Timestamp? = nil,
    confirmedAt: Timestamp? = nil, in transaction: any Transaction
  ) throws -> Contact {
    let contact = Contact(
      id: ContactID(randomness), account: account.id, kind: new.kind, address: new.address,
      addedAt: addedAt ?? transaction.now, confirmedAt: confirmedAt, fromSignUp: fromSignUp)
    try transaction.insert(
      contact, sealedAddress: keys.seal(contact),
      addressDigest: keys.digest(new.canonical, for: .contactDigest))
    return contact
  }

  package func sendConfirmation(
    of contact: Contact, account: Account, source: Source, in transaction: any Transaction
  ) throws {
    try countTry(ThrottleRules.confirmationMail, on: contact.address.lowercased(), from: nil, in: transaction)
    let code = IssuedCode.make(randomness)
    try transaction.setConfirmation(
      Confirmation(
        digest: digest(issuedCode: code, for: contact.id.text),
        expiresAt: transaction.now + Confirmation.lifetime),
      of: contact.id)
    try enqueue(
      Notice(
        kind: .confirmEmail(code: code), username: account.username, contact: contact, at: transaction.now,
        source: source),
      in: transaction)
  }

  // MARK: factors, for the dashboard and for settling after a recovery

  /// A name someone gives to an app or passkey: one line, and nothing that changes how the words around it in a mail to
  /// its owner are read. - Throws: `Refusal.field(.name, …)`.
  private func factorName(_ typed: String, or standard: String) throws(Refusal) -> String {
    do throws(Refusal) {
      return try plainText(
        typed.filter { !$0.isNewline }, .name, longest: SecurityInfo.longestName)
    } catch {
      guard error == .field(.name, .missing) else { throw error }
      return standard
    }
  }

  package func addApp(
    named typed: String, to account: Account, by session: Session, in issuer: String,
    keeping keep: @escaping Keeping<SecurityInfo.NewApp> = { _, _ in }
  ) async throws -> SecurityInfo.NewApp {
    let name = try factorName(typed, or: "Authenticator app")
    let id = AuthenticatorAppID(randomness)
    let secret = Secret(randomness.bytes(TOTP.secretLength))
    let sealed = keys.sealTOTP(secret, id: id, account: account.id)
    let app = SecurityInfo.NewApp(
      id: id, secret: secret, uri: TOTP.uri(secret: secret, issuer: issuer, account: account.username))
    return try await database.write { [self] transaction in
      try check(session, in: transaction)
      try countCostlyChange(of: account.id, in: transaction)
      let apps = try transaction.authenticatorApps(of: account.id)
      // One that never got its first code makes room for the next.
      for app in apps where !app.isConfirmed {
        _ = try transaction.removeApp(app.id, of: account.id, at: transaction.now)
      }
      guard apps.count(where: \.isConfirmed) < SecurityInfo.maximumFactors else {
        throw Refusal.field(.name, .tooMany(maximum: SecurityInfo.maximumFactors))
      }
      try transaction.insert(
        AuthenticatorApp(
          id: id, account: account.id, name: name, sealedSecret: sealed, addedAt: transaction.now))
      try keep(app, transaction)
      return app
    }
  }

  package func unconfirmedApp(_ id: AuthenticatorAppID, of account: Account) async throws
    -> SecurityInfo.NewApp
  {
    let app = try await database.read { try $0.authenticatorApps(of: account.id) }.first { $0.id == id }
    guard let app, !app.isConfirmed else { throw Refusal.notFound }
    let secret = try keys.secret(of: app)
    return SecurityInfo.NewApp(
      id: id, secret: secret, uri: TOTP.uri(secret: secret, issuer: issuer, account: account.username))
  }

  package func confirmApp(
    _ id: AuthenticatorAppID, code typed: String, of account: Account, by session: Session, source: Source
  ) async throws {
    let code = try IssuedCode.read(typed)
    let tried = try await database.write { [self] transaction in
      try countTry(ThrottleRules.sessionTOTP, on: account.id.text, from: nil, in: transaction)
    }
    try await database.write { [self] transaction in
      try check(session, in: transaction)
      guard let app = try transaction.authenticatorApps(of: account.id).first(where: { $0.id == id }),
        !app.isConfirmed
      else { throw Refusal.notFound }
      guard try useTOTP(code, among: [app], in: transaction) != nil else { throw Refusal.totpWrong }
      try record(
        .totpAdded, detail: app.name, of: account, source: source, notice: .totpAdded(name: app.name),
        in: transaction)
      guard try transaction.confirmApp(id, at: transaction.now) else { throw Refusal.notFound }
      try clearTries(tried, in: transaction)
    }
  }

  package func addPasskey(
    _ registration: PasskeyRegistration, request: PasskeyRequest, named typed: String, to account: Account,
    by session: Session,
    source: Source, keeping keep: @escaping Keeping<PasskeyID> = { _, _ in }
  ) async throws -> PasskeyID {
    let name = try factorName(typed, or: "Passkey")
    let credential: PasskeyCredential
    do {
      credential = try passkeys.register(registration, challenge: request.challenge)
    } catch {
      throw Refusal.passkeyWrong(error)
    }
    return try await database.write { [self] transaction in
      try check(session, in: transaction)
      guard try transaction.spend(request.id.text, for: account.id) else { throw Refusal.alreadyDone }
      guard try transaction.passkeys(of: account.id).count < SecurityInfo.maximumFactors else {
        throw Refusal.field(.name, .tooMany(maximum: SecurityInfo.maximumFactors))
      }
      let passkey = Passkey(
        id: PasskeyID(randomness), account: account.id, name: name, credential: credential,
        addedAt: transaction.now)
      try record(
        .passkeyAdded, detail: name, of: account, source: source, notice: .passkeyAdded(name: name),
        in: transaction)
      guard try transaction.insert(passkey) else { throw Refusal.alreadyDone }
      try keep(passkey.id, transaction)
      return passkey.id
    }
  }

  /// Removes a proof, with its line in the history and its notice.
  package func recordRemoval(
    of proof: Proof, from proofs: ProofsOfAccount, source: Source, in transaction: any Transaction
  ) throws {
    let (kind, detail, notice): (SecurityEvent.Kind, String, Notice.Kind)
    switch proof {
    case .email(let id), .phone(let id):
      let contact = proofs.contacts.first { $0.id == id }
      detail = contact?.masked ?? ""
      (kind, notice) = (
        contact?.kind == .phone ? .phoneRemoved : .emailRemoved, .contactRemoved(masked: detail)
      )
    case .totp(let id):
      detail = proofs.apps.first { $0.id == id }?.name ?? ""
      (kind, notice) = (.totpRemoved, .totpRemoved(name: detail))
    case .passkey(let id):
      detail = proofs.passkeys.first { $0.id == id }?.name ?? ""
      (kind, notice) = (.passkeyRemoved, .passkeyRemoved(name: detail))
    case .password, .recoveryCode: throw Refusal.notFound
    }
    try record(
      kind, detail: detail, of: proofs.account, source: source, notice: notice, in: transaction)
    guard try remove(proof, of: proofs.account.id, in: transaction) else { throw Refusal.notFound }
  }
}
