/// Making an account (S8). It can sign in at once; its email is a proof only after it is confirmed.
package struct SignUp: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package var isOpen: Bool { ports.options.signUpOpen }

  /// Says that a username is taken (it has to), never that an email is known.
  /// - Throws: `Refusal.field(…)`, `.slowDown`, `.busy`, `.signUpClosed`.
  package func create(
    username typedName: String, password typedPassword: String, email typedEmail: String?, source: Source
  ) async throws -> StartedSession {
    guard ports.options.signUpOpen else { throw Refusal.signUpClosed }
    return try await createByOperator(
      username: typedName, password: typedPassword, email: typedEmail, source: source, limited: true)
  }

  /// The same without the limits on strangers, for the operator's command line.
  package func createByOperator(
    username typedName: String, password typedPassword: String, email typedEmail: String?, source: Source,
    limited: Bool = false
  ) async throws -> StartedSession {
    let username = try Username(typedName)
    let email = try typedEmail.flatMap { try $0.isEmpty ? nil : EmailAddress($0) }
    let password = try ports.passwordRules.check(
      typedPassword, for: .password, twoStep: false,
      contextWords: [username.display] + (email.map { [$0.text, String($0.localPart)] } ?? []))

    if limited {
      try await ports.database.write { [ports] transaction in
        try ports.countTry(ThrottleRules.signUp, on: "", from: source, in: transaction)
      }
    }
    try await ports.database.read { transaction in
      guard try transaction.account(canonicalName: username.canonical) == nil else {
        throw Refusal.field(.username, .taken)
      }
    }

    let id = AccountID(ports.randomness)
    let sealedPassword = try await ports.seal(password.password, for: id)
    let token = ports.newSessionToken()
    return try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let account = Account(
        id: id, username: username.display, createdAt: now, version: VersionID(ports.randomness),
        password: sealedPassword, passwordChangedAt: now, twoStepSince: nil,
        codeSalt: ports.randomness.bytes(SealedHash.saltLength))
      guard try transaction.insert(account, named: username) else { throw Refusal.field(.username, .taken) }
      try ports.note(.accountCreated, on: id, source: source, in: transaction)
      if !limited { try ports.audit(.accountCreated, by: .operator, about: id, in: transaction) }
      if let email {
        let contact = try ports.insert(
          NewContact(kind: .email, address: email.text), of: account, fromSignUp: true, in: transaction)
        try ports.sendConfirmation(of: contact, account: account, source: source, in: transaction)
      }
      let session = try ports.startSession(
        for: account, shown: [.password], token: token, source: source, in: transaction)
      return StartedSession(token: token, session: session, account: account)
    }
  }
}
