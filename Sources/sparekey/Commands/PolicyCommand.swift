import ArgumentParser
import SparekeyCore
import SparekeyWeb

/// `sparekey policy …`: what opens an account, and how fast (H3).
struct PolicyCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "policy", abstract: "Say what opens an account, and how fast.",
    subcommands: [Show.self, Explain.self], defaultSubcommand: Show.self)

  /// With standard settings it prints `docs/policy.md`.
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Print the table that decides, as Markdown.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
      let settings = try flags.settings()
      let renderer = try Renderer(resources: webResources, serviceName: settings[.serviceName].text)
      let table = PolicyTable(renderer.texts, options: settings.serviceOptions)
      if json { return try printJSON(table.rows) }
      print(table.markdown, terminator: "")
    }
  }

  struct Explain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say how someone gets back into their account.",
      discussion: "Losses are any of \(WaysBack.Loss.allCases.map(\.rawValue).joined(separator: ", ")).")

    @OptionGroup var flags: SettingFlags
    @Option(help: "The username.")
    var account: String
    @Option(help: "What is lost at one time, separated by commas.")
    var lost: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let losses = try lost.split(separator: ",").map { name in
        guard let loss = WaysBack.Loss(rawValue: name.trimmed) else {
          throw Settings.Problem(
            description:
              "\"\(name)\" is nothing that --lost knows. It takes any of "
              + WaysBack.Loss.allCases.map(\.rawValue).joined(separator: ", ") + ", separated by commas.")
        }
        return loss
      }
      let composition = try Composition.make(flags.settings())
      let way = try await found(account) {
        try await composition.site.directory.wayBack(of: account, losing: losses)
      }
      let period = composition.ports.options.holdPeriod
      if json { return try printJSON(WayAnswer(way, period: period)) }
      print(composition.site.texts.way(way, period: period))
    }
  }
}
