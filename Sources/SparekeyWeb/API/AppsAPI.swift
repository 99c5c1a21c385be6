import SparekeyCore

/// An app that the owner allowed something.
struct AllowedAppAnswer: Encodable {
  let client: String
  let name: String
  let scopes: [String]
  let grantedAt: String
  let lastUsedAt: String

  init(_ access: Apps.Access) {
    client = access.client.id.text
    name = access.client.name
    scopes = access.grant.scopes.sorted().map(\.rawValue)
    grantedAt = access.grant.grantedAt.iso8601
    lastUsedAt = access.grant.lastUsedAt.iso8601
  }
}

/// *Apps with access* (A1, D6).
enum AppsAPI {
  @Sendable static func list(_ call: Call) async throws -> APIAnswer {
    let signedIn = try await call.signedIn()
    let page = try PageRequest(of: "apps/\(signedIn.account.id)", in: call)
    return try await page.answer(ofAll: call.site.apps.list(for: signedIn)) {
      Position(number: -$0.grant.lastUsedAt.milliseconds, text: $0.client.id.text)
    } item: {
      AllowedAppAnswer($0)
    }
  }

  /// Takes an app's access away at once.
  @Sendable static func remove(_ call: Call) async throws -> APIAnswer {
    try await call.site.apps.remove(
      call.identifier("client"), by: call.signedIn(), source: call.source)
    return .noContent
  }
}
