/// What is left after a loss, and how fast it leads back in (D3, G1): queries on THE table.
package enum WaysBack {
  /// What goes at one time: what is in one head, one mailbox, one pocket, one drawer.
  package enum Loss: String, Sendable, CaseIterable {
    case password
    /// All emails.
    case mailbox
    /// With the authenticator apps and passkeys that are on it.
    case phone
    /// The recovery code on paper.
    case sheet

    package func takes(_ kind: ProofKind) -> Bool {
      switch kind {
      case .password: self == .password
      case .email: self == .mailbox
      case .phone, .totp, .passkey: self == .phone
      case .recoveryCode: self == .sheet
      }
    }
  }

  /// How one gets in.
  package enum Way: Sendable, Equatable {
    /// As always.
    case signIn
    /// By a recovery with this outcome; each of the sets alone suffices.
    case recovery(RecoveryPolicy.Outcome, needing: [[RecoveryPolicy.Requirement]])
    /// Row 10: only support can begin a recovery, and it waits.
    case support
  }

  /// What losing these things at one time means.
  package struct Entry: Sendable, Equatable {
    package let losses: [Loss]
    package let way: Way
  }

  /// The fastest way of an account that is left with these things.
  package static func fastest(
    twoStep: Bool, signsIn: Bool, with evidence: [EvidenceStrength], strict: Bool
  ) -> Way {
    if signsIn { return .signIn }
    let ways = RecoveryPolicy.forecast(twoStep: twoStep, strict: strict).filter { way in
      !way.missing.isEmpty && way.missing.allSatisfy { evidence.contains(where: $0.isMet) }
    }
    guard let outcome = ways.map(\.outcome).min() else { return .support }
    return .recovery(outcome, needing: ways.filter { $0.outcome == outcome }.map(\.missing))
  }
}

extension AccountFacts {
  /// What the account could lose.
  package var possibleLosses: [WaysBack.Loss] {
    WaysBack.Loss.allCases.filter { loss in present.contains { loss.takes($0.kind) } }
  }

  /// The way back in after losing these things at one time (D3).
  package func wayBack(losing losses: [WaysBack.Loss], strict: Bool, at now: Timestamp) -> WaysBack.Way {
    wayBack(
      left: present.filter { proof in !losses.contains { $0.takes(proof.kind) } }, strict: strict, at: now)
  }

  /// Each loss alone, each two together, and all of them: in the order of `Loss`, single ones first.
  package func waysBack(strict: Bool, at now: Timestamp) -> [WaysBack.Entry] {
    let losses = possibleLosses
    let pairs = losses.indices.flatMap { first in
      losses[(first + 1)...].map { [losses[first], $0] }
    }
    let all = losses.count > 2 ? [losses] : []
    return (losses.map { [$0] } + pairs + all).map {
      WaysBack.Entry(losses: $0, way: wayBack(losing: $0, strict: strict, at: now))
    }
  }

  /// D3: one loss that would lock the owner out, and the one thing that, set up, mends that for good.
  package func singlePointsOfFailure(strict: Bool, at now: Timestamp) -> [(
    loss: WaysBack.Loss, step: ProofKind
  )] {
    possibleLosses.filter { wayBack(losing: [$0], strict: strict, at: now) == .support }.compactMap { loss in
      let left = present.filter { !loss.takes($0.kind) }.compactMap { strength(of: $0, at: now) }
      let steps: [ProofKind] = [.recoveryCode, .email, .phone, .passkey]
      return steps.first { kind in
        let added = left + [EvidenceStrength(kind: kind, isSenior: true)]
        return !loss.takes(kind)
          && WaysBack.fastest(twoStep: account.twoStep, signsIn: false, with: added, strict: strict)
            != .support
      }.map { (loss, $0) }
    }
  }

  private var present: [Proof] {
    [.password] + proofs.securityInfo + (proofs.code.map { [.recoveryCode($0.id)] } ?? [])
  }

  private func wayBack(left: [Proof], strict: Bool, at now: Timestamp) -> WaysBack.Way {
    WaysBack.fastest(
      twoStep: account.twoStep, signsIn: proofs.reachesOwnLevel(left),
      with: left.compactMap { strength(of: $0, at: now) }, strict: strict)
  }
}
