import SparekeyCore

/// One proof of the security info.
struct ProofAnswer: Encodable {
  let id: String
  let kind: String
  let label: String
  /// When it began to prove something; for one that does not yet, when it was added.
  let since: String
  let confirmed: Bool
  let senior: Bool
  let lastUsedAt: String?

  init(_ contact: Contact, senior: Set<Proof>) {
    id = contact.id.text
    kind = contact.kind.rawValue
    label = contact.masked
    since = contact.provenSince.iso8601
    confirmed = contact.isConfirmed
    self.senior = senior.contains(.contact(contact))
    lastUsedAt = nil
  }

  init(_ app: AuthenticatorApp, senior: Set<Proof>) {
    id = app.id.text
    kind = ProofKind.totp.rawValue
    label = app.name
    since = (app.confirmedAt ?? app.addedAt).iso8601
    confirmed = app.isConfirmed
    self.senior = senior.contains(.totp(app.id))
    lastUsedAt = app.lastUsedAt?.iso8601
  }

  init(_ passkey: Passkey, senior: Set<Proof>) {
    id = passkey.id.text
    kind = ProofKind.passkey.rawValue
    label = passkey.name
    since = passkey.addedAt.iso8601
    confirmed = true
    self.senior = senior.contains(.passkey(passkey.id))
    lastUsedAt = passkey.lastUsedAt?.iso8601
  }
}

/// A new authenticator app, before its first code.
struct NewAppAnswer: Codable {
  let id: String
  let secret: String
  let uri: String

  init(_ app: SecurityInfo.NewApp) {
    id = app.id.text
    secret = TOTP.spelled(app.secret)
    uri = app.uri
  }
}

/// *Manage how I sign in* (D1, S5). Changes need a fresh session.
enum SecurityInfoAPI {
  @Sendable static func overview(_ call: Call) async throws -> APIAnswer {
    struct Answer: Encodable {
      let proofs: [ProofAnswer]
      let twoStep: Bool
      let frozen: Bool
      let hold: HoldAnswer?
      let forecast: [ForecastAnswer]
    }
    let signedIn = try await call.signedIn()
    let overview = try await call.site.securityInfo.overview(for: signedIn)
    let proofs = overview.proofs
    return try await .json(
      Answer(
        proofs: proofs.contacts.map { ProofAnswer($0, senior: overview.senior) }
          + proofs.apps.map { ProofAnswer($0, senior: overview.senior) }
          + proofs.passkeys.map { ProofAnswer($0, senior: overview.senior) },
        twoStep: overview.account.twoStep, frozen: overview.account.frozen != nil,
        hold: call.site.holds.open(for: signedIn).map(HoldAnswer.init),
        forecast: overview.forecast.map { ForecastAnswer($0, ports: call.site.ports, at: call.now) }))
  }

  // MARK: emails and phones

  private struct Added: Codable { let id: String }

  @Sendable static func addEmail(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let email: String }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    return try await add(
      NewContact(kind: .email, address: EmailAddress(body.email).text), call, steppedUp)
  }

  @Sendable static func addPhone(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let phone: String }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    return try await add(NewContact(kind: .phone, address: PhoneNumber(body.phone).text), call, steppedUp)
  }

  private static func add(_ contact: NewContact, _ call: Call, _ steppedUp: SteppedUp) async throws
    -> APIAnswer
  {
    let added = try await call.once(by: steppedUp.account.id.text) { keep in
      try await call.site.securityInfo.addContact(
        contact, by: steppedUp, source: call.source, keeping: keep)
    } answer: {
      Added(id: $0.text)
    }
    return try .json(added, status: .created)
  }

  @Sendable static func resend(_ call: Call) async throws -> APIAnswer {
    try await call.site.securityInfo.resendConfirmation(
      of: call.identifier(), by: call.signedIn(), source: call.source)
    return .noContent
  }

  @Sendable static func confirmContact(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let body: CodeBody = try call.decode()
    try await call.site.securityInfo.confirmContact(
      call.identifier(), code: body.code, by: signedIn, source: call.source)
    return try .json(Confirmed())
  }

  @Sendable static func removeEmail(_ call: Call) async throws -> APIAnswer {
    try await remove(.email(call.identifier()), call)
  }

  @Sendable static func removePhone(_ call: Call) async throws -> APIAnswer {
    try await remove(.phone(call.identifier()), call)
  }

  // MARK: authenticator apps and passkeys

  @Sendable static func addApp(_ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let name = try NameBody.name(in: call)
    let added = try await call.once(by: steppedUp.account.id.text, showsSecret: true) { keep in
      try await call.site.securityInfo.addApp(
        named: name, by: steppedUp, source: call.source, keeping: keep)
    } answer: {
      NewAppAnswer($0)
    }
    return try .json(added, status: .created)
  }

  @Sendable static func confirmApp(_ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let body: CodeBody = try call.decode()
    try await call.site.securityInfo.confirmApp(
      call.identifier(), code: body.code, by: steppedUp, source: call.source)
    return try .json(Confirmed())
  }

  @Sendable static func removeApp(_ call: Call) async throws -> APIAnswer {
    try await remove(.totp(call.identifier()), call)
  }

  @Sendable static func passkeyOptions(_ call: Call) async throws -> APIAnswer {
    try await .json(
      PasskeyQuestion(call.site.securityInfo.passkeyPrompt(by: call.steppedUp(), binding: .api)))
  }

  @Sendable static func addPasskey(_ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let body: NewPasskeyBody = try call.decode()
    let added = try await call.once(by: steppedUp.account.id.text) { keep in
      try await call.site.securityInfo.addPasskey(
        PasskeyRegistration(body.credential), request: body.request, named: body.name ?? "", by: steppedUp,
        binding: .api, source: call.source, keeping: keep)
    } answer: {
      Added(id: $0.text)
    }
    return try .json(added, status: .created)
  }

  @Sendable static func removePasskey(_ call: Call) async throws -> APIAnswer {
    try await remove(.passkey(call.identifier()), call)
  }

  /// Removed at once, or held when it is the last senior proof (H12).
  private static func remove(_ proof: Proof, _ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let removal = try await call.site.securityInfo.remove(proof, by: steppedUp, source: call.source)
    guard case .held(let hold) = removal else { return .noContent }
    return try await .json(
      HoldAnswer(call.site.holds.status(hold.id, for: steppedUp.signedIn)), status: .accepted)
  }

  // MARK: two-step verification and password

  @Sendable static func setTwoStep(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let enabled: Bool }
    struct Answer: Encodable { let enabled: Bool }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    try await call.site.securityInfo.setTwoStep(body.enabled, by: steppedUp, source: call.source)
    return try .json(Answer(enabled: body.enabled))
  }

  @Sendable static func changePassword(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let password: String }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    try await call.site.securityInfo.changePassword(to: body.password, by: steppedUp, source: call.source)
    return .noContent
  }
}

/// Six digits.
struct CodeBody: Decodable { let code: String }

struct Confirmed: Encodable { let confirmed = true }

/// A name for something new; the body may be left out.
struct NameBody: Decodable {
  let name: String?

  static func name(in call: Call) throws(UnreadableBody) -> String {
    call.isEmpty ? "" : try call.decode(NameBody.self).name ?? ""
  }
}

struct NewPasskeyBody: Decodable {
  let request: String
  let credential: JSONValue
  let name: String?
}
