import FoundationEssentials
import Glibc
import SparekeyCore
import SparekeyServices
import SparekeyStore
import SparekeyWeb

/// Every setting of the program, in one table: flag `--public-url`, environment `SPAREKEY_PUBLIC_URL`, file key
/// `public-url`; the first of flag, environment, file, default wins (O1).
struct Settings: Sendable {
  enum Name: String, CaseIterable, Sendable {
    case data, host, port, database
    case databasePasswordFile = "database-password-file"
    case databaseConnections = "database-connections"
    case publicURL = "public-url"
    case serviceName = "service-name"
    case signUp = "sign-up"
    case trustedProxies = "trusted-proxies"
    case operatorContact = "operator-contact"
    case mailFrom = "mail-from"
    case holdPeriod = "hold-period"
    case recoveryPolicy = "recovery-policy"
    case allowUnsafe = "allow-unsafe"
    case smtp
    case smtpPasswordFile = "smtp-password-file"
    case smtpTLS = "smtp-tls"
    case smtpCAFile = "smtp-ca-file"
    case smsGateway = "sms-gateway"
    case smsAuthorizationFile = "sms-authorization-file"
    case limits
    case hashCost = "hash-cost"
    case hashThreads = "hash-threads"
    case hashQueue = "hash-queue"
    case logLevel = "log-level"

    var environment: String { "SPAREKEY_" + rawValue.uppercased().replacing("-", with: "_") }

    var summary: String {
      switch self {
      case .data: "folder of database, keys and outbox"
      case .host: "address to listen on"
      case .port: "port to listen on"
      case .database: "sqlite:PATH, or postgresql://USER@HOST,HOST/NAME"
      case .databasePasswordFile: "file with the password for PostgreSQL; without one PGPASSFILE is asked"
      case .databaseConnections: "connections to PostgreSQL at a time"
      case .publicURL: "where people reach the service; links and the Host rule come from it"
      case .serviceName: "the name people see"
      case .signUp: "open or closed"
      case .trustedProxies: "addresses whose X-Forwarded-For is believed, separated by commas"
      case .operatorContact: "email or https address shown on the help page"
      case .mailFrom: "sender of mails"
      case .holdPeriod: "how long a recovery waits that does not open at once: 30d, 12h, 90m or 90s"
      case .recoveryPolicy: "standard, or strict: a recovery code never opens a two-step account at once"
      case .allowUnsafe: "on lets a short hold-period or --demo serve a public address"
      case .smtp:
        "mail server, such as smtp://user@mail.example.org:587; without one mail stays in the outbox"
      case .smtpPasswordFile: "file with the password for the mail server"
      case .smtpTLS: "required, or off for a mail server on this machine"
      case .smtpCAFile: "file of the certificates to trust at the mail server instead of the system's"
      case .smsGateway: "https address that sends text messages; without one they stay in the outbox"
      case .smsAuthorizationFile: "file with the Authorization header for the SMS gateway"
      case .limits: "on, or off for load tests on this machine"
      case .hashCost: "normal, or cheap for tests on this machine"
      case .hashThreads: "password hashes at a time"
      case .hashQueue: "password hashes that may wait"
      case .logLevel: "debug, info, warning or error"
      }
    }
  }

  struct Value: Sendable, Equatable {
    let text: String
    /// "--port", "SPAREKEY_PORT", the file's path, or "default".
    let origin: String
  }

  struct Problem: Error, Equatable, CustomStringConvertible {
    let description: String
  }

  /// Settings with a flag of their own; the others are given by `--set name=value`.
  private static let ownFlags: Set<Name> = [.data, .host, .port, .database, .publicURL]

  /// Program variables that are no settings.
  private static let otherVariables: Set = ["SPAREKEY_CONFIG"]

  private let values: [Name: Value]
  /// Apps that the configuration file describes (A1), and where it is.
  let clients: [Clients.InFile]
  let file: String

