import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyServices
import SparekeyWeb

/// `sparekey keys …`: other master keys, with nobody signed out and nothing undone (O6).
struct KeysCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "keys", abstract: "Change the keys of the key file while the service goes on.",
    discussion: """
      `rotate` makes another key the one that seals, and seals everything again with it. Sessions follow as they are \
      used, recoveries that wait keep their key until they end. A key that nothing refers to any more is taken out \
      with `retire`. With several nodes: `add`, copy the key file to every node, `rotate`, copy it again.
      """,
    subcommands: [List.self, Add.self, Rotate.self, Retire.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the keys and what refers to each.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      keepFilesPrivate()
      let composition = try Composition.make(flags.settings())
      let survey = try await survey(composition)
      let keys = composition.ports.keys.masters.printed(survey)
      if json { return try printJSON(PrintedKeys(keys: keys, unreadable: survey.unreadable)) }
      for key in keys {
        print("\(key.id)\t\(key.state)\tsince \(key.since ?? "the start")\t\(key.references.inWords)")
      }
      if survey.unreadable > 0 { print("\(survey.unreadable) values open with none of them.") }
    }
  }

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Put a new key into the file that opens and does not seal yet, for installations of several nodes.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      keepFilesPrivate()
      let file = try flags.settings().keyFile
      let waiting = try await KeyFile.changing(file) {
        let keys = try KeyFile.read(file)
        if let waiting = keys.waiting {
          throw Settings.Problem(
            description: "Key \(waiting.id) is waiting already. Next: sparekey keys rotate")
        }
        guard let more = keys.adding(KeyFile.newSecret()), let waiting = more.waiting else {
          throw Settings.Problem(description: "There are 255 keys. Take the oldest out: sparekey keys retire")
        }
        try KeyFile.replace(file, with: more)
        return waiting.id
      }
      struct Answer: Encodable { let waiting: UInt8 }
      if json { return try printJSON(Answer(waiting: waiting)) }
      print(
        """
        Key \(waiting) is in \(file), and waits. Copy this file to every other node; each takes it up within a second. \
        Then: sparekey keys rotate
        """)
    }
  }
}

extension KeysCommand {
  struct Rotate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make the waiting key the one that seals, and seal everything again with it.",
      discussion: """
        On SQLite, where one machine has the only key file, it makes the key as well. It may be interrupted at any \
        moment: run it again, and it goes on.
        """)

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    /// A key younger than this is not followed by another one: what was interrupted is finished.
    private static let unfinished = Duration.hours(1)
    /// By then every service has noticed the new file, and done what it had begun.
    private static let settling = Duration.seconds(3)

    func run() async throws {
      keepFilesPrivate()
      let settings = try flags.settings()
      let (ports, resealed, survey) = try await KeyFile.changing(settings.keyFile) {
        let composition = try Composition.make(settings)
        try await takeOver(composition)
        let resealed = try await reseal(composition.ports)
        return (composition.ports, resealed, try await KeysCommand.survey(composition))
      }
      let keys = ports.keys.masters
      let isShared = try settings.databaseIsShared
      if json {
        struct Answer: Encodable {
          let current: UInt8
          let resealed: Int
          let keys: [PrintedKey]
        }
        return try printJSON(
          Answer(current: keys.current.id, resealed: resealed, keys: keys.printed(survey)))
      }
      print("Key \(keys.current.id) seals. \(resealed) values were sealed again with it.")
      print("Back up \(settings.keyFile) again, apart from the database.")
      for key in keys.printed(survey) where key.state == "old" {
        print(
          key.references.isEmpty
            ? "Nothing refers to key \(key.id) any more. A day after it was replaced: sparekey keys retire"
            : "Key \(key.id) still has \(key.references.inWords). When that is nothing: sparekey keys retire")
      }
      if isShared {
        print(
          "Copy \(settings.keyFile) to every other node, and then run this again: it seals what they wrote.")
      }
    }

    /// Makes another key the current one, unless the present one has not everything yet.
    private func takeOver(_ composition: Composition) async throws {
      let (settings, ports) = (composition.settings, composition.ports)
      var keys = ports.keys.masters
      let now = ports.clock.now()
      if keys.waiting == nil {
        if try settings.databaseIsShared {
          guard keys.old.isEmpty else { return }
          throw Settings.Problem(
            description: "There is no waiting key that every node has. First: sparekey keys add")
        }
        if let since = keys.current.since, now < since + Self.unfinished { return }
        let old = Set(keys.old.map(\.id))
        if !old.isEmpty {
          let left = try await KeysCommand.survey(composition).references
          if left.contains(where: { old.contains($0.key) && $0.value.canBeResealed }) { return }
        }
        guard let more = keys.adding(KeyFile.newSecret()) else {
          throw Settings.Problem(description: "There are 255 keys. Take the oldest out: sparekey keys retire")
        }
        // It is on the disk before anything can be sealed with it.
        try KeyFile.replace(settings.keyFile, with: more)
        keys = more
      }
      keys = keys.makingCurrent(at: now)
      try await ports.database.write { [keys] in
        try ports.audit(.keysRotated, by: .operator, detail: "key \(keys.current.id)", in: $0)
      }
      try KeyFile.replace(settings.keyFile, with: keys)
      try ports.keys.replace(with: keys)
    }

    /// Until a pass that began when every service had the new key finds nothing.
    private func reseal(_ ports: Ports) async throws -> Int {
      let progress = ProgressLine()
      defer { progress.clear() }
      let resealing = Resealing(ports)
      let settled = ports.keys.masters.current.since.map { $0 + Self.settling }
      var total = 0
      for _ in 1...50 {
        let start = ports.clock.now()
        let count = try await resealing.pass { [total] in progress.show("\(total + $0) values sealed again") }
        total += count
        if count == 0 {
          guard let settled, start < settled else { return total }
          try await Task.sleep(for: settled - start)
        }
      }
      throw Settings.Problem(
        description: "Something goes on to seal with an older key. Has every node the new key file?")
    }
  }

  struct Retire: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take an old key out of the file, once nothing refers to it.",
      discussion:
        "Backups from before it was replaced do not open without it: keep a copy of the key file with them.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The number of the key (default: the oldest).")
    var id: UInt8?
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      keepFilesPrivate()
      let settings = try flags.settings()
      let file = settings.keyFile
      let retired = try await KeyFile.changing(file) {
        let composition = try Composition.make(settings)
        let ports = composition.ports
        let keys = ports.keys.masters
        let master = try chosen(among: keys)
        if let problem = keys.tooYoung(toReplace: master, at: ports.clock.now()) { throw problem }
        let references = try await KeysCommand.survey(composition).references[master.id]
        if let references, !references.isEmpty {
          let next = references.canBeResealed ? " First: sparekey keys rotate" : ""
          throw Settings.Problem(
            description: "Key \(master.id) still has \(Dictionary(references).inWords).\(next)")
        }
        try await ports.database.write {
          try ports.audit(.keyRetired, by: .operator, detail: "key \(master.id)", in: $0)
        }
        try KeyFile.replace(file, with: keys.retiring(master.id))
        return master.id
      }
      struct Answer: Encodable { let retired: UInt8 }
      if json { return try printJSON(Answer(retired: retired)) }
      print(
        "Key \(retired) is no longer in \(file). Make a backup now: those from before it was replaced need it."
      )
      if try settings.databaseIsShared { print("Copy the file to every other node.") }
    }

    private func chosen(among keys: MasterKeys) throws -> KeyRing.Master {
      guard let first = keys.old.first else { throw Settings.Problem(description: "There is no old key.") }
      guard let id, id != first.id else { return first }
      guard let master = keys.old.first(where: { $0.id == id }) else {
        throw Settings.Problem(description: "Key \(id) is not an old one. See: sparekey keys list")
      }
      return master
    }
  }

  fileprivate static func survey(_ composition: Composition) async throws -> Resealing.Survey {
    let progress = ProgressLine()
    defer { progress.clear() }
    return try await Resealing(composition.ports).survey { progress.show("\($0) values looked at") }
  }
}

