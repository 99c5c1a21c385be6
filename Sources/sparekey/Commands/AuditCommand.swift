import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyWeb

/// `sparekey audit …` (O4).
struct AuditCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit", abstract: "Verify and export what agents and operators did.",
    discussion: "Entries get their place in the chain within seconds while the service runs.",
    subcommands: [Verify.self, Export.self])

  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Look whether an entry was changed, moved or taken out.",
      discussion: """
        It prints the head of the chain. Note it somewhere else from time to time, and give it with --holding: that \
        shows whether the end of the trail was cut off since.
        """)

    @OptionGroup var flags: SettingFlags
    @Option(help: "A head that was printed before, in hexadecimal.")
    var holding: String?
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let trail = try Composition.make(flags.settings()).site.auditTrail
      let progress = ProgressLine()
      let report = try await trail.verify(holding: try holding.map(link)) { progress.show("\($0) entries") }
      progress.clear()
      if json {
        try printJSON(AuditReportAnswer(report))
      } else if report.fault == nil {
        print("\(report.entries) entries, none of them changed or missing.\nHead: \(report.head.hexadecimal)")
      }
      if let fault = report.fault {
        throw Settings.Problem(description: "The audit trail is not whole: \(fault).")
      }
    }

    private func link(_ text: String) throws -> AuditChain.Link {
      guard let bytes = AuditChain.link(hexadecimal: text) else {
        throw Settings.Problem(
          description: "--holding takes the 64 digits that `sparekey audit verify` prints.")
      }
      return bytes
    }
  }

  struct Export: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Print every entry, oldest first, one JSON object a line.",
      discussion: "Memory does not grow with their number.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON; there is no other form.")
    var json = false

    func run() async throws {
      try await Composition.make(flags.settings()).site.auditTrail.each {
        try printJSONLine(AuditAnswer($0))
      }
    }
  }
}
