/// What a person signs in to.
package struct Account: Sendable, Equatable {
  package let id: AccountID
  package let username: String
  package let createdAt: Timestamp
  /// The security version: a new random id at every change of password, proofs, two-step verification or code.
  package let version: VersionID
  /// Sealed hash of the password.
  package let password: SealedHash
  package let passwordChangedAt: Timestamp
  /// When two-step verification was turned on; nil while it is off.
  package let twoStepSince: Timestamp?
  /// One salt for all of the account's recovery codes: one hash is compared with the live and the old ones (C10).
  package let codeSalt: [UInt8]

  package init(
    id: AccountID, username: String, createdAt: Timestamp, version: VersionID, password: SealedHash,
    passwordChangedAt: Timestamp, twoStepSince: Timestamp?, codeSalt: [UInt8]
  ) {
    self.id = id
    self.username = username
    self.createdAt = createdAt
    self.version = version
    self.password = password
    self.passwordChangedAt = passwordChangedAt
    self.twoStepSince = twoStepSince
    self.codeSalt = codeSalt
  }
}

package protocol AccountStore {
  /// False when the username, or one that looks like it, is taken.
  func insert(_ account: Account, named username: Username) throws -> Bool
  func account(_ id: AccountID) throws -> Account?
  func account(canonicalName: String) throws -> Account?
  func setPassword(_ password: SealedHash, of account: AccountID, changedAt: Timestamp) throws
  /// Replaces an outdated hash of the same password; not a change, and harmless to lose.
  func rehashPassword(of account: AccountID, from old: SealedHash, to new: SealedHash) throws
  /// Moves to the next security version; false when `version` is no longer the account's.
  func advance(_ account: AccountID, from version: VersionID, to next: VersionID) throws -> Bool
}
