import CCrypt
import CSodium
import Crypto
import CryptoExtras
import FoundationEssentials
import SparekeyCore

extension ForeignHash {
  /// Whether it is the hash of this secret. Takes as long as the other system chose.
  func isOf(_ secret: Secret) throws -> Bool {
    switch scheme {
    case .bcrypt: isBcrypt(of: secret)
    case .argon2:
      secret.withBytes { bytes in
        bytes.withMemoryRebound(to: CChar.self) { typed in
          typed.baseAddress.map { crypto_pwhash_str_verify(text, $0, UInt64(typed.count)) == 0 } ?? false
        }
      }
    case .pbkdf2(let digest, let rounds, let salt, let output):
      constantTimeEqual(
        try bytes(
          of: KDF.Insecure.PBKDF2.deriveKey(
            from: copy(of: secret), salt: salt, using: digest.function, outputByteCount: output.count,
            unsafeUncheckedRounds: rounds)), output)
    case .scrypt(let cost, let blockSize, let parallelism, let salt, let output):
      try isScrypt(of: secret, UInt64(cost), UInt32(blockSize), UInt32(parallelism), salt, output)
    }
  }

  private func isScrypt(
    of secret: Secret, _ cost: UInt64, _ blockSize: UInt32, _ parallelism: UInt32, _ salt: [UInt8],
    _ output: [UInt8]
  ) throws -> Bool {
    var made = [UInt8](repeating: 0, count: output.count)
    let status = secret.withBytes { bytes -> Int32 in
      guard let start = bytes.bindMemory(to: UInt8.self).baseAddress else { return -1 }
      return crypto_pwhash_scryptsalsa208sha256_ll(
        start, bytes.count, salt, salt.count, cost, blockSize,
        parallelism,
        &made, made.count)
    }
    guard status == 0 else { throw Argon2Pool.HashingFailed(memoryKiB: UInt32(cost >> 3) * blockSize) }
    return constantTimeEqual(made, output)
  }

  /// bcrypt ends at the first zero byte, and after 72: so did the other system.
  private func isBcrypt(of secret: Secret) -> Bool {
    var data = crypt_data()
    return secret.withBytes { bytes -> Bool in
      guard !bytes.contains(0) else { return false }
      var phrase = bytes.map { CChar(bitPattern: $0) } + [0]
      defer { sodium_memzero(&phrase, phrase.count) }
      guard let found = crypt_r(phrase, text, &data) else { return false }
      defer { sodium_memzero(&data, MemoryLayout<crypt_data>.size) }
      // The hash alone: spare bits of the salt, which some programs wrote, are cleared in what comes back.
      let made = Array(String(cString: found).utf8)
      return made.count == text.utf8.count && constantTimeEqual(made.suffix(31), Array(text.utf8.suffix(31)))
    }
  }

  private func copy(of secret: Secret) -> Data { secret.withBytes { Data($0) } }

  private func bytes(of key: SymmetricKey) -> [UInt8] { key.withUnsafeBytes { Array($0) } }
}

extension ForeignHash.Digest {
  fileprivate var function: KDF.Insecure.PBKDF2.HashFunction {
    switch self {
    case .sha1: .insecureSHA1
    case .sha256: .sha256
    case .sha512: .sha512
    }
  }
}
