import SparekeyCore

/// After a recovery of a two-step account: each old second factor is confirmed by use or removed, and one works.
enum SettlingPages {
  @Sendable static func show(_ visit: Visit) async throws -> Reply {
    guard let owner = try await unsettled(visit) else { return .redirect("/account/security") }
    return .page(try await page(visit, owner))
  }

  /// Confirms an old factor by use: a code of an app, or a passkey.
  @Sendable static func confirm(_ visit: Visit) async throws -> Reply {
    guard let owner = try await unsettled(visit) else { return .redirect("/account/security") }
    var problem: (code: String?, passkey: String?)
    do {
      if visit.form.has("credential") {
        try await visit.site.factorSettling.confirmPasskey(
          visit.passkeyAssertion(), request: visit.form["request"], by: owner, binding: visit.binding,
          source: visit.source)
      } else {
        try await visit.site.factorSettling.confirmApp(
          code: visit.form[.code], by: owner, source: visit.source)
      }
      return .redirect("/account/factors?notice=confirmed")
    } catch Refusal.field(_, let wrong) {
      problem.code = visit.texts.problem(wrong, in: "totp")
    } catch Refusal.totpWrong {
      problem.code = visit.texts["error.totp.wrong"]
    } catch Refusal.passkeyWrong {
      problem.passkey = visit.texts["error.passkey.wrong"]
    }
    var page = try await page(visit, owner)
    (page.codeError, page.problem) = problem
    return .page(page, status: .unprocessableContent)
  }

  @Sendable static func remove(_ visit: Visit) async throws -> Reply {
    guard let owner = try await unsettled(visit) else { return .redirect("/account/security") }
    guard let proof = Proof(text: visit.form["proof"]) else { throw Refusal.notFound }
    try await visit.site.factorSettling.remove(proof, by: owner, source: visit.source)
    return .redirect("/account/factors?notice=removed")
  }

  /// *Done*: the session becomes a full one. After a recovery that waited, the new code is shown here.
  @Sendable static func finish(_ visit: Visit) async throws -> Reply {
    guard let owner = try await unsettled(visit) else { return .redirect("/account/security") }
    do {
      let (started, shown) = try await visit.site.factorSettling.finish(by: owner, source: visit.source)
      let reply =
        try shown.map {
          Reply.page(
            CodeMadePage(sheet: try CodeSheet($0, username: started.account.username, visit.site)))
        } ?? .redirect("/account/clean-up?notice=back")
      return reply.setting(.session, started.token.revealedText)
    } catch Refusal.secondFactorNeeded {
      var page = try await page(visit, owner)
      page.problem = visit.texts["account.factors.notDone"]
      return .page(page, status: .conflict)
    }
  }

  /// Nil for a session that is a full one already. - Throws: `Refusal.notSignedIn`.
  private static func unsettled(_ visit: Visit) async throws -> Unsettled? {
    if case .unsettled(let unsettled) = try await visit.holder() { unsettled } else { nil }
  }

  private static func page(_ visit: Visit, _ owner: Unsettled) async throws -> SettlingPage {
    let progress = try await visit.site.factorSettling.progress(for: owner)
    let texts = visit.texts
    let rows =
      progress.proofs.confirmedApps.map { app in
        row(.totp(app.id), app.name, "app", since: app.addedAt, progress, texts)
      }
      + progress.proofs.passkeys.map { passkey in
        row(.passkey(passkey.id), passkey.name, "passkey", since: passkey.addedAt, progress, texts)
      }
    let open = Set(progress.proofs.secondFactors).subtracting(progress.settled).map(\.kind)
    let notice = [
      "confirmed": "confirmed", "removed": "removed", "app-added": "appAdded",
      "passkey-added": "passkeyAdded",
    ][visit.query["notice"]]
    return SettlingPage(
      factors: rows, asksCode: open.contains(.totp),
      passkey: open.contains(.passkey)
        ? PasskeyForm(
          try await visit.site.factorSettling.passkeyPrompt(for: owner, binding: visit.binding)) : nil,
      isDone: progress.isDone, notice: notice.map { texts["account.factors.notice.\($0)"] })
  }

  private static func row(
    _ proof: Proof, _ name: String, _ kind: String, since: Timestamp, _ progress: FactorSettling.Progress,
    _ texts: Texts
  ) -> SettlingRow {
    SettlingRow(
      proof: proof.text, name: name,
      facts: texts.format("account.factors.\(kind)", ["date": texts.day(since)]),
      settled: progress.settled.contains(proof))
  }
}
