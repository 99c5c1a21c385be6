import SparekeyCore

/// Adding and confirming emails and phones (D1).
enum ContactPages {
  @Sendable static func new(_ visit: Visit) async throws -> Reply {
    _ = try await visit.mayChange()
    return .page(NewContactPage(isPhone: visit.query["kind"] == "phone"))
  }

  @Sendable static func add(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    let isPhone = visit.form["kind"] == "phone"
    let typed = visit.form[isPhone ? .phone : .email]
    do {
      let contact =
        isPhone
        ? NewContact(kind: .phone, address: try PhoneNumber(typed).text)
        : NewContact(kind: .email, address: try EmailAddress(typed).text)
      let id = try await visit.site.securityInfo.addContact(contact, by: owner, source: visit.source)
      return .redirect("/account/contact/confirm?contact=\(id)")
    } catch Refusal.field(let field, let problem) {
      var page = NewContactPage(isPhone: isPhone, typed: String(typed.prefix(256)))
      let error = visit.texts.problem(problem, in: field.rawValue)
      if isPhone { page.phoneError = error } else { page.emailError = error }
      return .page(page, status: .unprocessableContent)
    }
  }

  @Sendable static func confirm(_ visit: Visit) async throws -> Reply {
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
        page.notice = visit.texts.format("account.confirmContact.sentAgain", ["address": contact.address])
        return .page(page)
      }
      try await visit.site.securityInfo.confirmContact(
        contact.id, code: visit.form[.code], by: signedIn, source: visit.source)
      return .redirect("/account/security?notice=\(contact.kind.rawValue)-confirmed")
    } catch Refusal.field(_, let problem) {
      page.codeError = visit.texts.problem(problem, in: "code")
    } catch Refusal.issuedCodeWrong {
      page.codeError = visit.texts["error.code.wrong"]
    }
    return .page(page, status: .unprocessableContent)
  }

  private static func contact(_ id: String, _ signedIn: SignedIn, _ visit: Visit) async throws -> Contact {
    let contacts = try await visit.site.securityInfo.overview(for: signedIn).proofs.contacts
    guard let contact = contacts.first(where: { $0.id.text == id }) else { throw Refusal.notFound }
    return contact
  }

  private static func confirmPage(_ contact: Contact, _ visit: Visit) -> ConfirmContactPage {
    let kind = contact.kind.rawValue
    return ConfirmContactPage(
      title: visit.texts["account.confirmContact.title.\(kind)"], contact: contact.id.text,
      sentTo: visit.texts.format("account.confirmContact.sentTo", ["address": contact.address]),
      why: visit.texts["account.confirmContact.why.\(kind)"], isPhone: contact.kind == .phone)
  }
}
