import RecoveryCode
import SparekeyCore

@testable import sparekey

/// What owner, thief, clock and workers do.
extension LongStory {
  mutating func time(_ before: Promises) async throws {
    if let hold = before.hold, Bool.random(using: &choices) {
      // To the moments that matter.
      let moments = [
        hold.endsAt, hold.endsAt - .milliseconds(1), hold.endsAt + .days(2), hold.startedAt + .days(15),
        hold.endsAt - .hours(48), (hold.contestedAt ?? hold.endsAt) + .days(14),
      ]
      if let moment = draw(moments.filter { world.now < $0 }.reversed()) {
        note("time passes until \(moment - hold.endsAt) from the hold's end")
        return world.set(moment)
      }
    }
    let wait =
      draw([
        Duration.days(15), .days(29), .days(6), .days(13), .minutes(25), .hours(2), .hours(23), .days(2),
        .minutes(4), .minutes(11), .days(31), .seconds(31),
      ]) ?? .zero
    note("\(wait) pass")
    world.pass(wait)
  }

  mutating func work(_ before: Promises) async throws {
    if Int.random(in: 0..<4, using: &choices) != 0 {
      note("mail goes out")
      _ = try await world.mail()
    }
    note("the worker runs")
    _ = try await world.site.holds.workOffDue()
    deed.kind = .work
  }

  mutating func begin(_ name: String, _ before: Promises) async throws {
    let what: Thread =
      switch Int.random(in: 0..<10, using: &choices) {
      case 0..<4: .home
      case 4..<8: .recovery
      default: .link
      }
    thread = (name, what)
    try await act(name, what, before)
  }

