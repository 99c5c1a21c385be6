/// Creating calls that may be sent again (draft-ietf-httpapi-idempotency-key-header): whoever did not hear the answer
/// sends the same request with the same key, and gets the same answer; what it made is there once.
///
/// The answer is kept in the transaction that makes what it tells of. Of twins that run at one time one can keep its
/// answer; the other's transaction is undone as a whole.
package struct RepeatableCall: Sendable {
  package static let keyLengths = 16...255
  package static let remembered = Duration.hours(24)
  /// Answers that show a secret are given again as long as the one that ends a recovery (C9).
  package static let secretRemembered = Duration.minutes(10)

  /// Keyed digest of the operation, of who called, and of the key.
  fileprivate let id: [UInt8]
  /// Keyed digest of the key and the body. The key is kept nowhere, so that nobody tries passwords at a body's digest.
  fileprivate let request: [UInt8]
  /// Its answer shows what opens something.
  fileprivate let isSecret: Bool

  /// - Parameters:
  ///   - key: chosen by the caller. Keys of different callers and operations never meet.
  ///   - caller: an account, or an operator's token; empty for strangers.
  package init(
    _ operation: String, key: String, caller: String, body: some Collection<UInt8>, showsSecret: Bool,
    keys: KeyRing
  ) {
    id = keys.digest("\(operation)\u{0}\(caller)\u{0}\(key)", for: .idempotencyKey)
    request = keys.digest(Array("\(key)\u{0}".utf8) + Array(body), for: .idempotencyKey)
    isSecret = showsSecret
  }
}

/// Called by a verb at the end of the transaction that makes something.
package typealias Keeping<Made> = @Sendable (Made, any Transaction) throws -> Void

/// The answer to a creating call.
package struct KeptAnswer: Sendable, Equatable {
  package let id: [UInt8]
  package let request: [UInt8]
  /// Sealed; nil once a secret was shown for long enough.
  package let sealed: [UInt8]?
  package let isSecret: Bool
  package let at: Timestamp

  package init(id: [UInt8], request: [UInt8], sealed: [UInt8]?, isSecret: Bool, at: Timestamp) {
    self.id = id
    self.request = request
    self.sealed = sealed
    self.isSecret = isSecret
    self.at = at
  }
}

package protocol KeptAnswerStore {
  /// Keeps an answer, in the place of one made before that time. - Returns: false when there is a younger one.
  func keep(_ answer: KeptAnswer, unlessSince time: Timestamp) throws -> Bool
  func keptAnswer(_ id: [UInt8]) throws -> KeptAnswer?
  /// Deletes those made before `time`, and wipes secrets shown before `secretTime`.
  func forgetAnswers(before time: Timestamp, secretsBefore secretTime: Timestamp) throws
}

extension Ports {
  /// Keeps the answer to a call. - Throws: `Refusal.alreadyDone` when a twin was faster.
  package func keep(_ answer: some Encodable, to call: RepeatableCall, in transaction: any Transaction) throws
  {
    let sealed = keys.seal(try JSON.encode(answer), for: .keptAnswer, bound: Base64URL.encode(call.id))
    let kept = KeptAnswer(
      id: call.id, request: call.request, sealed: sealed, isSecret: call.isSecret, at: transaction.now)
    guard try transaction.keep(kept, unlessSince: transaction.now - RepeatableCall.remembered) else {
      throw Refusal.alreadyDone
    }
  }

  /// The answer that a call got before; nil when it is the first.
  /// - Throws: `Refusal.keyReused` for another body; `.alreadyDone` when the answer is not shown any more.
  package func answer<Answer: Decodable>(_ type: Answer.Type, to call: RepeatableCall) async throws -> Answer?
  {
    let (found, now) = try await database.read { (try $0.keptAnswer(call.id), $0.now) }
    guard let found, now < found.at + RepeatableCall.remembered else { return nil }
    guard constantTimeEqual(found.request, call.request) else { throw Refusal.keyReused }
    guard !found.isSecret || now < found.at + RepeatableCall.secretRemembered, let sealed = found.sealed,
      let plain = keys.open(sealed, for: .keptAnswer, bound: Base64URL.encode(call.id))
    else { throw Refusal.alreadyDone }
    return try JSON.decode(type, from: plain)
  }
}
