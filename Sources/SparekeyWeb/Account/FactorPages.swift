import SparekeyCore

/// Adding authenticator apps and passkeys, on the security page and after a recovery (D1, S4).
enum FactorPages {
  // MARK: authenticator apps

  @Sendable static func newApp(_ visit: Visit) async throws -> Reply {
    .page(NewAppPage(back: try await visit.factorKeeper().home))
  }

  @Sendable static func addApp(_ visit: Visit) async throws -> Reply {
    let keeper = try await visit.factorKeeper()
    do {
      let app = try await keeper.addApp(named: visit.form[.name], visit)
      return .redirect("/account/authenticator-app/confirm?app=\(app.id)")
    } catch Refusal.field(_, let problem) {
      return .page(
        NewAppPage(
          back: keeper.home, name: String(visit.form[.name].prefix(256)),
          nameError: visit.texts.problem(problem, in: "name")),
        status: .unprocessableContent)
    }
  }

  /// The secret, as a picture and to be typed, until its first code came.
  @Sendable static func app(_ visit: Visit) async throws -> Reply {
    let keeper = try await visit.factorKeeper()
    let app = try await keeper.unconfirmedApp(AuthenticatorAppID(text: visit.query["app"]), visit)
    return .page(try page(app, keeper.home, visit))
  }

  @Sendable static func confirmApp(_ visit: Visit) async throws -> Reply {
    let keeper = try await visit.factorKeeper()
    let app = try await keeper.unconfirmedApp(AuthenticatorAppID(text: visit.form["app"]), visit)
    var page = try page(app, keeper.home, visit)
    do {
      try await keeper.confirmApp(app.id, code: visit.form[.code], visit)
      return added("app-added", by: keeper)
    } catch Refusal.field(_, let problem) {
      page.codeError = visit.texts.problem(problem, in: "totp")
    } catch Refusal.totpWrong {
      page.codeError = visit.texts["error.totp.wrongFirst"]
    }
    return .page(page, status: .unprocessableContent)
  }

  private static func page(_ app: SecurityInfo.NewApp, _ home: String, _ visit: Visit) throws
    -> ConfirmAppPage
  {
    ConfirmAppPage(
      back: home, app: app.id.text,
      qr: try visit.site.drawQRCode(Secret(app.uri), visit.texts["account.app.picture"]),
      secret: TOTP.spelled(app.secret).inFours, uri: app.uri)
  }

  // MARK: passkeys

  @Sendable static func newPasskey(_ visit: Visit) async throws -> Reply {
    .page(try await passkeyPage(visit, visit.factorKeeper()))
  }

  @Sendable static func addPasskey(_ visit: Visit) async throws -> Reply {
    let keeper = try await visit.factorKeeper()
    do {
      try await keeper.addPasskey(named: visit.form[.name], visit)
      return added("passkey-added", by: keeper)
    } catch Refusal.field(_, let problem) {
      var page = try await passkeyPage(visit, keeper)
      page.nameError = visit.texts.problem(problem, in: "name")
      return .page(page, status: .unprocessableContent)
    } catch Refusal.passkeyWrong {
      var page = try await passkeyPage(visit, keeper)
      page.problem = visit.texts["error.passkey.notMade"]
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func passkeyPage(_ visit: Visit, _ keeper: FactorKeeper) async throws -> NewPasskeyPage {
    NewPasskeyPage(
      back: keeper.home, name: String(visit.form[.name].prefix(256)),
      passkey: PasskeyForm(try await keeper.newPasskeyPrompt(visit)))
  }

  /// While two-step verification is off, a new factor is an occasion to turn it on.
  private static func added(_ notice: String, by keeper: FactorKeeper) -> Reply {
    if case .owner(let owner) = keeper, !owner.account.twoStep {
      return .redirect("/account/two-step?notice=\(notice)")
    }
    return .redirect("\(keeper.home)?notice=\(notice)")
  }
}

extension String {
  /// `ABCD EFGH …`, for typing.
  fileprivate var inFours: String {
    stride(from: 0, to: count, by: 4).map { String(dropFirst($0).prefix(4)) }.joined(separator: " ")
  }
}
