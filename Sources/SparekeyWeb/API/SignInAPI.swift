import FoundationEssentials
import SparekeyCore

/// A session as the API gives it out.
struct SessionAnswer: Codable {
  let token: String
  let expiresAt: String
  /// What has to be done before the session is a full one.
  let restriction: String?

  init(_ started: StartedSession) {
    token = started.token.revealedText
    expiresAt = started.session.expiresAt.iso8601
    restriction = started.session.restriction?.rawValue
  }
}

/// The question for a passkey, for `PublicKeyCredential.parseRequestOptionsFromJSON()` and its counterpart.
struct PasskeyQuestion: Encodable {
  /// To be sent back with the answer.
  let request: String
  let options: JSONValue

  init(_ prompt: PasskeyPrompt) throws {
    request = prompt.request
    options = try JSONDecoder().decode(JSONValue.self, from: Data(prompt.options.utf8))
  }
}

/// JSON that goes through unread.
enum JSONValue: Codable, Sendable {
  case object([String: JSONValue])
  case array([JSONValue])
  case text(String)
  case number(Double)
  case flag(Bool)
  case null

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .flag(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .object(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .flag(let value): try container.encode(value)
    case .null: try container.encodeNil()
    }
  }

  func text() throws -> String { String(decoding: try JSON.encode(self), as: UTF8.self) }
}

extension PasskeyAssertion {
  /// The browser's answer to a question for a passkey. - Throws: `Refusal.passkeyWrong`.
  init(_ value: JSONValue) throws {
    do {
      self = try PasskeyAssertion(json: value.text())
    } catch let problem as PasskeyProblem {
      throw Refusal.passkeyWrong(problem)
    }
  }
}

extension PasskeyRegistration {
  /// The browser's new passkey. - Throws: `Refusal.passkeyWrong`.
  init(_ value: JSONValue) throws {
    do {
      self = try PasskeyRegistration(json: value.text())
    } catch let problem as PasskeyProblem {
      throw Refusal.passkeyWrong(problem)
    }
  }
}

/// Signing in: a name, then a password or a passkey, then with two-step verification a second factor.
enum SignInAPI {
  private struct Progress: Encodable {
    let journey: String
    let step: String
    let options: [String]
    var passkey: PasskeyQuestion?
  }

  private struct Entered: Encodable { let session: SessionAnswer }

  /// The same for every name (S6).
  @Sendable static func start(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let username: String }
    let body: Body = try call.decode()
    return try .json(
      Progress(
        journey: call.site.signIn.start(username: body.username, binding: .api, source: call.source),
        step: "password",
        options: ["password", "passkey"]))
  }

  @Sendable static func password(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let password: String
    }
    let body: Body = try call.decode()
    let progress = try await call.site.signIn.enterPassword(
      body.password, journey: body.journey, binding: .api, source: call.source)
    switch progress {
    case .signedIn(let started): return try .json(Entered(session: SessionAnswer(started)))
    case .secondFactor(let step):
      let options = [
        step.hasApp ? "totp" : nil, step.passkey == nil ? nil : "passkey", step.takesTicket ? "ticket" : nil,
      ]
      return try .json(
        Progress(
          journey: step.journey, step: "second-factor", options: options.compactMap(\.self),
          passkey: step.passkey.map(PasskeyQuestion.init)))
    }
  }

  @Sendable static func totp(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let code: String
    }
    let body: Body = try call.decode()
    let started = try await call.site.signIn.enterTOTP(
      body.code, journey: body.journey, binding: .api, source: call.source)
    return try .json(Entered(session: SessionAnswer(started)))
  }

  @Sendable static func passkeyOptions(_ call: Call) async throws -> APIAnswer {
    try await .json(PasskeyQuestion(call.site.signIn.passkeyPrompt(binding: .api)))
  }

  /// With a journey the second factor, without one a passkey alone.
  @Sendable static func passkey(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String?
      let request: String
      let assertion: JSONValue
    }
    let body: Body = try call.decode()
    let assertion = try PasskeyAssertion(body.assertion)
    let signIn = call.site.signIn
    let started =
      if let journey = body.journey {
        try await signIn.enterPasskey(
          assertion, request: body.request, journey: journey, binding: .api, source: call.source)
      } else {
        try await signIn.enterPasskey(
          assertion, request: body.request, binding: .api, source: call.source)
      }
    return try .json(Entered(session: SessionAnswer(started)))
  }

  @Sendable static func ticket(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let ticket: String
    }
    let body: Body = try call.decode()
    let started = try await call.site.signIn.enterTicket(
      body.ticket, journey: body.journey, binding: .api, source: call.source)
    return try .json(Entered(session: SessionAnswer(started)))
  }
}
