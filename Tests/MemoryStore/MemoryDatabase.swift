import NIOConcurrencyHelpers
import SparekeyCore

/// Accounts in memory, for tests that live through many thousands of stories: it keeps the contract of the engines
/// (`StoreContract`) without a disk. A transaction works on a copy of everything; one that throws leaves no trace.
package final class MemoryDatabase: Database {
  private let held: NIOLockedValueBox<MemoryState>
  private let clock: WallClock

  package init(clock: WallClock, state: MemoryState = MemoryState()) {
    self.clock = clock
    held = NIOLockedValueBox(state)
  }

  /// Everything, for starting many stories at one point.
  package var state: MemoryState {
    get { held.withLockedValue { $0 } }
    set { held.withLockedValue { $0 = newValue } }
  }

  package func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try body(MemoryTransaction(state, now: clock.now()))
  }

  package func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    try held.withLockedValue { try $0.transact(at: clock.now(), body) }
  }
}

/// The tables.
package struct MemoryState: Sendable {
  struct AccountRow {
    var account: Account
    let canonicalName: String
    let skeleton: String
    var isClosed = false
  }

  struct ContactRow {
    var contact: StoredContact
    let addressDigest: [UInt8]
    var removedAt: Timestamp?
    var confirmation: Confirmation?
    var tries = 0
  }

  struct AppRow {
    var app: AuthenticatorApp
    var lastStep: Int64 = 0
    var isRemoved = false
  }

  struct PasskeyRow {
    var passkey: Passkey
    var isRemoved = false
  }

  struct SessionRow {
    var session: Session
    var tokenDigest: [UInt8]
  }

  struct ThrottleRow {
    var tries: Int
    var since: Timestamp
    var blockedUntil = Timestamp(milliseconds: 0)
  }

  struct OutboxRow {
    let order: Int
    var body: [UInt8]?
    var dueAt: Timestamp
    var attempts = 0
    var deliveredAt: Timestamp?
  }

  struct HoldRow {
    var hold: Hold
    var nextNoticeAt: Timestamp?
  }

  var accounts: [AccountID: AccountRow] = [:]
  var contacts: [ContactID: ContactRow] = [:]
  package internal(set) var codes: [CodeID: StoredCode] = [:]
  var sessions: [SessionID: SessionRow] = [:]
  var history: [AccountID: [SecurityEvent]] = [:]
  var statesBefore: [AccountID: [Int: [UInt8]]] = [:]
  var throttle: [[UInt8]: ThrottleRow] = [:]
  var outbox: [String: OutboxRow] = [:]
  var spent: [String: Timestamp] = [:]
  var apps: [AuthenticatorAppID: AppRow] = [:]
  var passkeys: [PasskeyID: PasskeyRow] = [:]
  var holds: [HoldID: HoldRow] = [:]
  var facts: [ServiceFact: Timestamp] = [:]
  var appTables = AppTables()
  var cases: [CaseID: SupportCase] = [:]
  var caseMessages: [CaseID: [CaseMessage]] = [:]
  var holdRequests: [HoldRequestID: HoldRequest] = [:]
  var agents: [AccountID: Timestamp] = [:]
  var audit: [AuditEntry] = []
  var auditPlaces: [AuditID: (number: Int, link: AuditChain.Link)] = [:]

  var keptAnswers: [[UInt8]: KeptAnswer] = [:]
  var operatorTokens: [[UInt8]: OperatorToken] = [:]

  package init() {}

  /// Runs a transaction on these tables: when it throws, they stay as they are.
  package mutating func transact<Answer>(
    at now: Timestamp, _ body: (any Transaction) throws -> Answer
  ) rethrows -> Answer {
    let transaction = MemoryTransaction(self, now: now)
    let answer = try body(transaction)
    self = transaction.state
    return answer
  }

  /// Every message that is not delivered yet, in the order in which they were written.
  package var waitingMail: [(id: String, sealedBody: [UInt8])] {
    outbox.filter { $0.value.deliveredAt == nil }.sorted { $0.value.order < $1.value.order }
      .compactMap { row in row.value.body.map { (row.key, $0) } }
  }

  /// Every hold there ever was, oldest first.
  package var allHolds: [Hold] { holds.values.map(\.hold).sorted { $0.startedAt < $1.startedAt } }
}

final class MemoryTransaction: Transaction {
  var state: MemoryState
  let now: Timestamp

