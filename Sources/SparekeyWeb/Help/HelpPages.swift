/// Small, true pages for those who cannot sign in (C6).
enum HelpPages {
  @Sendable static func signIn(_ visit: Visit) async throws -> Reply {
    let contact = visit.site.settings.operatorContact
    let link = contact.flatMap { $0.contains("@") ? "mailto:\($0)" : $0.hasPrefix("https://") ? $0 : nil }
    return .page(SignInHelpPage(operatorContact: contact, operatorLink: link))
  }

  @Sendable static func recoveryCode(_ visit: Visit) async throws -> Reply { .page(RecoveryCodeHelpPage()) }

  /// *Learn more* at the 30-day note (H3).
  @Sendable static func recoveryPolicy(_ visit: Visit) async throws -> Reply {
    let table = PolicyTable(visit.texts, options: visit.site.ports.options)
    return .page(PolicyHelpPage(table, visit.texts))
  }
}
