import MemoryStore
import RecoveryCode
import SparekeyCore

@testable import sparekey

/// Every difference between before and after needs a reason; and who has every right is not refused.
extension LongStory {
  /// What one event, or one transaction, did. What it wrote to people was read before.
  func judge(_ deed: Deed, _ before: Promises, _ after: Promises, holds: (before: [Hold], after: [Hold]))
    throws
  {
    guard memory.state.codes.values.count(where: { $0.endedAt == nil }) <= 1 else {
      throw broken("two codes live (C3)")
    }
    var completed: Hold?
    for hold in holds.after {
      guard let old = holds.before.first(where: { $0.id == hold.id }) else {
        try judgeStart(of: hold, deed, before, after)
        continue
      }
      try judgeMove(from: old, to: hold, deed, before, after)
      if old.state != .completed, hold.state == .completed { completed = hold }
    }
    try judgeFreeze(deed, before, after)
    if let completed {
      try judgeCompletion(of: completed, deed, before, after)
    } else if before.security != after.security {
      try judgeChange(deed, before, after)
    }
    noteRemovals(before, after)
  }

  // MARK: holds

  private func judgeStart(of hold: Hold, _ deed: Deed, _ before: Promises, _ after: Promises) throws {
    guard before.hold == nil else { throw broken("a second hold began") }
    guard before.account.frozen == nil else { throw broken("a hold began on a frozen account (D2)") }
    guard Set(hold.seniors) == Set(after.all.filter(after.isSenior) + codeProof(after)) else {
      throw broken("the snapshot of senior proofs is wrong (H8): \(hold.seniors.map(\.text))")
    }
    switch hold.purpose {
    case .recovery:
      if let chosen = deed.password { self.parked[hold.id] = chosen }
      guard case .held(let wait)? = deed.outcome, case .held? = deed.end,
        deed.journey?.version == before.account.version
      else { throw broken("a hold began without evidence for it (H2)") }
      let length = wait == .full ? Duration.days(30) : .days(7)
      guard hold.endsAt == hold.startedAt + length, hold.startedAt == after.now else {
        throw broken("the hold's end is wrong (H5)")
      }
    case .removal:
      guard deed.kind == .change, deed.refusal == nil, isFresh(deed, after),
        hold.endsAt == after.now + .days(30)
      else { throw broken("a removal was held without a session (H12)") }
    }
    let expected = Set(
      after.contacts.filter(\.isConfirmed).map(\.address)
        + self.removed.filter { after.now <= $0.value + Promises.month }.keys)
    // With nobody left to tell, nothing was announced.
    guard self.announced[hold.id]?["started"] ?? [] == expected else {
      throw broken(
        "not everybody heard of the start (H6): \(self.announced[hold.id]?["started"] ?? []), not \(expected)"
      )
    }
  }

  private func codeProof(_ promises: Promises) -> [Proof] {
    promises.code.map { [.recoveryCode($0.id)] } ?? []
  }

  private func judgeMove(
    from old: Hold, to hold: Hold, _ deed: Deed, _ before: Promises, _ after: Promises
  ) throws {
    guard hold.startedAt == old.startedAt, hold.endsAt == old.endsAt, hold.evidence == old.evidence,
      hold.seniors == old.seniors, hold.sealedParked == old.sealedParked,
      hold.ticketDigest == old.ticketDigest, hold.row == old.row
    else { throw broken("what a hold was begun with changed (row 33)") }
    guard old.state != hold.state || old.contestedBy != hold.contestedBy else { return }
    guard old.state.isOpen else { throw broken("an ended hold moved (H11)") }
    let seniors = Set(old.seniors)
    switch hold.state {
    case .contested:
      let new = Set(hold.contestedBy).subtracting(old.contestedBy)
      let byLink = deed.kind == .pause && deed.contact.map { new == [$0] } == true
      let byClaim = deed.kind == .finish && new.isSubset(of: deed.shown) && deed.outcome != .notEnough
      let fewer =
        deed.kind == .resume
        && deed.contact.map { [$0] == Set(old.contestedBy).subtracting(hold.contestedBy) } == true
      guard fewer || (byLink || byClaim) && new.isSubset(of: seniors) else {
        throw broken("a hold was paused by nobody senior (H8)")
      }
    case .running:
      guard deed.kind == .resume, let contact = deed.contact, old.contestedBy == [contact] else {
        throw broken("a hold goes on although \(old.contestedBy.map(\.text)) objected (H9)")
      }
    case .frozen:
      guard let at = old.contestedAt, at + .days(14) <= after.now else { throw broken("frozen early (H9)") }
    case .stopped:
      let byOwner =
        deed.kind == .stop && isFresh(deed, after)
        && before.isFullSignIn(Self.deciding(deed.session?.proofs ?? [], among: seniors))
      let overruled = before.outcome(of: deed.shown.filter(seniors.contains)) == .now
      guard byOwner || deed.kind == .finish && isRecovered(deed) && (overruled || hasTicket(deed, old)) else {
        throw broken("a hold was stopped by nobody who may (H7, H8)")
      }
      guard before.hold?.id != hold.id || hold.reservedCode == nil || after.code?.id != hold.reservedCode
      else {
        throw broken("a stopped hold left its code alive")
      }
    case .completed: break
    }
  }

