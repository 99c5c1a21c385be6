/// What someone who cannot help themselves asks of people (G3, policy row 10).
///
/// ```
/// open ──answer──▶ answered ┐
///   │ ▲                     ├─ the person writes again ─▶ open
///   │ └──ask──▶ waiting ────┘
///   └─ close, or 30 days without an answer of the person ─▶ closed ─▶ forgotten after 90 days
/// ```
/// It exists for agents only once its email is confirmed (T10).
package struct SupportCase: Sendable, Equatable {
  package enum Category: String, Sendable, Codable, CaseIterable {
    case cannotSignIn = "cannot-sign-in"
    case compromised
    case lostEverything = "lost-everything"
    case other
  }

  package enum State: String, Sendable, CaseIterable {
    /// An agent is due.
    case open
    /// The person is asked for something.
    case waiting
    case answered
    case closed
  }

  /// What the person wrote. Sealed in the database; nobody vouches for a word of it.
  package struct Content: Sendable, Codable, Equatable {
    /// As typed: whether anyone has this name was not looked at (S6).
    package let username: String?
    /// Confirmed by a code.
    package let email: String
    package let description: String
  }

  /// The longest description, answer or reply, in Unicode scalars: a form with any of them fits into a request.
  package static let longestText = 1_200
  /// Cases of one email that are not closed.
  package static let mostOpen = 3
  /// What a person may add to one case.
  package static let mostReplies = 20
  package static let closesAfter = Duration.days(30)
  package static let forgottenAfter = Duration.days(90)

  package let id: CaseID
  /// To be read out, like the claim number of a hold.
  package let number: String
  package let category: Category
  package let openedAt: Timestamp
  package let source: Source
  package let sealedContent: [UInt8]
  package let emailDigest: [UInt8]
  /// Keyed digest of the person's ticket.
  package let ticketDigest: [UInt8]
  package private(set) var state: State
  package private(set) var changedAt: Timestamp
  /// The agent who looks after it.
  package private(set) var assignee: AccountID?

  package init(
    id: CaseID, number: String, category: Category, openedAt: Timestamp, source: Source,
    sealedContent: [UInt8], emailDigest: [UInt8], ticketDigest: [UInt8], state: State = .open,
    changedAt: Timestamp? = nil, assignee: AccountID? = nil
  ) {
    self.id = id
    self.number = number
    self.category = category
    self.openedAt = openedAt
    self.source = source
    self.sealedContent = sealedContent
    self.emailDigest = emailDigest
    self.ticketDigest = ticketDigest
    self.state = state
    self.changedAt = changedAt ?? openedAt
    self.assignee = assignee
  }

  package enum Event: Sendable {
    case personWrote
    case answered(by: AccountID)
    case asked(by: AccountID)
    case taken(by: AccountID)
    case released
    case closed
  }

  /// - Throws: `Refusal.support(.caseClosed)`.
  package mutating func receive(_ event: Event, at now: Timestamp) throws(Refusal) {
    guard state != .closed else { throw .support(.caseClosed) }
    switch event {
    case .personWrote: state = .open
    case .answered(let agent): (state, assignee) = (.answered, agent)
    case .asked(let agent): (state, assignee) = (.waiting, agent)
    case .taken(let agent): assignee = agent
    case .released: assignee = nil
    case .closed: state = .closed
    }
    changedAt = now
  }
}

/// What was written in a case after its beginning.
package struct CaseMessage: Sendable, Equatable {
  package enum Author: String, Sendable { case person, agent }

  package let at: Timestamp
  package let author: Author
  package let sealedText: [UInt8]

  package init(at: Timestamp, author: Author, sealedText: [UInt8]) {
    self.at = at
    self.author = author
    self.sealedText = sealedText
  }
}

/// Why support does not do something.
package enum SupportProblem: String, Sendable, CaseIterable {
  /// T10: this email has cases enough that are not closed.
  case tooManyCases = "too-many-cases"
  case caseClosed = "case-closed"
  case tooManyReplies = "too-many-replies"
  /// Agents need two-step verification at every act.
  case twoStepNeeded = "two-step-needed"
  case ownAccount = "own-account"
  /// The case came from an email of the agent's own account.
  case ownCase = "own-case"
  /// Nobody approves what they asked for themselves.
  case ownRequest = "own-request"
  case requestOver = "request-over"
  /// Whoever asked is no agent any more.
  case requesterGone = "requester-gone"
  case alreadyRequested = "already-requested"
  /// The case's email is a proof of that account: its owner needs no agent.
  case contactOnAccount = "contact-on-account"
  case noHold = "no-hold"
}

