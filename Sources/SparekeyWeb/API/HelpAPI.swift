import SparekeyCore

/// A way in: `sign-in`, `now`, `held` or `support`.
package struct WayAnswer: Encodable, Sendable {
  package let outcome: String
  /// How long it takes, in seconds; only for `held`.
  package let holdSeconds: Int64?
  /// Any one of these sets suffices, as kinds of evidence.
  package let evidence: [[String]]

  package init(_ way: WaysBack.Way, period: Duration) {
    switch way {
    case .signIn: (outcome, holdSeconds, evidence) = ("sign-in", nil, [])
    case .support: (outcome, holdSeconds, evidence) = ("support", nil, [])
    case .recovery(let found, let sets):
      evidence = sets.map { $0.map(\.rawValue) }
      switch found {
      case .held(let wait):
        (outcome, holdSeconds) = ("held", wait.duration(of: period).milliseconds / 1_000)
      case .now, .notEnough: (outcome, holdSeconds) = ("now", nil)
      }
    }
  }
}

/// Help for those who cannot sign in (G1, G2), and the ways back in for those who can (D3).
enum HelpAPI {
  /// The sign-in helper. It looks nothing up.
  @Sendable static func signIn(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let have: [String]
      let twoStep: Bool?
    }
    struct Advice: Encodable {
      /// Absent when it holds for every account.
      let twoStep: Bool?
      let way: WayAnswer
    }
    struct Answer: Encodable { let advice: [Advice] }
    let body: Body = try call.decode()
    let kinds = try body.have.map { name in
      guard let kind = ProofKind(rawValue: name) else {
        throw UnreadableBody(
          field: "have",
          detail: "\"have\" lists any of \(ProofKind.allCases.map(\.rawValue).joined(separator: ", ")).")
      }
      return kind
    }
    let options = call.site.ports.options
    return try .json(
      Answer(
        advice: SignInHelper.advise(having: Set(kinds), twoStep: body.twoStep, strict: options.strictPolicy)
          .map {
            Advice(twoStep: $0.twoStep, way: WayAnswer($0.way, period: options.holdPeriod))
          }))
  }

  /// Always the same answer.
  @Sendable static func username(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let contact: String }
    struct Answer: Encodable { let detail: String }
    let body: Body = try call.decode()
    try await call.site.forgottenUsername.send(to: body.contact, source: call.source)
    return try .json(Answer(detail: call.site.texts["message.usernamesSent.line"]), status: .accepted)
  }

  /// The table that decides (H3).
  @Sendable static func recoveryPolicy(_ call: Call) async throws -> APIAnswer {
    struct Answer: Encodable { let rows: [PolicyTable.Row] }
    return try .json(
      Answer(rows: PolicyTable(call.site.texts, options: call.site.ports.options).rows))
  }

  @Sendable static func waysBack(_ call: Call) async throws -> APIAnswer {
    struct Entry: Encodable {
      let lost: [String]
      let way: WayAnswer
    }
    struct Point: Encodable {
      let lost: String
      /// What mends it.
      let add: String
    }
    struct Answer: Encodable {
      let waysBack: [Entry]
      let singlePointsOfFailure: [Point]
    }
    let overview = try await call.site.securityInfo.overview(for: call.signedIn())
    let period = call.site.ports.options.holdPeriod
    return try .json(
      Answer(
        waysBack: overview.waysBack.map {
          Entry(lost: $0.losses.map(\.rawValue), way: WayAnswer($0.way, period: period))
        },
        singlePointsOfFailure: overview.singlePointsOfFailure.map {
          Point(lost: $0.loss.rawValue, add: $0.step.rawValue)
        }))
  }

  /// D5. Every session ends, this one too.
  @Sendable static func close(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let days: Int }
    struct Answer: Encodable { let closesAt: String }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    guard let grace = Closing.Grace(rawValue: body.days) else {
      throw UnreadableBody(field: "days", detail: "\"days\" is 30 or 60.")
    }
    let end = try await call.site.closing.close(after: grace, by: steppedUp, source: call.source)
    return try .json(Answer(closesAt: end.iso8601))
  }
}