  private func hasTicket(_ deed: Deed, _ hold: Hold) -> Bool {
    deed.ticket.map { world.ports.digest(ticket: $0) == hold.ticketDigest } ?? false
  }

  private func judgeCompletion(
    of hold: Hold, _ deed: Deed, _ before: Promises, _ after: Promises
  ) throws {
    self.counts["completed", default: 0] += 1
    let isSeniorContactThere = hold.seniors.contains { $0.kind == .email || $0.kind == .phone }
    guard hold.endsAt <= after.now else { throw broken("a hold completed early (H2)") }
    guard before.hold?.state == .running else { throw broken("a paused hold completed (H9)") }
    guard before.account.frozen == nil else { throw broken("a hold completed on a frozen account") }
    guard hold.toldAt != nil || !isSeniorContactThere else {
      throw broken("a hold nobody heard of completed")
    }
    guard self.announced[hold.id]?["completed"] != nil || after.contacts.allSatisfy({ !$0.isConfirmed })
    else {
      throw broken("the end of a hold was not announced (H6)")
    }
    guard hold.purpose == .recovery else { return }
    if let chosen = self.parked[hold.id] { self.password = chosen }
    guard Set(after.sessions.map(\.id)).isDisjoint(with: before.sessions.map(\.id)) else {
      throw broken("a session outlived a recovery (H1)")
    }
    guard after.account.twoStepSince == before.account.twoStepSince else {
      throw broken("a completed hold turned two-step verification off")
    }
  }

  // MARK: changes

  private func judgeChange(_ deed: Deed, _ before: Promises, _ after: Promises) throws {
    guard deed.refusal == nil || deed.kind == .change && isUnconfirmedOnly(before, after) else {
      throw broken("what was refused changed the account")
    }
    if before.hold != nil, ![.finish, .stop].contains(deed.kind) {
      throw broken("the security changed while a hold was open (H7)")
    }
    if before.account.frozen != nil, deed.kind != .finish, deed.kind != .stop {
      throw broken("a frozen account changed (D2)")
    }
    switch deed.kind {
    case .change:
      guard isFresh(deed, after) else { throw broken("a change without a fresh full sign-in (S7)") }
      if before.account.password != after.account.password, let chosen = deed.password {
        self.password = chosen
      }
      let hadSenior = before.all.contains { $0 != .password && before.isSenior($0) }
      let hasSenior = after.all.contains { $0 != .password && after.isSenior($0) }
      guard !hadSenior || hasSenior else { throw broken("the last senior proof went at once (H12)") }
    case .settle:
      guard deed.session?.restriction == .settleFactors,
        before.account.password == after.account.password,
        before.account.twoStepSince == after.account.twoStepSince,
        before.all.filter({ !before.factors.contains($0) })
          == after.all.filter({ !after.factors.contains($0) }),
        before.code == nil || before.code?.id == after.code?.id
      else { throw broken("settling changed more than the second factors (row 4)") }
    case .stop:
      guard after.code == nil, before.all == after.all, before.account.password == after.account.password
      else {
        throw broken("stopping a hold changed more than its code")
      }
    case .finish: try judgeRecovery(deed, before, after)
    default: throw broken("\(deed.kind) changed the security")
    }
  }

  private func isUnconfirmedOnly(_ before: Promises, _ after: Promises) -> Bool {
    before.security == after.security
  }