  /// Reads all layers.
  /// - Parameters:
  ///   - flags: what the command line gave.
  ///   - file: path of `sparekey.yaml`; nil looks for it in this folder and may miss it.
  /// - Throws: `Problem` naming the setting, its origin and the fix.
  init(flags: [Name: String], environment: [String: String], file: String?) throws {
    for variable in environment.keys where variable.hasPrefix("SPAREKEY_") {
      guard
        Name.allCases.contains(where: { $0.environment == variable })
          || Self.otherVariables.contains(variable)
      else {
        throw Problem(
          description: "The environment variable \(variable) is not a setting. See: sparekey config")
      }
    }
    let path = file ?? environment["SPAREKEY_CONFIG"]
    self.file = path ?? "sparekey.yaml"
    let (entries, described) = try Self.file(at: self.file, required: path != nil)
    clients = try Self.clients(described, in: self.file)
    var values: [Name: Value] = [:]
    for name in Name.allCases {
      if let text = flags[name] {
        values[name] = Value(
          text: text, origin: (Self.ownFlags.contains(name) ? "--" : "--set ") + name.rawValue)
      } else if let text = environment[name.environment] {
        values[name] = Value(text: text, origin: name.environment)
      } else if let text = entries[name.rawValue] {
        values[name] = Value(text: text, origin: self.file)
      }
    }
    self.values = values
    try check()
  }

