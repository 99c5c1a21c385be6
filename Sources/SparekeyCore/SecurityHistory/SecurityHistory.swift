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
    case wrongSecondFactors = "wrong-second-factors"
    case phoneAdded = "phone-added"
    case phoneConfirmed = "phone-confirmed"
    case phoneRemoved = "phone-removed"
    case totpAdded = "totp-added"
    case totpRemoved = "totp-removed"
    case passkeyAdded = "passkey-added"
    case passkeyRemoved = "passkey-removed"
    case twoStepOn = "two-step-on"
    case twoStepOff = "two-step-off"
    case codeChecked = "code-checked"
    case codeCheckFailed = "code-check-failed"
    case holdStarted = "hold-started"
    case holdContested = "hold-contested"
    case holdResumed = "hold-resumed"
    case holdStopped = "hold-stopped"
    case holdCompleted = "hold-completed"
    case removalHeld = "removal-held"
    case proofsRemoved = "proofs-removed"
    case frozen
    case thawed
    case factorsSettled = "factors-settled"
    case closing
    case reopened
    case appAllowed = "app-allowed"
    case appRemoved = "app-removed"
    case supportHoldRequested = "support-hold-requested"
    case supportFroze = "support-froze"
    case supportEndedSessions = "support-ended-sessions"
  }

  /// Its place in the account's history, from 1; 0 until it is written.
  package let number: Int
  package let at: Timestamp
  package let kind: Kind
  /// What it concerns, fit to be shown: a masked address, a serial, the way of a recovery.
  package let detail: String
  package let source: Source

  package init(number: Int = 0, at: Timestamp, kind: Kind, detail: String = "", source: Source) {
    self.number = number
    self.at = at
    self.kind = kind
    self.detail = detail
    self.source = source
  }
}

/// What a security version consists of. Secrets are not in it: an undone password or code is never revived (H10).
/// Removed proofs stay in the database, so that undo finds them by id.
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
  package let apps: [AuthenticatorAppID]?
  package let passkeys: [PasskeyID]?
  package let twoStepSince: Timestamp?
  package let liveCode: CodeID?

  package init(_ proofs: ProofsOfAccount) {
    version = proofs.account.version
    contacts = proofs.contacts.map {
      ContactState(
        id: $0.id, kind: $0.kind, address: $0.address, addedAt: $0.addedAt, confirmedAt: $0.confirmedAt,
        fromSignUp: $0.fromSignUp)
    }
    apps = proofs.confirmedApps.map(\.id)
    passkeys = proofs.passkeys.map(\.id)
    twoStepSince = proofs.account.twoStepSince
    liveCode = proofs.code?.id
  }
}

package protocol SecurityHistoryStore {
  /// Appends at the end of the account's history.
  /// - Parameter sealedStateBefore: for changes, the state they led away from; nil for mere events.
  func append(
    _ event: SecurityEvent, to account: AccountID, leaving version: VersionID?,
    sealedStateBefore: [UInt8]?) throws
  /// Newest first; all, or those with smaller numbers.
  func events(of account: AccountID, before number: Int?, limit: Int) throws -> [SecurityEvent]
  func event(_ number: Int, of account: AccountID) throws -> SecurityEvent?
}

extension SecurityHistoryStore {
  /// The newest, newest first.
  package func events(of account: AccountID, limit: Int) throws -> [SecurityEvent] {
    try events(of: account, before: nil, limit: limit)
  }
}

extension Ports {
  /// What a change may pass by: an open hold makes all others wait (H7), a frozen account stands still (D2).
  package struct Passage: OptionSet, Sendable {
    package let rawValue: Int
    package init(rawValue: Int) { self.rawValue = rawValue }

    /// What the hold itself does.
    package static let hold = Passage(rawValue: 1)
    /// What thaws.
    package static let freeze = Passage(rawValue: 2)
  }

  /// Records a change: the account moves to its next version, the state before is kept, and every contact is told
  /// (D4, N10). To be called after `account` was read and before the change is written, in the same transaction.
  /// - Throws: `Refusal.changedMeanwhile` when the account is no longer at the version it was read at, `.holdRunning`,
  ///   `.frozen`.
  package func record(
    _ kind: SecurityEvent.Kind, detail: String = "", of account: Account, source: Source,
    notice: Notice.Kind?, past passage: Passage = [], in transaction: any Transaction
  ) throws {
    if !passage.contains(.hold), let hold = try transaction.openHold(of: account.id) {
      throw Refusal.holdRunning(until: hold.endsAt)
    }
    if !passage.contains(.freeze), try transaction.account(account.id)?.frozen != nil { throw Refusal.frozen }
    let proofs = try proofs(of: account, in: transaction)
    guard try transaction.advance(account.id, from: account.version, to: VersionID(randomness)) else {
      throw Refusal.changedMeanwhile
    }
    let sealed = keys.seal(
      try JSON.encode(SecurityState(proofs)), for: .history, bound: "state/\(account.id)")
    try transaction.append(
      SecurityEvent(at: transaction.now, kind: kind, detail: detail, source: source), to: account.id,
      leaving: account.version, sealedStateBefore: sealed)
    if let notice {
      try tell(proofs.contacts, notice, about: account, source: source, in: transaction)
    }
  }

  /// Records something that happened without changing the security version.
  package func note(
    _ kind: SecurityEvent.Kind, detail: String = "", on account: AccountID, source: Source,
    in transaction: any Transaction
  ) throws {
    try transaction.append(
      SecurityEvent(at: transaction.now, kind: kind, detail: detail, source: source), to: account,
      leaving: nil,
      sealedStateBefore: nil)
  }
}
