import NIOConcurrencyHelpers
import RecoveryCode
import SparekeyCore
import SparekeyStore
import SparekeyWeb
import Testing

@testable import SparekeyCore
@testable import sparekey

/// Someone who writes to support, and two agents.
extension World {
  static let lost = "kim.new@example.net"

  func write(
    _ category: SupportCase.Category = .lostEverything, as name: String = "maria", from email: String = lost,
    description: String = "My house burned down, and everything with it."
  ) async throws -> Support.Sent {
    try await site.support.start(
      Support.Typed(category: category, username: name, description: description, email: email),
      binding: .api,
      source: stranger)
  }

  var stranger: Source { Source(address: "203.0.113.7", agent: "Chrome · Android") }

  func supportCode(to email: String) async throws -> String {
    _ = try await mail()
    let code = allMail.compactMap { notice -> String? in
      if case .caseCode(let code) = notice.kind, notice.address == email { code } else { nil }
    }.last
    return try #require(code)
  }

  func openCase(
    _ category: SupportCase.Category = .lostEverything, as name: String = "maria", from email: String = lost
  ) async throws -> Support.Opened {
    let sent = try await write(category, as: name, from: email)
    return try await site.support.confirm(
      sent.journey, code: supportCode(to: email), binding: .api, source: stranger)
  }

  struct TestAgent: Sendable {
    let name: String
    let app: TestApp
    let started: StartedSession
  }

  func agent(_ name: String, email: String? = nil) async throws -> TestAgent {
    let started = try await person(name, email: email ?? "\(name)@office.example")
    let app = try await addApp(started)
    try await twoStepOn(started)
    #expect(try await site.agents.add(username: name))
    return TestAgent(name: name, app: app, started: try await signIn(name, app: app))
  }

  /// Signed in again, fresh.
  func fresh(_ agent: TestAgent) async throws -> SteppedUp {
    try await steppedUp(signIn(agent.name, app: agent.app))
  }

  func request(_ opened: Support.Opened, by agent: TestAgent, of name: String = "maria") async throws
    -> HoldRequestID
  {
    try await site.supportConsole.requestHold(
      of: account(name).id, for: opened.supportCase.number, reason: "She lost everything in a fire",
      by: fresh(agent))
    let id = try await account(name).id
    return try #require(try await ports.database.read { try $0.undecidedRequest(for: id) }).id
  }

  func openHold(of name: String = "maria") async throws -> Hold? {
    let id = try await account(name).id
    return try await ports.database.read { try $0.openHold(of: id) }
  }

  func trail() async throws -> [AuditEntry] {
    try await ports.database.read { try $0.auditEntries(limit: 1_000) }
  }

  /// What support did to accounts, as told at this address.
  func deeds(toldTo address: String) async throws -> [Notice.SupportDeed] {
    _ = try await mail()
    return allMail.compactMap { notice in
      if case .bySupport(let deed) = notice.kind, notice.address == address { deed } else { nil }
    }
  }

  func caseNews(toldTo address: String) async throws -> [Notice.CaseNews] {
    _ = try await mail()
    return allMail.compactMap { notice in
      if case .supportCase(_, let news) = notice.kind, notice.address == address { news } else { nil }
    }
  }
}

@Suite struct `Contact support` {
  @Test func `G3: who still has something is led to what is faster; the rest to people`() {
    func ways(_ category: SupportCase.Category, _ possessions: SelfHelp.Possession...) -> [SelfHelp] {
      SelfHelp.ways(for: category, having: Set(possessions))
    }
    #expect(ways(.cannotSignIn, .username, .recoveryCode) == [.recover])
    #expect(ways(.cannotSignIn, .contact) == [.forgottenUsername, .signInHelper])
    #expect(ways(.lostEverything) == [.signInHelper])
    #expect(ways(.lostEverything, .ticket) == [.hold, .signInHelper])
    #expect(ways(.compromised, .session, .username, .password) == [.activity, .recover])
    #expect(ways(.other) == [] && ways(.other, .ticket) == [.hold])
    // Never a dead end: whatever is ticked, there is a way, or people at once.
    for category in SupportCase.Category.allCases where category != .other {
      for first in SelfHelp.Possession.allCases {
        for second in SelfHelp.Possession.allCases {
          #expect(!ways(category, first, second).isEmpty)
        }
      }
    }
  }

