/// *Contact support* (G3), for someone who cannot sign in: a description, an email that a code confirms, then a case
/// with a number and a ticket. Nothing is written for anyone before the code came back, and no account is looked at (S6).
package struct Support: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// What someone typed.
  package struct Typed: Sendable {
    package let category: SupportCase.Category
    package let username: String
    package let description: String
    package let email: String

    package init(category: SupportCase.Category, username: String, description: String, email: String) {
      self.category = category
      self.username = username
      self.description = description
      self.email = email
    }
  }

  /// A code is on its way.
  package struct Sent: Sendable {
    package let journey: String
    /// As they typed it themselves.
    package let email: String
  }

  /// The ticket appears here and nowhere else.
  package struct Opened: Sendable {
    package let supportCase: SupportCase
    package let ticket: String
  }

  // MARK: opening one

  /// - Throws: `Refusal.field(…)`, `.slowDown`.
  package func start(
    _ typed: Typed, binding: JourneyBinding, source: Source,
    keeping keep: @escaping Keeping<Sent> = { _, _ in }
  ) async throws -> Sent {
    let username = typed.username.allSatisfy(\.isWhitespace) ? nil : try typedName(typed.username)
    let content = SupportCase.Content(
      username: username, email: try EmailAddress(typed.email).text,
      description: try plainText(typed.description, .description))
    let draft = CaseDraft(
      id: CaseID(ports.randomness), category: typed.category, content: content,
      ticketSeed: ports.randomness.bytes(32), expiresAt: ports.clock.now() + CaseDraft.lifetime)
    return try await send(draft, binding: binding, source: source, keeping: keep)
  }

  /// - Throws: `Refusal.expired`, `.slowDown`.
  package func sendAgain(_ token: String, binding: JourneyBinding, source: Source) async throws -> Sent {
    try await send(ports.open(CaseDraft.self, token, for: binding), binding: binding, source: source)
  }

  /// The mail holds the code and nothing that was typed: nobody sends their own words to strangers by it (T10).
  private func send(
    _ draft: CaseDraft, binding: JourneyBinding, source: Source,
    keeping keep: @escaping Keeping<Sent> = { _, _ in }
  ) async throws -> Sent {
    let code = IssuedCode.make(ports.randomness)
    let sentID = Base32.encode(ports.randomness.bytes(16))
    let email = draft.content.email
    var coded = draft
    coded.code = CaseDraft.Code(id: sentID, digest: ports.digest(issuedCode: code, for: sentID))
    let sent = Sent(journey: try ports.seal(coded, for: binding), email: email)
    try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.contactSupport, on: "", from: source, in: transaction)
      try ports.countTry(
        ThrottleRules.mailForCase, on: EmailAddress(email).canonical, from: nil, in: transaction)
      try ports.countTry(ThrottleRules.allCases, on: "", from: nil, in: transaction)
      try ports.enqueue(
        Notice(kind: .caseCode(code: code), email: email, at: transaction.now, source: source),
        in: transaction)
      try keep(sent, transaction)
    }
    return sent
  }

  /// What the draft says, for showing it again. - Throws: `Refusal.expired`.
  package func email(of token: String, binding: JourneyBinding) throws -> String {
    try ports.open(CaseDraft.self, token, for: binding).content.email
  }

  /// The code makes the draft a case. The same journey and code again give the same answer, ticket included.
  /// - Throws: `Refusal.issuedCodeWrong`, `.field(.code, …)`, `.expired`, `.support(.tooManyCases)`, `.slowDown`.
  package func confirm(_ token: String, code typed: String, binding: JourneyBinding, source: Source)
    async throws
    -> Opened
  {
    let draft = try ports.open(CaseDraft.self, token, for: binding)
    guard let sent = draft.code else { throw Refusal.expired }
    let code = try IssuedCode.read(typed)
    let subject = "case/\(try EmailAddress(draft.content.email).canonical)"
    let tried = try await ports.database.write { [ports] transaction in
      try ports.countTry(atIssuedCode: sent.id, of: subject, from: source, in: transaction)
    }
    guard constantTimeEqual(sent.digest, ports.digest(issuedCode: code, for: sent.id)) else {
      throw Refusal.issuedCodeWrong
    }
    let ticket = ports.newTicket(seed: draft.ticketSeed)
    return try await ports.database.write { [ports] transaction in
      try ports.clearTries(tried, in: transaction)
      if let opened = try transaction.supportCase(draft.id) {
        return Opened(supportCase: opened, ticket: ticket)
      }
      // A draft whose case is gone again opens no second one.
      guard try transaction.spend("case/\(draft.id)", for: AccountID(text: "")) else {
        throw Refusal.alreadyDone
      }
      return Opened(
        supportCase: try ports.open(draft, ticket: ticket, source: source, in: transaction), ticket: ticket)
    }
  }

  // MARK: looking after it

  /// What the person sees.
  package struct Status: Sendable {
    package let supportCase: SupportCase
    package let content: SupportCase.Content
    package let messages: [ReadMessage]
    /// The recovery that support started for it.
    package let hold: Hold?
    package let claimNumber: String?
  }

  package struct ReadMessage: Sendable {
    package let at: Timestamp
    package let author: CaseMessage.Author
    package let text: String
  }

  /// - Throws: `Refusal.ticketWrong`, also for a case that does not exist; `.slowDown`.
  package func status(_ number: String, ticket: String, source: Source) async throws -> Status {
    let found = try await find(number, ticket: ticket, source: source)
    return try await ports.database.read { [ports] transaction in
      let hold = try transaction.holdRequests(of: found.id).lazy.compactMap(\.hold).first
        .flatMap { try transaction.hold($0) }
      return Status(
        supportCase: found, content: try ports.content(of: found),
        messages: try ports.messages(of: found, in: transaction), hold: hold,
        claimNumber: hold.map { ports.claimNumber(of: $0.id) })
    }
  }

  /// The person adds something; the case is open again.
  /// - Throws: `Refusal.ticketWrong`, `.field(.answer, …)`, `.support(.caseClosed)`, `.support(.tooManyReplies)`, `.slowDown`.
  package func reply(_ number: String, ticket: String, text typed: String, source: Source) async throws {
    let text = try plainText(typed, .answer)
    let found = try await find(number, ticket: ticket, source: source)
    try await ports.database.write { [ports] transaction in
      guard let current = try transaction.supportCase(found.id) else { throw Refusal.ticketWrong }
      let replies = try transaction.messages(of: found.id).count { $0.author == .person }
      guard replies < SupportCase.mostReplies else { throw Refusal.support(.tooManyReplies) }
      _ = try ports.receive(.personWrote, on: current, in: transaction)
      try ports.append(text, by: .person, to: current, in: transaction)
    }
  }

  private func find(_ number: String, ticket: String, source: Source) async throws -> SupportCase {
    let number = SupportCase.number(typed: number)
    let tried = try await ports.database.write { [ports] transaction in
      try ports.countTry(ThrottleRules.ticket, on: "case/\(number)", from: source, in: transaction)
    }
    let digest = ports.digest(ticket: ticket)
    return try await ports.database.write { [ports] transaction in
      guard let found = try transaction.supportCase(number: number),
        constantTimeEqual(found.ticketDigest, digest)
      else { throw Refusal.ticketWrong }
      try ports.clearTries(tried, in: transaction)
      return found
    }
  }
}

