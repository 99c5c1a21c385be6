/// A passkey in the security info.
package struct Passkey: Sendable, Equatable {
  package let id: PasskeyID
  package let account: AccountID
  package let name: String
  package let credential: PasskeyCredential
  package let addedAt: Timestamp
  package let lastUsedAt: Timestamp?

  package init(
    id: PasskeyID, account: AccountID, name: String, credential: PasskeyCredential, addedAt: Timestamp,
    lastUsedAt: Timestamp? = nil
  ) {
    self.id = id
    self.account = account
    self.name = name
    self.credential = credential
    self.addedAt = addedAt
    self.lastUsedAt = lastUsedAt
  }
}

package protocol PasskeyStore {
  /// False when this credential is in someone's security info already.
  func insert(_ passkey: Passkey) throws -> Bool
  /// Present ones, oldest first.
  func passkeys(of account: AccountID) throws -> [Passkey]
  func passkey(credential id: [UInt8]) throws -> Passkey?
  /// Notes a use; false when the stored counter is not `before` any more.
  func use(_ passkey: PasskeyID, counter before: UInt32, to credential: PasskeyCredential, at now: Timestamp)
    throws
    -> Bool
  func removePasskey(_ passkey: PasskeyID, of account: AccountID, at now: Timestamp) throws -> Bool
}

/// A challenge that was given out, good for one answer within five minutes.
package struct PasskeyRequest: Journey {
  package static let purpose = "passkey"
  package static let lifetime = Duration.minutes(5)
  /// Nothing in it is longer for one person than for another.
  package static let paddedLength = 0

  package let id: JourneyID
  /// In base64url: numbers, one for each byte, would take longer to write than all the rest.
  private let encodedChallenge: String
  package let expiresAt: Timestamp

  package init(id: JourneyID, challenge: [UInt8], expiresAt: Timestamp) {
    (self.id, encodedChallenge, self.expiresAt) = (id, Base64URL.encode(challenge), expiresAt)
  }

  /// An empty one opens nothing.
  package var challenge: [UInt8] { Base64URL.decode(encodedChallenge) ?? [] }
}

/// What the page hands to the browser.
package struct PasskeyPrompt: Sendable {
  /// The sealed challenge, to be sent back with the answer.
  package let request: String
  /// `PublicKeyCredentialRequestOptionsJSON` or `…CreationOptionsJSON` (WebAuthn Level 3, section 5.1).
  package let options: String
}

extension AccountID {
  /// What passkeys know an account by (WebAuthn Level 3, section 5.4.3): random, saying nothing about the person.
  package var userHandle: [UInt8] { Array(text.utf8) }
}

extension Ports {
  private func newPasskeyRequest() -> PasskeyRequest {
    PasskeyRequest(
      id: JourneyID(randomness), challenge: PasskeyCeremony.newChallenge(randomness),
      expiresAt: clock.now() + PasskeyRequest.lifetime)
  }

  /// Asks for a passkey: of this account, or of any that the browser has (S4).
  package func promptPasskey(of account: AccountID?, binding: JourneyBinding) async throws -> PasskeyPrompt {
    let known: [Passkey] =
      if let account { try await database.read { try $0.passkeys(of: account) } } else { [] }
    let request = newPasskeyRequest()
    return PasskeyPrompt(
      request: try seal(request, for: binding),
      options: try PasskeyRequestOptions(
        relyingParty: passkeys.relyingParty, challenge: request.challenge,
        allowed: known.map(\.credential.descriptor)
      ).json())
  }

  /// Asks for a new passkey.
  package func promptNewPasskey(of account: Account, binding: JourneyBinding) async throws -> PasskeyPrompt {
    let known = try await database.read { try $0.passkeys(of: account.id) }
    let request = newPasskeyRequest()
    return PasskeyPrompt(
      request: try seal(request, for: binding),
      options: try PasskeyCreationOptions(
        relyingParty: passkeys.relyingParty, challenge: request.challenge, userHandle: account.id.userHandle,
        username: account.username, displayName: account.username,
        existing: known.map(\.credential.descriptor)
      ).json())
  }

  /// Checks an answer and notes the use. The request is spent: the same answer opens nothing twice (T12).
  /// - Parameter expected: whose it must be; nil finds the account by the passkey.
  /// - Throws: `Refusal.passkeyWrong`, `.expired`, `.slowDown`.
  package func usePasskey(
    _ assertion: PasskeyAssertion, request: PasskeyRequest, expected: AccountID?, source: Source
  ) async throws -> Passkey {
    let (tried, found) = try await database.write { [self] transaction in
      (
        try countTry(ThrottleRules.passkey, on: "", from: source, in: transaction),
        try transaction.passkey(credential: assertion.credentialID)
      )
    }
    guard let passkey = found, expected == nil || passkey.account == expected else {
      throw Refusal.passkeyWrong(.wrongCredential)
    }
    var used = passkey.credential
    do {
      let use = try passkeys.use(
        assertion, of: passkey.credential, challenge: request.challenge,
        expectedUserHandle: passkey.account.userHandle, isDiscovered: expected == nil)
      (used.signatureCount, used.backedUp) = (use.signatureCount, use.backedUp)
    } catch {
      throw Refusal.passkeyWrong(error)
    }
    return try await database.write { [self, used] transaction in
      guard try transaction.spend(request.id.text, for: passkey.account) else { throw Refusal.expired }
      guard
        try transaction.use(
          passkey.id, counter: passkey.credential.signatureCount, to: used,
          at: transaction.now)
      else { throw Refusal.changedMeanwhile }
      try takeBack(tried, in: transaction)
      return passkey
    }
  }
}
