/// Making a code on the security page (C3, C6).
package struct RecoveryCodes: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// The one-use form on the page: sent twice it says so, and never kills the sheet just printed.
  package struct GenerateForm: Journey {
    package static let purpose = "generate-code"
    package static let lifetime = Duration.hours(1)

    package let id: JourneyID
    package let account: AccountID
    package let expiresAt: Timestamp
  }

  package func form(for signedIn: SignedIn, binding: JourneyBinding) throws -> String {
    try ports.seal(
      GenerateForm(
        id: JourneyID(ports.randomness), account: signedIn.account.id,
        expiresAt: ports.clock.now() + GenerateForm.lifetime),
      for: binding)
  }

  /// Makes a new code; in the same transaction every earlier one stops working, and every contact is told.
  /// - Parameter seed: what the code is made from; of the system's generator, or with something of it.
  /// - Throws: `Refusal.alreadyDone`, `.expired`, `.changedMeanwhile`, `.busy`.
  package func generate(
    form token: String, binding: JourneyBinding, seed: [UInt8]? = nil, by steppedUp: SteppedUp,
    source: Source,
    keeping keep: @escaping Keeping<ShownCode> = { _, _ in }
  ) async throws -> ShownCode {
    let form = try ports.open(GenerateForm.self, token, for: binding)
    let account = steppedUp.account
    guard form.account == account.id else { throw Refusal.expired }
    if try await ports.database.read({ try $0.spent(form.id.text) }) != nil { throw Refusal.alreadyDone }

    try await ports.database.write { [ports] in try ports.countCostlyChange(of: account.id, in: $0) }
    let code = ports.newCode(seed: seed ?? ports.randomness.bytes(32))
    let id = CodeID(ports.randomness)
    let stored = try await ports.seal(code, id: id, for: account, at: ports.clock.now(), from: source)
    return try await ports.database.write { [ports] transaction in
      try ports.check(steppedUp.signedIn.session, in: transaction)
      guard try transaction.spend(form.id.text, for: account.id) else { throw Refusal.alreadyDone }
      try ports.replaceCode(with: stored, of: account, source: source, in: transaction)
      let shown = ShownCode(code: code, serial: stored.serial, createdAt: stored.createdAt)
      try keep(shown, transaction)
      return shown
    }
  }

  /// *Check my code* (C8): whether the sheet still works, without using it up. A success is never evidence; a failure
  /// stands in recent activity.
  /// - Throws: `Refusal.codeUnreadable`, `.codeSuggestion` (nothing counted); `.codeWrong`, `.codeReplaced`,
  ///   `.codeUsed`, `.slowDown`, `.busy`.
  package func check(_ typed: String, by steppedUp: SteppedUp, source: Source) async throws {
    let account = steppedUp.account
    let code = try ports.readCode(typed)
    let (tried, codes) = try await ports.database.write { [ports] transaction in
      (
        try ports.countTry(ThrottleRules.checkCode, on: account.id.text, from: nil, in: transaction),
        try transaction.codes(of: account.id, limit: StoredCode.remembered + 1)
      )
    }
    do {
      let verified = try await ports.check(code, of: account, among: codes, from: source)
      try await ports.database.write { [ports] transaction in
        try transaction.checked(verified.id, at: transaction.now)
        try ports.clearTries(tried, in: transaction)
        try ports.note(.codeChecked, on: account.id, source: source, in: transaction)
      }
    } catch let refusal as Refusal {
      switch refusal {
      case .codeWrong, .codeReplaced, .codeUsed:
        try await ports.database.write { [ports] transaction in
          try ports.note(.codeCheckFailed, on: account.id, source: source, in: transaction)
        }
      default: break
      }
      throw refusal
    }
  }
}

extension Ports {
  package func replaceCode(
    with stored: StoredCode, of account: Account, source: Source, in transaction: any Transaction
  ) throws {
    let live = try transaction.liveCode(of: account.id)
    try record(
      live == nil ? .codeMade : .codeReplaced, detail: stored.serial, of: account, source: source,
      notice: live == nil ? .codeMade(serial: stored.serial) : .codeReplaced(serial: stored.serial),
      in: transaction)
    if let live, try !transaction.endCode(live.id, as: .replaced, at: transaction.now) {
      throw Refusal.changedMeanwhile
    }
    try transaction.insert(stored)
  }
}
