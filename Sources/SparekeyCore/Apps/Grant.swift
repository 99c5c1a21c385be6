/// What an app may know about whoever signs in to it.
package enum Scope: String, Sendable, Codable, CaseIterable, Comparable {
  /// That someone signed in, and their id.
  case openid
  /// The username.
  case profile
  /// The first confirmed email.
  case email
  /// New tokens without asking again, for as long as the session here lasts.
  case offline = "offline_access"

  package static func < (left: Scope, right: Scope) -> Bool {
    (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
  }

  /// As tokens and requests have it.
  package static func text(_ scopes: Set<Scope>) -> String {
    scopes.sorted().map(\.rawValue).joined(separator: " ")
  }

  /// Those of a request that are known; others are ignored (OpenID Connect Core, 3.1.2.1).
  package static func read(_ text: String) -> Set<Scope> {
    Set(text.split(separator: " ").compactMap { Scope(rawValue: String($0)) })
  }
}

/// What the owner of an account allowed an app.
package struct Grant: Sendable, Equatable {
  package let account: AccountID
  package let client: ClientID
  package let scopes: Set<Scope>
  /// When it was first given.
  package let grantedAt: Timestamp
  package let lastUsedAt: Timestamp

  package init(
    account: AccountID, client: ClientID, scopes: Set<Scope>, grantedAt: Timestamp, lastUsedAt: Timestamp
  ) {
    self.account = account
    self.client = client
    self.scopes = scopes
    self.grantedAt = grantedAt
    self.lastUsedAt = lastUsedAt
  }
}

package protocol GrantStore {
  func grant(of account: AccountID, to client: ClientID) throws -> Grant?
  /// The latest used first.
  func grants(of account: AccountID) throws -> [Grant]
  /// Gives it, or replaces scopes and last use of the one there is.
  func put(_ grant: Grant) throws
  func removeGrant(of account: AccountID, to client: ClientID) throws -> Bool
  /// Everybody's.
  func removeGrants(to client: ClientID) throws
}