extension KeysCommand.List {
  fileprivate func survey(_ composition: Composition) async throws -> Resealing.Survey {
    try await KeysCommand.survey(composition)
  }
}

extension MasterKeys {
  /// Why a key may not go yet: journeys and forms that are under way are sealed with it.
  fileprivate func tooYoung(toReplace master: Master, at now: Timestamp) -> Settings.Problem? {
    guard let successor = successor(of: master.id) else { return nil }
    guard let since = successor.since else {
      return Settings.Problem(
        description:
          "The key file does not say since when key \(successor.id) seals: write `since` and a time "
          + "such as 2026-05-03T14:05:00Z at the end of its line.")
    }
    let end = since + Resealing.restBeforeRetiring
    guard now < end else { return nil }
    return Settings.Problem(description: "Key \(master.id) can retire from \(end.iso8601) on.")
  }

  fileprivate func printed(_ survey: Resealing.Survey) -> [PrintedKey] {
    masters.map { master in
      PrintedKey(
        id: master.id,
        state: master.isWaiting ? "waiting" : master.id == current.id ? "current" : "old",
        since: master.since?.iso8601, references: Dictionary(survey.references[master.id]))
    }
  }
}

private struct PrintedKey: Encodable {
  let id: UInt8
  let state: String
  let since: String?
  /// What refers to it, and how much.
  let references: [String: Int]
}

private struct PrintedKeys: Encodable {
  let keys: [PrintedKey]
  let unreadable: Int
}

extension [String: Int] {
  fileprivate init(_ references: Resealing.References?) {
    self = Dictionary(
      (references?.counts ?? []).map { ($0.what, $0.count) }, uniquingKeysWith: { $1 })
  }

  fileprivate var inWords: String {
    isEmpty ? "nothing" : sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
  }
}

extension DoctorCommand {
  /// Whether the keys open everything, and whether an old one is done with.
  func keyFindings(_ settings: Settings, isNew: Bool) async throws -> [Finding] {
    // What is broken so badly that nothing can be read was found before.
    guard !isNew, let composition = try? Composition.make(settings) else { return [] }
    let survey = try await KeysCommand.survey(composition)
    let keys = composition.ports.keys.masters
    var findings: [Finding] = []
    if survey.unreadable > 0 {
      findings.append(
        Finding(
          check: "keys", state: "fail",
          detail: "\(survey.unreadable) sealed values open with none of them: is this the right key file?"))
    }
    for master in keys.old {
      let references = survey.references[master.id] ?? Resealing.References()
      if references.canBeResealed {
        findings.append(
          Finding(
            check: "keys", state: "warn",
            detail: "key \(master.id) still seals \(Dictionary(references).inWords): sparekey keys rotate"))
      } else if references.isEmpty, keys.tooYoung(toReplace: master, at: composition.ports.clock.now()) == nil
      {
        findings.append(
          Finding(
            check: "keys", state: "ok", detail: "key \(master.id) can go: sparekey keys retire \(master.id)"))
      }
    }
    return findings
  }
}
