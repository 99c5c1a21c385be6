/// Small, true pages for those who cannot sign in (C6).
enum HelpPages {
  @Sendable static func signIn(_ visit: Visit) async throws -> Reply {
    let contact = visit.site.settings.operatorContact
    let link = contact.flatMap { $0.contains("@") ? "mailto:\($0)" : $0.hasPrefix("https://") ? $0 : nil }
    return .page(SignInHelpPage(operatorContact: contact, operatorLink: link))
  }

  @Sendable static func recoveryCode(_ visit: Visit) async throws -> Reply { .page(RecoveryCodeHelpPage()) }
}
