import CFido2
import SparekeyCore

/// Passkey signatures checked by libfido2, which also compares the hash of the relying party's id and the flags for
/// presence and verification with what it is told. Each check takes some hundred microseconds.
package struct Fido2Signatures: PasskeySignatureChecking {
  package init() { _ = Self.start }

  private static let start: Void = fido_init(0)

  package func isGenuine(_ assertion: SignedAssertion) -> Bool {
    guard let fido = fido_assert_new() else { return false }
    var handle: OpaquePointer? = fido
    defer { fido_assert_free(&handle) }
    let (hash, data, signature) = (assertion.clientDataHash, assertion.authenticatorData, assertion.signature)
    return fido_assert_set_clientdata_hash(fido, hash, hash.count) == FIDO_OK
      && fido_assert_set_rp(fido, assertion.relyingPartyID) == FIDO_OK
      && fido_assert_set_count(fido, 1) == FIDO_OK
      && fido_assert_set_up(fido, FIDO_OPT_TRUE) == FIDO_OK
      && fido_assert_set_uv(fido, FIDO_OPT_TRUE) == FIDO_OK
      && fido_assert_set_authdata_raw(fido, 0, data, data.count) == FIDO_OK
      && fido_assert_set_sig(fido, 0, signature, signature.count) == FIDO_OK
      && verify(fido, with: assertion.key)
  }

  private func verify(_ fido: OpaquePointer, with key: PasskeyPublicKey) -> Bool {
    switch key {
    case .edDSA(let bytes):
      var handle = eddsa_pk_new()
      defer { eddsa_pk_free(&handle) }
      guard let handle, eddsa_pk_from_ptr(handle, bytes, bytes.count) == FIDO_OK else { return false }
      return fido_assert_verify(fido, 0, COSE_EDDSA, UnsafeRawPointer(handle)) == FIDO_OK
    case .es256(let x, let y):
      let bytes = x + y
      var handle = es256_pk_new()
      defer { es256_pk_free(&handle) }
      guard let handle, es256_pk_from_ptr(handle, bytes, bytes.count) == FIDO_OK else { return false }
      return fido_assert_verify(fido, 0, COSE_ES256, UnsafeRawPointer(handle)) == FIDO_OK
    case .rs256(let modulus):
      let bytes = modulus + [1, 0, 1]
      var handle = rs256_pk_new()
      defer { rs256_pk_free(&handle) }
      guard let handle, rs256_pk_from_ptr(handle, bytes, bytes.count) == FIDO_OK else { return false }
      return fido_assert_verify(fido, 0, COSE_RS256, UnsafeRawPointer(handle)) == FIDO_OK
    }
  }

  package func isGenuine(_ attestation: PackedAttestation) -> Bool {
    guard let fido = fido_cred_new() else { return false }
    var handle: OpaquePointer? = fido
    defer { fido_cred_free(&handle) }
    let (hash, data, statement) =
      (attestation.clientDataHash, attestation.authenticatorData, attestation.statement)
    guard fido_cred_set_type(fido, Int32(attestation.algorithm.rawValue)) == FIDO_OK,
      fido_cred_set_clientdata_hash(fido, hash, hash.count) == FIDO_OK,
      fido_cred_set_rp(fido, attestation.relyingPartyID, nil) == FIDO_OK,
      fido_cred_set_uv(fido, FIDO_OPT_TRUE) == FIDO_OK,
      fido_cred_set_authdata_raw(fido, data, data.count) == FIDO_OK,
      // Anything but "packed" would not be checked at all.
      fido_cred_set_fmt(fido, "packed") == FIDO_OK,
      fido_cred_set_attstmt(fido, statement, statement.count) == FIDO_OK
    else { return false }
    // It takes an answered extension that nobody asked for as a fault.
    if attestation.hasHMACSecret, fido_cred_set_extensions(fido, FIDO_EXT_HMAC_SECRET) != FIDO_OK {
      return false
    }
    if let level = attestation.credentialProtection, fido_cred_set_prot(fido, level) != FIDO_OK {
      return false
    }
    return (attestation.isCertified ? fido_cred_verify(fido) : fido_cred_verify_self(fido)) == FIDO_OK
  }
}
