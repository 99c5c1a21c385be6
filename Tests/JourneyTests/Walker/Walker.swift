import Foundation
import RecoveryCode
import SparekeyCore

@testable import sparekey

/// A reproducible source of choices (SplitMix64).
struct Choices: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func one<Element>(of elements: [Element]) -> Element? { elements.randomElement(using: &self) }
}

/// What the promises say must be true of one account, kept beside the service and compared with it after every event.
struct AccountModel {
  var password: String
  var liveCode: RecoveryCode?
  var oldCodes: [RecoveryCode] = []
  /// Counts changes of the account's security; a journey is good for the version it began with.
  var version = 0
}

/// A journey token that someone holds, and what the model knows of it.
struct HeldToken {
  let token: String
  let name: String
  let version: Int
  var step: RecoveryAttempt.Step
  /// When evidence that the policy accepts was shown in it.
  var provedAt: Timestamp?
  /// Ends a journey: its password was set.
  var finishedAt: Timestamp?
  let startedAt: Timestamp
  /// Tokens of one journey share it.
  let journey: Int
}

/// One story: people and strangers doing things in any order to one service, and a model that knows what may come of
/// it. Actors are interchangeable; faults and clocks are events like any other.
struct Story {
  struct Broken: Error, CustomStringConvertible {
    let seed: UInt64
    let events: [String]
    let promise: String

    var description: String {
      "seed \(seed): \(promise)\n" + events.enumerated().map { "\($0 + 1). \($1)" }.joined(separator: "\n")
    }
  }

  let world: World
  let seed: UInt64
  var choices: Choices
  var accounts: [String: AccountModel] = [:]
  var tokens: [HeldToken] = []
  var finished: [Int: RecoveryCode] = [:]
  var nextJourney = 0
  /// Issued codes that came to each person's mailbox.
  var mailboxes: [String: [String]] = [:]
  var events: [String] = []

  init(world: World, seed: UInt64) {
    self.world = world
    self.seed = seed
    choices = Choices(seed: seed)
  }

  func broken(_ promise: String) -> Broken { Broken(seed: seed, events: events, promise: promise) }

  mutating func note(_ event: String) { events.append(event) }

  mutating func hold(_ progress: RecoveryProgress, from token: HeldToken?, name: String) {
    let new = HeldToken(
      token: progress.journey, name: name, version: token?.version ?? accounts[name]?.version ?? -1,
      step: progress.step, provedAt: token?.provedAt, startedAt: token?.startedAt ?? world.now,
      journey: token?.journey ?? nextJourney)
    if token == nil { nextJourney += 1 }
    tokens.append(new)
  }

  /// Whether the promises let this token's holder set a password now.
  func maySetPassword(_ token: HeldToken) -> Bool {
    guard let provedAt = token.provedAt, let account = accounts[token.name] else { return false }
    return token.step == .newPassword && token.version == account.version
      && world.now < provedAt + Evidence.lifetime && world.now < token.startedAt + RecoveryAttempt.lifetime
      && finished[token.journey] == nil
  }
}

/// Someone who does things. `act` does one thing drawn from the story's choices.
protocol Actor {
  func act(in story: inout Story) async throws
}

/// Starts journeys and walks their steps in any order with any token held: back, skip, replay, two tabs, another
/// account's form. It knows the codes and the mail of `own` alone.
struct Wanderer: Actor {
  let own: String
  let names: [String]

  func act(in story: inout Story) async throws {
    let recovery = story.world.site.recovery
    // Half of the time on from where it stands, otherwise any form that was ever open.
    let token = Bool.random(using: &story.choices) ? story.tokens.last : story.choices.one(of: story.tokens)
    switch Int.random(in: 0..<9, using: &story.choices) {
    case 0, 1:
      guard let name = story.choices.one(of: names) else { return }
      story.note("\(own) starts a recovery of \(name)")
      story.hold(
        try await recovery.start(username: name, withCode: Bool.random(using: &story.choices), binding: .api),
        from: nil, name: name)
    case 2:
      await step(token, "other option", &story) { try await recovery.useDifferentOption($0, binding: .api) }
    case 3: await step(token, "none of these", &story) { try await recovery.noneOfThese($0, binding: .api) }
    case 4:
      guard let token, let resumed = try? await recovery.resume(token.token, binding: .api) else { return }
      guard let option = story.choices.one(of: resumed.options) else { return }
      await step(token, "sends a code", &story) { [source = story.world.source] in
        try await recovery.sendIssuedCode($0, to: option.id, binding: .api, source: source)
      }
    case 5: try await enterIssuedCode(token, &story)
    case 6: try await enterCode(token, &story)
    default: try await setPassword(token, &story)
    }
  }

