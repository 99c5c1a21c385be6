import SparekeyCore

/// Username, then password; and what to do when there is none (S1, S3).
enum SignInPages {
  @Sendable static func start(_ visit: Visit) async throws -> Reply {
    if (try? await visit.signedIn()) != nil { return .redirect("/account/security") }
    return .redirect("/sign-in")
  }

  @Sendable static func username(_ visit: Visit) async throws -> Reply {
    if (try? await visit.signedIn()) != nil { return .redirect("/account/security") }
    let notice = [
      "signed-out": "signedOut", "signed-out-everywhere": "signedOutEverywhere",
      "password-changed": "passwordChanged", "sign-in-first": "signInFirst",
    ][visit.query["notice"]]
    return .page(
      UsernamePage(
        signUpOpen: visit.site.signUp.isOpen, notice: notice.map { visit.texts["signIn.notice.\($0)"] }))
  }

  @Sendable static func enterUsername(_ visit: Visit) async throws -> Reply {
    if visit.form.has("edit") {
      return .page(UsernamePage(username: visit.journeyName ?? "", signUpOpen: visit.site.signUp.isOpen))
    }
    do {
      let journey = try visit.site.signIn.start(username: visit.form[.username], binding: visit.binding)
      return .redirect("/sign-in/password").setting(.journey, journey)
    } catch Refusal.field(_, let problem) {
      return .page(
        UsernamePage(
          username: String(visit.form[.username].prefix(256)), signUpOpen: visit.site.signUp.isOpen,
          usernameError: visit.texts.problem(problem, in: "username")), status: .unprocessableContent)
    }
  }

  @Sendable static func password(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { return .redirect("/sign-in") }
    return .page(PasswordPage(journey: journey, username: name))
  }

  @Sendable static func enterPassword(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { throw Refusal.expired }
    // *Use my password* on another page leads here without one.
    guard visit.form.has("password") else { return .redirect("/sign-in/password").setting(.journey, journey) }
    do {
      let progress = try await visit.site.signIn.enterPassword(
        visit.form[.password], journey: journey, binding: visit.binding, source: visit.source)
      guard case .signedIn(let started) = progress else { throw Refusal.outOfStep }
      return Reply.redirect("/account/security")
        .setting(.session, started.token.revealedText).setting(.journey, nil)
    } catch Refusal.field(_, let problem) {
      return .page(
        PasswordPage(
          journey: journey, username: name, passwordError: visit.texts.problem(problem, in: "password")),
        status: .unprocessableContent)
    } catch Refusal.wrongNameOrPassword {
      return .page(
        PasswordPage(
          journey: journey, username: name, passwordError: visit.texts["error.wrongNameOrPassword"]),
        status: .unprocessableContent)
    }
  }

  @Sendable static func otherWays(_ visit: Visit) async throws -> Reply {
    guard let (journey, name) = try journey(visit) else { return .redirect("/sign-in") }
    return .page(OtherWaysPage(journey: journey, username: name))
  }

  @Sendable static func openOtherWays(_ visit: Visit) async throws -> Reply {
    guard let (journey, _) = try journey(visit) else { throw Refusal.expired }
    return .redirect("/sign-in/other-ways").setting(.journey, journey)
  }

  @Sendable static func signOut(_ visit: Visit) async throws -> Reply {
    if let signedIn = try? await visit.signedIn() { try await visit.site.sessions.signOut(signedIn.session) }
    return Reply.redirect("/sign-in?notice=signed-out").setting(.session, nil)
  }

  @Sendable static func signOutEverywhere(_ visit: Visit) async throws -> Reply {
    try await visit.site.sessions.signOutEverywhere(visit.signedIn(), source: visit.source)
    return Reply.redirect("/sign-in?notice=signed-out-everywhere").setting(.session, nil)
  }

  @Sendable static func stepUp(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    return .page(stepUpPage(visit, signedIn, returnTo: visit.query["return-to"]))
  }

  @Sendable static func enterStepUp(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let returnTo = visit.form["return-to"]
    do {
      let started = try await visit.site.stepUp.prove(
        [.password(visit.form[.password])], by: signedIn, source: visit.source)
      return Reply.redirect(safe(returnTo))
        .setting(.session, started.token.revealedText)
    } catch Refusal.field(_, let problem) {
      var page = stepUpPage(visit, signedIn, returnTo: returnTo)
      page.passwordError = visit.texts.problem(problem, in: "password")
      return .page(page, status: .unprocessableContent)
    } catch Refusal.wrongPassword {
      var page = stepUpPage(visit, signedIn, returnTo: returnTo)
      page.passwordError = visit.texts["error.password.wrong"]
      return .page(page, status: .unprocessableContent)
    }
  }

  /// The pages that ask for a step-up; nothing else is ever returned to (T24).
  private static let purposes = [
    "/account/recovery-code": "generateCode", "/account/password": "changePassword",
    "/account/email": "addEmail",
    "/account/email/remove": "removeEmail",
  ]

  private static func stepUpPage(_ visit: Visit, _ signedIn: SignedIn, returnTo: String) -> StepUpPage {
    StepUpPage(
      username: signedIn.account.username, returnTo: safe(returnTo),
      purpose: purpose(of: returnTo).map { visit.texts["account.stepUp.for.\($0)"] })
  }

  /// Where a page that asked for a step-up is found again, percent-encoded for a query.
  static func returnAddress(of visit: Visit) -> String {
    let contact = visit.query.has("contact") ? visit.query["contact"] : visit.form["contact"]
    return safe(visit.path + (contact.isEmpty ? "" : "?contact=\(contact)"))
      .replacingOccurrences(of: "?", with: "%3F").replacingOccurrences(of: "=", with: "%3D")
  }

  private static func purpose(of address: String) -> String? {
    let hold = address.hasPrefix("/holds/") ? address.dropFirst("/holds/".count) : ""
    if !hold.isEmpty, hold.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) }) { return "stopHold" }
    return purposes[String(address.prefix { $0 != "?" })]
  }

  private static func safe(_ address: String) -> String {
    guard purpose(of: address) != nil else { return "/account/security" }
    let parts = address.split(separator: "?", maxSplits: 1)
    guard parts.count == 2 else { return address }
    let contact = parts[1].hasPrefix("contact=") ? parts[1].dropFirst("contact=".count) : ""
    guard (1...64).contains(contact.count), contact.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber) })
    else {
      return String(parts[0])
    }
    return address
  }

  /// The sign-in under way; a recovery that turned back begins one with its name.
  private static func journey(_ visit: Visit) throws -> (token: String, name: String)? {
    guard let token = visit.journey, let name = visit.journeyName else { return nil }
    if (try? visit.site.signIn.resume(token, binding: visit.binding)) != nil { return (token, name) }
    return (try visit.site.signIn.start(username: name, binding: visit.binding), name)
  }
}
