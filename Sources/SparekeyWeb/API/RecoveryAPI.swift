import HTTPTypes
import SparekeyCore

/// One way to an outcome (H4).
struct ForecastAnswer: Encodable {
  let outcome: String
  /// When it would take effect if it were shown now.
  let effectiveAt: String?
  let row: Int
  /// All that is still to be shown.
  let with: [String]

  init(_ forecast: RecoveryPolicy.Forecast, ports: Ports, at now: Timestamp) {
    outcome = forecast.outcome.name
    effectiveAt = ports.effectiveAt(forecast.outcome, at: now)?.iso8601
    row = forecast.row
    with = forecast.missing.map(\.rawValue)
  }
}

extension RecoveryPolicy.Outcome {
  fileprivate var name: String {
    switch self {
    case .now: "now"
    case .held: "held"
    case .notEnough: "not-enough"
    }
  }
}

/// The way back. Every answer has one shape.
enum RecoveryAPI {
  private struct Progress: Encodable {
    struct Option: Encodable {
      let id: String
      let kind: String
      let label: String
    }

    let journey: String
    let step: String
    var options: [Option] = []
    let evidence: [String]
    var outcome: String?
    var effectiveAt: String?
    var forecast: [ForecastAnswer] = []
    /// A recovery of this account that waits already, for those with evidence.
    var runningHold: Running?
    // At the end
    var recoveryCode: String?
    var serial: String?
    var createdAt: String?
    var session: SessionAnswer?
    var hold: String?
    var claimNumber: String?
    var ticket: String?

    init(_ progress: RecoveryProgress, ports: Ports, at now: Timestamp) {
      journey = progress.journey
      step = progress.step.rawValue
      options = progress.options.map { Option(id: $0.id, kind: $0.kind.rawValue, label: $0.masked) }
      evidence = progress.evidence.map(\.rawValue)
      outcome = progress.decision?.outcome.name
      effectiveAt = progress.effectiveAt?.iso8601
      forecast = progress.forecast.map { ForecastAnswer($0, ports: ports, at: now) }
      runningHold = progress.runningHold.map(Running.init)
    }

    init(_ end: RecoveryEnd, journey: String, evidence: [ProofKind], at now: Timestamp) {
      self.journey = journey
      step = RecoveryAttempt.Step.ended.rawValue
      self.evidence = evidence.map(\.rawValue)
      switch end {
      case .recovered(let shown, let session):
        outcome = "now"
        effectiveAt = shown.createdAt.iso8601
        recoveryCode = shown.code.formatted
        serial = shown.serial
        createdAt = shown.createdAt.iso8601
        self.session = session.map(SessionAnswer.init)
      case .held(let held):
        outcome = "held"
        effectiveAt = held.hold.endsAt.iso8601
        hold = held.hold.id.text
        claimNumber = held.claimNumber
        ticket = held.ticket
      case .contested(let running):
        outcome = "contested"
        effectiveAt = running.hold.endsAt.iso8601
        claimNumber = running.claimNumber
      }
    }
  }

  /// Someone else's hold, or one's own from before.
  struct Running: Encodable {
    let claimNumber: String
    let state: String
    let effectiveAt: String

    init(_ running: RunningHold) {
      claimNumber = running.claimNumber
      state = running.hold.state.rawValue
      effectiveAt = running.hold.endsAt.iso8601
    }
  }

  private static func answer(_ progress: RecoveryProgress, _ call: Call) throws -> APIAnswer {
    try .json(Progress(progress, ports: call.site.ports, at: call.now))
  }

  @Sendable static func start(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let username: String }
    let body: Body = try call.decode()
    return try await answer(call.site.recovery.start(username: body.username, binding: .api), call)
  }

  private struct WithCode: Decodable {
    let journey: String
    let code: String
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
      return try await answer(
        recovery.enterIssuedCode(body.journey, code: code, binding: .api, source: call.source), call)
    }
    return try await answer(
      recovery.sendIssuedCode(body.journey, to: body.option ?? "", binding: .api, source: call.source), call)
  }

  @Sendable static func recoveryCode(_ call: Call) async throws -> APIAnswer {
    let body: WithCode = try call.decode()
    return try await answer(
      call.site.recovery.enterRecoveryCode(
        body.journey, code: body.code, binding: .api, source: call.source), call)
  }

  @Sendable static func totp(_ call: Call) async throws -> APIAnswer {
    let body: WithCode = try call.decode()
    return try await answer(
      call.site.recovery.enterTOTP(body.journey, code: body.code, binding: .api, source: call.source), call)
  }

  @Sendable static func password(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let password: String
    }
    let body: Body = try call.decode()
    return try await answer(
      call.site.recovery.enterPassword(
        body.journey, password: body.password, binding: .api, source: call.source), call)
  }

  @Sendable static func passkeyOptions(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let journey: String }
    let body: Body = try call.decode()
    return try await .json(
      PasskeyQuestion(call.site.recovery.passkeyPrompt(body.journey, binding: .api)))
  }

  @Sendable static func passkey(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let request: String
      let assertion: JSONValue
    }
    let body: Body = try call.decode()
    return try await answer(
      call.site.recovery.enterPasskey(
        body.journey, assertion: PasskeyAssertion(body.assertion), request: body.request, binding: .api,
        source: call.source), call)
  }

  /// The end. Where the policy says *held*, sending a password accepts the wait.
  @Sendable static func newPassword(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let password: String?
      let keepPassword: Bool?
      let contact: String?
      let ticket: String?
    }
    let body: Body = try call.decode()
    guard body.password != nil || body.keepPassword == true else { throw UnreadableBody.missing("password") }
    let recovery = call.site.recovery
    let end = try await recovery.finish(
      body.journey,
      wanted: Recovery.Wanted(password: body.password, contact: body.contact, ticket: body.ticket),
      acceptsWait: true, binding: .api, source: call.source)
    let status: HTTPResponse.Status = if case .recovered = end { .ok } else { .accepted }
    return try .json(
      Progress(
        end, journey: body.journey, evidence: recovery.evidence(in: body.journey, binding: .api),
        at: call.now), status: status)
  }
}
