import RecoveryCode
import SparekeyCore

/// The way back. After every submission `dueStep` asks the journey which page comes next; no page knows another.
enum RecoveryPages {
  // MARK: identify and choose an option

  @Sendable static func verify(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .page(RecoverUsernamePage()) }
    return try show(progress, at: .verify, visit)
  }

  @Sendable static func start(_ visit: Visit) async throws -> Reply {
    if visit.form.has("edit") { return .page(RecoverUsernamePage(username: visit.journeyName ?? "")) }
    guard visit.form.has("username") || visit.journeyName != nil else { return .page(RecoverUsernamePage()) }
    let name = visit.form.has("username") ? visit.form[.username] : visit.journeyName ?? ""
    do {
      return dueStep(of: try await visit.site.recovery.start(username: name, binding: visit.binding))
    } catch Refusal.field(_, let problem) {
      return .page(
        RecoverUsernamePage(
          username: String(name.prefix(256)), usernameError: visit.texts.problem(problem, in: "username")),
        status: .unprocessableContent)
    }
  }

  @Sendable static func options(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return try show(progress, at: .options, visit)
  }

  /// The list of options; once something was shown, the page that weighs it lists them too.
  @Sendable static func useDifferentOption(_ visit: Visit) async throws -> Reply {
    let journey = visit.journey ?? ""
    let recovery = visit.site.recovery
    let hasEvidence = try await !recovery.resume(journey, binding: visit.binding).evidence.isEmpty
    return dueStep(
      of: hasEvidence
        ? try await recovery.showMore(journey, binding: visit.binding)
        : try await recovery.useDifferentOption(journey, binding: visit.binding))
  }

  // MARK: prove

  @Sendable static func issuedCode(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return try show(progress, at: .issuedCode, visit)
  }

  /// Sends a code to the chosen option, or checks the code that was typed.
  @Sendable static func sendOrEnterIssuedCode(_ visit: Visit) async throws -> Reply {
    let journey = visit.journey ?? ""
    do {
      guard visit.form.has("code") else {
        let again = visit.form[.option] == (try? await resume(visit))?.sentOption
        let progress = try await visit.site.recovery.sendIssuedCode(
          journey, to: visit.form[.option], binding: visit.binding, source: visit.source)
        return dueStep(of: progress, saying: again ? "sent-again" : nil)
      }
      return dueStep(
        of: try await visit.site.recovery.enterIssuedCode(
          journey, code: visit.form[.code], binding: visit.binding, source: visit.source))
    } catch Refusal.field(.code, let problem) {
      return try await again(visit, codeError: visit.texts.problem(problem, in: "code"))
    } catch Refusal.issuedCodeWrong {
      return try await again(visit, codeError: visit.texts["error.code.wrong"])
    } catch Refusal.field(.option, _) {
      let progress = try await visit.site.recovery.useDifferentOption(journey, binding: visit.binding)
      var page = optionsPage(progress, visit)
      page.optionError = visit.texts["error.option.missing"]
      return Reply.page(page, status: .unprocessableContent).setting(.journey, progress.journey)
    }
  }

  private static func again(_ visit: Visit, codeError: String) async throws -> Reply {
    let progress = try await resume(visit)
    guard var page = issuedCodePage(progress, visit) else { throw Refusal.outOfStep }
    page.codeError = codeError
    return .page(page, status: .unprocessableContent)
  }

  /// *I don't have any of these*, and *Use a recovery code* from a sign-in.
  @Sendable static func startCode(_ visit: Visit) async throws -> Reply {
    if let journey = visit.journey, !visit.form.has("username"),
      let progress = try? await visit.site.recovery.noneOfThese(journey, binding: visit.binding)
    {
      return dueStep(of: progress)
    }
    let typed = visit.form.has("username") ? visit.form[.username] : nil
    guard let name = typed ?? visit.journeyName else {
      return Reply.redirect("/recover/code").setting(.journey, nil)
    }
    return dueStep(
      of: try await visit.site.recovery.start(username: name, withCode: true, binding: visit.binding))
  }

  /// *Do you have an account recovery code?* Reached by the journey, by link, or by the picture on the sheet.
  @Sendable static func code(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit), progress.step == .recoveryCode else {
      return .page(CodePage(asksUsername: true, username: visit.journeyName ?? ""))
    }
    return try show(progress, at: .recoveryCode, visit)
  }

  @Sendable static func enterCode(_ visit: Visit) async throws -> Reply {
    let typed = visit.form[.code]
    let asksUsername = visit.form.has("username")
    var page = CodePage(
      asksUsername: asksUsername, username: String(visit.form[.username].prefix(256)),
      code: String(typed.prefix(256)))
    do {
      var journey = visit.journey ?? ""
      if asksUsername {
        // The code is read before the name is asked about, so that both mistakes show at once.
        page.codeError = codeProblem(of: typed, visit)
        journey = try await visit.site.recovery.start(
          username: visit.form[.username], withCode: true, binding: visit.binding
        ).journey
      } else {
        page.username = visit.journeyName ?? ""
        page.journey = journey
        page.hasEvidence = (try? await resume(visit))?.evidence.isEmpty == false
      }
      return dueStep(
        of: try await visit.site.recovery.enterRecoveryCode(
          journey, code: typed, binding: visit.binding, source: visit.source))
    } catch Refusal.field(.username, let problem) {
      page.usernameError = visit.texts.problem(problem, in: "username")
    } catch Refusal.codeUnreadable(let problem) {
      page.codeError = visit.texts.problem(problem)
    } catch Refusal.codeSuggestion(let suggestion) {
      page.suggestion = self.suggestion(suggestion, visit.texts)
      page.codeError = page.suggestion?.explanation
    } catch Refusal.codeWrong {
      page.codeError = visit.texts["error.recoveryCode.wrong"]
    } catch Refusal.codeReplaced(let at) {
      page.codeError = visit.texts.format("error.recoveryCode.replaced", ["date": visit.texts.day(at)])
    } catch Refusal.codeUsed(let at) {
      page.codeError = visit.texts.format("error.recoveryCode.used", ["date": visit.texts.day(at)])
    }
    return .page(page, status: .unprocessableContent)
  }

  // MARK: new password

  @Sendable static func newPassword(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return try show(progress, at: .newPassword, visit)
  }

  @Sendable static func chooseNewPassword(_ visit: Visit) async throws -> Reply {
    let journey = visit.journey ?? ""
    let wanted = Recovery.Wanted(
      password: visit.form.has("keep") ? nil : visit.form[.newPassword], contact: visit.form[.contact],
      ticket: visit.form[.ticket])
    do {
      let end = try await visit.site.recovery.finish(
        journey, wanted: wanted, binding: visit.binding, source: visit.source)
      let done = Reply.redirect("/recover/done").setting(.journey, journey)
      switch end {
      case .recovered(_, let started): return done.setting(.session, started?.token.revealedText)
      case .held(let held):
        return held.ticket == nil ? .redirect("/holds/\(held.hold.id)") : done
      case .contested:
        return dueStep(of: try await visit.site.recovery.showMore(journey, binding: visit.binding))
      }
    } catch Refusal.field(let field, let problem) {
      var page = newPasswordPage(try await resume(visit), visit)
      if field == .newPassword {
        page.newPassword.error = visit.texts.problem(problem, in: "newPassword")
      } else {
        page.contactError = visit.texts.problem(problem, in: "contact")
      }
      return .page(page, status: .unprocessableContent)
    } catch Refusal.ticketWrong {
      var page = newPasswordPage(try await resume(visit), visit)
      page.ticketError = visit.texts["error.ticket.wrong"]
      return .page(page, status: .unprocessableContent)
    } catch Refusal.holdRunning {
      var page = newPasswordPage(try await resume(visit), visit)
      page.problem = visit.texts["recover.newPassword.cannotOverrule"]
      return .page(page, status: .conflict)
    } catch Refusal.codeUsed(let at) {
      return .page(
        CodePage(
          asksUsername: true, username: visit.journeyName ?? "",
          codeError: visit.texts.format("error.recoveryCode.used", ["date": visit.texts.day(at)])),
        status: .conflict)
    } catch Refusal.codeReplaced(let at) {
      return .page(
        CodePage(
          asksUsername: true, username: visit.journeyName ?? "",
          codeError: visit.texts.format("error.recoveryCode.replaced", ["date": visit.texts.day(at)])),
        status: .conflict)
    }
  }

  @Sendable static func done(_ visit: Visit) async throws -> Reply {
    guard let journey = visit.journey else { return .redirect("/sign-in") }
    do {
      let (username, end) = try await visit.site.recovery.finished(journey, binding: visit.binding)
      switch end {
      case .recovered(let code, let started):
        let page = DonePage(
          username: username, sheet: try CodeSheet(code, username: username, visit.site),
          settlesFactors: started != nil)
        return started.map { Reply.page(page).setting(.session, $0.token.revealedText) } ?? .page(page)
      case .held(let held): return .page(try HeldPage(held, username: username, visit.site))
      case .contested: return .redirect("/recover/hold")
      }
    } catch Refusal.alreadyDone {
      return visit.site.message("shownOnce", link: "/sign-in", status: .gone)
    }
  }

  // MARK: the dispatcher

  static func resume(_ visit: Visit) async throws -> RecoveryProgress {
    guard let journey = visit.journey else { throw Refusal.expired }
    return try await visit.site.recovery.resume(journey, binding: visit.binding)
  }

  /// Where a journey continues: the page of the step that is due.
  static func dueStep(of progress: RecoveryProgress, saying notice: String? = nil) -> Reply {
    Reply.redirect(path(of: progress.step) + (notice.map { "?notice=\($0)" } ?? ""))
      .setting(.journey, progress.journey)
  }

  private static func path(of step: RecoveryAttempt.Step) -> String {
    switch step {
    case .verify: "/recover"
    case .options: "/recover/options"
    case .issuedCode: "/recover/issued-code"
    case .recoveryCode: "/recover/code"
    case .newPassword: "/recover/new-password"
    case .weighing: "/recover/hold"
    case .ended: "/recover/done"
    }
  }

  static func show(_ progress: RecoveryProgress, at step: RecoveryAttempt.Step, _ visit: Visit)
    throws -> Reply
  {
    guard progress.step == step else { return .redirect(path(of: progress.step)) }
    switch step {
    case .verify:
      guard let first = progress.options.first else { return .redirect("/recover/code") }
      return .page(
        VerifyPage(
          journey: progress.journey, username: progress.username, option: option(first, visit.texts),
          promise: visit.texts.format("recover.verify.sendTo", ["address": first.masked]),
          forecast: generalForecast(visit)))
    case .options: return .page(optionsPage(progress, visit))
    case .issuedCode: return issuedCodePage(progress, visit).map { .page($0) } ?? .redirect("/recover")
    case .recoveryCode:
      return .page(
        CodePage(
          journey: progress.journey, username: progress.username, hasEvidence: !progress.evidence.isEmpty))
    case .newPassword: return .page(newPasswordPage(progress, visit))
    case .weighing: return .page(weighingPage(progress, visit))
    case .ended: return .redirect("/recover/done")
    }
  }

  private static func optionsPage(_ progress: RecoveryProgress, _ visit: Visit) -> OptionsPage {
    OptionsPage(
      journey: progress.journey, username: progress.username,
      options: progress.options.map { option($0, visit.texts) },
      ways: ways(progress, visit.texts), forecast: generalForecast(visit))
  }

  private static func issuedCodePage(_ progress: RecoveryProgress, _ visit: Visit) -> IssuedCodePage? {
    guard let masked = progress.sentTo, let id = progress.sentOption else { return nil }
    return IssuedCodePage(
      journey: progress.journey, username: progress.username,
      option: MaskedOption(
        id: id,
        label: visit.texts.format(
          "recover.options.\((progress.sentKind ?? .email).rawValue)", ["address": masked])),
      onItsWay: visit.texts.format("recover.issuedCode.onItsWay", ["address": masked]),
      notice: visit.query["notice"] == "sent-again"
        ? visit.texts.format("recover.issuedCode.sentAgain", ["address": masked]) : nil)
  }

  private static func newPasswordPage(_ progress: RecoveryProgress, _ visit: Visit) -> NewPasswordPage {
    let texts = visit.texts
    let outcome = progress.decision?.outcome ?? .notEnough
    let takes = texts.duration(of: outcome, period: visit.site.ports.options.holdPeriod)
    let isHeld = outcome != .now && progress.effectiveAt != nil
    return NewPasswordPage(
      journey: progress.journey, username: progress.username, evidence: evidence(progress, texts),
      newPassword: texts.newPassword(visit, twoStep: progress.twoStep && !progress.suspends),
      after: isHeld
        ? nil
        : texts[
          progress.suspends
            ? "recover.newPassword.afterSuspending"
            : progress.twoStep ? "recover.newPassword.afterTwoStep" : "recover.newPassword.after"],
      wait: isHeld
        ? progress.effectiveAt.map {
          WaitFacts(
            effectiveAt: Moment($0, texts),
            line: texts.format("recover.newPassword.held", ["duration": takes]))
        } : nil,
      submitLabel: isHeld
        ? texts.format("recover.newPassword.submitHeld", ["duration": takes])
        : texts["recover.newPassword.submit"],
      keepLabel: progress.mayKeepPassword ? texts["recover.newPassword.keep"] : nil,
      contact: String(visit.form[.contact].prefix(256)),
      running: progress.runningHold.map {
        texts.format("recover.newPassword.running", ["claim": $0.claimNumber])
      },
      ticket: String(visit.form[.ticket].prefix(64)))
  }

  static func option(_ option: VerificationOption, _ texts: Texts) -> MaskedOption {
    MaskedOption(
      id: option.id,
      label: texts.format("recover.options.\(option.kind.rawValue)", ["address": option.masked]))
  }

  /// H4 before the first proof: the same for every name (S6).
  private static func generalForecast(_ visit: Visit) -> String {
    visit.texts.format(
      "recover.forecast.general", ["duration": visit.texts.duration(visit.site.ports.options.holdPeriod)])
  }

  // MARK: typing help without JavaScript (C7)

  private static func codeProblem(of typed: String, _ visit: Visit) -> String? {
    switch RecoveryCode.read(typed) {
    case .code: nil
    case .suggestion(let suggestion): self.suggestion(suggestion, visit.texts).explanation
    case .problem(let problem): visit.texts.problem(problem)
    }
  }

  static func suggestion(_ suggestion: Suggestion, _ texts: Texts) -> CodeSuggestion {
    let characters = Array(suggestion.code.compact).map(String.init)
    let first = suggestion.wrongPosition ?? suggestion.positions.first ?? 0
    let explanation =
      suggestion.kind == .wrongSymbol
      ? texts.format(
        "recover.code.suggestionWrong",
        [
          "group": "\(suggestion.groupNumber(of: first))", "place": "\(suggestion.symbolNumber(of: first))",
          "suggestion": characters[first],
        ])
      : texts.format("recover.code.suggestionUnreadable", ["suggestion": suggestion.code.formatted])
    return CodeSuggestion(
      explanation: explanation, code: suggestion.code.formatted,
      symbols: characters.enumerated().map { index, symbol in
        SuggestedSymbol(
          symbol: symbol, changed: suggestion.positions.contains(index),
          endOfGroup: index % 5 == 4 && index < characters.count - 1)
      })
  }
}

