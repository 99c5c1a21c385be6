import SparekeyCore

/// Username, then password, then a second factor if the account asks for one; or a passkey alone; and what to do when
/// there is none of them (S1, S3, S4, S5).
enum SignInPages {
  @Sendable static func start(_ visit: Visit) async throws -> Reply {
    await visit.owner == nil ? .redirect("/sign-in") : .redirect("/account/security")
  }

  @Sendable static func username(_ visit: Visit) async throws -> Reply {
    guard await visit.owner == nil else { return .redirect("/account/security") }
    let notice = [
      "signed-out": "signedOut", "signed-out-everywhere": "signedOutEverywhere",
      "password-changed": "passwordChanged", "sign-in-first": "signInFirst", "frozen": "frozen",
    ][visit.query["notice"]]
    var app: Apps.PendingRequest?
    if let token = visit.appRequest {
      app = await visit.site.apps.pending(token, binding: visit.binding)
    }
    var page = try await usernamePage(visit, username: app?.loginHint ?? "")
    page.notice =
      notice.map { visit.texts["signIn.notice.\($0)"] }
      ?? app.map { visit.texts.format("signIn.notice.forApp", ["app": $0.client.name]) }
    return .page(page)
  }

  @Sendable static func enterUsername(_ visit: Visit) async throws -> Reply {
    if visit.form.has("edit") {
      return .page(try await usernamePage(visit, username: visit.journeyName ?? ""))
    }
    do {
      let journey = try visit.site.signIn.start(
        username: visit.form[.username], binding: visit.binding, source: visit.source)
      return .redirect("/sign-in/password").setting(.journey, journey)
    } catch Refusal.field(_, let problem) {
      var page = try await usernamePage(visit, username: String(visit.form[.username].prefix(256)))
      page.usernameError = visit.texts.problem(problem, in: "username")
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func usernamePage(_ visit: Visit, username: String = "") async throws -> UsernamePage {
    UsernamePage(
      username: username, signUpOpen: visit.site.signUp.isOpen,
      passkey: PasskeyForm(try await visit.site.signIn.passkeyPrompt(binding: visit.binding)))
  }

  // MARK: password

  @Sendable static func password(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { return .redirect("/sign-in") }
    return .page(try await passwordPage(visit, journey, name))
  }

  @Sendable static func enterPassword(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { throw Refusal.expired }
    // *Use my password* on another page leads here without one.
    guard visit.form.has("password") else { return .redirect("/sign-in/password").setting(.journey, journey) }
    var page = try await passwordPage(visit, journey, name)
    do {
      let progress = try await visit.site.signIn.enterPassword(
        visit.form[.password], journey: journey, binding: visit.binding, source: visit.source)
      switch progress {
      case .signedIn(let started): return signedIn(started, visit)
      case .secondFactor(let step):
        return .redirect("/sign-in/second-factor").setting(.journey, step.journey)
      }
    } catch Refusal.field(_, let problem) {
      page.passwordError = visit.texts.problem(problem, in: "password")
    } catch Refusal.wrongNameOrPassword {
      page.passwordError = visit.texts["error.wrongNameOrPassword"]
    }
    return .page(page, status: .unprocessableContent)
  }

  private static func passwordPage(_ visit: Visit, _ journey: String, _ name: String) async throws
    -> PasswordPage
  {
    PasswordPage(
      journey: journey, username: name,
      passkey: PasskeyForm(try await visit.site.signIn.passkeyPrompt(binding: visit.binding)))
  }

  // MARK: second factor

  @Sendable static func secondFactor(_ visit: Visit) async throws -> Reply {
    guard let step = try? await secondFactorStep(visit) else { return .redirect("/sign-in/password") }
    return .page(secondFactorPage(step))
  }

  /// A code of an authenticator app, or a passkey.
  @Sendable static func enterSecondFactor(_ visit: Visit) async throws -> Reply {
    let step = try await secondFactorStep(visit)
    var page = secondFactorPage(step)
    do {
      let started =
        visit.form.has("credential")
        ? try await visit.site.signIn.enterPasskey(
          visit.passkeyAssertion(), request: visit.form["request"], journey: step.journey,
          binding: visit.binding, source: visit.source)
        : try await visit.site.signIn.enterTOTP(
          visit.form[.code], journey: step.journey, binding: visit.binding, source: visit.source)
      return signedIn(started, visit)
    } catch Refusal.field(_, let problem) {
      page.codeError = visit.texts.problem(problem, in: "totp")
    } catch Refusal.totpWrong {
      page.codeError = visit.texts["error.totp.wrong"]
    } catch Refusal.passkeyWrong {
      page.problem = visit.texts["error.passkey.wrong"]
    }
    return .page(page, status: .unprocessableContent)
  }

  /// The first sign-in after a recovery that waited.
  @Sendable static func enterTicket(_ visit: Visit) async throws -> Reply {
    let step = try await secondFactorStep(visit)
    do {
      return signedIn(
        try await visit.site.signIn.enterTicket(
          visit.form[.ticket], journey: step.journey, binding: visit.binding, source: visit.source), visit)
    } catch Refusal.ticketWrong {
      var page = secondFactorPage(step)
      let error = visit.texts["error.ticket.wrong"]
      // Another tab may have used it up: then there is no field for it any more.
      if step.takesTicket { page.ticketError = error } else { page.problem = error }
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func secondFactorStep(_ visit: Visit) async throws -> SecondFactorStep {
    try await visit.site.signIn.secondFactor(visit.journey ?? "", binding: visit.binding)
  }

  private static func secondFactorPage(_ step: SecondFactorStep) -> SecondFactorPage {
    SecondFactorPage(
      journey: step.journey, username: step.username, hasApp: step.hasApp,
      passkey: step.passkey.map { PasskeyForm($0) }, takesTicket: step.takesTicket)
  }

  // MARK: passkey without a username, other ways

  @Sendable static func enterPasskey(_ visit: Visit) async throws -> Reply {
    do {
      return signedIn(
        try await visit.site.signIn.enterPasskey(
          visit.passkeyAssertion(), request: visit.form["request"], binding: visit.binding,
          source: visit.source), visit)
    } catch Refusal.passkeyWrong {
      let problem = visit.texts["error.passkey.wrong"]
      if visit.form.has("journey"), let (journey, name) = try journey(visit) {
        var page = try await passwordPage(visit, journey, name)
        page.problem = problem
        return .page(page, status: .unprocessableContent)
      }
      var page = try await usernamePage(visit)
      page.problem = problem
      return .page(page, status: .unprocessableContent)
    }
  }

  @Sendable static func otherWays(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { return .redirect("/sign-in") }
    return .page(
      OtherWaysPage(
        journey: journey, username: name,
        passkey: PasskeyForm(try await visit.site.signIn.passkeyPrompt(binding: visit.binding))))
  }

  @Sendable static func openOtherWays(_ visit: Visit) async throws -> Reply {
    guard let (journey, _) = try journey(visit) else { throw Refusal.expired }
    return .redirect("/sign-in/other-ways").setting(.journey, journey)
  }

  /// Where someone goes who is in: to the old factors after a recovery, to the clean-up of an account that stands
  /// still, on to the app that sent them, and to the security page.
  private static func signedIn(_ started: StartedSession, _ visit: Visit) -> Reply {
    let home = visit.appRequest == nil ? "/account/security" : "/oauth2/consent"
    let place =
      started.session.restriction == .settleFactors
      ? "/account/factors"
      : started.account.frozen != nil
        ? "/account/clean-up"
        : started.account.closesAt == nil ? home : "/account/security?notice=reopened"
    return Reply.redirect(place).setting(.session, started.token.revealedText).setting(.journey, nil)
  }

  // MARK: signing out

  @Sendable static func signOut(_ visit: Visit) async throws -> Reply {
    if let owner = await visit.owner { try await visit.site.sessions.signOut(owner.session) }
    return Reply.redirect("/sign-in?notice=signed-out").setting(.session, nil).setting(.app, nil)
  }

  @Sendable static func signOutEverywhere(_ visit: Visit) async throws -> Reply {
    try await visit.site.sessions.signOutEverywhere(visit.signedIn(), source: visit.source)
    return Reply.redirect("/sign-in?notice=signed-out-everywhere").setting(.session, nil)
  }

  /// The sign-in under way; a recovery that turned back begins one with its name.
  private static func journey(_ visit: Visit) throws -> (token: String, name: String)? {
    guard let token = visit.journey, let name = visit.journeyName else { return nil }
    if (try? visit.site.signIn.resume(token, binding: visit.binding)) != nil { return (token, name) }
    return (try visit.site.signIn.start(username: name, binding: visit.binding, source: visit.source), name)
  }
}
