import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

/// S6, T6: known and unknown names are treated alike.
@Suite struct `Nobody home` {
  @Test func `S6: sign-in and recovery cost the same hashes and nearly the same statements for every name`()
    async throws
  {
    let world = try World(limits: false)
    _ = try await world.makeCode(world.person())
    func cost(_ name: String) async throws -> [Int] {
      let hashes = world.hashes.count
      world.tap.visit(nil)
      _ = try? await world.signIn(name, "not the right password")
      let signIn = world.tap.count
      world.tap.visit(nil)
      _ = try? await world.provedJourney(name, code: RecoveryCode.generate())
      return [world.hashes.count - hashes, signIn, world.tap.count]
    }
    _ = try await cost("warm.up")
    let known = try await cost("maria")
    #expect(try await cost("nobody") == known)
    #expect(try await cost("nobody@example.org") == known)
    #expect(known[0] == 2)
  }

  @Test func `S6: journeys have one length and the same steps for every name`() async throws {
    let world = try World(limits: false)
    _ = try await world.person()
    let known = try await world.site.recovery.start(username: "maria", binding: .api)
    for number in 0..<200 {
      let name = "nobod\(number)"
      let unknown = try await world.site.recovery.start(username: name, binding: .api)
      #expect(unknown.journey.count == known.journey.count)
      let again = try await world.site.recovery.start(username: name, binding: .api)
      #expect(again.options == unknown.options, "decoys are the same at every visit")
      let option = try #require(unknown.options.first, "accounts are always offered one")
      let sent = try await world.site.recovery.sendIssuedCode(
        unknown.journey, to: option.id, binding: .api, source: world.source)
      #expect(sent.step == .issuedCode && sent.sentTo == option.masked)
      await #expect(throws: Refusal.issuedCodeWrong) {
        try await world.site.recovery.enterIssuedCode(
          sent.journey, code: "123456", binding: .api, source: world.source)
      }
    }
    #expect(
      try await world.mail().allSatisfy { $0.address == "maria@example.org" }, "nothing goes out for a decoy")
  }

  @Test func `S6: journeys have one length whatever is typed as a name`() async throws {
    let world = try World(limits: false)
    _ = try await world.person()
    let padding = [
      "", "\t\t\t", "\u{0}\u{1}", String(repeating: "\t", count: 250), String(repeating: "\"", count: 200),
    ]
    for name in ["maria", "nobody"] {
      for odd in padding {
        let progress = try await world.site.recovery.start(username: name + odd, binding: .api)
        #expect(progress.journey.count == 2_770)
        let option = try #require(progress.options.first)
        let sent = try await world.site.recovery.sendIssuedCode(
          progress.journey, to: option.id, binding: .api, source: world.source)
        #expect(sent.journey.count == 2_770)
      }
    }
  }

  @Test func `S6: asking for a mail costs the same statements for every name`() async throws {
    let world = try World(limits: false)
    _ = try await world.person()
    func cost(_ name: String) async throws -> Int? {
      let start = try await world.site.recovery.start(username: name, binding: .api)
      guard start.options.count == 1 else { return nil }
      world.tap.visit(nil)
      _ = try await world.site.recovery.sendIssuedCode(
        start.journey, to: start.options[0].id, binding: .api, source: world.source)
      return world.tap.count
    }
    let known = try await cost("maria")
    var unknown: [Int] = []
    for number in 0..<10 { if let cost = try await cost("nobody\(number)") { unknown.append(cost) } }
    #expect(!unknown.isEmpty && unknown.allSatisfy { $0 == known })
  }

  @Test func `T6: unknown names have the limits of known ones`() async throws {
    let world = try World()
    _ = try await world.person()
    func triesBeforeWait(_ name: String) async throws -> Int {
      for number in 0..<100 {
        do {
          _ = try await world.signIn(name, "wrong password", source: Source(address: "198.51.100.1-\(name)"))
        } catch Refusal.slowDown {
          return number
        } catch {}
      }
      return 100
    }
    let known = try await triesBeforeWait("maria")
    #expect(known == ThrottleRules.password.free)
    #expect(try await triesBeforeWait("nobody") == known)
  }
}
