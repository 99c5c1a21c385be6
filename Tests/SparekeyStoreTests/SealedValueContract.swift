import Foundation
import SparekeyCore
import Testing

@testable import SparekeyStore

extension `The contract of every engine` {
  /// Three values in every sealed column.
  private func fill(_ transaction: any Transaction) throws {
    let source = Source(address: "192.0.2.1", agent: "Firefox")
    for (number, name) in ["anna", "bert", "carl"].enumerated() {
      let account = AccountID(text: name)
      try transaction.insert(
        StoredCode(
          id: CodeID(text: name), account: account, serial: "AAA-AAA", hash: SealedHash(sealed: [1]),
          createdAt: start))
      try transaction.insert(
        Contact(
          id: ContactID(text: name), account: account, kind: .email, address: "", addedAt: start,
          confirmedAt: nil, fromSignUp: true), sealedAddress: [1], addressDigest: [2])
      try transaction.insert(
        AuthenticatorApp(
          id: AuthenticatorAppID(text: name), account: account, name: "", sealedSecret: [1], addedAt: start))
      try transaction.enqueue(name, sealedBody: [1])
      _ = try transaction.insert(supportCase(name, number: name))
      _ = try transaction.insert(request(name, case: name, of: name))
      _ = try transaction.insert(
        StoredSigningKey(
          id: SigningKeyID(text: name), algorithm: .es256, number: number, sealed: [1], createdAt: start,
          usedFrom: start))
      for sealed in [[UInt8(1)], nil, [1]] where name != "carl" || sealed == nil {
        try transaction.append(
          SecurityEvent(at: start, kind: .signedIn, source: source), to: account,
          leaving: VersionID(text: "v"), sealedStateBefore: sealed)
      }
      for _ in 0..<(number == 0 ? 2 : number == 1 ? 1 : 0) {
        try transaction.append(
          CaseMessage(at: start, author: .person, sealedText: [1]), to: CaseID(text: name))
      }
    }
  }

  @Test(arguments: Engine.allCases)
  func `O6: every sealed value is gone through once, and replaced only while it is what was read`(
    _ kind: Engine
  ) async throws {
    let database = try await engine(kind, accounts: ["anna", "bert", "carl"])
    try await database.write { [self] transaction in
      try fill(transaction)
      for column in SealedColumn.allCases {
        var found: [SealedValue] = []
        while true {
          let next = try transaction.sealedValues(
            in: column, after: found.last?.place ?? .start, limit: 2)
          #expect(next.count <= 2)
          if next.isEmpty { break }
          found += next
        }
        switch column {
        case .history:
          #expect(found.map(\.place.id) == ["anna", "anna", "bert", "bert"])
          #expect(found.map(\.place.number) == [1, 3, 1, 3])
        case .caseMessage:
          #expect(found.map(\.place.id) == ["anna", "anna", "bert"])
          #expect(found.map(\.place.number) == [1, 2, 1])
        default: #expect(found.map(\.place.id) == ["anna", "bert", "carl"], "\(column)")
        }
        let value = try #require(found.dropFirst().first)
        guard !column.isImmutable else {
          let changed = try transaction.reseal(value, in: column, as: [2, 2])
          #expect(!changed)
          continue
        }
        let other = SealedValue(place: value.place, owner: value.owner, bytes: [3])
        let meanwhile = try transaction.reseal(other, in: column, as: [2, 2])
        let first = try transaction.reseal(value, in: column, as: [2, 2])
        let again = try transaction.reseal(value, in: column, as: [2, 3])
        #expect(!meanwhile && first && !again, "\(column)")
        let now = try transaction.sealedValues(in: column, after: .start, limit: 10)
        #expect(now.count == found.count)
        #expect(now.filter { $0.bytes == [2, 2] }.map(\.place) == [value.place])
        #expect(now.map(\.owner) == found.map(\.owner))
      }
      // What a value is bound to beside its own id.
      for column in [SealedColumn.recoveryCode, .contact, .authenticatorApp] {
        let owners = try transaction.sealedValues(in: column, after: .start, limit: 10).map(\.owner)
        #expect(owners == ["anna", "bert", "carl"])
      }
      // A delivered message has no body any more.
      try transaction.delivered("bert", at: start)
      let messages = try transaction.sealedValues(in: .outbox, after: .start, limit: 10)
      #expect(messages.map(\.place.id) == ["anna", "carl"])
    }
  }