  @Test func `G3 T10: there is no case before the code came back; then a number, a ticket and a mail`()
    async throws
  {
    let world = try World(limits: false)
    let sent = try await world.write()
    #expect(try await world.site.supportConsole.cases(in: nil).isEmpty)
    let code = try await world.supportCode(to: World.lost)
    // T10: nothing that was typed is in the mail to a mailbox that nobody proved to have.
    for notice in world.allMail where notice.address == World.lost {
      let letter = NoticeLetter(notice, texts: world.site.texts, settings: world.site.settings)
      #expect(!letter.body.contains("house") && !letter.body.contains("maria"))
    }
    await #expect(throws: Refusal.issuedCodeWrong) {
      try await world.site.support.confirm(
        sent.journey, code: code == "000000" ? "000001" : "000000", binding: .api, source: world.stranger)
    }
    let opened = try await world.site.support.confirm(
      sent.journey, code: code, binding: .api, source: world.stranger)
    #expect(opened.ticket.wholeMatch(of: /([0-9A-Z]{4}-){4}[0-9A-Z]{4}/) != nil)
    #expect(opened.supportCase.number.wholeMatch(of: /[0-9A-Z]{3}-[0-9A-Z]{3}/) != nil)
    #expect(try await world.caseNews(toldTo: World.lost) == [.opened])
    // A lost answer is given again, and opens no second case.
    let again = try await world.site.support.confirm(
      sent.journey, code: code, binding: .api, source: world.stranger)
    #expect(again.ticket == opened.ticket && again.supportCase == opened.supportCase)
    #expect(try await world.site.supportConsole.cases(in: nil).count == 1)
    let status = try await world.site.support.status(
      opened.supportCase.number.lowercased(), ticket: opened.ticket.lowercased(), source: world.stranger)
    #expect(status.content.username == "maria" && status.supportCase.state == .open)
  }

  @Test func `G3: five tries at the code, and the journey of one browser is good in no other`() async throws {
    let world = try World(limits: true)
    let sent = try await world.write()
    let code = try await world.supportCode(to: World.lost)
    let wrong = code == "111111" ? "222222" : "111111"
    await #expect(throws: Refusal.expired) {
      try await world.site.support.confirm(
        sent.journey, code: code, binding: .browser("another"), source: world.stranger)
    }
    for _ in 0..<5 {
      await #expect(throws: Refusal.issuedCodeWrong) {
        try await world.site.support.confirm(sent.journey, code: wrong, binding: .api, source: world.stranger)
      }
    }
    await #expect(throws: Refusal.issuedCodeWrong) {
      try await world.site.support.confirm(sent.journey, code: code, binding: .api, source: world.stranger)
    }
    world.pass(.hours(1))
    await #expect(throws: Refusal.expired) {
      try await world.site.support.confirm(sent.journey, code: code, binding: .api, source: world.stranger)
    }
  }

  @Test func `S6: a known and an unknown name open a case alike, with the same statements and no hash`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.person("maria")
    func statements(_ name: String) async throws -> [Int] {
      var counts: [Int] = []
      world.tap.visit { _ in }
      let sent = try await world.write(as: name, from: "\(name)@example.net")
      counts.append(world.tap.count)
      world.tap.visit(nil)
      let code = try await world.supportCode(to: "\(name)@example.net")
      world.tap.visit { _ in }
      _ = try await world.site.support.confirm(
        sent.journey, code: code, binding: .api, source: world.stranger)
      counts.append(world.tap.count)
      world.tap.visit(nil)
      return counts
    }
    let hashes = world.hashes.count
    #expect(try await statements("maria") == statements("nobody"))
    #expect(world.hashes.count == hashes)
  }

  @Test func `T10: limits per source, per email, and three open cases per email`() async throws {
    let world = try World(limits: true)
    // The wait comes after the sixth writing from one source, whatever the email.
    var written = 0
    do {
      while written < 20 {
        _ = try await world.write(from: "kim\(written)@example.net")
        written += 1
      }
    } catch Refusal.slowDown {}
    #expect(written == ThrottleRules.contactSupport.free)
    // One email, from many sources.
    var mails = 0
    do {
      while mails < 20 {
        _ = try await world.site.support.start(
          Support.Typed(category: .other, username: "", description: "x", email: "victim@example.net"),
          binding: .api, source: Source(address: "198.51.100.\(mails)"))
        mails += 1
      }
    } catch Refusal.slowDown {}
    #expect(mails == ThrottleRules.mailForCase.free)

    let open = try World(limits: false)
    for _ in 0..<SupportCase.mostOpen { _ = try await open.openCase() }
    await #expect(throws: Refusal.support(.tooManyCases)) { try await open.openCase() }
    _ = try await open.openCase(from: "other@example.net")
  }

  @Test func `Q5: fields are bounded, and what turns the direction of text is left out`() async throws {
    let world = try World(limits: false)
    await #expect(throws: Refusal.field(.description, .missing)) {
      try await world.write(description: " \n\u{7}")
    }
    await #expect(throws: Refusal.field(.description, .tooLong(maximum: SupportCase.longestText))) {
      try await world.write(description: String(repeating: "é", count: SupportCase.longestText + 1))
    }
    await #expect(throws: Refusal.field(.email, .malformed)) { try await world.write(from: "nobody") }
    #expect(try plainText(" a\r\nb\u{202E}c\u{0} ", .description) == "a\nbc")
    // The longest one of the widest characters makes it through the sealed journey.
    let widest = String(repeating: "😀", count: SupportCase.longestText)
    let sent = try await world.write(description: widest)
    let opened = try await world.site.support.confirm(
      sent.journey, code: world.supportCode(to: World.lost), binding: .api, source: world.stranger)
    #expect(sent.journey.utf8.count < 10_000)
    let status = try await world.site.support.status(
      opened.supportCase.number, ticket: opened.ticket, source: world.stranger)
    #expect(status.content.description == widest)
  }

  @Test func `G3: a case opens to its ticket alone, and tries at it are counted`() async throws {
    let world = try World(limits: true)
    let one = try await world.openCase()
    let two = try await world.openCase(from: "other@example.net")
    for ticket in [two.ticket, "AAAA-AAAA-AAAA-AAAA-AAAA", ""] {
      await #expect(throws: Refusal.ticketWrong) {
        try await world.site.support.status(one.supportCase.number, ticket: ticket, source: world.stranger)
      }
    }
    await #expect(throws: Refusal.ticketWrong) {
      try await world.site.support.status("ZZZ-ZZZ", ticket: one.ticket, source: world.stranger)
    }
    for _ in 0..<2 {
      await #expect(throws: Refusal.ticketWrong) {
        try await world.site.support.status(one.supportCase.number, ticket: "no", source: world.stranger)
      }
    }
    await #expect(throws: Refusal.self) {
      try await world.site.support.status(one.supportCase.number, ticket: one.ticket, source: world.stranger)
    }
    // Strangers elsewhere keep nobody out.
    _ = try await world.site.support.status(one.supportCase.number, ticket: one.ticket, source: world.source)
  }

  @Test func `G3: answered by mail, asked back, written again, closed and forgotten`() async throws {
    let world = try World(limits: false)
    let agent = try await world.agent("ada")
    let opened = try await world.openCase()
    let number = opened.supportCase.number
    let console = world.site.supportConsole
    func state() async throws -> SupportCase.State {
      try await world.site.support.status(number, ticket: opened.ticket, source: world.stranger).supportCase
        .state
    }
    func act(_ deed: SupportConsole.CaseDeed) async throws {
      try await console.act(deed, on: number, by: world.signedIn(agent.started))
    }
    try await act(.take)
    world.pass(.milliseconds(1))
    try await act(.ask("Since when?"))
    #expect(try await state() == .waiting)
    try await world.site.support.reply(
      number, ticket: opened.ticket, text: "Yesterday", source: world.stranger)
    #expect(try await state() == .open)
    world.pass(.milliseconds(1))
    try await act(.answer("Look at /recover <b>now</b> {link}"))
    #expect(try await state() == .answered)
    #expect(
      try await world.caseNews(toldTo: World.lost) == [
        .opened, .asked("Since when?"), .answered("Look at /recover <b>now</b> {link}"),
      ])
    // An agent's words go out as they are, and fill in nothing.
    let letter = try #require(world.letters(to: World.lost).last)
    #expect(letter.body.contains("Look at /recover <b>now</b> {link}") && letter.subject.contains(number))
    try await act(.close)
    for deed in [SupportConsole.CaseDeed.take, .answer("x"), .close] {
      await #expect(throws: Refusal.support(.caseClosed)) { try await act(deed) }
    }
    await #expect(throws: Refusal.support(.caseClosed)) {
      try await world.site.support.reply(
        number, ticket: opened.ticket, text: "Hello?", source: world.stranger)
    }
    let file = try await console.file(number, by: world.signedIn(agent.started))
    #expect(file.messages.map(\.text) == ["Since when?", "Yesterday", "Look at /recover <b>now</b> {link}"])
    #expect(try await world.caseNews(toldTo: World.lost).last == .closed)

    world.pass(SupportCase.forgottenAfter)
    try await world.ports.forgetWhatIsOver()
    #expect(try await state() == .closed)
    world.pass(.minutes(1))
    try await world.ports.forgetWhatIsOver()
    await #expect(throws: Refusal.ticketWrong) { try await state() }
    #expect(try await console.cases(in: .closed).isEmpty)
  }

  @Test func `G3: a case that nobody answers any more closes itself; one that waits for an agent does not`()
    async throws
  {
    let world = try World(limits: false)
    let agent = try await world.agent("ada")
    let answered = try await world.openCase()
    let open = try await world.openCase(from: "other@example.net")
    try await world.site.supportConsole.act(
      .answer("Done"), on: answered.supportCase.number, by: world.signedIn(agent.started))
    world.pass(SupportCase.closesAfter + .minutes(1))
    try await world.ports.forgetWhatIsOver()
    #expect(
      try await world.site.supportConsole.cases(in: .closed).map(\.supportCase.id) == [
        answered.supportCase.id
      ])
    #expect(
      try await world.site.supportConsole.cases(in: .open).map(\.supportCase.id) == [open.supportCase.id])
  }

  @Test func `G3: every news of a case, and of a recovery by support, is told in words`() throws {
    let world = try World(limits: false)
    let now = world.now
    func letter(_ kind: Notice.Kind) -> NoticeLetter {
      NoticeLetter(
        Notice(kind: kind, email: "kim@example.net", at: now, source: world.stranger),
        texts: world.site.texts,
        settings: world.site.settings)
    }
    for news: Notice.CaseNews in [
      .opened, .answered("Words"), .asked("Words"), .closed,
      .holdStarted(HoldID(text: "h1"), claimNumber: "ABC-DEF", endsAt: now + .days(30)),
    ] {
      let letter = letter(.supportCase(number: "7G4-QK2", news))
      #expect(letter.subject.contains("7G4-QK2") && letter.body.contains("/help/support/cases/7G4-QK2"))
      #expect(
        !(letter.subject + letter.body).contains("{") && !letter.body.contains("mail."), "\(letter.body)")
      #expect(!letter.body.contains("Hello ,"))
    }
    var facts = Notice.HoldFacts(
      id: HoldID(text: "h1"), claimNumber: "ABC-DEF", purpose: .recovery, startedAt: now,
      endsAt: now + .days(30),
      claimedFrom: world.stranger, stopToken: "token")
    facts.bySupport = true
    for news: Notice.HoldNews in [.started, .completed, .reminder, .stopped] {
      let letter = letter(.hold(news, facts))
      #expect(
        !(letter.subject + letter.body).contains("{") && !letter.body.contains("mail."), "\(letter.body)")
      #expect(!letter.body.contains("some proof"))
    }
  }

  @Test func `T10: a person adds so much to a case, and no more`() async throws {
    let world = try World(limits: false)
    let opened = try await world.openCase()
    func reply() async throws {
      try await world.site.support.reply(
        opened.supportCase.number, ticket: opened.ticket, text: "And?", source: world.stranger)
    }
    for _ in 0..<SupportCase.mostReplies { try await reply() }
    await #expect(throws: Refusal.support(.tooManyReplies)) { try await reply() }
  }

  @Test func `T13: what is written rests sealed, bound to its case`() async throws {
    let world = try World(limits: false)
    let agent = try await world.agent("ada")
    let opened = try await world.openCase()
    let number = opened.supportCase.number
    try await world.site.supportConsole.act(
      .answer("Secret words"), on: number, by: world.signedIn(agent.started))
    let (found, messages) = try await world.ports.database.read { transaction in
      let found = try #require(try transaction.supportCase(number: number))
      return (found, try transaction.messages(of: found.id))
    }
    for bytes in [found.sealedContent] + messages.map(\.sealedText) {
      let text = String(decoding: bytes, as: UTF8.self)
      #expect(!text.contains("house") && !text.contains("Secret") && !text.contains(World.lost))
    }
    #expect(world.ports.keys.open(found.sealedContent, for: .supportCase, bound: "case/other") == nil)
  }
}

