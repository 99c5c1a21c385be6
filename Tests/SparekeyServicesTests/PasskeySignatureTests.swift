import Crypto
import Foundation
import NIOConcurrencyHelpers
import SparekeyCore
import SparekeyServices
import Testing

/// What libfido2 itself refuses, apart from what the ceremony has checked before it is asked.
@Suite struct `Passkey signatures` {
  let vectors: SignedVectors
  let fido = Fido2Signatures()

  init() throws { vectors = try SignedVectors() }

  @Test func `S4: an assertion of each algorithm is genuine, and no bit of it may change`() throws {
    for algorithm in PasskeyAlgorithm.allCases {
      let signed = try #require(vectors.assertions.first { $0.key.algorithm == algorithm })
      #expect(fido.isGenuine(signed), "\(algorithm)")
      for bit in 0..<8 * signed.signature.count {
        #expect(
          !fido.isGenuine(signed.with(signature: signed.signature.flipping(bit: bit))), "\(algorithm) \(bit)")
      }
      #expect(!fido.isGenuine(signed.with(relyingPartyID: "example.org")))
      for bit in [0, 255] {
        #expect(!fido.isGenuine(signed.with(clientDataHash: signed.clientDataHash.flipping(bit: bit))))
      }
      for bit in 0..<8 * signed.authenticatorData.count {
        #expect(
          !fido.isGenuine(signed.with(authenticatorData: signed.authenticatorData.flipping(bit: bit))))
      }
      for key in vectors.assertions.map(\.key) where key != signed.key {
        #expect(!fido.isGenuine(signed.with(key: key)))
      }
    }
  }

  @Test func `S4: what is empty, short or long is not genuine`() throws {
    for algorithm in PasskeyAlgorithm.allCases {
      let signed = try #require(vectors.assertions.first { $0.key.algorithm == algorithm })
      for signature in [[], [0], Array(signed.signature.dropLast()), signed.signature + [0]] {
        #expect(!fido.isGenuine(signed.with(signature: signature)))
      }
      for data in [[], Array(signed.authenticatorData.dropLast())] {
        #expect(!fido.isGenuine(signed.with(authenticatorData: data)))
      }
      for hash in [[], Array(signed.clientDataHash.dropLast()), signed.clientDataHash + [0]] {
        #expect(!fido.isGenuine(signed.with(clientDataHash: hash)))
      }
      #expect(!fido.isGenuine(signed.with(relyingPartyID: "")))
    }
  }

  @Test func `S4: without presence, verification or our id it is not genuine, though rightly signed`() throws
  {
    for name in ["user not present", "user not verified", "another relying party"] {
      let signed = try vectors.assertion(named: name)
      #expect(swiftCryptoSays(signed) == true, "\(name)")
      #expect(!fido.isGenuine(signed), "\(name)")
    }
    let other = try vectors.assertion(named: "another relying party")
    #expect(fido.isGenuine(other.with(relyingPartyID: "example.org")))
  }

  @Test func `S4: a point that is not on the curve is no key`() throws {
    let signed = try #require(vectors.assertions.first { $0.key.algorithm == .es256 })
    guard case .es256(let x, let y) = signed.key else { return }
    let cose = [0xA5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20] + x + [0x22, 0x58, 0x20]
    #expect(PasskeyPublicKey(cose: cose + y) == signed.key)
    let off = try #require(PasskeyPublicKey(cose: cose + y.flipping(bit: 0)))
    #expect(!fido.isGenuine(signed.with(key: off)))
    let zero = try #require(PasskeyPublicKey(cose: cose + Array(repeating: 0, count: 32)))
    #expect(!fido.isGenuine(signed.with(key: zero)))
  }

  @Test func `swift-crypto says the same as libfido2 to every ES256 and EdDSA assertion`() {
    var genuine = 0
    var forged = 0
    for signed in vectors.assertions {
      guard let answer = swiftCryptoSays(signed) else { continue }
      #expect(fido.isGenuine(signed) == answer)
      if answer { genuine += 1 } else { forged += 1 }
    }
    #expect(genuine >= 10)
    #expect(forged >= 10)
  }

  private func swiftCryptoSays(_ signed: SignedAssertion) -> Bool? {
    let message = signed.authenticatorData + signed.clientDataHash
    switch signed.key {
    case .edDSA(let bytes):
      guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: bytes) else { return false }
      return key.isValidSignature(signed.signature, for: message)
    case .es256(let x, let y):
      guard let key = try? P256.Signing.PublicKey(rawRepresentation: x + y),
        let signature = try? P256.Signing.ECDSASignature(derRepresentation: signed.signature)
      else { return false }
      return key.isValidSignature(signature, for: message)
    case .rs256: return nil
    }
  }

  @Test func `S4: a packed statement of each kind is genuine, and nothing of it may change`() throws {
    let genuine = vectors.attestations.filter { fido.isGenuine($0) }
    for algorithm in PasskeyAlgorithm.allCases {
      for isCertified in [false, true] {
        let signed = try #require(
          genuine.first { $0.algorithm == algorithm && $0.isCertified == isCertified })
        #expect(!fido.isGenuine(signed.with(relyingPartyID: "example.org")))
        #expect(!fido.isGenuine(signed.with(clientDataHash: signed.clientDataHash.flipping(bit: 7))))
        // The last byte of the credential's key, and the first of the counter.
        for byte in [33, signed.authenticatorData.count - 1] {
          #expect(
            !fido.isGenuine(
              signed.with(authenticatorData: signed.authenticatorData.flipping(bit: 8 * byte))))
        }
        let signature = try #require(signed.signatureBytes)
        for byte in signature {
          #expect(!fido.isGenuine(signed.with(statement: signed.statement.flipping(bit: 8 * byte))))
        }
        #expect(!fido.isGenuine(signed.with(statement: [])))
        #expect(!fido.isGenuine(signed.with(statement: [0xA0])))
        #expect(!fido.isGenuine(signed.with(isCertified: !isCertified)))
      }
    }
  }

  @Test func `many threads may ask at a time`() async {
    let expected = vectors.assertions.map { fido.isGenuine($0) }
    let answers = await withTaskGroup(of: [Bool].self) { group in
      for _ in 0..<8 {
        group.addTask { vectors.assertions.map { Fido2Signatures().isGenuine($0) } }
      }
      return await group.reduce(into: [[Bool]]()) { $0.append($1) }
    }
    #expect(answers.allSatisfy { $0 == expected })
  }
}