  /// Settings, and what stands under `clients`.
  private static func file(at path: String, required: Bool) throws -> ([String: String], clients: YAML?) {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      if required { throw Problem(description: "The configuration file \(path) cannot be read.") }
      return ([:], nil)
    }
    let said: YAML
    do {
      said = try YAML.read(text) ?? .mapping([:])
    } catch {
      throw Problem(description: "The configuration file \(path) cannot be read: \(error).")
    }
    guard var mapping = said.mapping else {
      throw Problem(description: "The configuration file \(path) is not a YAML mapping of settings.")
    }
    let clients = mapping.removeValue(forKey: "clients")
    for key in mapping.keys where Name(rawValue: key) == nil {
      throw Problem(description: "\(path): \"\(key)\" is not a setting. See: sparekey config")
    }
    var entries: [String: String] = [:]
    for (key, value) in mapping {
      guard let text = value.text ?? value.texts?.joined(separator: ",") else {
        throw Problem(description: "\(path): \(key) is a text, or a list of texts.")
      }
      entries[key] = text
    }
    return (entries, clients)
  }

  private static func clients(_ described: YAML?, in file: String) throws -> [Clients.InFile] {
    guard let described else { return [] }
    // Nothing after `clients:` is the empty text.
    if described.text == "" { return [] }
    guard let list = described.list, case let entries = list.compactMap(\.mapping),
      entries.count == list.count
    else {
      throw Problem(description: "\(file): clients is not a list of apps. See: docs/operating.md")
    }
    var found: [Clients.InFile] = []
    for entry in entries {
      let client = try ClientEntry(entry, in: file).client()
      guard !found.contains(where: { $0.id == client.id }) else {
        throw Problem(description: "\(file): there are two clients with the id \(client.id).")
      }
      found.append(client)
    }
    return found
  }

  subscript(_ name: Name) -> Value { values[name] ?? Value(text: standard(name), origin: "default") }

  private func standard(_ name: Name) -> String {
    switch name {
    case .data: "data"
    case .host: "127.0.0.1"
    case .port: "8080"
    case .database: "sqlite:\(self[.data].text)/sparekey.sqlite"
    case .databasePasswordFile: ""
    case .databaseConnections: "8"
    case .publicURL: "http://localhost:\(self[.port].text)"
    case .serviceName: "Sparekey"
    case .signUp: "open"
    case .trustedProxies, .operatorContact: ""
    case .mailFrom: "sparekey@localhost"
    case .holdPeriod: "30d"
    case .recoveryPolicy: "standard"
    case .allowUnsafe: "off"
    case .smtp, .smtpPasswordFile, .smtpCAFile, .smsGateway, .smsAuthorizationFile: ""
    case .smtpTLS: "required"
    case .limits: "on"
    case .hashCost: "normal"
    case .hashThreads: "\(ProcessInfo.processInfo.activeProcessorCount)"
    case .hashQueue: "64"
    case .logLevel: "info"
    }
  }

  // MARK: what the program asks for

  var dataFolder: String { self[.data].text }
  var keyFile: String { "\(dataFolder)/sparekey.keys" }
  /// Whether there may be other nodes, each with a copy of the key file.
  var databaseIsShared: Bool {
    get throws {
      if case .postgresql = try database() { true } else { false }
    }
  }
  var host: String { self[.host].text }

  /// Where accounts are kept.
  enum Database {
    case sqlite(path: String)
    case postgresql(PostgreSQLAddress)
  }

  func database() throws -> Database {
    let text = self[.database].text
    if PostgreSQLAddress.isMeant(by: text) {
      let password = try secret(in: .databasePasswordFile)
      do {
        return .postgresql(try PostgreSQLAddress(text, password: password))
      } catch {
        throw Problem(description: "database (\(self[.database].origin)): \(error.description).")
      }
    }
    try refuse([.databasePasswordFile, .databaseConnections], without: "database=postgresql://…")
    let path = String(text.dropFirst("sqlite:".count))
    guard text.hasPrefix("sqlite:"), !path.isEmpty else {
      throw badAddress(
        .database, "sqlite:data/sparekey.sqlite or postgresql://sparekey@db.example.org/sparekey")
    }
    return .sqlite(path: path)
  }

  /// The file, for what only SQLite needs. - Throws: `Problem` saying what PostgreSQL has for it.
  func databaseFile() throws -> String {
    guard case .sqlite(let path) = try database() else {
      throw Problem(
        description:
          "This is for SQLite. PostgreSQL's own tools copy and restore a database: see docs/operating.md.")
    }
    return path
  }

  /// What may be shown of a setting: a password may stand in the URL of a database.
  func shown(_ name: Name) -> String {
    guard name == .database, case .postgresql(let address) = try? database() else { return self[name].text }
    return address.text
  }

  var port: Int { number(.port) }
  var hashThreads: Int { number(.hashThreads) }
  var hashQueue: Int { number(.hashQueue) }
  var databaseConnections: Int { number(.databaseConnections) }

  var hashCosts: HashCosts { self[.hashCost].text == "cheap" ? .cheap : HashCosts() }

  var serviceOptions: ServiceOptions {
    ServiceOptions(
      signUpOpen: self[.signUp].text == "open", limitsEnforced: self[.limits].text == "on",
      holdPeriod: holdPeriod, strictPolicy: self[.recoveryPolicy].text == "strict")
  }

  /// Checked when the settings were read.
  private var holdPeriod: Duration { (try? Period(self[.holdPeriod].text))?.duration ?? .days(30) }

  /// Shorter than any owner can be expected to look into their mail.
  var holdPeriodIsShort: Bool { holdPeriod < .days(1) }

  /// What must not be open to others, unless someone insists.
  /// - Throws: `Problem` saying why.
  func refuseUnsafe(demo: Bool) throws {
    let address = try site().publicURL
    guard !address.isLocal, self[.allowUnsafe].text != "on" else { return }
    if demo {
      throw Problem(
        description:
          "--demo is for this machine: public-url is \(address.text), and whoever reads the demo's "
          + "password could sign in there. If you want that, say allow-unsafe=on.")
    }
    if holdPeriodIsShort {
      throw Problem(
        description:
          "hold-period is \(self[.holdPeriod].text) and public-url is \(address.text): in less than a "
          + "day owners could lose their accounts before they read about it. If you want that, say allow-unsafe=on."
      )
    }
  }

  func site() throws -> SiteSettings {
    guard let publicURL = PublicURL(self[.publicURL].text) else {
      throw bad(.publicURL, "https://accounts.example.org")
    }
    let contact = self[.operatorContact].text
    return SiteSettings(
      publicURL: publicURL, serviceName: self[.serviceName].text,
      trustedProxies: Set(try proxies()),
      operatorContact: contact.isEmpty ? nil : contact)
  }

  /// Spelled as the system spells the address of a connection, so that the two can be compared.
  private func proxies() throws -> [String] {
    try self[.trustedProxies].text.split(separator: ",").map { part in
      let text = part.trimmed
      var bytes = in6_addr()
      var spelled = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
      guard let family = [AF_INET, AF_INET6].first(where: { inet_pton($0, text, &bytes) == 1 }),
        inet_ntop(family, &bytes, &spelled, socklen_t(spelled.count)) != nil
      else { throw bad(.trustedProxies, "192.0.2.1,192.0.2.2") }
      return String(decoding: spelled.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }

  /// The mail server; nil leaves mail in the outbox folder.
  func mailServer() throws -> SMTPServer? {
    guard !self[.smtp].text.isEmpty else {
      try refuse([.smtpPasswordFile, .smtpCAFile], without: .smtp)
      return nil
    }
    guard let address = SMTPServer.Address(self[.smtp].text) else {
      throw badAddress(.smtp, "smtp://user@mail.example.org:587, with the password in smtp-password-file")
    }
    let password = try secret(in: .smtpPasswordFile)
    guard (address.user == nil) == (password == nil) else {
      throw Problem(
        description: "smtp (\(self[.smtp].origin)) and smtp-password-file belong together: a user in one, "
          + "that user's password in the other.")
    }
    let trusted = self[.smtpCAFile].text
    guard trusted.isEmpty || FileManager.default.isReadableFile(atPath: trusted) else {
      throw unreadable(.smtpCAFile)
    }
    if self[.smtpTLS].text == "required" {
      return SMTPServer(
        address, password: password, encryption: .required(trusted: trusted.isEmpty ? nil : trusted))
    }
    guard isThisMachine(address.host), address.text.hasPrefix("smtp:") else {
      throw Problem(
        description: "smtp-tls=off (\(self[.smtpTLS].origin)) is for a mail server on this machine, "
          + "such as smtp://localhost.")
    }
    return SMTPServer(address, password: password, encryption: .off)
  }

  /// The SMS gateway; nil leaves text messages in the outbox folder.
  func smsGateway() throws -> SMSGateway? {
    guard !self[.smsGateway].text.isEmpty else {
      try refuse([.smsAuthorizationFile], without: .smsGateway)
      return nil
    }
    guard let address = SMSGateway.Address(self[.smsGateway].text) else {
      throw badAddress(.smsGateway, "https://sms.example.org/messages (http only for this machine)")
    }
    return SMSGateway(address, authorization: try secret(in: .smsAuthorizationFile))
  }

  private func refuse(_ names: [Name], without needed: Name) throws {
    try refuse(names, without: needed.rawValue)
  }

  private func refuse(_ names: [Name], without needed: String) throws {
    for name in names where values[name].map({ !$0.text.isEmpty }) == true {
      throw Problem(description: "\(name.rawValue) is set (\(self[name].origin)), but \(needed) is not.")
    }
  }

  /// The one line of the file that a setting names; nil when it names none.
  private func secret(in name: Name) throws -> Secret? {
    guard !self[name].text.isEmpty else { return nil }
    guard let bytes = FileManager.default.contents(atPath: self[name].text) else { throw unreadable(name) }
    guard let secret = Self.oneLine(bytes) else {
      throw Problem(
        description: "The file that \(name.rawValue) names (\(self[name].origin)) must hold one line of text."
      )
    }
    return secret
  }

  /// Nil for anything but one line of text.
  fileprivate static func oneLine(_ content: Data) -> Secret? {
    var bytes = content
    while let last = bytes.last, [10, 13].contains(last) { bytes.removeLast() }
    guard !bytes.isEmpty, bytes.allSatisfy({ $0 >= 32 && $0 != 127 }) else { return nil }
    return Secret(bytes)
  }

  private func unreadable(_ name: Name) -> Problem {
    Problem(
      description:
        "\(name.rawValue) names \(self[name].text) (\(self[name].origin)), which cannot be read.")
  }

  /// Without the value: a password may stand in it.
  private func badAddress(_ name: Name, _ example: String) -> Problem {
    Problem(description: "\(name.rawValue) (\(self[name].origin)) should read like \(example).")
  }

  private func number(_ name: Name) -> Int { Int(self[name].text) ?? 0 }

  private func bad(_ name: Name, _ example: String) -> Problem {
    let value = self[name]
    return Problem(
      description: "\(name.rawValue) is \"\(value.text)\" (\(value.origin)); it should read like \(example).")
  }

  /// One clear sentence for the first value that cannot be (Q5).
  private func check() throws {
    for name in [Name.data, .host, .serviceName] where self[name].text.isEmpty {
      throw bad(name, standard(name))
    }
    for (name, range) in [
      (Name.port, 0...65_535), (.hashThreads, 1...1_024), (.hashQueue, 1...100_000),
      (.databaseConnections, 1...1_000),
    ] {
      guard let number = Int(self[name].text), range.contains(number) else {
        throw bad(name, "\(standard(name)) (from \(range.lowerBound) to \(range.upperBound))")
      }
    }
    for (name, words) in [
      (Name.signUp, ["open", "closed"]), (.limits, ["on", "off"]), (.hashCost, ["normal", "cheap"]),
      (.recoveryPolicy, ["standard", "strict"]), (.allowUnsafe, ["on", "off"]),
      (.logLevel, ["debug", "info", "warning", "error"]), (.smtpTLS, ["required", "off"]),
    ] where !words.contains(self[name].text) { throw bad(name, words.joined(separator: " or ")) }
    _ = try database()
    do {
      _ = try Period(self[.holdPeriod].text)
    } catch {
      throw Problem(
        description:
          "hold-period is \"\(self[.holdPeriod].text)\" (\(self[.holdPeriod].origin)); \(error.description)")
    }
    try refuseUnsafe(demo: false)
    let site = try site()
    guard (try? EmailAddress(self[.mailFrom].text)) != nil else {
      throw bad(.mailFrom, "accounts@example.org")
    }
    _ = try (mailServer(), smsGateway())
    if let contact = site.operatorContact, !contact.hasPrefix("https://"), (try? EmailAddress(contact)) == nil
    {
      throw bad(.operatorContact, "help@example.org or https://example.org/help")
    }
    let onThisMachine = site.publicURL.isLocal && ["127.0.0.1", "::1", "localhost"].contains(host)
    for (name, harmless) in [(Name.limits, "on"), (.hashCost, "normal")] where self[name].text != harmless {
      guard onThisMachine else {
        throw Problem(
          description:
            "\(name.rawValue)=\(self[name].text) is for tests: host and public-url must be this machine's.")
      }
    }
  }
}

/// One app under `clients`.
private struct ClientEntry {
  private let values: [String: YAML]
  private let file: String

  init(_ values: [String: YAML], in file: String) {
    self.values = values
    self.file = file
  }

  /// - Throws: `Settings.Problem` naming the app, what is wrong, and the fix.
  func client() throws -> Clients.InFile {
    let names = [
      "id", "name", "kind", "redirect-uris", "post-logout-uris", "back-channel-logout-uri", "algorithm",
      "secret-file",
    ]
    for name in values.keys where !names.contains(name) {
      throw problem(
        name == "secret"
          ? "a secret does not belong into this file: put it into one of its own, and name that as secret-file."
          : "\"\(name)\" is none of \(names.joined(separator: ", ")).")
    }
    let algorithm = try text("algorithm").map { try named($0, "algorithm") } ?? SigningAlgorithm.es256
    let new = Clients.New(
      name: try needed("name"), kind: try named(needed("kind"), "kind"),
      redirectURIs: try list("redirect-uris"),
      postLogoutURIs: try list("post-logout-uris"), backChannelLogoutURI: try text("back-channel-logout-uri"),
      algorithm: algorithm)
    let (id, secret) = (try needed("id"), try secret())
    do throws(Clients.Problem) {
      return try Clients.InFile(id: id, new, secret: secret)
    } catch {
      throw problem(error.description)
    }
  }

  private func secret() throws -> Secret? {
    try text("secret-file").map { path in
      guard let bytes = FileManager.default.contents(atPath: path), let secret = Settings.oneLine(bytes)
      else {
        throw problem("secret-file names \(path), which is not a readable file of one line.")
      }
      return secret
    }
  }

  private func text(_ name: String) throws -> String? {
    guard let value = values[name] else { return nil }
    guard let text = value.text, !text.isEmpty else { throw problem("\(name) is one line of text.") }
    return text
  }

  private func needed(_ name: String) throws -> String {
    guard let text = try text(name) else { throw problem("\(name) is missing.") }
    return text
  }

  private func list(_ name: String) throws -> [String] {
    guard let value = values[name] else { return [] }
    guard let list = value.texts else { throw problem("\(name) is a list of addresses.") }
    return list
  }

  private func named<Value: RawRepresentable<String> & CaseIterable>(_ text: String, _ name: String) throws
    -> Value
  {
    guard let value = Value(rawValue: text) else {
      throw problem("\(name) is \(Value.allCases.map(\.rawValue).joined(separator: " or ")).")
    }
    return value
  }

  private func problem(_ what: String) -> Settings.Problem {
    Settings.Problem(
      description: "\(file): client \(values["id"]?.text.map { "\"\($0)\"" } ?? "without an id"): \(what)")
  }
}

/// A length of time as operators write it: `30d`, `12h`, `90m`, `90s`; from one second to 365 days.
struct Period {
  let duration: Duration

  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  init(_ text: String) throws(Unreadable) {
    if Int(text) != nil {
      throw Unreadable(description: "it needs its unit: \(text)d for days, \(text)s for seconds.")
    }
    let units = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
    guard let unit = text.last.flatMap({ units[String($0)] }), let count = Int(text.dropLast()),
      text.allSatisfy(\.isASCII), let first = text.first, first.isNumber
    else {
      throw Unreadable(description: "it should read like 30d, 12h, 90m or 90s.")
    }
    let (seconds, isTooLarge) = count.multipliedReportingOverflow(by: unit)
    guard !isTooLarge, (1...365 * 86_400).contains(seconds) else {
      throw Unreadable(description: "it has to be from 1s to 365d.")
    }
    duration = .seconds(seconds)
  }
}
