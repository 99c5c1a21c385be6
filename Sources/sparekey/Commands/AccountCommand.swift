import ArgumentParser
import Foundation
import SparekeyCore
import SparekeyServices

/// `sparekey account …`
struct AccountCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "account", abstract: "Make accounts.", subcommands: [Create.self])

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
        let started = try await composition.site.signUp.createByOperator(
          username: username, password: readLine() ?? "", email: email,
          source: Source(address: "this machine", agent: "sparekey account create"))
        try await composition.site.sessions.signOut(
          composition.site.sessions.signedIn(by: started.token).session)
        if json {
          try printJSON(["id": started.account.id.text, "username": started.account.username])
        } else {
          print("Made the account \(started.account.username).")
        }
      } catch Refusal.field(let field, let problem) {
        let section = field == .password ? "newPassword" : field.rawValue
        throw Settings.Problem(description: composition.site.texts.problem(problem, in: section))
      }
    }
  }
}
