/// How long what apps are given is good for. Everything ends earlier with the session it came from.
package enum TokenRules {
  /// From the consent to the app's server (RFC 6749, section 4.1.2, allows ten minutes).
  package static let code = Duration.seconds(60)
  package static let access = Duration.minutes(10)
  package static let idToken = Duration.minutes(5)
  package static let logoutToken = Duration.minutes(2)
}

/// How someone was found to be who they are, as tokens tell it.
package struct Authentication: Sendable, Codable, Equatable {
  package let at: Timestamp
  /// Authentication Context Class Reference.
  package let level: Level
  /// Authentication Methods References (RFC 8176), and `recovery`.
  package let methods: [String]

  /// From weak to strong.
  package enum Level: String, Sendable, Codable, CaseIterable, Comparable {
    /// Back after a recovery, and nothing was proved again since.
    case recovery = "urn:sparekey:recovery"
    case oneFactor = "urn:sparekey:one-factor"
    case twoFactor = "urn:sparekey:two-factor"
    /// With a passkey (OpenID Connect Extended Authentication Profile ACR Values 1.0).
    case phishingResistant = "phr"

    package static func < (left: Level, right: Level) -> Bool {
      (allCases.firstIndex(of: left) ?? 0) < (allCases.firstIndex(of: right) ?? 0)
    }
  }

  /// What a session can truthfully say of its owner. `mfa` is said for a passkey, which verifies its user, and for
  /// password and app together; never for a session born from a recovery.
  package init(_ session: Session) {
    at = session.authenticatedAt
    let kinds = Set(session.proofs.map(\.kind))
    var methods: [String] = []
    if kinds.contains(.password) { methods.append("pwd") }
    if kinds.contains(.totp) { methods.append("otp") }
    if kinds.contains(.passkey) { methods += ["pop", "user"] }
    let isTwoFactor = kinds.contains(.passkey) || kinds.isSuperset(of: [.password, .totp])
    if session.isRecovered {
      level = .recovery
      methods.append("recovery")
    } else {
      level = kinds.contains(.passkey) ? .phishingResistant : isTwoFactor ? .twoFactor : .oneFactor
      if isTwoFactor { methods.append("mfa") }
    }
    self.methods = methods
  }
}

/// An app signed in through one session: what a `sid` names. It ends with the session, in the same statement.
package struct AppSession: Sendable, Equatable {
  package let id: AppSessionID
  package let client: ClientID
  package let account: AccountID
  package let session: SessionID
  package let createdAt: Timestamp
  package let endedAt: Timestamp?

  package init(
    id: AppSessionID, client: ClientID, account: AccountID, session: SessionID, createdAt: Timestamp,
    endedAt: Timestamp? = nil
  ) {
    self.id = id
    self.client = client
    self.account = account
    self.session = session
    self.createdAt = createdAt
    self.endedAt = endedAt
  }
}

/// One yes to an app: its code, and the family of tokens that came from it.
package struct Authorization: Sendable, Equatable {
  package let id: AuthorizationID
  package let appSession: AppSession
  package let redirectURI: String
  /// PKCE, S256 (RFC 7636).
  package let challenge: String
  package let nonce: String?
  package let scopes: Set<Scope>
  package let authentication: Authentication
  package let createdAt: Timestamp
  /// When the code was exchanged.
  package let redeemedAt: Timestamp?
  /// Of the one refresh token that is good.
  package let refreshDigest: [UInt8]?
  package let endedAt: Timestamp?

  package var client: ClientID { appSession.client }
  package var account: AccountID { appSession.account }

  package init(
    id: AuthorizationID, appSession: AppSession, redirectURI: String, challenge: String, nonce: String?,
    scopes: Set<Scope>, authentication: Authentication, createdAt: Timestamp, redeemedAt: Timestamp? = nil,
    refreshDigest: [UInt8]? = nil, endedAt: Timestamp? = nil
  ) {
    self.id = id
    self.appSession = appSession
    self.redirectURI = redirectURI
    self.challenge = challenge
    self.nonce = nonce
    self.scopes = scopes
    self.authentication = authentication
    self.createdAt = createdAt
    self.redeemedAt = redeemedAt
    self.refreshDigest = refreshDigest
    self.endedAt = endedAt
  }
}

/// Whoever ends a session through `SessionStore` ends its app sessions with it.
package protocol AppSessionStore {
  /// The one that has not ended.
  func appSession(of session: SessionID, in client: ClientID) throws -> AppSession?
  func insert(_ appSession: AppSession) throws
  /// Ends all of an account in one app.
  func endAppSessions(of account: AccountID, in client: ClientID, at now: Timestamp) throws
  /// Takes one that has ended and was not told to its app, until `lease`.
  func leaseEndedAppSession(until lease: Timestamp, at now: Timestamp) throws -> (
    appSession: AppSession, attempts: Int
  )?
  func postponeEndedAppSession(_ id: AppSessionID, until time: Timestamp) throws
  /// Forgets it with its authorizations and tokens.
  func forgetAppSession(_ id: AppSessionID) throws
}

package protocol AuthorizationStore {
  func insert(_ authorization: Authorization, codeDigest: [UInt8]) throws
  func authorization(codeDigest: [UInt8]) throws -> Authorization?
  func authorization(_ id: AuthorizationID) throws -> Authorization?
  /// - Returns: false when the code was exchanged before.
  func redeem(_ id: AuthorizationID, refreshDigest: [UInt8]?, at now: Timestamp) throws -> Bool
  /// - Returns: false when `old` is no longer the good one.
  func rotateRefresh(of id: AuthorizationID, from old: [UInt8], to new: [UInt8]) throws -> Bool
  func endAuthorization(_ id: AuthorizationID, at now: Timestamp) throws
  func insertAccessToken(_ digest: [UInt8], of id: AuthorizationID, expiresAt: Timestamp) throws
  func accessToken(_ digest: [UInt8]) throws -> (authorization: Authorization, expiresAt: Timestamp)?
  func removeAccessToken(_ digest: [UInt8]) throws
  /// Forgets access tokens that expired and codes that came to nothing before that time.
  func forgetAuthorizations(before time: Timestamp) throws
}