  @Test(arguments: Engine.allCases)
  func `O6: a session's token takes another form once, and all forms are listed`(_ kind: Engine) async throws
  {
    let database = try await engine(kind)
    try await database.write { [self] transaction in
      for number in 1...3 {
        try transaction.insert(
          Session(
            id: SessionID(text: "s\(number)"), account: anna, createdAt: start, lastSeenAt: start,
            provedAt: start, source: Source(address: ""), proofs: [.password]), tokenDigest: [UInt8(number)])
      }
      let id = SessionID(text: "s2")
      let wrong = try transaction.redigest(id, from: [9], to: [8])
      let right = try transaction.redigest(id, from: [2], to: [8])
      let again = try transaction.redigest(id, from: [2], to: [7])
      #expect(!wrong && right && !again)
      #expect(try transaction.session(tokenDigest: [8])?.session.id == id)
      #expect(try transaction.session(tokenDigest: [2]) == nil)
      let some = try transaction.tokenDigests(after: SessionID(text: ""), limit: 2)
      let rest = try transaction.tokenDigests(after: SessionID(text: "s2"), limit: 2)
      #expect((some + rest).map(\.session.text) == ["s1", "s2", "s3"])
      #expect((some + rest).map(\.digest) == [[1], [8], [3]])
    }
  }

  @Test(arguments: Engine.allCases)
  func `O6: holds whose parked values may be opened: open ones, and completed ones whose ticket still counts`(
    _ kind: Engine
  ) async throws {
    let names = ["anna", "bert", "carl", "dora"]
    let database = try await engine(kind, accounts: names)
    try await database.write { [self] transaction in
      for name in names {
        let isNew = try transaction.insert(hold(name, of: name), nextNoticeAt: nil)
        #expect(isNew)
      }
      for (name, state) in [("bert", Hold.State.completed), ("carl", .stopped), ("dora", .completed)] {
        let moved = try transaction.move(
          hold(name, of: name, state: state, endedAt: start + .days(30)), from: .running)
        #expect(moved)
      }
      try transaction.useTicket(of: HoldID(text: "dora"))
      #expect(try transaction.holdsWithParked().map(\.text) == ["anna", "bert"])
    }
  }
}

@Suite struct `Sealed columns` {
  /// Digests, salts, and what is told in docs/decisions/0016-key-rotation.md and 0018-idempotency-keys.md.
  static let others: Set<String> = [
    "accounts.code_salt", "contacts.address_digest", "contacts.confirmation", "sessions.token_digest",
    "throttle.bucket", "passkeys.credential_id", "holds.ticket_digest", "cases.email_digest",
    "cases.ticket_digest", "audit.chain", "clients.secret_digest", "authorizations.code_digest",
    "authorizations.refresh_digest", "access_tokens.digest", "holds.parked",
    "kept_answers.id", "kept_answers.request", "operator_tokens.digest",
    // Sealed, and forgotten before the key they are under can retire.
    "kept_answers.answer",
  ]

  @Test func `O6: every column of bytes is sealed again by a rotation, or known not to need it`() throws {
    let path = FileManager.default.temporaryDirectory.appending(path: "sealed-\(UUID()).sqlite").path
    _ = try SQLiteDatabase(path: path, clock: WallClock { Timestamp(milliseconds: 0) })
    let columns = try SQLiteConnection(path, for: .reading).query(
      """
      SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c
      WHERE t.type = 'table' AND c.type = 'BLOB'
      """, []
    ).map { try $0.text(0) }
    let sealed = Set(SealedColumn.allCases.map(\.place.name))
    #expect(sealed.isDisjoint(with: Self.others))
    #expect(Set(columns) == sealed.union(Self.others))
    for column in SealedColumn.allCases { #expect(column.isImmutable == (column.place.update == nil)) }
  }
}
