import ArgumentParser
import SparekeyCore
import SparekeyWeb

/// `sparekey agent …`: who answers cases in the support console (G4).
struct AgentCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "agent", abstract: "Say who answers people who write to support.",
    discussion: """
      Agents sign in as everyone does and work at /support. They need two-step verification at everything they do. \
      A recovery for someone who can show nothing needs two of them.
      """,
    subcommands: [Add.self, Remove.self, List.self])

  struct Add: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make an account an agent. It needs two-step verification.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "The name of the account.")
    var username: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let isNew = try await explained(username) {
        try await Composition.make(flags.settings()).site.agents.add(username: username)
      }
      if json { return try printJSON(AgentChange(username: username, changed: isNew)) }
      print(isNew ? "\(username) is an agent now." : "\(username) was an agent already.")
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Take the role back, at once.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "The name of the account.")
    var username: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let wasOne = try await explained(username) {
        try await Composition.make(flags.settings()).site.agents.remove(username: username)
      }
      if json { return try printJSON(AgentChange(username: username, changed: wasOne)) }
      print(wasOne ? "\(username) is no agent any more." : "\(username) was no agent.")
    }
  }

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "List the agents.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let agents = try await Composition.make(flags.settings()).site.agents.list().map(AgentAnswer.init)
      if json { return try printJSON(agents) }
      if agents.isEmpty { print("There are no agents. See: sparekey agent add --help") }
      for agent in agents {
        print(
          "\(agent.username)\tsince \(agent.since)\(agent.twoStep ? "" : "\ttwo-step verification is off")")
      }
    }
  }
}

private struct AgentChange: Encodable {
  let username: String
  let changed: Bool
}

private func explained<Answer>(_ username: String, _ act: () async throws -> Answer) async throws -> Answer {
  do {
    return try await found(username, act)
  } catch Refusal.support(.twoStepNeeded) {
    throw Settings.Problem(
      description: "\(username) has to turn on two-step verification first, at /account/two-step.")
  }
}
