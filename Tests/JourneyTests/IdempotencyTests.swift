import SparekeyCore
import Testing

/// Calls that are sent again (A2).
@Suite struct `Sent again` {
  struct Crash: Error {}

  private func call(_ world: World, _ owner: SteppedUp) -> RepeatableCall {
    RepeatableCall(
      "make a code", key: "8e03978e-40d5-43dd-bc93-6894a57f9324", caller: owner.account.id.text, body: [],
      showsSecret: true, keys: world.ports.keys)
  }

  private func generate(_ world: World, _ owner: SteppedUp, as call: RepeatableCall) async throws {
    let form = try world.site.recoveryCodes.form(for: owner.signedIn, binding: .api)
    _ = try await world.site.recoveryCodes.generate(
      form: form, binding: .api, by: owner, source: world.source
    ) {
      try world.ports.keep($0.serial, to: call, in: $1)
    }
  }

  @Test func `Q4: a failure at any statement leaves neither a code nor an answer`() async throws {
    let world = try World(limits: false)
    let owner = try await world.steppedUp(world.person())
    let call = call(world, owner)
    for step in 0... {
      world.tap.visit { if $0 == step { throw Crash() } }
      do {
        try await generate(world, owner, as: call)
        world.tap.visit(nil)
        #expect(step > 10)
        break
      } catch is Crash {
        world.tap.visit(nil)
        #expect(try await world.ports.answer(String.self, to: call) == nil)
        #expect(try await world.proofs().code == nil)
      }
    }
    #expect(try await world.ports.answer(String.self, to: call) == world.proofs().code?.serial)
  }

  @Test func `A2: a twin that comes second is undone as a whole`() async throws {
    let world = try World(limits: false)
    let owner = try await world.steppedUp(world.person())
    let call = call(world, owner)
    try await generate(world, owner, as: call)
    let code = try #require(try await world.proofs().code)
    _ = try await world.mail()
    let again = try await world.steppedUp(world.signIn())
    await #expect(throws: Refusal.alreadyDone) { try await generate(world, again, as: call) }
    #expect(try await world.proofs().code?.id == code.id)
    #expect(try await world.mail().isEmpty, "nobody is told of what did not happen")
  }

  @Test func `C4: housekeeping wipes what showed a secret after ten minutes, and forgets all after a day`()
    async throws
  {
    let world = try World(limits: false)
    let owner = try await world.steppedUp(world.person())
    let call = call(world, owner)
    try await generate(world, owner, as: call)
    world.pass(.minutes(9))
    try await world.ports.forgetWhatIsOver()
    #expect(try await world.ports.answer(String.self, to: call) != nil)
    world.pass(.minutes(2))
    try await world.ports.forgetWhatIsOver()
    await #expect(throws: Refusal.alreadyDone) { try await world.ports.answer(String.self, to: call) }
    world.pass(.hours(24))
    try await world.ports.forgetWhatIsOver()
    #expect(try await world.ports.answer(String.self, to: call) == nil)
  }
}
