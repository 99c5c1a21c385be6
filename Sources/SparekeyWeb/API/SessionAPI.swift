import SparekeyCore

/// Where a request came from, as its owner may see it.
struct SourceAnswer: Encodable {
  let address: String
  let agent: String

  init(_ source: Source) {
    address = source.address
    agent = source.agent
  }
}

/// Sessions and step-up (S7).
enum SessionAPI {
  struct Listed: Encodable {
    let id: String
    let createdAt: String
    let lastSeenAt: String
    let expiresAt: String
    let from: SourceAnswer
    let current: Bool

    init(_ session: Session, current: SessionID) {
      id = session.id.text
      createdAt = session.createdAt.iso8601
      lastSeenAt = session.lastSeenAt.iso8601
      expiresAt = session.expiresAt.iso8601
      from = SourceAnswer(session.source)
      self.current = session.id == current
    }
  }

  private struct Current: Encodable {
    struct Account: Encodable {
      let username: String
      let createdAt: String
    }
    struct Session: Encodable {
      let id: String
      let createdAt: String
      let expiresAt: String
      let fresh: Bool
    }
    let account: Account
    let session: Session
  }

  @Sendable static func current(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let session = signedIn.session
    return try .json(
      Current(
        account: .init(username: signedIn.account.username, createdAt: signedIn.account.createdAt.iso8601),
        session: .init(
          id: session.id.text, createdAt: session.createdAt.iso8601, expiresAt: session.expiresAt.iso8601,
          fresh: signedIn.isFresh(at: call.now))))
  }

  @Sendable static func signOut(_ call: Call) async throws -> APIAnswer {
    try await call.site.sessions.signOut(call.holder().session)
    return .noContent
  }

  @Sendable static func list(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let page = try PageRequest(of: "sessions/\(signedIn.account.id)", in: call)
    return try await page.answer(ofAll: call.site.sessions.list(for: signedIn), named: "sessions") {
      Position(number: -$0.lastSeenAt.milliseconds, text: $0.id.text)
    } item: {
      Listed($0, current: signedIn.session.id)
    }
  }

  @Sendable static func end(_ call: Call) async throws -> APIAnswer {
    try await call.site.sessions.end(call.identifier(), by: call.signedIn(), source: call.source)
    return .noContent
  }

  @Sendable static func signOutEverywhere(_ call: Call) async throws -> APIAnswer {
    try await call.site.sessions.signOutEverywhere(call.signedIn(), source: call.source)
    return .noContent
  }

  @Sendable static func passkeyOptions(_ call: Call) async throws -> APIAnswer {
    try await .json(
      PasskeyQuestion(call.site.stepUp.passkeyRequest(for: call.signedIn(), binding: .api)))
  }

  /// Any of password, code of an app and passkey; an account with two-step verification takes the first two together.
  @Sendable static func stepUp(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let password: String?
      let totp: String?
      let request: String?
      let assertion: JSONValue?
    }
    struct Answer: Encodable {
      let token: String
      let expiresAt: String
      /// False while the account's own level is not reached.
      let fresh: Bool
    }
    let signedIn = try await call.signedIn()
    let body: Body = try call.decode()
    var shown: [StepUp.Shown] = []
    if let assertion = body.assertion {
      guard let request = body.request else { throw UnreadableBody.missing("request") }
      shown.append(.passkey(request: request, try PasskeyAssertion(assertion), .api))
    }
    if let password = body.password { shown.append(.password(password)) }
    if let totp = body.totp { shown.append(.totp(totp)) }
    guard !shown.isEmpty else { throw UnreadableBody.missing("password") }
    let started = try await call.site.stepUp.prove(shown, by: signedIn, source: call.source)
    let session = SessionAnswer(started)
    return try .json(
      Answer(
        token: session.token, expiresAt: session.expiresAt,
        fresh: call.now < started.session.provedAt + SessionRules.fresh))
  }
}
