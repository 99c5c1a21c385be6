import SparekeyCore

/// A notice in words: what, when, from where, what follows and what to do if it was someone else (H6).
package struct NoticeLetter: Sendable {
  package let subject: String
  package let body: String
  /// For a text message: at most two of them, or `longestShortText` characters. A link in it is always whole.
  package let shortText: String

  package static let longestShortText = 300

  package init(_ notice: Notice, texts: Texts, settings: SiteSettings) {
    var values = [
      "username": notice.username, "service": settings.serviceName, "when": texts.exactly(notice.at),
      "from": texts.from(notice.source), "address": settings.publicURL.text,
    ]
    let paragraphs: [String]
    var short = "sms.notice"
    if case .supportCase(let number, let news) = notice.kind {
      let key = Self.key(of: news, number: number, into: &values, texts, settings)
      subject = texts.format("\(key).subject", values)
      // Written to someone without an account, and never in words that somebody typed into a form.
      paragraphs = ["mail.case.hello", "\(key).body", "mail.case.look"]
    } else if case .caseCode(let code) = notice.kind {
      values["code"] = code
      subject = texts.format("mail.case.code.subject", values)
      paragraphs = ["mail.case.hello", "mail.case.code.body", "mail.facts", "mail.ignore"]
      short = "sms.code"
    } else if case .hold(let news, let facts) = notice.kind {
      // What support starts has begun without any proof, and without a password.
      let bySupport = facts.bySupport == true && [.started, .completed].contains(news) ? "BySupport" : ""
      let key = "mail.hold.\(facts.purpose.rawValue).\(news.textKey)\(bySupport)"
      values.merge(Self.values(facts, at: notice.at, texts, settings)) { $1 }
      subject = texts.format("\(key).subject", values)
      paragraphs = ["\(key).body"] + Self.holdParagraphs(news, facts)
      short = "sms.hold"
    } else {
      let key = Self.key(of: notice.kind, into: &values, texts)
      subject = texts.format("mail.\(key).subject", values)
      let after: String
      if values["code"] != nil {
        (after, short) = ("mail.ignore", "sms.code")
      } else if values["usernames"] != nil {
        (after, short) = ("mail.ignoreUsernames", "sms.usernames")
      } else {
        after = "mail.notYou"
      }
      paragraphs = ["mail.\(key).body", "mail.facts", after]
    }
    body =
      ((notice.username.isEmpty ? [] : ["mail.hello"]) + paragraphs + ["mail.closing"]).map {
        texts.format($0, values)
      }
      .joined(separator: "\n\n") + "\n"
    // In two groups, as people read digits to themselves.
    values["code"] = values["code"].map { "\($0.prefix(3)) \($0.dropFirst(3))" }
    values["subject"] = subject
    shortText = Self.short(short, values, texts)
  }

  /// Shortens the words, never the link at their end.
  private static func short(_ key: String, _ values: [String: String], _ texts: Texts) -> String {
    let link = values["link"] ?? ""
    let words = texts.format(key, values.merging(["link": ""]) { $1 })
    return words.prefix(max(0, longestShortText - link.count)) + link
  }

  /// The catalogue's name for a notice; what its words need besides goes into `values`.
  private static func key(of kind: Notice.Kind, into values: inout [String: String], _ texts: Texts)
    -> String
  {
    /// A masked address says itself what it is.
    func contact(_ masked: String, _ change: String) -> String {
      let kind = masked.contains("@") ? "email" : "phone"
      values[kind] = masked
      return kind + change
    }
    switch kind {
    case .confirmEmail(let code):
      values["code"] = code
      return "confirmEmail"
    case .issuedCode(let code):
      values["code"] = code
      return "issuedCode"
    case .recovered(let kinds):
      values["evidence"] = texts.together(kinds.map { texts["mail.evidence.\($0.rawValue)"] })
      return "recovered"
    case .codeMade(let serial):
      values["serial"] = serial
      return "codeMade"
    case .codeReplaced(let serial):
      values["serial"] = serial
      return "codeReplaced"
    case .contactAdded(let masked): return contact(masked, "Added")
    case .contactConfirmed(let masked): return contact(masked, "Confirmed")
    case .contactRemoved(let masked): return contact(masked, "Removed")
    case .totpAdded(let name):
      values["name"] = name
      return "totpAdded"
    case .totpRemoved(let name):
      values["name"] = name
      return "totpRemoved"
    case .passkeyAdded(let name):
      values["name"] = name
      return "passkeyAdded"
    case .passkeyRemoved(let name):
      values["name"] = name
      return "passkeyRemoved"
    case .appAllowed(let name):
      values["name"] = name
      return "appAllowed"
    case .wrongCodes(let count):
      values["count"] = "\(count)"
      return "wrongCodes"
    case .wrongSecondFactors(let count):
      values["count"] = "\(count)"
      return "wrongSecondFactors"
    case .usernames(let names):
      values["usernames"] = names.joined(separator: ", ")
      return names.count == 1 ? "username" : "usernames"
    case .closing(let end):
      values["date"] = texts.exactly(end)
      return "accountCloses"
    case .reopened: return "accountReopened"
    case .codeBeforeRestore(let serial):
      values["serial"] = serial
      return "codeBeforeRestore"
    case .passwordChanged: return "passwordChanged"
    case .twoStepOn: return "twoStepOn"
    case .twoStepOff: return "twoStepOff"
    case .frozen: return "frozen"
    case .thawed: return "thawed"
    case .signedOutEverywhere: return "signedOutEverywhere"
    case .bySupport(let deed): return "bySupport.\(deed.rawValue)"
    case .caseCode: return "case.code"
    case .supportCase: return "case.opened"
    case .hold(let news, let facts): return "hold.\(facts.purpose.rawValue).\(news.textKey)"
    }
  }

  // MARK: to someone who wrote to support

  private static func key(
    of news: Notice.CaseNews, number: String, into values: inout [String: String], _ texts: Texts,
    _ settings: SiteSettings
  ) -> String {
    values["number"] = number
    values["link"] = "\(settings.publicURL.text)/help/support/cases/\(number)"
    switch news {
    case .opened: return "mail.case.opened"
    case .answered(let text):
      values["answer"] = text
      return "mail.case.answered"
    case .asked(let text):
      values["answer"] = text
      return "mail.case.asked"
    case .closed: return "mail.case.closed"
    case .holdStarted(let hold, let claimNumber, let endsAt):
      values["claim"] = claimNumber
      values["end"] = texts.exactly(endsAt)
      values["hold"] = "\(settings.publicURL.text)/holds/\(hold)"
      return "mail.case.holdStarted"
    }
  }

  // MARK: a recovery that waits

  private static func values(
    _ facts: Notice.HoldFacts, at now: Timestamp, _ texts: Texts, _ settings: SiteSettings
  ) -> [String: String] {
    let address = settings.publicURL.text
    return [
      "claim": facts.claimNumber, "id": facts.id.text, "started": texts.exactly(facts.startedAt),
      "end": texts.exactly(facts.endsAt), "duration": texts.duration(facts.endsAt - facts.startedAt),
      "left": texts.duration(facts.endsAt - now), "from": texts.from(facts.claimedFrom),
      "link": facts.stopToken.map { "\(address)/stop/\($0)" } ?? "\(address)/holds/\(facts.id)",
    ]
  }

  /// Which paragraphs follow the news: the facts always, how to stop it as long as it can be stopped.
  private static func holdParagraphs(_ news: Notice.HoldNews, _ facts: Notice.HoldFacts) -> [String] {
    let facts = (
      mine: "mail.hold.\(facts.purpose.rawValue).mine",
      stop: facts.stopToken == nil ? "mail.hold.stopNoLink" : "mail.hold.stopLink"
    )
    return switch news {
    case .started, .milestone, .resumed, .restored, .reminder: ["mail.hold.facts", facts.mine, facts.stop]
    case .contested, .frozen: ["mail.hold.facts", "mail.hold.decide"]
    case .stopped, .completed: ["mail.hold.facts"]
    }
  }
}

extension Notice.HoldNews {
  fileprivate var textKey: String {
    switch self {
    case .started: "started"
    case .contested: "contested"
    case .resumed: "resumed"
    case .stopped: "stopped"
    case .completed: "completed"
    case .frozen: "frozen"
    case .restored: "restored"
    case .milestone(let milestone): milestone.rawValue
    case .reminder: "reminder"
    }
  }
}
