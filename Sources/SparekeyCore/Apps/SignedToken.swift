import FoundationEssentials

/// Compact JSON Web Signatures (RFC 7515, section 7.1): the few lines of them that are needed here.
package enum SignedToken {
  struct Header: Codable {
    let alg: String
    let kid: String
    let typ: String?
  }

  /// - Parameter type: `JWT`, or `logout+jwt`.
  static func write(
    _ claims: some Encodable, type: String, key: StoredSigningKey, secret: [UInt8], signing: any TokenSigning
  ) throws -> String {
    let header = Header(alg: key.algorithm.rawValue, kid: key.id.text, typ: type)
    let message = [Base64URL.encode(try JSON.encode(header)), Base64URL.encode(try JSON.encode(claims))]
      .joined(separator: ".")
    let signature = try signing.sign(Array(message.utf8), with: secret, by: key.algorithm)
    return "\(message).\(Base64URL.encode(signature))"
  }

  /// A token taken apart, not yet checked.
  struct Parts {
    let header: Header
    let claims: [UInt8]
    let message: [UInt8]
    let signature: [UInt8]

    init?(_ token: String) {
      let parts = token.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard token.utf8.count <= 8_192, parts.count == 3, let header = Base64URL.decode(parts[0]),
        let claims = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
        let read = try? JSON.decode(Header.self, from: header)
      else { return nil }
      self.header = read
      self.claims = claims
      self.signature = signature
      message = Array("\(parts[0]).\(parts[1])".utf8)
    }
  }
}

/// What an ID token says (OpenID Connect Core, section 2).
struct IDTokenClaims: Codable {
  let iss: String
  let sub: String
  let aud: String
  let exp: Int64
  let iat: Int64
  let auth_time: Int64
  let nonce: String?
  let acr: String
  let amr: [String]
  let sid: String
}

/// What a logout token says (OpenID Connect Back-Channel Logout 1.0, section 2.4).
struct LogoutTokenClaims: Encodable {
  struct Event: Encodable {}

  let iss: String
  let sub: String
  let aud: String
  let exp: Int64
  let iat: Int64
  let jti: String
  let sid: String
  let events = ["http://schemas.openid.net/event/backchannel-logout": Event()]
}

extension Timestamp {
  /// Whole seconds since 1970, as tokens count.
  package var seconds: Int64 { milliseconds / 1_000 }
}

extension Ports {
  /// Where tokens come from.
  package var tokenIssuer: String { passkeys.relyingParty.origin }

  /// Signs with the key of this moment; makes one when there is none yet.
  func sign(_ claims: some Encodable & Sendable, type: String, by algorithm: SigningAlgorithm) async throws
    -> String
  {
    let key = try await currentKey(for: algorithm)
    return try SignedToken.write(claims, type: type, key: key, secret: open(key), signing: signing)
  }

  func currentKey(for algorithm: SigningAlgorithm) async throws -> StoredSigningKey {
    struct NoSigningKey: OperatorFault { let description = "no signing key could be made" }
    let (keys, now) = try await database.read { (try $0.signingKeys(), $0.now) }
    if let key = KeyRotation.current(of: keys.filter { $0.algorithm == algorithm }, at: now) { return key }
    try await makeKey(for: algorithm, number: 1, usedFrom: now)
    let made = try await database.read { try $0.signingKeys() }.first { $0.algorithm == algorithm }
    guard let made else { throw NoSigningKey() }
    return made
  }

  /// Makes a key outside any transaction; the one that another node put in its place meanwhile stays.
  func makeKey(for algorithm: SigningAlgorithm, number: Int, usedFrom: Timestamp) async throws {
    let id = SigningKeyID(randomness)
    let sealed = keys.seal(
      try signing.makeKey(for: algorithm), for: .signingKey, bound: "signing-key/\(id)")
    try await database.write { transaction in
      _ = try transaction.insert(
        StoredSigningKey(
          id: id, algorithm: algorithm, number: number, sealed: sealed, createdAt: transaction.now,
          usedFrom: usedFrom))
    }
  }

  func open(_ key: StoredSigningKey) throws -> [UInt8] {
    struct UnreadableKey: OperatorFault {
      let description = "a signing key cannot be opened with the keys present"
    }
    guard let secret = keys.open(key.sealed, for: .signingKey, bound: "signing-key/\(key.id)") else {
      throw UnreadableKey()
    }
    return secret
  }
}
