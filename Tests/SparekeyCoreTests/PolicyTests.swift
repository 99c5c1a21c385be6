import SparekeyCore
import Testing

/// Everything that may be shown at once: each kind not at all, junior or senior, and codes of every standing.
struct Shown: Sendable, CustomStringConvertible {
  var code: EvidenceStrength.CodeStanding?
  /// Absent kinds were not shown.
  var senior: [ProofKind: Bool] = [:]

  static let all: [Shown] = {
    var all = ([nil] + EvidenceStrength.CodeStanding.allCases.map(Optional.some)).map { Shown(code: $0) }
    for kind in ProofKind.allCases where kind != .recoveryCode {
      all += all.flatMap { shown in
        [true, false].map { senior in
          var more = shown
          more.senior[kind] = senior
          return more
        }
      }
    }
    return all
  }()

  var evidence: [EvidenceStrength] {
    senior.map { EvidenceStrength(kind: $0.key, isSenior: $0.value) }
      + (code.map { [EvidenceStrength(kind: .recoveryCode, isSenior: true, code: $0)] } ?? [])
  }

  func has(_ kind: ProofKind) -> Bool { senior[kind] != nil }
  func hasSenior(_ kind: ProofKind) -> Bool { senior[kind] == true }
  var hasSeniorContact: Bool { hasSenior(.email) || hasSenior(.phone) }

  var description: String {
    let code = code.map { ["code \($0)"] } ?? []
    return (code + senior.map { "\($0.value ? "senior" : "junior") \($0.key)" }.sorted()).joined(
      separator: ", ")
  }

  /// DESIGN section 6, said once more in other words.
  func promised(twoStep: Bool, strict: Bool) -> RecoveryPolicy.Outcome {
    if !twoStep {
      let goodCode = code != nil && code != .beforeRestore
      if goodCode || hasSeniorContact || hasSenior(.passkey) { return .now }
      if has(.email) || has(.phone) || has(.passkey) || has(.totp) || code != nil { return .held(.full) }
      return .notEnough
    }
    let seniorFactor = hasSeniorContact || hasSenior(.password) || hasSenior(.totp) || hasSenior(.passkey)
    if hasSenior(.passkey) { return .now }
    if hasSenior(.totp), hasSeniorContact { return .now }
    if !strict, code != nil, seniorFactor { return .now }
    if !strict, code == .beforeTwoStep { return .now }
    if hasSenior(.password), hasSeniorContact { return .held(.short) }
    if hasSenior(.email), hasSenior(.phone) { return .held(.short) }
    if code != nil || hasSeniorContact || hasSenior(.totp) || has(.password) { return .held(.full) }
    return .notEnough
  }
}

@Suite struct `The recovery policy` {
  @Test func `H1 H2 H3 H13: the table decides every combination of evidence and account as promised`() {
    for shown in Shown.all {
      for (twoStep, strict) in [(false, false), (false, true), (true, false), (true, true)] {
        let decision = RecoveryPolicy.decide(twoStep: twoStep, strict: strict, evidence: shown.evidence)
        #expect(
          decision.outcome == shown.promised(twoStep: twoStep, strict: strict),
          "two-step \(twoStep), strict \(strict): \(shown)")
      }
    }
  }

  @Test func `H3: more evidence never slows anyone down`() {
    for shown in Shown.all {
      for twoStep in [false, true] {
        let before = RecoveryPolicy.decide(twoStep: twoStep, strict: false, evidence: shown.evidence).outcome
        for more in ProofKind.allCases where more != .recoveryCode && !shown.has(more) {
          let evidence = shown.evidence + [EvidenceStrength(kind: more, isSenior: true)]
          #expect(
            RecoveryPolicy.decide(twoStep: twoStep, strict: false, evidence: evidence).outcome <= before)
        }
      }
    }
  }

  @Test func `H4: what the forecast promises is what the table then decides`() {
    for shown in Shown.all {
      for (twoStep, strict) in [(false, false), (true, false), (true, true)] {
        let now = RecoveryPolicy.decide(twoStep: twoStep, strict: strict, evidence: shown.evidence).outcome
        for forecast in RecoveryPolicy.forecast(twoStep: twoStep, strict: strict, shown: shown.evidence) {
          #expect(forecast.outcome < now)
          #expect(!forecast.missing.isEmpty)
          let evidence = shown.evidence + forecast.missing.map(Self.evidence)
          let then = RecoveryPolicy.decide(twoStep: twoStep, strict: strict, evidence: evidence).outcome
          // What is still missing may lead to something faster than this one line says, never to something slower.
          #expect(then <= forecast.outcome, "\(shown) and \(forecast.missing)")
        }
      }
    }
  }

  @Test func `H4: the forecast leaves out no way that is faster`() {
    for shown in Shown.all {
      for twoStep in [false, true] {
        let forecast = RecoveryPolicy.forecast(twoStep: twoStep, strict: false, shown: shown.evidence)
        let now = RecoveryPolicy.decide(twoStep: twoStep, strict: false, evidence: shown.evidence).outcome
        for more in Shown.all where more.senior.values.allSatisfy(\.self) && more.code != .beforeRestore {
          let then = RecoveryPolicy.decide(
            twoStep: twoStep, strict: false, evidence: shown.evidence + more.evidence
          ).outcome
          if then < now { #expect(forecast.contains { $0.outcome == then }, "\(shown), then \(more)") }
        }
      }
    }
  }

  private static func evidence(_ requirement: RecoveryPolicy.Requirement) -> EvidenceStrength {
    let everything = Shown.all.flatMap(\.evidence)
    return everything.first(where: requirement.isMet) ?? EvidenceStrength(kind: .password, isSenior: false)
  }

  @Test
  func `Row 37: within a set every requirement is of another kind, so that one mailbox never counts twice`() {
    for row in RecoveryPolicy.table {
      for set in row.anyOf {
        let kinds = set.map { Self.evidence($0).kind }
        #expect(Set(kinds).count == kinds.count, "row \(row.number)")
      }
    }
  }
}

@Suite struct `Seniority of proofs` {
  let start = Timestamp(milliseconds: 1_000_000_000_000)

  @Test func `H8: a proof is senior after 30 days, not a millisecond before`() {
    let senior = start + .days(30)
    #expect(Seniority.isSenior(since: start, fromSignUp: false, among: [start], at: senior))
    let before = senior - .milliseconds(1)
    #expect(!Seniority.isSenior(since: start, fromSignUp: false, among: [start], at: before))
  }

  @Test func `H8: a proof from sign-up is senior while there is none older`() {
    #expect(Seniority.isSenior(since: start, fromSignUp: true, among: [start], at: start))
    let old = start - .days(31)
    #expect(!Seniority.isSenior(since: start, fromSignUp: true, among: [start, old], at: start))
  }
}
