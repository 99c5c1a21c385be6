import SparekeyCore
import Testing

/// RFC 6238, appendix B, with the last six of its eight digits; and the boundaries of what is accepted.
@Suite struct `Codes of authenticator apps` {
  let secret = Secret("12345678901234567890")

  @Test(arguments: [
    (59, "94287082"), (1_111_111_109, "07081804"), (1_111_111_111, "14050471"), (1_234_567_890, "89005924"),
    (2_000_000_000, "69279037"), (20_000_000_000, "65353130"),
  ])
  func `S4: the vectors of RFC 6238`(seconds: Int64, code: String) {
    let step = TOTP.stepNumber(at: Timestamp(milliseconds: seconds * 1_000))
    #expect(TOTP.code(secret: secret, step: step) == code.suffix(6))
  }

  @Test func `row 9: a code is good in its step and one to either side, to the millisecond`() {
    let step: Int64 = 60_000_000
    let code = TOTP.code(secret: secret, step: step)
    let begin = Timestamp(milliseconds: (step - 1) * TOTP.step)
    let end = Timestamp(milliseconds: (step + 2) * TOTP.step)
    func found(_ time: Timestamp) -> Int64? { TOTP.matchingStep(code, secret: secret, at: time) }
    #expect(found(begin) == step)
    #expect(found(begin - .milliseconds(1)) == nil)
    #expect(found(end - .milliseconds(1)) == step)
    #expect(found(end) == nil)
    #expect(end - begin == .seconds(90))
  }

  @Test func `a secret is spelled as RFC 4648 has it`() {
    #expect(TOTP.spelled(secret) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
  }

  @Test func `a name with a colon or an ampersand stays a name in the QR code`() {
    let uri = TOTP.uri(secret: secret, issuer: "Ours & theirs", account: "a:b?secret=x")
    #expect(
      uri == "otpauth://totp/Ours%20%26%20theirs:a%3Ab%3Fsecret%3Dx?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        + "&issuer=Ours%20%26%20theirs&algorithm=SHA1&digits=6&period=30")
  }
}

@Suite struct `A hold` {
  static let start = Timestamp(milliseconds: 1_800_000_000_000)
  static let email = Proof.email(ContactID(text: "senior"))
  static let second = Proof.email(ContactID(text: "other"))
  static let junior = Proof.email(ContactID(text: "junior"))
  static let fine = HoldCompletion.Conditions(
    accountFrozen: false, completionsStopped: false, hasSeniorContact: true)

  func hold(
    _ state: Hold.State = .running, period: Duration = .days(30), contestedAt: Timestamp? = nil,
    by objectors: [Proof] = [], toldAt: Timestamp? = start, endedAt: Timestamp? = nil
  ) -> Hold {
    Hold(
      id: HoldID(text: "h"), account: AccountID(text: "a"), purpose: .recovery, startedAt: Self.start,
      endsAt: Self.start + period, row: 6, evidence: [.recoveryCode(CodeID(text: "c"))],
      seniors: [.password, Self.email, Self.second], sealedParked: [], ticketDigest: [],
      source: Source(address: "192.0.2.1"), state: state, contestedAt: contestedAt, contestedBy: objectors,
      toldAt: toldAt, endedAt: endedAt)
  }

  /// Each state at day 20, as stories come to it.
  func hold(in state: Hold.State) -> Hold {
    let day5 = Self.start + .days(5)
    return switch state {
    case .running: hold()
    case .contested: hold(.contested, contestedAt: day5, by: [Self.email])
    case .frozen: hold(.frozen, contestedAt: day5, by: [Self.email])
    case .completed: hold(.completed, endedAt: Self.start + .days(30))
    case .stopped: hold(.stopped, endedAt: day5)
    }
  }

  static let events: [(name: String, event: Hold.Event)] = [
    ("contest", .contest(by: email)), ("second contest", .contest(by: second)),
    ("junior contest", .contest(by: junior)), ("withdraw", .withdraw(by: email)),
    ("other withdraw", .withdraw(by: second)), ("supersede", .supersede),
    ("stop", .stop(by: [.password, email])), ("junior stop", .stop(by: [.password, junior])),
    ("empty stop", .stop(by: [])), ("complete", .complete(fine)), ("freeze", .freeze),
  ]

