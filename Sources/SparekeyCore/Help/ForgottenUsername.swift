/// Forgotten username (G2): whoever types an email or phone is told the same; the usernames go there.
package struct ForgottenUsername: Sendable {
  /// More accounts than this on one contact are not listed in one message.
  package static let mostNames = 10
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// Sends the usernames of the accounts that have this confirmed contact, to the contact as it is stored. For one that
  /// no account has, and for one that was written to often enough today, nothing goes out, and nothing shows that (S6).
  /// - Throws: `Refusal.field(.contact, .missing)`, `.field(.email, …)`, `.field(.phone, …)`; `.slowDown` for too much
  ///   from this source, or everywhere together (T10).
  package func send(to typed: String, source: Source) async throws {
    guard typed.contains(where: { !$0.isWhitespace }) else { throw Refusal.field(.contact, .missing) }
    let contact = try NewContact(typed: typed)
    let digest = ports.keys.digest(contact.canonical, for: .contactDigest)
    try await ports.database.write { [ports] transaction in
      try ports.countTry(
        contact.kind == .phone ? ThrottleRules.usernamesByPhone : ThrottleRules.usernamesByEmail, on: "",
        from: nil, in: transaction)
      try ports.countTry(ThrottleRules.forgottenUsername, on: "", from: source, in: transaction)
      // Told often enough: silently, so that the answer is always the same.
      let isAllowed =
        try ports.tally(
          ThrottleRules.usernamesToContact, on: "\(contact.canonical) \(transaction.now.day)", in: transaction
        )
        <= ThrottleRules.usernamesToContactAllowed || !ports.options.limitsEnforced
      let found = try transaction.confirmedContacts(addressDigest: digest, limit: Self.mostNames)
      // As much work whether there is one or none (S6).
      if found.isEmpty { _ = ports.keys.open(ports.keys.unopenable(length: 64), for: .contact, bound: "") }
      let contacts = try found.map { (contact: try ports.open($0.contact), username: $0.username) }
      try ports.enqueue(
        contacts.first.flatMap { first in
          isAllowed
            ? Notice(
              kind: .usernames(contacts.map(\.username)), username: first.username, contact: first.contact,
              at: transaction.now, source: source) : nil
        }, in: transaction)
    }
  }
}
