import Foundation
import SparekeyWeb
import Testing

@testable import SparekeyCore
@testable import sparekey

/// Everything that may be shown at once to one kind of account.
struct Combination: Sendable, CustomStringConvertible {
  let twoStep: Bool
  let strict: Bool
  /// Nil when no code was shown.
  let code: EvidenceStrength.CodeStanding?
  /// Absent kinds were not shown; true is senior.
  let others: [ProofKind: Bool]

  static let now = Timestamp(milliseconds: 1_900_000_000_000)

  static let all: [Combination] = {
    var others: [[ProofKind: Bool]] = [[:]]
    for kind in ProofKind.allCases where kind != .recoveryCode {
      others += others.flatMap { shown in
        [true, false].map { shown.merging([kind: $0]) { $1 } }
      }
    }
    return [false, true].flatMap { twoStep in
      [false, true].flatMap { strict in
        ([nil] + EvidenceStrength.CodeStanding.allCases.map(Optional.some)).flatMap { code in
          others.map { Combination(twoStep: twoStep, strict: strict, code: code, others: $0) }
        }
      }
      // Without two-step verification no code is older than it.
    }.filter { $0.twoStep || $0.code != .beforeTwoStep }
  }()

  private func since(_ kind: ProofKind) -> Timestamp { Self.now - .days(others[kind] == false ? 10 : 400) }

  private static let ids: [ProofKind: Proof] = [
    .email: .email(ContactID(text: "email")), .phone: .phone(ContactID(text: "phone")),
    .password: .password,
    .totp: .totp(AuthenticatorAppID(text: "app")), .passkey: .passkey(PasskeyID(text: "passkey")),
    .recoveryCode: .recoveryCode(CodeID(text: "code")),
  ]

  /// An account with everything that was shown, each as old as its seniority says.
  var facts: AccountFacts {
    let account = AccountID(text: "account")
    let sealed = SealedHash(sealed: [])
    let codeMade = Self.now - .days(code == .current ? 5 : 100)
    let contacts = [Contact.Kind.email, .phone].map { kind in
      let since = since(kind == .email ? .email : .phone)
      return Contact(
        id: ContactID(text: kind.rawValue), account: account, kind: kind, address: "maria@example.org",
        addedAt: since, confirmedAt: since, fromSignUp: false)
    }
    let credential = PasskeyCredential(
      id: [1], publicKey: [], algorithm: .es256, signatureCount: 0, backupEligible: false, backedUp: false,
      transports: [], aaguid: [])
    return AccountFacts(
      proofs: ProofsOfAccount(
        account: Account(
          id: account, username: "maria", createdAt: Self.now - .days(800), version: VersionID(text: "1"),
          password: sealed, passwordChangedAt: since(.password),
          twoStepSince: twoStep ? Self.now - .days(code == .beforeTwoStep ? 10 : 300) : nil, codeSalt: []),
        contacts: contacts,
        apps: [
          AuthenticatorApp(
            id: AuthenticatorAppID(text: "app"), account: account, name: "app", sealedSecret: [],
            addedAt: since(.totp), confirmedAt: since(.totp))
        ],
        passkeys: [
          Passkey(
            id: PasskeyID(text: "passkey"), account: account, name: "passkey", credential: credential,
            addedAt: since(.passkey))
        ],
        code: StoredCode(
          id: CodeID(text: "code"), account: account, serial: "ABC-DEF", hash: sealed, createdAt: codeMade)),
      restoredAt: code == .beforeRestore ? Self.now - .days(1) : nil)
  }

  /// What enforcement says: a journey in which all of it was shown, about that account.
  func enforced() throws -> RecoveryPolicy.Decision {
    let facts = facts
    var attempt = RecoveryAttempt(
      id: JourneyID(text: "journey"), username: "maria",
      target: RecoveryAttempt.Target(account: facts.account.id, version: facts.account.version),
      newCodeSeed: [], startsWithCode: false, at: Self.now)
    for proof in proofs {
      try attempt.receive(
        .proved(Evidence(proof: proof, provedAt: Self.now)), about: facts, strict: strict, at: Self.now)
    }
    return try attempt.decision(about: facts, strict: strict, at: Self.now)
  }

  private var proofs: [Proof] {
    (Array(others.keys) + (code == nil ? [] : [.recoveryCode])).compactMap { Self.ids[$0] }
  }

