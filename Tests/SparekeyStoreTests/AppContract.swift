import MemoryStore
import SparekeyCore
import SparekeyStore
import Testing

/// The part of the contract that is about apps.
extension `The contract of every engine` {
  private func client(_ id: String = "c", name: String = "Notes") -> Client {
    Client(
      id: ClientID(text: id), name: name, kind: .confidential, secretDigest: [1, 2],
      redirectURIs: ["https://a.example/in", "https://a.example/two"],
      postLogoutURIs: ["https://a.example/out"],
      backChannelLogoutURI: "https://a.example/told", algorithm: .rs256, createdAt: start)
  }

  private func session(_ id: String, of account: String = "anna") -> Session {
    Session(
      id: SessionID(text: id), account: AccountID(text: account), createdAt: start, lastSeenAt: start,
      provedAt: start, source: Source(address: "192.0.2.1"), proofs: [.password], isRecovered: id == "s1")
  }

  private func appSession(_ id: String, _ session: String, client: String = "c", of account: String = "anna")
    -> AppSession
  {
    AppSession(
      id: AppSessionID(text: id), client: ClientID(text: client), account: AccountID(text: account),
      session: SessionID(text: session), createdAt: start)
  }

  private func authorization(_ id: String, _ session: AppSession) -> Authorization {
    Authorization(
      id: AuthorizationID(text: id), appSession: session, redirectURI: "https://a.example/in",
      challenge: "ch",
      nonce: id == "z1" ? "n" : nil, scopes: [.openid, .email],
      authentication: Authentication(self.session("s0")), createdAt: start)
  }

