import SparekeyCore
import Testing

@Suite struct `The recovery policy` {
  static let everyEvidence: [[EvidenceStrength]] = {
    let pieces = EvidenceKind.allCases.flatMap { kind in
      [true, false].map { EvidenceStrength(kind: kind, isSenior: $0) }
    }
    return (0..<(1 << pieces.count)).map { mask in
      pieces.indices.filter { mask >> $0 & 1 == 1 }.map { pieces[$0] }
    }
  }()

  @Test(arguments: everyEvidence)
  func `H1 H3: a one-step account opens by a code or a senior email, and by nothing else`(
    evidence: [EvidenceStrength]
  ) {
    let opens =
      evidence.contains { $0.kind == .recoveryCode } || evidence.contains { $0.kind == .email && $0.isSenior }
    #expect(RecoveryPolicy.outcome(twoStep: false, evidence: evidence) == (opens ? .now : .notEnough))
  }

  @Test(arguments: everyEvidence)
  func `H2: nothing opens a two-step account at once before holds exist`(evidence: [EvidenceStrength]) {
    #expect(RecoveryPolicy.outcome(twoStep: true, evidence: evidence) == .notEnough)
  }

  @Test func `H4: the forecast is read from the table`() {
    #expect(RecoveryPolicy.opensNow() == [.recoveryCode, .seniorEmail])
    #expect(RecoveryPolicy.opensNow(twoStep: true).isEmpty)
  }

  @Test func `H3: the published table is the table in force`() throws {
    let page = try text(of: "docs/policy.md")
    let words: [RecoveryPolicy.Requirement: String] = [
      .recoveryCode: "the recovery code", .seniorEmail: "a code sent to a senior email",
    ]
    let accounts = [true: "two-step verification on", false: "two-step verification off"]
    let published = page.split(separator: "\n").filter { $0.first == "|" }.dropFirst(2)
    try #require(published.count == RecoveryPolicy.table.count)
    for (line, row) in zip(published, RecoveryPolicy.table) {
      let need = row.anyOf.compactMap { words[$0] }.joined(separator: "; or ")
      let account = row.twoStep.flatMap { accounts[$0] } ?? "any"
      let outcome = row.outcome == .now ? "now" : "not enough"
      #expect(
        line.hasPrefix(
          "| \(row.number) | \(account) | \(need.isEmpty ? "nothing is required" : need) | \(outcome):"))
    }
  }
}

@Suite struct `Seniority of proofs` {
  let start = Timestamp(milliseconds: 1_000_000_000_000)

  @Test func `H8: a proof is senior after 30 days, not a millisecond before`() {
    let senior = start + .days(30)
    #expect(Seniority.isSenior(since: start, fromSignUp: false, amongSince: [start], at: senior))
    let before = senior - .milliseconds(1)
    #expect(!Seniority.isSenior(since: start, fromSignUp: false, amongSince: [start], at: before))
  }

  @Test func `H8: a proof from sign-up is senior while there is none older`() {
    #expect(Seniority.isSenior(since: start, fromSignUp: true, amongSince: [start], at: start))
    let old = start - .days(31)
    #expect(!Seniority.isSenior(since: start, fromSignUp: true, amongSince: [start, old], at: start))
  }
}