package protocol CaseStore {
  /// False when the number is taken.
  func insert(_ supportCase: SupportCase) throws -> Bool
  func supportCase(_ id: CaseID) throws -> SupportCase?
  func supportCase(number: String) throws -> SupportCase?
  /// Those in this state, or all that are not closed; the longest untouched first.
  /// - Parameter place: only those that stand after it.
  func supportCases(
    in state: SupportCase.State?, after place: (changedAt: Timestamp, id: CaseID)?, limit: Int
  ) throws -> [SupportCase]
  /// How many of this email are not closed.
  func openCases(of emailDigest: [UInt8]) throws -> Int
  /// Writes state, change and assignee of a case that is still as `old` has it; false when it is not.
  func move(_ supportCase: SupportCase, from old: SupportCase) throws -> Bool
  func append(_ message: CaseMessage, to supportCase: CaseID) throws
  /// In the order in which they were written.
  func messages(of supportCase: CaseID) throws -> [CaseMessage]
  /// Closes those that nobody has touched since `time`.
  func closeCases(untouchedSince time: Timestamp, at now: Timestamp) throws
  /// Removes those closed before `time` with everything written in them.
  func forgetCases(closedBefore time: Timestamp) throws

  /// False while an undecided one for the account is there.
  func insert(_ request: HoldRequest) throws -> Bool
  func holdRequest(_ id: HoldRequestID) throws -> HoldRequest?
  func undecidedRequest(for account: AccountID) throws -> HoldRequest?
  /// Oldest first.
  func undecidedRequests() throws -> [HoldRequest]
  /// Newest first.
  func holdRequests(of supportCase: CaseID) throws -> [HoldRequest]
  /// Writes a decision; false when there is one already.
  func decide(_ request: HoldRequest) throws -> Bool

  /// False when it is one already.
  func addAgent(_ account: AccountID, at now: Timestamp) throws -> Bool
  /// False when it was none.
  func removeAgent(_ account: AccountID) throws -> Bool
  func isAgent(_ account: AccountID) throws -> Bool
  /// In the order in which they became agents.
  func agents() throws -> [(account: AccountID, since: Timestamp)]
}

extension CaseStore {
  /// The first ones.
  package func supportCases(in state: SupportCase.State?, limit: Int) throws -> [SupportCase] {
    try supportCases(in: state, after: nil, limit: limit)
  }
}

/// Text that a person typed into a field of several lines: bounded, without what would change how the rest is read.
/// - Throws: `Refusal.field(…, .missing)`, `.tooLong`.
package func plainText(
  _ typed: String, _ field: Field, longest: Int = SupportCase.longestText
) throws(Refusal) -> String {
  guard typed.utf8.count <= 64 * longest else { throw .field(field, .tooLong(maximum: longest)) }
  var scalars = String.UnicodeScalarView()
  // Swift takes a carriage return with its line feed as one character; scalar by scalar they are two.
  for scalar in typed.unicodeScalars where scalar == "\n" || !isControl(scalar) { scalars.append(scalar) }
  let text = String(scalars.drop { $0.properties.isWhitespace })
  let end = text.unicodeScalars.reversed().drop { $0.properties.isWhitespace }.count
  let trimmed = String(String.UnicodeScalarView(text.unicodeScalars.prefix(end)))
  guard !trimmed.isEmpty else { throw .field(field, .missing) }
  guard end <= longest else { throw .field(field, .tooLong(maximum: longest)) }
  return trimmed
}

/// Control characters, and those that turn the direction of what follows (Unicode Standard Annex 9).
private func isControl(_ scalar: Unicode.Scalar) -> Bool {
  scalar.properties.generalCategory == .control || (0x202A...0x202E).contains(scalar.value)
    || (0x2066...0x2069).contains(scalar.value)
}