  @Test(arguments: Engine.allCases)
  func `A1: clients are kept whole, and forgotten with everything that was given to them`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      try transaction.insert(client())
      try transaction.insert(client("b", name: "Albums"))
      #expect(try transaction.client(ClientID(text: "c")) == client())
      #expect(try transaction.clients().map(\.name) == ["Albums", "Notes"])
      let changed = Client(
        id: client().id, name: "Zettel", kind: .public, secretDigest: nil,
        redirectURIs: ["org.example:/in"], algorithm: .es256, createdAt: start, origin: .formerlyFile)
      let isSet = try transaction.replace(changed)
      let isUnknown = try transaction.replace(client("x"))
      #expect(isSet && !isUnknown)
      #expect(try transaction.client(ClientID(text: "c")) == changed)
      #expect(try transaction.client(ClientID(text: "x")) == nil)
      try transaction.put(
        Grant(account: anna, client: client().id, scopes: [.openid], grantedAt: start, lastUsedAt: start))
      let given = appSession("a1", "s1")
      try transaction.insert(given)
      try transaction.insert(authorization("z1", given), codeDigest: [1])
      try transaction.insertAccessToken([7], of: AuthorizationID(text: "z1"), expiresAt: start)
      let isGone = try transaction.deleteClient(client().id)
      let again = try transaction.deleteClient(client().id)
      #expect(isGone && !again)
      #expect(try transaction.grants(of: anna).isEmpty)
      #expect(try transaction.accessToken([7]) == nil)
      #expect(try transaction.authorization(codeDigest: [1]) == nil)
      #expect(try transaction.clients().map(\.name) == ["Albums"])
    }
  }

  @Test(arguments: Engine.allCases)
  func `D5: an account that is erased leaves nothing with apps`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert"])
    try await database.write { [self] transaction in
      try transaction.insert(client())
      for (name, number) in [("anna", 1), ("bert", 2)] {
        let given = appSession("a\(number)", "s\(number)", of: name)
        try transaction.insert(given)
        try transaction.insert(authorization("z\(number)", given), codeDigest: [UInt8(number)])
        try transaction.insertAccessToken(
          [UInt8(number)], of: AuthorizationID(text: "z\(number)"), expiresAt: start)
        try transaction.put(
          Grant(
            account: AccountID(text: name), client: client().id, scopes: [.openid], grantedAt: start,
            lastUsedAt: start))
      }
      _ = try transaction.setClosing(at: start, of: anna)
      let isErased = try transaction.erase(anna, at: start)
      #expect(isErased)
      #expect(try transaction.grants(of: anna).isEmpty)
      #expect(try transaction.accessToken([1]) == nil && transaction.authorization(codeDigest: [1]) == nil)
      #expect(try transaction.accessToken([2]) != nil)
      #expect(try transaction.grants(of: AccountID(text: "bert")).count == 1)
    }
  }

  @Test(arguments: Engine.allCases)
  func `A1: a grant keeps when it was first given, and is its owner's alone`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert"])
    try await database.write { [self] transaction in
      try transaction.insert(client())
      try transaction.insert(client("b", name: "Albums"))
      for (id, hour) in [("c", 0), ("b", 1), ("c", 2)] {
        try transaction.put(
          Grant(
            account: anna, client: ClientID(text: id), scopes: hour == 2 ? [.openid, .email] : [.openid],
            grantedAt: start + .hours(hour), lastUsedAt: start + .hours(hour)))
      }
      let grants = try transaction.grants(of: anna)
      #expect(grants.map(\.client.text) == ["c", "b"])
      #expect(grants[0].scopes == [.openid, .email] && grants[0].grantedAt == start)
      #expect(grants[0].lastUsedAt == start + .hours(2))
      let byOther = try transaction.removeGrant(of: AccountID(text: "bert"), to: client().id)
      let byOwner = try transaction.removeGrant(of: anna, to: client().id)
      #expect(!byOther && byOwner)
      #expect(try transaction.grant(of: anna, to: client().id) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `S7: whatever ends a session ends its app sessions, and no others`(_ kind: Engine) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert"])
    try await database.write { [self] transaction in
      try transaction.insert(client())
      for number in 0..<4 {
        try transaction.insert(
          session("s\(number)", of: number == 3 ? "bert" : "anna"), tokenDigest: [UInt8(number)])
        try transaction.insert(appSession("a\(number)", "s\(number)", of: number == 3 ? "bert" : "anna"))
      }
      #expect(try transaction.sessions(of: anna).filter(\.isRecovered).map(\.id.text) == ["s1"])
      func live() throws -> [Int] {
        try (0..<4).filter {
          try transaction.appSession(of: SessionID(text: "s\($0)"), in: client().id) != nil
        }
      }
      _ = try transaction.endSession(SessionID(text: "s0"), of: AccountID(text: "bert"))
      #expect(try live() == [0, 1, 2, 3])
      _ = try transaction.endSession(SessionID(text: "s0"), of: anna)
      #expect(try live() == [1, 2, 3])
      _ = try transaction.endSessions(of: anna)
      #expect(try live() == [3])
      try transaction.forgetSessions(seenBefore: start)
      #expect(try live() == [3])
      try transaction.forgetSessions(seenBefore: start + .hours(1))
      #expect(try live().isEmpty)
      try transaction.insert(appSession("a9", "s9"))
      try transaction.endAppSessions(of: AccountID(text: "bert"), in: client().id, at: start)
      #expect(try transaction.appSession(of: SessionID(text: "s9"), in: client().id) != nil)
      try transaction.endAppSessions(of: anna, in: client().id, at: start)
      #expect(try transaction.appSession(of: SessionID(text: "s9"), in: client().id) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `S7: an ended app session is leased once at a time, until its app was told`(_ kind: Engine)
    async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      try transaction.insert(client())
      let given = appSession("a1", "s1")
      try transaction.insert(given)
      try transaction.insert(authorization("z1", given), codeDigest: [1])
      try transaction.insertAccessToken([7], of: AuthorizationID(text: "z1"), expiresAt: start)
      #expect(try transaction.leaseEndedAppSession(until: start + .hours(1), at: start) == nil)
      try transaction.endAppSessions(of: anna, in: client().id, at: start)
      let first = try #require(try transaction.leaseEndedAppSession(until: start + .hours(1), at: start))
      #expect(first.appSession.id == given.id && first.attempts == 1 && first.appSession.endedAt == start)
      #expect(try transaction.leaseEndedAppSession(until: start + .hours(1), at: start) == nil)
      try transaction.postponeEndedAppSession(given.id, until: start + .minutes(1))
      let second = try transaction.leaseEndedAppSession(until: start + .hours(2), at: start + .minutes(1))
      #expect(second?.attempts == 2)
      try transaction.forgetAppSession(given.id)
      #expect(try transaction.leaseEndedAppSession(until: start, at: start + .days(1)) == nil)
      #expect(try transaction.accessToken([7]) == nil)
      #expect(try transaction.authorization(AuthorizationID(text: "z1")) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `RFC 9700: codes and refresh tokens move by guarded updates`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    let first = AuthorizationID(text: "z1")
    try await database.write { [self] transaction in
      try transaction.insert(client())
      let given = appSession("a1", "s1")
      try transaction.insert(given)
      try transaction.insert(authorization("z1", given), codeDigest: [1])
      try transaction.insert(authorization("z2", given), codeDigest: [2])
      #expect(try transaction.authorization(codeDigest: [1]) == authorization("z1", given))
      #expect(try transaction.authorization(codeDigest: [9]) == nil)
      let once = try transaction.redeem(first, refreshDigest: [5], at: start)
      let twice = try transaction.redeem(first, refreshDigest: [6], at: start)
      #expect(once && !twice)
      let wrong = try transaction.rotateRefresh(of: first, from: [6], to: [7])
      let right = try transaction.rotateRefresh(of: first, from: [5], to: [7])
      #expect(!wrong && right)
      #expect(try transaction.authorization(first)?.refreshDigest == [7])
      try transaction.insertAccessToken([8], of: first, expiresAt: start + .hours(1))
      #expect(try transaction.accessToken([8])?.expiresAt == start + .hours(1))
      try transaction.endAuthorization(first, at: start)
      let ended = try transaction.rotateRefresh(of: first, from: [7], to: [9])
      #expect(!ended)
      #expect(try transaction.authorization(first)?.endedAt == start)
      #expect(try transaction.accessToken([8]) == nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `housekeeping forgets what is over and keeps what tokens still hang on`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      try transaction.insert(client())
      let given = appSession("a1", "s1")
      try transaction.insert(given)
      for name in ["unused", "used", "refreshing", "ended"] {
        try transaction.insert(authorization(name, given), codeDigest: Array(name.utf8))
      }
      _ = try transaction.redeem(AuthorizationID(text: "refreshing"), refreshDigest: [5], at: start)
      _ = try transaction.redeem(AuthorizationID(text: "ended"), refreshDigest: [6], at: start)
      try transaction.endAuthorization(AuthorizationID(text: "ended"), at: start)
      try transaction.insertAccessToken([1], of: AuthorizationID(text: "used"), expiresAt: start + .days(2))
      try transaction.insertAccessToken([2], of: AuthorizationID(text: "refreshing"), expiresAt: start)
      func kept() throws -> [String] {
        try ["unused", "used", "refreshing", "ended"].filter {
          try transaction.authorization(AuthorizationID(text: $0)) != nil
        }
      }
      try transaction.forgetAuthorizations(before: start)
      #expect(try kept().count == 4)
      try transaction.forgetAuthorizations(before: start + .days(1))
      #expect(try kept() == ["used", "refreshing"])
      #expect(try transaction.accessToken([2]) == nil)
      #expect(try transaction.accessToken([1]) != nil)
    }
  }

  @Test(arguments: Engine.allCases)
  func `A1: of two nodes that make the same key one wins`(_ kind: Engine) async throws {
    let database = try await engine(kind)
    @Sendable func key(_ id: String, _ number: Int, _ algorithm: SigningAlgorithm = .es256)
      -> StoredSigningKey
    {
      StoredSigningKey(
        id: SigningKeyID(text: id), algorithm: algorithm, number: number, sealed: [1], createdAt: Self.start,
        usedFrom: Self.start + .days(1))
    }
    try await database.write { transaction in
      let first = try transaction.insert(key("k1", 1))
      let second = try transaction.insert(key("k2", 1))
      let other = try transaction.insert(key("k3", 1, .rs256))
      #expect(first && !second && other)
      #expect(try transaction.signingKeys() == [key("k1", 1), key("k3", 1, .rs256)])
      try transaction.deleteSigningKey(SigningKeyID(text: "k1"))
      #expect(try transaction.signingKeys().map(\.id.text) == ["k3"])
    }
  }
}
