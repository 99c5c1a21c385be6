import MemoryStore
import RecoveryCode
import SparekeyCore

@testable import sparekey

/// What one person knows and holds.
struct Knowledge: Sendable {
  var passwords: [String] = []
  var apps: [TestApp] = []
  var passkeys: [TestPasskey] = []
  var mailboxes: Set<String> = []
  var codes: [RecoveryCode] = []
  var sessions: [Secret] = []
  var tickets: [String] = []
  var journeys: [Journey] = []

  /// A recovery in somebody's hands.
  struct Journey: Sendable {
    var token: String
    let startedAt: Timestamp
    let version: VersionID
    var shown: [Proof: Timestamp] = [:]
    /// Shown with any of its tokens.
    var everShown: Set<Proof> = []
    var isEnded = false
    /// Refused for good: its holder begins another.
    var isGivenUp = false
  }
}

/// Where stories begin: an account with a past, and what its owner has.
struct Beginning: Sendable {
  let name: String
  let state: MemoryState
  let now: Timestamp
  var owner: Knowledge
  /// What a thief left behind before the story begins.
  var thief = Knowledge()
  let password: String
  let codes: [CodeID: RecoveryCode]
  /// Contacts that were removed, and when.
  var removed: [String: Timestamp] = [:]
}

/// The people of a story and all that became of them, shared by everything that happens at once. Only one of those
/// moves at a time; the rest wait for the database.
final class Cast: @unchecked Sendable {
  let seed: UInt64
  var events: [String]
  var people: [String: Knowledge] = [:]
  /// The password that opens the account now.
  var password: String
  /// Passwords that wait in holds.
  var parked: [HoldID: String] = [:]
  var codes: [CodeID: RecoveryCode]
  /// When each session was full and fresh, as far as the promises say.
  var provedAt: [SessionID: (shown: [Proof], at: Timestamp)] = [:]
  var removed: [String: Timestamp]
  var seenMail: Set<String> = []
  /// What was written to somebody.
  var letters: Set<String> = []
  /// Who heard what of which hold.
  var announced: [HoldID: [String: Set<String>]] = [:]
  var links: [(address: String, token: String, contact: Proof, hold: HoldID)] = []
  var counts: [String: Int] = [:]
  /// What is being done, by turn.
  var deeds: [Int: Deed] = [:]

  init(_ beginning: Beginning, seed: UInt64) {
    self.seed = seed
    events = ["at the beginning: \(beginning.name)"]
    password = beginning.password
    codes = beginning.codes
    removed = beginning.removed
  }
}

/// Months in the life of one account: an owner and a thief, the clock, the workers. After every event what the database
/// holds is compared with what it held before: each difference needs a reason among the promises.
///
/// Every event draws from its own seed, so that leaving one out leaves the others as they are.
@dynamicMemberLookup
struct LongStory {
  /// The node that is asked.
  var world: World
  let memory: MemoryDatabase
  let cast: Cast
  var choices: Choices
  /// Whose deed this is, where several happen at once.
  var turn = 0
  /// Where another node is, for those who get no answer; nil while there is one node, which always answers.
  var elsewhere: (@Sendable () -> World)?
  /// What somebody is about.
  var thread: (name: String, what: Thread)?

  enum Thread { case home, recovery, link }

  static let account = "maria"

  init(_ beginning: Beginning, in world: World, memory: MemoryDatabase, seed: UInt64) {
    self.world = world
    self.memory = memory
    memory.state = beginning.state
    world.set(beginning.now)
    choices = Choices(seed: seed)
    cast = Cast(beginning, seed: seed)
    // What the thief came by.
    var thief = beginning.thief
    func steals() -> Bool { Int.random(in: 0..<3, using: &choices) == 0 }
    if steals() { thief.passwords += beginning.owner.passwords }
    if steals() { thief.codes += beginning.owner.codes }
    if steals() { thief.apps += beginning.owner.apps }
    if steals(), let one = choices.one(of: beginning.owner.mailboxes.sorted()) { thief.mailboxes.insert(one) }
    cast.people = ["maria": beginning.owner, "the thief": thief]
  }

