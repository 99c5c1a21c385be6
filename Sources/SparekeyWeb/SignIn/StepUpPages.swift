import SparekeyCore

/// Proving again who one is, at the account's own level, before a sensitive page (S7).
enum StepUpPages {
  @Sendable static func show(_ visit: Visit) async throws -> Reply {
    .page(try await page(visit, visit.signedIn(), returnTo: visit.query["return-to"]))
  }

  @Sendable static func prove(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let returnTo = visit.form["return-to"]
    var page = try await page(visit, signedIn, returnTo: returnTo)
    do {
      let started = try await visit.site.stepUp.prove(
        shown(visit, signedIn.account), by: signedIn, source: visit.source)
      let session = Reply.redirect(safe(returnTo)).setting(.session, started.token.revealedText)
      guard !started.isFresh(at: visit.now) else { return session }
      // Right, but younger than another proof of its kind (H8).
      page.problem = visit.texts["error.juniorProof"]
      return Reply.page(page, status: .forbidden).setting(.session, started.token.revealedText)
    } catch Refusal.field(.password, let problem) {
      page.passwordError = visit.texts.problem(problem, in: "password")
    } catch Refusal.wrongPassword {
      page.passwordError = visit.texts["error.password.wrong"]
    } catch Refusal.field(_, let problem) {
      page.codeError = visit.texts.problem(problem, in: "totp")
    } catch Refusal.totpWrong {
      page.codeError = visit.texts["error.totp.wrong"]
    } catch Refusal.passkeyWrong {
      page.problem = visit.texts["error.passkey.wrong"]
    }
    return .page(page, status: .unprocessableContent)
  }

  private static func shown(_ visit: Visit, _ account: Account) throws -> [StepUp.Shown] {
    if visit.form.has("credential") {
      return [.passkey(request: visit.form["request"], try visit.passkeyAssertion(), visit.binding)]
    }
    let password = StepUp.Shown.password(visit.form[.password])
    return account.twoStep ? [password, .totp(visit.form[.code])] : [password]
  }

  private static func page(_ visit: Visit, _ signedIn: SignedIn, returnTo: String) async throws -> StepUpPage
  {
    let overview = try await visit.site.securityInfo.overview(for: signedIn)
    let proofs = overview.proofs
    let twoStep = overview.account.twoStep
    return StepUpPage(
      username: signedIn.account.username, returnTo: safe(returnTo),
      purpose: purpose(of: returnTo).map { visit.texts["account.stepUp.for.\($0)"] },
      asksPassword: !twoStep || !proofs.confirmedApps.isEmpty,
      asksCode: twoStep && !proofs.confirmedApps.isEmpty,
      passkey: proofs.passkeys.isEmpty
        ? nil
        : PasskeyForm(
          try await visit.site.stepUp.passkeyRequest(for: signedIn, binding: visit.binding)))
  }

  // MARK: where it leads back to

  /// The pages that ask for a step-up; nothing else is ever returned to (T24).
  private static let purposes = [
    "/account/recovery-code": "generateCode", "/account/check-code": "checkCode",
    "/account/password": "changePassword", "/account/contact": "addContact",
    "/account/authenticator-app": "addApp", "/account/authenticator-app/confirm": "addApp",
    "/account/passkey": "addPasskey", "/account/remove": "remove", "/account/two-step": "twoStep",
    "/account/clean-up": "thaw", "/account/close": "close", "/oauth2/consent": "app",
    "/support": "support", "/support/account": "support",
  ]
  /// What may follow such a page's address, one of them at a time.
  private static let parameters = ["kind", "app", "proof", "case", "account"]

  /// Where a page that asked for a step-up is found again, percent-encoded for a query.
  static func returnAddress(of visit: Visit) -> String {
    let parameter = parameters.lazy.compactMap { name -> String? in
      let value = visit.query.has(name) ? visit.query[name] : visit.form[name]
      return value.isEmpty ? nil : "?\(name)=\(value)"
    }.first
    return safe(visit.path + (parameter ?? ""))
      .replacing("?", with: "%3F").replacing("=", with: "%3D")
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
    let pair = parts[1].split(separator: "=", maxSplits: 1)
    guard pair.count == 2, parameters.contains(String(pair[0])), pair[1].utf8.count <= 64,
      pair[1].allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == ":" || $0 == "-") })
    else {
      return String(parts[0])
    }
    return address
  }
}

extension StartedSession {
  /// Whether it counts as fresh: what was shown reached the account's own level.
  fileprivate func isFresh(at now: Timestamp) -> Bool { now < session.provedAt + SessionRules.fresh }
}
