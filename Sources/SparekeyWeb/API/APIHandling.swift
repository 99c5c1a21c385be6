import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SparekeyCore

/// One API request, read. Handlers take a body of their own type and give back something encodable.
struct Call: Sendable {
  let site: Site
  let now: Timestamp
  let body: Data
  private let parameters: Parameters
  private let head: HTTPRequest
  private let peer: String
  private let pattern: String?
  private let token: Secret?

  fileprivate init(
    site: Site, peer: String, body: Data, parameters: Parameters, head: HTTPRequest, pattern: String?
  ) {
    self.site = site
    self.peer = peer
    self.body = body
    self.parameters = parameters
    self.head = head
    self.pattern = pattern
    now = site.ports.clock.now()
    let parts = head.headerFields[.authorization]?.split(separator: " ", maxSplits: 1) ?? []
    // The scheme's name has no case (RFC 9110, section 11.1).
    token = parts.count == 2 && parts[0].lowercased() == "bearer" ? Secret(String(parts[1])) : nil
  }

  var isEmpty: Bool { body.isEmpty }

  var headers: HTTPFields { head.headerFields }

  /// Read when it is wanted: most calls do not ask where someone comes from.
  var source: Source { headers.source(peer: peer, trusting: site.settings.trustedProxies) }

  /// Method and pattern of the path.
  var operation: String { "\(head.method.rawValue) \(pattern ?? "")" }

  /// - Throws: `UnreadableBody` naming the member that is missing or of the wrong kind.
  func decode<Body: Decodable>(_ type: Body.Type = Body.self) throws(UnreadableBody) -> Body {
    // Decoders take UTF-16 and UTF-32 too, where another reader of the same bytes sees something else. JSON is UTF-8
    // (RFC 8259, section 8.1), and then it has no zero bytes.
    guard !body.contains(0) else {
      throw UnreadableBody(field: nil, detail: "The body is not JSON in UTF-8.")
    }
    if let name = repeatedMember(in: body) {
      throw .repeated(name)
    }
    if hasEscapedNUL(body) {
      throw UnreadableBody(field: nil, detail: "The body has a NUL (\\u0000) in it.")
    }
    do {
      return try JSONDecoder().decode(type, from: body)
    } catch DecodingError.keyNotFound(let key, _) {
      throw .missing(key.stringValue)
    } catch DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context) {
      let name = context.codingPath.last?.stringValue
      throw UnreadableBody(
        field: name,
        detail: name.map { "The member \"\($0)\" is not a \(wanted(in: context))." }
          ?? "The body is not a JSON object.")
    } catch {
      throw UnreadableBody(field: nil, detail: "The body is not valid JSON.")
    }
  }

  /// An id in the path. One that nobody has finds nothing.
  func identifier<Kind>(_ name: String = "id") -> Identifier<Kind> {
    Identifier(text: parameters.get(name) ?? "")
  }

  /// A text in the path.
  func text(_ name: String) -> String { parameters.get(name) ?? "" }

  /// A number in the path. - Throws: `Refusal.notFound`.
  func number(_ name: String) throws(Refusal) -> Int {
    guard let number = parameters.get(name, as: Int.self) else { throw .notFound }
    return number
  }

  /// A parameter of the query; nil when it is absent. - Throws: `UnreadableBody` for one that is given twice.
  func query(_ name: String) throws(UnreadableBody) -> String? {
    let found = URI(head.path ?? "").queryParameters.filter { $0.key == name }
    guard found.count <= 1 else {
      throw UnreadableBody(field: name, detail: "The parameter \"\(name)\" is given twice.")
    }
    return found.first.map { String($0.value) }
  }

  /// - Throws: `Refusal.notSignedIn`.
  func holder() async throws -> SessionHolder { try await site.sessions.holder(of: token) }

  /// - Throws: `Refusal.notSignedIn`, `.factorsUnsettled`.
  func signedIn() async throws -> SignedIn { try await holder().signedIn() }

  /// - Throws: `Refusal.notSignedIn`, `.factorsUnsettled`, `.stepUpNeeded`.
  func steppedUp() async throws -> SteppedUp { try await signedIn().steppedUp(at: now) }

  /// Someone who is back after a recovery, before the second factors are settled. - Throws: `Refusal.notSignedIn`.
  func unsettled() async throws -> Unsettled { try await holder().unsettled() }

  /// A program that works for the operator.
  /// - Throws: `Refusal.tokenUnknown`, `.scopeMissing`, `.slowDown`; `.operatorsOnly` for someone's session.
  func holder(of scope: OperatorScope?) async throws -> Operator {
    guard let token else { throw Refusal.tokenUnknown }
    if !token.revealedText.hasPrefix(OperatorTokens.prefix), try await isSession() {
      throw Refusal.operatorsOnly
    }
    return try await site.operatorTokens.holder(of: token, scope: scope, source: source)
  }

  private func isSession() async throws -> Bool {
    do {
      _ = try await holder()
      return true
    } catch Refusal.notSignedIn {
      return false
    }
  }

  /// A claim ticket in the place of a session: sessions have 52 symbols, tickets 20.
  var ticket: String? {
    token.flatMap { token in
      let text = token.revealedText
      return text.utf8.count == Self.sessionLength || text.hasPrefix(OperatorTokens.prefix) ? nil : text
    }
  }

  private static let sessionLength = 52
}

