import FoundationEssentials

/// A password as it is hashed: Unicode NFC (the one stated encoding step; ASVS 6.2.8 forbids any other change).
package struct Password: Sendable {
  package let secret: Secret

  package init(_ typed: String) { secret = Secret(typed.composed) }
}

/// A password that the rules accepted.
package struct AcceptedPassword: Sendable {
  package let password: Password
  /// S9: too short to stand alone.
  package let needsTwoStep: Bool
}

/// What a new password must be (S9, NIST SP 800-63B-4 section 3.1.1.2): long, and not on the list of known ones.
/// No composition rules.
package struct PasswordRules: Sendable {
  package static let maximumBytes = 1_024
  /// A password that stands alone.
  package static let minimumAlone = 15
  /// A password beside a second factor.
  package static let minimumWithTwoStep = 8

  private let breached: OnDemand<Set<String>>
  private let serviceWords: [String]

  /// - Parameter breached: passwords known from breaches, lower case.
  package init(breached: OnDemand<Set<String>>, serviceName: String) {
    self.breached = breached
    serviceWords = [serviceName, "sparekey"].map(Self.fold)
  }

  package static func minimumLength(twoStep: Bool) -> Int { twoStep ? minimumWithTwoStep : minimumAlone }

  /// Checks what a person chose; code points count as characters (NIST N20).
  /// - Throws: `Refusal.field(field, …)` naming the rule.
  package func check(
    _ typed: String, for field: Field, twoStep: Bool, contextWords: [String]
  ) throws(Refusal) -> AcceptedPassword {
    guard !typed.isEmpty else { throw .field(field, .missing) }
    guard typed.utf8.count <= Self.maximumBytes else {
      throw .field(field, .tooLong(maximum: Self.maximumBytes))
    }
    let minimum = Self.minimumLength(twoStep: twoStep)
    let length = typed.composed.unicodeScalars.count
    guard length >= minimum else {
      throw .field(field, .tooShort(minimum: minimum))
    }
    let folded = Self.fold(typed)
    if isBreached(folded) { throw .field(field, .breached) }
    if isGuessable(folded, contextWords: contextWords) { throw .field(field, .guessable) }
    return AcceptedPassword(password: Password(typed), needsTwoStep: length < Self.minimumAlone)
  }

  /// The whole password, or a listed one repeated ("password1password1").
  private func isBreached(_ folded: String) -> Bool {
    if breached.value.contains(folded) { return true }
    let symbols = Array(folded)
    return (1...max(1, symbols.count / 2)).contains { period in
      symbols.count.isMultiple(of: period) && symbols.count > period
        && symbols.indices.allSatisfy { symbols[$0] == symbols[$0 % period] }
        && (period <= 4 || breached.value.contains(String(symbols[..<period])))
    }
  }

  /// What remains once name, email and service name are taken out must itself be a password.
  private func isGuessable(_ folded: String, contextWords: [String]) -> Bool {
    let words = (serviceWords + contextWords.map(Self.fold)).filter { $0.count >= 3 }
    var rest = folded
    for word in words.sorted(by: { $0.count > $1.count }) {
      rest = rest.replacing(word, with: "")
    }
    return rest.count < folded.count && rest.unicodeScalars.count < Self.minimumWithTwoStep
  }

  private static func fold(_ text: String) -> String { text.folded.lowercased() }
}

/// A password that nobody has to invent: five words of a list of 2^k, drawn by the system's generator (S9).
package struct PassphraseSuggestion: Sendable {
  private let words: OnDemand<[String]>

  /// - Parameter words: at least 1,024 easy words.
  package init(words: OnDemand<[String]>) { self.words = words }

  package func make(_ randomness: Randomness, wordCount: Int = 5) -> String {
    let words = words.value
    return (0..<wordCount).map { _ in
      let draw = randomness.bytes(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
      // 2^64 over a few thousand words: the bias is below 2^-50.
      return words[Int(draw % UInt64(max(words.count, 1)))]
    }.joined(separator: " ")
  }
}

extension Ports {
  /// The fresh hash of a new password for this account.
  package func seal(_ password: Password, for account: AccountID, from source: Source) async throws
    -> SealedHash
  {
    let salt = randomness.bytes(SealedHash.saltLength)
    let output = try await hashing.hash(
      password.secret, salt: salt, cost: hashing.costs.password, for: source)
    return SealedHash(
      OpenHash(cost: hashing.costs.password, salt: salt, output: output), keys: keys,
      purpose: .passwordPepper, context: SealedHash.passwordContext(account))
  }

  /// The same hash under the current key.
  func resealed(_ password: SealedHash, of account: AccountID) -> SealedHash {
    keys.resealed(password.bytes, for: .passwordPepper, bound: SealedHash.passwordContext(account)).map {
      SealedHash(sealed: $0)
    } ?? password
  }

  /// Whether the password is the account's. An unknown account costs the same one hash (S6, T6).
  /// - Returns: nil when wrong; otherwise a re-hashed form when the stored one has outdated costs.
  package func verify(_ typed: String, of account: Account?, from source: Source) async throws
    -> PasswordMatch?
  {
    let opened = account.flatMap { $0.password.openPassword(of: $0.id, keys: keys) }
    if let account, case .foreign(let hash) = opened {
      // The other system hashed what was typed, as it was typed.
      guard try await hashing.matches(Secret(typed), hash, for: source) else { return nil }
      return PasswordMatch(rehashed: try? await seal(Password(typed), for: account.id, from: source))
    }
    let stored: OpenHash? = if case .own(let hash) = opened { hash } else { nil }
    let cost = stored?.cost ?? hashing.costs.password
    let password = Password(typed)
    let output = try await hashing.hash(
      password.secret, salt: stored?.salt ?? Array(repeating: 0, count: SealedHash.saltLength), cost: cost,
      for: source)
    guard let account, let stored, constantTimeEqual(output, stored.output) else { return nil }
    guard cost != hashing.costs.password else { return PasswordMatch(rehashed: nil) }
    return PasswordMatch(rehashed: try? await seal(password, for: account.id, from: source))
  }
}

/// A password proved right.
package struct PasswordMatch: Sendable {
  /// The same password at the current cost, when the stored hash was made with another.
  package let rehashed: SealedHash?

  fileprivate init(rehashed: SealedHash?) { self.rehashed = rehashed }
}
