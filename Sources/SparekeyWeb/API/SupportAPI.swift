import SparekeyCore

/// Contact support (G3).
enum SupportAPI {
  private struct Started: Codable {
    let journey: String
    let step: String
  }

  /// Sends a code to the email; nothing is opened before it comes back.
  @Sendable static func start(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let category: String
      let username: String?
      let description: String
      let email: String
    }
    let body: Body = try call.decode()
    guard let category = SupportCase.Category(rawValue: body.category) else {
      throw Refusal.field(.category, .missing)
    }
    // The journey is good for an hour, so the answer is not given again for a day.
    let started = try await call.once(by: "", showsSecret: true) { keep in
      try await call.site.support.start(
        Support.Typed(
          category: category, username: body.username ?? "", description: body.description, email: body.email),
        binding: .api, source: call.source, keeping: keep)
    } answer: {
      Started(journey: $0.journey, step: "issued-code")
    }
    return try .json(started, status: .accepted)
  }

  private struct Opened: Encodable {
    let number: String
    /// The only time it is shown, but for a repeat of this call.
    let ticket: String
    let state: String
    let openedAt: String
  }

  @Sendable static func confirm(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let journey: String
      let code: String
    }
    let body: Body = try call.decode()
    let opened = try await call.site.support.confirm(
      body.journey, code: body.code, binding: .api, source: call.source)
    return try .json(
      Opened(
        number: opened.supportCase.number, ticket: opened.ticket, state: opened.supportCase.state.rawValue,
        openedAt: opened.supportCase.openedAt.iso8601), status: .created)
  }

  private struct Answer: Encodable {
    struct Message: Encodable {
      let at: String
      let author: String
      let text: String
    }

    struct StartedHold: Encodable {
      let id: String
      let claimNumber: String
      let state: String
      let effectiveAt: String
    }

    let number: String
    let category: String
    let state: String
    let openedAt: String
    let messages: [Message]
    /// The recovery that support started; the case's ticket is its ticket, too.
    let hold: StartedHold?
  }

  /// The person adds something; the case is open again. With the case's ticket, like `status`.
  @Sendable static func reply(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let text: String }
    guard let ticket = call.ticket else { throw Refusal.notSignedIn }
    let body: Body = try call.decode()
    try await call.site.support.reply(
      call.text("number"), ticket: ticket, text: body.text, source: call.source)
    return .noContent
  }

  /// With the case's ticket in the place of a session's token.
  @Sendable static func status(_ call: Call) async throws -> APIAnswer {
    guard let ticket = call.ticket else { throw Refusal.notSignedIn }
    let status = try await call.site.support.status(call.text("number"), ticket: ticket, source: call.source)
    let found = status.supportCase
    let first = Answer.Message(
      at: found.openedAt.iso8601, author: CaseMessage.Author.person.rawValue, text: status.content.description
    )
    return try .json(
      Answer(
        number: found.number, category: found.category.rawValue, state: found.state.rawValue,
        openedAt: found.openedAt.iso8601,
        messages: [first]
          + status.messages.map { .init(at: $0.at.iso8601, author: $0.author.rawValue, text: $0.text) },
        hold: status.hold.map {
          .init(
            id: $0.id.text, claimNumber: status.claimNumber ?? "", state: $0.state.rawValue,
            effectiveAt: $0.endsAt.iso8601)
        }))
  }
}
