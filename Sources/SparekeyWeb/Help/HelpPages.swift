import SparekeyCore

/// For those who cannot sign in (C6, G1, G2).
enum HelpPages {
  @Sendable static func signIn(_ visit: Visit) async throws -> Reply { .page(helper(visit)) }

  /// What is still there in, the fastest way out (G1).
  @Sendable static func advise(_ visit: Visit) async throws -> Reply {
    let form = visit.form
    var page = helper(visit)
    let name: String?
    do throws(Refusal) {
      name = form[.username].allSatisfy(\.isWhitespace) ? nil : try typedName(form[.username])
    } catch {
      guard case .field(_, let problem) = error else { throw error }
      page.usernameError = visit.texts.problem(problem, in: "username")
      return .page(page, status: .unprocessableContent)
    }
    let kinds = Set(ProofKind.allCases.filter { form.has($0.rawValue) })
    let twoStep = ["yes": true, "no": false][form["two-step"]]
    let options = visit.site.ports.options
    page.advice = SignInHelper.advise(having: kinds, twoStep: twoStep, strict: options.strictPolicy).map {
      AdviceCard($0, username: name, period: options.holdPeriod, visit.texts)
    }
    return .page(page)
  }

  private static func helper(_ visit: Visit) -> SignInHelpPage {
    let (form, texts) = (visit.form, visit.texts)
    let contact = visit.site.settings.operatorContact
    let chosen = ["yes", "no"].first { $0 == form["two-step"] } ?? "unknown"
    return SignInHelpPage(
      username: String(form[.username].prefix(256)),
      things: [.password, .recoveryCode, .email, .phone, .totp, .passkey].map { (kind: ProofKind) in
        Choice(
          name: kind.rawValue, label: texts["help.signIn.have.\(kind.rawValue)"],
          checked: form.has(kind.rawValue))
      },
      twoStep: ["yes", "no", "unknown"].map {
        Choice(name: "two-step", value: $0, label: texts["help.signIn.twoStep.\($0)"], checked: $0 == chosen)
      }, operatorContact: contact,
      operatorLink: contact.flatMap {
        $0.contains("@") ? "mailto:\($0)" : $0.hasPrefix("https://") ? $0 : nil
      })
  }

  // MARK: forgotten username

  @Sendable static func username(_ visit: Visit) async throws -> Reply { .page(ForgottenUsernamePage()) }

  @Sendable static func sendUsernames(_ visit: Visit) async throws -> Reply {
    let typed = visit.form[.contact]
    do {
      try await visit.site.forgottenUsername.send(to: typed, source: visit.source)
      return visit.site.message("usernamesSent", link: "/sign-in", status: .ok)
    } catch Refusal.field(let field, let problem) {
      return .page(
        ForgottenUsernamePage(
          contact: String(typed.prefix(256)), contactError: visit.texts.problem(problem, in: field.rawValue)),
        status: .unprocessableContent)
    }
  }

  // MARK: reading

  @Sendable static func recoveryCode(_ visit: Visit) async throws -> Reply { .page(RecoveryCodeHelpPage()) }

  /// *Learn more* at the 30-day note (H3).
  @Sendable static func recoveryPolicy(_ visit: Visit) async throws -> Reply {
    let table = PolicyTable(visit.texts, options: visit.site.ports.options)
    return .page(PolicyHelpPage(table, visit.texts))
  }
}

extension AdviceCard {
  fileprivate init(_ advice: SignInHelper.Advice, username: String?, period: Duration, _ texts: Texts) {
    let start: (key: String, path: String) =
      switch advice.way {
      case .signIn: ("signIn", "/sign-in")
      case .support: ("support", "/help/support")
      case .recovery(_, let sets) where sets.allSatisfy { $0.contains { $0.wordKey == "recoveryCode" } }:
        ("code", username == nil ? "/recover/code" : "/recover/code/start")
      case .recovery: ("recover", "/recover")
      }
    var lines = texts.fasterWays(advice.faster, period: period)
    switch advice.way {
    case .recovery(.held, _): lines.append(texts["help.signIn.held"])
    case .recovery: lines.append(texts["help.signIn.young"])
    case .support: lines.append(texts.format("help.signIn.support", ["duration": texts.duration(period)]))
    case .signIn: break
    }
    self.init(
      account: advice.twoStep.map { texts["help.signIn.account.\($0 ? "twoStep" : "oneStep")"] },
      way: advice.way == .support ? texts["help.signIn.nothing"] : texts.way(advice.way, period: period),
      lines: lines, startLabel: texts["help.signIn.start.\(start.key)"], startPath: start.path,
      username: advice.way == .support ? nil : username)
  }
}
