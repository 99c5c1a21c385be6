import ArgumentParser
import FoundationEssentials
import SparekeyCore

/// `sparekey`: everything an operator needs, from the command line (O2).
@main
struct Sparekey: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sparekey",
    abstract: "Accounts that people get back into.",
    version: "0.1.0",
    subcommands: [
      ServeCommand.self, AccountCommand.self, AgentCommand.self, CaseCommand.self, ClientCommand.self,
      TokenCommand.self, HoldCommand.self, PolicyCommand.self, ReportCommand.self, AuditCommand.self,
      BackupCommand.self,
      RestoreCommand.self,
      ConfigCommand.self, DoctorCommand.self, RecoveryCodeCommand.self,
      KeysCommand.self,
    ])
}

/// The settings as flags of a command.
struct SettingFlags: ParsableArguments {
  @Option(help: "Configuration file (default: sparekey.yaml, if there is one).")
  var config: String?
  @Option(help: "Folder of database, keys and outbox.")
  var data: String?
  @Option(help: "Address to listen on.")
  var host: String?
  @Option(help: "Port to listen on; 0 takes a free one.")
  var port: Int?
  @Option(help: "sqlite:PATH or postgresql://USER@HOST/NAME")
  var database: String?
  @Option(name: .customLong("public-url"), help: "Where people reach the service.")
  var publicURL: String?
  @Option(help: "Any other setting, as name=value; see `sparekey config`.")
  var set: [String] = []

  /// - Parameter other: a database in place of the one that was given.
  /// - Throws: `Settings.Problem`.
  func settings(database other: String? = nil) throws -> Settings {
    var flags: [Settings.Name: String] = [:]
    flags[.data] = data
    flags[.host] = host
    flags[.port] = port.map(String.init)
    flags[.database] = other ?? database
    flags[.publicURL] = publicURL
    for pair in set {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 2, let name = Settings.Name(rawValue: parts[0]) else {
        throw Settings.Problem(
          description: "--set \(pair) is not a setting and its value. See: sparekey config")
      }
      flags[name] = parts[1]
    }
    return try Settings(flags: flags, environment: ProcessInfo.processInfo.environment, file: config)
  }
}

/// Prints a value as JSON on one line.
func printJSONLine(_ value: some Encodable) throws {
  print(String(decoding: try JSON.encode(value), as: UTF8.self))
}

/// Prints a value as JSON, one object.
func printJSON(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}
