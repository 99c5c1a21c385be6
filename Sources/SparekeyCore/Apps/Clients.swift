/// Registering apps, for the operator.
package struct Clients: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  package struct Problem: Error, Equatable, CustomStringConvertible {
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

  /// - Returns: the client, and the secret of a confidential one: the only time it is seen.
  /// - Throws: `Problem` naming what cannot be.
  package func register(_ new: New) async throws -> (Client, secret: Secret?) {
    try check(new)
    let secret = new.kind == .confidential ? ports.newAppSecret() : nil
    let client = Client(
      id: ClientID(ports.randomness), name: new.name, kind: new.kind,
      secretDigest: secret.map { ports.digest(appSecret: $0) }, redirectURIs: new.redirectURIs,
      postLogoutURIs: new.postLogoutURIs, backChannelLogoutURI: new.backChannelLogoutURI,
      algorithm: new.algorithm, createdAt: ports.clock.now())
    _ = try await ports.currentKey(for: new.algorithm)
    try await ports.database.write { try $0.insert(client) }
    return (client, secret)
  }

  private func check(_ new: New) throws {
    guard (1...64).contains(new.name.count), new.name == new.name.trimmed,
      new.name.unicodeScalars.allSatisfy({ $0.properties.generalCategory.isShown })
    else { throw Problem(description: "The name must be 1 to 64 signs that people can read.") }
    guard !new.redirectURIs.isEmpty else {
      throw Problem(description: "An app needs a redirect address: where people come back to.")
    }
    for uri in new.redirectURIs + new.postLogoutURIs {
      guard let address = AppAddress(uri) else { throw Self.bad(uri) }
      guard !address.isOwnScheme || new.kind == .public else {
        throw Problem(description: "\(uri): a scheme of its own is for public clients.")
      }
    }
    if let uri = new.backChannelLogoutURI, AppAddress(uri).map(\.isOwnScheme) ?? true { throw Self.bad(uri) }
  }

  private static func bad(_ uri: String) -> Problem {
    Problem(
      description:
        "\(uri) is no address for an app: it must be https, http on this machine, or a scheme with a dot like "
        + "com.example.app:/signed-in; without user, fragment or wildcard.")
  }

  package func all() async throws -> [Client] { try await ports.database.read { try $0.clients() } }

  package func client(_ id: ClientID) async throws -> Client? {
    try await ports.database.read { try $0.client(id) }
  }

  /// The old secret stops working at once. - Throws: `Problem`.
  package func rotateSecret(of id: ClientID) async throws -> Secret {
    let secret = ports.newAppSecret()
    let digest = ports.digest(appSecret: secret)
    try await ports.database.write { transaction in
      guard let client = try transaction.client(id) else { throw Self.unknown(id) }
      guard client.kind == .confidential, try transaction.setSecret(digest, of: id) else {
        throw Problem(description: "\(client.name) is a public client: it has no secret.")
      }
    }
    return secret
  }

  /// Deletes it with everything people gave it; its tokens stop working at once. - Throws: `Problem`.
  package func delete(_ id: ClientID) async throws {
    try await ports.database.write { transaction in
      guard try transaction.deleteClient(id) else { throw Self.unknown(id) }
    }
  }

  private static func unknown(_ id: ClientID) -> Problem {
    Problem(description: "There is no client \(id). See: sparekey client list")
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
