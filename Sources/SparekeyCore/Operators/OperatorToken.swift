/// What a program that works for the operator may do. None of these finishes, shortens or starts a hold, and none shows
/// an address or a secret of an account.
package enum OperatorScope: String, Sendable, Codable, CaseIterable, Comparable {
  case readAccounts = "accounts:read"
  case writeAccounts = "accounts:write"
  case readClients = "clients:read"
  case writeClients = "clients:write"
  case readHolds = "holds:read"
  /// To let completions go on after the clock was set right; holds themselves nobody changes.
  case writeHolds = "holds:write"
  /// What people wrote to support, with the emails they gave.
  case readCases = "cases:read"
  case writeCases = "cases:write"
  case readAgents = "agents:read"
  case writeAgents = "agents:write"
  case readAudit = "audit:read"
  case readReport = "report:read"

  package static func < (left: OperatorScope, right: OperatorScope) -> Bool {
    (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
  }
}

/// A token for the operator API: 256 random bits, kept as a keyed digest only.
package struct OperatorToken: Sendable, Equatable {
  /// What the audit trail calls whoever uses it.
  package let name: String
  package let scopes: Set<OperatorScope>
  package let createdAt: Timestamp
  package let expiresAt: Timestamp?
  /// To the hour.
  package var lastUsedAt: Timestamp?

  package init(
    name: String, scopes: Set<OperatorScope>, createdAt: Timestamp, expiresAt: Timestamp?,
    lastUsedAt: Timestamp? = nil
  ) {
    self.name = name
    self.scopes = scopes
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.lastUsedAt = lastUsedAt
  }

  package func isLive(at now: Timestamp) -> Bool { expiresAt.map { now < $0 } ?? true }
}

package protocol OperatorTokenStore {
  /// False when the name is taken.
  func insert(_ token: OperatorToken, digest: [UInt8]) throws -> Bool
  func operatorToken(digest: [UInt8]) throws -> OperatorToken?
  /// By name.
  func operatorTokens() throws -> [OperatorToken]
  func setLastUse(ofOperatorToken name: String, to time: Timestamp) throws
  /// False when there is no such token.
  func deleteOperatorToken(_ name: String) throws -> Bool
}

/// A program found to hold a live token in this request, with the scope it needs. Only `OperatorTokens` makes one.
package struct Operator: Sendable {
  package let token: OperatorToken
  package var actor: AuditActor { .token(token.name) }

  fileprivate init(_ token: OperatorToken) { self.token = token }
}

/// Making and checking the tokens of the operator API (O2).
package struct OperatorTokens: Sendable {
  /// By which scanners for secrets find one.
  package static let prefix = "sk_admin_"
  package static let nameLengths = 1...40
  private static let useResolution = Duration.hours(1)
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let description: String
  }

  /// - Parameter lifetime: nil for one that is good until it is deleted.
  /// - Returns: the token, the only time it is seen.
  /// - Throws: `Problem` saying what cannot be.
  package func create(name: String, scopes: Set<OperatorScope>, lifetime: Duration?) async throws -> (
    OperatorToken, secret: Secret
  ) {
    guard Self.nameLengths.contains(name.utf8.count),
      name.utf8.allSatisfy({ Self.nameSigns.contains($0) })
    else {
      throw Problem(description: "A name has 1 to 40 of a–z, 0–9, dot, dash and underscore.")
    }
    guard !scopes.isEmpty else {
      throw Problem(
        description: "A token needs a scope: "
          + OperatorScope.allCases.map(\.rawValue).joined(separator: ", ") + ".")
    }
    let secret = Secret(Self.prefix + Base32.encode(ports.randomness.bytes(32)))
    let digest = ports.digest(operatorToken: secret)
    let token = try await ports.database.write { [ports] transaction in
      let now = transaction.now
      let token = OperatorToken(
        name: name, scopes: scopes, createdAt: now, expiresAt: lifetime.map { now + $0 })
      guard try transaction.insert(token, digest: digest) else {
        throw Problem(description: "There is a token \(name) already. See: sparekey token list")
      }
      try ports.audit(
        .tokenCreated, by: .operator,
        detail: "\(name): \(scopes.sorted().map(\.rawValue).joined(separator: " "))", in: transaction)
      return token
    }
    return (token, secret)
  }

  package func list() async throws -> [OperatorToken] {
    try await ports.database.read { try $0.operatorTokens() }
  }

  /// It is good no more at once. - Throws: `Problem`.
  package func delete(_ name: String) async throws {
    try await ports.database.write { [ports] transaction in
      guard try transaction.deleteOperatorToken(name) else {
        throw Problem(description: "There is no token \(name). See: sparekey token list")
      }
      try ports.audit(.tokenDeleted, by: .operator, detail: name, in: transaction)
    }
  }

  /// - Parameter scope: what the call needs; nil for what any token may ask.
  /// - Throws: `Refusal.tokenUnknown`, `.scopeMissing`; `.slowDown` for a source of many unknown ones.
  package func holder(of secret: Secret, scope: OperatorScope?, source: Source) async throws -> Operator {
    let digest = ports.digest(operatorToken: secret)
    let (found, now) = try await ports.database.read { (try $0.operatorToken(digest: digest), $0.now) }
    guard let found, found.isLive(at: now) else {
      try await ports.database.write { [ports] transaction in
        _ = try ports.countTry(ThrottleRules.operatorToken, on: "", from: source, in: transaction)
      }
      throw Refusal.tokenUnknown
    }
    if let scope, !found.scopes.contains(scope) { throw Refusal.scopeMissing(scope) }
    let hour = Self.useResolution.milliseconds
    let use = Timestamp(milliseconds: now.milliseconds / hour * hour)
    if found.lastUsedAt.map({ $0 < use }) ?? true {
      try await ports.database.write { try $0.setLastUse(ofOperatorToken: found.name, to: use) }
    }
    return Operator(found)
  }

  private static let nameSigns = Set("abcdefghijklmnopqrstuvwxyz0123456789.-_".utf8)
}

extension Ports {
  fileprivate func digest(operatorToken: Secret) -> [UInt8] {
    operatorToken.withBytes { keys.digest(Array($0), for: .operatorToken) }
  }
}
