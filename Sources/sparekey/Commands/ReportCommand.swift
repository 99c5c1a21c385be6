import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyWeb

/// `sparekey report …`: questions about all accounts together.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report", abstract: "Report on all accounts.", subcommands: [NoWayBack.self])

  /// O7.
  struct NoWayBack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "no-way-back", abstract: "List the accounts that one loss would lock out.",
      discussion: """
        For each account: what it must not lose, and what would mend that. Memory does not grow with the number of \
        accounts; on a terminal the progress is shown.
        """)

    enum Format: String, ExpressibleByArgument, CaseIterable { case table, csv, json }

    @OptionGroup var flags: SettingFlags
    @Option(help: "table, csv, or json: one object a line.")
    var format = Format.table
    @Flag(help: "The same as --format json.")
    var json = false
    @Option(help: "Only accounts that this loss locks out: password, mailbox, phone or sheet.")
    var lost: WaysBack.Loss?

    func run() async throws {
      let directory = try Composition.make(flags.settings()).site.directory
      let format = json ? .json : format
      let progress = ProgressLine()
      var count = 0
      switch format {
      case .table: print("USERNAME\tTWO-STEP\tMUST NOT LOSE\tADD")
      case .csv: print("username,two-step,made,must-not-lose,add")
      case .json: break
      }
      try await directory.eachWithoutWayBack { account, points in
        guard lost == nil || points.contains(where: { $0.loss == lost }) else { return }
        count += 1
        let line = ExposedAnswer(account, points)
        let (losses, steps) = (line.mustNotLose.joined(separator: " "), line.add.joined(separator: " "))
        switch format {
        case .table: print("\(line.username)\t\(line.twoStep ? "on" : "off")\t\(losses)\t\(steps)")
        // Usernames hold nothing that CSV would have to quote.
        case .csv:
          print("\(line.username),\(line.twoStep ? "on" : "off"),\(line.createdAt),\(losses),\(steps)")
        case .json: try printJSONLine(line)
        }
      } looked: { number in
        progress.show("\(number) accounts")
      }
      progress.clear()
      if format == .table { print(count == 0 ? "No account hangs by one thing." : "\(count) accounts.") }
    }
  }
}

extension WaysBack.Loss: ExpressibleByArgument {}
