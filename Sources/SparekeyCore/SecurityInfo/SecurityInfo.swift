/// What the owner sees and changes on *Manage how I sign in* (D1). Changes need a step-up, are told to every contact
/// (D4) and leave the state before them in the history.
package struct SecurityInfo: Sendable {
  package static let maximumContacts = 10
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// The dashboard in one consistent look.
  package struct Overview: Sendable {
    package let contacts: [Contact]
    package let code: StoredCode?
    package let passwordChangedAt: Timestamp
  }

  package func overview(for signedIn: SignedIn) async throws -> Overview {
    try await ports.database.read { [ports] transaction in
      Overview(
        contacts: try ports.contacts(of: signedIn.account.id, in: transaction),
        code: try transaction.liveCode(of: signedIn.account.id),
        passwordChangedAt: signedIn.account.passwordChangedAt)
    }
  }

  package func activity(for signedIn: SignedIn, limit: Int = 100) async throws -> [SecurityEvent] {
    try await ports.database.read { try $0.events(of: signedIn.account.id, limit: limit) }
  }

  /// Adds an email and sends it a code. It is no proof before it is confirmed.
  /// - Throws: `Refusal.field(.email, …)`, `.changedMeanwhile`, `.slowDown`.
  package func addEmail(_ typed: String, by steppedUp: SteppedUp, source: Source) async throws -> ContactID {
    let email = try EmailAddress(typed)
    return try await ports.database.write { [ports] transaction in
      let account = steppedUp.account
      try ports.countCostlyChange(of: account.id, in: transaction)
      let contacts = try ports.contacts(of: account.id, in: transaction)
      guard contacts.count < Self.maximumContacts else {
        throw Refusal.field(.email, .tooMany(maximum: Self.maximumContacts))
      }
      guard !contacts.contains(where: { $0.address.lowercased() == email.canonical }) else {
        throw Refusal.field(.email, .unchanged)
      }
      try ports.record(
        .emailAdded, detail: email.masked, of: account, source: source,
        notice: .emailAdded(masked: email.masked), in: transaction)
      return try ports.insertContact(email, of: account, fromSignUp: false, source: source, in: transaction)
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

  /// - Throws: `Refusal.issuedCodeWrong`, `.notFound`, `.field(.code, .missing)`, `.slowDown`.
  package func confirmEmail(
    _ id: ContactID, code typed: String, by signedIn: SignedIn, source: Source
  ) async throws {
    let code = try IssuedCode.read(typed)
    let expected = try await ports.database.write { [ports] transaction in
      guard try transaction.contacts(of: signedIn.account.id).contains(where: { $0.id == id }) else {
        throw Refusal.notFound
      }
      try ports.countTry(
        ThrottleRules.confirmEmail, on: signedIn.account.id.text, from: source, in: transaction)
      return try transaction.tryConfirmation(of: id, at: transaction.now)
    }
    guard let expected, constantTimeEqual(expected, ports.digest(issuedCode: code, for: id.text)) else {
      throw Refusal.issuedCodeWrong
    }
    try await ports.database.write { [ports] transaction in
      guard let account = try transaction.account(signedIn.account.id) else { throw Refusal.notSignedIn }
      let masked = try ports.contacts(of: account.id, in: transaction).first { $0.id == id }?.masked ?? ""
      try ports.record(
        .emailConfirmed, detail: masked, of: account, source: source,
        notice: .emailConfirmed(masked: masked), in: transaction)
      guard try transaction.confirm(id, at: transaction.now) else { throw Refusal.issuedCodeWrong }
      try ports.clearTries(
        ThrottleRules.confirmEmail, on: signedIn.account.id.text, from: source, in: transaction)
    }
  }

  /// Removes an email; every contact, the removed one too, is told.
  /// - Throws: `Refusal.notFound`; `.lastProof` when it is the last confirmed one (D4).
  package func removeEmail(_ id: ContactID, by steppedUp: SteppedUp, source: Source) async throws {
    try await ports.database.write { [ports] transaction in
      let account = steppedUp.account
      let contacts = try ports.contacts(of: account.id, in: transaction)
      guard let contact = contacts.first(where: { $0.id == id }) else { throw Refusal.notFound }
      if contact.isConfirmed, contacts.count(where: \.isConfirmed) == 1 { throw Refusal.lastProof }
      try ports.record(
        .emailRemoved, detail: contact.masked, of: account, source: source,
        notice: .emailRemoved(masked: contact.masked), in: transaction)
      guard try transaction.removeContact(id, of: account.id, at: transaction.now) else {
        throw Refusal.notFound
      }
    }
  }

  /// Chooses a new password; every other session ends (S7).
  /// - Throws: `Refusal.field(.newPassword, …)`, `.busy`, `.changedMeanwhile`.
  package func changePassword(to typed: String, by steppedUp: SteppedUp, source: Source) async throws {
    let account = steppedUp.account
    let contacts = try await ports.database.read { [ports] in try ports.contacts(of: account.id, in: $0) }
    let password = try ports.passwordRules.check(
      typed, for: .newPassword, twoStep: account.twoStepSince != nil,
      contextWords: ports.contextWords(account, contacts))
    try await ports.database.write { [ports] in try ports.countCostlyChange(of: account.id, in: $0) }
    let sealed = try await ports.seal(password, for: account.id)
    try await ports.database.write { [ports] transaction in
      try ports.record(
        .passwordChanged, of: account, source: source, notice: .passwordChanged, in: transaction)
      try transaction.setPassword(sealed, of: account.id, changedAt: transaction.now)
      for session in try transaction.sessions(of: account.id)
      where session.id != steppedUp.signedIn.session.id {
        _ = try transaction.endSession(session.id, of: account.id)
      }
    }
  }
}

extension Ports {
  /// - Throws: `Refusal.slowDown` for an account that changes its security all the time.
  package func countCostlyChange(of account: AccountID, in transaction: any Transaction) throws {
    try countTry(ThrottleRules.costlyChange, on: account.text, from: nil, in: transaction)
  }

  /// Words no password of this account may consist of.
  package func contextWords(_ account: Account, _ contacts: [Contact]) -> [String] {
    [account.username]
      + contacts.flatMap { [$0.address, String($0.address.prefix { $0 != "@" })] }
  }

  /// Adds an unconfirmed email and sends it its code.
  @discardableResult
  package func insertContact(
    _ email: EmailAddress, of account: Account, fromSignUp: Bool, source: Source,
    in transaction: any Transaction
  ) throws -> ContactID {
    let contact = Contact(
      id: ContactID(randomness), account: account.id, kind: .email, address: email.text,
      addedAt: transaction.now, confirmedAt: nil, fromSignUp: fromSignUp)
    try transaction.insert(
      contact, sealedAddress: keys.seal(contact),
      addressDigest: keys.digest(email.canonical, for: .contactDigest))
    try sendConfirmation(of: contact, account: account, source: source, in: transaction)
    return contact.id
  }

  fileprivate func sendConfirmation(
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
        kind: .confirmEmail(code: code), username: account.username, address: contact.address,
        at: transaction.now, source: source),
      in: transaction)
  }
}
