import RecoveryCode
import SparekeyCore

@testable import sparekey

/// What owner, thief, clock and workers do.
extension LongStory {
  mutating func time(_ before: Promises) async throws -> Deed {
    if let hold = before.hold, Bool.random(using: &choices) {
      // To the moments that matter.
      let moments = [
        hold.endsAt, hold.endsAt - .milliseconds(1), hold.endsAt + .days(2), hold.startedAt + .days(15),
        hold.endsAt - .hours(48), (hold.contestedAt ?? hold.endsAt) + .days(14),
      ]
      if let moment = draw(moments.filter { world.now < $0 }.reversed()) {
        note("time passes until \(moment - hold.endsAt) from the hold's end")
        world.set(moment)
        return Deed()
      }
    }
    let wait =
      draw([
        Duration.days(15), .days(29), .days(6), .days(13), .minutes(25), .hours(2), .hours(23), .days(2),
        .minutes(4), .minutes(11), .days(31), .seconds(31),
      ]) ?? .zero
    note("\(wait) pass")
    world.pass(wait)
    return Deed()
  }

  mutating func work(_ before: Promises) async throws -> Deed {
    if Int.random(in: 0..<4, using: &choices) != 0 {
      note("mail goes out")
      _ = try await world.mail()
    }
    note("the worker runs")
    _ = try await world.site.holds.workOffDue()
    return Deed(kind: .work)
  }

  mutating func begin(_ name: String, _ before: Promises) async throws -> Deed {
    let what: Thread =
      switch Int.random(in: 0..<10, using: &choices) {
      case 0..<4: .home
      case 4..<8: .recovery
      default: .link
      }
    thread = (name, what)
    return try await act(name, what, before)
  }