  enum Expected: Equatable {
    case state(Hold.State)
    case refused(Refusal)
  }

  /// Every state × event, at day 20 and past the end, at day 31.
  func expected(_ state: Hold.State, _ event: String, past: Bool) -> Expected {
    switch (state, event) {
    case (.completed, _), (.stopped, _): .refused(.holdOver)
    case (_, "junior contest"), (_, "junior stop"), (_, "empty stop"): .refused(.juniorProof)
    case (_, "stop"), (_, "supersede"): .state(.stopped)
    case (.running, "contest"), (.running, "second contest"): .state(.contested)
    case (.contested, "contest"), (.contested, "second contest"): .state(.contested)
    case (.frozen, "contest"), (.frozen, "second contest"): .state(.frozen)
    case (.contested, "withdraw"): .state(.running)
    case (.running, "complete"): past ? .state(.completed) : .refused(.outOfStep)
    case (.contested, "freeze"): .state(.frozen)
    default: .refused(.outOfStep)
    }
  }

  @Test(arguments: Hold.State.allCases)
  func `H5 to H9: every state knows every event`(state: Hold.State) {
    for (name, event) in Self.events {
      for past in [false, true] {
        var moving = hold(in: state)
        let now = Self.start + .days(past ? 31 : 20)
        let found: Expected
        do {
          try moving.receive(event, at: now)
          found = .state(moving.state)
        } catch {
          found = .refused(error)
          #expect(moving == hold(in: state), "a refusal changes nothing")
        }
        #expect(found == expected(state, name, past: past), "\(state), \(name), past the end: \(past)")
        #expect(moving.endsAt == Self.start + .days(30), "the end never moves")
        #expect((moving.endedAt != nil) == !moving.state.isOpen)
      }
    }
  }

  @Test func `H2: no hold completes a millisecond early, and none that is paused, frozen or untold`() {
    let end = Self.start + .days(30)
    #expect(!Self.fine.allow(hold(), at: end - .milliseconds(1)))
    #expect(Self.fine.allow(hold(), at: end))
    for state in Hold.State.allCases where state != .running {
      #expect(!Self.fine.allow(hold(in: state), at: end + .days(9)))
    }
    for frozen in [false, true] {
      for stopped in [false, true] {
        for senior in [false, true] {
          for told in [nil, Self.start] {
            let conditions = HoldCompletion.Conditions(
              accountFrozen: frozen, completionsStopped: stopped, hasSeniorContact: senior)
            #expect(
              conditions.allow(hold(toldAt: told), at: end)
                == (!frozen && !stopped && (told != nil || !senior)))
          }
        }
      }
    }
  }

  @Test func `H9: each takes back their own objection; the first moment of the pause stays`() throws {
    var paused = hold()
    try paused.receive(.contest(by: Self.email), at: Self.start + .days(1))
    try paused.receive(.contest(by: Self.second), at: Self.start + .days(9))
    #expect(paused.contestedAt == Self.start + .days(1))
    try paused.receive(.withdraw(by: Self.email), at: Self.start + .days(10))
    #expect(paused.state == .contested, "somebody still objects")
    #expect(throws: Refusal.outOfStep) { try paused.receive(.withdraw(by: Self.email), at: Self.start) }
    try paused.receive(.withdraw(by: Self.second), at: Self.start + .days(11))
    #expect(paused.state == .running && paused.contestedAt == nil && paused.contestedBy.isEmpty)
  }

  @Test func `H9: after 14 days of contest the account freezes, not a millisecond before`() throws {
    var paused = hold(.contested, contestedAt: Self.start, by: [Self.email])
    #expect(throws: Refusal.outOfStep) {
      try paused.receive(.freeze, at: Self.start + .days(14) - .milliseconds(1))
    }
    try paused.receive(.freeze, at: Self.start + .days(14))
    #expect(paused.state == .frozen)
  }

  @Test func `H6: notices come halfway, 48 hours and one hour before the end`() {
    let moments = hold().milestones
    #expect(moments.map(\.milestone) == [.halfway, .twoDaysLeft, .oneHourLeft])
    #expect(
      moments.map { ($0.at - Self.start).milliseconds }
        == [Duration.days(15), .days(28), .days(30) - .hours(1)].map(\.milliseconds))
    let hold = hold()
    #expect(hold.nextMilestone(after: Self.start) == Self.start + .days(15))
    #expect(hold.nextMilestone(after: Self.start + .days(15)) == Self.start + .days(28))
    #expect(hold.nextMilestone(after: hold.endsAt - .hours(1)) == nil)
    #expect(hold.milestone(at: Self.start + .days(15) - .milliseconds(1)) == nil)
    #expect(hold.milestone(at: Self.start + .days(15)) == .halfway)
    #expect(hold.milestone(at: hold.endsAt) == .oneHourLeft)
  }

  @Test(arguments: [
    (Duration.hours(48), [Hold.Milestone.halfway, .oneHourLeft]), (.hours(3), [.halfway, .oneHourLeft]),
    (.hours(1), [.halfway]), (.minutes(5), [.halfway]), (.milliseconds(1), []),
  ])
  func `H6: notices that would fall before the start, or on it, are dropped`(
    period: Duration, expected: [Hold.Milestone]
  ) {
    #expect(hold(period: period).milestones.map(\.milestone) == expected)
  }

  @Test func `H6: 7 days of 30 are the same part of any period`() {
    #expect(RecoveryPolicy.Wait.short.duration(of: .days(30)) == .days(7))
    #expect(RecoveryPolicy.Wait.full.duration(of: .seconds(30)) == .seconds(30))
    #expect(RecoveryPolicy.Wait.short.duration(of: .seconds(30)) == .seconds(7))
  }
}