  init(_ state: MemoryState, now: Timestamp) {
    self.state = state
    self.now = now
  }

  // MARK: accounts

  func insert(_ account: Account, named username: Username) throws -> Bool {
    let isTaken = state.accounts.values.contains {
      $0.account.id == account.id || $0.canonicalName == username.canonical
        || $0.skeleton == username.skeleton
    }
    guard !isTaken else { return false }
    state.accounts[account.id] = MemoryState.AccountRow(
      account: account, canonicalName: username.canonical, skeleton: username.skeleton)
    return true
  }

  func account(_ id: AccountID) throws -> Account? {
    state.accounts[id].flatMap { $0.isClosed ? nil : $0.account }
  }

  func account(canonicalName: String) throws -> Account? {
    state.accounts.values.first { $0.canonicalName == canonicalName && !$0.isClosed }?.account
  }

  func accounts(after id: AccountID?, limit: Int) throws -> [Account] {
    Array(
      state.accounts.values.filter { !$0.isClosed }.map(\.account)
        .filter { $0.id.text > id?.text ?? "" }.sorted { $0.id.text < $1.id.text }.prefix(limit))
  }

  func setClosing(at time: Timestamp?, of account: AccountID) throws -> Bool {
    guard let found = try self.account(account), time != nil || found.closesAt != nil else { return false }
    change(account) { $0.copy(closesAt: .some(time)) }
    return true
  }

  func closingsDue(at now: Timestamp, limit: Int) throws -> [AccountID] {
    Array(
      state.accounts.values.filter { !$0.isClosed }.map(\.account)
        .filter { Self.isDue($0, at: now) }
        .sorted { ($0.closesAt ?? now) < ($1.closesAt ?? now) }.map(\.id).prefix(limit))
  }

  private static func isDue(_ account: Account, at now: Timestamp) -> Bool {
    account.closesAt.map { $0 <= now } == true && account.frozen == nil && account.holdDueAt == nil
  }

  func erase(_ account: AccountID, at now: Timestamp) throws -> Bool {
    guard let found = try self.account(account), Self.isDue(found, at: now) else { return false }
    state.accounts[account]?.isClosed = true
    state.sessions = state.sessions.filter { $0.value.session.account != account }
    state.contacts = state.contacts.filter { $0.value.contact.account != account }
    state.codes = state.codes.filter { $0.value.account != account }
    state.apps = state.apps.filter { $0.value.app.account != account }
    state.passkeys = state.passkeys.filter { $0.value.passkey.account != account }
    state.holds = state.holds.filter { $0.value.hold.account != account }
    state.history[account] = nil
    state.statesBefore[account] = nil
    for row in state.appTables.sessions.values where row.session.account == account {
      try forgetAppSession(row.session.id)
    }
    state.appTables.grants = state.appTables.grants.filter { $0.key.account != account }
    return true
  }

  func setPassword(_ password: SealedHash, needsTwoStep: Bool, of account: AccountID, changedAt: Timestamp)
    throws
  {
    change(account) {
      $0.copy(password: password, passwordChangedAt: changedAt, passwordNeedsTwoStep: needsTwoStep)
    }
  }

  func setTwoStep(since: Timestamp?, of account: AccountID) throws {
    change(account) { $0.copy(twoStepSince: .some(since)) }
  }

  func setFrozen(_ freeze: Freeze?, of account: AccountID) throws -> Bool {
    guard let found = state.accounts[account]?.account else { return false }
    guard let freeze else {
      guard found.frozen != nil else { return false }
      change(account) { $0.copy(frozen: .some(nil)) }
      return true
    }
    change(account) {
      $0.copy(frozen: .some(Freeze(at: $0.frozen?.at ?? freeze.at, eventAt: freeze.eventAt)))
    }
    return true
  }

  func setHoldDue(at time: Timestamp?, of account: AccountID) throws {
    change(account) { $0.copy(holdDueAt: .some(time)) }
  }

  func rehashPassword(of account: AccountID, from old: SealedHash, to new: SealedHash) throws {
    guard state.accounts[account]?.account.password == old else { return }
    change(account) { $0.copy(password: new) }
  }

  func advance(_ account: AccountID, from version: VersionID, to next: VersionID) throws -> Bool {
    guard state.accounts[account]?.account.version == version else { return false }
    change(account) { $0.copy(version: next) }
    return true
  }

