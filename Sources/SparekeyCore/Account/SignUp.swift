/// Making an account (S8). It can sign in at once; its email is a proof only after it is confirmed.
package struct SignUp: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package var isOpen: Bool { ports.options.signUpOpen }

  /// Says that a username is taken (it has to), never that an email is known.
  /// - Throws: `Refusal.field(…)`, `.slowDown`, `.busy`, `.signUpClosed`.
  package func create(
    username: String, password: String, email: String?, source: Source,
    keeping keep: @escaping Keeping<StartedSession> = { _, _ in }
  ) async throws -> StartedSession {
    guard ports.options.signUpOpen else { throw Refusal.signUpClosed }
    let token = ports.newSessionToken()
    return try await make(username: username, password: password, email: email, limited: true, source: source)
    { [ports] account, transaction in
      let session = try ports.startSession(
        for: account, shown: [.password], token: token, source: source, in: transaction)
      let started = StartedSession(token: token, session: session, account: account)
      try keep(started, transaction)
      return started
    }
  }

  /// The same without the limits on strangers, and without signing in.
  /// - Throws: `Refusal.field(…)`, `.busy`.
  package func createByOperator(
    username: String, password: String, email: String?, by actor: AuditActor = .operator, source: Source,
    keeping keep: @escaping Keeping<Account> = { _, _ in }
  ) async throws -> Account {
    try await make(username: username, password: password, email: email, limited: false, source: source) {
      [ports] account, transaction in
      try ports.audit(.accountCreated, by: actor, about: account.id, in: transaction)
      try keep(account, transaction)
      return account
    }
  }

  /// - Parameter finish: what else belongs into the transaction.
  private func make<Made: Sendable>(
    username typedName: String, password typedPassword: String, email typedEmail: String?, limited: Bool,
    source: Source, finish: @escaping @Sendable (Account, any Transaction) throws -> Made
  ) async throws -> Made {
    let username = try Username(typedName)
    let email = try typedEmail.flatMap { try $0.isEmpty ? nil : EmailAddress($0) }
    let password = try ports.passwordRules.check(
      typedPassword, for: .password, twoStep: false,
      contextWords: [username.display] + (email.map { [$0.text, String($0.localPart)] } ?? []))

    if limited {
      try await ports.database.write { [ports] transaction in
        _ = try ports.countTry(ThrottleRules.signUp, on: "", from: source, in: transaction)
      }
    }
    try await ports.database.read { transaction in
      guard try transaction.account(canonicalName: username.canonical) == nil else {
        throw Refusal.field(.username, .taken)
      }
    }

    let id = AccountID(ports.randomness)
    let sealedPassword = try await ports.seal(password.password, for: id, from: source)
    return try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let account = Account(
        id: id, username: username.display, createdAt: now, version: VersionID(ports.randomness),
        password: sealedPassword, passwordChangedAt: now, twoStepSince: nil,
        codeSalt: ports.randomness.bytes(SealedHash.saltLength))
      guard try transaction.insert(account, named: username) else { throw Refusal.field(.username, .taken) }
      try ports.note(.accountCreated, on: id, source: source, in: transaction)
      if let email {
        let contact = try ports.insert(
          NewContact(kind: .email, address: email.text), of: account, fromSignUp: true, in: transaction)
        try ports.sendConfirmation(of: contact, account: account, source: source, in: transaction)
      }
      return try finish(account, transaction)
    }
  }
}
