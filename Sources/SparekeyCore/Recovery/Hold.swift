/// A change that is accepted and takes effect only after a wait, so that its owner can stop it (H2, H5–H9, H11, H12).
///
/// ```
/// running ──▶ completed            the clock alone completes it, at `endsAt`, never earlier
///    │ ▲ └──▶ stopped              by a full sign-in with senior proofs, or a recovery that opens at once
///    ▼ │
/// contested ─▶ stopped             paused by a senior contact or a second claimant; `endsAt` stays as it is
///    └───────▶ frozen ─▶ stopped   after 14 days: the account is handed to nobody
/// ```
/// Everything that was decided at its start is constant (`reliability.md`, rows 33 and 34).
package struct Hold: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case running, contested, frozen, completed, stopped

    package var isOpen: Bool { self == .running || self == .contested || self == .frozen }
  }

  package enum Purpose: String, Sendable, Codable {
    /// A claimant gets a new password, or keeps theirs and replaces the factors.
    case recovery
    /// H12: someone signed in removes the last senior proof.
    case removal
  }

  /// What waits. Sealed while it does; nothing in it is compared with anything before completion.
  package struct Parked: Sendable, Codable, Equatable {
    /// Sealed hash of the new password; nil keeps the one there is.
    package var password: SealedHash?
    /// Good only beside a second factor (S9).
    package var passwordNeedsTwoStep = false
    /// Where the claimant can be reached; added to the account at completion.
    package var contact: NewContact?
    /// H12: what goes.
    package var removed: [Proof] = []
  }

  /// T19: after a stop, what the claimant had shown starts no other hold for this long.
  package static let quietAfterStop = Duration.days(7)
  /// H9: after this long without a decision the account stays frozen.
  package static let longestContest = Duration.days(14)

  package let id: HoldID
  package let account: AccountID
  package let purpose: Purpose
  package let startedAt: Timestamp
  package let endsAt: Timestamp
  /// The row of the policy table that decided.
  package let row: Int
  package let evidence: [Proof]
  /// The proofs that were senior when it started: only they can do anything to it (H8).
  package let seniors: [Proof]
  package let sealedParked: [UInt8]
  /// Keyed digest of the claimant's ticket.
  package let ticketDigest: [UInt8]
  package let source: Source
  package private(set) var state: State
  package private(set) var contestedAt: Timestamp?
  /// Who objects; each takes back their own objection alone.
  package private(set) var contestedBy: [Proof]
  /// When the first notice was accepted for a senior contact.
  package let toldAt: Timestamp?
  /// The claimant came back with the ticket and settled the second factors.
  package let ticketUsed: Bool
  /// When the claimant chose another password after the end.
  package let chosenAgainAt: Timestamp?
  package private(set) var endedAt: Timestamp?

  package init(
    id: HoldID, account: AccountID, purpose: Purpose, startedAt: Timestamp, endsAt: Timestamp, row: Int,
    evidence: [Proof], seniors: [Proof], sealedParked: [UInt8], ticketDigest: [UInt8], source: Source,
    state: State = .running, contestedAt: Timestamp? = nil, contestedBy: [Proof] = [],
    toldAt: Timestamp? = nil,
    ticketUsed: Bool = false, chosenAgainAt: Timestamp? = nil, endedAt: Timestamp? = nil
  ) {
    self.id = id
    self.account = account
    self.purpose = purpose
    self.startedAt = startedAt
    self.endsAt = endsAt
    self.row = row
    self.evidence = evidence
    self.seniors = seniors
    self.sealedParked = sealedParked
    self.ticketDigest = ticketDigest
    self.source = source
    self.state = state
    self.contestedAt = contestedAt
    self.contestedBy = contestedBy
    self.toldAt = toldAt
    self.ticketUsed = ticketUsed
    self.chosenAgainAt = chosenAgainAt
    self.endedAt = endedAt
  }

  /// The code that nobody else can use while this hold is open.
  package var reservedCode: CodeID? {
    evidence.lazy.compactMap { if case .recoveryCode(let id) = $0 { id } else { nil } }.first
  }

  /// Whether its ticket still answers for the second factor: until the factors are settled, or the account's password
  /// changed again.
  package func takesTicket(of account: Account) -> Bool { account.twoStep && letsChooseAgain(of: account) }

  private func isPasswordStillTheClaimants(of account: Account) -> Bool {
    guard purpose == .recovery, let endedAt else { return false }
    return account.passwordChangedAt <= chosenAgainAt ?? endedAt
  }

  /// Whether its claimant, who forgot the new password in the meantime, may choose another.
  package func letsChooseAgain(of account: Account) -> Bool {
    state == .completed && !ticketUsed && isPasswordStillTheClaimants(of: account)
  }

  /// What the claim itself was made with takes back no objection: whoever holds that mailbox may be the claimant, and
  /// the owner who objected there needs to be able to rely on it.
  package func mayWithdraw(_ proof: Proof) -> Bool { !evidence.contains(proof) }

  package enum Event: Sendable {
    /// A senior proof objects.
    case contest(by: Proof)
    /// One who objected takes it back; the hold goes on once nobody objects.
    case withdraw(by: Proof)
    /// Its own claimant came back with evidence that opens at once.
    case supersede
    /// All that was shown in one full sign-in, or as evidence that opens at once.
    case stop(by: [Proof])
    case complete(HoldCompletion.Conditions)
    /// H9: nobody decided.
    case freeze
  }

  /// - Throws: `Refusal.juniorProof` for proofs that were not senior when the hold started, `.holdOver` when it has
  ///   ended, `.outOfStep` for what this state does not know.
  package mutating func receive(_ event: Event, at now: Timestamp) throws(Refusal) {
    guard state.isOpen else { throw .holdOver }
    switch event {
    case .contest(let proof):
      guard seniors.contains(proof) else { throw .juniorProof }
      guard state != .frozen else { return }
      // The pause has its first moment, however many object.
      if state == .running { (state, contestedAt) = (.contested, now) }
      if !contestedBy.contains(proof) { contestedBy.append(proof) }
    case .withdraw(let proof):
      guard state == .contested, contestedBy.contains(proof), mayWithdraw(proof) else { throw .outOfStep }
      contestedBy.removeAll { $0 == proof }
      if contestedBy.isEmpty { (state, contestedAt) = (.running, nil) }
    case .stop(let proofs):
      guard !proofs.isEmpty, proofs.allSatisfy(seniors.contains) else { throw .juniorProof }
      (state, endedAt) = (.stopped, now)
    case .supersede: (state, endedAt) = (.stopped, now)
    case .complete(let conditions):
      guard conditions.allow(self, at: now) else { throw .outOfStep }
      (state, endedAt) = (.completed, now)
    case .freeze:
      guard state == .contested, let contestedAt, contestedAt + Self.longestContest <= now else {
        throw .outOfStep
      }
      state = .frozen
    }
  }

  /// H6: a moment at which all contacts are told, besides start and end.
  package enum Milestone: String, Sendable, Codable, CaseIterable {
    case halfway
    case twoDaysLeft = "two-days-left"
    case oneHourLeft = "one-hour-left"
  }

  /// Those that would fall on the start or before it are dropped.
  package var milestones: [(milestone: Milestone, at: Timestamp)] {
    [
      (.halfway, startedAt + .milliseconds((endsAt - startedAt).milliseconds / 2)),
      (.twoDaysLeft, endsAt - .hours(48)), (.oneHourLeft, endsAt - .hours(1)),
    ].filter { startedAt < $0.1 }.sorted { $0.1 < $1.1 }
  }

  /// When the next notice after `time` is due; nil when none is left.
  package func nextMilestone(after time: Timestamp) -> Timestamp? {
    milestones.first { time < $0.at }?.at
  }

  /// The latest milestone that has come.
  package func milestone(at now: Timestamp) -> Milestone? { milestones.last { $0.at <= now }?.milestone }
}

