import ArgumentParser
import SparekeyCore
import SparekeyServices
import SparekeyWeb

/// `sparekey token …`: programs that work for the operator (O2).
struct TokenCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make tokens for the operator API.",
    discussion: "See docs/api.md for what programs do with one.",
    subcommands: [Create.self, List.self, Delete.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a token. It is printed once.",
      discussion: "Scopes are \(OperatorScope.allCases.map(\.rawValue).joined(separator: ", ")).")

    @OptionGroup var flags: SettingFlags
    @Option(
      help: "What the audit trail calls whoever uses it: 1 to 40 of a–z, 0–9, dot, dash and underscore.")
    var name: String
    @Option(name: .customLong("scope"), help: "What it may do; may be repeated.")
    var scopes: [OperatorScope] = []
    @Option(help: "How long it is good, such as 90d; or never, for until it is deleted.")
    var expires = "90d"
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let lifetime: Duration?
      do throws(Period.Unreadable) {
        lifetime = expires == "never" ? nil : try Period(expires).duration
      } catch {
        throw Settings.Problem(description: "--expires is \"\(expires)\"; \(error.description) Or: never.")
      }
      let (token, secret) = try await tokens(flags).create(
        name: name, scopes: Set(scopes), lifetime: lifetime)
      if json { return try printJSON(OperatorTokenAnswer(token, secret: secret)) }
      print(
        "\(secret.revealedText)\n\nThe token is shown only now. It is good "
          + (token.expiresAt.map { "until \($0.iso8601)." } ?? "until it is deleted."))
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the tokens, by name.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let all = try await tokens(flags).list().map { OperatorTokenAnswer($0) }
      if json { return try printJSON(all) }
      if all.isEmpty { print("There are no tokens. See: sparekey token create --help") }
      for token in all {
        print(
          [
            token.name, token.scopes.joined(separator: " "), "until \(token.expiresAt ?? "deleted")",
            token.lastUsedAt.map { "last used \($0)" } ?? "never used",
          ].joined(separator: "\t"))
      }
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Delete a token; it is good no more at once.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The token's name.")
    var name: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      try await tokens(flags).delete(name)
      if json { return try printJSON(["name": name]) }
      print("The token \(name) is deleted.")
    }
  }
}

extension OperatorScope: ExpressibleByArgument {}

private func tokens(_ flags: SettingFlags) throws -> OperatorTokens {
  forbidMemoryDumps()
  keepFilesPrivate()
  return try Composition.make(flags.settings()).site.operatorTokens
}