extension World {
  func letters(to address: String) -> [NoticeLetter] {
    allMail.filter { $0.address == address }.map {
      NoticeLetter($0, texts: site.texts, settings: site.settings)
    }
  }
}

@Suite struct `Agents of support` {
  @Test func `G4 T17: the role, two-step verification and the session are looked at again at every act`()
    async throws
  {
    let world = try World(limits: false)
    let console = world.site.supportConsole
    // Without two-step verification nobody becomes one.
    let plain = try await world.person("paul", email: "paul@office.example")
    await #expect(throws: Refusal.support(.twoStepNeeded)) {
      try await world.site.agents.add(username: "paul")
    }
    await #expect(throws: Refusal.notFound) { try await world.site.agents.add(username: "nobody") }
    // For everyone else there is no console.
    await #expect(throws: Refusal.notFound) { try await console.overview(in: nil, by: world.signedIn(plain)) }

    let ada = try await world.agent("ada")
    _ = try await console.overview(in: nil, by: world.signedIn(ada.started))
    // Two-step verification turned off afterwards: the role remains, and is worth nothing.
    try await world.site.securityInfo.setTwoStep(
      false, by: world.steppedUp(ada.started), source: world.source)
    await #expect(throws: Refusal.support(.twoStepNeeded)) {
      try await console.overview(in: nil, by: world.signedIn(ada.started))
    }
    // A session from the time without it is not enough once it is on again.
    let short = try await world.signIn("ada")
    try await world.site.securityInfo.setTwoStep(true, by: world.steppedUp(short), source: world.source)
    await #expect(throws: Refusal.stepUpNeeded) {
      try await console.overview(in: nil, by: world.signedIn(short))
    }
    let full = try await world.signIn("ada", app: ada.app)
    let signedIn = try await world.signedIn(full)
    _ = try await console.overview(in: nil, by: signedIn)
    // A session that ended a moment ago does nothing any more, though the request began before.
    try await world.site.sessions.signOut(signedIn.session)
    await #expect(throws: Refusal.notSignedIn) { try await console.overview(in: nil, by: signedIn) }
    // The role taken back works at once.
    let last = try await world.signedIn(world.signIn("ada", app: ada.app))
    #expect(try await world.site.agents.remove(username: "ada"))
    await #expect(throws: Refusal.notFound) { try await console.overview(in: nil, by: last) }
    #expect(
      try await world.trail().map(\.action).filter { $0 == .agentAdded || $0 == .agentRemoved }.count == 2)
  }

  @Test func `G4: acts on accounts need a fresh proof, a reason, and somebody else's account`() async throws {
    let world = try World(limits: false)
    _ = try await world.protected()
    let ada = try await world.agent("ada")
    let console = world.site.supportConsole
    let stale = try await world.fresh(ada)
    let maria = try await world.account().id
    let own = try await world.account("ada").id
    for deed in SupportConsole.AccountDeed.allCases {
      await #expect(throws: Refusal.field(.reason, .missing)) {
        try await console.act(deed, on: maria, reason: "  ", by: stale)
      }
      await #expect(throws: Refusal.support(.ownAccount)) {
        try await console.act(deed, on: own, reason: "mine", by: world.fresh(ada))
      }
      await #expect(throws: Refusal.notFound) {
        try await console.act(deed, on: AccountID(text: "x"), reason: "none", by: world.fresh(ada))
      }
    }
    world.pass(SessionRules.fresh)
    await #expect(throws: Refusal.stepUpNeeded) {
      try await console.act(.freeze, on: maria, reason: "asked by mail", by: stale)
    }
    #expect(try await world.account().frozen == nil)
  }

  @Test func `G4 T17: freezing and ending sessions are told to every contact, in the same transaction`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let session = try await world.signIn(app: maria.app)
    let gone = try await world.addContact("gone@example.org", session)
    _ = try await world.site.securityInfo.remove(gone, by: world.steppedUp(session), source: world.source)
    let ada = try await world.agent("ada")
    let console = world.site.supportConsole
    let id = try await world.account().id

    try await console.act(.endSessions, on: id, reason: "stolen phone", by: world.fresh(ada))
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(session) }
    try await console.act(.freeze, on: id, reason: "stolen phone", by: world.fresh(ada))
    #expect(try await world.account().frozen != nil)
    await #expect(throws: Refusal.frozen) {
      try await console.act(.freeze, on: id, reason: "again", by: world.fresh(ada))
    }
    for address in [maria.email, "gone@example.org"] {
      #expect(try await world.deeds(toldTo: address) == [.sessionsEnded, .frozen])
    }
    // Told without the agent's name and address.
    for letter in world.letters(to: maria.email) {
      #expect(!letter.body.contains("ada") && !letter.body.contains("stolen phone"))
    }
    // The weakest freeze there is: the owner's sign-in sets it going again.
    world.pass(.minutes(10))
    let back = try await world.signIn(app: maria.app)
    try await world.site.freezing.thaw(by: world.steppedUp(back), source: world.source)
    #expect(try await world.account().frozen == nil)
    let entries = try await world.trail().filter { [.accountFrozen, .sessionsEnded].contains($0.action) }
    #expect(entries.allSatisfy { $0.account == id && $0.detail == "stolen phone" } && entries.count == 2)
    #expect(entries.allSatisfy { if case .agent = $0.actor { true } else { false } })
  }

  @Test func `T17: a crash or a refusal leaves neither deed nor notice nor trail`() async throws {
    struct Crash: Error {}
    let world = try World(limits: false)
    let maria = try await world.protected()
    let ada = try await world.agent("ada")
    let id = try await world.account().id
    let agent = try await world.fresh(ada)
    world.tap.visit { _ in }
    try await world.site.supportConsole.act(.endSessions, on: id, reason: "count", by: agent)
    let steps = world.tap.count
    world.tap.visit(nil)
    let told = try await world.deeds(toldTo: maria.email).count
    let written = try await world.trail().count
    for step in stride(from: 0, to: steps, by: 3) {
      world.tap.visit { if $0 == step { throw Crash() } }
      await #expect(throws: (any Error).self) {
        try await world.site.supportConsole.act(.freeze, on: id, reason: "crash", by: agent)
      }
      world.tap.visit(nil)
    }
    #expect(try await world.account().frozen == nil)
    #expect(try await world.deeds(toldTo: maria.email).count == told)
    #expect(try await world.trail().count == written)
  }

  @Test func `G4 T17: what agents see holds no secret and no address in full`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let ada = try await world.agent("ada")
    let console = world.site.supportConsole
    let number = try await world.openCase().supportCase.number
    let signedIn = try await world.signedIn(ada.started)
    for wanted: SupportConsole.Wanted in [
      .named("MARIA"), .id(try await world.account().id), .ofCase(number),
    ] {
      let status = try #require(try await console.account(wanted, by: signedIn))
      let shown = "\(SupportAccountPage(status, world.site.texts))"
      #expect(!shown.contains(maria.email) && !shown.contains("192.0.2.1") && !shown.contains("203.0.113"))
      #expect(!shown.contains(maria.code.formatted) && !shown.contains(maria.app.secret.revealedText))
      #expect(shown.contains("ma•••@e•••.org") && status.twoStepSince != nil)
    }
    #expect(try await console.account(.named("nobody-at-all"), by: signedIn) == nil)
    // What was typed is not in the trail; that it was looked up is.
    let looks = try await world.trail().filter { $0.action == .accountLookedUp }
    #expect(looks.count == 4 && looks.allSatisfy { !$0.detail.contains("nobody-at-all") })
  }

  @Test func `T17: an agent leafs through no more than so many accounts`() async throws {
    let world = try World(limits: true)
    let ada = try await world.agent("ada")
    let signedIn = try await world.signedIn(ada.started)
    var looks = 0
    do {
      while looks < 1_000 {
        _ = try await world.site.supportConsole.account(.named("nobody"), by: signedIn)
        looks += 1
      }
    } catch Refusal.slowDown {}
    #expect(looks == ThrottleRules.accountLookup.free)
  }
}

