/// Wrong tries that the owner hears of, from wherever they come. They are counted apart from the waits, which see one
/// source at a time and say nothing to anyone.
struct WrongTries: Sendable {
  let rule: ThrottleRule
  let event: SecurityEvent.Kind
  let notice: @Sendable (_ count: Int) -> Notice.Kind

  /// Well-formed recovery codes that do not fit.
  static let codes = WrongTries(
    rule: ThrottleRules.wrongCodes, event: .wrongCodes, notice: { .wrongCodes(count: $0) })
  /// Second factors after the right password: whoever tries them knows it.
  static let secondFactors = WrongTries(
    rule: ThrottleRules.wrongSecondFactors, event: .wrongSecondFactors,
    notice: { .wrongSecondFactors(count: $0) })
}

extension Ports {
  /// Every contact hears of the tenth in a day, and of every hundredth.
  /// - Parameter subject: what they are counted on; a name that nobody has is counted alike (S6).
  func count(
    _ tries: WrongTries, on subject: String, for account: Account?, source: Source
  ) async throws {
    try await database.write { [self] transaction in
      let count = try tally(tries.rule, on: subject, in: transaction)
      guard count == ThrottleRules.wrongTriesTold || count.isMultiple(of: 100), let account else { return }
      try note(tries.event, on: account.id, source: source, in: transaction)
      try tell(
        contacts(of: account.id, in: transaction), tries.notice(count), about: account, source: source,
        in: transaction)
    }
  }

  /// Checks a second factor of someone whose password was right.
  /// - Parameter account: nil when no password was shown; then nothing is counted.
  func afterPassword<Answer: Sendable>(
    of account: Account?, source: Source, _ check: () async throws -> Answer
  ) async throws -> Answer {
    do {
      return try await check()
    } catch let refusal as Refusal {
      switch refusal {
      case .totpWrong, .passkeyWrong:
        if let account {
          try await count(.secondFactors, on: account.id.text, for: account, source: source)
        }
      default: break
      }
      throw refusal
    }
  }
}
