import Foundation
import MemoryStore
import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Months of an account` {
  /// `HOLD_WALKS=100000 swift test --filter "Months of"`; one story again: `HOLD_WALK_SEED=7 HOLD_WALKS=1`.
  static let walks = ProcessInfo.processInfo.environment["HOLD_WALKS"].flatMap(Int.init) ?? 1_000
  static let firstSeed = ProcessInfo.processInfo.environment["HOLD_WALK_SEED"].flatMap(UInt64.init) ?? 1
  static let length = 24

  @Test
  func
    `H1 to H13, C3, C9, D2, S5, S7: whatever owner, thief, clock and workers do, every change has a reason`()
    async throws
  {
    let counts = try await withThrowingTaskGroup(of: [String: Int].self) { group in
      for lane in 0..<2 {
        group.addTask {
          let world = try World(limits: false, inMemory: true)
          let beginnings = try await Beginning.all(in: world)
          var counts: [String: Int] = [:]
          for walk in stride(from: lane, to: Self.walks, by: 2) {
            let seed = Self.firstSeed + UInt64(walk)
            counts.merge(try await Self.walk(seed, in: world, beginnings), uniquingKeysWith: +)
          }
          return counts
        }
      }
      return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    }
    print("long stories: \(Self.walks) from seed \(Self.firstSeed): \(counts.sorted { $0.key < $1.key })")
    // The stories get somewhere.
    for what in ["recovered", "completed", "frozen", "former", "stop", "pause", "settle"] {
      #expect(Self.walks < 1_000 || (counts[what] ?? 0) >= Self.walks / 500, "\(what): \(counts)")
    }
  }

  /// Tells one story. - Throws: `Story.Broken`, with the fewest events that still break the promise.
  static func walk(_ seed: UInt64, in world: World, _ beginnings: [Beginning]) async throws -> [String: Int] {
    do {
      return try await tell(seed, Array(0..<length), in: world, beginnings)
    } catch let first as Story.Broken {
      var events = Array(0..<length)
      var shortest = first
      for event in events.reversed() {
        let fewer = events.filter { $0 != event }
        do {
          _ = try await tell(seed, fewer, in: world, beginnings)
        } catch let broken as Story.Broken {
          (events, shortest) = (fewer, broken)
        } catch {}
      }
      throw shortest
    }
  }

  private static func tell(
    _ seed: UInt64, _ events: [Int], in world: World, _ beginnings: [Beginning]
  ) async throws -> [String: Int] {
    guard let memory = world.memory else { return [:] }
    _ = world.takeAllMail()
    var story = LongStory(
      beginnings[Int(seed % UInt64(beginnings.count))], in: world, memory: memory, seed: seed)
    for event in events { try await story.event(event) }
    return story.cast.counts
  }
}

extension Beginning {
  static func all(in world: World) async throws -> [Beginning] {
    [
      try await make("one step, new", in: world) { _, _ in },
      try await make("one step, 60 days old", in: world) { world, _ in world.pass(.days(60)) },
      try await make("two-step, 60 days old", in: world) { world, maria in
        try await maria.protect(in: world)
        try await maria.makeCode(in: world)
        world.pass(.days(60))
      },
      try await make("two-step with a passkey and two mailboxes, 60 days old", in: world) { world, maria in
        try await maria.add("second@example.org", in: world)
        maria.owner.passkeys.append(try await world.addPasskey(maria.session))
        try await maria.protect(in: world)
        try await maria.makeCode(in: world)
        world.pass(.days(60))
      },
      try await make("two-step turned on yesterday, with an old code", in: world) { world, maria in
        world.pass(.days(60))
        try await maria.signIn(in: world)
        try await maria.protect(in: world)
        world.pass(.days(1))
      },
      try await make("a thief changed everything yesterday", in: world) { world, maria in
        try await maria.protect(in: world)
        try await maria.makeCode(in: world)
        world.pass(.days(60))
        try await maria.signIn(in: world)
        try await maria.takeOver(in: world)
        world.pass(.days(1))
      },
    ]
  }

  private static func make(
    _ name: String, in world: World, _ past: (World, inout Past) async throws -> Void
  ) async throws -> Beginning {
    guard let memory = world.memory else { throw Refusal.notFound }
    memory.state = MemoryState()
    world.set(Timestamp(milliseconds: 1_800_000_000_000))
    var maria = Past(session: try await world.person())
    maria.owner.passwords = [World.password]
    maria.owner.mailboxes = ["maria@example.org"]
    maria.password = World.password
    try await maria.makeCode(in: world)
    world.pass(.minutes(1))
    try await past(world, &maria)
    _ = try await world.mail()
    _ = world.takeAllMail()
    return Beginning(
      name: name, state: memory.state, now: world.now, owner: maria.owner, thief: maria.thief,
      password: maria.password, codes: maria.codes, removed: maria.removed)
  }

  /// What happened before the story.
  struct Past {
    var session: StartedSession
    var owner = Knowledge()
    var thief = Knowledge()
    var password = ""
    var codes: [CodeID: RecoveryCode] = [:]
    var removed: [String: Timestamp] = [:]

    mutating func makeCode(in world: World) async throws {
      let code = try await world.makeCode(session).code
      owner.codes = [code]
      if let id = try await world.proofs().code?.id { codes[id] = code }
    }

    mutating func add(_ address: String, in world: World) async throws {
      try await world.addContact(address, session)
      owner.mailboxes.insert(address)
    }

    mutating func protect(in world: World) async throws {
      owner.apps.append(try await world.addApp(session))
      try await world.twoStepOn(session)
      world.pass(.minutes(1))
    }

    mutating func signIn(in world: World) async throws {
      if let app = owner.apps.first, try await world.account().twoStep {
        session = try await world.signIn("maria", password, app: app)
      } else {
        session = try await world.signIn("maria", password)
      }
    }

    /// By someone in the owner's fresh session: other app, other password, another mailbox.
    mutating func takeOver(in world: World) async throws {
      thief.apps.append(try await world.addApp(session))
      try await world.addContact("t0@example.net", session)
      thief.mailboxes.insert("t0@example.net")
      if let app = owner.apps.first {
        _ = try await world.site.securityInfo.remove(
          .totp(app.id), by: world.steppedUp(session), source: world.source)
      }
      password = "the thief's own long password"
      try await world.site.securityInfo.changePassword(
        to: password, by: world.steppedUp(session), source: world.source)
      thief.passwords = [password]
    }
  }
}
