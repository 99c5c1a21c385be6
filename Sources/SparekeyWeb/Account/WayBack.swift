import SparekeyCore

/// What one loss would mean (H4): computed by the policy table, said in one line.
package struct WayBack: Sendable {
  /// Such as "If you forget your password".
  package var loss: String
  package var way: String
  /// Nothing is left that opens the account.
  package var none: Bool

  package init(loss: String, way: String, none: Bool) {
    self.loss = loss
    self.way = way
    self.none = none
  }
}

extension WayBack {
  /// What can be lost at one time: what is in one head, one mailbox, one pocket, one drawer.
  private enum Loss: String, CaseIterable {
    case password, email, phone, sheet

    func takes(_ proof: Proof) -> Bool {
      switch proof.kind {
      case .password: self == .password
      case .email: self == .email
      case .phone, .totp, .passkey: self == .phone
      case .recoveryCode: self == .sheet
      }
    }
  }

  static func all(
    of overview: SecurityInfo.Overview, at now: Timestamp, period: Duration, _ texts: Texts
  ) -> [WayBack] {
    let proofs = overview.proofs
    let present = [.password] + proofs.securityInfo + (proofs.code.map { [Proof.recoveryCode($0.id)] } ?? [])
    return Loss.allCases.filter { present.contains(where: $0.takes) }.map { loss in
      let left = present.filter { !loss.takes($0) }
      let key = loss == .phone && proofs.confirmedContacts.contains { $0.kind == .phone } ? "phone" : "device"
      let sentence = texts["account.waysBack.lost.\(loss == .phone ? key : loss.rawValue)"]
      if proofs.reachesOwnLevel(left) {
        return WayBack(loss: sentence, way: texts["account.waysBack.signIn"], none: false)
      }
      let strengths = left.compactMap { AccountFacts(proofs: proofs).strength(of: $0, at: now) }
      let ways = overview.forecast.filter { way in
        !way.missing.isEmpty && way.missing.allSatisfy { strengths.contains(where: $0.isMet) }
      }
      guard let fastest = ways.map(\.outcome).min() else {
        return WayBack(loss: sentence, way: texts["account.waysBack.none"], none: true)
      }
      return WayBack(
        loss: sentence, way: texts.way(ways.filter { $0.outcome == fastest }, fastest, period), none: false)
    }
  }
}

extension Texts {
  /// "You are back at once, with your recovery code together with your password or a code sent to your email."
  fileprivate func way(
    _ ways: [RecoveryPolicy.Forecast], _ outcome: RecoveryPolicy.Outcome, _ period: Duration
  ) -> String {
    let sets = ways.map { Set($0.missing.map(\.wordKey)) }
    // What suffices with less is said with less.
    let least = ways.map { $0.missing.map(\.wordKey) }.filter { words in
      !sets.contains { $0.isStrictSubset(of: words) }
    }
    let shared = least.dropFirst().reduce(least.first ?? []) { all, words in all.filter(words.contains) }
    let rest = least.map { $0.filter { !shared.contains($0) } }
    let things =
      shared.isEmpty || rest.contains(where: \.isEmpty)
      ? either(self.ways(least))
      : format(
        "account.waysBack.together",
        ["shared": either(self.ways([shared])), "rest": either(self.ways(rest))])
    guard case .held(let wait) = outcome else { return format("account.waysBack.now", ["with": things]) }
    return format(
      "account.waysBack.held", ["with": things, "duration": duration(wait.duration(of: period))])
  }
}
