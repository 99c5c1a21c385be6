import SparekeyCore

/// Recent activity, *This wasn't me*, and the clean-up after it or after a recovery (D2, D6).
enum ActivityPages {
  @Sendable static func activity(_ visit: Visit) async throws -> Reply {
    let events = try await visit.site.securityInfo.activity(for: visit.signedIn())
    return .page(ActivityPage(entries: events.map { row($0, visit) }))
  }

  private static func row(_ event: SecurityEvent, _ visit: Visit) -> ActivityRow {
    let texts = visit.texts
    return ActivityRow(
      when: texts.moment(event.at), machineTime: event.at.iso8601,
      what: texts.format("activity.\(event.kind.textKey)", ["detail": event.detail]),
      from: from(event.source, texts), serious: event.kind.isSerious,
      disownPath: event.isDisownable(at: visit.now) ? "/account/activity/not-me?event=\(event.number)" : nil)
  }

  private static func from(_ source: Source, _ texts: Texts) -> String {
    source.agent.isEmpty
      ? source.address : texts.format("activity.from", ["device": source.agent, "address": source.address])
  }

  // MARK: this wasn't me

  @Sendable static func notMe(_ visit: Visit) async throws -> Reply {
    let events = try await visit.site.securityInfo.activity(for: visit.signedIn())
    guard let event = events.first(where: { "\($0.number)" == visit.query["event"] }),
      event.isDisownable(at: visit.now)
    else { throw Refusal.notFound }
    return .page(NotMePage(event: event.number, entry: row(event, visit)))
  }

  @Sendable static func disown(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    guard let number = Int(visit.form["event"]) else { throw Refusal.notFound }
    try await visit.site.freezing.thisWasNotMe(number, by: signedIn, source: visit.source)
    return Reply.redirect("/sign-in?notice=frozen").setting(.session, nil)
  }

  // MARK: clean-up

  @Sendable static func cleanUp(_ visit: Visit) async throws -> Reply {
    let found = try await visit.site.freezing.cleanUp(for: visit.signedIn())
    let texts = visit.texts
    func row(_ proof: Proof, _ label: String, _ kind: String, _ addedAt: Timestamp) -> CleanUpRow {
      CleanUpRow(
        proof: proof.text, label: label,
        facts: texts.format("account.cleanUp.\(kind)", ["date": texts.day(addedAt)]))
    }
    let added =
      found.contacts.map { row(.contact($0), $0.address, $0.kind.rawValue, $0.addedAt) }
      + found.apps.map { row(.totp($0.id), $0.name, "app", $0.addedAt) }
      + found.passkeys.map { row(.passkey($0.id), $0.name, "passkey", $0.addedAt) }
    let notice = ["thawed": "thawed", "ended": "ended", "back": "back", "app-removed": "appRemoved"][
      visit.query["notice"]]
    return .page(
      CleanUpPage(
        since: texts.format("account.cleanUp.since", ["date": texts.day(found.since)]), added: added,
        apps: found.appsWithAccess.map { AppRow($0, texts) },
        sessions: found.sessions.map { SessionRow($0, current: false, texts) },
        isFrozen: found.frozen != nil, notice: notice.map { texts["account.cleanUp.notice.\($0)"] }))
  }

  /// *Set the account going again*.
  @Sendable static func thaw(_ visit: Visit) async throws -> Reply {
    try await visit.site.freezing.thaw(by: visit.steppedUp(), source: visit.source)
    return .redirect("/account/clean-up?notice=thawed")
  }
}

extension SecurityEvent {
  /// Whether *This wasn't me* stands beside it: it is no older than what can be undone, and no answer to it.
  fileprivate func isDisownable(at now: Timestamp) -> Bool {
    now < at + Seniority.period && ![.accountCreated, .frozen, .thawed, .supportFroze].contains(kind)
  }
}

extension SecurityEvent.Kind {
  fileprivate var isSerious: Bool {
    [
      .wrongCodes, .wrongSecondFactors, .recovered, .holdStarted, .holdContested, .holdCompleted,
      .codeCheckFailed, .frozen,
      .supportHoldRequested, .supportFroze,
    ].contains(self)
  }

  /// `email-added` → `emailAdded`, as the catalogue has it.
  package var textKey: String {
    let words = rawValue.split(separator: "-")
    return words.dropFirst().reduce(String(words.first ?? "")) {
      $0 + $1.prefix(1).uppercased() + $1.dropFirst()
    }
  }
}
