import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyWeb

/// `sparekey hold …`: watching recoveries that wait. No command starts, shortens, lengthens or ends one: only the clock
/// completes a hold, and only the account's owner stops it.
struct HoldCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold", abstract: "Watch recoveries that wait.",
    discussion:
      "A hold cannot be shortened, lengthened or ended here: only its owner stops it, by signing in.",
    subcommands: [List.self, Show.self, Resume.self])

  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the holds that are open, the next to end first.")

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let open = try await Composition.make(flags.settings()).site.holds.allOpen().map(WatchedHoldAnswer.init)
      if json { return try printJSON(open) }
      if open.isEmpty { print("No hold is open.") }
      for hold in open { print("\(hold.id)\t\(hold.username)\t\(hold.state)\tuntil \(hold.effectiveAt)") }
    }
  }

  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Show one hold, open or ended.")

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The hold's id.")
    var id: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let holds = try Composition.make(flags.settings()).site.holds
      guard let status = try await holds.status(forOperator: HoldID(text: id)) else {
        throw Settings.Problem(description: "There is no hold \(id). See: sparekey hold list")
      }
      let hold = WatchedHoldAnswer(status)
      if json { return try printJSON(hold) }
      for (name, value) in hold.lines { print("\(name)\t\(value)") }
    }
  }

  struct Resume: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Let holds complete again after the clock jumped.",
      discussion: """
        Completions stop when the clock runs ahead of the time that really passed. Set the clock right first: \
        what is due by it completes within a second of this command.
        """)

    @OptionGroup var flags: SettingFlags
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
      let holds = try Composition.make(flags.settings()).site.holds
      let stoppedAt = try await holds.completionsStoppedAt()
      try await holds.letCompletionsGoOn()
      if json {
        struct Answer: Encodable { let wereStopped: Bool }
        return try printJSON(Answer(wereStopped: stoppedAt != nil))
      }
      print(
        stoppedAt.map { "Holds complete again; they were stopped at \($0.iso8601)." }
          ?? "Nothing was stopped: holds complete when they are due.")
    }
  }
}

extension WatchedHoldAnswer {
  fileprivate var lines: [(String, String)] {
    [
      ("id", id), ("claim number", claimNumber), ("username", username), ("purpose", purpose),
      ("state", state),
      ("started", startedAt), ("takes effect", effectiveAt), ("ended", endedAt ?? "-"),
      ("policy row", "\(row)"),
      ("evidence", evidence.joined(separator: ", ")), ("claimed from", claimedFrom),
      ("owner told", ownerTold ? "yes" : "no"), ("account frozen", accountFrozen ? "yes" : "no"),
    ]
  }
}
