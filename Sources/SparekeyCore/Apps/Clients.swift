/// Registering apps, for the operator.
package struct Clients: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package struct Problem: Error, Equatable, CustomStringConvertible {
    /// By its name in the operator API.
    package let field: String
    package let description: String
  }

  /// An app as the operator describes it.
  package struct New: Sendable {
    package var name: String
    package var kind: Client.Kind
    package var redirectURIs: [String]
    package var postLogoutURIs: [String]
    package var backChannelLogoutURI: String?
    package var algorithm: SigningAlgorithm

    package init(
      name: String, kind: Client.Kind, redirectURIs: [String], postLogoutURIs: [String] = [],
      backChannelLogoutURI: String? = nil, algorithm: SigningAlgorithm = .es256
    ) {
      self.name = name
      self.kind = kind
      self.redirectURIs = redirectURIs
      self.postLogoutURIs = postLogoutURIs
      self.backChannelLogoutURI = backChannelLogoutURI
      self.algorithm = algorithm
    }
  }

  /// A client, and the secret of a confidential one: the only time it is seen.
  package struct Registered: Sendable {
    package let client: Client
    package let secret: Secret?
  }

  /// - Throws: `Problem` naming what cannot be.
  package func register(
    _ new: New, by actor: AuditActor = .operator,
    keeping keep: @escaping Keeping<Registered> = { _, _ in }
  ) async throws -> Registered {
    try new.check()
    try new.checkReach(of: ports.tokenIssuer, by: actor)
    let registered = client(new, id: ClientID(ports.randomness), secret: ports.newAppSecret(), .operator)
    _ = try await ports.currentKey(for: new.algorithm)
    return try await ports.database.write { [ports] transaction in
      let client = registered.client
      try transaction.insert(client)
      try ports.audit(.clientRegistered, by: actor, detail: client.words, in: transaction)
      try keep(registered, transaction)
      return registered
    }
  }

  /// - Parameter secret: kept if it is a confidential one.
  private func client(_ new: New, id: ClientID, secret: Secret, _ origin: Client.Origin) -> Registered {
    let secret = new.kind == .confidential ? secret : nil
    return Registered(
      client: Client(
        id: id, name: new.name, kind: new.kind, secretDigest: secret.map { ports.digest(appSecret: $0) },
        redirectURIs: new.redirectURIs, postLogoutURIs: new.postLogoutURIs,
        backChannelLogoutURI: new.backChannelLogoutURI, algorithm: new.algorithm,
        createdAt: ports.clock.now(), origin: origin), secret: secret)
  }

  /// Describes it anew; kind and secret stay, and what people allowed it, unless there are new places where it sends
  /// them: those they are asked about again.
  /// - Throws: `Refusal.notFound`, `.clientFromFile`; `Problem`, also for another kind.
  package func change(_ id: ClientID, to new: New, by actor: AuditActor) async throws -> Client {
    try new.check()
    try new.checkReach(of: ports.tokenIssuer, by: actor)
    _ = try await ports.currentKey(for: new.algorithm)
    return try await ports.database.write { [ports] transaction in
      let old = try changeable(id, in: transaction)
      guard new.kind == old.kind else {
        throw Problem(field: "kind", description: "A client stays \(old.kind.rawValue).")
      }
      let changed = Client(
        id: id, name: new.name, kind: old.kind, secretDigest: old.secretDigest,
        redirectURIs: new.redirectURIs,
        postLogoutURIs: new.postLogoutURIs, backChannelLogoutURI: new.backChannelLogoutURI,
        algorithm: new.algorithm, createdAt: old.createdAt, origin: old.origin)
      _ = try transaction.replace(changed)
      if !Set(new.redirectURIs).isSubset(of: old.redirectURIs) { try transaction.removeGrants(to: id) }
      try ports.audit(.clientChanged, by: actor, detail: changed.words, in: transaction)
      return changed
    }
  }

  package func all() async throws -> [Client] { try await ports.database.read { try $0.clients() } }

  package func client(_ id: ClientID) async throws -> Client? {
    try await ports.database.read { try $0.client(id) }
  }

  /// The old secret stops working at once. - Throws: `Refusal.notFound`, `.clientFromFile`, `.clientIsPublic`.
  package func rotateSecret(
    of id: ClientID, by actor: AuditActor = .operator, keeping keep: @escaping Keeping<Secret> = { _, _ in }
  ) async throws -> Secret {
    let secret = ports.newAppSecret()
    let digest = ports.digest(appSecret: secret)
    try await ports.database.write { [ports] transaction in
      let old = try changeable(id, in: transaction)
      guard old.kind == .confidential else { throw Refusal.clientIsPublic }
      _ = try transaction.replace(old.with(secretDigest: digest, origin: old.origin))
      try ports.audit(.clientSecretRotated, by: actor, detail: old.words, in: transaction)
      try keep(secret, transaction)
    }
    return secret
  }

  /// Deletes it with everything people gave it; its tokens stop working at once.
  /// - Throws: `Refusal.notFound`, `.clientFromFile`.
  package func delete(_ id: ClientID, by actor: AuditActor = .operator) async throws {
    try await ports.database.write { [ports] transaction in
      let old = try changeable(id, in: transaction)
      _ = try transaction.deleteClient(id)
      try ports.audit(.clientDeleted, by: actor, detail: old.words, in: transaction)
    }
  }

  private func changeable(_ id: ClientID, in transaction: any Transaction) throws -> Client {
    guard let client = try transaction.client(id) else { throw Refusal.notFound }
    guard client.origin != .file else { throw Refusal.clientFromFile }
    return client
  }

  // MARK: the configuration file

  /// An app as the configuration file describes it.
  package struct InFile: Sendable {
    package let id: ClientID
    package let new: New
    /// Of a confidential one.
    package let secret: Secret?

    package static let idLengths = 1...64
    package static let shortestSecret = 32

    /// - Throws: `Problem` naming what cannot be.
    package init(id: String, _ new: New, secret: Secret?) throws(Problem) {
      let signs = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_".utf8)
      guard Self.idLengths.contains(id.utf8.count), id.utf8.allSatisfy(signs.contains) else {
        throw Problem(
          field: "id", description: "An id has 1 to 64 letters, digits, dots, dashes and underscores.")
      }
      switch (new.kind, secret) {
      case (.confidential, nil):
        throw Problem(
          field: "secret-file", description: "A confidential client needs one; kind: public has none.")
      case (.public, .some):
        throw Problem(field: "secret-file", description: "A public client has no secret.")
      case (_, let secret?) where secret.withBytes({ $0.count }) < Self.shortestSecret:
        throw Problem(
          field: "secret-file", description: "A secret has at least \(Self.shortestSecret) characters.")
      default: break
      }
      self.id = ClientID(text: id)
      self.new = new
      self.secret = secret
      try new.check()
    }
  }

  /// Makes the clients those of the file, in one transaction. One that was registered by command and has the id of one
  /// in the file becomes the file's. Those that stand in the file no more work on: a line that was lost must not take
  /// an app's users away.
  /// - Returns: those that stood in the file before, and do not now.
  package func apply(_ described: [InFile]) async throws -> [Client] {
    for algorithm in Set(described.map(\.new.algorithm)) { _ = try await ports.currentKey(for: algorithm) }
    let wanted = described.map {
      client($0.new, id: $0.id, secret: $0.secret ?? Secret(""), .file).client
    }
    return try await ports.database.write { [ports] transaction in
      for client in wanted {
        guard let old = try transaction.client(client.id) else {
          try transaction.insert(client)
          try ports.audit(.clientRegistered, by: .operator, detail: client.words, in: transaction)
          continue
        }
        guard old != client.with(createdAt: old.createdAt) else { continue }
        _ = try transaction.replace(client)
        try ports.audit(.clientChanged, by: .operator, detail: client.words, in: transaction)
      }
      let named = Set(wanted.map(\.id))
      for client in try transaction.clients() where client.origin == .file && !named.contains(client.id) {
        _ = try transaction.replace(client.with(secretDigest: client.secretDigest, origin: .formerlyFile))
      }
      return try transaction.clients().filter { $0.origin == .formerlyFile }
    }
  }

  // MARK: signing keys

  /// The public keys apps check signatures with (RFC 7517, section 5).
  package func publicKeys() async throws -> [[String: String]] {
    try await ports.database.read { try $0.signingKeys() }.map { key in
      var members = try ports.signing.publicMembers(of: ports.open(key), for: key.algorithm)
      members["kid"] = key.id.text
      members["alg"] = key.algorithm.rawValue
      members["use"] = "sig"
      return members
    }
  }

  /// Makes keys ahead of their time and forgets those that nobody needs; for each algorithm that is in use.
  package func turnKeys() async throws {
    let (keys, now) = try await ports.database.read { (try $0.signingKeys(), $0.now) }
    for algorithm in SigningAlgorithm.allCases {
      let own = keys.filter { $0.algorithm == algorithm }
      guard let newest = own.map(\.number).max() else { continue }
      for key in KeyRotation.expired(of: own, at: now) {
        try await ports.database.write { try $0.deleteSigningKey(key.id) }
      }
      if let usedFrom = KeyRotation.next(after: own, at: now) {
        try await ports.makeKey(for: algorithm, number: newest + 1, usedFrom: usedFrom)
      }
    }
  }
}

