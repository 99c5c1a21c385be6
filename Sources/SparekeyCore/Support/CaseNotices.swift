extension Notice {
  /// What someone who opened a case is told (G3).
  package enum CaseNews: Sendable, Codable, Equatable {
    case opened
    /// In the words of an agent.
    case answered(String)
    /// An agent asks for something.
    case asked(String)
    case closed
    /// Two agents agreed: a recovery waits. Its ticket is the case's.
    case holdStarted(HoldID, claimNumber: String, endsAt: Timestamp)
  }

  /// What support did to an account.
  package enum SupportDeed: String, Sendable, Codable, CaseIterable {
    /// One agent asks for a recovery; another one has to agree.
    case holdRequested = "hold-requested"
    case frozen
    case sessionsEnded = "sessions-ended"
  }

  /// To someone who wrote to support, whoever that is: no account is behind it.
  init(kind: Kind, email: String, at: Timestamp, source: Source) {
    self.init(
      kind: kind, username: "",
      contact: Contact(
        id: ContactID(text: ""), account: AccountID(text: ""), kind: .email, address: email, addedAt: at,
        confirmedAt: nil, fromSignUp: false),
      at: at, source: source)
  }
}

extension Source {
  /// What agents do is not told with the address they did it from.
  package static let support = Source(address: "support")
}

extension Ports {
  func tell(
    _ news: Notice.CaseNews, about supportCase: SupportCase, to email: String,
    in transaction: any Transaction
  ) throws {
    try enqueue(
      Notice(
        kind: .supportCase(number: supportCase.number, news), email: email, at: transaction.now,
        source: supportCase.source),
      in: transaction)
  }

  /// Tells the owner at ALL contacts, also those removed within 30 days, what support does (T17, T21), and notes it in
  /// the history. No mail quota counts here.
  func tellOwner(_ deed: Notice.SupportDeed, of account: Account, in transaction: any Transaction) throws {
    let kind: SecurityEvent.Kind =
      switch deed {
      case .holdRequested: .supportHoldRequested
      case .frozen: .supportFroze
      case .sessionsEnded: .supportEndedSessions
      }
    try note(kind, on: account.id, source: .support, in: transaction)
    let removed = try transaction.removedContacts(
      of: account.id, since: transaction.now - Seniority.period
    ).map(open)
    try tell(
      contacts(of: account.id, in: transaction) + removed, .bySupport(deed), about: account,
      source: .support, in: transaction)
  }
}
