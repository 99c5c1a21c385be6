import FoundationEssentials
import HTTPTypes
import SparekeyCore

extension Call {
  /// Does what makes something once for each `Idempotency-Key`; without one, each time.
  ///
  /// - Parameters:
  ///   - caller: whose key it is: an account, an operator's token; empty for strangers.
  ///   - showsSecret: the answer opens something, and is given again for ten minutes only.
  ///   - verb: does it. It hands what it made to its argument in the transaction that makes it.
  ///   - answer: what is told of it, and kept for a repeat.
  /// - Throws: `UnreadableBody` for a key that cannot be one; `Refusal.keyReused`, `.alreadyDone`.
  func once<Made: Sendable, Answer: Codable & Sendable>(
    by caller: String, showsSecret: Bool = false, _ verb: (@escaping Keeping<Made>) async throws -> Made,
    answer: @escaping @Sendable (Made) -> Answer
  ) async throws -> Answer {
    guard let key = try idempotencyKey() else { return answer(try await verb { _, _ in }) }
    let ports = site.ports
    let sent = RepeatableCall(
      operation, key: key, caller: caller, body: body, showsSecret: showsSecret, keys: ports.keys)
    if let known = try await ports.answer(Answer.self, to: sent) { return known }
    do {
      return answer(
        try await verb { made, transaction in
          try ports.keep(answer(made), to: sent, in: transaction)
        })
    } catch let refusal as Refusal {
      // A twin may have been faster. Then what it made is in the way of this one.
      if let known = try await ports.answer(Answer.self, to: sent) { return known }
      throw refusal
    }
  }

  /// An item of structured fields (RFC 8941): `"…"`. The bare text is taken, too.
  func idempotencyKey() throws(UnreadableBody) -> String? {
    guard let name = HTTPField.Name("Idempotency-Key"), let value = headers[name] else { return nil }
    let isQuoted = value.count >= 2 && value.first == "\"" && value.last == "\""
    let key = isQuoted ? String(value.dropFirst().dropLast()) : value
    let signs = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~:/+=".utf8)
    let lengths = RepeatableCall.keyLengths
    guard lengths.contains(key.utf8.count), key.utf8.allSatisfy(signs.contains) else {
      throw UnreadableBody(
        field: "Idempotency-Key",
        detail:
          "An Idempotency-Key has \(lengths.lowerBound) to \(lengths.upperBound) letters, digits and signs "
          + "of -_.~:/+=, and nobody can guess it, like a UUID.")
    }
    return key
  }
}