  private func change(_ id: AccountID, _ change: (Account) -> Account) {
    guard let account = state.accounts[id]?.account else { return }
    state.accounts[id]?.account = change(account)
  }

  // MARK: contacts

  func insert(_ contact: Contact, sealedAddress: [UInt8], addressDigest: [UInt8]) throws {
    state.contacts[contact.id] = MemoryState.ContactRow(
      contact: StoredContact(
        id: contact.id, account: contact.account, kind: contact.kind, sealedAddress: sealedAddress,
        addedAt: contact.addedAt, confirmedAt: contact.confirmedAt, fromSignUp: contact.fromSignUp),
      addressDigest: addressDigest)
  }

  func confirmedContacts(
    addressDigest: [UInt8], limit: Int
  ) throws -> [(contact: StoredContact, username: String)] {
    let found = state.contacts.values.filter {
      $0.addressDigest == addressDigest && $0.removedAt == nil && $0.contact.confirmedAt != nil
    }
    return try Array(
      found.compactMap { row in try account(row.contact.account).map { (row.contact, $0) } }
        .sorted { ($0.1.createdAt, $0.1.id.text) < ($1.1.createdAt, $1.1.id.text) }
        .map { ($0.0, $0.1.username) }.prefix(limit))
  }

  func contacts(of account: AccountID) throws -> [StoredContact] {
    contacts { $0.contact.account == account && $0.removedAt == nil }
  }

  func removedContacts(of account: AccountID, since time: Timestamp) throws -> [StoredContact] {
    contacts {
      guard let removedAt = $0.removedAt else { return false }
      return $0.contact.account == account && removedAt >= time && $0.contact.confirmedAt != nil
    }
  }

  private func contacts(where isWanted: (MemoryState.ContactRow) -> Bool) -> [StoredContact] {
    state.contacts.values.filter(isWanted).map(\.contact)
      .sorted { ($0.addedAt, $0.id.text) < ($1.addedAt, $1.id.text) }
  }

  func setConfirmation(_ confirmation: Confirmation, of contact: ContactID) throws {
    guard let row = state.contacts[contact], row.contact.confirmedAt == nil, row.removedAt == nil else {
      return
    }
    state.contacts[contact]?.confirmation = confirmation
    state.contacts[contact]?.tries = 0
  }

  func tryConfirmation(of contact: ContactID, at now: Timestamp) throws -> [UInt8]? {
    guard let row = state.contacts[contact], let confirmation = row.confirmation,
      row.contact.confirmedAt == nil, row.removedAt == nil, row.tries < Confirmation.tries,
      now < confirmation.expiresAt
    else { return nil }
    state.contacts[contact]?.tries += 1
    return confirmation.digest
  }

  func confirm(_ contact: ContactID, at now: Timestamp) throws -> Bool {
    guard let row = state.contacts[contact], row.confirmation != nil, row.contact.confirmedAt == nil,
      row.removedAt == nil
    else { return false }
    let old = row.contact
    state.contacts[contact]?.contact = StoredContact(
      id: old.id, account: old.account, kind: old.kind, sealedAddress: old.sealedAddress,
      addedAt: old.addedAt, confirmedAt: now, fromSignUp: old.fromSignUp)
    state.contacts[contact]?.confirmation = nil
    return true
  }

  func removeContact(_ contact: ContactID, of account: AccountID, at now: Timestamp) throws -> Bool {
    guard let row = state.contacts[contact], row.contact.account == account, row.removedAt == nil else {
      return false
    }
    state.contacts[contact]?.removedAt = now
    state.contacts[contact]?.confirmation = nil
    return true
  }

  // MARK: recovery codes

  func insert(_ code: StoredCode) throws {
    struct SecondLiveCode: Error {}
    guard try liveCode(of: code.account) == nil, state.codes[code.id] == nil else { throw SecondLiveCode() }
    state.codes[code.id] = code
  }

  func liveCode(of account: AccountID) throws -> StoredCode? {
    state.codes.values.first { $0.account == account && $0.endedAt == nil }
  }

  func codes(of account: AccountID, limit: Int) throws -> [StoredCode] {
    Array(
      state.codes.values.filter { $0.account == account }
        .sorted { ($1.createdAt, $0.id.text) < ($0.createdAt, $1.id.text) }.prefix(limit))
  }

