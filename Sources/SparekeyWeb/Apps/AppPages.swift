import SparekeyCore

/// *Apps with access*: what its owner allowed, and taking it back (D6).
enum AppPages {
  @Sendable static func list(_ visit: Visit) async throws -> Reply {
    let apps = try await visit.site.apps.list(for: visit.signedIn())
    let notice = visit.query["notice"] == "removed" ? visit.texts["apps.list.removed"] : nil
    return .page(AppsPage(apps: apps.map { AppRow($0, visit.texts) }, notice: notice))
  }

  @Sendable static func remove(_ visit: Visit) async throws -> Reply {
    try await visit.site.apps.remove(
      ClientID(text: visit.form["app"]), by: visit.signedIn(), source: visit.source)
    let isCleanUp = visit.form["from"] == "clean-up"
    return .redirect(isCleanUp ? "/account/clean-up?notice=app-removed" : "/account/apps?notice=removed")
  }
}

/// *Remove* posts `app` to `/account/apps/remove`.
package struct AppsPage: Page {
  package static let template = "apps/list"

  package var apps: [AppRow]
  package var notice: String?

  package init(apps: [AppRow], notice: String? = nil) {
    self.apps = apps
    self.notice = notice
  }
}

/// One app with access.
package struct AppRow: Sendable {
  package var id: String
  package var name: String
  /// What it may know; catalogue: `apps.scope.…`.
  package var scopes: String
  /// Catalogue: `apps.list.facts` with `{granted}` and `{used}`.
  package var facts: String

  package init(id: String, name: String, scopes: String, facts: String) {
    self.id = id
    self.name = name
    self.scopes = scopes
    self.facts = facts
  }

  init(_ access: Apps.Access, _ texts: Texts) {
    self.init(
      id: access.client.id.text, name: access.client.name,
      scopes: access.grant.scopes.sorted().map { texts["apps.scope.\($0.textKey)"] }.joined(separator: " "),
      facts: texts.format(
        "apps.list.facts",
        ["granted": texts.day(access.grant.grantedAt), "used": texts.day(access.grant.lastUsedAt)]))
  }
}
