import SparekeyCore

/// Who may add and remove second factors: the owner after a step-up, or someone who is back after a recovery and has to
/// settle them first. The same pages serve both.
enum FactorKeeper {
  case owner(SteppedUp)
  case settling(Unsettled)

  /// Where the pages lead back to.
  var home: String {
    switch self {
    case .owner: "/account/security"
    case .settling: "/account/factors"
    }
  }

  func addApp(named name: String, _ visit: Visit) async throws -> SecurityInfo.NewApp {
    switch self {
    case .owner(let owner):
      try await visit.site.securityInfo.addApp(named: name, by: owner, source: visit.source)
    case .settling(let owner): try await visit.site.factorSettling.addApp(named: name, by: owner)
    }
  }

  func unconfirmedApp(_ id: AuthenticatorAppID, _ visit: Visit) async throws -> SecurityInfo.NewApp {
    switch self {
    case .owner(let owner): try await visit.site.securityInfo.unconfirmedApp(id, by: owner)
    case .settling(let owner): try await visit.site.factorSettling.unconfirmedApp(id, by: owner)
    }
  }

  func confirmApp(_ id: AuthenticatorAppID, code: String, _ visit: Visit) async throws {
    switch self {
    case .owner(let owner):
      try await visit.site.securityInfo.confirmApp(id, code: code, by: owner, source: visit.source)
    case .settling(let owner):
      try await visit.site.factorSettling.confirmNewApp(id, code: code, by: owner, source: visit.source)
    }
  }

  func newPasskeyPrompt(_ visit: Visit) async throws -> PasskeyPrompt {
    switch self {
    case .owner(let owner):
      try await visit.site.securityInfo.passkeyPrompt(by: owner, binding: visit.binding)
    case .settling(let owner):
      try await visit.site.factorSettling.newPasskeyPrompt(for: owner, binding: visit.binding)
    }
  }

  func addPasskey(named name: String, _ visit: Visit) async throws {
    let registration = try visit.passkeyRegistration()
    let request = visit.form["request"]
    switch self {
    case .owner(let owner):
      _ = try await visit.site.securityInfo.addPasskey(
        registration, request: request, named: name, by: owner, binding: visit.binding, source: visit.source)
    case .settling(let owner):
      try await visit.site.factorSettling.addPasskey(
        registration, request: request, named: name, by: owner, binding: visit.binding, source: visit.source)
    }
  }
}

extension Visit {
  /// - Throws: see `mayChange`.
  func factorKeeper() async throws -> FactorKeeper {
    if case .unsettled(let unsettled) = await owner { return .settling(unsettled) }
    return .owner(try await mayChange())
  }
}
