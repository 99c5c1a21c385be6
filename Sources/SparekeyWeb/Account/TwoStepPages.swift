import SparekeyCore

/// Turning two-step verification on and off (S5).
enum TwoStepPages {
  @Sendable static func show(_ visit: Visit) async throws -> Reply {
    .page(try await page(visit, visit.mayChange()))
  }

  @Sendable static func set(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    let on = visit.form["two-step"] == "on"
    do {
      try await visit.site.securityInfo.setTwoStep(on, by: owner, source: visit.source)
      return .redirect(on ? "/account/two-step?notice=on" : "/account/security?notice=two-step-off")
    } catch Refusal.secondFactorNeeded {
      var page = try await page(visit, owner)
      page.problem = visit.texts["error.secondFactorNeeded"]
      return .page(page, status: .conflict)
    } catch Refusal.passwordTooShortAlone {
      var page = try await page(visit, owner)
      page.passwordTooShort = true
      page.problem = visit.texts["error.passwordTooShortAlone"]
      return .page(page, status: .conflict)
    }
  }

  private static func page(_ visit: Visit, _ owner: SteppedUp) async throws -> TwoStepPage {
    let (texts, options) = (visit.texts, visit.site.ports.options)
    let overview = try await visit.site.securityInfo.overview(for: owner.signedIn)
    let account = overview.account
    let period = ["duration": texts.duration(options.holdPeriod)]
    // H13: a code from before keeps its former right for a while; not in strict mode.
    let keepsUntil = (account.twoStepSince ?? visit.now) + Seniority.period
    let isOlder = overview.proofs.code.map { code in
      account.twoStepSince.map { code.createdAt < $0 } ?? true
    }
    let notice = ["app-added": "appAdded", "passkey-added": "passkeyAdded", "on": "on"][visit.query["notice"]]
    return TwoStepPage(
      isOn: account.twoStep,
      since: account.twoStepSince.map { texts.format("account.twoStep.since", ["date": texts.day($0)]) },
      hasFactor: !overview.proofs.secondFactors.isEmpty, hasCode: overview.proofs.code != nil,
      codeAlone: texts.format("account.twoStep.codeAlone", period),
      codeTogether: options.strictPolicy
        ? texts.format("account.twoStep.codeTogetherStrict", period) : texts["account.twoStep.codeTogether"],
      olderCode: isOlder == true && !options.strictPolicy && visit.now < keepsUntil
        ? texts.format("account.twoStep.olderCode", ["date": texts.day(keepsUntil)]) : nil,
      notice: notice.map { texts["account.twoStep.notice.\($0)"] })
  }
}
