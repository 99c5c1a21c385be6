import SparekeyCore

/// *Contact support* (G3): routed to what helps at once, otherwise a case with a number.
enum SupportPages {
  // MARK: what helps at once

  @Sendable static func contact(_ visit: Visit) async throws -> Reply {
    // A number typed there leads to its case.
    let number = SupportCase.number(typed: visit.query["case"])
    if !number.isEmpty { return .redirect("/help/support/cases/\(number)") }
    var page = contactPage(visit)
    if visit.query.has("case") { page.problem = visit.texts["support.contact.numberProblem"] }
    return .page(page, status: visit.query.has("case") ? .unprocessableContent : .ok)
  }

  @Sendable static func ways(_ visit: Visit) async throws -> Reply {
    guard let category = SupportCase.Category(rawValue: visit.query["category"]) else {
      var page = contactPage(visit)
      page.categoryError = visit.texts["error.category.missing"]
      return .page(page, status: .unprocessableContent)
    }
    let ways = SelfHelp.ways(
      for: category, having: Set(SelfHelp.Possession.allCases.filter { visit.query.has($0.field) }))
    let describe = "/help/support/describe?category=\(category.rawValue)"
    guard !ways.isEmpty else { return .redirect(describe) }
    let texts = visit.texts
    return .page(
      SupportWaysPage(
        intro: texts["support.ways.intro.\(category.textKey)"],
        ways: ways.map { way in
          SupportWaysPage.Way(
            title: texts["support.ways.\(way.textKey).title"],
            line: texts["support.ways.\(way.textKey).line"],
            path: way.path, action: texts["support.ways.\(way.textKey).action"])
        }, describePath: describe))
  }

  private static func contactPage(_ visit: Visit) -> ContactSupportPage {
    let texts = visit.texts
    return ContactSupportPage(
      categories: SupportCase.Category.allCases.map {
        Choice(
          name: "category", value: $0.rawValue, label: texts["support.category.\($0.textKey)"],
          checked: visit.query["category"] == $0.rawValue)
      },
      possessions: SelfHelp.Possession.allCases.map {
        Choice(
          name: $0.field, value: "yes", label: texts["support.have.\($0.textKey)"],
          checked: visit.query.has($0.field))
      })
  }

  // MARK: a case

  @Sendable static func describe(_ visit: Visit) async throws -> Reply {
    guard let category = SupportCase.Category(rawValue: visit.query["category"]) else {
      return .redirect("/help/support")
    }
    return .page(describePage(category, visit))
  }

