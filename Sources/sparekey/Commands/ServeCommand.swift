import ArgumentParser
import FoundationEssentials
import Glibc
import SparekeyCore
import SparekeyServices
import SparekeyStore

/// `sparekey serve`
struct ServeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "serve", abstract: "Serve accounts. Without any configuration it runs on this machine alone."
  )

  @OptionGroup var flags: SettingFlags
  @Flag(
    help:
      "Make a demo account, and print how to sign in to it. Refused unless the public URL is local, or allow-unsafe=on."
  )
  var demo = false

  /// A former copy of the key file would be served with, and take right passwords for wrong ones.
  private func checkKeys(of composition: Composition) async throws {
    let settings = composition.settings
    let hasKeys: Bool
    do {
      hasKeys = try await Resealing(composition.ports).hasKeysOfFirst()
    } catch let problem as StoreProblem {
      guard case .sqlite(let path) = try settings.database() else { throw problem }
      throw Settings.Problem(description: "The database \(path) cannot be read: \(problem)")
    }
    guard hasKeys else {
      throw Settings.Problem(
        description:
          "The key file \(settings.dataFolder)/sparekey.keys lacks keys that are in use in the database. Is it a copy "
          + "from before its keys were changed? See: sparekey keys list")
    }
  }

  func run() async throws {
    forbidMemoryDumps()
    keepFilesPrivate()
    let settings = try flags.settings()
    try settings.refuseUnsafe(demo: demo)
    if settings.holdPeriodIsShort { warnOfShortHolds(settings[.holdPeriod].text) }
    let composition = try Composition.make(settings)
    try await checkKeys(of: composition)
    let address = try settings.site().publicURL
    for client in try await composition.site.clients.apply(settings.clients) {
      composition.site.logger.warning(
        "an app stands in the configuration file no more, and works on", metadata: ["client": "\(client.id)"])
    }
    let account = demo ? try await DemoAccount.make(with: composition) : nil
    try await composition.run { port in
      let shown = settings.port == 0 ? "http://localhost:\(port)" : address.text
      print("Sparekey is ready: \(shown)")
      if let account {
        print(
          """

          A demo account is waiting for you.
            Sign in        \(shown)/sign-in
            Username       \(account.username)
            Password       \(account.password)   (until you change it)
            Security page  \(shown)/account/security
            Its mail       \(settings.dataFolder)/outbox/
          """)
      }
      print("\nStop with Ctrl-C.")
      fflush(nil)
    }
  }
}

/// Nobody should find out about it from a stolen account.
private func warnOfShortHolds(_ period: String) {
  let line = String(repeating: "*", count: 78)
  writeToStandardError(
    """
    \(line)
    WARNING: hold-period is \(period). A recovery takes effect that soon, before most
    owners read about it and can stop it. This is for tests; the default is 30d.
    \(line)

    """)
}

/// An account to try everything with; its password is drawn when it is made and kept beside the demo's data.
struct DemoAccount: Sendable {
  let username = "demo"
  let password: String

  static func make(with composition: Composition) async throws -> DemoAccount {
    let ports = composition.ports
    let file = "\(composition.settings.dataFolder)/demo-password"
    let kept = try? String(contentsOfFile: file, encoding: .utf8)
    if try await ports.database.read({ try $0.account(canonicalName: "demo") }) != nil {
      guard let kept else {
        throw Settings.Problem(
          description: "The password of the demo account is gone from \(file). Use another --data folder.")
      }
      return DemoAccount(password: kept)
    }
    // The password is kept before there is an account: stopped in between, the next start goes on with it.
    let password = kept ?? composition.site.suggestPassphrase()
    guard
      FileManager.default.createFile(
        atPath: file, contents: Data(password.utf8), attributes: [.posixPermissions: 0o600])
    else {
      throw Settings.Problem(description: "The folder \(composition.settings.dataFolder) cannot be written.")
    }
    let source = Source(address: "this machine", agent: "sparekey serve --demo")
    let account = try await composition.site.signUp.createByOperator(
      username: "demo", password: password, email: "demo@example.org", source: source)
    // The demo's mailbox is the outbox folder of the same machine, so there is nothing to prove about it.
    try await ports.database.write { transaction in
      for contact in try transaction.contacts(of: account.id) {
        _ = try transaction.confirm(contact.id, at: transaction.now)
      }
    }
    return DemoAccount(password: password)
  }
}
