import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyServices
import SparekeyWeb

/// `sparekey client …`: the apps that people sign in to through this service (A1).
struct ClientCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "client", abstract: "Register the apps that people sign in to.",
    subcommands: [Create.self, List.self, Show.self, RotateSecret.self, Delete.self])

  struct Create: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Register an app.",
      discussion:
        "The secret of a confidential client is printed once. See docs/apps.md for what an app does with it.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "What people read when they are asked.")
    var name: String
    @Option(
      name: .customLong("redirect-uri"), help: "Where people come back to, letter by letter; may be repeated."
    )
    var redirectURIs: [String] = []
    @Flag(
      name: .customLong("public"), help: "The app runs in a browser or on a phone and can keep no secret.")
    var isPublic = false
    @Option(
      name: .customLong("post-logout-uri"), help: "Where people may go after signing out; may be repeated.")
    var postLogoutURIs: [String] = []
    @Option(
      name: .customLong("back-channel-logout-uri"), help: "Where the app is told that someone signed out.")
    var backChannelLogoutURI: String?
    @Option(help: "How its ID tokens are signed: ES256, or RS256 for apps that know nothing else.")
    var algorithm = SigningAlgorithm.es256
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let registered = try await clients(flags).register(
        Clients.New(
          name: name, kind: isPublic ? .public : .confidential, redirectURIs: redirectURIs,
          postLogoutURIs: postLogoutURIs, backChannelLogoutURI: backChannelLogoutURI, algorithm: algorithm))
      let (client, secret) = (registered.client, registered.secret)
      if json { return try printJSON(ClientAnswer(client, secret: secret)) }
      print("Registered \(client.name).\n\nclient id\t\(client.id)")
      if let secret { print("secret\t\(secret.revealedText)\n\nThe secret is shown only now.") }
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the apps, by name.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let all = try await clients(flags).all()
      if json { return try printJSON(all.map { ClientAnswer($0) }) }
      if all.isEmpty { print("No app is registered.") }
      for client in all {
        print("\(client.id)\t\(client.kind.rawValue)\t\(client.origin.words)\t\(client.name)")
      }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one app.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The client id.")
    var id: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      guard let client = try await clients(flags).client(ClientID(text: id)) else {
        throw noSuchClient(id)
      }
      let printed = ClientAnswer(client)
      if json { return try printJSON(printed) }
      for (name, value) in printed.lines { print("\(name)\t\(value)") }
    }
  }

  struct RotateSecret: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Give an app a new secret; the old one stops working at once.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The client id.")
    var id: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let secret = try await explained(id) {
        try await clients(flags).rotateSecret(of: ClientID(text: id)).revealedText
      }
      if json { return try printJSON(["id": id, "secret": secret]) }
      print("secret\t\(secret)\n\nThe secret is shown only now.")
    }
  }

  struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Forget an app, with all that people allowed it. Its tokens stop working at once.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The client id.")
    var id: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      try await explained(id) { try await clients(flags).delete(ClientID(text: id)) }
      if json { return try printJSON(["id": id]) }
      print("The app is forgotten.")
    }
  }
}

extension SigningAlgorithm: ExpressibleByArgument {}

private func clients(_ flags: SettingFlags) throws -> Clients {
  forbidMemoryDumps()
  keepFilesPrivate()
  return try Composition.make(flags.settings()).site.clients
}

private func noSuchClient(_ id: String) -> Settings.Problem {
  Settings.Problem(description: "There is no client \(id). See: sparekey client list")
}

private func explained<Answer>(_ id: String, _ act: () async throws -> Answer) async throws -> Answer {
  do {
    return try await act()
  } catch Refusal.notFound {
    throw noSuchClient(id)
  } catch Refusal.clientFromFile {
    throw Settings.Problem(
      description: "\(id) is described in the configuration file. Change it there, and restart the service.")
  } catch Refusal.clientIsPublic {
    throw Settings.Problem(description: "\(id) is a public client: it has no secret.")
  }
}

extension Client.Origin {
  fileprivate var words: String {
    switch self {
    case .operator: "by command"
    case .file: "in the file"
    case .formerlyFile: "in the file no more"
    }
  }
}

extension ClientAnswer {
  fileprivate var lines: [(String, String)] {
    [
      ("id", id), ("name", name), ("kind", kind), ("redirect addresses", redirectUris.joined(separator: " ")),
      ("addresses after signing out", postLogoutUris.joined(separator: " ")),
      ("back-channel logout", backChannelLogoutUri ?? "-"), ("algorithm", algorithm), ("created", createdAt),
      ("registered", Client.Origin(rawValue: origin)?.words ?? origin),
    ]
  }
}
