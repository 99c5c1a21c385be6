import Crypto

/// What a key is used for. Each purpose has its own derived key, so that nothing sealed for one opens as another.
package enum KeyPurpose: String, Sendable, CaseIterable {
  case passwordPepper = "password"
  case codePepper = "recovery-code"
  case contact = "contact"
  case journey = "journey"
  case form = "form"
  case outbox = "outbox"
  case history = "history"
  case sessionDigest = "session"
  case nameDigest = "name"
  case contactDigest = "contact-digest"
  case issuedCode = "issued-code"
  case throttle = "throttle"
  case decoy = "decoy"
  case newCode = "new-code"
  case authenticatorApp = "authenticator-app"
  case newTicket = "new-ticket"
  case ticketDigest = "ticket"
  case newSession = "new-session"
  case parked = "parked"
  case stopLink = "stop-link"
  case fingerprint = "fingerprint"
  case appSecret = "app-secret"
  case signingKey = "signing-key"
  case audit = "audit"
  case supportCase = "support-case"
  case cursor
  case idempotencyKey = "idempotency-key"
  case keptAnswer = "kept-answer"
  case operatorToken = "operator-token"
}

/// The service's keys: master keys from the key file, everything else derived (HKDF-SHA256, RFC 5869) or sealed
/// (ChaCha20-Poly1305, RFC 8439) by them. Several masters may be present; the current one seals, all open.
package struct KeyRing: Sendable {
  package struct Master: Sendable {
    package let id: UInt8
    package let secret: Secret

    package init(id: UInt8, secret: Secret) {
      self.id = id
      self.secret = secret
    }
  }

  /// Derived once: deriving a key takes longer than using it.
  private let keys: [UInt8: [KeyPurpose: SymmetricKey]]
  private let currentID: UInt8
  private let randomness: Randomness

  /// The last master is the current one.
  package init?(masters: [Master], randomness: Randomness) {
    guard let current = masters.last else { return nil }
    keys = Dictionary(
      masters.map { ($0.id, Self.keys(of: $0.secret.withBytes { SymmetricKey(data: $0) })) },
      uniquingKeysWith: { $1 })
    currentID = current.id
    self.randomness = randomness
  }

  private static func keys(of master: SymmetricKey) -> [KeyPurpose: SymmetricKey] {
    var keys: [KeyPurpose: SymmetricKey] = [:]
    for purpose in KeyPurpose.allCases {
      keys[purpose] = HKDF<SHA256>.deriveKey(
        inputKeyMaterial: master, info: Array("sparekey/\(purpose.rawValue)/1".utf8), outputByteCount: 32)
    }
    return keys
  }

  private func key(_ purpose: KeyPurpose, master: UInt8) -> SymmetricKey? { keys[master]?[purpose] }

  /// Seals bytes. Shape: key id (1 byte), nonce (12), ciphertext, tag (16).
  package func seal(_ plain: some Collection<UInt8>, for purpose: KeyPurpose, bound context: String)
    -> [UInt8]
  {
    guard let key = key(purpose, master: currentID),
      let nonce = try? ChaChaPoly.Nonce(data: randomness.bytes(12)),
      let box = try? ChaChaPoly.seal(
        Array(plain), using: key, nonce: nonce, authenticating: Array(context.utf8))
    else { preconditionFailure("the current master key is always present and the nonce is always 12 bytes") }
    return [currentID] + box.combined
  }

  /// Opens what `seal` made for the same purpose and context; nil for anything else.
  package func open(_ sealed: some Collection<UInt8>, for purpose: KeyPurpose, bound context: String)
    -> [UInt8]?
  {
    guard let id = sealed.first, let key = key(purpose, master: id),
      let box = try? ChaChaPoly.SealedBox(combined: Array(sealed.dropFirst())),
      let plain = try? ChaChaPoly.open(box, using: key, authenticating: Array(context.utf8))
    else { return nil }
    return Array(plain)
  }

  /// As long as a sealed value, tried with the current key, opened by none: for work that must cost the same (S6).
  package func unopenable(length: Int) -> [UInt8] {
    [currentID] + Array(repeating: 0, count: max(0, length - 1))
  }

  /// A keyed digest (HMAC-SHA256, 32 bytes) under the oldest master, so that digests in the database stay
  /// comparable while keys rotate.
  package func digest(_ bytes: some Collection<UInt8>, for purpose: KeyPurpose) -> [UInt8] {
    guard let oldest = keys.keys.min(), let key = key(purpose, master: oldest) else {
      preconditionFailure("a key ring is never empty")
    }
    return Array(HMAC<SHA256>.authenticationCode(for: Array(bytes), using: key))
  }

  package func digest(_ text: String, for purpose: KeyPurpose) -> [UInt8] {
    digest(Array(text.utf8), for: purpose)
  }

  /// Tells key files apart without telling anything about them; the same while keys rotate.
  package var fingerprint: [UInt8] { digest("", for: .fingerprint) }
}

extension Ports {
  /// What is kept of an issued code: its keyed digest, bound to what it was issued for.
  package func digest(issuedCode code: String, for subject: String) -> [UInt8] {
    keys.digest("\(subject)\u{0}\(code)", for: .issuedCode)
  }
}