@Suite struct `A recovery that support starts` {
  @Test func `G4 row 10: two agents, 30 days, then ticket and code choose the password`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let opened = try await world.openCase()
    let request = try await world.request(opened, by: ada)
    // The owner hears of it before anything takes effect; nothing has.
    #expect(try await world.deeds(toldTo: maria.email) == [.holdRequested])
    #expect(try await world.openHold() == nil)
    try await world.site.supportConsole.approve(request, by: world.fresh(ben))
    let hold = try #require(try await world.openHold())
    #expect(hold.purpose == .recovery && hold.row == 10 && hold.evidence.isEmpty)
    #expect(hold.endsAt - hold.startedAt == .days(30))
    let parked = try world.ports.parked(in: hold)
    #expect(parked.contact == NewContact(kind: .email, address: World.lost))
    #expect(parked.password == nil && parked.removed.isEmpty)
    try await world.work()
    #expect(world.news(to: maria.email) == [.started])
    #expect(world.letters(to: maria.email).last?.body.contains("could not prove anything") == true)
    // The claimant watches it with the ticket they have.
    let status = try await world.site.holds.status(hold.id, ticket: opened.ticket, source: world.stranger)
    #expect(status.hold.id == hold.id)
    let shown = try await world.site.support.status(
      opened.supportCase.number, ticket: opened.ticket, source: world.stranger)
    #expect(shown.hold?.id == hold.id)
    #expect(
      try await world.caseNews(toldTo: World.lost).contains {
        if case .holdStarted(hold.id, _, hold.endsAt) = $0 { true } else { false }
      })
    // Nothing opens before the end.
    await #expect(throws: Refusal.notFound) {
      try await world.site.holds.sendCodeToChooseAgain(hold.id, ticket: opened.ticket, source: world.stranger)
    }
    world.set(hold.endsAt - .milliseconds(1))
    try await world.work()
    #expect(try await world.openHold()?.state == .running)
    world.set(hold.endsAt)
    try await world.work()
    #expect(try await world.hold(hold.id).state == .completed)
    _ = try await world.site.holds.sendCodeToChooseAgain(
      hold.id, ticket: opened.ticket, source: world.stranger)
    let code = try #require(try await world.mail().last { $0.address == World.lost && $0.code != nil }?.code)
    try await world.site.holds.chooseAgain(
      hold.id, ticket: opened.ticket, code: code, password: Claim.newPassword, source: world.stranger)
    let started = try await world.firstSignIn(Claim.newPassword, ticket: opened.ticket)
    await #expect(throws: Refusal.factorsUnsettled) { try await world.signedIn(started) }
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn(app: maria.app) }
    let actions = try await world.trail().map(\.action)
    #expect(actions.count { $0 == .holdRequested } == 1 && actions.count { $0 == .holdApproved } == 1)
  }

  @Test func `G4: without two-step verification the claimant signs in with the chosen password`() async throws
  {
    let world = try World(limits: false)
    _ = try await world.person()
    world.pass(.days(60))
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let opened = try await world.openCase()
    try await world.site.supportConsole.approve(world.request(opened, by: ada), by: world.fresh(ben))
    let hold = try #require(try await world.openHold())
    try await world.work()
    world.set(hold.endsAt)
    try await world.work()
    _ = try await world.site.holds.sendCodeToChooseAgain(
      hold.id, ticket: opened.ticket, source: world.stranger)
    let code = try #require(try await world.mail().last { $0.address == World.lost && $0.code != nil }?.code)
    try await world.site.holds.chooseAgain(
      hold.id, ticket: opened.ticket, code: code, password: Claim.newPassword, source: world.stranger)
    _ = try await world.signedIn(world.signIn("maria", Claim.newPassword))
    await #expect(throws: Refusal.wrongNameOrPassword) { try await world.signIn("maria") }
  }

  @Test func `G4 T17: nobody approves their own request, their own account or their own case`() async throws {
    let world = try World(limits: false)
    _ = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let console = world.site.supportConsole
    let opened = try await world.openCase()
    let request = try await world.request(opened, by: ada)
    await #expect(throws: Refusal.support(.ownRequest)) {
      try await console.approve(request, by: world.fresh(ada))
    }
    // A second request is none while the first is undecided, whoever asks.
    await #expect(throws: Refusal.support(.alreadyRequested)) { try await world.request(opened, by: ben) }
    #expect(try await world.openHold() == nil)

    // Ben's own account, asked for by ada.
    let aboutBen = try await world.openCase(as: "ben", from: "someone@example.net")
    let other = try await world.request(aboutBen, by: ada, of: "ben")
    await #expect(throws: Refusal.support(.ownAccount)) {
      try await console.approve(other, by: world.fresh(ben))
    }
    await #expect(throws: Refusal.support(.ownAccount)) {
      try await console.decline(other, reason: "no", by: world.signedIn(ben.started))
    }
    await #expect(throws: Refusal.support(.ownAccount)) {
      try await world.request(aboutBen, by: ben, of: "ben")
    }

    // A case that ben wrote himself, from an email of his account.
    let fromBen = try await world.openCase(as: "zoe", from: "Ben@office.example")
    _ = try await world.person("zoe", email: "zoe@example.org")
    await #expect(throws: Refusal.support(.ownCase)) { try await world.request(fromBen, by: ben, of: "zoe") }
    let asked = try await world.request(fromBen, by: ada, of: "zoe")
    await #expect(throws: Refusal.support(.ownCase)) {
      try await console.approve(asked, by: world.fresh(ben))
    }
    #expect(try await world.openHold(of: "zoe") == nil)
  }

  @Test func `G4 T11: of many approvals at once one wins, and one hold begins`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let ada = try await world.agent("ada")
    let others = [try await world.agent("ben"), try await world.agent("cleo"), try await world.agent("dora")]
    let request = try await world.request(world.openCase(), by: ada)
    let agents = try await { () async throws -> [SteppedUp] in
      var all: [SteppedUp] = []
      for other in others { all.append(try await world.fresh(other)) }
      return all
    }()
    let wins = await withTaskGroup(of: Bool.self) { group in
      for agent in agents + agents {
        group.addTask {
          do {
            try await world.site.supportConsole.approve(request, by: agent)
            return true
          } catch {
            #expect(
              error as? Refusal == .support(.requestOver) || error as? Refusal == .changedMeanwhile
                || { if case .holdRunning = error as? Refusal { true } else { false } }(), "\(error)")
            return false
          }
        }
      }
      return await group.reduce(0) { $0 + ($1 ? 1 : 0) }
    }
    #expect(wins == 1)
    try await world.work()
    #expect(world.news(to: maria.email) == [.started])
    #expect(try await world.trail().count { $0.action == .holdApproved } == 1)
  }

  @Test func `G4: a request lives seven days, and is decided once`() async throws {
    let world = try World(limits: false)
    _ = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let console = world.site.supportConsole
    let opened = try await world.openCase()
    let late = try await world.request(opened, by: ada)
    world.pass(HoldRequest.lifetime)
    await #expect(throws: Refusal.support(.requestOver)) {
      try await console.approve(late, by: world.fresh(ben))
    }
    #expect(try await console.overview(in: nil, by: world.fresh(ben).signedIn).requests.isEmpty)
    // A new one takes its place.
    let declined = try await world.request(opened, by: ada)
    await #expect(throws: Refusal.field(.reason, .missing)) {
      try await console.decline(declined, reason: "", by: world.fresh(ben).signedIn)
    }
    try await console.decline(declined, reason: "She has a code", by: world.fresh(ben).signedIn)
    for agent in [ada, ben] {
      await #expect(throws: Refusal.support(.requestOver)) {
        try await console.approve(declined, by: world.fresh(agent))
      }
    }
    let withdrawn = try await world.request(opened, by: ada)
    try await console.decline(withdrawn, reason: "A mistake", by: world.fresh(ada).signedIn)
    await #expect(throws: Refusal.support(.requestOver)) {
      try await console.approve(withdrawn, by: world.fresh(ben))
    }
    #expect(try await world.openHold() == nil)
    let actions = Set(try await world.trail().map(\.action))
    #expect(actions.isSuperset(of: [.holdRequested, .holdDeclined, .holdWithdrawn]))
    #expect(!actions.contains(.holdApproved))
  }

  @Test
  func `G4 T17: a request of someone who is no agent any more, or without two-step verification, is void`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let request = try await world.request(world.openCase(), by: ada)
    _ = try await world.site.agents.remove(username: "ada")
    await #expect(throws: Refusal.support(.requesterGone)) {
      try await world.site.supportConsole.approve(request, by: world.fresh(ben))
    }
    _ = try await world.site.agents.add(username: "ada")
    try await world.site.securityInfo.setTwoStep(false, by: world.fresh(ada), source: world.source)
    await #expect(throws: Refusal.support(.requesterGone)) {
      try await world.site.supportConsole.approve(request, by: world.fresh(ben))
    }
    #expect(try await world.openHold() == nil)
  }

  @Test func `G4: a session without a fresh proof, or without its second factor, approves nothing`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let request = try await world.request(world.openCase(), by: ada)
    let stale = try await world.fresh(ben)
    world.pass(SessionRules.fresh)
    await #expect(throws: Refusal.stepUpNeeded) {
      try await world.site.supportConsole.approve(request, by: stale)
    }
    // Fresh, but from before two-step verification was on.
    try await world.site.securityInfo.setTwoStep(false, by: world.fresh(ben), source: world.source)
    let weak = try await world.steppedUp(world.signIn("ben"))
    try await world.site.securityInfo.setTwoStep(true, by: weak, source: world.source)
    await #expect(throws: Refusal.stepUpNeeded) {
      try await world.site.supportConsole.approve(request, by: weak)
    }
    #expect(try await world.openHold() == nil)
  }

  @Test func `G4: no hold beside another one, on a frozen account, for a closed case, or for who needs none`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let console = world.site.supportConsole
    let opened = try await world.openCase()
    // The case's email is a proof of the account.
    let own = try await world.openCase(from: maria.email)
    await #expect(throws: Refusal.support(.contactOnAccount)) { try await world.request(own, by: ada) }
    // Looked at again at the approval.
    let request = try await world.request(opened, by: ada)
    let held = try await world.claim(code: maria.code)
    await #expect(throws: Refusal.holdRunning(until: held.hold.endsAt)) {
      try await console.approve(request, by: world.fresh(ben))
    }
    let owner = try await world.signIn(app: maria.app)
    try await world.site.holds.stop(held.hold.id, by: world.steppedUp(owner), source: world.source)
    // T19: an owner who has just stopped one is left in peace.
    await #expect(throws: Refusal.self) { try await console.approve(request, by: world.fresh(ben)) }
    #expect(try await world.openHold() == nil)
    world.pass(.days(6))
    let id = try await world.account().id
    try await console.act(.freeze, on: id, reason: "asked by the owner", by: world.fresh(ada))
    world.pass(.days(2))
    await #expect(throws: Refusal.frozen) { try await world.request(opened, by: ada) }
    let back = try await world.signIn(app: maria.app)
    try await world.site.freezing.thaw(by: world.steppedUp(back), source: world.source)
    try await console.act(.close, on: opened.supportCase.number, by: world.fresh(ada).signedIn)
    await #expect(throws: Refusal.support(.caseClosed)) { try await world.request(opened, by: ada) }
  }

  @Test func `H7 H8: senior proofs stop it and pause it, junior ones do nothing to it`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    // A junior contact, a day before.
    let session = try await world.signIn(app: maria.app)
    try await world.addContact("junior@example.org", session)
    world.pass(.days(1))
    let opened = try await world.openCase()
    try await world.site.supportConsole.approve(world.request(opened, by: ada), by: world.fresh(ben))
    let hold = try #require(try await world.openHold())
    try await world.work()
    #expect(world.news(to: "junior@example.org") == [.started])
    #expect(world.stopToken(to: "junior@example.org") == nil)
    let link = try #require(world.stopToken(to: maria.email))
    #expect(try await world.site.holds.pause(stopToken: link, source: world.source).hold.state == .contested)
    #expect(try await world.site.holds.resume(stopToken: link, source: world.source).hold.state == .running)
    // Other changes wait (H7).
    let owner = try await world.signIn(app: maria.app)
    await #expect(throws: Refusal.holdRunning(until: hold.endsAt)) {
      try await world.addContact("late@example.org", owner)
    }
    try await world.site.holds.stop(hold.id, by: world.steppedUp(owner), source: world.source)
    #expect(try await world.hold(hold.id).state == .stopped)
    world.set(hold.endsAt + .days(1))
    try await world.work()
    #expect(try await world.hold(hold.id).state == .stopped)
    await #expect(throws: Refusal.notFound) {
      try await world.site.holds.sendCodeToChooseAgain(hold.id, ticket: opened.ticket, source: world.stranger)
    }
  }

  @Test func `H9 H11: senior evidence objects to it; it waits until the owner could be told`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let (ada, ben) = (try await world.agent("ada"), try await world.agent("ben"))
    let opened = try await world.openCase()
    try await world.site.supportConsole.approve(world.request(opened, by: ada), by: world.fresh(ben))
    let hold = try #require(try await world.openHold())
    // No mail was delivered: the end passes, and nothing happens.
    world.set(hold.endsAt + .days(1))
    _ = try await world.site.holds.workOffDue()
    #expect(try await world.hold(hold.id).state == .running)
    // Someone with the code alone contests it.
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    guard case .contested = try await claim.end() else { throw Refusal.outOfStep }
    #expect(try await world.hold(hold.id).state == .contested)
  }

  @Test func `G4: telling again tells everyone, twice at most, and brings no end nearer`() async throws {
    let world = try World(limits: true)
    let maria = try await world.protected()
    let ada = try await world.agent("ada")
    let console = world.site.supportConsole
    let id = try await world.account().id
    await #expect(throws: Refusal.support(.noHold)) {
      try await console.act(.resendNotice, on: id, reason: "asked", by: world.fresh(ada))
    }
    let held = try await world.claim(code: maria.code)
    try await world.work()
    for _ in 0..<2 {
      try await console.act(.resendNotice, on: id, reason: "asked by phone", by: world.fresh(ada))
    }
    await #expect(throws: Refusal.self) {
      try await console.act(.resendNotice, on: id, reason: "asked again", by: world.fresh(ada))
    }
    try await world.work()
    #expect(world.news(to: maria.email) == [.started, .reminder, .reminder])
    let now = try await world.hold(held.hold.id)
    #expect(now.endsAt == held.hold.endsAt && now.state == .running)
  }

  @Test func `O4: what operators do at the command line is in the trail`() async throws {
    let world = try World(limits: false)
    _ = try await world.site.signUp.createByOperator(
      username: "olga", password: World.password, email: nil, source: world.source)
    try await world.site.holds.letCompletionsGoOn()
    let opened = try await world.openCase()
    _ = try await world.site.supportConsole.fileForOperator(opened.supportCase.number)
    try await world.site.supportConsole.closeByOperator(opened.supportCase.number)
    let entries = try await world.trail()
    #expect(entries.allSatisfy { $0.actor == .operator })
    #expect(Set(entries.map(\.action)) == [.accountCreated, .completionsResumed, .caseRead, .caseClosed])
    // People's own doings are in their history, not here.
    _ = try await world.person()
    #expect(try await world.trail().count == entries.count)
  }
}