  subscript<Value>(dynamicMember path: ReferenceWritableKeyPath<Cast, Value>) -> Value {
    get { cast[keyPath: path] }
    nonmutating _modify { yield &cast[keyPath: path] }
  }

  /// Nothing else happens while something is done.
  var isAlone: Bool { elsewhere == nil }

  var deed: Deed {
    get { cast.deeds[turn, default: Deed()] }
    nonmutating set { cast.deeds[turn] = newValue }
  }

  /// Lives through one event. - Throws: `Story.Broken`.
  mutating func event(_ number: Int) async throws {
    choices = Choices(seed: cast.seed &* 1_000_003 &+ UInt64(number))
    let before = try promises()
    let allHolds = memory.state.allHolds
    deed = Deed()
    if let thread, Int.random(in: 0..<10, using: &choices) < 8 {
      // People finish what they begin, mostly.
      try await act(thread.name, thread.what, before)
    } else {
      switch Int.random(in: 0..<10, using: &choices) {
      case 0..<3: try await time(before)
      case 3, 4: try await work(before)
      case 5..<8: try await begin("maria", before)
      default: try await begin("the thief", before)
      }
    }
    cast.counts["\(deed.kind)", default: 0] += 1
    let after = try promises()
    readMail(world.takeAllMail(), in: memory.state)
    try judge(deed, before, after, holds: (allHolds, memory.state.allHolds))
    try judgeRefusal(deed, before, after)
    try judgeMilestones(deed, after)
  }

  func broken(_ promise: String) -> Story.Broken {
    Story.Broken(seed: cast.seed, events: cast.events, promise: promise)
  }

  func note(_ event: String) { cast.events.append(elsewhere == nil ? event : "[\(turn)] \(event)") }

  /// Mostly the newest.
  mutating func draw<Element>(_ elements: [Element]) -> Element? {
    Int.random(in: 0..<10, using: &choices) < 6 ? elements.last : choices.one(of: elements)
  }

  func promises() throws -> Promises { try promises(in: memory.state, at: world.now) }

  func promises(in state: MemoryState, at now: Timestamp) throws -> Promises {
    var state = state
    return try state.transact(at: now) { [ports = world.ports] transaction in
      guard let account = try transaction.account(canonicalName: Self.account) else { throw Refusal.notFound }
      return Promises(
        account: account, contacts: try ports.contacts(of: account.id, in: transaction),
        apps: try transaction.authenticatorApps(of: account.id),
        passkeys: try transaction.passkeys(of: account.id), code: try transaction.liveCode(of: account.id),
        hold: try transaction.openHold(of: account.id), sessions: try transaction.sessions(of: account.id),
        now: now)
    }
  }
}

/// What someone did, and what they had proved when they did it.
struct Deed {
  enum Kind {
    /// Nothing that could change anything: time, looking, being refused on the way.
    case none
    case work
    /// Something done in a session that its holder took for a fresh one.
    case change
    case stop, disown, thaw, settle
    /// The last step of a recovery.
    case finish
    case pause, resume
    case signIn
  }

  var kind = Kind.none
  var shown: [Proof] = []
  var session: Session?
  var journey: Knowledge.Journey?
  var ticket: String?
  var password: String?
  var contact: Proof?
  var event: SecurityEvent?
  var outcome: RecoveryPolicy.Outcome?
  /// The person went on to the password form by themselves; otherwise another page may be due.
  var accepted = false
  var end: RecoveryEnd?
  var refusal: Refusal?
  /// When the session was found fresh; what it does may be written later.
  var checkedAt: Timestamp?
  /// Something of the account's security was written.
  var hasChanged = false
}
