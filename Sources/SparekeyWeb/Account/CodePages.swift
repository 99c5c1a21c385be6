import SparekeyCore

/// Making and checking the recovery code, signed in (C3–C6, C8).
enum CodePages {
  @Sendable static func recoveryCode(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    let overview = try await visit.site.securityInfo.overview(for: owner.signedIn)
    return .page(
      GenerateCodePage(
        form: try visit.site.recoveryCodes.form(for: owner.signedIn, binding: visit.binding),
        current: overview.proofs.code.map { CodeState($0, visit.texts) }))
  }

  @Sendable static func generate(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    let before = try await visit.site.securityInfo.overview(for: owner.signedIn).proofs.code
    do {
      let shown = try await visit.site.recoveryCodes.generate(
        form: visit.form["form"], binding: visit.binding, by: owner, source: visit.source)
      return .page(
        CodeMadePage(
          sheet: try CodeSheet(shown, username: owner.account.username, visit.site),
          replaced: before.map {
            visit.texts.format("account.codeMade.replaced", ["serial": $0.serial])
          }))
    } catch Refusal.alreadyDone {
      return .page(AlreadyMadePage(code: before.map { CodeState($0, visit.texts) }), status: .conflict)
    }
  }

  // MARK: check my code

  @Sendable static func check(_ visit: Visit) async throws -> Reply {
    .page(try await checkPage(visit, visit.steppedUp()))
  }

  @Sendable static func enterCheck(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.steppedUp()
    let texts = visit.texts
    var page = try await checkPage(visit, owner)
    guard page.current != nil else { return .page(page, status: .conflict) }
    page.code = String(visit.form[.code].prefix(256))
    do {
      try await visit.site.recoveryCodes.check(visit.form[.code], by: owner, source: visit.source)
      return .redirect("/account/security?notice=code-checked")
    } catch Refusal.codeUnreadable(let problem) {
      page.codeError = texts.problem(problem)
    } catch Refusal.codeSuggestion(let suggestion) {
      page.suggestion = RecoveryPages.suggestion(suggestion, texts)
      page.codeError = page.suggestion?.explanation
    } catch Refusal.codeWrong {
      page.codeError = texts["account.checkCode.wrong"]
    } catch Refusal.codeReplaced(let at) {
      page.codeError = texts.format("error.recoveryCode.replaced", ["date": texts.day(at)])
    } catch Refusal.codeUsed(let at) {
      page.codeError = texts.format("error.recoveryCode.used", ["date": texts.day(at)])
    }
    return .page(page, status: .unprocessableContent)
  }

  private static func checkPage(_ visit: Visit, _ owner: SteppedUp) async throws -> CheckCodePage {
    let overview = try await visit.site.securityInfo.overview(for: owner.signedIn)
    return CheckCodePage(current: overview.proofs.code.map { CodeState($0, visit.texts) })
  }
}

extension CodeState {
  init(_ code: StoredCode, _ texts: Texts) {
    self.init(
      serial: code.serial, madeOn: texts.day(code.createdAt), checkedOn: code.checkedAt.map { texts.day($0) })
  }
}