  private func judgeRecovery(_ deed: Deed, _ before: Promises, _ after: Promises) throws {
    self.counts["recovered", default: 0] += 1
    guard isRecovered(deed), let journey = deed.journey, !journey.isEnded else {
      throw broken("a password was set without a recovery (row 1)")
    }
    guard before.outcome(of: deed.shown) == .now else {
      throw broken("the table says \(String(describing: deed.outcome)) (H3)")
    }
    guard journey.version == before.account.version else {
      throw broken("a half-done recovery went on (row 36)")
    }
    if let frozen = before.account.frozen {
      let older = deed.shown.filter { before.isOlder($0, than: frozen.eventAt) }
      guard before.outcome(of: older) == .now else {
        throw broken("young proofs opened a frozen account (D2)")
      }
    }
    if let chosen = deed.password { self.password = chosen }
    guard after.code?.id != before.code?.id, after.code != nil else { throw broken("no new code (C9)") }
    guard Set(after.sessions.map(\.id)).isDisjoint(with: before.sessions.map(\.id)) else {
      throw broken("a session outlived a recovery (H1)")
    }
    if before.isFormerCode(in: deed.shown, before.account.twoStepSince), let code = before.code {
      self.counts["former", default: 0] += 1
      guard !after.account.twoStep, after.all.allSatisfy({ isPresent($0, by: code.createdAt, after) }) else {
        throw broken("a protection younger than the code stayed (H13)")
      }
    } else {
      guard after.sessions.allSatisfy({ $0.restriction == .settleFactors }) else {
        throw broken("a recovery made a full session (row 4)")
      }
    }
  }

  private func isPresent(_ proof: Proof, by time: Timestamp, _ promises: Promises) -> Bool {
    switch proof {
    case .password, .recoveryCode: true
    case .email(let id), .phone(let id):
      promises.contacts.contains { $0.id == id && $0.confirmedAt.map { $0 <= time } == true }
    case .totp(let id): promises.apps.contains { $0.id == id && $0.confirmedAt.map { $0 <= time } == true }
    case .passkey(let id): promises.passkeys.contains { $0.id == id && $0.addedAt <= time }
    }
  }

  private func judgeFreeze(_ deed: Deed, _ before: Promises, _ after: Promises) throws {
    guard before.account.frozen != after.account.frozen else { return }
    guard let freeze = after.account.frozen else {
      guard let old = before.account.frozen else { return }
      let shown = deed.kind == .thaw ? deed.session?.proofs ?? [] : deed.shown
      let older = shown.filter { before.isOlder($0, than: old.eventAt) }
      let byOwner = deed.kind == .thaw && isFresh(deed, after) && before.isFullSignIn(older)
      guard byOwner || isRecovered(deed) && before.outcome(of: older) == .now else {
        throw broken("the account thawed by young proofs (H10)")
      }
      return
    }
    // H9: nobody decided for 14 days, whatever was done to the hold next.
    if let hold = before.hold, hold.state == .contested, freeze.eventAt == hold.startedAt,
      let at = hold.contestedAt, at + .days(14) <= after.now
    {
      self.counts["undecided", default: 0] += 1
      return
    }
    self.counts["frozen", default: 0] += 1
    guard deed.kind == .disown, deed.refusal == nil else { throw broken("\(deed.kind) froze the account") }
    guard after.sessions.isEmpty else { throw broken("a session outlived a freeze (D2)") }
    let shown = deed.session?.proofs ?? []
    // Who freezes must be able to thaw, or a thief locks everyone out for ever (T29).
    guard before.isFullSignIn(shown.filter { before.isOlder($0, than: freeze.eventAt) }) else {
      throw broken("proofs that cannot thaw froze the account (T29)")
    }
    // Standing still keeps a hold from completing, and others from beginning: junior proofs may not do that (H8).
    let seniors = before.hold.map { Set($0.seniors) } ?? Set(before.all.filter(before.isSenior))
    guard before.isFullSignIn(Self.deciding(shown, among: seniors)) else {
      throw broken("junior proofs froze the account (H8)")
    }
  }

  private func isRecovered(_ deed: Deed) -> Bool {
    if case .recovered? = deed.end { true } else { false }
  }

  private func isFresh(_ deed: Deed, _ after: Promises) -> Bool {
    guard let session = deed.session, session.restriction == nil, let proved = self.provedAt[session.id]
    else {
      return false
    }
    return (isAlone ? after.now : deed.checkedAt ?? after.now) < proved.at + .minutes(5)
  }

  // MARK: what people are told

  /// What somebody hears is what was written, at the first time and when they asked again (C9, Q4).
  func judgeAnswer(_ end: RecoveryEnd) throws {
    guard !isAlone else { return }
    let state = memory.state
    let isTrue =
      switch (end, deed.end) {
      case (.recovered(let shown, _), .recovered(let written, _)): shown.code == written.code
      case (.held(let told), .held(let written)):
        told.hold.id == written.hold.id && told.claimNumber == written.claimNumber
          && told.ticket == written.ticket
      case (.contested(let told), .contested(let written)): told.claimNumber == written.claimNumber
      // Written by another tab.
      case (.recovered(let shown, _), nil):
        state.codes.values.contains { $0.serial == shown.serial && $0.endedAt == nil }
      case (.held(let told), nil): state.allHolds.contains { $0.id == told.hold.id }
      default: false
      }
    guard isTrue else { throw broken("the end of a recovery was told that was not written: \(end)") }
  }

