import Crypto
import CryptoExtras
import FoundationEssentials
import SparekeyCore

/// ES256 and RS256 (RFC 7518) by swift-crypto.
package struct TokenSigner: TokenSigning {
  package init() {}

  package func makeKey(for algorithm: SigningAlgorithm) throws -> [UInt8] {
    switch algorithm {
    case .es256: Array(P256.Signing.PrivateKey().rawRepresentation)
    case .rs256: Array(try _RSA.Signing.PrivateKey(keySize: .bits2048).derRepresentation)
    }
  }

  package func sign(_ message: [UInt8], with key: [UInt8], by algorithm: SigningAlgorithm) throws -> [UInt8] {
    switch algorithm {
    case .es256: Array(try elliptic(key).signature(for: message).rawRepresentation)
    case .rs256:
      Array(try rsa(key).signature(for: message, padding: .insecurePKCS1v1_5).rawRepresentation)
    }
  }

  package func isValid(
    _ signature: [UInt8], of message: [UInt8], with key: [UInt8], by algorithm: SigningAlgorithm
  ) -> Bool {
    switch algorithm {
    case .es256:
      guard let key = try? elliptic(key).publicKey,
        let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature)
      else { return false }
      return key.isValidSignature(signature, for: message)
    case .rs256:
      guard let key = try? rsa(key).publicKey else { return false }
      return key.isValidSignature(
        _RSA.Signing.RSASignature(rawRepresentation: signature), for: message, padding: .insecurePKCS1v1_5)
    }
  }

  package func publicMembers(of key: [UInt8], for algorithm: SigningAlgorithm) throws -> [String: String] {
    switch algorithm {
    case .es256:
      let point = Array(try elliptic(key).publicKey.rawRepresentation)
      return [
        "kty": "EC", "crv": "P-256", "x": Base64URL.encode(Array(point.prefix(32))),
        "y": Base64URL.encode(Array(point.suffix(32))),
      ]
    case .rs256:
      let numbers = try rsa(key).publicKey.getKeyPrimitives()
      return [
        "kty": "RSA", "n": Base64URL.encode(Array(numbers.modulus)),
        "e": Base64URL.encode(Array(numbers.publicExponent)),
      ]
    }
  }

  private func elliptic(_ key: [UInt8]) throws -> P256.Signing.PrivateKey {
    try P256.Signing.PrivateKey(rawRepresentation: key)
  }

  private func rsa(_ key: [UInt8]) throws -> _RSA.Signing.PrivateKey {
    try _RSA.Signing.PrivateKey(derRepresentation: key)
  }
}
