/// What an authenticator hands out with a new passkey (WebAuthn Level 3, section 6.5): a CBOR map of the authenticator
/// data, a format, and a statement in that format by which the authenticator may say what it is.
struct AttestationObject: Equatable {
  enum Statement: Equatable {
    /// Section 8.7: nothing is said. So are formats that we don't read: see docs/decisions/0009-passkeys-libfido2.md.
    case none
    /// Section 8.2. Signed by the passkey's own key, or by that of the first certificate.
    case packed(bytes: [UInt8], algorithm: Int64, isCertified: Bool)
  }

  /// As it was signed.
  let authenticatorData: [UInt8]
  let statement: Statement

  init?(_ bytes: [UInt8]) {
    guard bytes.count <= PasskeyAnswer.largest, let members = CBOR(bytes)?.map, members.count == 3,
      let data = members[.text("authData")]?.bytes, let format = members[.text("fmt")]?.text,
      let said = members[.text("attStmt")], let statement = said.map
    else { return nil }
    authenticatorData = data
    switch format {
    case "none":
      guard statement.isEmpty else { return nil }
      self.statement = .none
    case "packed":
      guard let packed = Self.packed(statement, bytes: Array(said.source)) else { return nil }
      self.statement = packed
    default: self.statement = .none
    }
  }

  private static func packed(_ statement: [CBOR.Key: CBOR], bytes: [UInt8]) -> Statement? {
    guard let algorithm = statement[.text("alg")]?.integer, statement[.text("sig")]?.bytes != nil
    else { return nil }
    guard let chain = statement[.text("x5c")] else {
      return statement.count == 2 ? .packed(bytes: bytes, algorithm: algorithm, isCertified: false) : nil
    }
    guard statement.count == 3, let certificates = chain.array, !certificates.isEmpty,
      certificates.allSatisfy({ $0.bytes != nil })
    else { return nil }
    return .packed(bytes: bytes, algorithm: algorithm, isCertified: true)
  }
}
