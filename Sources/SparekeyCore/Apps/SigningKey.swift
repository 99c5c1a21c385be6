/// How tokens are signed (RFC 7518, section 3).
package enum SigningAlgorithm: String, Sendable, Codable, CaseIterable {
  case es256 = "ES256"
  case rs256 = "RS256"
}

/// Makes and uses keys for signatures.
package protocol TokenSigning: Sendable {
  /// - Returns: a new private key, in a form of its own.
  func makeKey(for algorithm: SigningAlgorithm) throws -> [UInt8]
  func sign(_ message: [UInt8], with key: [UInt8], by algorithm: SigningAlgorithm) throws -> [UInt8]
  func isValid(_ signature: [UInt8], of message: [UInt8], with key: [UInt8], by algorithm: SigningAlgorithm)
    -> Bool
  /// The members of the public key's JWK (RFC 7518, section 6).
  func publicMembers(of key: [UInt8], for algorithm: SigningAlgorithm) throws -> [String: String]
}

/// A key as it is kept.
package struct StoredSigningKey: Sendable, Equatable {
  package let id: SigningKeyID
  package let algorithm: SigningAlgorithm
  /// Its place among those of its algorithm, from 1.
  package let number: Int
  package let sealed: [UInt8]
  package let createdAt: Timestamp
  /// From then on it signs, until another does.
  package let usedFrom: Timestamp

  package init(
    id: SigningKeyID, algorithm: SigningAlgorithm, number: Int, sealed: [UInt8], createdAt: Timestamp,
    usedFrom: Timestamp
  ) {
    self.id = id
    self.algorithm = algorithm
    self.number = number
    self.sealed = sealed
    self.createdAt = createdAt
    self.usedFrom = usedFrom
  }
}

package protocol SigningKeyStore {
  /// Oldest first.
  func signingKeys() throws -> [StoredSigningKey]
  /// - Returns: false when another node was faster with that number.
  func insert(_ key: StoredSigningKey) throws -> Bool
  func deleteSigningKey(_ id: SigningKeyID) throws
}

/// When keys change. A key is published a day before it signs and a day after another took over, so that an app that
/// keeps the key list for an hour never meets a signature it cannot check.
package enum KeyRotation {
  package static let period = Duration.days(90)
  package static let overlap = Duration.days(1)
  /// How long apps may keep the list of keys.
  package static let listLifetime = Duration.hours(1)

  /// The one that signs now.
  package static func current(of keys: [StoredSigningKey], at now: Timestamp) -> StoredSigningKey? {
    keys.filter { $0.usedFrom <= now }.max { ($0.usedFrom, $0.number) < ($1.usedFrom, $1.number) }
  }

  /// Those whose signatures nobody needs any more.
  package static func expired(of keys: [StoredSigningKey], at now: Timestamp) -> [StoredSigningKey] {
    keys.filter { key in
      keys.contains { key.number < $0.number && $0.usedFrom + overlap <= now }
    }
  }

  /// When a next key is due to be made, the time from which it is used.
  package static func next(after keys: [StoredSigningKey], at now: Timestamp) -> Timestamp? {
    guard let newest = keys.max(by: { $0.number < $1.number }) else { return now }
    let due = newest.usedFrom + period
    return due - overlap <= now ? max(due, now + overlap) : nil
  }
}
