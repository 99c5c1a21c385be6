import SparekeyCore

/// *Manage how I sign in* and what belongs to it (D1, D4, S7).
enum AccountPages {
  @Sendable static func security(_ visit: Visit) async throws -> Reply {
    .page(try await securityPage(visit, by: visit.signedIn()))
  }

  private static func securityPage(_ visit: Visit, by signedIn: SignedIn) async throws -> SecurityPage {
    let overview = try await visit.site.securityInfo.overview(for: signedIn)
    let texts = visit.texts
    let notice = [
      "welcome": "welcome", "email-confirmed": "emailConfirmed", "email-removed": "emailRemoved",
      "password-changed": "passwordChanged",
    ][visit.query["notice"]]
    return SecurityPage(
      username: signedIn.account.username,
      emails: overview.proofs.contacts.map {
        EmailRow(
          id: $0.id.text, address: $0.address,
          since: texts.format("account.security.added", ["date": texts.day($0.addedAt)]),
          confirmed: $0.isConfirmed)
      },
      passwordChanged: texts.format(
        "account.security.passwordChanged", ["date": texts.day(overview.account.passwordChangedAt)]),
      code: overview.proofs.code.map { state(of: $0, texts) },
      notice: notice.map { texts["account.security.notice.\($0)"] })
  }

  private static func state(of code: StoredCode, _ texts: Texts) -> CodeState {
    CodeState(serial: code.serial, madeOn: texts.day(code.createdAt))
  }

  // MARK: recovery code (C3–C6)

  @Sendable static func recoveryCode(_ visit: Visit) async throws -> Reply {
    let steppedUp = try await visit.steppedUp()
    let overview = try await visit.site.securityInfo.overview(for: steppedUp.signedIn)
    return .page(
      GenerateCodePage(
        form: try visit.site.recoveryCodes.form(for: steppedUp.signedIn, binding: visit.binding),
        current: overview.proofs.code.map { state(of: $0, visit.texts) }))
  }

  @Sendable static func generateCode(_ visit: Visit) async throws -> Reply {
    let steppedUp = try await visit.steppedUp()
    let before = try await visit.site.securityInfo.overview(for: steppedUp.signedIn).proofs.code
    do {
      let shown = try await visit.site.recoveryCodes.generate(
        form: visit.form["form"], binding: visit.binding, by: steppedUp, source: visit.source)
      return .page(
        CodeMadePage(
          sheet: try CodeSheet(shown, username: steppedUp.account.username, visit.site),
          replaced: before.map {
            visit.texts.format("account.codeMade.replaced", ["serial": $0.serial])
          }))
    } catch Refusal.alreadyDone {
      return .page(AlreadyMadePage(code: before.map { state(of: $0, visit.texts) }), status: .conflict)
    }
  }

  // MARK: emails

  @Sendable static func email(_ visit: Visit) async throws -> Reply {
    _ = try await visit.steppedUp()
    return .page(AddEmailPage())
  }

  @Sendable static func addEmail(_ visit: Visit) async throws -> Reply {
    do {
      let contact = try await visit.site.securityInfo.addContact(
        NewContact(kind: .email, address: EmailAddress(visit.form[.email]).text), by: visit.steppedUp(),
        source: visit.source)
      return .redirect("/account/email/confirm?contact=\(contact)")
    } catch Refusal.field(_, let problem) {
      return .page(
        AddEmailPage(
          email: String(visit.form[.email].prefix(256)), emailError: visit.texts.problem(problem, in: "email")
        ),
        status: .unprocessableContent)
    }
  }

  @Sendable static func confirmEmail(_ visit: Visit) async throws -> Reply {
    let contact = try await contact(visit.query["contact"], visit.signedIn(), visit)
    guard !contact.isConfirmed else { return .redirect("/account/security") }
    return .page(confirmPage(contact, visit))
  }

  /// Sends the code again, or checks the one that was typed.
  @Sendable static func enterConfirmation(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let contact = try await contact(visit.form["contact"], signedIn, visit)
    var page = confirmPage(contact, visit)
    do {
      if visit.form.has("resend") {
        try await visit.site.securityInfo.resendConfirmation(
          of: contact.id, by: signedIn, source: visit.source)
        page.notice = visit.texts.format("account.confirmEmail.sentAgain", ["address": contact.address])
        return .page(page)
      }
      try await visit.site.securityInfo.confirmContact(
        contact.id, code: visit.form[.code], by: signedIn, source: visit.source)
      return .redirect("/account/security?notice=email-confirmed")
    } catch Refusal.field(_, let problem) {
      page.codeError = visit.texts.problem(problem, in: "code")
    } catch Refusal.issuedCodeWrong {
      page.codeError = visit.texts["error.code.wrong"]
    }
    return .page(page, status: .unprocessableContent)
  }