@Suite struct `Proofs of an account` {
  static let born = Timestamp(milliseconds: 1_000_000_000_000)
  let year = born + .days(365)

  func account(twoStepSince: Timestamp? = nil, passwordChangedAt: Timestamp = born) -> Account {
    Account(
      id: AccountID(text: "a"), username: "maria", createdAt: Self.born, version: VersionID(text: "v"),
      password: SealedHash(sealed: []), passwordChangedAt: passwordChangedAt, twoStepSince: twoStepSince,
      codeSalt: [])
  }

  func email(_ id: String, _ since: Timestamp?, fromSignUp: Bool = false) -> Contact {
    Contact(
      id: ContactID(text: id), account: AccountID(text: "a"), kind: .email, address: "\(id)@example.org",
      addedAt: Self.born, confirmedAt: since, fromSignUp: fromSignUp)
  }

  func app(_ id: String, _ since: Timestamp?) -> AuthenticatorApp {
    AuthenticatorApp(
      id: AuthenticatorAppID(text: id), account: AccountID(text: "a"), name: "", sealedSecret: [],
      addedAt: Self.born, confirmedAt: since)
  }

  let old = Proof.email(ContactID(text: "old"))
  let new = Proof.email(ContactID(text: "new"))
  let oldApp = Proof.totp(AuthenticatorAppID(text: "old"))
  let newApp = Proof.totp(AuthenticatorAppID(text: "new"))

  @Test func `H8: age counts from confirming; what is not confirmed proves nothing`() {
    let proofs = ProofsOfAccount(
      account: account(),
      contacts: [email("old", year - .days(30)), email("new", year - .days(29)), email("never", nil)],
      apps: [app("old", year - .days(31)), app("new", nil)])
    #expect(proofs.isSenior(old, at: year) && !proofs.isSenior(new, at: year))
    #expect(!proofs.isSenior(old, at: year - .milliseconds(1)))
    #expect(proofs.since(.email(ContactID(text: "never"))) == nil && proofs.since(newApp) == nil)
    #expect(proofs.since(.phone(ContactID(text: "old"))) == nil, "an email is no phone")
    #expect(Set(proofs.senior(at: year)) == [.password, old, oldApp])
    #expect(proofs.secondFactors == [oldApp], "an email is never a second factor (row 37)")
  }

