/// One thing that happened to an account's security. Changes carry the version they led away from and the whole
/// state before it; undo, seniority, recent activity and audit all read this one history.
package struct SecurityEvent: Sendable, Equatable {
  package enum Kind: String, Sendable, Codable, CaseIterable {
    case accountCreated = "account-created"
    case signedIn = "signed-in"
    case signedOutEverywhere = "signed-out-everywhere"
    case sessionEnded = "session-ended"
    case passwordChanged = "password-changed"
    case recovered
    case codeMade = "code-made"
    case codeReplaced = "code-replaced"
    case emailAdded = "email-added"
    case emailConfirmed = "email-confirmed"
    case emailRemoved = "email-removed"
    case wrongCodes = "wrong-codes"
  }

  package let at: Timestamp
  package let kind: Kind
  /// What it concerns, fit to be shown: a masked address, a serial, the way of a recovery.
  package let detail: String
  package let source: Source

  package init(at: Timestamp, kind: Kind, detail: String = "", source: Source) {
    self.at = at
    self.kind = kind
    self.detail = detail
    self.source = source
  }
}

/// What a security version consists of. Secrets are not in it: an undone password or code is never revived (H10).
package struct SecurityState: Sendable, Codable, Equatable {
  package struct ContactState: Sendable, Codable, Equatable {
    package let id: ContactID
    package let kind: Contact.Kind
    package let address: String
    package let addedAt: Timestamp
    package let confirmedAt: Timestamp?
    package let fromSignUp: Bool
  }

  package let version: VersionID
  package let contacts: [ContactState]
  package let twoStepSince: Timestamp?
  package let liveCode: CodeID?

  package init(account: Account, contacts: [Contact], liveCode: CodeID?) {
    version = account.version
    self.contacts = contacts.map {
      ContactState(
        id: $0.id, kind: $0.kind, address: $0.address, addedAt: $0.addedAt, confirmedAt: $0.confirmedAt,
        fromSignUp: $0.fromSignUp)
    }
    twoStepSince = account.twoStepSince
    self.liveCode = liveCode
  }
}

package protocol SecurityHistoryStore {
  /// Appends at the end of the account's history.
  /// - Parameter sealedStateBefore: for changes, the state they led away from; nil for mere events.
  func append(
    _ event: SecurityEvent, to account: AccountID, leaving version: VersionID?,
    sealedStateBefore: [UInt8]?) throws
  /// Newest first.
  func events(of account: AccountID, limit: Int) throws -> [SecurityEvent]
}

extension Ports {
  /// Records a change: the account moves to its next version, the state before is kept, and every contact is told
  /// (D4, N10). To be called after `account` was read and before the change is written, in the same transaction.
  /// - Throws: `Refusal.changedMeanwhile` when the account is no longer at the version it was read at.
  package func record(
    _ kind: SecurityEvent.Kind, detail: String = "", of account: Account, source: Source,
    notice: Notice.Kind?,
    in transaction: any Transaction
  ) throws {
    let contacts = try contacts(of: account.id, in: transaction)
    let state = SecurityState(
      account: account, contacts: contacts, liveCode: try transaction.liveCode(of: account.id)?.id)
    guard try transaction.advance(account.id, from: account.version, to: VersionID(randomness)) else {
      throw Refusal.changedMeanwhile
    }
    let sealed = keys.seal(try JSON.encode(state), for: .history, bound: "state/\(account.id)")
    try transaction.append(
      SecurityEvent(at: transaction.now, kind: kind, detail: detail, source: source), to: account.id,
      leaving: account.version, sealedStateBefore: sealed)
    if let notice {
      try tell(contacts, notice, about: account, source: source, in: transaction)
    }
  }

  /// Records something that happened without changing the security version.
  package func note(
    _ kind: SecurityEvent.Kind, on account: AccountID, source: Source, in transaction: any Transaction
  ) throws {
    let now = transaction.now
    try transaction.append(
      SecurityEvent(at: now, kind: kind, source: source), to: account, leaving: nil,
      sealedStateBefore: nil)
  }
}
