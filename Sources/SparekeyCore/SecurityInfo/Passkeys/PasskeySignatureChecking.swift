/// The port to the library that checks signatures. It is handed what the ceremony has read and checked; it may check
/// more, never less.
package protocol PasskeySignatureChecking: Sendable {
  /// Whether the key signed authenticator data ‖ client data hash (WebAuthn Level 3, section 7.2).
  func isGenuine(_ assertion: SignedAssertion) -> Bool
  /// Whether the statement's key signed authenticator data ‖ client data hash (section 8.2): the first certificate's
  /// key, or the passkey's own. Who issued the certificate is not asked.
  func isGenuine(_ attestation: PackedAttestation) -> Bool
}

/// An assertion whose signature is to be checked.
package struct SignedAssertion: Sendable {
  package let relyingPartyID: String
  /// SHA-256 of clientDataJSON.
  package let clientDataHash: [UInt8]
  package let authenticatorData: [UInt8]
  package let signature: [UInt8]
  package let key: PasskeyPublicKey

  package init(
    relyingPartyID: String, clientDataHash: [UInt8], authenticatorData: [UInt8], signature: [UInt8],
    key: PasskeyPublicKey
  ) {
    self.relyingPartyID = relyingPartyID
    self.clientDataHash = clientDataHash
    self.authenticatorData = authenticatorData
    self.signature = signature
    self.key = key
  }
}

/// An attestation statement of the format "packed".
package struct PackedAttestation: Sendable {
  package let relyingPartyID: String
  /// SHA-256 of clientDataJSON.
  package let clientDataHash: [UInt8]
  package let authenticatorData: [UInt8]
  /// The statement as it stands in the attestation object: a CBOR map of alg, sig and, if certified, x5c.
  package let statement: [UInt8]
  /// Whether a certificate's key signed, and not the passkey's own.
  package let isCertified: Bool
  /// The passkey's algorithm.
  package let algorithm: PasskeyAlgorithm
  /// What the authenticator data answers to the two extensions of CTAP 2 that browsers ask for on their own: the level
  /// of credProtect, and whether there is an hmac-secret. Nothing follows from them here; libfido2 wants to be told.
  package let credentialProtection: Int32?
  package let hasHMACSecret: Bool

  package init(
    relyingPartyID: String, clientDataHash: [UInt8], authenticatorData: [UInt8], statement: [UInt8],
    isCertified: Bool, algorithm: PasskeyAlgorithm, credentialProtection: Int32?, hasHMACSecret: Bool
  ) {
    self.relyingPartyID = relyingPartyID
    self.clientDataHash = clientDataHash
    self.authenticatorData = authenticatorData
    self.statement = statement
    self.isCertified = isCertified
    self.algorithm = algorithm
    self.credentialProtection = credentialProtection
    self.hasHMACSecret = hasHMACSecret
  }
}
