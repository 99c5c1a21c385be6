import SparekeyCore

/// *Manage how I sign in*, with password and sessions (D1, H4, S7).
enum AccountPages {
  /// After this long without a check, a sheet of paper may be anywhere (C8).
  private static let checkCodeEvery = Duration.days(365)
  /// How long after a recovery its owner is led to what was added before (D6).
  private static let lookAroundFor = Duration.days(7)

  @Sendable static func security(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let overview = try await visit.site.securityInfo.overview(for: signedIn)
    let events = try await visit.site.securityInfo.activity(for: signedIn)
    let texts = visit.texts
    let code = overview.proofs.code
    let notice = [
      "welcome": "welcome", "email-confirmed": "emailConfirmed", "phone-confirmed": "phoneConfirmed",
      "app-added": "appAdded", "passkey-added": "passkeyAdded", "email-removed": "emailRemoved",
      "phone-removed": "phoneRemoved", "totp-removed": "appRemoved", "passkey-removed": "passkeyRemoved",
      "removal-held": "removalHeld", "two-step-off": "twoStepOff", "password-changed": "passwordChanged",
      "code-checked": "codeChecked", "reopened": "reopened",
    ][visit.query["notice"]]
    return .page(
      SecurityPage(
        username: signedIn.account.username, banners: banners(overview, events, visit),
        ways: WayGroup.all(of: overview, at: visit.now, texts),
        passwordChanged: texts.format(
          "account.security.passwordChanged", ["date": texts.day(overview.account.passwordChangedAt)]),
        twoStepOn: overview.account.twoStep,
        waysBack: WaysBackPart(overview, period: visit.site.ports.options.holdPeriod, texts),
        code: code.map { CodeState($0, texts) },
        checkCode: code.flatMap { code in
          code.checkedAt ?? code.createdAt < visit.now - checkCodeEvery
            ? texts["account.security.checkReminder"] : nil
        },
        notice: notice.map { texts["account.security.notice.\($0)"] }))
  }

  /// What the owner should look at first.
  private static func banners(
    _ overview: SecurityInfo.Overview, _ events: [SecurityEvent], _ visit: Visit
  ) -> [Banner] {
    let texts = visit.texts
    var banners: [Banner] = []
    if overview.account.frozen != nil {
      banners.append(
        Banner(
          line: texts["account.security.frozen"], linkLabel: texts["account.security.thaw"],
          linkPath: "/account/clean-up"))
    }
    if let hold = overview.hold {
      let key = hold.state == .running ? hold.purpose.rawValue : "paused"
      banners.append(
        Banner(
          line: texts.format("account.security.hold.\(key)", ["date": texts.exactly(hold.endsAt)]),
          linkLabel: texts["account.security.hold.look"], linkPath: "/holds/\(hold.id)"))
    }
    let back = events.first { $0.kind == .recovered || $0.kind == .holdCompleted }
    if let back, visit.now < back.at + lookAroundFor {
      banners.append(
        Banner(
          line: texts.format("account.security.gotBackIn", ["date": texts.day(back.at)]),
          linkLabel: texts["account.security.lookAround"], linkPath: "/account/clean-up"))
    }
    if overview.proofs.code == nil {
      banners.append(
        Banner(
          line: texts["account.security.noCode"], linkLabel: texts["account.security.goToCode"],
          linkPath: "#recovery-code"))
    }
    return banners
  }

  // MARK: password

  @Sendable static func password(_ visit: Visit) async throws -> Reply {
    .page(passwordPage(try await visit.mayChange(), visit))
  }

  @Sendable static func changePassword(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    do {
      try await visit.site.securityInfo.changePassword(
        to: visit.form[.newPassword], by: owner, source: visit.source)
      return .redirect("/account/security?notice=password-changed")
    } catch Refusal.field(_, let problem) {
      var page = passwordPage(owner, visit)
      page.newPassword.error = visit.texts.problem(problem, in: "newPassword")
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func passwordPage(_ owner: SteppedUp, _ visit: Visit) -> ChangePasswordPage {
    ChangePasswordPage(
      username: owner.account.username,
      newPassword: visit.texts.newPassword(visit, twoStep: owner.account.twoStep))
  }

  // MARK: sessions

  @Sendable static func sessions(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let rows = try await visit.site.sessions.list(for: signedIn).map {
      SessionRow($0, current: $0.id == signedIn.session.id, visit.texts)
    }
    let ended = visit.query["notice"] == "ended" ? visit.texts["account.sessions.ended"] : nil
    return .page(SessionsPage(sessions: rows, notice: ended))
  }

  @Sendable static func endSession(_ visit: Visit) async throws -> Reply {
    try await visit.site.sessions.end(
      SessionID(text: visit.form["session"]), by: visit.signedIn(), source: visit.source)
    let place = visit.form["from"] == "clean-up" ? "/account/clean-up" : "/account/sessions"
    return .redirect("\(place)?notice=ended")
  }
}

extension SessionRow {
  init(_ session: Session, current: Bool, _ texts: Texts) {
    self.init(
      id: session.id.text,
      device: session.source.agent.isEmpty ? texts["account.sessions.unknownDevice"] : session.source.agent,
      from: session.source.address,
      signedIn: texts.format("account.sessions.signedIn", ["date": texts.moment(session.createdAt)]),
      lastSeen: texts.format("account.sessions.lastSeen", ["date": texts.moment(session.lastSeenAt)]),
      current: current)
  }
}