  func codes(endedSince time: Timestamp) throws -> [StoredCode] {
    state.codes.values.filter { $0.endedAt.map { time <= $0 } ?? false }
      .sorted { ($0.endedAt ?? time, $0.id.text) < ($1.endedAt ?? time, $1.id.text) }
  }

  func checked(_ id: CodeID, at now: Timestamp) throws {
    guard let code = state.codes[id], code.endedAt == nil else { return }
    state.codes[id] = code.copy(checkedAt: now)
  }

  func endCode(_ id: CodeID, as ending: StoredCode.Ending, at now: Timestamp) throws -> Bool {
    guard let code = state.codes[id], code.endedAt == nil else { return false }
    state.codes[id] = code.copy(ending: ending, endedAt: now)
    return true
  }

  // MARK: sessions

  func insert(_ session: Session, tokenDigest: [UInt8]) throws {
    state.sessions[session.id] = MemoryState.SessionRow(session: session, tokenDigest: tokenDigest)
  }

  func session(tokenDigest: [UInt8]) throws -> (session: Session, account: Account)? {
    guard let row = state.sessions.values.first(where: { $0.tokenDigest == tokenDigest }),
      let account = state.accounts[row.session.account]?.account
    else { return nil }
    return (row.session, account)
  }

  func sessions(of account: AccountID) throws -> [Session] {
    state.sessions.values.map(\.session).filter { $0.account == account }
      .sorted { ($1.lastSeenAt, $0.id.text) < ($0.lastSeenAt, $1.id.text) }
  }

  func touch(_ session: SessionID, seenAt: Timestamp) throws {
    guard let old = state.sessions[session]?.session, old.lastSeenAt < seenAt else { return }
    state.sessions[session]?.session = Session(
      id: old.id, account: old.account, createdAt: old.createdAt, lastSeenAt: seenAt, provedAt: old.provedAt,
      source: old.source, proofs: old.proofs, restriction: old.restriction, isRecovered: old.isRecovered)
  }

  func renew(_ session: Session, tokenDigest: [UInt8]) throws -> Bool {
    guard let old = state.sessions[session.id]?.session else { return false }
    state.sessions[session.id] = MemoryState.SessionRow(
      session: Session(
        id: old.id, account: old.account, createdAt: old.createdAt, lastSeenAt: session.lastSeenAt,
        provedAt: session.provedAt, source: old.source, proofs: session.proofs,
        restriction: session.restriction, isRecovered: session.isRecovered), tokenDigest: tokenDigest)
    return true
  }

  func endSession(_ session: SessionID, of account: AccountID) throws -> Bool {
    guard state.sessions[session]?.session.account == account else { return false }
    state.sessions[session] = nil
    endAppSessions { $0.session == session }
    return true
  }

  func endSessions(of account: AccountID) throws -> Int {
    let before = state.sessions.count
    state.sessions = state.sessions.filter { $0.value.session.account != account }
    endAppSessions { $0.account == account }
    return before - state.sessions.count
  }

  func endAllSessions() throws -> Int {
    defer { state.sessions = [:] }
    endAppSessions { _ in true }
    return state.sessions.count
  }

  func forgetSessions(seenBefore time: Timestamp) throws {
    let kept = Set(state.sessions.values.filter { time <= $0.session.lastSeenAt }.map(\.session.id))
    endAppSessions { !kept.contains($0.session) }
    state.sessions = state.sessions.filter { time <= $0.value.session.lastSeenAt }
  }

  // MARK: limits

  func raise(_ bucket: [UInt8], at now: Timestamp, forgetBefore: Timestamp) throws -> ThrottleCount? {
    var row = state.throttle[bucket] ?? MemoryState.ThrottleRow(tries: 0, since: now)
    guard row.blockedUntil <= now else { return nil }
    if row.since <= forgetBefore { (row.tries, row.since) = (0, now) }
    row.tries += 1
    state.throttle[bucket] = row
    return ThrottleCount(tries: row.tries, since: row.since)
  }

  func block(_ bucket: [UInt8], until time: Timestamp) throws { state.throttle[bucket]?.blockedUntil = time }

  func blockedUntil(_ bucket: [UInt8]) throws -> Timestamp? { state.throttle[bucket]?.blockedUntil }

  func takeBack(_ bucket: [UInt8], since: Timestamp, wait end: Timestamp?) throws {
    guard var row = state.throttle[bucket], row.since == since, row.tries > 0 else { return }
    row.tries -= 1
    if row.blockedUntil == end { row.blockedUntil = Timestamp(milliseconds: 0) }
    state.throttle[bucket] = row
  }

