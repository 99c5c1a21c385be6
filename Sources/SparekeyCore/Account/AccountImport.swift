import FoundationEssentials

/// Accounts brought along from another system (O6), many at a time. Nobody is written to: they did nothing.
package struct AccountImport: Sendable {
  private let ports: Ports

  package init(_ ports: Ports) { self.ports = ports }

  /// One account as it comes.
  package struct Entry: Sendable {
    package let username: Username
    package let password: ForeignHash
    package let contacts: [NewContact]
    /// Those of `contacts` that the former system had confirmed.
    package let confirmed: Set<String>
    /// When the account was made there: its proofs are as old (H8).
    package let createdAt: Timestamp?
  }

  /// Why a line was not taken, in words that follow its number.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
  }

  /// Reads a line: a JSON object with `username`, `passwordHash`, and perhaps `emails` and `phones` (objects with
  /// `address` and `confirmed`) and `createdAt` (ISO 8601).
  /// - Throws: `Problem`, `ForeignHash.Problem`, `Refusal.field(…)`.
  package static func read(_ line: [UInt8], now: Timestamp) throws -> Entry {
    let found: Line
    do {
      found = try JSON.decode(Line.self, from: line)
    } catch let problem as Problem {
      throw problem
    } catch {
      throw Problem(
        "it is not a JSON object with username and passwordHash, or a member is of the wrong kind")
    }
    let contacts =
      try (found.emails ?? []).map {
        ($0, NewContact(kind: .email, address: try EmailAddress($0.address).text))
      }
      + (found.phones ?? []).map { ($0, NewContact(kind: .phone, address: try PhoneNumber($0.address).text)) }
    let createdAt = try found.createdAt.map { text in
      guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 > 0 else {
        throw Problem("its createdAt is no time such as 2021-05-03T14:05:00Z")
      }
      return Timestamp(milliseconds: Int64(date.timeIntervalSince1970 * 1_000))
    }
    if let createdAt, createdAt > now { throw Problem("its createdAt lies in the future") }
    return Entry(
      username: try Username(found.username), password: try ForeignHash(found.passwordHash),
      contacts: contacts.map(\.1),
      confirmed: Set(contacts.filter { $0.0.confirmed ?? false }.map(\.1.canonical)),
      createdAt: createdAt)
  }

  /// Writes accounts in one transaction. - Returns: for each whether it was made; false when the name, or one that looks
  /// like it, is taken.
  package func insert(_ entries: [Entry]) async throws -> [Bool] {
    let prepared = entries.map { (entry: $0, id: AccountID(ports.randomness)) }
    return try await ports.database.write { [ports] transaction in
      let made = try prepared.map { try insert($0.entry, as: $0.id, in: transaction) }
      let count = made.count { $0 }
      if count > 0 {
        try ports.audit(.accountsImported, by: .operator, detail: "\(count) accounts", in: transaction)
      }
      return made
    }
  }

  private func insert(_ entry: Entry, as id: AccountID, in transaction: any Transaction) throws -> Bool {
    let createdAt = entry.createdAt ?? transaction.now
    let account = Account(
      id: id, username: entry.username.display, createdAt: createdAt, version: VersionID(ports.randomness),
      password: SealedHash(entry.password, of: id, keys: ports.keys), passwordChangedAt: createdAt,
      twoStepSince: nil,
      codeSalt: ports.randomness.bytes(SealedHash.saltLength))
    guard try transaction.insert(account, named: entry.username) else { return false }
    try ports.note(.accountCreated, on: id, source: Self.source, in: transaction)
    for new in entry.contacts {
      try ports.insert(
        new, of: account, fromSignUp: true, addedAt: createdAt,
        confirmedAt: entry.confirmed.contains(new.canonical) ? createdAt : nil, in: transaction)
    }
    return true
  }

  private static let source = Source(address: "this machine", agent: "sparekey account import")

  private struct Line: Decodable {
    struct Address: Decodable {
      let address: String
      let confirmed: Bool?

      init(from decoder: any Decoder) throws {
        let members = try Members(decoder, known: ["address", "confirmed"])
        address = try members.required("address")
        confirmed = try members.optional("confirmed")
      }
    }

    let username: String
    let passwordHash: String
    let emails: [Address]?
    let phones: [Address]?
    let createdAt: String?

    init(from decoder: any Decoder) throws {
      let members = try Members(
        decoder, known: ["username", "passwordHash", "emails", "phones", "createdAt"])
      username = try members.required("username")
      passwordHash = try members.required("passwordHash")
      emails = try members.optional("emails")
      phones = try members.optional("phones")
      createdAt = try members.optional("createdAt")
    }
  }

  /// An object whose unknown members are refused: what is misspelled would otherwise be lost without a word (Q5).
  private struct Members {
    private struct Name: CodingKey {
      let stringValue: String
      var intValue: Int? { nil }
      init(stringValue: String) { self.stringValue = stringValue }
      init?(intValue: Int) { nil }
    }

    private let container: KeyedDecodingContainer<Name>

    init(_ decoder: any Decoder, known: Set<String>) throws {
      container = try decoder.container(keyedBy: Name.self)
      if let unknown = container.allKeys.map(\.stringValue).sorted().first(where: { !known.contains($0) }) {
        throw Problem(
          "it has the unknown member \(unknown); known are \(known.sorted().joined(separator: ", "))")
      }
    }

    func required<Value: Decodable>(_ name: String) throws -> Value {
      guard let value: Value = try optional(name) else { throw Problem("its \(name) is missing") }
      return value
    }

    func optional<Value: Decodable>(_ name: String) throws -> Value? {
      do {
        return try container.decodeIfPresent(Value.self, forKey: Name(stringValue: name))
      } catch is DecodingError {
        throw Problem("its \(name) is of the wrong kind")
      }
    }
  }
}
