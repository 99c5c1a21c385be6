import Foundation
import Hummingbird
import NIOCore
import SparekeyCore

/// The JSON API: the same journeys as the pages (A2). `openapi.json` describes it; a test compares the two.
extension Site {
  func addAPI(to router: Router<WebContext>) {
    router.post("/api/v1/accounts", use: api(AccountAPI.create))
    router.post("/api/v1/sign-in", use: api(SignInAPI.start))
    router.post("/api/v1/sign-in/password", use: api(SignInAPI.password))
    router.get("/api/v1/session", use: api(SignInAPI.session))
    router.delete("/api/v1/session", use: api(SignInAPI.signOut))
    router.delete("/api/v1/sessions", use: api(SignInAPI.signOutEverywhere))
    router.post("/api/v1/step-up", use: api(SignInAPI.stepUp))
    router.get("/api/v1/security-info", use: api(AccountAPI.securityInfo))
    router.post("/api/v1/recovery-code", use: api(AccountAPI.generateCode))
    router.get("/api/v1/recovery-code", use: api(AccountAPI.recoveryCode))
    router.post("/api/v1/recovery", use: api(RecoveryAPI.start))
    router.post("/api/v1/recovery/issued-code", use: api(RecoveryAPI.issuedCode))
    router.post("/api/v1/recovery/recovery-code", use: api(RecoveryAPI.recoveryCode))
    router.post("/api/v1/recovery/new-password", use: api(RecoveryAPI.newPassword))

    let document = (try? Data(contentsOf: renderer.resources.appending(path: "openapi.json"))) ?? Data()
    router.get("/openapi.json") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: document)))
    }
  }
}

/// A session as the API gives it out.
struct SessionAnswer: Encodable {
  let token: String
  let expiresAt: String

  init(_ started: StartedSession) {
    token = started.token.revealedText
    expiresAt = started.session.expiresAt.iso8601
  }
}

enum SignInAPI {
  private struct Started: Encodable {
    let journey: String
    let step = "password"
    let options = ["password"]
  }

  @Sendable static func start(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let username: String }
    let body: Body = try call.decode()
    return try .json(Started(journey: call.site.signIn.start(username: body.username, binding: .api)))
  }

  @Sendable static func password(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let password: String
    }
    struct Answer: Encodable { let session: SessionAnswer }
    let body: Body = try call.decode()
    let progress = try await call.site.signIn.enterPassword(
      body.password, journey: body.journey, binding: .api, source: call.source)
    guard case .signedIn(let started) = progress else { throw Refusal.outOfStep }
    return try .json(Answer(session: SessionAnswer(started)))
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

  @Sendable static func session(_ call: Call) async throws -> APIAnswer {
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
    try await call.site.sessions.signOut(call.signedIn().session)
    return .noContent
  }

  @Sendable static func signOutEverywhere(_ call: Call) async throws -> APIAnswer {
    try await call.site.sessions.signOutEverywhere(call.signedIn(), source: call.source)
    return .noContent
  }

  @Sendable static func stepUp(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let password: String }
    let signedIn = try await call.signedIn()
    let body: Body = try call.decode()
    return try .json(
      SessionAnswer(
        await call.site.stepUp.prove([.password(body.password)], by: signedIn, source: call.source)))
  }
}

enum AccountAPI {
  @Sendable static func create(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let username: String
      let password: String
      let email: String?
    }
    struct Answer: Encodable {
      let username: String
      let createdAt: String
      let session: SessionAnswer
    }
    let body: Body = try call.decode()
    let started = try await call.site.signUp.create(
      username: body.username, password: body.password, email: body.email, source: call.source)
    return try .json(
      Answer(
        username: started.account.username, createdAt: started.account.createdAt.iso8601,
        session: SessionAnswer(started)), status: .created)
  }

  @Sendable static func securityInfo(_ call: Call) async throws -> APIAnswer {
    struct Proof: Encodable {
      let id: String
      let kind: String
      let label: String
      let since: String
      let confirmed: Bool
    }
    struct Answer: Encodable { let proofs: [Proof] }
    let overview = try await call.site.securityInfo.overview(for: call.signedIn())
    return try .json(
      Answer(
        proofs: overview.proofs.contacts.map {
          Proof(
            id: $0.id.text, kind: $0.kind.rawValue, label: $0.masked, since: $0.addedAt.iso8601,
            confirmed: $0.isConfirmed)
        }))
  }

  private struct Code: Encodable {
    var code: String?
    let serial: String
    let createdAt: String
  }

  @Sendable static func generateCode(_ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let form = try call.site.recoveryCodes.form(for: steppedUp.signedIn, binding: .api)
    let shown = try await call.site.recoveryCodes.generate(
      form: form, binding: .api, by: steppedUp, source: call.source)
    return try .json(
      Code(code: shown.code.formatted, serial: shown.serial, createdAt: shown.createdAt.iso8601),
      status: .created)
  }

  @Sendable static func recoveryCode(_ call: Call) async throws -> APIAnswer {
    guard let code = try await call.site.securityInfo.overview(for: call.signedIn()).proofs.code else {
      throw Refusal.notFound
    }
    return try .json(Code(serial: code.serial, createdAt: code.createdAt.iso8601))
  }
}

enum RecoveryAPI {
  /// The one shape of every recovery answer.
  private struct Progress: Encodable {
    struct Option: Encodable {
      let id: String
      let kind: String
      let label: String
    }
    struct Forecast: Encodable {
      let outcome = "now"
      let with: [String]
    }
    let journey: String
    let step: String
    let options: [Option]
    let evidence: [String]
    let outcome: String?
    let forecast: Forecast

    init(_ progress: RecoveryProgress) {
      journey = progress.journey
      step = progress.step.rawValue
      options = progress.options.map { Option(id: $0.id, kind: $0.kind.rawValue, label: $0.masked) }
      evidence = progress.evidence.map(\.rawValue)
      outcome = progress.step == .newPassword ? "now" : nil
      forecast = Forecast(with: progress.forecast.flatMap { $0.missing.map(\.rawValue) })
    }
  }

  @Sendable static func start(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let username: String }
    let body: Body = try call.decode()
    return try .json(Progress(await call.site.recovery.start(username: body.username, binding: .api)))
  }

  @Sendable static func issuedCode(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let option: String?
      let code: String?
    }
    let body: Body = try call.decode()
    let recovery = call.site.recovery
    if let code = body.code {
      return try .json(Progress(await recovery.enterIssuedCode(body.journey, code: code, binding: .api)))
    }
    return try .json(
      Progress(
        await recovery.sendIssuedCode(
          body.journey, to: body.option ?? "", binding: .api, source: call.source)))
  }

  @Sendable static func recoveryCode(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let code: String
    }
    let body: Body = try call.decode()
    return try .json(
      Progress(
        await call.site.recovery.enterRecoveryCode(
          body.journey, code: body.code, binding: .api, source: call.source)))
  }

  @Sendable static func newPassword(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let password: String
    }
    struct Answer: Encodable {
      let outcome = "now"
      let recoveryCode: String
      let serial: String
      let createdAt: String
    }
    let body: Body = try call.decode()
    let end = try await call.site.recovery.finish(
      body.journey, wanted: Recovery.Wanted(password: body.password), binding: .api, source: call.source)
    guard case .recovered(let shown, _) = end else { throw Refusal.outOfStep }
    return try .json(
      Answer(recoveryCode: shown.code.formatted, serial: shown.serial, createdAt: shown.createdAt.iso8601))
  }
}
