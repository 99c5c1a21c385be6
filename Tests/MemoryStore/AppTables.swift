import SparekeyCore

/// What the store keeps for apps.
struct AppTables: Sendable {
  struct SessionRow {
    var session: AppSession
    var dueAt = Timestamp(milliseconds: 0)
    var attempts = 0
  }

  struct AuthorizationRow {
    var authorization: Authorization
    let codeDigest: [UInt8]
  }

  struct GrantKey: Hashable {
    let account: AccountID
    let client: ClientID
  }

  var clients: [ClientID: Client] = [:]
  var grants: [GrantKey: Grant] = [:]
  var sessions: [AppSessionID: SessionRow] = [:]
  var authorizations: [AuthorizationID: AuthorizationRow] = [:]
  var accessTokens: [[UInt8]: (id: AuthorizationID, expiresAt: Timestamp)] = [:]
  var keys: [StoredSigningKey] = []
}

extension MemoryTransaction {
  // MARK: clients

  func insert(_ client: Client) throws { state.appTables.clients[client.id] = client }

  func client(_ id: ClientID) throws -> Client? { state.appTables.clients[id] }

  func clients() throws -> [Client] {
    state.appTables.clients.values.sorted { ($0.name, $0.id.text) < ($1.name, $1.id.text) }
  }

  func replace(_ client: Client) throws -> Bool {
    guard let old = state.appTables.clients[client.id] else { return false }
    state.appTables.clients[client.id] = Client(
      id: old.id, name: client.name, kind: client.kind, secretDigest: client.secretDigest,
      redirectURIs: client.redirectURIs, postLogoutURIs: client.postLogoutURIs,
      backChannelLogoutURI: client.backChannelLogoutURI, algorithm: client.algorithm,
      createdAt: old.createdAt, origin: client.origin)
    return true
  }

  func deleteClient(_ id: ClientID) throws -> Bool {
    for row in state.appTables.sessions.values where row.session.client == id {
      try forgetAppSession(row.session.id)
    }
    state.appTables.grants = state.appTables.grants.filter { $0.key.client != id }
    return state.appTables.clients.removeValue(forKey: id) != nil
  }

  // MARK: grants

  func grant(of account: AccountID, to client: ClientID) throws -> Grant? {
    state.appTables.grants[AppTables.GrantKey(account: account, client: client)]
  }

  func grants(of account: AccountID) throws -> [Grant] {
    state.appTables.grants.values.filter { $0.account == account }
      .sorted { ($1.lastUsedAt, $0.client.text) < ($0.lastUsedAt, $1.client.text) }
  }

  func put(_ grant: Grant) throws {
    let key = AppTables.GrantKey(account: grant.account, client: grant.client)
    state.appTables.grants[key] = Grant(
      account: grant.account, client: grant.client, scopes: grant.scopes,
      grantedAt: state.appTables.grants[key]?.grantedAt ?? grant.grantedAt, lastUsedAt: grant.lastUsedAt)
  }

  func removeGrant(of account: AccountID, to client: ClientID) throws -> Bool {
    state.appTables.grants.removeValue(forKey: AppTables.GrantKey(account: account, client: client)) != nil
  }

  func removeGrants(to client: ClientID) throws {
    state.appTables.grants = state.appTables.grants.filter { $0.key.client != client }
  }

  // MARK: app sessions

  func appSession(of session: SessionID, in client: ClientID) throws -> AppSession? {
    state.appTables.sessions.values.map(\.session)
      .first { $0.session == session && $0.client == client && $0.endedAt == nil }
  }

  func insert(_ appSession: AppSession) throws {
    state.appTables.sessions[appSession.id] = AppTables.SessionRow(session: appSession)
  }

  func endAppSessions(of account: AccountID, in client: ClientID, at now: Timestamp) throws {
    endAppSessions { $0.account == account && $0.client == client }
  }

  func endAppSessions(where fits: (AppSession) -> Bool) {
    for (id, row) in state.appTables.sessions where row.session.endedAt == nil && fits(row.session) {
      let old = row.session
      state.appTables.sessions[id] = AppTables.SessionRow(
        session: AppSession(
          id: id, client: old.client, account: old.account, session: old.session, createdAt: old.createdAt,
          endedAt: now), dueAt: now)
    }
  }

  func leaseEndedAppSession(until lease: Timestamp, at now: Timestamp) throws -> (
    appSession: AppSession, attempts: Int
  )? {
    let due = state.appTables.sessions.values.filter { $0.session.endedAt != nil && $0.dueAt <= now }
      .min { ($0.dueAt, $0.session.id.text) < ($1.dueAt, $1.session.id.text) }
    guard var row = due else { return nil }
    row.dueAt = lease
    row.attempts += 1
    state.appTables.sessions[row.session.id] = row
    return (row.session, row.attempts)
  }

