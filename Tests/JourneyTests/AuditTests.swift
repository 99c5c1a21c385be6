import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `The audit trail` {
  /// A trail of twelve entries.
  func trail(_ world: World) async throws -> [AuditChain.Numbered] {
    for number in 0..<12 {
      try await world.ports.database.write { [ports = world.ports] transaction in
        try ports.audit(.caseRead, by: .operator, detail: "case \(number)", in: transaction)
      }
      world.pass(.seconds(1))
    }
    world.pass(.seconds(20))
    while try await world.site.auditTrail.chain() > 0 {}
    return try await world.ports.database.read { try $0.auditEntries(after: 0, limit: 99) }
  }

  func fault(_ entries: [AuditChain.Numbered], _ world: World) -> AuditChain.Fault? {
    AuditChain.fault(in: entries, after: 0, AuditChain.start, keys: world.ports.keys)
  }

  @Test func `O4: entries are numbered in the order of their times, and the whole trail verifies`()
    async throws
  {
    let world = try World()
    let entries = try await trail(world)
    #expect(entries.map(\.number) == Array(1...12))
    #expect(entries.map(\.entry.detail) == (0..<12).map { "case \($0)" })
    let report = try await world.site.auditTrail.verify()
    #expect(report.entries == 12 && report.fault == nil && report.head == entries.last?.link)
    #expect(try await world.site.auditTrail.verify(holding: entries[4].link).fault == nil)
  }

  @Test func `O4: any part of any entry that is changed is found, and where`() async throws {
    let world = try World()
    let entries = try await trail(world)
    let actor = AuditActor.agent(AccountID(text: "x"))
    for index in entries.indices {
      let (number, entry, link) = (entries[index].number, entries[index].entry, entries[index].link)
      func changed(
        id: AuditID? = nil, at: Timestamp? = nil, actor: AuditActor? = nil, action: AuditAction? = nil,
        account: AccountID? = nil, detail: String? = nil, link other: AuditChain.Link? = nil
      ) -> AuditChain.Numbered {
        AuditChain.Numbered(
          number: number,
          entry: AuditEntry(
            id: id ?? entry.id, at: at ?? entry.at, actor: actor ?? entry.actor,
            action: action ?? entry.action,
            account: account ?? entry.account, detail: detail ?? entry.detail), link: other ?? link)
      }
      let forgeries = [
        changed(id: AuditID(text: "other")), changed(at: entry.at + .milliseconds(1)), changed(actor: actor),
        changed(action: .caseClosed), changed(account: AccountID(text: "x")), changed(detail: "case"),
        changed(link: AuditChain.start),
      ]
      for forgery in forgeries {
        var tampered = entries
        tampered[index] = forgery
        #expect(fault(tampered, world) == .changed(number: number))
      }
      var shorter = entries
      shorter.remove(at: index)
      #expect(fault(shorter, world) == (index == 11 ? nil : .missing(number: number)))
    }
    var swapped = entries
    swapped.swapAt(3, 7)
    #expect(fault(swapped, world) != nil)
  }

  @Test
  func `O4: a trail that was cut off lacks the head that was noted, and one without the key forges none`()
    async throws
  {
    let world = try World()
    let entries = try await trail(world)
    let noted = AuditChain.Link(repeating: 7, count: 32)
    #expect(try await world.site.auditTrail.verify(holding: noted).fault == .cutOff(after: 12))
    let stranger = try World()
    #expect(fault(entries, stranger) == .changed(number: 1))
  }

  @Test func `O4: of two nodes that number at once, each entry has one place`() async throws {
    let world = try World()
    let second = try world.secondNode()
    for number in 0..<40 {
      try await world.ports.database.write { [ports = world.ports] in
        try ports.audit(.caseRead, by: .service, detail: "\(number)", in: $0)
      }
    }
    world.pass(.minutes(1))
    await withTaskGroup { group in
      for trail in [world.site.auditTrail, AuditTrail(second), world.site.auditTrail, AuditTrail(second)] {
        group.addTask { _ = try? await trail.chain() }
      }
    }
    while try await world.site.auditTrail.chain() > 0 {}
    let report = try await world.site.auditTrail.verify()
    #expect(report.entries == 40 && report.fault == nil)
  }
}
