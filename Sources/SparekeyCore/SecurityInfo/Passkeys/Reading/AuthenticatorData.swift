/// What the authenticator says (WebAuthn Level 3, section 6.1): 32 bytes hash of the relying party's id, 1 byte flags,
/// 4 bytes signature counter; then, if flagged, the new credential and a CBOR map of extensions; and nothing after it.
struct AuthenticatorData: Equatable {
  struct Flags: OptionSet {
    let rawValue: UInt8

    static let userPresent = Flags(rawValue: 1 << 0)
    static let userVerified = Flags(rawValue: 1 << 2)
    static let backupEligible = Flags(rawValue: 1 << 3)
    static let backedUp = Flags(rawValue: 1 << 4)
    static let attestedCredential = Flags(rawValue: 1 << 6)
    static let extensions = Flags(rawValue: 1 << 7)
  }

  /// Section 6.5: 16 bytes AAGUID, 2 bytes length of the id, the id, the COSE key.
  struct AttestedCredential: Equatable {
    let aaguid: [UInt8]
    let id: [UInt8]
    let publicKey: [UInt8]
  }

  static let longestCredentialID = 1_023

  let relyingPartyHash: [UInt8]
  let flags: Flags
  let signatureCount: UInt32
  let attested: AttestedCredential?
  let extensions: [CBOR.Key: CBOR]

  init?(_ bytes: [UInt8]) {
    guard bytes.count >= 37, bytes.count <= PasskeyAnswer.largest else { return nil }
    relyingPartyHash = Array(bytes[..<32])
    flags = Flags(rawValue: bytes[32])
    signatureCount = bytes[33..<37].reduce(0) { $0 << 8 | UInt32($1) }
    var rest = bytes[37...]

    if flags.contains(.attestedCredential) {
      guard let credential = Self.attestedCredential(&rest) else { return nil }
      attested = credential
    } else {
      attested = nil
    }
    if flags.contains(.extensions) {
      var reader = CBORReader(rest)
      guard let members = reader.next()?.map else { return nil }
      extensions = members
      rest = reader.rest
    } else {
      extensions = [:]
    }
    guard rest.isEmpty else { return nil }
  }

  private static func attestedCredential(_ rest: inout ArraySlice<UInt8>) -> AttestedCredential? {
    guard rest.count >= 18 else { return nil }
    let aaguid = Array(rest.prefix(16))
    let length = rest.dropFirst(16).prefix(2).reduce(0) { $0 << 8 | Int($1) }
    rest = rest.dropFirst(18)
    guard (1...longestCredentialID).contains(length), rest.count >= length else { return nil }
    let id = Array(rest.prefix(length))
    var reader = CBORReader(rest.dropFirst(length))
    guard let key = reader.next(), key.map != nil else { return nil }
    rest = reader.rest
    return AttestedCredential(aaguid: aaguid, id: id, publicKey: Array(key.source))
  }
}