  /// What was written is not denied to whoever asks again; only that it is too long ago is true.
  func judgeAnswer(_ refusal: Refusal) throws {
    guard deed.end == nil || [.alreadyDone, .expired].contains(refusal) else {
      throw broken("what was done is refused when it is asked for again: \(refusal) (C9)")
    }
  }

  // MARK: whoever has the right

  func judgeRefusal(_ deed: Deed, _ before: Promises, _ after: Promises) throws {
    guard let refusal = deed.refusal else { return }
    switch (deed.kind, refusal) {
    case (_, .slowDown), (_, .field): return
    case (.finish, .outOfStep) where !deed.accepted: return
    case (.finish, _):
      guard let journey = deed.journey, !journey.isEnded, deed.outcome == .now,
        journey.version == before.account.version, before.account.version == after.account.version,
        after.now < journey.startedAt + .hours(1)
      else { return }
      let isFree =
        before.hold.map { hold in
          hold.endsAt > after.now && before.outcome(of: deed.shown.filter(hold.seniors.contains)) == .now
        } ?? true
      let isAwake =
        before.account.frozen.map { frozen in
          before.outcome(of: deed.shown.filter { before.isOlder($0, than: frozen.eventAt) }) == .now
        } ?? true
      if isFree, isAwake { throw broken("a recovery that opens at once was refused: \(refusal)") }
    case (.stop, _):
      guard let hold = before.hold, after.now < hold.endsAt, isFresh(deed, after),
        before.isFullSignIn((deed.session?.proofs ?? []).filter(hold.seniors.contains))
      else { return }
      throw broken("the owner could not stop a hold: \(refusal)")
    default: return
    }
  }

  // MARK: mail

  /// Takes note of what everybody hears: what was handed out, and what is in the outbox.
  func readMail(_ handedOut: [Notice], in state: MemoryState) {
    let waiting = state.waitingMail.filter { self.seenMail.insert($0.id).inserted }.compactMap { mail in
      let notice = world.ports.keys.open(mail.sealedBody, for: .outbox, bound: "outbox/\(mail.id)").flatMap {
        try? JSON.decode(Notice.self, from: $0)
      }
      if notice != nil { self.letters.insert(mail.id) }
      return notice
    }
    for notice in handedOut + waiting {
      guard case .hold(let news, let facts) = notice.kind else { continue }
      let what = if case .milestone(let milestone) = news { milestone.rawValue } else { "\(news)" }
      self.announced[facts.id, default: [:]][what, default: []].insert(notice.address)
      if let token = facts.stopToken, let link = try? world.ports.open(stopToken: token),
        !self.links.contains(where: { $0.hold == link.hold && $0.contact == link.contact })
      {
        self.links.append((notice.address, token, link.contact, link.hold))
      }
    }
  }

  private func noteRemovals(_ before: Promises, _ after: Promises) {
    let left = Set(after.contacts.map(\.id))
    for contact in before.contacts where contact.isConfirmed && !left.contains(contact.id) {
      self.removed[contact.address] = after.now
    }
  }

  func judgeMilestones(_ deed: Deed, _ after: Promises) throws {
    guard deed.kind == .work, let hold = after.hold, hold.state != .frozen, after.now < hold.endsAt else {
      return
    }
    let moments: [(String, Timestamp)] = [
      ("halfway", hold.startedAt + .milliseconds((hold.endsAt - hold.startedAt).milliseconds / 2)),
      ("two-days-left", hold.endsAt - .days(2)), ("one-hour-left", hold.endsAt - .hours(1)),
    ]
    guard let due = moments.last(where: { $0.1 <= after.now }) else { return }
    let isHeard = after.contacts.allSatisfy { !$0.isConfirmed } || self.announced[hold.id]?[due.0] != nil
    guard isHeard else { throw broken("nobody heard that \(due.0) has come (H6)") }
  }

  /// The senior ones, and beside a senior second factor the password at any age.
  private static func deciding(_ shown: [Proof], among seniors: some Collection<Proof>) -> [Proof] {
    let hasSeniorFactor = shown.contains { seniors.contains($0) && [.totp, .passkey].contains($0.kind) }
    return shown.filter { seniors.contains($0) || (hasSeniorFactor && $0 == .password) }
  }
}
