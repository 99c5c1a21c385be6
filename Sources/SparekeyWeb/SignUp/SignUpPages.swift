import SparekeyCore

/// Opening an account (S8).
enum SignUpPages {
  @Sendable static func account(_ visit: Visit) async throws -> Reply {
    guard visit.site.signUp.isOpen else { throw Refusal.signUpClosed }
    return .page(SignUpPage(newPassword: visit.texts.newPassword(visit)))
  }

  @Sendable static func create(_ visit: Visit) async throws -> Reply {
    do {
      let started = try await visit.site.signUp.create(
        username: visit.form[.username], password: visit.form[.password], email: visit.form[.email],
        source: visit.source)
      let home = visit.appRequest == nil ? "/account/security?notice=welcome" : "/oauth2/consent"
      return Reply.redirect(home).setting(.session, started.token.revealedText)
    } catch Refusal.field(let field, let problem) {
      let texts = visit.texts
      var page = SignUpPage(
        username: String(visit.form[.username].prefix(256)), email: String(visit.form[.email].prefix(256)),
        newPassword: texts.newPassword(visit))
      switch field {
      case .email: page.emailError = texts.problem(problem, in: "email")
      case .password: page.newPassword.error = texts.problem(problem, in: "newPassword")
      default: page.usernameError = texts.problem(problem, in: "username")
      }
      return .page(page, status: .unprocessableContent)
    }
  }
}
