import Crypto
import RecoveryCode

/// One issued recovery code as it is kept: a sealed hash and a public label, never the code (C4).
package struct StoredCode: Sendable, Equatable {
  package enum Ending: String, Sendable, Codable {
    case used, replaced
  }

  /// How many old codes still explain themselves to their holder (C10).
  package static let remembered = 10

  package let id: CodeID
  package let account: AccountID
  /// The label on the sheet: `ABC-DEF`.
  package let serial: String
  package let hash: SealedHash
  package let createdAt: Timestamp
  package let ending: Ending?
  package let endedAt: Timestamp?
  /// C8: when its owner last saw that the sheet works.
  package let checkedAt: Timestamp?

  package init(
    id: CodeID, account: AccountID, serial: String, hash: SealedHash, createdAt: Timestamp,
    ending: Ending? = nil, endedAt: Timestamp? = nil, checkedAt: Timestamp? = nil
  ) {
    self.id = id
    self.account = account
    self.serial = serial
    self.hash = hash
    self.createdAt = createdAt
    self.ending = ending
    self.endedAt = endedAt
    self.checkedAt = checkedAt
  }
}

package protocol RecoveryCodeStore {
  func insert(_ code: StoredCode) throws
  func liveCode(of account: AccountID) throws -> StoredCode?
  /// The live one and the latest ended ones, newest first.
  func codes(of account: AccountID, limit: Int) throws -> [StoredCode]
  /// All that ended since then, oldest first.
  func codes(endedSince time: Timestamp) throws -> [StoredCode]
  /// Notes that a live code was found to work; not a change.
  func checked(_ id: CodeID, at now: Timestamp) throws
  /// Ends a code that is still live; false when it was not (C9: of any number of parallel uses, one wins).
  func endCode(_ id: CodeID, as ending: StoredCode.Ending, at now: Timestamp) throws -> Bool
}

/// A code as its owner sees it, once.
package struct ShownCode: Sendable {
  package let code: RecoveryCode
  package let serial: String
  package let createdAt: Timestamp
}

extension Ports {
  /// Hashes a new code for its account.
  package func seal(
    _ code: RecoveryCode, id: CodeID, for account: Account, at now: Timestamp, from source: Source
  ) async throws -> StoredCode {
    let cost = hashing.costs.code
    let output = try await hashing.hash(Secret(code.compact), salt: account.codeSalt, cost: cost, for: source)
    return StoredCode(
      id: id, account: account.id, serial: serial(of: id),
      hash: SealedHash(
        OpenHash(cost: cost, salt: account.codeSalt, output: output), keys: keys, purpose: .codePepper,
        context: "recovery-code/\(account.id)/\(id)"),
      createdAt: now)
  }

  /// The public label of a code: from its id, so it says nothing about the code.
  package func serial(of id: CodeID) -> String { serial(ofText: id.text) }

  package func serial(ofText text: String) -> String {
    let label = Base32.encode(SHA256.hash(data: Array(text.utf8))).uppercased()
    return "\(label.prefix(3))-\(label.dropFirst(3).prefix(3))"
  }

  /// The code that a seed stands for. The seed comes from the system's generator and lives in a sealed form or
  /// journey only: so a repeat of the last step shows the same code, and the database never holds it (C4, C9).
  package func newCode(seed: [UInt8]) -> RecoveryCode {
    guard let code = RecoveryCode(randomSymbols: keys.digest(seed, for: .newCode).prefix(21)) else {
      preconditionFailure("a digest has 32 bytes")
    }
    return code
  }
}