  func clear(_ bucket: [UInt8]) throws { state.throttle[bucket] = nil }

  func forgetThrottles(before time: Timestamp) throws {
    state.throttle = state.throttle.filter { time <= $0.value.since || time <= $0.value.blockedUntil }
  }

  // MARK: history

  func append(
    _ event: SecurityEvent, to account: AccountID, leaving version: VersionID?, sealedStateBefore: [UInt8]?
  ) throws {
    let number = (state.history[account]?.count ?? 0) + 1
    state.history[account, default: []].append(
      SecurityEvent(
        number: number, at: event.at, kind: event.kind, detail: event.detail, source: event.source))
    if let sealedStateBefore { state.statesBefore[account, default: [:]][number] = sealedStateBefore }
  }

  func events(of account: AccountID, before number: Int?, limit: Int) throws -> [SecurityEvent] {
    Array(
      (state.history[account] ?? []).reversed().filter { $0.number < number ?? .max }.prefix(limit))
  }

  func event(_ number: Int, of account: AccountID) throws -> SecurityEvent? {
    state.history[account]?.first { $0.number == number }
  }

  // MARK: mail

  func enqueue(_ id: String, sealedBody: [UInt8]) throws {
    state.outbox[id] = MemoryState.OutboxRow(order: state.outbox.count, body: sealedBody, dueAt: now)
  }

  func leaseOutbox(limit: Int, until lease: Timestamp, at now: Timestamp) throws -> [OutboxMessage] {
    let due = state.outbox.filter { $0.value.deliveredAt == nil && $0.value.dueAt <= now }
      .sorted { ($0.value.dueAt, $0.value.order) < ($1.value.dueAt, $1.value.order) }.prefix(limit)
    return due.compactMap { id, row in
      state.outbox[id]?.dueAt = lease
      state.outbox[id]?.attempts += 1
      return row.body.map { OutboxMessage(id: id, sealedBody: $0, attempts: row.attempts + 1) }
    }
  }

  func delivered(_ id: String, at now: Timestamp) throws {
    state.outbox[id]?.deliveredAt = now
    state.outbox[id]?.body = nil
  }

  func postpone(_ id: String, until time: Timestamp) throws { state.outbox[id]?.dueAt = time }

  func giveUp(_ id: String) throws { state.outbox[id] = nil }

  func forgetDelivered(before time: Timestamp) throws {
    state.outbox = state.outbox.filter { row in row.value.deliveredAt.map { time <= $0 } ?? true }
  }

  // MARK: once, and facts of the service

  func spend(_ id: String, for account: AccountID) throws -> Bool {
    guard state.spent[id] == nil else { return false }
    state.spent[id] = now
    return true
  }

  func spent(_ id: String) throws -> Timestamp? { state.spent[id] }

  func forgetSpent(before time: Timestamp) throws { state.spent = state.spent.filter { time <= $0.value } }

  func fact(_ fact: ServiceFact) throws -> Timestamp? { state.facts[fact] }

  func setFact(_ fact: ServiceFact, to time: Timestamp?) throws { state.facts[fact] = time }

  // MARK: authenticator apps and passkeys

  func insert(_ app: AuthenticatorApp) throws { state.apps[app.id] = MemoryState.AppRow(app: app) }

  func authenticatorApps(of account: AccountID) throws -> [AuthenticatorApp] {
    state.apps.values.filter { $0.app.account == account && !$0.isRemoved }.map(\.app)
      .sorted { ($0.addedAt, $0.id.text) < ($1.addedAt, $1.id.text) }
  }

  func useStep(_ step: Int64, of app: AuthenticatorAppID, at now: Timestamp) throws -> Bool {
    guard let row = state.apps[app], !row.isRemoved, row.lastStep < step else { return false }
    state.apps[app]?.lastStep = step
    state.apps[app]?.app = row.app.copy(lastUsedAt: now)
    return true
  }

  func confirmApp(_ app: AuthenticatorAppID, at now: Timestamp) throws -> Bool {
    guard let row = state.apps[app], !row.isRemoved, row.app.confirmedAt == nil else { return false }
    state.apps[app]?.app = row.app.copy(confirmedAt: now)
    return true
  }