extension Texts {
  /// What is wrong with a typed recovery code, and where (C7).
  package func problem(_ problem: ReadingProblem) -> String {
    switch problem {
    case .empty: self["error.recoveryCode.missing"]
    case .tooShort(let missing): count("recover.code.tooShort", missing)
    case .tooLong(let extra): count("recover.code.tooLong", extra)
    case .impossibleCharacter(let character, let group, let place):
      format(
        "recover.code.impossible",
        ["character": readable(character), "group": "\(group)", "place": "\(place)"])
    case .tooManyUnreadable(let count): format("recover.code.tooManyUnreadable", ["count": "\(count)"])
    case .severalMistakes: self["recover.code.severalMistakes"]
    }
  }
}

/// A character as it can be read in a sentence: one that has no form of its own by its code point.
func readable(_ character: Character) -> String {
  let scalars = character.unicodeScalars
  guard let first = scalars.first else { return "" }
  switch first.properties.generalCategory {
  case .control, .unassigned, .privateUse, .surrogate:
    let digits = String(first.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  case .nonspacingMark, .spacingMark, .enclosingMark: return "“\u{25CC}\(character)”"
  default: return "“\(character)”"
  }
}

extension CodeSheet {
  /// The sheet of a code just made (C5). The code is in the picture's URL fragment only, which no server ever sees.
  init(_ shown: ShownCode, username: String, _ site: Site) throws {
    let address = "\(site.settings.publicURL.text)/recover/code"
    self.init(
      groups: shown.code.groups, serial: shown.serial, madeOn: site.texts.day(shown.createdAt),
      serviceAddress: address,
      qr: try site.drawQRCode(
        Secret("\(address)#\(shown.code.formatted)"), site.texts["sheet.pictureAlternative"]),
      accountHint: "\(username.prefix(2))•••")
  }
}
