import Crypto

/// Our side of making and using a passkey: the relying party's steps of WebAuthn Level 3, sections 7.1 and 7.2.
///
/// What it needs others to do: hand out a challenge of its own for each question (``newChallenge(_:)``), accept it
/// once and for five minutes, keep credential ids unique over all accounts, and store what a use returns.
///
/// User verification is always required, so that a passkey alone is two factors. Attestation is not: what the
/// authenticator is changes nothing, and no certificate chain is trusted (docs/decisions/0009-passkeys-libfido2.md).
package struct PasskeyCeremony: Sendable {
  package let relyingParty: RelyingParty
  package let signatures: any PasskeySignatureChecking

  package init(relyingParty: RelyingParty, signatures: any PasskeySignatureChecking) {
    self.relyingParty = relyingParty
    self.signatures = signatures
  }

  /// Less than this (section 13.4.3) is taken for a mistake of ours, and nothing is accepted.
  private static let shortestChallenge = 16

  /// 32 random bytes.
  package static func newChallenge(_ randomness: Randomness) -> [UInt8] { randomness.bytes(32) }

  /// Section 7.1: checks a new passkey.
  ///
  /// - Parameter challenge: the one that the creation options held.
  /// - Returns: what to store, unless its id is known already.
  package func register(
    _ registration: PasskeyRegistration, challenge: [UInt8]
  ) throws(PasskeyProblem) -> PasskeyCredential {
    try checkClientData(registration.clientDataJSON, type: "webauthn.create", challenge: challenge)
    guard let object = AttestationObject(registration.attestationObject) else {
      throw .malformed(.attestation)
    }
    let data = try authenticatorData(object.authenticatorData)
    guard let attested = data.attested else { throw .noCredential }
    guard let key = PasskeyPublicKey(cose: attested.publicKey) else { throw .unsupportedKey }
    try check(object, data, of: registration, key: key)
    return PasskeyCredential(
      id: attested.id, publicKey: attested.publicKey, algorithm: key.algorithm,
      signatureCount: data.signatureCount, backupEligible: data.flags.contains(.backupEligible),
      backedUp: data.flags.contains(.backedUp), transports: registration.transports, aaguid: attested.aaguid)
  }

  /// Section 7.2: checks the use of a passkey.
  ///
  /// The signature counter has to go up whenever the old or the new count is not zero (section 6.1.1). If it does not,
  /// there may be a second copy of the passkey, and the use is refused; the stored count stays as it is.
  ///
  /// - Parameters:
  ///   - credential: the stored passkey with the assertion's id, of the account that is to be opened.
  ///   - challenge: the one that the request options held.
  ///   - expectedUserHandle: that account's. The answer need not hold one, but if so, the same.
  ///   - isDiscovered: nobody named the account; then the answer has to hold its handle.
  package func use(
    _ assertion: PasskeyAssertion, of credential: PasskeyCredential, challenge: [UInt8],
    expectedUserHandle: [UInt8], isDiscovered: Bool = false
  ) throws(PasskeyProblem) -> PasskeyUse {
    guard assertion.credentialID == credential.id else { throw .wrongCredential }
    if isDiscovered, assertion.userHandle == nil { throw .noUserHandle }
    guard assertion.userHandle == nil || assertion.userHandle == expectedUserHandle else { throw .wrongUser }
    try checkClientData(assertion.clientDataJSON, type: "webauthn.get", challenge: challenge)
    let data = try authenticatorData(assertion.authenticatorData)
    // Section 6.1: an assertion holds no credential.
    guard data.attested == nil else { throw .malformed(.authenticatorData) }
    guard data.flags.contains(.backupEligible) == credential.backupEligible
    else { throw .backupEligibilityChanged }
    guard let key = PasskeyPublicKey(cose: credential.publicKey), key.algorithm == credential.algorithm
    else { throw .unsupportedKey }
    let signed = SignedAssertion(
      relyingPartyID: relyingParty.id, clientDataHash: sha256(assertion.clientDataJSON),
      authenticatorData: assertion.authenticatorData, signature: assertion.signature, key: key)
    guard signatures.isGenuine(signed) else { throw .wrongSignature }
    guard
      (data.signatureCount, credential.signatureCount) == (0, 0)
        || data.signatureCount > credential.signatureCount
    else { throw .counterNotIncreased }
    return PasskeyUse(signatureCount: data.signatureCount, backedUp: data.flags.contains(.backedUp))
  }

  private func checkClientData(_ json: [UInt8], type: String, challenge: [UInt8]) throws(PasskeyProblem) {
    guard let clientData = ClientData(json) else { throw .malformed(.clientData) }
    guard clientData.type == type else { throw .wrongType }
    guard challenge.count >= Self.shortestChallenge,
      constantTimeEqual(clientData.challenge.utf8, Base64URL.encode(challenge).utf8)
    else { throw .wrongChallenge }
    // By bytes: Swift takes some different texts for the same.
    guard clientData.origin.utf8.elementsEqual(relyingParty.origin.utf8) else { throw .wrongOrigin }
    guard !clientData.isCrossOrigin else { throw .crossOrigin }
  }

  private func authenticatorData(_ bytes: [UInt8]) throws(PasskeyProblem) -> AuthenticatorData {
    guard let data = AuthenticatorData(bytes) else { throw .malformed(.authenticatorData) }
    guard constantTimeEqual(data.relyingPartyHash, sha256(Array(relyingParty.id.utf8)))
    else { throw .wrongRelyingParty }
    guard data.flags.contains(.userPresent) else { throw .userNotPresent }
    guard data.flags.contains(.userVerified) else { throw .userNotVerified }
    guard data.flags.contains(.backupEligible) || !data.flags.contains(.backedUp)
    else { throw .backupContradiction }
    return data
  }

  /// With a statement in a format that we read, its signature has to be right. It proves nothing beyond that.
  private func check(
    _ object: AttestationObject, _ data: AuthenticatorData, of registration: PasskeyRegistration,
    key: PasskeyPublicKey
  ) throws(PasskeyProblem) {
    guard case .packed(let bytes, let algorithm, let isCertified) = object.statement else { return }
    // Section 8.2: the passkey's own signature is made with the passkey's algorithm.
    guard isCertified || algorithm == Int64(key.algorithm.rawValue) else { throw .wrongAttestation }
    let attestation = PackedAttestation(
      relyingPartyID: relyingParty.id, clientDataHash: sha256(registration.clientDataJSON),
      authenticatorData: object.authenticatorData, statement: bytes, isCertified: isCertified,
      algorithm: key.algorithm,
      credentialProtection: data.extensions[.text("credProtect")]?.integer.flatMap(Int32.init(exactly:)),
      hasHMACSecret: data.extensions[.text("hmac-secret")]?.isTrue == true)
    guard signatures.isGenuine(attestation) else { throw .wrongAttestation }
  }

  private func sha256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
}
