import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Time limits` {
  private static let moment = Duration.milliseconds(1)

  /// Every verb that takes the token of a recovery.
  private static func verbs(_ world: World) -> [(String, (String) async throws -> Void)] {
    let recovery = world.site.recovery
    let source = world.source
    return [
      ("resume", { _ = try await recovery.resume($0, binding: .api) }),
      ("name", { _ = try recovery.name($0, binding: .api) }),
      ("another option", { _ = try await recovery.useDifferentOption($0, binding: .api) }),
      ("none of these", { _ = try await recovery.noneOfThese($0, binding: .api) }),
      ("send", { _ = try await recovery.sendIssuedCode($0, to: "x", binding: .api, source: source) }),
      (
        "issued code",
        { _ = try await recovery.enterIssuedCode($0, code: "123456", binding: .api, source: source) }
      ),
      (
        "recovery code",
        {
          _ = try await recovery.enterRecoveryCode(
            $0, code: RecoveryCode.generate().formatted, binding: .api, source: source)
        }
      ),
      ("new password", { _ = try await world.recover($0, to: "a brand new green bicycle") }),
      ("finished", { _ = try await recovery.finished($0, binding: .api) }),
    ]
  }

  @Test func `row 31: a recovery is over after one hour, to the millisecond, whatever is tried with it`()
    async throws
  {
    for (wait, isOver) in [(RecoveryAttempt.lifetime - Self.moment, false), (RecoveryAttempt.lifetime, true)]
    {
      let world = try World(limits: false)
      _ = try await world.person()
      for name in ["maria", "nobody"] {
        let began = world.now
        let start = try await world.site.recovery.start(username: name, binding: .api)
        world.pass(wait)
        for (verb, run) in Self.verbs(world) {
          do {
            try await run(start.journey)
            #expect(!isOver, "\(verb) of \(name)")
          } catch let refusal as Refusal {
            #expect((refusal == .expired) == isOver, "\(verb) of \(name) after \(world.now - began)")
          }
        }
      }
    }
  }

  @Test func `row 31: evidence is over after 20 minutes, to the millisecond`() async throws {
    for (wait, opens) in [(Evidence.lifetime - Self.moment, true), (Evidence.lifetime, false)] {
      let world = try World()
      let journey = try await world.provedJourney(code: world.makeCode(world.person()).code)
      world.pass(wait)
      do {
        _ = try await world.recover(journey, to: "a brand new green bicycle")
        #expect(opens)
      } catch let refusal as Refusal {
        #expect(!opens && refusal == .expired)
      }
    }
  }

  @Test func `row 31: a sign-in and the form for a new code are over after one hour, to the millisecond`()
    async throws
  {
    for (wait, works) in [(SignInAttempt.lifetime - Self.moment, true), (SignInAttempt.lifetime, false)] {
      let world = try World()
      let steppedUp = try await world.signedIn(world.person()).steppedUp(at: world.now)
      let form = try world.site.recoveryCodes.form(for: steppedUp.signedIn, binding: .api)
      let journey = try world.site.signIn.start(username: "maria", binding: .api)
      world.pass(wait)
      let entered = try? await world.site.signIn.enterPassword(
        World.password, journey: journey, binding: .api, source: world.source)
      let made = try? await world.site.recoveryCodes.generate(
        form: form, binding: .api, by: steppedUp, source: world.source)
      #expect((entered != nil) == works && (made != nil) == works)
    }
  }

  @Test func `row 31: an email's confirmation is over after a day, to the millisecond`() async throws {
    for (wait, works) in [(Confirmation.lifetime - Self.moment, true), (Confirmation.lifetime, false)] {
      let world = try World()
      let started = try await world.site.signUp.create(
        username: "maria", password: World.password, email: "maria@example.org", source: world.source)
      let signedIn = try await world.signedIn(started)
      let contact = try await world.site.securityInfo.overview(for: signedIn).proofs.contacts[0].id
      let code = try #require(try await world.mail().last?.code)
      world.pass(wait)
      let confirmed: Void? = try? await world.site.securityInfo.confirmContact(
        contact, code: code, by: signedIn, source: world.source)
      #expect((confirmed != nil) == works)
    }
  }
}