/// What the ceremony asks about while it goes through Tests/SparekeyCoreTests/passkey-vectors.json.
struct SignedVectors {
  /// Notes what it is asked, and says yes.
  private final class Listener: PasskeySignatureChecking {
    let assertions = NIOLockedValueBox<[SignedAssertion]>([])
    let attestations = NIOLockedValueBox<[PackedAttestation]>([])

    func isGenuine(_ assertion: SignedAssertion) -> Bool {
      assertions.withLockedValue { $0.append(assertion) }
      return true
    }

    func isGenuine(_ attestation: PackedAttestation) -> Bool {
      attestations.withLockedValue { $0.append(attestation) }
      return true
    }
  }

  /// In the order of the file, without those that the ceremony refuses before.
  let assertions: [SignedAssertion]
  let attestations: [PackedAttestation]

  private let byName: [String: SignedAssertion]

  func assertion(named name: String) throws -> SignedAssertion { try #require(byName[name]) }

  init() throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appending(path: "SparekeyCoreTests/passkey-vectors.json")
    let root = try #require(JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    func bytes(_ value: Any?) throws -> [UInt8] { try #require((value as? String).flatMap(Base64URL.decode)) }
    let party = try #require(root["relyingParty"] as? [String: String])
    let listener = Listener()
    let ceremony = PasskeyCeremony(
      relyingParty: RelyingParty(
        id: try #require(party["id"]), origin: try #require(party["origin"]),
        name: try #require(party["name"])),
      signatures: listener)
    let (challenge, handle) = (try bytes(root["challenge"]), try bytes(root["userHandle"]))

    for vector in try #require(root["registrations"] as? [[String: Any]]) {
      let answer = String(
        decoding: try JSONSerialization.data(withJSONObject: try #require(vector["answer"])), as: UTF8.self)
      _ = try? ceremony.register(try PasskeyRegistration(json: answer), challenge: challenge)
    }
    var byName: [String: SignedAssertion] = [:]
    for vector in try #require(root["assertions"] as? [[String: Any]]) {
      let answer = String(
        decoding: try JSONSerialization.data(withJSONObject: try #require(vector["answer"])), as: UTF8.self)
      let stored = try #require(vector["credential"] as? [String: Any])
      let credential = PasskeyCredential(
        id: try bytes(stored["id"]), publicKey: try bytes(stored["publicKey"]),
        algorithm: try #require((stored["algorithm"] as? Int).flatMap(PasskeyAlgorithm.init(rawValue:))),
        signatureCount: 0, backupEligible: try #require(stored["backupEligible"] as? Bool), backedUp: false,
        transports: [], aaguid: Array(repeating: 0, count: 16))
      let assertion = try PasskeyAssertion(json: answer)
      byName[try #require(vector["name"] as? String)] = SignedAssertion(
        relyingPartyID: ceremony.relyingParty.id,
        clientDataHash: Array(SHA256.hash(data: assertion.clientDataJSON)),
        authenticatorData: assertion.authenticatorData, signature: assertion.signature,
        key: try #require(PasskeyPublicKey(cose: credential.publicKey)))
      _ = try? ceremony.use(assertion, of: credential, challenge: challenge, expectedUserHandle: handle)
    }
    self.byName = byName
    assertions = listener.assertions.withLockedValue { $0 }
    attestations = listener.attestations.withLockedValue { $0 }
  }
}

extension [UInt8] {
  fileprivate func flipping(bit: Int) -> [UInt8] {
    var changed = self
    changed[bit / 8] ^= 1 << UInt8(bit % 8)
    return changed
  }
}

extension SignedAssertion {
  fileprivate func with(
    relyingPartyID: String? = nil, clientDataHash: [UInt8]? = nil, authenticatorData: [UInt8]? = nil,
    signature: [UInt8]? = nil, key: PasskeyPublicKey? = nil
  ) -> SignedAssertion {
    SignedAssertion(
      relyingPartyID: relyingPartyID ?? self.relyingPartyID,
      clientDataHash: clientDataHash ?? self.clientDataHash,
      authenticatorData: authenticatorData ?? self.authenticatorData, signature: signature ?? self.signature,
      key: key ?? self.key)
  }
}

extension PackedAttestation {
  fileprivate func with(
    relyingPartyID: String? = nil, clientDataHash: [UInt8]? = nil, authenticatorData: [UInt8]? = nil,
    statement: [UInt8]? = nil, isCertified: Bool? = nil
  ) -> PackedAttestation {
    PackedAttestation(
      relyingPartyID: relyingPartyID ?? self.relyingPartyID,
      clientDataHash: clientDataHash ?? self.clientDataHash,
      authenticatorData: authenticatorData ?? self.authenticatorData, statement: statement ?? self.statement,
      isCertified: isCertified ?? self.isCertified, algorithm: algorithm,
      credentialProtection: credentialProtection, hasHMACSecret: hasHMACSecret)
  }

  /// Where the value of "sig" lies in the statement. Its length stands in one or two bytes.
  fileprivate var signatureBytes: Range<Int>? {
    let name = [0x63] + Array("sig".utf8)
    guard let start = statement.indices.first(where: { statement[$0...].starts(with: name) }) else {
      return nil
    }
    let head = start + name.count
    switch statement[head] {
    case 0x58: return head + 2..<head + 2 + Int(statement[head + 1])
    case 0x59: return head + 3..<head + 3 + Int(statement[head + 1]) << 8 + Int(statement[head + 2])
    default: return nil
    }
  }
}
