import SparekeyCore

/// Recent activity, and what is done about it (D2, D6).
enum ActivityAPI {
  @Sendable static func list(_ call: Call) async throws -> APIAnswer {
    struct Event: Encodable {
      let number: Int
      let at: String
      let kind: String
      let detail: String
      let from: SourceAnswer
    }
    let signedIn = try await call.signedIn()
    let page = try PageRequest(of: "activity/\(signedIn.account.id)", in: call)
    let found = try await call.site.securityInfo.activity(
      for: signedIn, before: page.after.map { -Int($0.number) }, limit: page.limit + 1)
    return try page.answer(found, named: "events") {
      Position(number: -Int64($0.number))
    } item: {
      Event(
        number: $0.number, at: $0.at.iso8601, kind: $0.kind.rawValue, detail: $0.detail,
        from: SourceAnswer($0.source))
    }
  }

  /// *This wasn't me*: freezes the account and ends every session, this one too.
  @Sendable static func notMe(_ call: Call) async throws -> APIAnswer {
    try await call.site.freezing.thisWasNotMe(
      call.number("number"), by: call.signedIn(), source: call.source)
    return .noContent
  }

  @Sendable static func thaw(_ call: Call) async throws -> APIAnswer {
    try await call.site.freezing.thaw(by: call.steppedUp(), source: call.source)
    return .noContent
  }

  @Sendable static func cleanUp(_ call: Call) async throws -> APIAnswer {
    struct Answer: Encodable {
      let since: String
      let frozen: Bool
      let proofs: [ProofAnswer]
      let sessions: [SessionAPI.Listed]
      let apps: [AllowedAppAnswer]
    }
    let signedIn = try await call.signedIn()
    let found = try await call.site.freezing.cleanUp(for: signedIn)
    let senior = try await call.site.securityInfo.overview(for: signedIn).senior
    return try .json(
      Answer(
        since: found.since.iso8601, frozen: found.frozen != nil,
        proofs: found.contacts.map { ProofAnswer($0, senior: senior) }
          + found.apps.map { ProofAnswer($0, senior: senior) }
          + found.passkeys.map { ProofAnswer($0, senior: senior) },
        sessions: found.sessions.map { SessionAPI.Listed($0, current: signedIn.session.id) },
        apps: found.appsWithAccess.map { AllowedAppAnswer($0) }))
  }
}
