import ArgumentParser
import FoundationEssentials
import Glibc
import SparekeyCore
import SparekeyServices
import SparekeyStore

func writeToStandardError(_ text: String) {
  _ = Array(text.utf8).withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
}

/// Shows how far a long command is, on a terminal only.
struct ProgressLine: Sendable {
  private let isShown = isatty(STDERR_FILENO) == 1

  func show(_ text: String) {
    if isShown { writeToStandardError("\r\u{1B}[K\(text)") }
  }

  func clear() { show("") }
}

/// `sparekey backup FILE` (O5).
struct BackupCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "backup", abstract: "Copy the database into a file while the service goes on.",
    discussion: """
      The key file is not in it: keep a copy of that somewhere else, or the backup opens for nobody. A PostgreSQL \
      database is backed up with its own tools: see docs/operating.md.
      """)

  @OptionGroup var flags: SettingFlags
  @Argument(help: "The file to make.")
  var file: String
  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    keepFilesPrivate()
    let settings = try flags.settings()
    let database = try settings.databaseFile()
    guard FileManager.default.fileExists(atPath: database) else {
      throw Settings.Problem(description: "There is no database at \(database).")
    }
    let progress = ProgressLine()
    try await SQLiteDatabase(path: database, clock: .system).backup(to: file) {
      progress.show("\(Int($0 * 100)) %")
    }
    progress.clear()
    let size = FileStatus(of: file)?.size ?? 0
    if json {
      struct Answer: Encodable {
        let file: String
        let bytes: Int
      }
      return try printJSON(Answer(file: file, bytes: size))
    }
    print(
      "Copied everything to \(file), \(size / 1_024) KiB. The key file is not in it: keep a copy of that elsewhere."
    )
  }
}

/// `sparekey restore FILE` (O5): a backup takes the database's place, and knows that it is one.
struct RestoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "restore", abstract: "Put a backup in the place of the database. Stop the service first.",
    discussion: """
      Everyone is signed out. Recoveries that wait, wait at least 7 of 30 days more, and their owners hear of them \
      again. Recovery codes from before this moment do not open at once any more, and owners are asked to make a new \
      one, unless --spent gives the codes that were used up since: sparekey recovery-code ended --since TIME, run on \
      the database that is given up, prints them.

      With --mark-only nothing is put anywhere: the database that the settings name was restored by other means, as \
      PostgreSQL's tools do.
      """)

  @OptionGroup var flags: SettingFlags
  @Argument(help: "The backup.")
  var file: String?
  @Option(help: "File of the codes that ended since the backup was made.")
  var spent: String?
  @Flag(help: "The database is restored already.")
  var markOnly = false
  @Flag(help: "Print JSON.")
  var json = false

  func validate() throws {
    guard (file == nil) == markOnly else { throw ValidationError("Give either a backup or --mark-only.") }
  }

  func run() async throws {
    keepFilesPrivate()
    let settings = try flags.settings()
    let ended = try spent.map(endedCodes)
    guard let file else { return try tell(try await mark(settings, ended), former: nil) }
    let database = try settings.databaseFile()
    try SQLiteDatabase.checkBackup(at: file)
    // The copy is marked before it takes the place: nobody is ever served from one that is not.
    let prepared = database + ".restoring"
    let files = FileManager.default
    for leftover in ["", "-wal", "-shm"] { try? files.removeItem(atPath: prepared + leftover) }
    defer { for leftover in ["", "-wal", "-shm"] { try? files.removeItem(atPath: prepared + leftover) } }
    try files.copyItem(atPath: file, toPath: prepared)
    let report = try await mark(try flags.settings(database: "sqlite:\(prepared)"), ended)
    let former = "\(database).before-restore-\(WallClock.system.now().iso8601)"
    try tell(
      report, former: SQLiteDatabase.replace(database, by: prepared, keepingAs: former))
  }

  private func mark(_ settings: Settings, _ ended: [Restoring.EndedCode]?) async throws -> Restoring.Report {
    let progress = ProgressLine()
    defer { progress.clear() }
    let composition = try Composition.make(settings)
    let report = try await composition.site.restoring.mark(endedCodes: ended) {
      progress.show("\($0) owners told")
    }
    await (composition.ports.database as? SQLiteDatabase)?.disconnect()
    return report
  }

  private func endedCodes(_ path: String) throws -> [Restoring.EndedCode] {
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Settings.Problem(description: "The list \(path) cannot be read.")
    }
    return try text.split(separator: "\n").enumerated().map { number, line in
      do {
        return try JSONDecoder().decode(Restoring.EndedCode.self, from: Data(line.utf8))
      } catch {
        throw Settings.Problem(
          description: "Line \(number + 1) of \(path) is not one that `sparekey recovery-code ended` prints.")
      }
    }
  }

  private func tell(_ report: Restoring.Report, former: String?) throws {
    if json {
      struct Answer: Encodable {
        let endedCodes: Int
        let sessionsEnded: Int
        let holds: Int
        let ownersTold: Int
        let formerDatabase: String?
      }
      return try printJSON(
        Answer(
          endedCodes: report.endedCodes, sessionsEnded: report.sessions, holds: report.holds,
          ownersTold: report.told, formerDatabase: former))
    }
    print("Restored. \(report.sessions) sessions ended, \(report.holds) holds wait longer.")
    print(
      spent == nil
        ? "\(report.told) owners are asked to make a new recovery code; theirs no longer opens at once."
        : "\(report.endedCodes) codes that were spent since stay spent; all others open as before.")
    if let former { print("The former database is kept as \(former). Start the service now.") }
  }
}
