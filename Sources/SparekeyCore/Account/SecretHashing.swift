/// Argon2id cost parameters (RFC 9106), one lane.
package struct HashCost: Sendable, Equatable, Codable {
  package let memoryKiB: UInt32
  package let passes: UInt32

  package init(memoryKiB: UInt32, passes: UInt32) {
    self.memoryKiB = memoryKiB
    self.passes = passes
  }

  /// 19 MiB, two passes: OWASP's minimum set for passwords.
  package static let password = HashCost(memoryKiB: 19_456, passes: 2)
  /// 8 MiB, one pass: a look-up secret of 105 random bits may have a small work factor (NIST SP 800-63B-4, 3.1.2.2).
  package static let code = HashCost(memoryKiB: 8_192, passes: 1)
  /// For tests that prove something else than the cost; allowed on loopback only.
  package static let cheap = HashCost(memoryKiB: 8, passes: 1)
}

/// The costs in force for new hashes.
package struct HashCosts: Sendable {
  package let password: HashCost
  package let code: HashCost

  package init(password: HashCost = .password, code: HashCost = .code) {
    self.password = password
    self.code = code
  }

  package static let cheap = HashCosts(password: .cheap, code: .cheap)
}

/// The one way a secret becomes a hash: Argon2id, on threads of its own behind a bounded queue (T9).
package protocol SecretHashing: Sendable {
  var costs: HashCosts { get }
  /// Whether a hash for this source would be made now. What comes to a hash asks first: under overload nothing is
  /// opened, counted or written for those who are refused then (T9).
  /// - Parameter toBegin: whether it is the first step of a journey, and the hash comes with the next: those who have
  ///   begun find room, and who would not is refused before anything was done for them.
  /// - Throws: `Refusal.busy`.
  func checkRoom(for source: Source, toBegin: Bool) throws(Refusal)
  /// 32 bytes.
  /// - Parameter source: who has it done; those who have much done wait for themselves, not for others.
  /// - Throws: `Refusal.busy` when the queue is full.
  func hash(_ secret: Secret, salt: [UInt8], cost: HashCost, for source: Source) async throws -> [UInt8]
  /// Whether the secret is the one that another system hashed, on the same threads.
  /// - Throws: `Refusal.busy` when the queue is full.
  func matches(_ secret: Secret, _ hash: ForeignHash, for source: Source) async throws -> Bool
}

/// A hash as it is stored: cost, salt and Argon2id output, sealed with a pepper key that lives outside the database
/// and bound to its account and column, so that a row copied elsewhere does not open (C4, T13).
///
/// Sealed shape: memory in KiB (4 bytes, big endian), passes (4), salt (16), hash (32). A hash of another system is four
/// zero bytes and its text.
package struct SealedHash: Sendable, Equatable, Codable {
  package let bytes: [UInt8]

  package init(sealed bytes: [UInt8]) { self.bytes = bytes }

  package static let saltLength = 16
  private static let hashLength = 32

  package init(_ hash: OpenHash, keys: KeyRing, purpose: KeyPurpose, context: String) {
    let plain = hash.cost.memoryKiB.bigEndianBytes + hash.cost.passes.bigEndianBytes + hash.salt + hash.output
    bytes = keys.seal(plain, for: purpose, bound: context)
  }

  /// A password that another system hashed.
  package init(_ hash: ForeignHash, of account: AccountID, keys: KeyRing) {
    bytes = keys.seal(
      Self.foreign + Array(hash.text.utf8), for: .passwordPepper, bound: Self.passwordContext(account))
  }

  private static let foreign: [UInt8] = [0, 0, 0, 0]

  static func passwordContext(_ account: AccountID) -> String { "password/\(account)" }

  package enum OpenPassword: Sendable {
    case own(OpenHash)
    case foreign(ForeignHash)
  }

  /// Nil as `open` is.
  package func openPassword(of account: AccountID, keys: KeyRing) -> OpenPassword? {
    guard let plain = keys.open(bytes, for: .passwordPepper, bound: Self.passwordContext(account)) else {
      return nil
    }
    guard plain.starts(with: Self.foreign) else { return Self.read(plain).map(OpenPassword.own) }
    return (try? ForeignHash(String(decoding: plain.dropFirst(Self.foreign.count), as: UTF8.self)))
      .map(OpenPassword.foreign)
  }

  /// Nil when the row was not sealed for this place, or by no key that is present.
  package func open(keys: KeyRing, purpose: KeyPurpose, context: String) -> OpenHash? {
    keys.open(bytes, for: purpose, bound: context).flatMap(Self.read)
  }

  private static func read(_ plain: [UInt8]) -> OpenHash? {
    guard plain.count == 8 + saltLength + hashLength else { return nil }
    return OpenHash(
      cost: HashCost(
        memoryKiB: UInt32(bigEndianBytes: plain[0..<4]), passes: UInt32(bigEndianBytes: plain[4..<8])),
      salt: Array(plain[8..<24]), output: Array(plain[24...]))
  }
}

/// A hash out of its seal. It exists for the moment of a comparison.
package struct OpenHash: Sendable {
  package let cost: HashCost
  package let salt: [UInt8]
  package let output: [UInt8]

  package init(cost: HashCost, salt: [UInt8], output: [UInt8]) {
    self.cost = cost
    self.salt = salt
    self.output = output
  }
}

extension UInt32 {
  fileprivate var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }

  fileprivate init(bigEndianBytes bytes: ArraySlice<UInt8>) {
    self = bytes.reduce(0) { $0 << 8 | UInt32($1) }
  }
}
