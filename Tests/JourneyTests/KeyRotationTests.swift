import NIOConcurrencyHelpers
import SparekeyCore
import SparekeyServices
import Testing

@testable import SparekeyCore
@testable import sparekey

@Suite struct `Key rotation` {
  /// Another key seals from now on.
  func rotate(_ world: World) throws {
    let keys = try #require(world.ports.keys.masters.adding(KeyFile.newSecret()))
    try world.ports.keys.replace(with: keys.makingCurrent(at: world.now))
  }

  func references(_ world: World, to key: UInt8) async throws -> Resealing.References {
    try await Resealing(world.ports).survey().references[key] ?? Resealing.References()
  }

  @Test func `O6: after everything was used, one pass leaves nothing under the old key but what may stay`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    _ = try await world.openCase()
    _ = try await world.ports.currentKey(for: .es256)
    try await world.ports.database.write { [ports = world.ports] transaction in
      let found = try #require(try transaction.supportCases(in: nil, limit: 1).first)
      let account = try #require(try transaction.account(canonicalName: "maria")).id
      let id = HoldRequestID(ports.randomness)
      _ = try transaction.insert(
        HoldRequest(
          id: id, supportCase: found.id, account: account, requestedBy: account, requestedAt: transaction.now,
          sealedReason: ports.keys.seal([1], for: .supportCase, bound: "request/\(id)")))
      try transaction.append(
        CaseMessage(
          at: transaction.now, author: .agent,
          sealedText: ports.keys.seal([1], for: .supportCase, bound: "case/\(found.id)/message")),
        to: found.id)
      try ports.enqueue(nil, in: transaction)
    }
    _ = try await world.claim(code: maria.code)

    let before = try await references(world, to: 1)
    for column in SealedColumn.allCases { #expect(before.values[column, default: 0] > 0, "\(column)") }
    #expect(before.sessions > 0 && before.holds == 1)
    try rotate(world)
    let halfway = NIOLockedValueBox(0)
    let count = try await Resealing(world.ports).pass { number in halfway.withLockedValue { $0 = number } }
    #expect(count == before.values.filter { !$0.key.isImmutable }.map(\.value).reduce(0, +))
    #expect(halfway.withLockedValue { $0 } == count)
    #expect(try await Resealing(world.ports).pass() == 0)

    let after = try await Resealing(world.ports).survey()
    #expect(after.unreadable == 0)
    #expect(after.references[1]?.values == [.holdRequest: before.values[.holdRequest, default: 0]])
    #expect(after.references[1]?.sessions == before.sessions && after.references[1]?.holds == 1)
    #expect(after.references[2]?.values == before.values.filter { $0.key != .holdRequest })
    _ = try await world.signIn(app: maria.app)
  }

  @Test func `O6: a session goes over to the new key when it is used, and outlives the old one`() async throws
  {
    let world = try World()
    let used = try await world.person()
    let unused = try await world.signIn()
    try rotate(world)
    let young = try await world.signIn()
    #expect(try await references(world, to: 1).sessions == 2)
    for _ in 1...2 { _ = try await world.signedIn(used) }
    #expect(try await references(world, to: 1).sessions == 1)
    #expect(try await references(world, to: 2).sessions == 2)
    _ = try await Resealing(world.ports).pass()
    try world.ports.keys.replace(with: world.ports.keys.masters.retiring(1))
    for started in [used, young] { _ = try await world.signedIn(started) }
    await #expect(throws: Refusal.notSignedIn) { try await world.signedIn(unused) }
  }

  @Test func `O6: a session kept in the form of before there was rotation goes on, and over`() async throws {
    let world = try World()
    let started = try await world.person()
    let digest = world.ports.keys.digest(sessionToken: started.token)
    try await world.ports.database.write {
      _ = try $0.redigest(started.session.id, from: digest, to: Array(digest.dropFirst()))
    }
    _ = try await world.signedIn(started)
    #expect(try await references(world, to: 1).sessions == 1)
    try rotate(world)
    #expect(try await references(world, to: 1).sessions == 1)
    _ = try await world.signedIn(started)
    #expect(try await references(world, to: 1).sessions == 0)
    _ = try await world.signedIn(started)
  }

  @Test func `O6: a lost answer of a recovery is given again, with its session, after a rotation`()
    async throws
  {
    let world = try World(limits: false)
    let maria = try await world.protected()
    var claim = try await Claim(world)
    try await claim.show(code: maria.code)
    try await claim.show(app: maria.app)
    let first = try await claim.end()
    try rotate(world)
    _ = try await Resealing(world.ports).pass()
    let again = try await claim.end()
    guard case .recovered(let code, let session) = first, case .recovered(let same, let found) = again else {
      Issue.record("it did not open at once")
      return
    }
    #expect(code.code == same.code)
    #expect(session?.session.id == found?.session.id && session != nil)
  }

  @Test func `O6 H11: a hold keeps its key, takes effect, and leaves nothing under it`() async throws {
    let world = try World(limits: false)
    let maria = try await world.protected()
    let ticket = try #require(try await world.claim(code: maria.code).ticket)
    try await world.work()
    try rotate(world)
    _ = try await Resealing(world.ports).pass()
    #expect(try await references(world, to: 1).holds == 1)
    world.pass(.days(30))
    try await world.work()
    let left = try await references(world, to: 1)
    #expect(!left.canBeResealed, "the password that waited is under the new key")
    #expect(left.holds == 1, "until its claimant came back, another password may be chosen")
    _ = try await world.firstSignIn(Claim.newPassword, ticket: ticket)
  }

  @Test func `O6: what changes while it is sealed again stays as it was changed`() async throws {
    let world = try World(limits: false)
    let started = try await world.person()
    let one = try await world.ports.database.read {
      try $0.sealedValues(in: .password, after: .start, limit: 1)[0]
    }
    try rotate(world)
    try await world.site.securityInfo.changePassword(
      to: "another password of mine", by: world.steppedUp(started), source: world.source)
    let late = try #require(
      world.ports.keys.resealed(one.bytes, for: .passwordPepper, bound: "password/\(one.place.id)"))
    #expect(try await !world.ports.database.write { try $0.reseal(one, in: .password, as: late) })
    _ = try await world.signIn("maria", "another password of mine")
  }
}
