/// A passkey as it is stored with its account ("credential record", WebAuthn Level 3, section 4). Nothing in it is
/// secret. Its id is unique over all accounts: who stores it refuses one that is known.
package struct PasskeyCredential: Codable, Sendable, Equatable {
  /// 1 to 1,023 bytes, chosen by the authenticator.
  package let id: [UInt8]
  /// The COSE key (RFC 9052) as the authenticator gave it.
  package let publicKey: [UInt8]
  package let algorithm: PasskeyAlgorithm
  /// The highest count seen; 0 for authenticators that do not count.
  package var signatureCount: UInt32
  /// Whether it may be synchronised between devices; never changes.
  package let backupEligible: Bool
  /// Whether it was, when it was last used.
  package var backedUp: Bool
  /// How the browser may reach it ("internal", "hybrid", "usb" ...): hints to hand back, not facts.
  package let transports: [String]
  /// The model of the authenticator, 16 bytes; zeros when it does not say. Not proved by anything.
  package let aaguid: [UInt8]

  package init(
    id: [UInt8], publicKey: [UInt8], algorithm: PasskeyAlgorithm, signatureCount: UInt32,
    backupEligible: Bool,
    backedUp: Bool, transports: [String], aaguid: [UInt8]
  ) {
    self.id = id
    self.publicKey = publicKey
    self.algorithm = algorithm
    self.signatureCount = signatureCount
    self.backupEligible = backupEligible
    self.backedUp = backedUp
    self.transports = transports
    self.aaguid = aaguid
  }

  /// How it is named in options.
  package var descriptor: PasskeyDescriptor { PasskeyDescriptor(id: id, transports: transports) }
}

/// A passkey as the browser is told of it: one that must not be made again, or one that may answer.
package struct PasskeyDescriptor: Sendable, Equatable {
  package let id: [UInt8]
  package let transports: [String]

  package init(id: [UInt8], transports: [String]) {
    self.id = id
    self.transports = transports
  }
}

/// What a successful use changes in the stored passkey.
package struct PasskeyUse: Sendable, Equatable {
  package let signatureCount: UInt32
  package let backedUp: Bool

  package init(signatureCount: UInt32, backedUp: Bool) {
    self.signatureCount = signatureCount
    self.backedUp = backedUp
  }
}
