import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyServices
import SparekeyWeb

/// `sparekey account …`: no command shows an address or a secret, and none opens an account for anyone.
struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Make accounts, and look at what protects them.",
    subcommands: [Create.self, Import.self, List.self, Show.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Make an account.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "The name to sign in with.")
    var username: String
    @Option(help: "A first email; it gets a code to confirm it.")
    var email: String?
    @Flag(
      name: .customLong("password-stdin"), help: "Read the password from the first line of standard input.")
    var passwordFromInput = false
    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
      guard passwordFromInput else {
        throw ValidationError(
          "Give --password-stdin: a password on the command line would be seen by others.")
      }
    }

    func run() async throws {
      forbidMemoryDumps()
      keepFilesPrivate()
      let composition = try Composition.make(flags.settings())
      do {
        let account = try await composition.site.signUp.createByOperator(
          username: username, password: readLine() ?? "", email: email,
          source: Source(address: "this machine", agent: "sparekey account create"))
        if json {
          try printJSON(["id": account.id.text, "username": account.username])
        } else {
          print("Made the account \(account.username).")
        }
      } catch Refusal.field(let field, let problem) {
        let section = field == .password ? "newPassword" : field.rawValue
        throw Settings.Problem(description: composition.site.texts.problem(problem, in: section))
      }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List all accounts.",
      discussion: "With --json one object a line. Memory does not grow with their number.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON, one object a line.")
    var json = false

    func run() async throws {
      try await Composition.make(flags.settings()).site.directory.each { account in
        let line = AccountAnswer(account)
        if json { return try printJSONLine(line) }
        print([line.username, line.createdAt, line.state].joined(separator: "\t"))
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what protects an account, and what it could lose.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The username.")
    var username: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let composition = try Composition.make(flags.settings())
      let status = try await found(username) { try await composition.site.directory.status(of: username) }
      let options = composition.ports.options
      let account = AccountStatusAnswer(
        status, at: composition.ports.clock.now(), period: options.holdPeriod)
      if json { return try printJSON(account) }
      let texts = composition.site.texts
      for (name, value) in account.lines { print("\(name)\t\(value)") }
      print("\nWays back in:")
      for entry in status.waysBack {
        print(
          "  without \(entry.losses.map(\.rawValue).joined(separator: ", ")): "
            + texts.way(entry.way, period: options.holdPeriod))
      }
      for point in status.singlePointsOfFailure {
        print(
          "\nCareful: without the \(point.loss.rawValue) nothing is left. A \(point.step.rawValue) would mend that."
        )
      }
    }
  }
}

/// - Throws: `Settings.Problem` in place of `Refusal.notFound`.
func found<Found>(_ username: String, _ look: () async throws -> Found) async throws -> Found {
  do {
    return try await look()
  } catch Refusal.notFound {
    throw Settings.Problem(description: "There is no account \(username). See: sparekey account list")
  }
}

extension AccountStatusAnswer {
  fileprivate var lines: [(String, String)] {
    [
      ("id", account.id), ("username", account.username), ("made", account.createdAt),
      ("state", account.state),
      ("closes", closesAt ?? "-"), ("two-step verification", twoStepSince.map { "since \($0)" } ?? "off"),
      ("recovery code", recoveryCodeMadeAt.map { "made \($0)" } ?? "none"),
      ("checked", recoveryCodeCheckedAt ?? "-"), ("sessions", "\(sessions)"),
    ]
      + proofs.map { ($0.kind, "since \($0.since)\($0.senior ? "" : ", younger than 30 days")") }
  }
}
