import HTTPTypes
import SparekeyCore

/// The support console (G4). For everyone but agents there is nothing at these addresses.
enum ConsolePages {
  // MARK: cases

  @Sendable static func overview(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) { .page(try await consolePage(visit)) }
  }

  private static func consolePage(_ visit: Visit) async throws -> ConsolePage {
    let texts = visit.texts
    let wanted = SupportCase.State(rawValue: visit.query["state"])
    let overview = try await visit.site.supportConsole.overview(in: wanted, by: visit.signedIn())
    let filters: [SupportCase.State?] = [nil, .open, .waiting, .answered, .closed]
    return ConsolePage(
      requests: overview.requests.map { RequestRow($0, texts) },
      filters: filters.map { state in
        ConsolePage.Filter(
          label: texts["support.console.filter.\(state?.rawValue ?? "all")"],
          path: "/support" + (state.map { "?state=\($0.rawValue)" } ?? ""), isCurrent: state == wanted)
      },
      cases: overview.cases.map { listed in
        let found = listed.supportCase
        return ConsolePage.CaseRow(
          number: found.number, path: "/support/cases/\(found.number)",
          category: texts["support.category.\(found.category.textKey)"],
          state: texts["support.console.state.\(found.state.rawValue)"], isDue: found.state == .open,
          facts: texts.format(
            listed.assignee == nil ? "support.console.caseFree" : "support.console.caseTaken",
            ["changed": texts.moment(found.changedAt), "agent": listed.assignee ?? ""]))
      }, notice: notice(visit))
  }

  @Sendable static func file(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) { .page(try await filePage(visit)) }
  }

  private static func filePage(_ visit: Visit) async throws -> CaseFilePage {
    let texts = visit.texts
    let number = part(2, of: visit)
    let file = try await visit.site.supportConsole.file(number, by: visit.signedIn())
    let found = file.listed.supportCase
    let path = "/support/cases/\(found.number)"
    return CaseFilePage(
      number: found.number, path: path, state: texts["support.console.state.\(found.state.rawValue)"],
      facts: [
        Fact(
          name: texts["support.file.category"], value: texts["support.category.\(found.category.textKey)"]),
        Fact(name: texts["support.file.opened"], value: texts.exactly(found.openedAt)),
        Fact(name: texts["support.file.email"], value: file.content.email),
        Fact(
          name: texts["support.file.username"],
          value: file.content.username ?? texts["support.file.noUsername"]),
        Fact(
          name: texts["support.file.assignee"], value: file.listed.assignee ?? texts["support.file.nobody"]),
      ],
      messages: CaseMessageRow.all(
        found, file.content, file.messages, person: texts["support.file.person"], texts),
      requests: file.requests.map { RequestRow($0, texts) },
      accountPath: file.content.username == nil ? nil : "/support/account?case=\(found.number)",
      isClosed: found.state == .closed, isMine: file.listed.isMine, notice: notice(visit))
  }

  @Sendable static func actOnCase(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) {
      let typed = visit.form[.answer]
      let deed: SupportConsole.CaseDeed
      switch visit.form["action"] {
      case "take": deed = .take
      case "release": deed = .release
      case "answer": deed = .answer(typed)
      case "ask": deed = .ask(typed)
      case "close": deed = .close
      default: throw Refusal.notFound
      }
      let number = part(2, of: visit)
      do {
        try await visit.site.supportConsole.act(deed, on: number, by: visit.signedIn())
        return .redirect("/support/cases/\(SupportCase.number(typed: number))?notice=case-done")
      } catch Refusal.field(_, let problem) {
        return .page(
          try await filePage(visit, typed: typed, error: visit.texts.problem(problem, in: "answer")),
          status: .unprocessableContent)
      } catch Refusal.support(let problem) where problem != .twoStepNeeded {
        var page = try await filePage(visit, typed: typed)
        page.problem = visit.texts["support.problem.\(problem.textKey)"]
        return .page(page, status: .conflict)
      } catch Refusal.changedMeanwhile {
        var page = try await filePage(visit, typed: typed)
        page.problem = visit.texts["support.console.changed"]
        return .page(page, status: .conflict)
      }
    }
  }

  private static func filePage(_ visit: Visit, typed: String, error: String? = nil) async throws
    -> CaseFilePage
  {
    var page = try await filePage(visit)
    page.answer = String(typed.prefix(4 * SupportCase.longestText))
    page.answerError = error
    return page
  }

  // MARK: requests

  @Sendable static func decide(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) {
      let id = HoldRequestID(text: part(2, of: visit))
      let console = visit.site.supportConsole
      do {
        switch visit.form["action"] {
        case "approve":
          try await console.approve(id, by: visit.steppedUp())
          return .redirect("/support?notice=approved")
        case "decline":
          try await console.decline(id, reason: visit.form[.reason], by: visit.signedIn())
          return .redirect("/support?notice=declined")
        default: throw Refusal.notFound
        }
      } catch Refusal.stepUpNeeded {
        return .redirect("/step-up?return-to=/support")
      } catch {
        guard let problem = try problem(error, visit) else { throw error }
        var page = try await consolePage(visit)
        page.problem = problem
        return .page(page, status: .conflict)
      }
    }
  }

  // MARK: accounts

  @Sendable static func account(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) {
      let page = try await accountPage(
        account: visit.query["account"], caseNumber: visit.query["case"], username: visit.query[.username],
        visit)
      if let page { return .page(page) }
      guard visit.query.has("username") else {
        return visit.site.message("noSuchAccount", link: "/support", status: .notFound)
      }
      var console = try await consolePage(visit)
      console.username = String(visit.query[.username].prefix(256))
      console.usernameError = visit.texts["support.console.noSuchName"]
      return .page(console, status: .notFound)
    }
  }

  /// - Returns: nil when there is no such account.
  private static func accountPage(
    account: String, caseNumber: String, username: String, _ visit: Visit
  ) async throws -> SupportAccountPage? {
    let number = SupportCase.number(typed: caseNumber)
    let wanted: SupportConsole.Wanted =
      !account.isEmpty ? .id(AccountID(text: account)) : !number.isEmpty ? .ofCase(number) : .named(username)
    guard let status = try await visit.site.supportConsole.account(wanted, by: visit.signedIn()) else {
      return nil
    }
    var page = SupportAccountPage(status, visit.texts)
    page.caseNumber = number
    page.casePath = number.isEmpty ? nil : "/support/cases/\(number)"
    if page.closedLine == nil, !status.isFresh {
      let parameter = number.isEmpty ? "account=\(status.id)" : "case=\(number)"
      page.stepUpPath =
        "/step-up?return-to=/support/account%3F" + parameter.replacing("=", with: "%3D")
    }
    page.notice = notice(visit)
    return page
  }

  @Sendable static func actOnAccount(_ visit: Visit) async throws -> Reply {
    try await guarded(visit) {
      let id = AccountID(text: visit.form["account"])
      let action = visit.form["action"]
      let console = visit.site.supportConsole
      func page(_ change: (inout SupportAccountPage) -> Void, _ status: HTTPResponse.Status) async throws
        -> Reply
      {
        guard
          var page = try await accountPage(
            account: id.text, caseNumber: visit.form["case"], username: "", visit)
        else { throw Refusal.notFound }
        // What was typed stays, whatever became of it.
        page.reason = String(visit.form[.reason].prefix(4 * SupportConsole.longestReason))
        page.caseNumber = String(visit.form["case"].prefix(64))
        change(&page)
        return .page(page, status: status)
      }
      do {
        if action == "hold" {
          guard !SupportCase.number(typed: visit.form["case"]).isEmpty else {
            return try await page(
              { $0.caseError = visit.texts["support.account.caseMissing"] }, .unprocessableContent)
          }
          try await console.requestHold(
            of: id, for: visit.form["case"], reason: visit.form[.reason], by: visit.steppedUp())
        } else if let deed = SupportConsole.AccountDeed(rawValue: action) {
          try await console.act(deed, on: id, reason: visit.form[.reason], by: visit.steppedUp())
        } else {
          throw Refusal.notFound
        }
        return .redirect("/support/account?account=\(id)&notice=\(action)-done")
      } catch Refusal.field(_, let problem) {
        return try await page(
          { $0.reasonError = visit.texts.problem(problem, in: "reason") }, .unprocessableContent)
      } catch Refusal.stepUpNeeded {
        return try await page(
          {
            $0.problem = visit.texts["support.account.stepUp"]
            // Beside the link the forms stay, so that nothing typed is lost: it opens in a tab of its own.
            $0.mayAct = true
          }, .forbidden)
      } catch {
        guard let problem = try problem(error, visit) else { throw error }
        return try await page({ $0.problem = problem }, .conflict)
      }
    }
  }

  // MARK: what pages share

  /// What an agent is told of a refusal beside the form; nil for what has a page of its own.
  private static func problem(_ error: any Error, _ visit: Visit) throws -> String? {
    let texts = visit.texts
    return switch error as? Refusal {
    case .support(let problem) where problem != .twoStepNeeded: texts["support.problem.\(problem.textKey)"]
    case .holdRunning(let until): texts.format("error.holdRunning", ["date": texts.exactly(until)])
    case .frozen: texts["support.problem.frozen"]
    case .slowDown(let until): texts.format("support.problem.slowDown", ["date": texts.exactly(until)])
    case .field(_, let problem): texts.problem(problem, in: "reason")
    default: nil
    }
  }

  private static func guarded(_ visit: Visit, _ handler: () async throws -> Reply) async throws -> Reply {
    do {
      return try await handler()
    } catch Refusal.support(.twoStepNeeded) {
      return visit.site.message("agentTwoStep", link: "/account/two-step", status: .forbidden)
    } catch Refusal.stepUpNeeded {
      return .redirect("/step-up?return-to=/support")
    }
  }

  private static func notice(_ visit: Visit) -> String? {
    let known = [
      "case-done": "caseDone", "approved": "approved", "declined": "declined", "hold-done": "holdRequested",
      "freeze-done": "frozen", "end-sessions-done": "sessionsEnded", "resend-notice-done": "resent",
    ]
    return known[visit.query["notice"]].map { visit.texts["support.notice.\($0)"] }
  }

  private static func part(_ index: Int, of visit: Visit) -> String {
    let parts = visit.path.split(separator: "/")
    return parts.indices.contains(index) ? String(parts[index]) : ""
  }
}

