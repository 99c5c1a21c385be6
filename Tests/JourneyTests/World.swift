import Crypto
import Foundation
import Logging
import MemoryStore
import NIOConcurrencyHelpers
import PostgreSQLServer
import RecoveryCode
import SparekeyCore
import SparekeyServices
import SparekeyStore
import SparekeyWeb

@testable import sparekey

/// A whole service in this process: a real SQLite file, real hashing at low cost, a clock that is moved by hand.
/// With `JOURNEYS_ON=postgresql` in the environment it is a real PostgreSQL in place of the file.
final class World: Sendable {
  static let isOnPostgreSQL = ProcessInfo.processInfo.environment["JOURNEYS_ON"] == "postgresql"

  let folder: URL
  let ports: Ports
  let site: Site
  let tap: StatementTap
  let hashes: CountingHasher
  /// Where everything is, for worlds without a disk.
  let memory: MemoryDatabase?
  /// The file, or the URL.
  private let place: String
  private let time: NIOLockedValueBox<Timestamp>
  fileprivate let received: NIOLockedValueBox<[Notice]>
  /// Hears the id of each message that is handed out.
  private let handedOut: @Sendable (String) -> Void

  /// Read once for all worlds.
  private static let lists = Result { try PasswordLists(resources: serviceResources) }
  private static let renderer = Result { try Renderer(resources: webResources, serviceName: "Sparekey") }

  /// The keys of worlds without a disk.
  static let masters = [KeyRing.Master(id: 1, secret: Secret("one key"))]
  static let password = "seven grey cats on a wall"
  let source = Source(address: "192.0.2.1", agent: "Firefox · Linux")

