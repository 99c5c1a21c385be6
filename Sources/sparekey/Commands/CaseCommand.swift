import ArgumentParser
import SparekeyCore
import SparekeyWeb

/// `sparekey case …`: what people wrote to support. Answers are given in the console.
struct CaseCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "case", abstract: "Look at what people wrote to support.",
    discussion: "Agents answer cases at /support; see: sparekey agent --help",
    subcommands: [List.self, Show.self, Close.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List cases that are not closed, the longest untouched first.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "open, waiting, answered or closed.")
    var state: String?
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      if let state, SupportCase.State(rawValue: state) == nil {
        throw ValidationError("--state is open, waiting, answered or closed.")
      }
    }

    func run() async throws {
      let cases = try await Composition.make(flags.settings()).site.supportConsole
        .cases(in: state.flatMap(SupportCase.State.init)).map(CaseAnswer.init)
      if json { return try printJSON(cases) }
      if cases.isEmpty { print("There are no such cases.") }
      for found in cases {
        print(
          "\(found.number)\t\(found.category)\t\(found.state)\t\(found.agent ?? "-")\tsince \(found.openedAt)"
        )
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one case and what is written in it.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The case's number.")
    var number: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let console = try Composition.make(flags.settings()).site.supportConsole
      guard let file = try await console.fileForOperator(number) else { throw noSuchCase(number) }
      let printed = CaseFileAnswer(file)
      if json { return try printJSON(printed) }
      for (name, value) in printed.lines { print("\(name)\t\(value)") }
      for message in printed.messages { print("\n\(message.at)\t\(message.author)\n\(message.text)") }
    }
  }

  struct Close: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Close a case; the person is told.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The case's number.")
    var number: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let console = try Composition.make(flags.settings()).site.supportConsole
      do {
        try await console.closeByOperator(number)
      } catch Refusal.notFound {
        throw noSuchCase(number)
      } catch Refusal.support(.caseClosed) {
        throw Settings.Problem(description: "Case \(number) is closed already.")
      }
      if json { return try printJSON(["number": SupportCase.number(typed: number), "state": "closed"]) }
      print("Case \(SupportCase.number(typed: number)) is closed.")
    }
  }
}

private func noSuchCase(_ number: String) -> Settings.Problem {
  Settings.Problem(description: "There is no case \(number). See: sparekey case list")
}

extension CaseFileAnswer {
  fileprivate var lines: [(String, String)] {
    [
      ("number", facts.number), ("category", facts.category), ("state", facts.state),
      ("opened", facts.openedAt),
      ("agent", facts.agent ?? "-"), ("email", email), ("username, as typed", username ?? "-"),
      ("holds", holds.isEmpty ? "-" : holds.joined(separator: ", ")),
    ]
  }
}
