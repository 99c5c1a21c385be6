import MemoryStore
import NIOConcurrencyHelpers
import SparekeyCore

@testable import sparekey

/// Several nodes over one database, people with several tabs, workers, a store that fails in every way it may, programs
/// that crash and clocks that jump: one story, whose every turn a seed decides. Each commit is judged by itself: it
/// needs a reason among the promises. Then the faults stop, and everything has to be well again.
///
/// Only one thing moves at a time (`Stage`), and only that touches what is here.
final class Simulation: @unchecked Sendable {
  @TaskLocal private static var turn = 0
  static let nodeCount = 3
  /// A hold may end early by clocks that were set right, never by one that jumped (T16).
  private static let leniency = Duration.hours(1)

  private struct Node {
    var life = 0
    var world: World
    /// How far its clock is ahead, and how far it takes for normal.
    var ahead = Duration.zero
    var normal = Duration.zero
  }

  private let base: World
  private let memory: MemoryDatabase
  private let keys: KeyRing
  private let randomness: Randomness
  private let stage = Stage()
  private var story: LongStory
  private var nodes: [Node] = []
  private var inFlight: Set<Int> = []
  private var isCalm = false
  /// Faults in a hundred.
  private let harm: Int
  private(set) var version = 0
  /// Transactions whose COMMIT nobody has answered, and that may still happen.
  private var inDoubt: [(turn: Int, commit: () -> Void)] = []
  /// How far the database's clock is ahead.
  private var databaseAhead = Duration.zero
  private var farthest = Timestamp(milliseconds: 0)
  private var startedAt: [HoldID: Duration] = [:]
  private var deliveries: [String: Int] = [:]
  /// Deliveries that nobody could note.
  private var excused: [String: Int] = [:]
  private var inHand: [Int: String] = [:]
  private var leasedAt: [Int: (time: Timestamp, clockChanges: Int)] = [:]
  /// How often the database's clock was set: a lease of before may be over for others.
  private var clockChanges = 0
  private(set) var broken: Story.Broken?
  /// Of everything that happened, in its order.
  private(set) var trace: UInt64 = 0xCBF2_9CE4_8422_2325

  var counts: [String: Int] { story.cast.counts }
  var events: [String] { story.cast.events }

  init(_ beginning: Beginning, in base: World, memory: MemoryDatabase, seed: UInt64) throws {
    (self.base, self.memory) = (base, memory)
    randomness = .seeded(seed)
    guard let keys = KeyRing(masters: World.masters, randomness: randomness) else { throw Refusal.notFound }
    self.keys = keys
    _ = base.takeAllMail()
    story = LongStory(beginning, in: base, memory: memory, seed: seed)
    harm = [0, 4, 8, 16][Int(seed % 4)]
    for node in 0..<Self.nodeCount { nodes.append(Node(world: try world(of: node, life: 0))) }
    story.world = nodes[0].world
    story.elsewhere = { [unowned self] in nodes[0].world }
  }

  private func world(of node: Int, life: Int) throws -> World {
    try World(
      node: base, database: NodeDatabase(simulation: self, node: node, life: life),
      keys: keys, randomness: randomness,
      clock: WallClock { [unowned self] in base.now - databaseAhead + nodes[node].ahead },
      clockWatch: ClockWatch(
        ahead: { [unowned self] in nodes[node].ahead - nodes[node].normal },
        settle: { [unowned self] in nodes[node].normal = nodes[node].ahead }),
      handedOut: { [unowned self] in handedOut($0) })
  }

  // MARK: the plot

  /// - Throws: `Story.Broken`.
  func tell(_ steps: [Int]) async throws {
    for step in steps where broken == nil { try await take(step) }
    while broken == nil, let next = stage.waiting.first { await resume(next, .go) }
    // Whatever is left must not stay behind.
    for next in stage.waiting { await resume(next, .crash) }
    try judged()
    isCalm = true
    try await heal()
    try judged()
  }

  private func judged() throws { if let broken { throw broken } }