  mutating func act(_ name: String, _ what: Thread, _ before: Promises) async throws {
    guard let me = self.people[name] else { return }
    let die = Int.random(in: 0..<10, using: &choices)
    do {
      switch what {
      case .home:
        if me.sessions.isEmpty || die == 0 { return try await signIn(name, me, before) }
        if die == 1 { return try await stepUp(name, me, before) }
        return try await inSession(name, me, before)
      case .recovery:
        if me.journeys.last.map({ $0.isEnded || $0.isGivenUp }) ?? true || die == 0 {
          return try await start(name)
        }
        return try await die < 7 ? show(name, me, before) : finish(name, me, before)
      case .link:
        thread = nil
        try await useLink(name, me)
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      if refusal == .notSignedIn { self.people[name]?.sessions = [] }
      deed = Deed(refusal: refusal)
    }
  }

  private mutating func start(_ name: String) async throws {
    note("\(name) starts a recovery")
    let progress = try await world.site.recovery.start(
      username: Self.account, withCode: Bool.random(using: &choices), binding: .api)
    let attempt = try world.ports.open(RecoveryAttempt.self, progress.journey, for: .api)
    guard let version = attempt.target?.version else { throw broken("the account is not found") }
    self.people[name]?.journeys.append(
      Knowledge.Journey(token: progress.journey, startedAt: world.now, version: version))
  }

  // MARK: signing in

  private mutating func signIn(_ name: String, _ me: Knowledge, _ before: Promises) async throws {
    let signIn = world.site.signIn
    if let passkey = draw(me.passkeys), Bool.random(using: &choices) {
      note("\(name) signs in with a passkey")
      deed.shown = [.passkey(passkey.id ?? PasskeyID(text: ""))]
      let prompt = try await signIn.passkeyPrompt(binding: .api)
      let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
      let started = try await signIn.enterPasskey(
        try passkey.assertion(request, of: before.account.id), request: prompt.request, binding: .api,
        source: world.source)
      return try hold(started, deed.shown, name)
    }
    guard let typed = draw(me.passwords) else { return }
    note("\(name) signs in with a password")
    deed.shown = [.password]
    let due = isDue(before)
    let progress: SignInProgress
    do {
      progress = try await signIn.enterPassword(
        typed,
        journey: signIn.start(username: Self.account, binding: .api, source: Source(address: "192.0.2.1")),
        binding: .api,
        source: world.source)
    } catch {
      // While a hold completes, the parked password becomes the right one.
      if isAlone, typed == self.password, !due { throw broken("the right password was refused: \(error)") }
      throw error
    }
    let isRight = typed == self.password || due && self.parked.values.contains(typed)
    guard isRight || !isAlone else { throw broken("a wrong password was taken") }
    guard case .secondFactor(let step) = progress else {
      guard case .signedIn(let started) = progress else { return }
      guard try !isAlone || !promises().account.twoStep else {
        throw broken("two-step verification was skipped (row 38)")
      }
      return try hold(started, [.password], name)
    }
    if step.takesTicket, let ticket = draw(me.tickets), Bool.random(using: &choices) {
      note("… and a ticket")
      let started = try await signIn.enterTicket(
        ticket, journey: step.journey, binding: .api, source: world.source)
      guard started.session.restriction == .settleFactors else {
        throw broken("a ticket made a full session (row 4)")
      }
      self.people[name]?.sessions.append(started.token)
      deed.kind = .signIn
      return
    }
    deed.kind = .signIn
    guard let app = draw(me.apps) else { return }
    deed.shown = [.password, .totp(app.id)]
    note("… and an app")
    let started: StartedSession
    do {
      started = try await signIn.enterTOTP(
        app.code(at: world.now), journey: step.journey, binding: .api, source: world.source)
    } catch Refusal.totpWrong {
      // Gone from the account, or its step was used.
      world.pass(.seconds(30))
      throw Refusal.totpWrong
    }
    try hold(started, [.password, .totp(app.id)], name)
  }

  private mutating func hold(_ started: StartedSession, _ shown: [Proof], _ name: String) throws {
    self.people[name]?.sessions.append(started.token)
    if isAlone, try promises().mayChange(shown) { self.provedAt[started.session.id] = (shown, world.now) }
    (deed.kind, deed.shown) = (.signIn, shown)
  }

  private func isDue(_ before: Promises) -> Bool {
    before.hold.map { $0.state == .running && $0.endsAt <= world.now } ?? false
  }

  private mutating func stepUp(_ name: String, _ me: Knowledge, _ before: Promises) async throws {
    guard let token = draw(me.sessions) else { return }
    let signedIn = try await world.site.sessions.signedIn(by: token)
    var shown: [StepUp.Shown] = []
    var proofs: [Proof] = []
    if let typed = draw(me.passwords) {
      shown.append(.password(typed))
      proofs.append(.password)
    }
    if let app = draw(me.apps), Bool.random(using: &choices) {
      shown.append(.totp(app.code(at: world.now)))
      proofs.append(.totp(app.id))
    }
    note("\(name) steps up with \(proofs.map(\.kind))")
    deed.shown = proofs
    let started = try await world.site.stepUp.prove(shown, by: signedIn, source: world.source)
    self.people[name]?.sessions.removeAll { $0.matches(token) }
    if isAlone, before.mayChange(proofs) { self.provedAt[started.session.id] = (proofs, world.now) }
    self.people[name]?.sessions.append(started.token)
    deed = Deed(kind: .signIn)
  }

  // MARK: at home

  private mutating func inSession(_ name: String, _ me: Knowledge, _ before: Promises) async throws {
    guard let token = draw(Array(me.sessions.suffix(3))) else { return }
    let signedIn: SignedIn
    do {
      signedIn = try await world.site.sessions.signedIn(by: token)
    } catch Refusal.factorsUnsettled {
      return try await settle(name, me, token)
    }
    deed = Deed(kind: .change, session: signedIn.session)
    deed.shown = self.provedAt[signedIn.session.id]?.shown ?? []
    deed.checkedAt = world.now
    do {
      try await inSession(name, me, before, signedIn)
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      deed.refusal = refusal
    }
  }

  private mutating func inSession(
    _ name: String, _ me: Knowledge, _ before: Promises, _ signedIn: SignedIn
  ) async throws {
    let site = world.site
    let source = world.source
    if Int.random(in: 0..<6, using: &choices) == 0 {
      guard
        let event = draw(try await site.securityInfo.activity(for: signedIn, limit: 20))
      else { return }
      note("\(name): \(event.kind.rawValue) wasn't me")
      (deed.kind, deed.event) = (.disown, event)
      return try await site.freezing.thisWasNotMe(event.number, by: signedIn, source: source)
    }
    let steppedUp = try signedIn.steppedUp(at: world.now)
    switch Int.random(in: 0..<12, using: &choices) {
    case 0, 1:
      let address = "\(name == "maria" ? "m" : "t")\(Int.random(in: 0..<4, using: &choices))@example.net"
      note("\(name) adds \(address)")
      let id = try await site.securityInfo.addContact(
        NewContact(typed: address), by: steppedUp, source: source)
      self.people[name]?.mailboxes.insert(address)
      guard Int.random(in: 0..<4, using: &choices) != 0 else { return }
      _ = try await world.mail()
      let code = world.allMail.last { $0.address == address && $0.code != nil }?.code ?? ""
      note("… and confirms it")
      try await site.securityInfo.confirmContact(id, code: code, by: signedIn, source: source)
    case 2, 3:
      guard let proof = draw(before.all.filter { $0 != .password }) else { return }
      note("\(name) removes \(proof.text)")
      _ = try await site.securityInfo.remove(proof, by: steppedUp, source: source)
    case 4:
      note("\(name) adds an app")
      let new = try await site.securityInfo.addApp(named: "", by: steppedUp, source: source)
      let app = TestApp(id: new.id, secret: new.secret)
      try await site.securityInfo.confirmApp(
        app.id, code: app.code(at: world.now), by: steppedUp, source: source)
      self.people[name]?.apps.append(app)
    case 5:
      note("\(name) adds a passkey")
      let prompt = try await site.securityInfo.passkeyPrompt(by: steppedUp, binding: .api)
      var passkey = TestPasskey(world.ports.randomness)
      passkey.id = try await site.securityInfo.addPasskey(
        passkey.registration(world.ports.open(PasskeyRequest.self, prompt.request, for: .api)),
        request: prompt.request, named: "", by: steppedUp, binding: .api, source: source)
      self.people[name]?.passkeys.append(passkey)
    case 6, 7:
      let on = !before.account.twoStep
      note("\(name) turns two-step verification \(on ? "on" : "off")")
      try await site.securityInfo.setTwoStep(on, by: steppedUp, source: source)
    case 8:
      note("\(name) makes a code")
      let shown = try await site.recoveryCodes.generate(
        form: site.recoveryCodes.form(for: signedIn, binding: .api), binding: .api, by: steppedUp,
        source: source)
      try know(shown, name)
    case 9:
      let chosen = newPassword()
      note("\(name) changes the password")
      deed.password = chosen
      do {
        try await site.securityInfo.changePassword(to: chosen, by: steppedUp, source: source)
      } catch let fault where !(fault is Refusal) {
        self.people[name]?.passwords.append(chosen)
        throw fault
      }
      self.people[name]?.passwords.append(chosen)
      guard deed.hasChanged || isAlone else { throw broken("a password that was taken is not there (Q4)") }
    case 10:
      guard let hold = before.hold else { return }
      note("\(name) stops the hold")
      deed.kind = .stop
      try await site.holds.stop(hold.id, by: steppedUp, source: source)
      guard memory.state.allHolds.first(where: { $0.id == hold.id })?.state == .stopped else {
        throw broken("a stop that was acknowledged did not stop (Q4)")
      }
    default:
      guard before.account.frozen != nil else { return }
      note("\(name) thaws the account")
      deed.kind = .thaw
      try await site.freezing.thaw(by: steppedUp, source: source)
    }
  }

  private mutating func newPassword() -> String { "chosen in a long story \(choices.next())" }

  /// Notes a code that somebody was shown: the database has it.
  private mutating func know(_ shown: ShownCode, _ name: String) throws {
    let stored = memory.state.codes.values.first { $0.serial == shown.serial }
    guard let stored, stored.endedAt == nil || !isAlone else {
      throw broken("a code was shown that is not live")
    }
    self.codes[stored.id] = shown.code
    self.people[name]?.codes.append(shown.code)
  }

  private mutating func settle(_ name: String, _ me: Knowledge, _ token: Secret) async throws {
    let settling = world.site.factorSettling
    let unsettled = try await world.site.sessions.unsettled(by: token)
    deed = Deed(kind: .settle, session: unsettled.session)
    do {
      let progress = try await settling.progress(for: unsettled)
      let open = progress.proofs.secondFactors.filter { !progress.settled.contains($0) }
      if let proof = draw(open), Bool.random(using: &choices) {
        note("\(name) settles: \(proof.text) goes")
        try await settling.remove(proof, by: unsettled, source: world.source)
      } else if let app = draw(me.apps), Bool.random(using: &choices) {
        note("\(name) settles: an app is used")
        try await settling.confirmApp(code: app.code(at: world.now), by: unsettled, source: world.source)
      } else if progress.settled.isEmpty {
        note("\(name) settles: a new app")
        let new = try await settling.addApp(named: "", by: unsettled)
        let app = TestApp(id: new.id, secret: new.secret)
        try await settling.confirmNewApp(
          app.id, code: app.code(at: world.now), by: unsettled, source: world.source)
        self.people[name]?.apps.append(app)
      } else {
        note("\(name) has settled")
        let (started, code) = try await settling.finish(by: unsettled, source: world.source)
        self.people[name]?.sessions.append(started.token)
        self.provedAt[started.session.id] = (started.session.proofs, world.now)
        if let code { try know(code, name) }
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      deed.refusal = refusal
    }
  }

  // MARK: the way back

  private mutating func show(_ name: String, _ me: Knowledge, _ before: Promises) async throws {
    guard let index = draw(Array(me.journeys.indices.suffix(3))) else { return }
    let recovery = world.site.recovery
    let token = me.journeys[index].token
    let progress: RecoveryProgress
    let proof: Proof
    switch Int.random(in: 0..<5, using: &choices) {
    case 0:
      guard let code = draw(me.codes) else { return }
      note("\(name) shows a code")
      progress = try await recovery.enterRecoveryCode(
        token, code: code.formatted, binding: .api, source: world.source)
      let shown = self.codes.first { $0.value == code }?.key
      guard let shown, before.code?.id == shown || !isAlone else {
        throw broken("a dead code was taken for evidence")
      }
      proof = .recoveryCode(shown)
    case 1:
      guard let typed = draw(me.passwords) else { return }
      note("\(name) shows a password")
      progress = try await recovery.enterPassword(
        token, password: typed, binding: .api, source: world.source)
      guard typed == self.password || !isAlone else {
        throw broken("a wrong password was taken for evidence")
      }
      proof = .password
    case 2:
      guard let app = draw(me.apps) else { return }
      note("\(name) shows an app")
      world.pass(.seconds(30))
      progress = try await recovery.enterTOTP(
        token, code: app.code(at: world.now), binding: .api, source: world.source)
      proof = .totp(app.id)
    case 3:
      guard let passkey = draw(me.passkeys) else { return }
      note("\(name) shows a passkey")
      let prompt = try await recovery.passkeyPrompt(token, binding: .api)
      let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
      progress = try await recovery.enterPasskey(
        token, assertion: try passkey.assertion(request, of: before.account.id), request: prompt.request,
        binding: .api, source: world.source)
      proof = .passkey(passkey.id ?? PasskeyID(text: ""))
    default:
      let resumed = try await recovery.resume(token, binding: .api)
      guard let option = draw(resumed.options), let asked = option.proof else { return }
      note("\(name) has a code sent to \(option.masked)")
      let sent = try await recovery.sendIssuedCode(
        token, to: option.id, binding: .api, source: world.source)
      try take(sent, of: name, index)
      _ = try await world.mail()
      guard let mail = world.allMail.last(where: { $0.code != nil }), me.mailboxes.contains(mail.address)
      else { return }
      note("… and enters it")
      progress = try await recovery.enterIssuedCode(
        sent.journey, code: mail.code ?? "", binding: .api, source: world.source)
      proof = asked
    }
    guard before.has(proof) || !isAlone else {
      throw broken("\(proof.text) is gone and proved something (row 35)")
    }
    self.people[name]?.journeys[index].everShown.insert(proof)
    try take(progress, of: name, index)
  }

  /// Goes on with this token of a journey: in it is what was shown, and nothing else.
  private func take(_ progress: RecoveryProgress, of name: String, _ index: Int) throws {
    let evidence = try world.ports.open(RecoveryAttempt.self, progress.journey, for: .api).evidence
    let proofs = Set(evidence.map(\.proof))
    guard let journey = self.people[name]?.journeys[index], proofs.isSubset(of: journey.everShown) else {
      throw broken("a journey holds evidence that nobody showed (row 1)")
    }
    self.people[name]?.journeys[index].token = progress.journey
    self.people[name]?.journeys[index].shown = Dictionary(
      evidence.map { ($0.proof, $0.provedAt) }, uniquingKeysWith: max)
  }

  private mutating func finish(_ name: String, _ me: Knowledge, _ before: Promises) async throws {
    guard let index = draw(Array(me.journeys.indices.suffix(3))) else { return }
    let journey = me.journeys[index]
    deed = Deed(kind: .finish, journey: journey)
    deed.shown = journey.shown.filter { world.now < $0.value + .minutes(20) }.map(\.key)
    deed.outcome = before.outcome(of: deed.shown)
    deed.ticket = Bool.random(using: &choices) ? draw(me.tickets) : nil
    let chosen = newPassword()
    deed.password = chosen
    if deed.outcome == .notEnough, Bool.random(using: &choices) {
      deed = Deed()
      return
    }
    note("\(name) chooses a password after \(deed.shown.map(\.text).sorted())")
    do {
      var token = journey.token
      let isHeld = if case .held = deed.outcome { true } else { false }
      deed.accepted = isHeld || deed.outcome == .now && Bool.random(using: &choices)
      if deed.accepted {
        token = try await world.site.recovery.acceptWait(token, binding: .api).journey
      }
      let wanted = Recovery.Wanted(password: chosen, ticket: deed.ticket)
      let end = try await untilAnswered { [token] world in
        try await world.site.recovery.finish(token, wanted: wanted, binding: .api, source: world.source)
      }
      note("… \(end)".prefix(24).description)
      thread = nil
      try judgeAnswer(end)
      deed.end = end
      switch end {
      case .recovered(let code, let session):
        self.people[name]?.passwords.append(chosen)
        self.people[name]?.journeys[index].isEnded = true
        if !journey.isEnded { try know(code, name) }
        if let session { self.people[name]?.sessions.append(session.token) }
      case .held(let held):
        self.people[name]?.passwords.append(chosen)
        if let ticket = held.ticket { self.people[name]?.tickets.append(ticket) }
        self.people[name]?.journeys[index].isEnded = true
      case .contested: self.people[name]?.journeys[index].isEnded = true
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      try judgeAnswer(refusal)
      if refusal == .changedMeanwhile || refusal == .expired {
        self.people[name]?.journeys[index].isGivenUp = true
      }
      deed.refusal = refusal
    } catch let fault where !(fault is Story.Broken) {
      // Perhaps it is the password now.
      self.people[name]?.passwords.append(chosen)
      throw fault
    }
  }

  /// Whoever gets no answer asks again, another node perhaps.
  private mutating func untilAnswered<Answer>(
    _ ask: (World) async throws -> Answer
  ) async throws -> Answer {
    for _ in 0..<3 {
      do {
        return try await ask(world)
      } catch let fault where !(fault is Refusal) {
        guard let elsewhere else { throw fault }
        note("… no answer; asks again")
        self.counts["asked again", default: 0] += 1
        world = elsewhere()
      }
    }
    return try await ask(world)
  }

  // MARK: links in mails

  private mutating func useLink(_ name: String, _ me: Knowledge) async throws {
    guard let link = draw(self.links.filter { me.mailboxes.contains($0.address) }) else { return }
    let pauses = Bool.random(using: &choices)
    deed = Deed(kind: pauses ? .pause : .resume, contact: link.contact)
    note("\(name) \(pauses ? "pauses" : "lets go on") by the link to \(link.address)")
    do {
      _ =
        try await pauses
        ? world.site.holds.pause(stopToken: link.token, source: world.source)
        : world.site.holds.resume(stopToken: link.token, source: world.source)
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      deed.refusal = refusal
    }
  }
}
