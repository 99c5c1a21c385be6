import Foundation
import NIOConcurrencyHelpers
import RecoveryCode
import SparekeyCore
import SparekeyServices
import SparekeyStore
import Testing

@testable import sparekey

@Suite struct `All or nothing` {
  static let newPassword = "a brand new green bicycle"

  @Test func `C9 T11: of 64 parallel uses of one code exactly one wins, the others get a clear answer`()
    async throws
  {
    let world = try World(limits: false)
    let code = try await world.makeCode(world.person()).code
    var journeys: [String] = []
    for _ in 0..<64 { journeys.append(try await world.provedJourney(code: code)) }

    let outcomes = await withTaskGroup(of: Result<ShownCode, any Error>.self) { group in
      for (number, journey) in journeys.enumerated() {
        group.addTask {
          do {
            return .success(try await world.recover(journey, to: "password number \(number) of many"))
          } catch {
            return .failure(error)
          }
        }
      }
      return await group.reduce(into: []) { $0.append($1) }
    }

    let winners = outcomes.compactMap { try? $0.get() }
    #expect(winners.count == 1)
    for case .failure(let error) in outcomes { #expect(error as? Refusal == .codeUsed(at: world.now)) }
    _ = try await world.provedJourney(code: try #require(winners.first).code)
  }

  @Test func `C9: one journey sent 64 times at once changes the password once and answers alike`()
    async throws
  {
    let world = try World(limits: false)
    let journey = try await world.provedJourney(code: world.makeCode(world.person()).code)
    let codes = try await withThrowingTaskGroup(of: RecoveryCode.self) { group in
      for _ in 0..<64 { group.addTask { try await world.recover(journey, to: Self.newPassword).code } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(codes.allSatisfy { $0 == codes[0] })
    let events = try await world.site.securityInfo.activity(
      for: world.signedIn(world.signIn("maria", Self.newPassword)))
    #expect(events.count { $0.kind == .recovered } == 1)
  }

  struct Injected: Error {}

  @Test func `C9: a failure before or after any statement leaves the old state with a working code`()
    async throws
  {
    let world = try World(limits: false)
    let code = try await world.makeCode(world.person()).code
    var steps = 0
    while true {
      let journey = try await world.provedJourney(code: code)
      let failing = steps
      world.tap.visit { if $0 == failing { throw Injected() } }
      do {
        _ = try await world.recover(journey, to: Self.newPassword)
        world.tap.visit(nil)
        break
      } catch is Injected {
        world.tap.visit(nil)
        _ = try await world.signIn()
        _ = try await world.provedJourney(code: code)
      }
      steps += 1
    }
    // Two statements at least for each of: outcome, code, new code, password, sessions, history, version, notice.
    #expect(steps > 16)
    _ = try await world.signIn("maria", Self.newPassword)
    await #expect(throws: Refusal.codeUsed(at: world.now)) { try await world.provedJourney(code: code) }
  }

  @Test(.disabled(if: World.isOnPostgreSQL, "it copies the file"))
  func `C9 T27: what a crash leaves on disk at any moment is the old state or the new one`()
    async throws
  {
    let world = try World(limits: false)
    let code = try await world.makeCode(world.person()).code
    let journey = try await world.provedJourney(code: code)
    let copies = world.folder.appending(path: "copies")
    try FileManager.default.createDirectory(at: copies, withIntermediateDirectories: true)
    let folder = world.folder
    let taken = NIOLockedValueBox(0)
    // What write() gave to the system survives the process: a copy is what kill -9 would leave.
    world.tap.visit { number in
      for ending in ["", "-wal"] {
        try FileManager.default.copyItem(
          at: folder.appending(path: "test.sqlite\(ending)"),
          to: copies.appending(path: "\(number).sqlite\(ending)"))
      }
      taken.withLockedValue { $0 = max($0, number + 1) }
    }
    _ = try await world.recover(journey, to: Self.newPassword)
    world.tap.visit(nil)

    let count = taken.withLockedValue { $0 }
    #expect(count > 16)
    for number in 0..<count {
      let database = try SQLiteDatabase(
        path: copies.appending(path: "\(number).sqlite").path, clock: world.ports.clock)
      let found = try await database.read { transaction in
        (
          try transaction.account(canonicalName: "maria")?.password,
          try transaction.liveCode(of: try #require(try transaction.account(canonicalName: "maria")).id)?
            .ending
        )
      }
      #expect(found.0 != nil && found.1 == nil)
      let ports = Ports(
        database: database, hashing: world.hashes, keys: world.ports.keys, randomness: .system,
        clock: world.ports.clock,
        passwordRules: world.ports.passwordRules, passkeys: world.ports.passkeys,
        signing: world.ports.signing)
      let start = try await Recovery(ports).start(username: "maria", withCode: true, binding: .api)
      let proved = try await Recovery(ports).enterRecoveryCode(
        start.journey, code: code.formatted, binding: .api, source: world.source)
      #expect(
        proved.step == .newPassword, "the old code works until the change is committed (statement \(number))")
    }
  }

  @Test func `C3: a failure while a code is made leaves the old code working`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let code = try await world.makeCode(session).code
    var failing = 0
    while true {
      let step = failing
      world.tap.visit { if $0 == step { throw Injected() } }
      do {
        let new = try await world.makeCode(session).code
        world.tap.visit(nil)
        _ = try await world.provedJourney(code: new)
        break
      } catch is Injected {
        world.tap.visit(nil)
        _ = try await world.provedJourney(code: code)
      }
      failing += 1
    }
    #expect(failing > 10)
  }

  @Test func `T11: 32 codes made at once leave exactly one that works`() async throws {
    let world = try World(limits: false)
    let session = try await world.person()
    let made = await withTaskGroup(of: RecoveryCode?.self) { group in
      for _ in 0..<32 { group.addTask { try? await world.makeCode(session).code } }
      return await group.reduce(into: []) { $0.append($1) }
    }.compactMap(\.self)
    #expect(!made.isEmpty)
    var working = 0
    for code in made where (try? await world.provedJourney(code: code)) != nil { working += 1 }
    #expect(working == 1)
  }
}