  /// What each piece is worth, read off that account.
  var strengths: [EvidenceStrength] { proofs.compactMap { facts.strength(of: $0, at: Self.now) } }

  var description: String {
    "two-step \(twoStep), strict \(strict): " + (code.map { "code \($0) " } ?? "")
      + others.map { "\($0.value ? "senior" : "junior") \($0.key)" }.sorted().joined(separator: ", ")
  }
}

/// A policy as a person reads it: rows of words, understood by the catalogue alone.
struct ReadPolicy {
  struct Row {
    let number: Int
    let twoStep: Bool?
    let sets: [[RecoveryPolicy.Requirement]]
    let outcome: RecoveryPolicy.Outcome
  }

  let rows: [Row]

  struct Unreadable: Error { let words: String }

  /// - Parameter rows: number, account, evidence and outcome in words; an outcome that is no outcome has no row.
  init(_ rows: [(number: String, account: String, evidence: [String], outcome: String)], _ texts: Texts)
    throws
  {
    let needs = Dictionary(
      RecoveryPolicy.Requirement.allCases.map { (texts["policy.need.\($0.rawValue)"], $0) },
      uniquingKeysWith: { first, _ in first })
    try #require(needs.count == RecoveryPolicy.Requirement.allCases.count)
    self.rows = try rows.compactMap { row in
      guard row.outcome != texts["policy.ignored"] else { return nil }
      let outcomes: [String: RecoveryPolicy.Outcome] = [
        texts["policy.now"]: .now, texts["policy.notEnough"]: .notEnough, "held 30 days": .held(.full),
        "held 7 days": .held(.short),
      ]
      guard let number = Int(row.number), let outcome = outcomes[row.outcome] else {
        throw Unreadable(words: row.outcome)
      }
      let sets = try row.evidence.map { words -> [RecoveryPolicy.Requirement] in
        if words == texts["policy.need.nothing"] { return [] }
        return try words.components(separatedBy: texts["policy.plus"]).map {
          guard let need = needs[$0] else { throw Unreadable(words: $0) }
          return need
        }
      }
      let twoStep: Bool? =
        switch row.account {
        case texts["policy.account.oneStep"]: false
        case texts["policy.account.twoStep"]: true
        case texts["policy.account.any"]: nil
        default: throw Unreadable(words: row.account)
        }
      return Row(number: number, twoStep: twoStep, sets: sets, outcome: outcome)
    }
  }

  func outcome(of combination: Combination) -> RecoveryPolicy.Outcome {
    applicable(combination).filter { row in
      row.sets.contains { $0.allSatisfy { need in combination.strengths.contains(where: need.isMet) } }
    }.map(\.outcome).min() ?? .notEnough
  }

  /// Each way that is faster than what was shown: row and what is missing, as text.
  func faster(than combination: Combination) -> Set<String> {
    let decided = outcome(of: combination)
    let strengths = combination.strengths
    return Set(
      applicable(combination).filter { $0.outcome < decided }.flatMap { row in
        row.sets.map { set in
          Self.line(row.number, set.filter { need in !strengths.contains(where: need.isMet) })
        }
      })
  }

  static func line(_ row: Int, _ missing: [RecoveryPolicy.Requirement]) -> String {
    "\(row): " + missing.map(\.rawValue).sorted().joined(separator: " ")
  }

  private func applicable(_ combination: Combination) -> [Row] {
    rows.filter { ($0.twoStep ?? combination.twoStep) == combination.twoStep }
  }
}

@Suite struct `The policy as people read it` {
  private let texts: Texts
  private let renderer: Renderer

  init() throws {
    renderer = try Renderer(resources: webResources, serviceName: "Sparekey")
    texts = renderer.texts
  }

  private func table(strict: Bool) -> PolicyTable {
    PolicyTable(texts, options: ServiceOptions(strictPolicy: strict))
  }

  /// The table of `docs/policy.md`, in the standard or the strict mode.
  private func document(strict: Bool) throws -> ReadPolicy {
    let lines = try text(of: "docs/policy.md").split(separator: "\n").filter { $0.hasPrefix("| ") }.dropFirst(
      2)
    return try ReadPolicy(
      lines.map { line in
        let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
        try #require(cells.count == 5)
        return (
          cells[0], cells[1], cells[2].components(separatedBy: texts["policy.or"]), cells[strict ? 4 : 3]
        )
      }, texts)
  }