/// What a member should have been.
private func wanted(in context: DecodingError.Context) -> String {
  ["Bool": "Boolean", "Array": "list"].first { context.debugDescription.contains($0.key) }?.value ?? "string"
}

struct UnreadableBody: Error {
  let field: String?
  let detail: String

  static func missing(_ name: String) -> UnreadableBody {
    UnreadableBody(field: name, detail: "The member \"\(name)\" is missing.")
  }

  static func repeated(_ name: String) -> UnreadableBody {
    UnreadableBody(field: name, detail: "The member \"\(name)\" occurs twice.")
  }
}

/// What an API handler gives back.
struct APIAnswer: Sendable {
  let status: HTTPResponse.Status
  fileprivate let body: [UInt8]?

  static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> APIAnswer {
    APIAnswer(status: status, body: try JSON.encode(value))
  }

  static let noContent = APIAnswer(status: .noContent, body: nil)
}

typealias APIHandler = @Sendable (Call) async throws -> APIAnswer

extension Site {
  /// Wraps an API handler: refusals become problem details (RFC 9457) with a stable type.
  func api(_ handler: @escaping APIHandler) -> @Sendable (Request, WebContext) async throws -> Response {
    { request, context in
      let body = try await request.wholeBody(upTo: BodyLimits.form)
      let call = Call(
        site: self, peer: context.peer, body: Data(body.readableBytesView), parameters: context.parameters,
        head: request.head, pattern: context.endpointPath)
      do {
        let answer = try await handler(call)
        var headers: HTTPFields = [.cacheControl: "no-store"]
        guard let body = answer.body else { return Response(status: answer.status, headers: headers) }
        headers[.contentType] = "application/json"
        return Response(
          status: answer.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
      } catch let unreadable as UnreadableBody {
        return problem("unreadable", .badRequest, detail: unreadable.detail, field: unreadable.field)
      } catch let refusal as Refusal {
        if case .busy = refusal { await busy.wait() }
        return problem(refusal, now: call.now)
      } catch let found as Clients.Problem {
        return problem("field", .unprocessableContent, detail: found.description, field: found.field)
      }
    }
  }

  /// Wraps a handler of the operator API.
  /// - Parameter scope: what the token needs; nil for what any token may ask.
  func admin(
    _ scope: OperatorScope?, _ handler: @escaping @Sendable (Call, Operator) async throws -> APIAnswer
  ) -> @Sendable (Request, WebContext) async throws -> Response {
    api { call in try await handler(call, call.holder(of: scope)) }
  }

  private struct Problem: Encodable {
    let type: String
    let title: String
    let status: Int
    let detail: String?
    let field: String?
    let suggestion: String?
    let retryAfter: Int?
  }

  func problem(
    _ type: String, _ status: HTTPResponse.Status, detail: String? = nil, field: String? = nil,
    suggestion: String? = nil, retryAfter: Int? = nil
  ) -> Response {
    let title = type.replacing("-", with: " ")
    let problem = Problem(
      type: "urn:sparekey:problem:\(type)", title: title.prefix(1).uppercased() + title.dropFirst(),
      status: Int(status.code), detail: detail, field: field, suggestion: suggestion, retryAfter: retryAfter)
    var headers: HTTPFields = [.contentType: "application/problem+json", .cacheControl: "no-store"]
    if status == .unauthorized { headers[.wwwAuthenticate] = "Bearer" }
    if let retryAfter { headers[.retryAfter] = "\(retryAfter)" }
    let body = (try? JSON.encode(problem)) ?? []
    return Response(status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
  }

  private func problem(_ refusal: Refusal, now: Timestamp) -> Response {
    switch refusal {
    case .field(let field, let problem):
      let section =
        switch field {
        case .password where problem == .missing: "password"
        case .password, .newPassword: "newPassword"
        case .journey: "option"
        default: field.rawValue
        }
      return self.problem(
        "field", .unprocessableContent, detail: texts.problem(problem, in: section), field: field.rawValue)
    case .wrongNameOrPassword:
      return problem("wrong-name-or-password", .forbidden, detail: texts["error.wrongNameOrPassword"])
    case .wrongPassword: return problem("wrong-password", .forbidden, detail: texts["error.password.wrong"])
    case .issuedCodeWrong:
      return problem("issued-code-wrong", .forbidden, detail: texts["error.code.wrong"], field: "code")
    case .codeUnreadable(let problem):
      return self.problem(
        "code-unreadable", .unprocessableContent, detail: texts.problem(problem), field: "code")
    case .codeSuggestion(let suggestion):
      return problem(
        "code-suggestion", .unprocessableContent, detail: texts["recover.code.suggestionTitle"],
        field: "code",
        suggestion: suggestion.code.formatted)
    case .codeWrong:
      return problem("code-wrong", .forbidden, detail: texts["error.recoveryCode.wrong"], field: "code")
    case .codeReplaced(let at):
      return problem(
        "code-replaced", .forbidden,
        detail: texts.format("error.recoveryCode.replaced", ["date": texts.day(at)]), field: "code")
    case .codeUsed(let at):
      return problem(
        "code-used", .forbidden, detail: texts.format("error.recoveryCode.used", ["date": texts.day(at)]),
        field: "code")
    case .notEnough: return problem("not-enough", .forbidden, detail: texts["message.notEnough.line"])
    case .slowDown(let until):
      return problem(
        "slow-down", .tooManyRequests,
        detail: texts.format("error.slowDown", ["when": texts.wait(until - now)]),
        retryAfter: max(1, Int((until - now).milliseconds / 1_000) + 1))
    case .busy(let seconds):
      return problem(
        "busy", .serviceUnavailable,
        detail: texts.format("message.busy.line", ["when": texts.wait(.seconds(seconds))]),
        retryAfter: seconds)
    case .expired:
      return problem("expired", .badRequest, detail: texts["message.expired.line"], field: "journey")
    case .changedMeanwhile:
      return problem("changed-meanwhile", .conflict, detail: texts["message.changedMeanwhile.line"])
    case .outOfStep: return problem("out-of-step", .conflict, detail: texts["message.outOfStep.line"])
    case .notSignedIn:
      return problem("not-signed-in", .unauthorized, detail: texts["signIn.notice.signInFirst"])
    case .stepUpNeeded: return problem("step-up-needed", .forbidden, detail: texts["account.stepUp.intro"])
    case .alreadyDone: return problem("already-done", .conflict, detail: texts["api.alreadyDone"])
    case .keyReused:
      return problem("idempotency-key-reused", .unprocessableContent, detail: texts["api.keyReused"])
    case .operatorsOnly: return problem("operators-only", .forbidden, detail: texts["api.operatorsOnly"])
    case .tokenUnknown: return problem("token-unknown", .unauthorized, detail: texts["api.tokenUnknown"])
    case .scopeMissing(let scope):
      return problem(
        "scope-missing", .forbidden, detail: texts.format("api.scopeMissing", ["scope": scope.rawValue]))
    case .clientFromFile: return problem("client-from-file", .conflict, detail: texts["api.clientFromFile"])
    case .clientIsPublic: return problem("client-is-public", .conflict, detail: texts["api.clientIsPublic"])
    case .signUpClosed:
      return problem("sign-up-closed", .forbidden, detail: texts["message.signUpClosed.line"])
    case .lastProof: return problem("last-proof", .conflict, detail: texts["error.lastProof"])
    case .notFound: return problem("not-found", .notFound, detail: texts["message.notFound.line"])
    case .totpWrong:
      return problem("totp-wrong", .forbidden, detail: texts["error.totp.wrong"], field: "code")
    case .passkeyWrong: return problem("passkey-wrong", .forbidden, detail: texts["error.passkey.wrong"])
    case .secondFactorNeeded:
      return problem("second-factor-needed", .conflict, detail: texts["error.secondFactorNeeded"])
    case .passwordTooShortAlone:
      return problem("password-too-short-alone", .conflict, detail: texts["error.passwordTooShortAlone"])
    case .holdRunning(let until):
      return problem(
        "hold-running", .conflict, detail: texts.format("error.holdRunning", ["date": texts.exactly(until)]))
    case .holdOver: return problem("hold-over", .conflict, detail: texts["error.holdOver"])
    case .juniorProof: return problem("junior-proof", .forbidden, detail: texts["error.juniorProof"])
    case .ticketWrong:
      return problem("ticket-wrong", .forbidden, detail: texts["error.ticket.wrong"], field: "ticket")
    case .frozen: return problem("frozen", .conflict, detail: texts["error.frozen"])
    case .factorsUnsettled:
      return problem("factors-unsettled", .forbidden, detail: texts["error.factorsUnsettled"])
    case .support(let problem):
      return self.problem(problem.rawValue, .conflict, detail: texts["support.problem.\(problem.textKey)"])
    }
  }
}
