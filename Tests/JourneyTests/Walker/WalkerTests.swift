import Foundation
import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Any order of steps` {
  /// `WALKS=20000 swift test --filter "Any order"`; one story again: `WALK_SEED=7 WALKS=1`.
  static let walks = ProcessInfo.processInfo.environment["WALKS"].flatMap(Int.init) ?? 400
  static let firstSeed = ProcessInfo.processInfo.environment["WALK_SEED"].flatMap(UInt64.init) ?? 1

  @Test func `rows 1 to 3, 23, 30, 36, 42: whatever the order, the password form opens to proof alone`()
    async throws
  {
    let recovered = try await withThrowingTaskGroup(of: Int.self) { group in
      for lane in 0..<4 {
        group.addTask {
          var recovered = 0
          for walk in stride(from: lane, to: Self.walks, by: 4) {
            recovered += try await Self.walk(seed: Self.firstSeed + UInt64(walk))
          }
          return recovered
        }
      }
      return try await group.reduce(0, +)
    }
    // The walks get somewhere: many of them end with a password set by someone entitled to it.
    #expect(Self.walks < 100 || recovered > Self.walks / 20, "\(recovered)")
  }

  /// - Returns: how many recoveries came to their end.
  static func walk(seed: UInt64) async throws -> Int {
    var story = Story(world: try World(limits: false), seed: seed)
    for name in ["maria", "victor"] {
      let session = try await story.world.person(name, email: "\(name)@example.org")
      let code = try await story.world.makeCode(session).code
      story.accounts[name] = AccountModel(password: World.password, liveCode: code)
    }
    _ = try await story.world.mail()
    let wanderer = Wanderer(own: "victor", names: ["maria", "victor", "victor", "nobody"])
    let actors: [any Actor] = [
      wanderer, wanderer, wanderer, wanderer, wanderer, wanderer, Owner(name: "maria"), Clock(),
    ]
    for _ in 0..<40 {
      guard let actor = story.choices.one(of: actors) else { return 0 }
      try await actor.act(in: &story)
    }
    try await check(&story)
    return story.finished.count
  }

  /// At the end everyone's password and paper are what the model says.
  private static func check(_ story: inout Story) async throws {
    for (name, account) in story.accounts {
      do {
        _ = try await story.world.signIn(name, account.password)
      } catch {
        throw story.broken("\(name) cannot sign in at the end: \(error)")
      }
      for old in account.oldCodes where (try? await story.world.provedJourney(name, code: old)) != nil {
        throw story.broken("a dead code of \(name) lives")
      }
      guard let live = account.liveCode, (try? await story.world.provedJourney(name, code: live)) != nil
      else {
        throw story.broken("the code that \(name) was shown last does not work")
      }
    }
  }
}