  func postponeEndedAppSession(_ id: AppSessionID, until time: Timestamp) throws {
    state.appTables.sessions[id]?.dueAt = time
  }

  func forgetAppSession(_ id: AppSessionID) throws {
    let families = Set(
      state.appTables.authorizations.values.map(\.authorization).filter { $0.appSession.id == id }.map(\.id))
    state.appTables.accessTokens = state.appTables.accessTokens.filter { !families.contains($0.value.id) }
    for family in families { state.appTables.authorizations[family] = nil }
    state.appTables.sessions[id] = nil
  }

  // MARK: authorizations

  func insert(_ authorization: Authorization, codeDigest: [UInt8]) throws {
    state.appTables.authorizations[authorization.id] = AppTables.AuthorizationRow(
      authorization: authorization, codeDigest: codeDigest)
  }

  func authorization(codeDigest: [UInt8]) throws -> Authorization? {
    try state.appTables.authorizations.values.first { $0.codeDigest == codeDigest }
      .flatMap { try authorization($0.authorization.id) }
  }

  func authorization(_ id: AuthorizationID) throws -> Authorization? {
    guard let found = state.appTables.authorizations[id]?.authorization,
      let session = state.appTables.sessions[found.appSession.id]?.session
    else { return nil }
    return found.with(appSession: session)
  }

  func redeem(_ id: AuthorizationID, refreshDigest: [UInt8]?, at now: Timestamp) throws -> Bool {
    guard let old = try authorization(id), old.redeemedAt == nil else { return false }
    state.appTables.authorizations[id]?.authorization = old.with(
      redeemedAt: now, refreshDigest: refreshDigest)
    return true
  }

  func rotateRefresh(of id: AuthorizationID, from old: [UInt8], to new: [UInt8]) throws -> Bool {
    guard let found = try authorization(id), found.refreshDigest == old, found.endedAt == nil else {
      return false
    }
    state.appTables.authorizations[id]?.authorization = found.with(refreshDigest: new)
    return true
  }

  func endAuthorization(_ id: AuthorizationID, at now: Timestamp) throws {
    state.appTables.accessTokens = state.appTables.accessTokens.filter { $0.value.id != id }
    guard let old = try authorization(id), old.endedAt == nil else { return }
    state.appTables.authorizations[id]?.authorization = old.with(endedAt: now)
  }

  func insertAccessToken(_ digest: [UInt8], of id: AuthorizationID, expiresAt: Timestamp) throws {
    state.appTables.accessTokens[digest] = (id, expiresAt)
  }

  func accessToken(_ digest: [UInt8]) throws -> (authorization: Authorization, expiresAt: Timestamp)? {
    guard let row = state.appTables.accessTokens[digest], let authorization = try authorization(row.id) else {
      return nil
    }
    return (authorization, row.expiresAt)
  }

  func removeAccessToken(_ digest: [UInt8]) throws { state.appTables.accessTokens[digest] = nil }

  func forgetAuthorizations(before time: Timestamp) throws {
    state.appTables.accessTokens = state.appTables.accessTokens.filter { time <= $0.value.expiresAt }
    let used = Set(state.appTables.accessTokens.values.map(\.id))
    state.appTables.authorizations = state.appTables.authorizations.filter { id, row in
      time <= row.authorization.createdAt || used.contains(id)
        || row.authorization.refreshDigest != nil && row.authorization.endedAt == nil
    }
  }

  // MARK: signing keys

  func signingKeys() throws -> [StoredSigningKey] {
    state.appTables.keys.sorted { ($0.createdAt, $0.id.text) < ($1.createdAt, $1.id.text) }
  }

  func insert(_ key: StoredSigningKey) throws -> Bool {
    guard !state.appTables.keys.contains(where: { $0.algorithm == key.algorithm && $0.number == key.number })
    else { return false }
    state.appTables.keys.append(key)
    return true
  }

  func deleteSigningKey(_ id: SigningKeyID) throws { state.appTables.keys.removeAll { $0.id == id } }
}

extension Authorization {
  fileprivate func with(
    appSession: AppSession? = nil, redeemedAt: Timestamp? = nil, refreshDigest: [UInt8]? = nil,
    endedAt: Timestamp? = nil
  ) -> Authorization {
    Authorization(
      id: id, appSession: appSession ?? self.appSession, redirectURI: redirectURI, challenge: challenge,
      nonce: nonce, scopes: scopes, authentication: authentication, createdAt: createdAt,
      redeemedAt: redeemedAt ?? self.redeemedAt, refreshDigest: refreshDigest ?? self.refreshDigest,
      endedAt: endedAt ?? self.endedAt)
  }
}