  @Test func `H8: a young proof without an older one stands for its owner, beside an older one it does not`()
  {
    let alone = ProofsOfAccount(account: account(), contacts: [], apps: [app("new", year - .days(1))])
    #expect(alone.isTrusted(newApp, at: year) && !alone.isSenior(newApp, at: year))
    let beside = ProofsOfAccount(
      account: account(), contacts: [], apps: [app("old", year - .days(90)), app("new", year - .days(1))])
    #expect(beside.isTrusted(oldApp, at: year) && !beside.isTrusted(newApp, at: year))
  }

  @Test func `S5 S7 rows 37, 38: a full sign-in is the account's own level, never two of one kind`() {
    let key = PasskeyCredential(
      id: [1], publicKey: [], algorithm: .es256, signatureCount: 0, backupEligible: false, backedUp: false,
      transports: [], aaguid: [])
    let passkey = Passkey(
      id: PasskeyID(text: "k"), account: AccountID(text: "a"), name: "", credential: key, addedAt: Self.born)
    for twoStep in [false, true] {
      let proofs = ProofsOfAccount(
        account: account(twoStepSince: twoStep ? Self.born : nil),
        contacts: [email("old", Self.born), email("new", Self.born)],
        apps: [app("old", Self.born), app("new", Self.born)], passkeys: [passkey])
      #expect(proofs.reachesOwnLevel([.password]) == !twoStep)
      #expect(proofs.reachesOwnLevel([.password, oldApp]))
      #expect(proofs.reachesOwnLevel([.passkey(passkey.id)]))
      #expect(!proofs.reachesOwnLevel([oldApp, newApp]))
      #expect(proofs.reachesOwnLevel([.password, old, new]) == !twoStep)
      #expect(!proofs.reachesOwnLevel([]))
      #expect(proofs.reachesOwnLevel([.password, .totp(AuthenticatorAppID(text: "gone"))]) == !twoStep)
    }
  }

  @Test func `D2 T29: what came with the account is older than anything that happened to it`() {
    let proofs = ProofsOfAccount(
      account: account(),
      contacts: [email("old", Self.born + .days(40), fromSignUp: true), email("new", year)])
    #expect(proofs.predates(.password, Self.born) && proofs.predates(old, Self.born))
    #expect(!proofs.predates(new, year) && proofs.predates(new, year + .milliseconds(1)))
    #expect(!proofs.predates(newApp, year), "what is gone is older than nothing")
  }

  @Test func `row 4: each old factor is used or gone, and at least one works`() {
    func progress(_ apps: [AuthenticatorApp]) -> FactorSettling.Progress {
      FactorSettling.Progress(
        ProofsOfAccount(account: account(twoStepSince: Self.born), contacts: [], apps: apps), since: year)
    }
    func used(_ id: String, _ at: Timestamp) -> AuthenticatorApp {
      AuthenticatorApp(
        id: AuthenticatorAppID(text: id), account: AccountID(text: "a"), name: "", sealedSecret: [],
        addedAt: Self.born, confirmedAt: Self.born, lastUsedAt: at)
    }
    #expect(!progress([]).isDone, "without any, nothing works")
    #expect(!progress([app("old", Self.born)]).isDone)
    #expect(!progress([used("old", year - .milliseconds(1))]).isDone)
    #expect(progress([used("old", year)]).isDone)
    #expect(!progress([used("old", year), app("other", Self.born)]).isDone)
    #expect(progress([used("old", year), used("other", year + .hours(1))]).isDone)
    #expect(!progress([app("never", nil)]).isDone)
  }

  @Test func `proofs are written and read again`() {
    for proof in [
      Proof.password, old, .phone(ContactID(text: "p")), oldApp, .recoveryCode(CodeID(text: "c")),
    ] {
      #expect(Proof(text: proof.text) == proof)
    }
    for wrong in ["", "email", "password:x", "email:", "mail:1"] { #expect(Proof(text: wrong) == nil) }
  }
}