/// What someone wrote, on its way to be confirmed: it travels with them, and nothing of it is in the database.
struct CaseDraft: Journey {
  static let purpose = "support"
  /// A description of the longest kind is longer than other journeys.
  static let largestToken = 12_288
  static let lifetime = Duration.hours(1)

  struct Code: Codable {
    let id: String
    let digest: [UInt8]
  }

  let id: CaseID
  let category: SupportCase.Category
  let content: SupportCase.Content
  /// The ticket is made from it, so that a repeat of the last step gives the same one.
  let ticketSeed: [UInt8]
  let expiresAt: Timestamp
  var code: Code?
}

extension SupportCase {
  /// A case number as people type it: without the dash, in small letters.
  package static func number(typed: String) -> String {
    let symbols = typed.prefix(64).uppercased().filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
      .map { ["O": "0", "I": "1", "L": "1"][$0] ?? $0 }
    return symbols.count == 6 ? "\(String(symbols.prefix(3)))-\(String(symbols.suffix(3)))" : ""
  }
}

/// A case that no key opens: a fault.
package struct UnreadableCase: Error, CustomStringConvertible {
  package let id: CaseID
  package var description: String { "what is written in case \(id) cannot be opened with the keys present" }
}

extension Ports {
  fileprivate func open(
    _ draft: CaseDraft, ticket: String, source: Source, in transaction: any Transaction
  ) throws -> SupportCase {
    let digest = keys.digest("case/\(try EmailAddress(draft.content.email).canonical)", for: .contactDigest)
    guard try transaction.openCases(of: digest) < SupportCase.mostOpen else {
      throw Refusal.support(.tooManyCases)
    }
    let sealed = keys.seal(try JSON.encode(draft.content), for: .supportCase, bound: "case/\(draft.id)")
    // A number has 30 bits: now and then one is taken.
    for attempt in 0..<16 {
      let opened = SupportCase(
        id: draft.id, number: serial(ofText: "case/\(draft.id)/\(attempt)"), category: draft.category,
        openedAt: transaction.now, source: source, sealedContent: sealed, emailDigest: digest,
        ticketDigest: self.digest(ticket: ticket))
      guard try transaction.insert(opened) else { continue }
      try tell(.opened, about: opened, to: draft.content.email, in: transaction)
      return opened
    }
    throw Refusal.busy(retryAfterSeconds: 5)
  }

  /// Writes the next state of a case. - Throws: `Refusal.support(.caseClosed)`, `.changedMeanwhile`.
  func receive(_ event: SupportCase.Event, on supportCase: SupportCase, in transaction: any Transaction)
    throws
    -> SupportCase
  {
    var next = supportCase
    try next.receive(event, at: transaction.now)
    guard try transaction.move(next, from: supportCase) else { throw Refusal.changedMeanwhile }
    return next
  }

  func append(
    _ text: String, by author: CaseMessage.Author, to supportCase: SupportCase,
    in transaction: any Transaction
  ) throws {
    try transaction.append(
      CaseMessage(
        at: transaction.now, author: author,
        sealedText: keys.seal(text.utf8, for: .supportCase, bound: "case/\(supportCase.id)/message")),
      to: supportCase.id)
  }

  package func content(of supportCase: SupportCase) throws -> SupportCase.Content {
    guard
      let plain = keys.open(
        supportCase.sealedContent, for: .supportCase, bound: "case/\(supportCase.id)")
    else { throw UnreadableCase(id: supportCase.id) }
    return try JSON.decode(SupportCase.Content.self, from: plain)
  }

  func messages(of supportCase: SupportCase, in transaction: any Transaction) throws -> [Support.ReadMessage]
  {
    try transaction.messages(of: supportCase.id).map { message in
      guard
        let plain = keys.open(
          message.sealedText, for: .supportCase, bound: "case/\(supportCase.id)/message")
      else { throw UnreadableCase(id: supportCase.id) }
      return Support.ReadMessage(
        at: message.at, author: message.author, text: String(decoding: plain, as: UTF8.self))
    }
  }
}