  private func take(_ step: Int) async throws {
    var choices = Choices(seed: story.cast.seed &* 1_000_003 &+ UInt64(step))
    func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &choices) < percent }
    let waiting = stage.waiting
    if waiting.isEmpty || inFlight.count < 6 && chance(20) {
      await begin(step, &choices)
    } else if chance(3) {
      if !waiting.isEmpty { count("time passes over something") }
      var clock = story
      clock.choices = choices
      try await clock.time(clock.promises())
    } else if harm > 0, chance(2) {
      try await crash(Int.random(in: 0..<nodes.count, using: &choices))
    } else if harm > 0, chance(2) {
      try await jump(&choices)
    } else if !inDoubt.isEmpty, chance(10) {
      let late = inDoubt.remove(at: Int.random(in: 0..<inDoubt.count, using: &choices))
      note("what [\(late.turn)] left in doubt reaches the server")
      Self.$turn.withValue(late.turn) { late.commit() }
    } else if let one = choices.one(of: waiting) {
      base.pass(.milliseconds(Int64.random(in: 0..<400, using: &choices)))
      await resume(one, order(for: one, &choices))
    }
  }

  private func order(for one: Stage.Waiting, _ choices: inout Choices) -> Stage.Order {
    // What matters most happens rarely.
    let isCommon = [.none, .work].contains(story.cast.deeds[one.turn]?.kind ?? .none)
    guard Int.random(in: 0..<100, using: &choices) < harm * (isCommon ? 1 : 3) else { return .go }
    return switch one.point {
    case .begin: .fail
    case .commit: choices.one(of: [.fail, .lose, .lose, .doubt, .again]) ?? .go
    case .answer: .go
    }
  }

  private func resume(_ one: Stage.Waiting, _ order: Stage.Order) async {
    if order != .go {
      count("\(order)")
      count("\(order) \(kind(of: one.turn))")
      note("[\(one.turn)] \(one.point): \(order)")
      if let id = inHand[one.turn] { excused[id, default: 0] += 1 }
    }
    mix("\(one.turn) \(one.point) \(order) \(version) \(base.now.milliseconds)")
    await stage.resume(one, order)
  }

  private func kind(of turn: Int) -> String { "\(story.cast.deeds[turn, default: Deed()].kind)" }

  private func crash(_ node: Int) async throws {
    note("node \(node) crashes")
    nodes[node].life += 1
    nodes[node].world = try world(of: node, life: nodes[node].life)
    for one in stage.waiting where one.node == node {
      count(one.point == .answer ? "crash after" : "crash before")
      await resume(one, .crash)
    }
  }

  private func jump(_ choices: inout Choices) async throws {
    let distance = choices.one(of: [
      Duration.minutes(4), .minutes(-4), .minutes(20), .hours(-2), .days(-1), .days(8), .days(31),
    ])
    let node = Int.random(in: 0...nodes.count, using: &choices)
    guard let distance else { return }
    guard node < nodes.count else {
      count("database jumps")
      note("the database's clock jumps by \(distance)")
      farthest = max(farthest, base.now)
      databaseAhead += distance
      clockChanges += 1
      return base.pass(distance)
    }
    guard Bool.random(using: &choices) else { return try setClocks() }
    count("node jumps")
    note("the clock of node \(node) jumps by \(distance)")
    nodes[node].ahead += distance
  }

  /// An operator looks at the clocks, and lets completions go on.
  private func setClocks() throws {
    farthest = max(farthest, base.now)
    clockChanges += 1
    note("an operator sets the clocks")
    base.pass(.zero - databaseAhead)
    databaseAhead = .zero
    for node in nodes.indices { (nodes[node].ahead, nodes[node].normal) = (.zero, .zero) }
    var state = memory.state
    try state.transact(at: base.now) { try $0.setFact(.completionsStoppedAt, to: nil) }
    memory.state = state
  }

  // MARK: turns

  private func begin(_ step: Int, _ choices: inout Choices) async {
    inFlight.insert(step)
    var turn = story
    turn.turn = step
    turn.world = nodes[Int.random(in: 0..<nodes.count, using: &choices)].world
    turn.elsewhere = { [unowned self] in nodes[(step + version) % nodes.count].world }
    switch Int.random(in: 0..<12, using: &choices) {
    case 0, 1, 2: turn.thread = ("maria", .home)
    case 3, 4, 5: turn.thread = ("maria", .recovery)
    case 6: turn.thread = ("maria", .link)
    case 7: turn.thread = ("the thief", .home)
    case 8: turn.thread = ("the thief", .recovery)
    case 9: turn.thread = ("the thief", .link)
    default: turn.thread = nil
    }
    turn.choices = choices
    await stage.start { [turn] in
      await Self.$turn.withValue(step) { await self.live(turn) }
    }
  }

  private func live(_ turn: LongStory) async {
    var turn = turn
    do {
      if turn.thread == nil {
        turn.deed = Deed(kind: .work)
        try await turn.work(turn.promises())
      }
      for _ in 0..<8 {
        guard let (name, what) = turn.thread, broken == nil else { break }
        turn.deed = Deed()
        try await turn.act(name, what, turn.promises())
        count("\(turn.deed.kind)")
      }
    } catch let problem as Story.Broken {
      broken = broken ?? problem
    } catch {
      note("[\(turn.turn)] no answer: \(error)")
    }
    inFlight.remove(turn.turn)
    inHand[turn.turn] = nil
  }

  // MARK: for the nodes

  func isLiving(_ node: Int, _ life: Int) -> Bool { nodes[node].life == life }

  func wait(on node: Int, at point: Stage.Point) async -> Stage.Order {
    isCalm ? .go : await stage.wait(turn: Self.turn, node: node, at: point)
  }

  func attempt<Answer>(_ body: (any Transaction) throws -> Answer) -> Attempt<Answer> {
    let before = memory.state
    let now = base.now
    var after = before
    let answer = Result { try after.transact(at: now, body) }
    return Attempt(before: before, after: after, version: version, now: now, answer: answer)
  }

  func commit<Answer>(_ attempt: Attempt<Answer>) {
    commit(attempt, story.cast.deeds[Self.turn, default: Deed()])
  }

  /// Not written, as far as anybody knows; but what is under way may still arrive.
  func leaveInDoubt<Answer: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> Answer) {
    let deed = story.cast.deeds[Self.turn, default: Deed()]
    inDoubt.append(
      (
        Self.turn,
        { [unowned self] in
          let attempt = attempt(body)
          guard attempt.isDone else { return }
          count("late commit")
          commit(attempt, deed)
        }
      ))
  }

  private func commit<Answer>(_ attempt: Attempt<Answer>, _ deed: Deed) {
    memory.state = attempt.after
    version += 1
    do {
      try judge(attempt, deed)
    } catch let problem as Story.Broken {
      broken = broken ?? problem
    } catch {
      broken = broken ?? story.broken("the judge cannot see: \(error)")
    }
  }

  // MARK: judging

  private func judge<Answer>(_ attempt: Attempt<Answer>, _ doing: Deed) throws {
    let cast = story.cast
    let turn = Self.turn
    let before = try story.promises(in: attempt.before, at: attempt.now)
    let after = try story.promises(in: attempt.after, at: attempt.now)
    let letters = cast.letters.count
    if let mail = (try? attempt.answer.get()) as? [OutboxMessage] {
      leasedAt[turn] = (attempt.now, clockChanges)
      // Somebody holds it for longer than it was given to them.
      for id in mail.map(\.id) { excused[id, default: 0] += inHand.values.count { $0 == id } }
      note("[\(turn)] takes up mail")
    }
    story.readMail([], in: attempt.after)
    var deed = doing
    deed.end = (try? attempt.answer.get()) as? RecoveryEnd
    if let journey = deed.journey {
      deed.shown = journey.shown.filter { attempt.now < $0.value + .minutes(20) }.map(\.key)
      deed.outcome = before.outcome(of: deed.shown)
    }
    noteSessions(deed, before, after)
    for (id, code) in attempt.before.codes where code.endedAt != nil {
      guard let now = attempt.after.codes[id], now.endedAt == code.endedAt, now.ending == code.ending else {
        throw story.broken("a dead code lives again (C3, C9)")
      }
    }
    if let session = deed.session, !before.sessions.contains(where: { $0.id == session.id }),
      before.account.version != after.account.version || before.account.frozen != after.account.frozen
        || before.hold?.state == .running && after.hold?.state != .running && deed.kind == .stop
    {
      throw story.broken("a session that had ended changed something (S7)")
    }
    let holds = (attempt.before.allHolds, attempt.after.allHolds)
    try story.judge(deed, before, after, holds: holds)
    try judgeHolds(holds.0, holds.1, before, after)
    if let end = deed.end {
      if cast.deeds[turn]?.journey?.token == deed.journey?.token { cast.deeds[turn]?.end = end }
      if case .recovered = end, inFlight.contains(where: { $0 != turn && kind(of: $0) == "finish" }) {
        count("raced")
      }
      note("[\(turn)] is written: \(end)".prefix(40).description)
    }
    guard before.account.version != after.account.version else { return }
    cast.deeds[turn]?.hasChanged = true
    let told = before.contacts.count(where: \.isConfirmed)
    guard letters + told <= cast.letters.count else {
      throw story.broken("not everybody heard of a change (D4)")
    }
  }

  private func judgeHolds(_ old: [Hold], _ new: [Hold], _ before: Promises, _ after: Promises) throws {
    guard new.count(where: { $0.endedAt == nil }) <= 1 else { throw story.broken("two holds are open") }
    let elapsed = base.now - databaseAhead - Timestamp(milliseconds: 0)
    let confirmed = after.contacts.filter(\.isConfirmed).map(\.address)
    for hold in new {
      let was = old.first { $0.id == hold.id }?.state
      guard was != hold.state else { continue }
      note("the hold is \(hold.state)")
      count("hold \(hold.state)")
      // A clock that was behind when it began is believed: its end is what was told.
      if was == nil {
        startedAt[hold.id] =
          hold.startedAt - databaseAhead - Timestamp(milliseconds: 0) + min(databaseAhead, .zero)
      }
      guard hold.state != .running || was != nil else { continue }
      let news = hold.state == .running ? "resumed" : "\(hold.state)"
      guard Set(confirmed).isSubset(of: story.announced[hold.id]?[news] ?? []) else {
        throw story.broken("not everybody heard that the hold is \(news) (H6)")
      }
      guard hold.state == .completed, let start = startedAt[hold.id] else { continue }
      guard elapsed - start >= hold.endsAt - hold.startedAt - Self.leniency else {
        throw story.broken("a hold completed early, by a clock that jumped (T16)")
      }
    }
  }

  private func noteSessions(_ deed: Deed, _ before: Promises, _ after: Promises) {
    for session in after.sessions where session.restriction == nil {
      let old = before.sessions.first { $0.id == session.id }
      guard old?.provedAt != session.provedAt || old?.restriction != nil else { continue }
      let shown = deed.kind == .settle || deed.shown.isEmpty ? session.proofs : deed.shown
      if deed.kind == .settle || after.mayChange(shown) {
        story.provedAt[session.id] = (shown, after.now)
      }
    }
  }

  /// A message that is out is told again only when nobody could note that it was, while that takes too long, or when the
  /// clock that its lease was by was set.
  private func handedOut(_ id: String) {
    deliveries[id, default: 0] += 1
    let isLate =
      leasedAt[Self.turn].map { $0.time + .minutes(2) <= base.now || $0.clockChanges < clockChanges } ?? true
    if isLate { excused[id, default: 0] += 1 }
    inHand[Self.turn] = id
    note("[\(Self.turn)] hands out \(id.prefix(6))")
    if deliveries[id, default: 0] > 1 { count("told twice") }
    if deliveries[id, default: 0] > 1 + excused[id, default: 0] {
      broken = broken ?? story.broken("a message was delivered twice without a cause")
    }
  }

  // MARK: the end

  /// The faults are over: whoever should be able to get in can, and everybody has heard everything.
  private func heal() async throws {
    let cast = story.cast
    note("the faults are over")
    try setClocks()
    inDoubt = []
    for node in nodes.indices { try await crash(node) }
    let node = nodes[0].world
    cast.deeds[0] = Deed(kind: .work)
    // What was written while a clock was ahead is due when the right time has come there.
    base.set(max(base.now, farthest) + .hours(2))
    _ = try await node.mail()
    _ = try await node.site.holds.workOffDue()
    if let hold = try story.promises().hold {
      base.set(max(base.now, hold.endsAt + .minutes(1)))
      _ = try await node.mail()
      _ = try await node.site.holds.workOffDue()
      let now = try story.promises()
      guard now.hold?.state != .running || now.account.frozen != nil else {
        throw story.broken("a hold does not end although it is due (H11)")
      }
    }
    base.pass(.minutes(90))
    _ = try await node.mail()
    try judged()
    for id in cast.letters where deliveries[id] == nil { throw story.broken("a notice was lost: \(id) (H6)") }
    let signIn = node.site.signIn
    do {
      _ = try await signIn.enterPassword(
        cast.password,
        journey: signIn.start(
          username: LongStory.account, binding: .api, source: Source(address: "192.0.2.1")), binding: .api,
        source: node.source)
    } catch { throw story.broken("the password does not open the account: \(error) (Q4)") }
    let live = try story.promises().code?.id
    for (id, code) in cast.codes.sorted(by: { $0.key.text < $1.key.text }) {
      let opens = (try? await node.provedJourney(LongStory.account, code: code)) != nil
      guard opens == (id == live) else {
        throw story.broken(opens ? "a dead code lives (C3)" : "the live code does not work (Q4)")
      }
    }
  }

  // MARK: notes

  func count(_ what: String) { story.cast.counts[what, default: 0] += 1 }

  private func note(_ event: String) { story.cast.events.append(event) }

  private func mix(_ text: String) {
    for byte in text.utf8 { trace = (trace ^ UInt64(byte)) &* 0x100_0000_01B3 }
  }
}

extension Randomness {
  static func seeded(_ seed: UInt64) -> Randomness {
    let choices = NIOLockedValueBox(Choices(seed: seed))
    return Randomness { count in
      choices.withLockedValue { choices in (0..<count).map { _ in UInt8(truncatingIfNeeded: choices.next()) }
      }
    }
  }
}
