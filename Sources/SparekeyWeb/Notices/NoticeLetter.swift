import SparekeyCore

/// A notice in words: what, when, from where, what follows and what to do if it was someone else (H6).
package struct NoticeLetter: Sendable {
  package let subject: String
  package let body: String
  /// For a text message: at most two of them, or `longestShortText` characters.
  package let shortText: String

  package static let longestShortText = 300

  package init(_ notice: Notice, texts: Texts, settings: SiteSettings) {
    var values = [
      "username": notice.username, "service": settings.serviceName, "when": texts.moment(notice.at) + " UTC",
      "from": [notice.source.agent, notice.source.address].filter { !$0.isEmpty }.joined(separator: ", "),
      "address": settings.publicURL.text,
    ]
    let key: String
    switch notice.kind {
    case .confirmEmail(let code): (key, values["code"]) = ("confirmEmail", code)
    case .issuedCode(let code): (key, values["code"]) = ("issuedCode", code)
    case .passwordChanged: key = "passwordChanged"
    case .recovered(let kinds):
      key = "recovered"
      values["evidence"] = kinds.map { texts["mail.evidence.\($0.rawValue)"] }.joined(separator: ", ")
    case .codeMade(let serial): (key, values["serial"]) = ("codeMade", serial)
    case .codeReplaced(let serial): (key, values["serial"]) = ("codeReplaced", serial)
    case .contactAdded(let masked): (key, values["email"]) = ("emailAdded", masked)
    case .contactConfirmed(let masked): (key, values["email"]) = ("emailConfirmed", masked)
    case .contactRemoved(let masked): (key, values["email"]) = ("emailRemoved", masked)
    case .totpAdded(let name): (key, values["name"]) = ("totpAdded", name)
    case .totpRemoved(let name): (key, values["name"]) = ("totpRemoved", name)
    case .passkeyAdded(let name): (key, values["name"]) = ("passkeyAdded", name)
    case .passkeyRemoved(let name): (key, values["name"]) = ("passkeyRemoved", name)
    case .twoStepOn: key = "twoStepOn"
    case .twoStepOff: key = "twoStepOff"
    case .frozen: key = "frozen"
    case .thawed: key = "thawed"
    case .hold: key = "hold"
    case .signedOutEverywhere: key = "signedOutEverywhere"
    case .wrongCodes(let count): (key, values["count"]) = ("wrongCodes", "\(count)")
    }
    subject = texts.format("mail.\(key).subject", values)
    var short = values
    // In two groups, as people read digits to themselves.
    short["code"] = values["code"].map { "\($0.prefix(3)) \($0.dropFirst(3))" }
    short["subject"] = subject
    shortText = String(
      texts.format(short["code"] == nil ? "sms.notice" : "sms.code", short).prefix(Self.longestShortText))
    let wasNotYou = ["confirmEmail", "issuedCode"].contains(key) ? "mail.ignore" : "mail.notYou"
    body =
      [
        texts.format("mail.hello", values), texts.format("mail.\(key).body", values),
        texts.format("mail.facts", values), texts.format(wasNotYou, values),
        texts.format("mail.closing", values),
      ].joined(separator: "\n\n") + "\n"
  }
}
