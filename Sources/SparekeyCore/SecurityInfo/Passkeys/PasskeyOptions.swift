import FoundationEssentials

/// How long a browser may take to answer, in milliseconds.
private let patience = 300_000

/// The question for a new passkey: `PublicKeyCredentialCreationOptionsJSON` (WebAuthn Level 3, section 5.1.9).
package struct PasskeyCreationOptions: Sendable {
  package let relyingParty: RelyingParty
  package let challenge: [UInt8]
  /// Names the account to the authenticator for good: 1 to 64 random bytes, nothing personal (section 14.6.1).
  package let userHandle: [UInt8]
  /// What the browser shows to tell the account from others.
  package let username: String
  package let displayName: String
  /// The account's passkeys, so that no authenticator makes a second one.
  package let existing: [PasskeyDescriptor]

  package init(
    relyingParty: RelyingParty, challenge: [UInt8], userHandle: [UInt8], username: String,
    displayName: String,
    existing: [PasskeyDescriptor] = []
  ) {
    self.relyingParty = relyingParty
    self.challenge = challenge
    self.userHandle = userHandle
    self.username = username
    self.displayName = displayName
    self.existing = existing
  }

  /// A passkey that can be found without a username, only after user verification, without attestation.
  package func json() throws -> String {
    try optionsText(
      Content(
        rp: .init(id: relyingParty.id, name: relyingParty.name),
        user: .init(id: Base64URL.encode(userHandle), name: username, displayName: displayName),
        challenge: Base64URL.encode(challenge),
        pubKeyCredParams: PasskeyAlgorithm.allCases.map { .init(alg: $0.rawValue) },
        excludeCredentials: existing.map(CredentialContent.init)))
  }

  private struct Content: Encodable {
    let rp: Party
    let user: User
    let challenge: String
    let pubKeyCredParams: [Parameters]
    var timeout = patience
    let excludeCredentials: [CredentialContent]
    var authenticatorSelection = Selection()
    var attestation = "none"

    struct Party: Encodable {
      let id: String
      let name: String
    }

    struct User: Encodable {
      let id: String
      let name: String
      let displayName: String
    }

    struct Parameters: Encodable {
      var type = "public-key"
      let alg: Int
    }

    struct Selection: Encodable {
      var residentKey = "required"
      /// What browsers before Level 2 understand.
      var requireResidentKey = true
      var userVerification = "required"
    }
  }
}

/// The question for the use of a passkey: `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3, section 5.1.10).
package struct PasskeyRequestOptions: Sendable {
  package let relyingParty: RelyingParty
  package let challenge: [UInt8]
  /// The passkeys that may answer. Empty: the person chooses any of theirs, and it names the account.
  package let allowed: [PasskeyDescriptor]

  package init(relyingParty: RelyingParty, challenge: [UInt8], allowed: [PasskeyDescriptor] = []) {
    self.relyingParty = relyingParty
    self.challenge = challenge
    self.allowed = allowed
  }

  package func json() throws -> String {
    try optionsText(
      Content(
        rpId: relyingParty.id, challenge: Base64URL.encode(challenge),
        allowCredentials: allowed.map(CredentialContent.init)))
  }

  private struct Content: Encodable {
    let rpId: String
    let challenge: String
    var timeout = patience
    let allowCredentials: [CredentialContent]
    var userVerification = "required"
  }
}

private struct CredentialContent: Encodable {
  var type = "public-key"
  let id: String
  let transports: [String]

  init(_ descriptor: PasskeyDescriptor) {
    id = Base64URL.encode(descriptor.id)
    transports = descriptor.transports
  }
}

private func optionsText(_ content: some Encodable) throws -> String {
  String(decoding: try JSON.encode(content), as: UTF8.self)
}
