import ArgumentParser
import SparekeyWeb

/// `sparekey policy`: what opens an account, and how fast (H3). With standard settings it prints `docs/policy.md`.
struct PolicyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Print the table that decides what opens an account, as Markdown.")

  @OptionGroup var flags: SettingFlags
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let table = PolicyTable(
      try Renderer(resources: webResources).texts, options: try flags.settings().serviceOptions)
    if json { return try printJSON(table.rows) }
    print(table.markdown, terminator: "")
  }
}
