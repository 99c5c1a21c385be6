import RecoveryCode
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

  fileprivate init(code: RecoveryCode, _ kept: RecoveryCodeAPI.Kept) {
    self.code = code.formatted
    serial = kept.serial
    createdAt = kept.createdAt
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
    let nonce = call.site.ports.randomness.bytes(32)
    let key = Array((try call.idempotencyKey() ?? "").utf8)
    let kept = try await call.once(by: steppedUp.account.id.text, showsSecret: true) { keep in
      try await call.site.recoveryCodes.generate(
        form: form, binding: .api, seed: nonce + key, by: steppedUp, source: call.source, keeping: keep)
    } answer: {
      Kept(serial: $0.serial, createdAt: $0.createdAt.iso8601, nonce: nonce)
    }
    // A repeat shows the code as long as it is the one that works.
    guard
      try await call.site.securityInfo.overview(for: steppedUp.signedIn).proofs.code?.serial == kept.serial
    else { throw Refusal.alreadyDone }
    return try .json(
      ShownCodeAnswer(code: call.site.ports.newCode(seed: kept.nonce + key), kept), status: .created)
  }

  /// What is kept of a code for a repeat. The code is made from it together with the caller's Idempotency-Key, which
  /// the database does not hold either (C4, decision 0018).
  fileprivate struct Kept: Codable {
    let serial: String
    let createdAt: String
    let nonce: [UInt8]
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