/// Where a hold ends by itself (H11): the conditions, and nothing else, that let the clock complete it.
package enum HoldCompletion {
  package struct Conditions: Sendable {
    /// The account was frozen by one of its contacts or its owner (D2, H10).
    package let accountFrozen: Bool
    /// A forward jump of the clock was seen; an operator looks first (T16).
    package let completionsStopped: Bool
    /// The account has a senior contact now, or had one at the start.
    package let hasSeniorContact: Bool
    /// O5: a backup was restored, and holds from before it may have been stopped since: they wait until then at least.
    package let notBefore: Timestamp?

    package init(
      accountFrozen: Bool, completionsStopped: Bool, hasSeniorContact: Bool, notBefore: Timestamp? = nil
    ) {
      self.accountFrozen = accountFrozen
      self.completionsStopped = completionsStopped
      self.hasSeniorContact = hasSeniorContact
      self.notBefore = notBefore
    }

    /// Completion needs the start notice to have been accepted for at least one senior contact, if there is any:
    /// nobody loses an account to a mail server that was down.
    package func allow(_ hold: Hold, at now: Timestamp) -> Bool {
      hold.state == .running && hold.endsAt <= now && !accountFrozen && !completionsStopped
        && (hold.toldAt != nil || !hasSeniorContact) && (notBefore.map { $0 <= now } ?? true)
    }
  }
}

package protocol HoldStore {
  /// False when the account has an open one.
  func insert(_ hold: Hold, nextNoticeAt: Timestamp?) throws -> Bool
  func hold(_ id: HoldID) throws -> Hold?
  func openHold(of account: AccountID) throws -> Hold?
  /// Of all accounts, the next to end first.
  func openHolds() throws -> [HoldID]
  /// The last recovery that was stopped.
  func stoppedHold(of account: AccountID) throws -> Hold?
  /// The last one that completed, for the ticket at the first sign-in.
  func completedHold(of account: AccountID) throws -> Hold?
  /// Writes state, contest and end of a hold that is still in `state`; false when it is not.
  func move(_ hold: Hold, from state: Hold.State) throws -> Bool
  func useTicket(of hold: HoldID) throws
  /// Notes that the claimant chose another password.
  func setChosenAgain(at time: Timestamp, in hold: HoldID) throws
  func markTold(_ hold: HoldID, at now: Timestamp) throws
  /// An open one has to be told of again.
  func markUntold(_ hold: HoldID) throws
  /// Open ones whose end, notice or contest is due. First those that something certainly happens to: what cannot end
  /// yet never keeps the notices of others waiting.
  func dueHolds(at now: Timestamp, limit: Int) throws -> [HoldID]
  /// Moves the next notice on; false when another node did.
  func moveNotice(of hold: HoldID, from due: Timestamp, to next: Timestamp?) throws -> Bool
  func nextNotice(of hold: HoldID) throws -> Timestamp?
}