  mutating func act(_ name: String, _ what: Thread, _ before: Promises) async throws -> Deed {
    guard let me = people[name] else { return Deed() }
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
        return try await useLink(name, me)
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      if refusal == .notSignedIn { people[name]?.sessions = [] }
      return Deed(refusal: refusal)
    }
  }

  private mutating func start(_ name: String) async throws -> Deed {
    note("\(name) starts a recovery")
    let progress = try await world.site.recovery.start(
      username: Self.account, withCode: Bool.random(using: &choices), binding: .api)
    let version = try await promises().account.version
    people[name]?.journeys.append(
      Knowledge.Journey(token: progress.journey, startedAt: world.now, version: version))
    return Deed()
  }

  // MARK: signing in

  private mutating func signIn(_ name: String, _ me: Knowledge, _ before: Promises) async throws -> Deed {
    let signIn = world.site.signIn
    if let passkey = draw(me.passkeys), Bool.random(using: &choices) {
      note("\(name) signs in with a passkey")
      let prompt = try await signIn.passkeyPrompt(binding: .api)
      let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
      let started = try await signIn.enterPasskey(
        try passkey.assertion(request, of: before.account.id), request: prompt.request, binding: .api,
        source: world.source)
      return try await hold(started, [.passkey(passkey.id ?? PasskeyID(text: ""))], name)
    }
    guard let typed = draw(me.passwords) else { return Deed() }
    note("\(name) signs in with a password")
    let due = isDue(before)
    let progress: SignInProgress
    do {
      progress = try await signIn.enterPassword(
        typed, journey: signIn.start(username: Self.account, binding: .api), binding: .api,
        source: world.source)
    } catch {
      // While a hold completes, the parked password becomes the right one.
      if typed == password, !due { throw broken("the right password was refused: \(error)") }
      throw error
    }
    let isRight = typed == password || due && parked.values.contains(typed)
    guard isRight else { throw broken("a wrong password was taken") }
    guard case .secondFactor(let step) = progress else {
      guard case .signedIn(let started) = progress else { return Deed() }
      guard try await !promises().account.twoStep else {
        throw broken("two-step verification was skipped (row 38)")
      }
      return try await hold(started, [.password], name)
    }
    if step.takesTicket, let ticket = draw(me.tickets), Bool.random(using: &choices) {
      note("… and a ticket")
      let started = try await signIn.enterTicket(
        ticket, journey: step.journey, binding: .api, source: world.source)
      guard started.session.restriction == .settleFactors else {
        throw broken("a ticket made a full session (row 4)")
      }
      people[name]?.sessions.append(started.token)
      return Deed(kind: .signIn)
    }
    guard let app = draw(me.apps) else { return Deed(kind: .signIn) }
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
    return try await hold(started, [.password, .totp(app.id)], name)
  }

  private mutating func hold(_ started: StartedSession, _ shown: [Proof], _ name: String) async throws -> Deed
  {
    people[name]?.sessions.append(started.token)
    if try await promises().mayChange(shown) { provedAt[started.session.id] = (shown, world.now) }
    return Deed(kind: .signIn, shown: shown)
  }

  private func isDue(_ before: Promises) -> Bool {
    before.hold.map { $0.state == .running && $0.endsAt <= world.now } ?? false
  }

  private mutating func stepUp(_ name: String, _ me: Knowledge, _ before: Promises) async throws -> Deed {
    guard let token = draw(me.sessions) else { return Deed() }
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
    let started = try await world.site.stepUp.prove(shown, by: signedIn, source: world.source)
    people[name]?.sessions.removeAll { $0.matches(token) }
    if before.mayChange(proofs) { provedAt[started.session.id] = (proofs, world.now) }
    people[name]?.sessions.append(started.token)
    return Deed(kind: .signIn)
  }

  // MARK: at home

  private mutating func inSession(_ name: String, _ me: Knowledge, _ before: Promises) async throws -> Deed {
    guard let token = draw(Array(me.sessions.suffix(3))) else { return Deed() }
    let signedIn: SignedIn
    do {
      signedIn = try await world.site.sessions.signedIn(by: token)
    } catch Refusal.factorsUnsettled {
      return try await settle(name, me, token)
    }
    var deed = Deed(kind: .change, session: signedIn.session)
    deed.shown = provedAt[signedIn.session.id]?.shown ?? []
    do {
      try await inSession(name, me, before, signedIn, &deed)
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      deed.refusal = refusal
    }
    return deed
  }

  private mutating func inSession(
    _ name: String, _ me: Knowledge, _ before: Promises, _ signedIn: SignedIn, _ deed: inout Deed
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
      people[name]?.mailboxes.insert(address)
      guard Int.random(in: 0..<4, using: &choices) != 0 else { return }
      let code = try await world.mail().last { $0.address == address && $0.code != nil }?.code ?? ""
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
      people[name]?.apps.append(app)
    case 5:
      note("\(name) adds a passkey")
      let prompt = try await site.securityInfo.passkeyPrompt(by: steppedUp, binding: .api)
      var passkey = TestPasskey(world.ports.randomness)
      passkey.id = try await site.securityInfo.addPasskey(
        passkey.registration(world.ports.open(PasskeyRequest.self, prompt.request, for: .api)),
        request: prompt.request, named: "", by: steppedUp, binding: .api, source: source)
      people[name]?.passkeys.append(passkey)
    case 6, 7:
      let on = !before.account.twoStep
      note("\(name) turns two-step verification \(on ? "on" : "off")")
      try await site.securityInfo.setTwoStep(on, by: steppedUp, source: source)
    case 8:
      note("\(name) makes a code")
      let shown = try await site.recoveryCodes.generate(
        form: site.recoveryCodes.form(for: signedIn, binding: .api), binding: .api, by: steppedUp,
        source: source)
      try await know(shown, name)
    case 9:
      let chosen = newPassword()
      note("\(name) changes the password")
      deed.password = chosen
      try await site.securityInfo.changePassword(to: chosen, by: steppedUp, source: source)
      people[name]?.passwords.append(chosen)
    case 10:
      guard let hold = before.hold else { return }
      note("\(name) stops the hold")
      deed.kind = .stop
      try await site.holds.stop(hold.id, by: steppedUp, source: source)
    default:
      guard before.account.frozen != nil else { return }
      note("\(name) thaws the account")
      deed.kind = .thaw
      try await site.freezing.thaw(by: steppedUp, source: source)
    }
  }

  private mutating func newPassword() -> String { "chosen in a long story \(choices.next())" }

  private mutating func know(_ shown: ShownCode, _ name: String) async throws {
    guard let id = try await promises().code?.id else { throw broken("a code was shown that is not live") }
    codes[id] = shown.code
    people[name]?.codes.append(shown.code)
  }

  private mutating func settle(_ name: String, _ me: Knowledge, _ token: Secret) async throws -> Deed {
    let settling = world.site.factorSettling
    let unsettled = try await world.site.sessions.unsettled(by: token)
    var deed = Deed(kind: .settle, session: unsettled.session)
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
        people[name]?.apps.append(app)
      } else {
        note("\(name) has settled")
        let (started, code) = try await settling.finish(by: unsettled, source: world.source)
        people[name]?.sessions.append(started.token)
        provedAt[started.session.id] = (started.session.proofs, world.now)
        if let code { try await know(code, name) }
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      deed.refusal = refusal
    }
    return deed
  }

  // MARK: the way back

  private mutating func show(_ name: String, _ me: Knowledge, _ before: Promises) async throws -> Deed {
    guard let index = draw(Array(me.journeys.indices.suffix(3))) else { return Deed() }
    let recovery = world.site.recovery
    let token = me.journeys[index].token
    let progress: RecoveryProgress
    let proof: Proof
    switch Int.random(in: 0..<5, using: &choices) {
    case 0:
      guard let code = draw(me.codes) else { return Deed() }
      note("\(name) shows a code")
      progress = try await recovery.enterRecoveryCode(
        token, code: code.formatted, binding: .api, source: world.source)
      guard let live = before.code, codes[live.id] == code else {
        throw broken("a dead code was taken for evidence")
      }
      proof = .recoveryCode(live.id)
    case 1:
      guard let typed = draw(me.passwords) else { return Deed() }
      note("\(name) shows a password")
      progress = try await recovery.enterPassword(
        token, password: typed, binding: .api, source: world.source)
      guard typed == password else { throw broken("a wrong password was taken for evidence") }
      proof = .password
    case 2:
      guard let app = draw(me.apps) else { return Deed() }
      note("\(name) shows an app")
      world.pass(.seconds(30))
      progress = try await recovery.enterTOTP(
        token, code: app.code(at: world.now), binding: .api, source: world.source)
      proof = .totp(app.id)
    case 3:
      guard let passkey = draw(me.passkeys) else { return Deed() }
      note("\(name) shows a passkey")
      let prompt = try await recovery.passkeyPrompt(token, binding: .api)
      let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
      progress = try await recovery.enterPasskey(
        token, assertion: try passkey.assertion(request, of: before.account.id), request: prompt.request,
        binding: .api, source: world.source)
      proof = .passkey(passkey.id ?? PasskeyID(text: ""))
    default:
      let resumed = try await recovery.resume(token, binding: .api)
      guard let option = draw(resumed.options), let asked = option.proof else { return Deed() }
      note("\(name) has a code sent to \(option.masked)")
      let sent = try await recovery.sendIssuedCode(
        token, to: option.id, binding: .api, source: world.source)
      people[name]?.journeys[index].token = sent.journey
      let mail = try await world.mail().last { $0.code != nil }
      guard let mail, me.mailboxes.contains(mail.address) else { return Deed() }
      note("… and enters it")
      progress = try await recovery.enterIssuedCode(sent.journey, code: mail.code ?? "", binding: .api)
      proof = asked
    }
    guard before.has(proof) else { throw broken("\(proof.text) is gone and proved something (row 35)") }
    people[name]?.journeys[index].token = progress.journey
    people[name]?.journeys[index].shown[proof] = world.now
    return Deed()
  }

  private mutating func finish(_ name: String, _ me: Knowledge, _ before: Promises) async throws -> Deed {
    guard let index = draw(Array(me.journeys.indices.suffix(3))) else { return Deed() }
    let journey = me.journeys[index]
    var deed = Deed(kind: .finish, journey: journey)
    deed.shown = journey.shown.filter { world.now < $0.value + .minutes(20) }.map(\.key)
    deed.outcome = before.outcome(of: deed.shown)
    deed.ticket = Bool.random(using: &choices) ? draw(me.tickets) : nil
    let chosen = newPassword()
    deed.password = chosen
    if deed.outcome == .notEnough, Bool.random(using: &choices) { return Deed() }
    note("\(name) chooses a password after \(deed.shown.map(\.text).sorted())")
    do {
      var token = journey.token
      let isHeld = if case .held = deed.outcome { true } else { false }
      deed.accepted = isHeld || deed.outcome == .now && Bool.random(using: &choices)
      if deed.accepted {
        token = try await world.site.recovery.acceptWait(token, binding: .api).journey
      }
      let end = try await world.site.recovery.finish(
        token, wanted: Recovery.Wanted(password: chosen, ticket: deed.ticket), binding: .api,
        source: world.source)
      note("… \(end)".prefix(24).description)
      thread = nil
      deed.end = end
      switch end {
      case .recovered(let code, let session):
        people[name]?.passwords.append(chosen)
        people[name]?.journeys[index].isEnded = true
        if !journey.isEnded { try await know(code, name) }
        if let session { people[name]?.sessions.append(session.token) }
      case .held(let held):
        people[name]?.passwords.append(chosen)
        if parked[held.hold.id] == nil { parked[held.hold.id] = chosen }
        if let ticket = held.ticket { people[name]?.tickets.append(ticket) }
        people[name]?.journeys[index].isEnded = true
      case .contested: people[name]?.journeys[index].isEnded = true
      }
    } catch let refusal as Refusal {
      note("… refused: \(refusal)")
      if refusal == .changedMeanwhile || refusal == .expired {
        people[name]?.journeys[index].isGivenUp = true
      }
      deed.refusal = refusal
    }
    return deed
  }

  // MARK: links in mails

  private mutating func useLink(_ name: String, _ me: Knowledge) async throws -> Deed {
    guard let link = draw(links.filter { me.mailboxes.contains($0.address) }) else { return Deed() }
    let pauses = Bool.random(using: &choices)
    var deed = Deed(kind: pauses ? .pause : .resume, contact: link.contact)
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
    return deed
  }
}
