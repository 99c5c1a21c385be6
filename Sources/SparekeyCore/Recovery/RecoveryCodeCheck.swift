import RecoveryCode

/// A recovery code that was right when it was checked. Only the check makes one; the write that spends it is guarded
/// again by id (design decision 4).
package struct VerifiedCode: Sendable {
  package let id: CodeID

  fileprivate init(id: CodeID) { self.id = id }
}

extension Ports {
  /// Reads what was typed. A typo is explained and costs neither a try nor a hash (C7).
  /// - Throws: `Refusal.codeUnreadable`, `.codeSuggestion`.
  package func readCode(_ typed: String) throws(Refusal) -> RecoveryCode {
    switch RecoveryCode.read(typed) {
    case .code(let code): return code
    case .suggestion(let suggestion): throw .codeSuggestion(suggestion)
    case .problem(let problem): throw .codeUnreadable(problem)
    }
  }

  /// Checks a well-formed code against the account's live code and the last ten old ones: one hash, always the same
  /// number of comparisons, for unknown accounts too (S6).
  /// - Throws: `Refusal.codeWrong`; `.codeReplaced`, `.codeUsed` to the holder of an old code (C10); `.busy`.
  package func check(
    _ code: RecoveryCode, of account: Account?, among codes: [StoredCode], from source: Source
  ) async throws -> VerifiedCode {
    let salt = account?.codeSalt ?? Array(repeating: 0, count: SealedHash.saltLength)
    let output = try await hashing.hash(
      Secret(code.compact), salt: salt, cost: hashing.costs.code, for: source)
    var found: StoredCode?
    for index in 0...StoredCode.remembered {
      let stored = index < codes.count ? codes[index] : nil
      if try await matches(code, output, stored, salt: salt, from: source) { found = stored }
    }
    guard let found else { throw Refusal.codeWrong }
    switch (found.ending, found.endedAt) {
    case (.replaced, let at?): throw Refusal.codeReplaced(at: at)
    case (.used, let at?): throw Refusal.codeUsed(at: at)
    default: return VerifiedCode(id: found.id)
    }
  }

  private func matches(
    _ code: RecoveryCode, _ output: [UInt8], _ stored: StoredCode?, salt: [UInt8], from source: Source
  ) async throws -> Bool {
    let context = "recovery-code/\(stored?.account.text ?? "")/\(stored?.id.text ?? "")"
    guard
      let open = (stored?.hash ?? SealedHash(sealed: keys.unopenable(length: 85))).open(
        keys: keys, purpose: .codePepper, context: context)
    else { return false }
    guard open.cost != hashing.costs.code else { return constantTimeEqual(open.output, output) }
    // Made before the cost was changed: rare, and only for accounts that have such a code.
    let old = try await hashing.hash(Secret(code.compact), salt: salt, cost: open.cost, for: source)
    return constantTimeEqual(open.output, old)
  }

}
