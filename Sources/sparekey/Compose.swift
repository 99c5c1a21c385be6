import FoundationEssentials
import Glibc
import Hummingbird
import Logging
import NIOConcurrencyHelpers
import NIOCore
import ServiceLifecycle
import SparekeyCore
import SparekeyServices
import SparekeyStore
import SparekeyWeb

/// All wiring: the only place that knows every module.
struct Composition: Sendable {
  let settings: Settings
  let ports: Ports
  let site: Site
  let hashing: Argon2Pool
  private let keyFile: KeyFileWatch
  fileprivate let delivery: Delivery
  private let logger: Logger

  /// - Throws: problems of settings, key file or database, in words for the operator.
  static func make(_ settings: Settings, clock: WallClock = .system) throws -> Composition {
    let logger = Self.logger(settings)
    try Folder.make(settings.dataFolder)
    let (database, keys) = try Self.open(settings, clock: clock)
    let keyFile = KeyFileWatch(settings.keyFile, for: keys) { logger.error("\($0)") }
    keys.onMissing { keyFile.look() }
    let hashing = Argon2Pool(
      threads: settings.hashThreads, queue: settings.hashQueue, costs: settings.hashCosts)
    let lists = try PasswordLists(resources: serviceResources)
    let siteSettings = try settings.site()
    let ports = Ports(
      database: database, hashing: hashing, keys: keys, randomness: .system, clock: clock,
      passwordRules: PasswordRules(breached: lists.breached, serviceName: siteSettings.serviceName),
      passkeys: PasskeyCeremony(
        relyingParty: siteSettings.relyingParty, signatures: Fido2Signatures()),
      signing: TokenSigner(), clockWatch: .machine(clock),
      options: settings.serviceOptions)
    let passphrases = PassphraseSuggestion(words: lists.words)
    let site = Site(
      ports: ports, renderer: try Renderer(resources: webResources, serviceName: siteSettings.serviceName),
      settings: siteSettings,
      drawQRCode: { text, _ in try QRCode.svg(of: text) },
      suggestPassphrase: { passphrases.make(.system) }, logger: logger)
    return Composition(
      settings: settings, ports: ports, site: site, hashing: hashing, keyFile: keyFile,
      delivery: try Delivery(settings, texts: site.texts, site: siteSettings, logger: logger), logger: logger)
  }

  /// The database with its key file; a new one may have a new key file.
  private static func open(_ settings: Settings, clock: WallClock) throws -> (any Database, KeyRing) {
    let keyFile = settings.keyFile
    switch try settings.database() {
    case .sqlite(let path):
      try SQLiteDatabase.checkPlace(path)
      let keys = try KeyFile.open(keyFile, mayMake: !FileManager.default.fileExists(atPath: path))
      return (try SQLiteDatabase(path: path, clock: clock), keys)
    case .postgresql(let address):
      let database = try PostgreSQLDatabase(address, connections: settings.databaseConnections)
      let keys = try KeyFile.open(keyFile, mayMake: database.isNew)
      try database.prepare(keys: keys.fingerprint)
      return (database, keys)
    }
  }

  private static func logger(_ settings: Settings) -> Logger {
    var logger = Logger(label: "sparekey") { StreamLogHandler.standardError(label: $0) }
    logger.logLevel = Logger.Level(rawValue: settings[.logLevel].text) ?? .info
    return logger
  }

  /// Serves until told to stop, then finishes what is in flight.
  /// - Parameter ready: called once the port is open.
  func run(ready: @escaping @Sendable (Int) async throws -> Void) async throws {
    var application = Application(
      router: site.router(),
      server: site.server(),
      configuration: .init(address: .hostname(settings.host, port: settings.port), serverName: nil),
      onServerRunning: { channel in try? await ready(channel.localAddress?.port ?? settings.port) },
      logger: logger)
    for lane in 1...Delivery.lanes {
      application.addServices(
        Worker(name: "outbox \(lane)", every: .seconds(1), logger: logger) { try await deliverNotices() })
    }
    // One that hangs does not keep the others waiting for long.
    for lane in 1...2 {
      application.addServices(
        Worker(name: "logout \(lane)", every: .seconds(1), logger: logger) { try await tellApps() })
    }
    application.addServices(
      Worker(name: "holds", every: .seconds(1), logger: logger) { _ = try await site.holds.workOffDue() })
    application.addServices(
      Worker(name: "key file", every: .seconds(1), logger: logger) { keyFile.look() })
    application.addServices(
      Worker(name: "audit", every: .seconds(5), logger: logger) { _ = try await site.auditTrail.chain() })
    application.addServices(
      Worker(name: "housekeeping", every: .minutes(10), logger: logger) {
        try await ports.forgetWhatIsOver()
        try await site.clients.turnKeys()
      })
    do {
      try await application.runService()
    } catch let error as IOError {
      throw Settings.Problem(
        description:
          "\(settings.host), port \(settings.port), cannot be listened on: \(String(cString: strerror(error.errnoCode)))."
      )
    }
    hashing.close()
    // One file is left, without a log beside it.
    await (ports.database as? SQLiteDatabase)?.disconnect()
  }

  /// Delivers what is due, one message after the other. Several may run at a time.
  func deliverNotices() async throws {
    while !Task.isCancelled,
      try await ports.deliverOutbox(upTo: 1, with: delivery.deliver, failed: delivery.report) > 0
    {}
  }
}

extension Composition {
  /// Tells apps of those who signed out.
  fileprivate func tellApps() async throws {
    while !Task.isCancelled,
      try await site.appLogout.tellNext(delivery.deliver(logoutToken:to:), failed: delivery.report)
    {}
  }
}

extension WallClock {
  /// The machine's clock.
  static let system = WallClock {
    Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
  }
}

extension ClockWatch {
  /// Compares the wall clock with the time since boot, which nobody sets; time asleep counts on both.
  static func machine(_ clock: WallClock) -> ClockWatch {
    let offset: @Sendable () -> Duration = {
      var boot = timespec()
      clock_gettime(CLOCK_BOOTTIME, &boot)
      let sinceBoot = Int64(boot.tv_sec) * 1_000 + Int64(boot.tv_nsec) / 1_000_000
      return .milliseconds(clock.now().milliseconds - sinceBoot)
    }
    let normal = NIOLockedValueBox(offset())
    return ClockWatch(
      ahead: { offset() - normal.withLockedValue { $0 } },
      settle: { normal.withLockedValue { $0 = offset() } })
  }
}

/// Something done again and again beside the requests. A failure is logged and tried again at the next turn.
private struct Worker: Service {
  let name: String
  let every: Duration
  let logger: Logger
  let work: @Sendable () async throws -> Void

  func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        do {
          try await work()
        } catch is CancellationError {
          return
        } catch {
          let reason = (error as? any OperatorFault)?.description ?? "\(type(of: error))"
          logger.error("worker failed", metadata: ["worker": "\(name)", "reason": "\(reason)"])
        }
        try? await Task.sleep(for: every)
      }
    }
  }
}