  /// The table of `/help/recovery-policy`, as it is served.
  private func page(strict: Bool) throws -> ReadPolicy {
    let html = try renderer.render(
      PolicyHelpPage(table(strict: strict), texts),
      shell: Shell())
    let row = /<tr><th scope="row">(\d+)<\/th><td>(.*?)<\/td><td><ul>(.*?)<\/ul><\/td><td>(.*?)<\/td><\/tr>/
      .dotMatchesNewlines()
    return try ReadPolicy(
      html.matches(of: row).map { match in
        (
          String(match.1), String(match.2), match.3.matches(of: /<li>(.*?)<\/li>/).map { String($0.1) },
          String(match.4)
        )
      }, texts)
  }

  @Test
  func
    `H3 H4 H13: table, enforcement, forecast, docs/policy.md and the help page say the same of everything`()
    throws
  {
    let documents = try (document(strict: false), document(strict: true))
    let pages = try (page(strict: false), page(strict: true))
    #expect(pages.0.rows.count == RecoveryPolicy.table.count)
    #expect(Combination.all.count == 2 * 7 * 243)
    for combination in Combination.all {
      let document = combination.strict ? documents.1 : documents.0
      let page = combination.strict ? pages.1 : pages.0
      let table = RecoveryPolicy.decide(
        twoStep: combination.twoStep, strict: combination.strict, evidence: combination.strengths)
      let enforced = try combination.enforced()
      #expect(enforced == table, "\(combination)")
      #expect(document.outcome(of: combination) == enforced.outcome, "\(combination)")
      #expect(page.outcome(of: combination) == enforced.outcome, "\(combination)")
      let forecast = Set(
        RecoveryPolicy.forecast(
          twoStep: combination.twoStep, strict: combination.strict, shown: combination.strengths
        ).map { ReadPolicy.line($0.row, $0.missing) })
      #expect(document.faster(than: combination) == forecast, "\(combination)")
      #expect(page.faster(than: combination) == forecast, "\(combination)")
    }
  }

  @Test func `H3: the combinations are what they say`() {
    for combination in Combination.all {
      let strengths = combination.strengths
      #expect(strengths.count == combination.others.count + (combination.code == nil ? 0 : 1))
      for strength in strengths where strength.kind != .recoveryCode {
        #expect(strength.isSenior == combination.others[strength.kind])
      }
      #expect(strengths.first { $0.kind == .recoveryCode }?.code == combination.code)
    }
  }

  @Test func `H3: docs/policy.md is what "sparekey policy" prints`() throws {
    #expect(try text(of: "docs/policy.md") == table(strict: false).markdown)
  }

  @Test func `H3: the page names the period that is in force, and strict mode`() throws {
    let short = PolicyTable(
      texts, options: ServiceOptions(holdPeriod: .days(60), strictPolicy: true))
    #expect(short.rows.first { $0.row == 6 }?.inForce == "held 60 days")
    #expect(short.rows.first { $0.row == 5 }?.inForce == "held 14 days")
    #expect(short.rows.first { $0.row == 3 }?.inForce == "held 60 days")
    #expect(short.rows.first { $0.row == 8 }?.inForce == texts["policy.ignored"])
    let html = try renderer.render(
      PolicyHelpPage(short, texts), shell: Shell())
    #expect(html.contains("Strict mode is on here") && html.contains("60 days"))
  }

  // MARK: the forecast in plain words

  private func words(_ shown: [EvidenceStrength], strict: Bool = false, period: Duration = .days(30))
    -> [String]
  {
    texts.fasterWays(
      RecoveryPolicy.forecast(twoStep: true, strict: strict, shown: shown), period: period)
  }

  @Test func `H4: with the code, each other thing opens now`() {
    let code = EvidenceStrength(kind: .recoveryCode, isSenior: true)
    #expect(
      words([code])
        == [
          "With your password, your authenticator app, a passkey or a code sent to your email or phone it is done now."
        ])
    #expect(
      words([code], strict: true).first
        == "With a passkey or your authenticator app and a code sent to your email or phone it is done now.")
  }

  @Test func `H4: with a mailbox alone, some things are faster than others`() {
    let email = EvidenceStrength(kind: .email, isSenior: true)
    #expect(
      words([email]) == [
        "With your recovery code, a passkey or your authenticator app it is done now.",
        "With your password or a code sent to your phone it takes 7 days.",
      ])
  }
}

/// A file of the project.
private func text(of path: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appending(path: path), encoding: .utf8)
}