  private func step(
    _ token: HeldToken?, _ what: String, _ story: inout Story,
    _ walk: (String) async throws -> RecoveryProgress
  ) async {
    guard let token, let progress = try? await walk(token.token) else { return }
    story.note("\(own): \(what) in the recovery of \(token.name)")
    story.hold(progress, from: token, name: token.name)
  }

  /// With whatever came to its own mailbox, or a guess.
  private func enterIssuedCode(_ token: HeldToken?, _ story: inout Story) async throws {
    guard let token else { return }
    for notice in try await story.world.mail() {
      if let code = notice.code { story.mailboxes[notice.username, default: []].append(code) }
    }
    let mail = story.mailboxes[own] ?? []
    let code = (Bool.random(using: &story.choices) ? mail.last : story.choices.one(of: mail)) ?? "000000"
    story.note("\(own) enters an issued code in the recovery of \(token.name)")
    guard
      let progress = try? await story.world.site.recovery.enterIssuedCode(
        token.token, code: code, binding: .api, source: story.world.source)
    else { return }
    guard token.name == own else { throw story.broken("a code from another mailbox proved \(token.name)") }
    var proved = token
    proved.provedAt = story.world.now
    story.hold(progress, from: proved, name: token.name)
  }

  private func enterCode(_ token: HeldToken?, _ story: inout Story) async throws {
    guard let token, let mine = story.accounts[own] else { return }
    let code =
      Bool.random(using: &story.choices)
      ? mine.liveCode
      : story.choices.one(of: mine.oldCodes + [mine.liveCode, .generate()].compactMap(\.self))
    guard let code else { return }
    story.note("\(own) enters a recovery code in the recovery of \(token.name)")
    let progress: RecoveryProgress
    do {
      progress = try await story.world.site.recovery.enterRecoveryCode(
        token.token, code: code.formatted, binding: .api, source: story.world.source)
    } catch {
      let shouldWork =
        token.name == own && code == mine.liveCode && token.version == mine.version
        && token.step != .ended && story.world.now < token.startedAt + RecoveryAttempt.lifetime
      if shouldWork, error as? Refusal != .outOfStep {
        throw story.broken("the live code was refused: \(error)")
      }
      return
    }
    guard token.name == own, code == mine.liveCode else {
      throw story.broken("a dead or strange code proved \(token.name)")
    }
    var proved = token
    proved.provedAt = story.world.now
    story.hold(progress, from: proved, name: token.name)
  }

  private func setPassword(_ token: HeldToken?, _ story: inout Story) async throws {
    guard let token else { return }
    let password = "password \(story.choices.next()) of \(own)"
    story.note("\(own) sets a password in the recovery of \(token.name) at step \(token.step)")
    let may = story.maySetPassword(token)
    let shown: ShownCode
    do {
      shown = try await story.world.recover(token.token, to: password)
    } catch {
      if may { throw story.broken("a proved recovery was refused: \(error)") }
      return
    }
    if let known = story.finished[token.journey] {
      guard shown.code == known else { throw story.broken("a repeat showed another code") }
      return
    }
    guard may else { throw story.broken("the password of \(token.name) was set without proof") }
    story.finished[token.journey] = shown.code
    story.accounts[token.name]?.changed(password: password, code: shown.code)
  }
}

extension AccountModel {
  mutating func changed(password: String? = nil, code: RecoveryCode? = nil) {
    version += 1
    if let password { self.password = password }
    if let code {
      if let liveCode { oldCodes.append(liveCode) }
      liveCode = code
    }
  }
}

/// The owner at home: signs in, makes codes, changes the password.
struct Owner: Actor {
  let name: String

  func act(in story: inout Story) async throws {
    guard let account = story.accounts[name] else { return }
    let session: StartedSession
    do {
      session = try await story.world.signIn(name, account.password)
    } catch {
      throw story.broken("\(name) cannot sign in with the right password: \(error)")
    }
    switch Int.random(in: 0..<4, using: &story.choices) {
    case 0:
      story.note("\(name) makes a new code")
      story.accounts[name]?.changed(code: try await story.world.makeCode(session).code)
    case 1:
      let password = "chosen at home \(story.choices.next())"
      story.note("\(name) changes the password")
      try await story.world.site.securityInfo.changePassword(
        to: password, by: story.world.signedIn(session).steppedUp(at: story.world.now),
        source: story.world.source)
      story.accounts[name]?.changed(password: password)
    default: story.note("\(name) signs in")
    }
  }
}

/// Time goes by.
struct Clock: Actor {
  func act(in story: inout Story) async throws {
    let wait = story.choices.one(of: [
      Duration.seconds(1), .minutes(4), .minutes(11), .minutes(25), .hours(2),
    ])
    guard let wait else { return }
    story.note("\(wait) pass")
    story.world.pass(wait)
  }
}
