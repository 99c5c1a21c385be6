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
  /// S9: shorter than a password that stands alone.
  package let passwordNeedsTwoStep: Bool
  /// Set while the account is frozen (D2).
  package let frozen: Freeze?
  /// When the open hold, if there is one, is due.
  package let holdDueAt: Timestamp?
  /// When everything about it is erased, unless its owner signs in before (D5).
  package let closesAt: Timestamp?
  /// One salt for all of the account's recovery codes: one hash is compared with the live and the old ones (C10).
  package let codeSalt: [UInt8]

  package init(
    id: AccountID, username: String, createdAt: Timestamp, version: VersionID, password: SealedHash,
    passwordChangedAt: Timestamp, twoStepSince: Timestamp?, passwordNeedsTwoStep: Bool = false,
    frozen: Freeze? = nil, holdDueAt: Timestamp? = nil, closesAt: Timestamp? = nil, codeSalt: [UInt8]
  ) {
    self.id = id
    self.username = username
    self.createdAt = createdAt
    self.version = version
    self.password = password
    self.passwordChangedAt = passwordChangedAt
    self.twoStepSince = twoStepSince
    self.passwordNeedsTwoStep = passwordNeedsTwoStep
    self.frozen = frozen
    self.holdDueAt = holdDueAt
    self.closesAt = closesAt
    self.codeSalt = codeSalt
  }

  package var twoStep: Bool { twoStepSince != nil }
}

/// Why an account stands still: something happened that its owner disowned (D2).
package struct Freeze: Sendable, Equatable, Codable {
  package let at: Timestamp
  /// What was disowned happened then: only proofs older than that can thaw (H10).
  package let eventAt: Timestamp

  package init(at: Timestamp, eventAt: Timestamp) {
    self.at = at
    self.eventAt = eventAt
  }
}

package protocol AccountStore {
  /// False when the username, or one that looks like it, is taken.
  func insert(_ account: Account, named username: Username) throws -> Bool
  func account(_ id: AccountID) throws -> Account?
  func account(canonicalName: String) throws -> Account?
  func setPassword(_ password: SealedHash, needsTwoStep: Bool, of account: AccountID, changedAt: Timestamp)
    throws
  /// Turns two-step verification on, or off with nil.
  func setTwoStep(since: Timestamp?, of account: AccountID) throws
  /// Freezes, or thaws with nil. - Returns: false when it was so already.
  func setFrozen(_ freeze: Freeze?, of account: AccountID) throws -> Bool
  func setHoldDue(at time: Timestamp?, of account: AccountID) throws
  /// Begins closing, or ends it with nil. - Returns: false when it was so already.
  func setClosing(at time: Timestamp?, of account: AccountID) throws -> Bool
  func closingsDue(at now: Timestamp, limit: Int) throws -> [AccountID]
  /// Erases everything about the account but its name, which stays taken. - Returns: false while it is not due, frozen,
  /// or a hold is open.
  func erase(_ account: AccountID, at now: Timestamp) throws -> Bool
  /// The next ones in the order of ids.
  func accounts(after id: AccountID?, limit: Int) throws -> [Account]
  /// Replaces an outdated hash of the same password; not a change, and harmless to lose.
  func rehashPassword(of account: AccountID, from old: SealedHash, to new: SealedHash) throws
  /// Moves to the next security version; false when `version` is no longer the account's.
  func advance(_ account: AccountID, from version: VersionID, to next: VersionID) throws -> Bool
}