extension Clients.New {
  /// - Throws: `Problem` naming what cannot be.
  fileprivate func check() throws(Clients.Problem) {
    guard (1...64).contains(name.count), name == name.trimmed,
      name.unicodeScalars.allSatisfy({ $0.properties.generalCategory.isShown })
    else {
      throw Clients.Problem(
        field: "name", description: "The name must be 1 to 64 signs that people can read.")
    }
    guard !redirectURIs.isEmpty else {
      throw Clients.Problem(
        field: "redirectUris", description: "An app needs a redirect address: where people come back to.")
    }
    for (field, uris) in [("redirectUris", redirectURIs), ("postLogoutUris", postLogoutURIs)] {
      guard uris.count <= Self.mostAddresses else {
        throw Clients.Problem(
          field: field, description: "An app has at most \(Self.mostAddresses) addresses of a kind.")
      }
      for uri in uris {
        guard let address = AppAddress(uri) else { throw Self.bad(uri, field) }
        guard !address.isOwnScheme || kind == .public else {
          throw Clients.Problem(
            field: field, description: "\(uri): a scheme of its own is for public clients.")
        }
      }
    }
    if let uri = backChannelLogoutURI, AppAddress(uri).map(\.isOwnScheme) ?? true {
      throw Self.bad(uri, "backChannelLogoutUri")
    }
  }

