import CCrypt
import CSodium
import Crypto
import CryptoExtras
import Foundation
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
      constantTimeEqual(
        try bytes(
          of: KDF.Scrypt.deriveKey(
            from: copy(of: secret), salt: salt, outputByteCount: output.count, rounds: cost,
            blockSize: blockSize,
            parallelism: parallelism, maxMemory: 128 * blockSize * (cost + parallelism + 2))), output)
    }
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
