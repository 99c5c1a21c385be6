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
        .cases(in: state.flatMap(SupportCase.State.init)).map(PrintedCase.init)
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
      let printed = PrintedCaseFile(file)
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

private struct PrintedCase: Encodable {
  let number: String
  let category: String
  let state: String
  let openedAt: String
  let changedAt: String
  let agent: String?

  init(_ listed: SupportConsole.Listed) {
    let found = listed.supportCase
    number = found.number
    category = found.category.rawValue
    state = found.state.rawValue
    openedAt = found.openedAt.iso8601
    changedAt = found.changedAt.iso8601
    agent = listed.assignee
  }
}

private struct PrintedCaseFile: Encodable {
  struct Message: Encodable {
    let at: String
    let author: String
    let text: String
  }

  let facts: PrintedCase
  let email: String
  /// As typed; nobody vouches for it.
  let username: String?
  let messages: [Message]
  let holds: [String]

  init(_ file: SupportConsole.File) {
    facts = PrintedCase(file.listed)
    email = file.content.email
    username = file.content.username
    messages =
      [Message(at: facts.openedAt, author: "person", text: file.content.description)]
      + file.messages.map { Message(at: $0.at.iso8601, author: $0.author.rawValue, text: $0.text) }
    holds = file.requests.compactMap { $0.request.hold?.text }
  }

  var lines: [(String, String)] {
    [
      ("number", facts.number), ("category", facts.category), ("state", facts.state),
      ("opened", facts.openedAt),
      ("agent", facts.agent ?? "-"), ("email", email), ("username, as typed", username ?? "-"),
      ("holds", holds.isEmpty ? "-" : holds.joined(separator: ", ")),
    ]
  }
}
