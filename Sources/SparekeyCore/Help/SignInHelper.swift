/// The sign-in helper (G1): from what someone still has to the fastest way that the policy allows. It looks nothing up,
/// so nothing it says depends on whether an account exists (S6).
package enum SignInHelper {
  /// The way for accounts of one kind.
  package struct Advice: Sendable, Equatable {
    /// With two-step verification or without; nil when it is the same for both.
    package let twoStep: Bool?
    package let way: WaysBack.Way
    /// H4: what else would open the account sooner.
    package let faster: [RecoveryPolicy.Forecast]
  }

  /// What these things lead to. They count as older than 30 days: what is younger waits longer, and the page says so.
  /// - Parameter twoStep: whether the account asks for a second step; nil when the person doesn't know.
  package static func advise(having kinds: Set<ProofKind>, twoStep: Bool?, strict: Bool) -> [Advice] {
    let evidence = ProofKind.allCases.filter(kinds.contains).map {
      EvidenceStrength(kind: $0, isSenior: true)
    }
    let advice = (twoStep.map { [$0] } ?? [false, true]).map { twoStep in
      let signsIn =
        kinds.contains(.passkey) || kinds.contains(.password) && (!twoStep || kinds.contains(.totp))
      return Advice(
        twoStep: twoStep,
        way: WaysBack.fastest(twoStep: twoStep, signsIn: signsIn, with: evidence, strict: strict),
        faster: signsIn ? [] : RecoveryPolicy.forecast(twoStep: twoStep, strict: strict, shown: evidence))
    }
    guard let first = advice.first, advice.count == 2, advice.allSatisfy({ $0.way == first.way }) else {
      return advice
    }
    let same = advice.allSatisfy { $0.faster == first.faster }
    return [Advice(twoStep: nil, way: first.way, faster: same ? first.faster : [])]
  }
}