  /// - Parameter inMemory: without a disk and with the cheapest hashing, for many thousands of stories.
  convenience init(
    limits: Bool = true, options: ServiceOptions? = nil, inMemory: Bool = false,
    randomness: Randomness = .system, clockWatch: ClockWatch = .trusting
  ) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "sparekey-\(UUID())")
    let tap = StatementTap()
    let time = NIOLockedValueBox(Timestamp(milliseconds: 1_800_000_000_000))
    let clock = WallClock { time.withLockedValue { $0 } }
    let database: any Database
    let keys: KeyRing?
    var memory: MemoryDatabase?
    var place = ""
    if inMemory {
      let tables = MemoryDatabase(clock: clock)
      (memory, database) = (tables, tables)
      keys = KeyRing(masters: Self.masters, randomness: randomness)
    } else {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      place =
        Self.isOnPostgreSQL
        ? try PostgreSQLServer.shared.get().newDatabase() : folder.appending(path: "test.sqlite").path
      database = try Self.open(place, clock: clock) { tap.wrap($0) }
      keys = try KeyFile.open(folder.appending(path: "keys").path)
    }
    guard let keys else { throw CocoaError(.fileReadUnknown) }
    try self.init(
      folder: folder, place: place, memory: memory, database: database, keys: keys, randomness: randomness,
      time: time, clock: clock, clockWatch: clockWatch, tap: tap,
      options: options ?? ServiceOptions(limitsEnforced: limits))
  }

  /// A node of this service, with a way of its own to the database, and a clock of its own.
  convenience init(
    node of: World, database: any Database, keys: KeyRing, randomness: Randomness, clock: WallClock,
    clockWatch: ClockWatch, handedOut: @escaping @Sendable (String) -> Void
  ) throws {
    try self.init(
      folder: of.folder, place: of.place, memory: of.memory, database: database, keys: keys,
      randomness: randomness, time: of.time, clock: clock, clockWatch: clockWatch, tap: of.tap,
      options: of.ports.options, hashes: of.hashes, received: of.received, handedOut: handedOut)
  }

  private init(
    folder: URL, place: String, memory: MemoryDatabase?, database: any Database, keys: KeyRing,
    randomness: Randomness, time: NIOLockedValueBox<Timestamp>, clock: WallClock, clockWatch: ClockWatch,
    tap: StatementTap, options: ServiceOptions, hashes: CountingHasher = CountingHasher(),
    received: NIOLockedValueBox<[Notice]> = NIOLockedValueBox([]),
    handedOut: @escaping @Sendable (String) -> Void = { _ in }
  ) throws {
    self.folder = folder
    self.place = place
    self.memory = memory
    self.time = time
    self.tap = tap
    self.received = received
    self.handedOut = handedOut
    self.hashes = hashes
    let lists = try Self.lists.get()
    ports = Ports(
      database: database, hashing: memory == nil ? hashes : DigestHashing(), keys: keys,
      randomness: randomness, clock: clock,
      passwordRules: PasswordRules(breached: lists.breached, serviceName: "Sparekey"),
      passkeys: PasskeyCeremony(
        relyingParty: RelyingParty(id: "localhost", origin: "http://localhost:8080", name: "Sparekey"),
        signatures: Fido2Signatures()),
      signing: TokenSigner(), clockWatch: clockWatch, options: options)
    guard let publicURL = PublicURL("http://localhost:8080") else { throw CocoaError(.fileReadUnknown) }
    let passphrases = PassphraseSuggestion(words: lists.words)
    site = Site(
      ports: ports, renderer: try Self.renderer.get(),
      settings: SiteSettings(publicURL: publicURL, serviceName: "Sparekey"),
      drawQRCode: { text, _ in try QRCode.svg(of: text) }, suggestPassphrase: { passphrases.make(.system) },
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
  }

  private static func open(
    _ place: String, clock: WallClock,
    wrap: @escaping @Sendable (any SQLConnection) -> any SQLConnection = { $0 }
  ) throws -> any Database {
    if isOnPostgreSQL {
      return try PostgreSQLServer.shared.get().open(place, clock: clock, wrap: wrap)
    }
    return try SQLiteDatabase(path: place, clock: clock, wrap: wrap)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  var now: Timestamp { time.withLockedValue { $0 } }

  func pass(_ duration: Duration) { time.withLockedValue { $0 = $0 + duration } }

  /// Back to where a story begins.
  func set(_ now: Timestamp) { time.withLockedValue { $0 = now } }

  /// A second program over the same file.
  func secondNode() throws -> Ports {
    Ports(
      database: try Self.open(place, clock: ports.clock),
      hashing: hashes, keys: ports.keys, randomness: .system, clock: ports.clock,
      passwordRules: ports.passwordRules, passkeys: ports.passkeys, signing: ports.signing,
      options: ports.options)
  }

  // MARK: people

  /// Signs up, with a confirmed email unless it is nil.
  func person(_ name: String = "maria", email: String? = "maria@example.org") async throws -> StartedSession {
    let started = try await site.signUp.create(
      username: name, password: Self.password, email: email, source: source)
    if email != nil {
      let signedIn = try await site.sessions.signedIn(by: started.token)
      let contact = try await site.securityInfo.overview(for: signedIn).proofs.contacts[0].id
      guard let code = try await mail().compactMap(\.code).last else { throw CocoaError(.fileReadUnknown) }
      try await site.securityInfo.confirmContact(contact, code: code, by: signedIn, source: source)
    }
    return started
  }

  func signedIn(_ started: StartedSession) async throws -> SignedIn {
    try await site.sessions.signedIn(by: started.token)
  }

  func makeCode(_ started: StartedSession) async throws -> ShownCode {
    let steppedUp = try await signedIn(started).steppedUp(at: now)
    return try await site.recoveryCodes.generate(
      form: site.recoveryCodes.form(for: steppedUp.signedIn, binding: .api), binding: .api, by: steppedUp,
      source: source)
  }

  func signIn(_ name: String = "maria", _ password: String = password, source: Source? = nil) async throws
    -> StartedSession
  {
    let progress = try await site.signIn.enterPassword(
      password,
      journey: site.signIn.start(username: name, binding: .api, source: Source(address: "192.0.2.1")),
      binding: .api,
      source: source ?? self.source)
    guard case .signedIn(let started) = progress else { throw Refusal.outOfStep }
    return started
  }

  /// A journey that has come to the password form by this code.
  func provedJourney(_ name: String = "maria", code: RecoveryCode) async throws -> String {
    let start = try await site.recovery.start(username: name, withCode: true, binding: .api)
    return try await site.recovery.enterRecoveryCode(
      start.journey, code: code.formatted.lowercased(), binding: .api, source: source
    ).journey
  }

  func recover(_ journey: String, to password: String) async throws -> ShownCode {
    let end = try await site.recovery.finish(
      journey, wanted: Recovery.Wanted(password: password), binding: .api, source: source)
    guard case .recovered(let code, _) = end else { throw Refusal.outOfStep }
    return code
  }

  /// Takes what is in the outbox.
  func mail() async throws -> [Notice] {
    let taken = NIOLockedValueBox<[Notice]>([])
    // Whatever is due may be handed out in any order.
    func new() -> [Notice] { taken.withLockedValue { $0 }.sorted { $0.at < $1.at } }
    // What is handed out is out, also when something fails then.
    defer { received.withLockedValue { $0 += new() } }
    while try await ports.deliverOutbox(with: { [handedOut] notice, id in
      handedOut(id)
      taken.withLockedValue { $0.append(notice) }
    }) > 0 {}
    return new()
  }
}

extension World {
  /// Everything that was ever delivered, oldest first.
  var allMail: [Notice] { received.withLockedValue { $0 } }

  /// The same, forgetting it.
  func takeAllMail() -> [Notice] {
    received.withLockedValue { all in
      defer { all = [] }
      return all
    }
  }
}

extension Notice {
  var code: String? {
    switch kind {
    case .confirmEmail(let code), .issuedCode(let code): code
    default: nil
    }
  }
}

/// Real Argon2id at the lowest cost, counting.
final class CountingHasher: SecretHashing {
  let costs = HashCosts.cheap
  private let pool = Argon2Pool(threads: 2, queue: 1_000, costs: .cheap)
  private let counted = NIOLockedValueBox(0)

  var count: Int { counted.withLockedValue { $0 } }

  func checkRoom(for source: Source, toBegin: Bool) throws(Refusal) {
    try pool.checkRoom(for: source, toBegin: toBegin)
  }

  func hash(_ secret: Secret, salt: [UInt8], cost: HashCost, for source: Source) async throws -> [UInt8] {
    counted.withLockedValue { $0 += 1 }
    return try await pool.hash(secret, salt: salt, cost: cost, for: source)
  }

  func matches(_ secret: Secret, _ hash: ForeignHash, for source: Source) async throws -> Bool {
    counted.withLockedValue { $0 += 1 }
    return try await pool.matches(secret, hash, for: source)
  }
}

/// Stands between the statements and the engine: counts them, and calls back before and after each.
final class StatementTap: Sendable {
  private struct State {
    var count = 0
    var visit: (@Sendable (Int) throws -> Void)?
  }
  private let state = NIOLockedValueBox(State())

  var count: Int { state.withLockedValue { $0.count } }

  /// Calls `visit` with 0, 1, 2 … before and after every statement from now on; nil stops.
  func visit(_ visit: (@Sendable (Int) throws -> Void)?) {
    state.withLockedValue { $0 = State(count: 0, visit: visit) }
  }

  func wrap(_ connection: any SQLConnection) -> any SQLConnection {
    Tapped(tap: self, connection: connection)
  }

  private func step() throws {
    let (number, visit) = state.withLockedValue { state in
      defer { state.count += 1 }
      return (state.count, state.visit)
    }
    try visit?(number)
  }

  private struct Tapped: SQLConnection {
    let tap: StatementTap
    let connection: any SQLConnection

    func query(_ sql: StaticString, _ values: [SQLValue]) throws -> [SQLRow] {
      try tap.step()
      let rows = try connection.query(sql, values)
      try tap.step()
      return rows
    }

    func execute(_ sql: StaticString, _ values: [SQLValue]) throws -> Int {
      try tap.step()
      let changed = try connection.execute(sql, values)
      try tap.step()
      return changed
    }
  }
}

/// A digest in place of Argon2id: for stories that prove something else than the cost.
struct DigestHashing: SecretHashing {
  let costs = HashCosts.cheap

  func checkRoom(for source: Source, toBegin: Bool) {}

  func hash(_ secret: Secret, salt: [UInt8], cost: HashCost, for source: Source) async throws -> [UInt8] {
    var hash = SHA256()
    hash.update(data: salt)
    secret.withBytes { hash.update(bufferPointer: $0) }
    return Array(hash.finalize())
  }

  /// Stories in memory have no accounts of other systems.
  func matches(_ secret: Secret, _ hash: ForeignHash, for source: Source) async throws -> Bool { false }
}