  /// From elsewhere than this machine nobody makes a public service send to what listens on its own machine only.
  fileprivate func checkReach(of issuer: String, by actor: AuditActor) throws(Clients.Problem) {
    guard let uri = backChannelLogoutURI, uri.lowercased().hasPrefix("http:"), issuer.hasPrefix("https:")
    else { return }
    guard actor == .operator else { throw Self.bad(uri, "backChannelLogoutUri") }
  }

  private static let mostAddresses = 50

  private static func bad(_ uri: String, _ field: String) -> Clients.Problem {
    Clients.Problem(
      field: field,
      description:
        "\(uri) is no address for an app: it must be https, http on this machine, or a scheme with a dot like "
        + "com.example.app:/signed-in; without user, fragment or wildcard.")
  }
}

extension Client {
  /// For the audit trail.
  fileprivate var words: String { "\(name) (\(id), \(origin.rawValue))" }

  fileprivate func with(secretDigest: [UInt8]?, origin: Origin) -> Client {
    Client(
      id: id, name: name, kind: kind, secretDigest: secretDigest, redirectURIs: redirectURIs,
      postLogoutURIs: postLogoutURIs, backChannelLogoutURI: backChannelLogoutURI, algorithm: algorithm,
      createdAt: createdAt, origin: origin)
  }

  fileprivate func with(createdAt: Timestamp) -> Client {
    Client(
      id: id, name: name, kind: kind, secretDigest: secretDigest, redirectURIs: redirectURIs,
      postLogoutURIs: postLogoutURIs, backChannelLogoutURI: backChannelLogoutURI, algorithm: algorithm,
      createdAt: createdAt, origin: origin)
  }
}

extension Unicode.GeneralCategory {
  fileprivate var isShown: Bool {
    ![.control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator]
      .contains(self)
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
  }
}
