/// The signature algorithms we ask for, the one we like best first, by their COSE numbers (RFC 9053, RFC 8812).
package enum PasskeyAlgorithm: Int, Codable, Sendable, CaseIterable {
  /// Ed25519.
  case edDSA = -8
  /// ECDSA on P-256 with SHA-256: what nearly every authenticator has.
  case es256 = -7
  /// RSASSA-PKCS1-v1_5 with SHA-256: what older Windows Hello has.
  case rs256 = -257
}

/// A passkey's public key, taken out of its COSE form (WebAuthn Level 3, section 6.5.1).
package enum PasskeyPublicKey: Sendable, Equatable {
  /// 32 bytes.
  case edDSA([UInt8])
  /// 32 bytes each. That the point lies on the curve is the signature check's to see.
  case es256(x: [UInt8], y: [UInt8])
  /// A modulus of 2,048 bits (256 bytes); the exponent is 65,537.
  case rs256(modulus: [UInt8])

  package var algorithm: PasskeyAlgorithm {
    switch self {
    case .edDSA: .edDSA
    case .es256: .es256
    case .rs256: .rs256
    }
  }

  /// Nil unless it is a key of one of our algorithms, with exactly the parameters such a key has.
  package init?(cose bytes: [UInt8]) {
    guard let members = CBOR(bytes)?.map else { return nil }
    self.init(members)
  }

  private init?(_ members: [CBOR.Key: CBOR]) {
    func integer(_ label: Int64) -> Int64? { members[.integer(label)]?.integer }
    func bytes(_ label: Int64, count: Int) -> [UInt8]? {
      members[.integer(label)]?.bytes.flatMap { $0.count == count ? $0 : nil }
    }
    // Labels: 1 key type, 3 algorithm; -1, -2, -3 as the key type says.
    let algorithm = integer(3).flatMap { PasskeyAlgorithm(rawValue: Int($0)) }
    switch (integer(1), algorithm, members.count) {
    case (1, .edDSA, 4):
      guard integer(-1) == 6, let x = bytes(-2, count: 32) else { return nil }
      self = .edDSA(x)
    case (2, .es256, 5):
      guard integer(-1) == 1, let x = bytes(-2, count: 32), let y = bytes(-3, count: 32) else { return nil }
      self = .es256(x: x, y: y)
    case (3, .rs256, 4):
      guard let modulus = bytes(-1, count: 256), modulus[0] >= 128, bytes(-2, count: 3) == [1, 0, 1]
      else { return nil }
      self = .rs256(modulus: modulus)
    default: return nil
    }
  }
}
