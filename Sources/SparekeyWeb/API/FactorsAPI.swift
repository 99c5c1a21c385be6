import SparekeyCore

/// The second factors after a recovery: each old one is used or removed, one works, and then the session is a full one.
/// Only a session with the restriction `settle-factors` comes here.
enum FactorsAPI {
  private struct Factor: Encodable {
    let id: String
    let kind: String
    let label: String
    let settled: Bool
  }

  private struct Progress: Encodable {
    let factors: [Factor]
    /// Whether `finish` is due.
    let done: Bool

    init(_ progress: FactorSettling.Progress) {
      factors =
        progress.proofs.confirmedApps.map {
          Factor(
            id: $0.id.text, kind: ProofKind.totp.rawValue, label: $0.name,
            settled: progress.settled.contains(.totp($0.id)))
        }
        + progress.proofs.passkeys.map {
          Factor(
            id: $0.id.text, kind: ProofKind.passkey.rawValue, label: $0.name,
            settled: progress.settled.contains(.passkey($0.id)))
        }
      done = progress.isDone
    }
  }

  private static func progress(_ call: Call, _ unsettled: Unsettled) async throws -> APIAnswer {
    try await .json(Progress(call.site.factorSettling.progress(for: unsettled)))
  }

  @Sendable static func progress(_ call: Call) async throws -> APIAnswer {
    try await progress(call, call.unsettled())
  }

  // MARK: the old ones

  @Sendable static func useApp(_ call: Call) async throws -> APIAnswer {
    let unsettled = try await call.unsettled()
    let body: CodeBody = try call.decode()
    try await call.site.factorSettling.confirmApp(code: body.code, by: unsettled, source: call.source)
    return try await progress(call, unsettled)
  }

  @Sendable static func requestOptions(_ call: Call) async throws -> APIAnswer {
    try await .json(
      PasskeyQuestion(call.site.factorSettling.passkeyPrompt(for: call.unsettled(), binding: .api)))
  }

  @Sendable static func usePasskey(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let request: String
      let assertion: JSONValue
    }
    let unsettled = try await call.unsettled()
    let body: Body = try call.decode()
    try await call.site.factorSettling.confirmPasskey(
      PasskeyAssertion(body.assertion), request: body.request, by: unsettled, binding: .api,
      source: call.source)
    return try await progress(call, unsettled)
  }

  @Sendable static func removeApp(_ call: Call) async throws -> APIAnswer {
    try await remove(.totp(call.identifier()), call)
  }

  @Sendable static func removePasskey(_ call: Call) async throws -> APIAnswer {
    try await remove(.passkey(call.identifier()), call)
  }

  private static func remove(_ proof: Proof, _ call: Call) async throws -> APIAnswer {
    let unsettled = try await call.unsettled()
    try await call.site.factorSettling.remove(proof, by: unsettled, source: call.source)
    return try await progress(call, unsettled)
  }

  // MARK: new ones

  @Sendable static func addApp(_ call: Call) async throws -> APIAnswer {
    let unsettled = try await call.unsettled()
    let name = try NameBody.name(in: call)
    return try await .json(
      NewAppAnswer(call.site.factorSettling.addApp(named: name, by: unsettled)), status: .created)
  }

  @Sendable static func confirmApp(_ call: Call) async throws -> APIAnswer {
    let unsettled = try await call.unsettled()
    let body: CodeBody = try call.decode()
    try await call.site.factorSettling.confirmNewApp(
      call.identifier(), code: body.code, by: unsettled, source: call.source)
    return try await progress(call, unsettled)
  }

  @Sendable static func creationOptions(_ call: Call) async throws -> APIAnswer {
    try await .json(
      PasskeyQuestion(call.site.factorSettling.newPasskeyPrompt(for: call.unsettled(), binding: .api)))
  }

  @Sendable static func addPasskey(_ call: Call) async throws -> APIAnswer {
    let unsettled = try await call.unsettled()
    let body: NewPasskeyBody = try call.decode()
    try await call.site.factorSettling.addPasskey(
      PasskeyRegistration(body.credential), request: body.request, named: body.name ?? "", by: unsettled,
      binding: .api, source: call.source)
    return try await progress(call, unsettled)
  }

  // MARK: the end

  /// The session becomes a full one under a new token; after a hold the new recovery code is shown here.
  @Sendable static func finish(_ call: Call) async throws -> APIAnswer {
    struct Answer: Encodable {
      let session: SessionAnswer
      let recoveryCode: String?
      let serial: String?
      let createdAt: String?
    }
    let (started, shown) = try await call.site.factorSettling.finish(
      by: call.unsettled(), source: call.source)
    return try .json(
      Answer(
        session: SessionAnswer(started), recoveryCode: shown?.code.formatted, serial: shown?.serial,
        createdAt: shown?.createdAt.iso8601))
  }
}
