import SparekeyCore

/// A code shown: the only time.
struct ShownCodeAnswer: Encodable {
  let code: String
  let serial: String
  let createdAt: String

  init(_ shown: ShownCode) {
    code = shown.code.formatted
    serial = shown.serial
    createdAt = shown.createdAt.iso8601
  }
}

/// Making and checking a recovery code while signed in (C3, C8).
enum RecoveryCodeAPI {
  private struct Facts: Encodable {
    let serial: String
    let createdAt: String
    let checkedAt: String?

    init(_ code: StoredCode) {
      serial = code.serial
      createdAt = code.createdAt.iso8601
      checkedAt = code.checkedAt?.iso8601
    }
  }

  @Sendable static func generate(_ call: Call) async throws -> APIAnswer {
    let steppedUp = try await call.steppedUp()
    let form = try call.site.recoveryCodes.form(for: steppedUp.signedIn, binding: .api)
    let shown = try await call.site.recoveryCodes.generate(
      form: form, binding: .api, by: steppedUp, source: call.source)
    return try .json(ShownCodeAnswer(shown), status: .created)
  }

  @Sendable static func facts(_ call: Call) async throws -> APIAnswer {
    guard let code = try await call.site.securityInfo.overview(for: call.signedIn()).proofs.code else {
      throw Refusal.notFound
    }
    return try .json(Facts(code))
  }

  @Sendable static func check(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable { let code: String }
    struct Answer: Encodable { let valid = true }
    let steppedUp = try await call.steppedUp()
    let body: Body = try call.decode()
    try await call.site.recoveryCodes.check(body.code, by: steppedUp, source: call.source)
    return try .json(Answer())
  }
}
