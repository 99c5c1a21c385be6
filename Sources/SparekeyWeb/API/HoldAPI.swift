import SparekeyCore

/// A recovery, or a removal, that waits (H5).
struct HoldAnswer: Encodable {
  let id: String
  let claimNumber: String
  let purpose: String
  let state: String
  let startedAt: String
  let effectiveAt: String
  let endedAt: String?
  /// Nothing completes before the account thaws.
  let accountFrozen: Bool
  let from: SourceAnswer

  init(_ status: Holds.Status) {
    let hold = status.hold
    id = hold.id.text
    claimNumber = status.claimNumber
    purpose = hold.purpose.rawValue
    state = hold.state.rawValue
    startedAt = hold.startedAt.iso8601
    effectiveAt = hold.endsAt.iso8601
    endedAt = hold.endedAt?.iso8601
    accountFrozen = status.accountFrozen
    from = SourceAnswer(hold.source)
  }
}

enum HoldAPI {
  /// For its claimant by the ticket, for the account's owner by a session.
  @Sendable static func status(_ call: Call) async throws -> APIAnswer {
    let id: HoldID = call.identifier()
    let holds = call.site.holds
    if let ticket = call.ticket {
      return try await .json(HoldAnswer(holds.status(id, ticket: ticket, source: call.source)))
    }
    return try await .json(HoldAnswer(holds.status(id, for: call.signedIn())))
  }

  /// What the link in a notice shows. Looking changes nothing (T23).
  @Sendable static func byStopToken(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let stopToken: String }
    let body: Body = try call.decode()
    return try await .json(HoldAnswer(call.site.holds.status(stopToken: body.stopToken)))
  }

  private struct StopBody: Decodable { let stopToken: String? }

  /// The owner's fresh session stops it; the token of a notice pauses it (H7, H9).
  @Sendable static func stop(_ call: Call) async throws -> APIAnswer {
    let id: HoldID = call.identifier()
    let holds = call.site.holds
    let body = call.isEmpty ? StopBody(stopToken: nil) : try call.decode()
    if let token = body.stopToken {
      try await check(token, of: id, holds)
      return try await .json(HoldAnswer(holds.pause(stopToken: token, source: call.source)))
    }
    let steppedUp = try await call.steppedUp()
    try await holds.stop(id, by: steppedUp, source: call.source)
    return try await .json(HoldAnswer(holds.status(id, for: steppedUp.signedIn)))
  }

  /// *It was me*: the contact that paused a hold takes it back.
  @Sendable static func resume(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let stopToken: String }
    let body: Body = try call.decode()
    try await check(body.stopToken, of: call.identifier(), call.site.holds)
    return try await .json(
      HoldAnswer(call.site.holds.resume(stopToken: body.stopToken, source: call.source)))
  }

  // MARK: the new password, forgotten while it waited

  /// Sends a code to the contact that was given with the claim.
  @Sendable static func issuedCode(_ call: Call) async throws -> APIAnswer {
    struct Answer: Encodable { let sentTo: String }
    guard let ticket = call.ticket else { throw Refusal.notSignedIn }
    let masked = try await call.site.holds.sendCodeToChooseAgain(
      call.identifier(), ticket: ticket, source: call.source)
    return try .json(Answer(sentTo: masked), status: .accepted)
  }

  /// Ticket and that code choose another password.
  @Sendable static func newPassword(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let code: String
      let password: String
    }
    guard let ticket = call.ticket else { throw Refusal.notSignedIn }
    let body: Body = try call.decode()
    try await call.site.holds.chooseAgain(
      call.identifier(), ticket: ticket, code: body.code, password: body.password, source: call.source)
    return .noContent
  }

  /// The token of one hold does nothing to another.
  private static func check(_ token: String, of id: HoldID, _ holds: Holds) async throws {
    guard try await holds.status(stopToken: token).hold.id == id else { throw Refusal.notFound }
  }
}