  @Sendable static func removeEmail(_ visit: Visit) async throws -> Reply {
    let contact = try await contact(visit.query["contact"], visit.steppedUp().signedIn, visit)
    return .page(removePage(contact, visit))
  }

  @Sendable static func confirmRemoval(_ visit: Visit) async throws -> Reply {
    let steppedUp = try await visit.steppedUp()
    let contact = try await contact(visit.form["contact"], steppedUp.signedIn, visit)
    do {
      _ = try await visit.site.securityInfo.remove(
        Proof.contact(contact), by: steppedUp, source: visit.source)
      return .redirect("/account/security?notice=email-removed")
    } catch Refusal.lastProof {
      var page = removePage(contact, visit)
      page.problem = visit.texts["error.lastProof"]
      return .page(page, status: .conflict)
    }
  }

  private static func contact(_ id: String, _ signedIn: SignedIn, _ visit: Visit) async throws -> Contact {
    let contacts = try await visit.site.securityInfo.overview(for: signedIn).proofs.contacts
    guard let contact = contacts.first(where: { $0.id.text == id }) else { throw Refusal.notFound }
    return contact
  }

  private static func confirmPage(_ contact: Contact, _ visit: Visit) -> ConfirmEmailPage {
    ConfirmEmailPage(
      contact: contact.id.text,
      sentTo: visit.texts.format("account.confirmEmail.sentTo", ["address": contact.address]))
  }

  private static func removePage(_ contact: Contact, _ visit: Visit) -> RemoveEmailPage {
    RemoveEmailPage(
      contact: contact.id.text,
      question: visit.texts.format("account.removeEmail.question", ["address": contact.address]))
  }

  // MARK: password

  @Sendable static func password(_ visit: Visit) async throws -> Reply {
    .page(passwordPage(try await visit.steppedUp(), visit))
  }

  @Sendable static func changePassword(_ visit: Visit) async throws -> Reply {
    let steppedUp = try await visit.steppedUp()
    do {
      try await visit.site.securityInfo.changePassword(
        to: visit.form[.newPassword], by: steppedUp, source: visit.source)
      return .redirect("/account/security?notice=password-changed")
    } catch Refusal.field(_, let problem) {
      var page = passwordPage(steppedUp, visit)
      page.newPassword.error = visit.texts.problem(problem, in: "newPassword")
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func passwordPage(_ steppedUp: SteppedUp, _ visit: Visit) -> ChangePasswordPage {
    ChangePasswordPage(
      username: steppedUp.account.username,
      newPassword: visit.texts.newPassword(visit, twoStep: steppedUp.account.twoStepSince != nil))
  }

  // MARK: activity and sessions

  @Sendable static func activity(_ visit: Visit) async throws -> Reply {
    let events = try await visit.site.securityInfo.activity(for: visit.signedIn())
    let texts = visit.texts
    return .page(
      ActivityPage(
        entries: events.map { event in
          ActivityRow(
            when: texts.moment(event.at), machineTime: event.at.iso8601,
            what: texts.format("activity.\(event.kind.textKey)", ["detail": event.detail]),
            from: from(event.source, texts), serious: event.kind == .wrongCodes || event.kind == .recovered)
        }))
  }

  @Sendable static func sessions(_ visit: Visit) async throws -> Reply {
    let signedIn = try await visit.signedIn()
    let texts = visit.texts
    let rows = try await visit.site.sessions.list(for: signedIn).map { session in
      SessionRow(
        id: session.id.text,
        device: session.source.agent.isEmpty ? texts["account.sessions.unknownDevice"] : session.source.agent,
        from: session.source.address,
        signedIn: texts.format("account.sessions.signedIn", ["date": texts.moment(session.createdAt)]),
        lastSeen: texts.format("account.sessions.lastSeen", ["date": texts.moment(session.lastSeenAt)]),
        current: session.id == signedIn.session.id)
    }
    let ended = visit.query["notice"] == "ended" ? texts["account.sessions.ended"] : nil
    return .page(SessionsPage(sessions: rows, notice: ended))
  }

  @Sendable static func endSession(_ visit: Visit) async throws -> Reply {
    try await visit.site.sessions.end(
      SessionID(text: visit.form["session"]), by: visit.signedIn(), source: visit.source)
    return .redirect("/account/sessions?notice=ended")
  }

  private static func from(_ source: Source, _ texts: Texts) -> String {
    source.agent.isEmpty
      ? source.address : texts.format("activity.from", ["device": source.agent, "address": source.address])
  }
}

extension SecurityEvent.Kind {
  /// `email-added` → `emailAdded`, as the catalogue has it.
  package var textKey: String {
    let words = rawValue.split(separator: "-")
    return words.dropFirst().reduce(String(words.first ?? "")) {
      $0 + $1.prefix(1).uppercased() + $1.dropFirst()
    }
  }
}
