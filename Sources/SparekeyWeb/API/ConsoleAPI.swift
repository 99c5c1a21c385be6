import SparekeyCore

/// The support console for agents (G4): sessions of accounts with the role. For everyone else there is nothing here.
enum ConsoleAPI {
  // MARK: cases

  @Sendable static func cases(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let (state, page) = try AdminAPI.casePage(of: "support/cases", in: call)
    let overview = try await call.site.supportConsole.overview(
      in: state, after: page.after.map { (Timestamp(milliseconds: $0.number), CaseID(text: $0.text)) },
      limit: page.limit + 1, by: signedIn)
    return try page.answer(overview.cases) {
      Position(number: $0.supportCase.changedAt.milliseconds, text: $0.supportCase.id.text)
    } item: {
      CaseAnswer($0)
    }
  }

  private struct FileAnswer: Encodable {
    let file: CaseFileAnswer
    let requests: [RequestAnswer]
  }

  @Sendable static func file(_ call: Call) async throws -> APIAnswer {
    try await answer(call, call.signedIn())
  }

  private static func answer(_ call: Call, _ signedIn: SignedIn) async throws -> APIAnswer {
    let file = try await call.site.supportConsole.file(call.text("number"), by: signedIn)
    return try .json(
      FileAnswer(file: CaseFileAnswer(file), requests: file.requests.map { RequestAnswer($0) }))
  }

  @Sendable static func actOnCase(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let action: String
      let text: String?
    }
    let signedIn = try await call.signedIn()
    let body: Body = try call.decode()
    let text = body.text ?? ""
    let deeds: [String: SupportConsole.CaseDeed] = [
      "take": .take, "release": .release, "answer": .answer(text), "ask": .ask(text), "close": .close,
    ]
    guard let deed = deeds[body.action] else { throw unknown(deeds.keys.sorted()) }
    try await call.site.supportConsole.act(deed, on: call.text("number"), by: signedIn)
    return try await answer(call, signedIn)
  }

  // MARK: requests

  /// A request for a hold.
  private struct RequestAnswer: Encodable {
    let id: String
    let number: String
    let username: String
    let requestedBy: String
    let requestedAt: String
    let expiresAt: String
    let reason: String
    let mine: Bool
    let decision: String?

    init(_ request: SupportConsole.Request) {
      id = request.request.id.text
      number = request.caseNumber
      username = request.username
      requestedBy = request.requestedBy
      requestedAt = request.request.requestedAt.iso8601
      expiresAt = request.request.expiresAt.iso8601
      reason = request.reason
      mine = request.isMine
      decision = request.request.decision?.rawValue
    }
  }

  /// Those that nobody has decided.
  @Sendable static func requests(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let page = try PageRequest(of: "support/requests", in: call)
    return try await page.answer(
      ofAll: call.site.supportConsole.overview(in: nil, limit: 0, by: signedIn).requests
    ) {
      Position(number: $0.request.requestedAt.milliseconds, text: $0.request.id.text)
    } item: {
      RequestAnswer($0)
    }
  }

  @Sendable static func decide(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let action: String
      let reason: String?
    }
    let signedIn = try await call.signedIn()
    let body: Body = try call.decode()
    let console = call.site.supportConsole
    switch body.action {
    case "approve": try await console.approve(call.identifier(), by: call.steppedUp())
    case "decline":
      try await console.decline(call.identifier(), reason: body.reason ?? "", by: signedIn)
    default: throw unknown(["approve", "decline"])
    }
    return .noContent
  }

  // MARK: accounts

  /// An account without secrets: kinds and moments, and contacts masked as strangers see them.
  private struct StatusAnswer: Encodable {
    struct ProofLine: Encodable {
      let kind: String
      let label: String?
      let since: String
      let senior: Bool
    }
    struct Line: Encodable {
      let kind: String
      let at: String
    }
    let id: String
    let username: String
    let createdAt: String
    let twoStepSince: String?
    let frozenAt: String?
    let hold: String?
    let claimNumber: String?
    let proofs: [ProofLine]
    let sessions: Int
    let activity: [Line]
    let own: Bool
    let told: Int

    init(_ status: SupportConsole.AccountStatus) {
      id = status.id.text
      username = status.username
      createdAt = status.createdAt.iso8601
      twoStepSince = status.twoStepSince?.iso8601
      frozenAt = status.frozenAt?.iso8601
      hold = status.hold?.state.rawValue
      claimNumber = status.claimNumber
      proofs = status.proofs.map {
        ProofLine(kind: $0.kind.rawValue, label: $0.masked, since: $0.since.iso8601, senior: $0.isSenior)
      }
      sessions = status.sessions
      activity = status.activity.map { Line(kind: $0.kind.rawValue, at: $0.at.iso8601) }
      own = status.isOwn
      told = status.told
    }
  }

  /// Looking is in the audit trail, and limited.
  @Sendable static func account(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let wanted: SupportConsole.Wanted
    if let number = try call.query("case") {
      wanted = .ofCase(number)
    } else if let name = try call.query("username") {
      wanted = .named(name)
    } else {
      throw UnreadableBody(field: "username", detail: "The query names a \"username\" or a \"case\".")
    }
    guard let status = try await call.site.supportConsole.account(wanted, by: signedIn) else {
      throw Refusal.notFound
    }
    return try .json(StatusAnswer(status))
  }

  @Sendable static func actOnAccount(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let action: String
      let reason: String
      let `case`: String?
    }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    let console = call.site.supportConsole
    if body.action == "request-hold" {
      guard let number = body.case else { throw UnreadableBody.missing("case") }
      try await console.requestHold(
        of: call.identifier(), for: number, reason: body.reason, by: steppedUp)
    } else if let deed = SupportConsole.AccountDeed(rawValue: body.action) {
      try await console.act(deed, on: call.identifier(), reason: body.reason, by: steppedUp)
    } else {
      throw unknown(SupportConsole.AccountDeed.allCases.map(\.rawValue) + ["request-hold"])
    }
    return .noContent
  }

  private static func unknown(_ actions: [String]) -> UnreadableBody {
    UnreadableBody(field: "action", detail: "\"action\" is one of \(actions.joined(separator: ", ")).")
  }
}