  func removeApp(_ app: AuthenticatorAppID, of account: AccountID, at now: Timestamp) throws -> Bool {
    guard let row = state.apps[app], !row.isRemoved, row.app.account == account else { return false }
    state.apps[app]?.isRemoved = true
    return true
  }

  func insert(_ passkey: Passkey) throws -> Bool {
    guard try self.passkey(credential: passkey.credential.id) == nil else { return false }
    state.passkeys[passkey.id] = MemoryState.PasskeyRow(passkey: passkey)
    return true
  }

  func passkeys(of account: AccountID) throws -> [Passkey] {
    state.passkeys.values.filter { $0.passkey.account == account && !$0.isRemoved }.map(\.passkey)
      .sorted { ($0.addedAt, $0.id.text) < ($1.addedAt, $1.id.text) }
  }

  func passkey(credential id: [UInt8]) throws -> Passkey? {
    state.passkeys.values.first { $0.passkey.credential.id == id && !$0.isRemoved }?.passkey
  }

  func use(_ passkey: PasskeyID, counter before: UInt32, to credential: PasskeyCredential, at now: Timestamp)
    throws -> Bool
  {
    guard let row = state.passkeys[passkey], !row.isRemoved,
      row.passkey.credential.signatureCount == before
    else { return false }
    let old = row.passkey
    state.passkeys[passkey]?.passkey = Passkey(
      id: old.id, account: old.account, name: old.name, credential: credential, addedAt: old.addedAt,
      lastUsedAt: now)
    return true
  }

  func removePasskey(_ passkey: PasskeyID, of account: AccountID, at now: Timestamp) throws -> Bool {
    guard let row = state.passkeys[passkey], !row.isRemoved, row.passkey.account == account else {
      return false
    }
    state.passkeys[passkey]?.isRemoved = true
    return true
  }

  // MARK: holds

  func insert(_ hold: Hold, nextNoticeAt: Timestamp?) throws -> Bool {
    guard try openHold(of: hold.account) == nil, state.holds[hold.id] == nil else { return false }
    state.holds[hold.id] = MemoryState.HoldRow(hold: hold, nextNoticeAt: nextNoticeAt)
    return true
  }

  func hold(_ id: HoldID) throws -> Hold? { state.holds[id]?.hold }

  func openHold(of account: AccountID) throws -> Hold? {
    holds(of: account).first { $0.endedAt == nil }
  }

  func openHolds() throws -> [HoldID] {
    state.holds.values.map(\.hold).filter { $0.endedAt == nil }
      .sorted { ($0.endsAt, $0.id.text) < ($1.endsAt, $1.id.text) }.map(\.id)
  }

  func stoppedHold(of account: AccountID) throws -> Hold? {
    holds(of: account).last { $0.state == .stopped && $0.purpose == .recovery }
  }

  func completedHold(of account: AccountID) throws -> Hold? {
    holds(of: account).last { $0.state == .completed && $0.purpose == .recovery }
  }

  /// Those that ended first come first.
  private func holds(of account: AccountID) -> [Hold] {
    state.holds.values.map(\.hold).filter { $0.account == account }
      .sorted { ($0.endedAt ?? .latest) < ($1.endedAt ?? .latest) }
  }

  func move(_ hold: Hold, from state: Hold.State) throws -> Bool {
    guard let old = self.state.holds[hold.id]?.hold, old.state == state, old.endedAt == nil else {
      return false
    }
    self.state.holds[hold.id]?.hold = old.copy(
      state: hold.state, contestedAt: .some(hold.contestedAt), contestedBy: hold.contestedBy,
      endedAt: .some(hold.endedAt))
    return true
  }

  func useTicket(of hold: HoldID) throws {
    guard let old = state.holds[hold]?.hold else { return }
    state.holds[hold]?.hold = old.copy(ticketUsed: true)
  }

  func setChosenAgain(at time: Timestamp, in hold: HoldID) throws {
    guard let old = state.holds[hold]?.hold else { return }
    state.holds[hold]?.hold = old.copy(chosenAgainAt: time)
  }

  func markTold(_ hold: HoldID, at now: Timestamp) throws {
    guard let old = state.holds[hold]?.hold, old.toldAt == nil else { return }
    state.holds[hold]?.hold = old.copy(toldAt: .some(now))
  }

  func markUntold(_ hold: HoldID) throws {
    guard let old = state.holds[hold]?.hold, old.endedAt == nil else { return }
    state.holds[hold]?.hold = old.copy(toldAt: .some(nil))
  }