  @Sendable static func enterDescription(_ visit: Visit) async throws -> Reply {
    guard let category = SupportCase.Category(rawValue: visit.form[.category]) else {
      return .redirect("/help/support")
    }
    do {
      let sent = try await visit.site.support.start(
        Support.Typed(
          category: category, username: visit.form[.username], description: visit.form[.description],
          email: visit.form[.email]),
        binding: visit.binding, source: visit.source)
      return .page(confirmPage(sent.journey, to: sent.email, visit))
    } catch Refusal.field(let field, let problem) {
      var page = describePage(category, visit)
      let error = visit.texts.problem(problem, in: field.rawValue)
      switch field {
      case .username: page.usernameError = error
      case .email: page.emailError = error
      default: page.descriptionError = error
      }
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func describePage(_ category: SupportCase.Category, _ visit: Visit) -> DescribePage {
    let texts = visit.texts
    return DescribePage(
      category: category.rawValue, categoryLabel: texts["support.category.\(category.textKey)"],
      username: String(visit.form[.username].prefix(256)),
      description: String(visit.form[.description].prefix(4 * SupportCase.longestText)),
      descriptionHint: texts.format(
        "support.describe.descriptionHint", ["count": "\(SupportCase.longestText)"]),
      email: String(visit.form[.email].prefix(256)))
  }

  private static func confirmPage(_ journey: String, to email: String, _ visit: Visit) -> ConfirmCasePage {
    ConfirmCasePage(
      journey: journey, sentTo: visit.texts.format("support.confirm.sentTo", ["address": email]))
  }

  /// Sends the code again, or opens the case.
  @Sendable static func confirm(_ visit: Visit) async throws -> Reply {
    let texts = visit.texts
    let support = visit.site.support
    let journey = visit.form[.journey]
    do {
      let email = try support.email(of: journey, binding: visit.binding)
      var page = confirmPage(journey, to: email, visit)
      do {
        if visit.form.has("resend") {
          let sent = try await support.sendAgain(journey, binding: visit.binding, source: visit.source)
          page = confirmPage(sent.journey, to: sent.email, visit)
          page.notice = texts.format("support.confirm.sentAgain", ["address": sent.email])
          return .page(page)
        }
        let opened = try await support.confirm(
          journey, code: visit.form[.code], binding: visit.binding, source: visit.source)
        return .page(CaseOpenedPage(opened, visit.site))
      } catch Refusal.issuedCodeWrong {
        page.codeError = texts["error.code.wrong"]
      } catch Refusal.field(_, let problem) {
        page.codeError = texts.problem(problem, in: "code")
      } catch Refusal.support(let problem) {
        page.problem = texts["support.problem.\(problem.textKey)"]
        return .page(page, status: .conflict)
      }
      return .page(page, status: .unprocessableContent)
    } catch Refusal.expired {
      return visit.site.message("caseExpired", link: "/help/support", status: .badRequest)
    }
  }

  @Sendable static func ticket(_ visit: Visit) async throws -> Reply { .page(ticketPage(visit)) }

  /// Shows the case to its ticket, which comes in the form; with an answer, adds that first.
  @Sendable static func open(_ visit: Visit) async throws -> Reply {
    let texts = visit.texts
    let support = visit.site.support
    let number = number(of: visit)
    let ticket = visit.form[.ticket]
    func status() async throws -> CasePage {
      CasePage(
        try await support.status(number, ticket: ticket, source: visit.source),
        ticket: String(ticket.prefix(64)),
        texts)
    }
    do {
      guard !ticket.isEmpty else { throw Refusal.field(.ticket, .missing) }
      guard visit.form.has("answer") else { return .page(try await status()) }
      do {
        try await support.reply(number, ticket: ticket, text: visit.form[.answer], source: visit.source)
      } catch Refusal.field(_, let problem) {
        var page = try await status()
        page.answer = String(visit.form[.answer].prefix(4 * SupportCase.longestText))
        page.answerError = texts.problem(problem, in: "answer")
        return .page(page, status: .unprocessableContent)
      } catch Refusal.support(let problem) {
        var page = try await status()
        page.problem = texts["support.problem.\(problem.textKey)"]
        return .page(page, status: .conflict)
      }
      var page = try await status()
      page.notice = texts["support.case.added"]
      return .page(page)
    } catch Refusal.ticketWrong {
      var page = ticketPage(visit)
      page.ticketError = texts["support.ticket.wrong"]
      return .page(page, status: .unprocessableContent)
    } catch Refusal.field(_, let problem) {
      var page = ticketPage(visit)
      page.ticketError = texts.problem(problem, in: "ticket")
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func ticketPage(_ visit: Visit) -> CaseTicketPage {
    let number = number(of: visit)
    return CaseTicketPage(
      number: number, path: "/help/support/cases/\(number)", ticket: String(visit.form[.ticket].prefix(64)))
  }

  /// `/help/support/cases/{number}`. Whatever stands there, it looks like a number.
  private static func number(of visit: Visit) -> String {
    let parts = visit.path.split(separator: "/")
    let number = SupportCase.number(typed: parts.count > 3 ? String(parts[3]) : "")
    return number.isEmpty ? "000-000" : number
  }
}

extension CaseOpenedPage {
  init(_ opened: Support.Opened, _ site: Site) {
    number = opened.supportCase.number
    ticket = opened.ticket.split(separator: "-").map(String.init)
    openedAt = Moment(opened.supportCase.openedAt, site.texts)
    statusPath = "/help/support/cases/\(opened.supportCase.number)"
    statusAddress = site.settings.publicURL.text + statusPath
  }
}

extension CasePage {
  init(_ status: Support.Status, ticket: String, _ texts: Texts) {
    let found = status.supportCase
    number = found.number
    path = "/help/support/cases/\(found.number)"
    self.ticket = ticket
    state = texts["support.case.state.\(found.state.rawValue)"]
    openedAt = Moment(found.openedAt, texts)
    category = texts["support.category.\(found.category.textKey)"]
    messages = CaseMessageRow.all(
      found, status.content, status.messages, person: texts["support.case.you"], texts)
    hold = status.hold.map { hold in
      CaseHold(
        line: texts.format(
          "support.case.hold.\(hold.state.rawValue)",
          ["end": texts.exactly(hold.endsAt), "ended": hold.endedAt.map(texts.exactly) ?? ""]),
        claimNumber: status.claimNumber ?? "", path: "/holds/\(hold.id)")
    }
    mayReply = found.state != .closed
  }
}

extension CaseMessageRow {
  /// The description first, then what followed.
  static func all(
    _ found: SupportCase, _ content: SupportCase.Content, _ messages: [Support.ReadMessage], person: String,
    _ texts: Texts
  ) -> [CaseMessageRow] {
    func row(_ who: String, _ at: Timestamp, _ text: String) -> CaseMessageRow {
      CaseMessageRow(
        who: who, at: Moment(at, texts),
        lines: text.split(separator: "\n").map(String.init))
    }
    return [row(person, found.openedAt, content.description)]
      + messages.map {
        row($0.author == .person ? person : texts["support.case.agent"], $0.at, $0.text)
      }
  }
}

// MARK: names in the catalogue

extension SupportCase.Category {
  var textKey: String { rawValue.inCatalogue }
}

extension SelfHelp.Possession {
  fileprivate var textKey: String { rawValue.inCatalogue }
  fileprivate var field: String { "have-\(rawValue)" }
}

extension SelfHelp {
  fileprivate var textKey: String { rawValue.inCatalogue }

  /// A hold's address stands on its ticket.
  package var path: String? {
    switch self {
    case .recover: "/recover"
    case .activity: "/account/activity"
    case .signInHelper: "/help/sign-in"
    case .forgottenUsername: "/help/username"
    case .hold: nil
    }
  }
}

extension SupportProblem {
  package var textKey: String { rawValue.inCatalogue }
}

extension String {
  /// `lost-everything` → `lostEverything`.
  fileprivate var inCatalogue: String {
    let words = split(separator: "-")
    return words.dropFirst().reduce(String(words.first ?? "")) {
      $0 + $1.prefix(1).uppercased() + $1.dropFirst()
    }
  }
}