extension RequestRow {
  init(_ request: SupportConsole.Request, _ texts: Texts) {
    id = request.request.id.text
    number = request.caseNumber
    casePath = "/support/cases/\(request.caseNumber)"
    username = request.username
    facts = texts.format(
      "support.request.facts",
      [
        "agent": request.requestedBy, "when": texts.exactly(request.request.requestedAt),
        "until": texts.exactly(request.request.expiresAt),
      ])
    reason = request.reason
    path = request.isUndecided ? "/support/requests/\(request.request.id)" : nil
    mayApprove = request.isUndecided && !request.isMine
    declineLabel = texts[request.isMine ? "support.request.withdraw" : "support.request.decline"]
    decision =
      request.isUndecided
      ? nil : texts["support.request.decision.\((request.request.decision ?? .expired).rawValue)"]
  }
}

extension SupportAccountPage {
  package init(_ status: SupportConsole.AccountStatus, _ texts: Texts) {
    username = status.username
    account = status.id.text
    func yes(_ moment: Timestamp?, _ key: String) -> String {
      moment.map { texts.format("support.account.\(key)Since", ["date": texts.day($0)]) }
        ?? texts["support.account.\(key)Not"]
    }
    facts = [
      Fact(name: texts["support.account.since"], value: texts.day(status.createdAt)),
      Fact(name: texts["support.account.twoStep"], value: yes(status.twoStepSince, "twoStep")),
      Fact(name: texts["support.account.frozen"], value: yes(status.frozenAt, "frozen")),
      Fact(
        name: texts["support.account.hold"],
        value: status.hold.map { hold in
          texts.format(
            "support.account.hold\(hold.purpose == .removal ? "Removal" : "Recovery")",
            [
              "claim": status.claimNumber ?? "",
              "state": texts["support.account.holdState.\(hold.state.rawValue)"],
              "started": texts.exactly(hold.startedAt), "end": texts.exactly(hold.endsAt),
            ])
        } ?? texts["support.account.holdNone"]),
      Fact(name: texts["support.account.sessions"], value: "\(status.sessions)"),
    ]
    proofs = status.proofs.map { proof in
      Proof(
        label: texts["support.account.proof.\(proof.kind.rawValue)"] + (proof.masked.map { " \($0)" } ?? ""),
        facts: texts.format("support.account.proofSince", ["date": texts.day(proof.since)]),
        isSenior: proof.isSenior || proof.kind == .recoveryCode)
    }
    activity = status.activity.map { event in
      ActivityRow(
        when: texts.moment(event.at), machineTime: event.at.iso8601,
        what: texts.format("activity.\(event.kind.textKey)", ["detail": "…"]))
    }
    hasHold = status.hold != nil
    mayAct = !status.isOwn && status.isFresh
    closedLine = status.isOwn ? texts["support.problem.ownAccount"] : nil
    nobodyTold = status.told == 0 ? texts["support.account.nobodyTold"] : nil
  }
}