  func dueHolds(at now: Timestamp, limit: Int) throws -> [HoldID] {
    let due = state.holds.values.filter { row in
      let hold = row.hold
      guard hold.endedAt == nil else { return false }
      let isFrozen = state.accounts[hold.account]?.account.frozen != nil
      let hasNotice = row.nextNoticeAt.map { $0 <= now } ?? false
      return hold.state == .running && hold.endsAt <= now && !isFrozen
        || hold.state != .frozen && now < hold.endsAt && hasNotice
        || hold.state == .contested && hold.contestedAt.map { $0 <= now - Hold.longestContest } ?? false
    }
    return due.map(\.hold).sorted {
      ($0.endsAt <= now ? 1 : 0, $0.toldAt == nil ? 1 : 0, $0.endsAt) < (
        $1.endsAt <= now ? 1 : 0, $1.toldAt == nil ? 1 : 0, $1.endsAt
      )
    }.prefix(limit).map(\.id)
  }

  func moveNotice(of hold: HoldID, from due: Timestamp, to next: Timestamp?) throws -> Bool {
    guard state.holds[hold]?.nextNoticeAt == due else { return false }
    state.holds[hold]?.nextNoticeAt = next
    return true
  }

  func nextNotice(of hold: HoldID) throws -> Timestamp? { state.holds[hold]?.nextNoticeAt }
}

extension Timestamp {
  fileprivate static let latest = Timestamp(milliseconds: .max)
}

extension Account {
  fileprivate func copy(
    version: VersionID? = nil, password: SealedHash? = nil, passwordChangedAt: Timestamp? = nil,
    twoStepSince: Timestamp?? = nil, passwordNeedsTwoStep: Bool? = nil, frozen: Freeze?? = nil,
    holdDueAt: Timestamp?? = nil, closesAt: Timestamp?? = nil
  ) -> Account {
    Account(
      id: id, username: username, createdAt: createdAt, version: version ?? self.version,
      password: password ?? self.password, passwordChangedAt: passwordChangedAt ?? self.passwordChangedAt,
      twoStepSince: twoStepSince ?? self.twoStepSince,
      passwordNeedsTwoStep: passwordNeedsTwoStep ?? self.passwordNeedsTwoStep,
      frozen: frozen ?? self.frozen, holdDueAt: holdDueAt ?? self.holdDueAt,
      closesAt: closesAt ?? self.closesAt, codeSalt: codeSalt)
  }
}

extension StoredCode {
  fileprivate func copy(ending: Ending? = nil, endedAt: Timestamp? = nil, checkedAt: Timestamp? = nil)
    -> StoredCode
  {
    StoredCode(
      id: id, account: account, serial: serial, hash: hash, createdAt: createdAt,
      ending: ending ?? self.ending, endedAt: endedAt ?? self.endedAt, checkedAt: checkedAt ?? self.checkedAt)
  }
}

extension AuthenticatorApp {
  fileprivate func copy(confirmedAt: Timestamp? = nil, lastUsedAt: Timestamp? = nil) -> AuthenticatorApp {
    AuthenticatorApp(
      id: id, account: account, name: name, sealedSecret: sealedSecret, addedAt: addedAt,
      confirmedAt: confirmedAt ?? self.confirmedAt, lastUsedAt: lastUsedAt ?? self.lastUsedAt)
  }
}

extension Hold {
  fileprivate func copy(
    state: State? = nil, contestedAt: Timestamp?? = nil, contestedBy: [Proof]? = nil,
    toldAt: Timestamp?? = nil,
    ticketUsed: Bool? = nil, chosenAgainAt: Timestamp? = nil, endedAt: Timestamp?? = nil
  ) -> Hold {
    Hold(
      id: id, account: account, purpose: purpose, startedAt: startedAt, endsAt: endsAt, row: row,
      evidence: evidence, seniors: seniors, sealedParked: sealedParked, ticketDigest: ticketDigest,
      source: source, state: state ?? self.state, contestedAt: contestedAt ?? self.contestedAt,
      contestedBy: contestedBy ?? self.contestedBy, toldAt: toldAt ?? self.toldAt,
      ticketUsed: ticketUsed ?? self.ticketUsed, chosenAgainAt: chosenAgainAt ?? self.chosenAgainAt,
      endedAt: endedAt ?? self.endedAt)
  }
}
