/// A message to the owner about their account, before it is put into words.
package struct Notice: Sendable, Codable {
  package enum Kind: Sendable, Codable {
    /// To confirm a new address.
    case confirmEmail(code: String)
    /// A code asked for on the way back (H1).
    case issuedCode(code: String)
    case passwordChanged
    /// H1: the account was opened by that evidence, and has a new password.
    case recovered(by: [ProofKind])
    case codeMade(serial: String)
    case codeReplaced(serial: String)
    case contactAdded(masked: String)
    case contactConfirmed(masked: String)
    case contactRemoved(masked: String)
    case totpAdded(name: String)
    case totpRemoved(name: String)
    case passkeyAdded(name: String)
    case passkeyRemoved(name: String)
    /// D4: an app may know who its owner is, or more than before.
    case appAllowed(name: String)
    case twoStepOn
    case twoStepOff
    case frozen
    case thawed
    /// H6: a recovery waits, or what became of it.
    case hold(HoldNews, HoldFacts)
    case signedOutEverywhere
    /// G2: the usernames of the accounts that have this contact.
    case usernames([String])
    /// D5: the account closes then, unless its owner signs in.
    case closing(at: Timestamp)
    case reopened
    /// O5: a backup was restored, and this code does not open at once any more.
    case codeBeforeRestore(serial: String)
    /// About ten well-formed codes that do not fit.
    case wrongCodes(count: Int)
    /// About ten wrong second factors after the right password (T8).
    case wrongSecondFactors(count: Int)
    /// To confirm the email of someone who writes to support.
    case caseCode(code: String)
    /// To someone who wrote to support.
    case supportCase(number: String, CaseNews)
    /// T17: support does something to the account.
    case bySupport(SupportDeed)
  }

  /// What happened to a hold.
  package enum HoldNews: Sendable, Codable, Equatable {
    case started, contested, resumed, stopped, completed, frozen
    /// O5: the service was restored from a backup; it may have been stopped since.
    case restored
    case milestone(Hold.Milestone)
    /// Support tells it again.
    case reminder
  }

  /// What each notice about a hold says (H6).
  package struct HoldFacts: Sendable, Codable, Equatable {
    package let id: HoldID
    /// The same on the claimant's ticket: "is this yours?"
    package let claimNumber: String
    package let purpose: Hold.Purpose
    package let startedAt: Timestamp
    package let endsAt: Timestamp
    package let claimedFrom: Source
    /// Opens the page that pauses; only senior contacts have it (H7, H8).
    package let stopToken: String?
    /// Two agents of support started it, for someone who could show nothing.
    package var bySupport: Bool?
  }

  package let kind: Kind
  package let username: String
  /// How it reaches its owner.
  package let channel: Contact.Kind
  /// An email address, or a phone number as `PhoneNumber.text` has it.
  package let address: String
  package let at: Timestamp
  package let source: Source

  package init(kind: Kind, username: String, contact: Contact, at: Timestamp, source: Source) {
    self.kind = kind
    self.username = username
    channel = contact.kind
    address = contact.address
    self.at = at
    self.source = source
  }
}

extension Notice {
  /// The hold of which this notice told a senior contact: its completion waits for that.
  fileprivate var startedHoldOfSenior: HoldID? {
    switch kind {
    case .hold(.started, let facts), .hold(.restored, let facts): facts.stopToken == nil ? nil : facts.id
    default: nil
    }
  }
}

/// What must be told goes here in the transaction that makes it true; a worker delivers it at least once.
package protocol OutboxStore {
  func enqueue(_ id: String, sealedBody: [UInt8]) throws
  /// Takes up to `limit` due messages until `lease`; another node may take them again after that.
  func leaseOutbox(limit: Int, until lease: Timestamp, at now: Timestamp) throws -> [OutboxMessage]
  /// Wipes the body.
  func delivered(_ id: String, at now: Timestamp) throws
  /// Gives a message back for a later try.
  func postpone(_ id: String, until time: Timestamp) throws
  /// Forgets a message that cannot be delivered.
  func giveUp(_ id: String) throws
  func forgetDelivered(before time: Timestamp) throws
}

package struct OutboxMessage: Sendable {
  package let id: String
  package let sealedBody: [UInt8]
  package let attempts: Int

  package init(id: String, sealedBody: [UInt8], attempts: Int) {
    self.id = id
    self.sealedBody = sealedBody
    self.attempts = attempts
  }
}

extension Ports {
  /// Queues one message per contact. Unconfirmed addresses hear nothing but their own confirmation code.
  package func tell(
    _ contacts: [Contact], _ kind: Notice.Kind, about account: Account, source: Source,
    in transaction: any Transaction
  ) throws {
    for contact in contacts where contact.isConfirmed {
      try enqueue(
        Notice(kind: kind, username: account.username, contact: contact, at: transaction.now, source: source),
        in: transaction)
    }
  }

  /// Queues a notice; nil queues a message to nobody, so that an unknown name costs the same write (S6).
  package func enqueue(_ notice: Notice?, in transaction: any Transaction) throws {
    let id = Base32.encode(randomness.bytes(16))
    var body = try notice.map { try JSON.encode($0) } ?? []
    body += Array(repeating: UInt8(ascii: " "), count: max(0, Self.noticeSize - body.count))
    try transaction.enqueue(id, sealedBody: keys.seal(body, for: .outbox, bound: "outbox/\(id)"))
  }

  private static var noticeSize: Int { 1_024 }

  /// Delivers what is due, one after the other. A message may be delivered twice after a crash, then with the same id.
  /// - Parameters:
  ///   - limit: taken up at most; nobody else takes them for two minutes.
  ///   - deliver: is given the message and its id, and throws `Undelivered` when it did not go.
  ///   - failed: hears of each message that did not go.
  /// - Returns: how many messages were taken up.
  package func deliverOutbox(
    upTo limit: Int = 16, with deliver: @Sendable (_ notice: Notice, _ id: String) async throws -> Void,
    failed: @Sendable (FailedDelivery) -> Void = { _ in }
  ) async throws -> Int {
    let due = try await database.write { transaction in
      try transaction.leaseOutbox(limit: limit, until: transaction.now + .minutes(2), at: transaction.now)
    }
    for message in due { try await take(message, deliver, failed) }
    return due.count
  }

  private func take(
    _ message: OutboxMessage, _ deliver: @Sendable (Notice, String) async throws -> Void,
    _ failed: @Sendable (FailedDelivery) -> Void
  ) async throws {
    struct UnreadableMessage: Error {}
    var told: HoldID?
    do {
      guard let body = keys.open(message.sealedBody, for: .outbox, bound: "outbox/\(message.id)") else {
        throw UnreadableMessage()
      }
      // A message to nobody is blank.
      if body.contains(where: { $0 != UInt8(ascii: " ") }) {
        let notice = try JSON.decode(Notice.self, from: body)
        told = notice.startedHoldOfSenior
        try await deliver(notice, message.id)
      }
      try await database.write { [told] transaction in
        try transaction.delivered(message.id, at: transaction.now)
        if let told { try transaction.markTold(told, at: transaction.now) }
      }
    } catch {
      let failure = FailedDelivery(id: message.id, tries: message.attempts, problem: error)
      try await database.write { [told] transaction in
        // A hold waits for its first notice: that one is tried for as long as it takes.
        if failure.isFinal, told == nil {
          try transaction.giveUp(message.id)
        } else {
          try transaction.postpone(message.id, until: transaction.now + failure.wait)
        }
      }
      failed(failure)
    }
  }
}
