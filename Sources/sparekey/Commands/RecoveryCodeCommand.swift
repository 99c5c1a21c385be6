import ArgumentParser
import FoundationEssentials
import RecoveryCode
import SparekeyCore

/// `sparekey recovery-code`: the recovery code format for people who test or implement it (C1, C11). `read` and
/// `generate` know no accounts and need no configuration.
struct RecoveryCodeCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "recovery-code",
    abstract: "Read or make recovery codes, to test implementations of the format.",
    discussion: "The format is described in docs/recovery-code-format.md.",
    subcommands: [Read.self, Generate.self, Ended.self])
}

extension RecoveryCodeCommand {
  /// For `sparekey restore --spent` (O5).
  struct Ended: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the codes that were used or replaced since a backup was made, one JSON object a line.",
      discussion: "Run it on the database that is given up. The list names no account and opens nothing.")

    @OptionGroup var flags: SettingFlags
    @Option(help: "When the backup was made, such as 2026-05-03T14:05:00Z.")
    var since: String

    func run() async throws {
      guard let time = try? Date(since, strategy: .iso8601) else {
        throw Settings.Problem(description: "--since is a time in UTC such as 2026-05-03T14:05:00Z.")
      }
      let codes = try await Composition.make(flags.settings()).site.restoring.codesEnded(
        since: Timestamp(milliseconds: Int64(time.timeIntervalSince1970 * 1_000)))
      for code in codes { try printJSONLine(code) }
    }
  }
}

extension RecoveryCodeCommand {
  struct Read: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read typed codes, one JSON string per line, and print one JSON object per line.")

    func run() throws {
      var number = 0
      while let line = readLine() {
        number += 1
        guard let text = try? JSONDecoder().decode(String.self, from: Data(line.utf8)) else {
          throw ValidationError("Line \(number) is not a JSON string.")
        }
        try printJSONLine(PrintedReading(RecoveryCode.read(text)))
      }
    }
  }

  struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make example codes that open nothing.",
      discussion: """
        A code opens an account only if it was made on that account's security page. What this prints belongs \
        to no account: it is for trying out an implementation of the format.
        """)

    @Flag(help: "Required: says that you want an example that opens nothing.")
    var example = false

    @Option(help: "How many codes to make.")
    var count = 1

    func validate() throws {
      guard example else {
        throw ValidationError(
          """
          The codes made here open nothing. Say --example if that is what you want; a code for an account is \
          made on its security page.
          """)
      }
      guard (1...1_000_000).contains(count) else {
        throw ValidationError("--count has to be 1 to 1000000.")
      }
    }

    func run() {
      for _ in 0..<count {
        print(RecoveryCode.generate().formatted)
      }
    }
  }
}

/// A reading in the form of the published test vectors.
private struct PrintedReading: Encodable {
  var result: String
  var code: String?
  var kind: String?
  var positions: [Int]?
  var wrongPosition: Int?
  var problem: String?
  var missing: Int?
  var extra: Int?
  var count: Int?
  var character: String?
  var group: Int?
  var place: Int?

  init(_ reading: Reading) {
    switch reading {
    case .code(let code):
      result = "code"
      self.code = code.formatted
    case .suggestion(let suggestion):
      result = "suggestion"
      code = suggestion.code.formatted
      kind = suggestion.kind == .wrongSymbol ? "wrongSymbol" : "unreadableSymbols"
      positions = suggestion.positions
      wrongPosition = suggestion.wrongPosition
    case .problem(let problem):
      result = "problem"
      set(problem)
    }
  }

  private mutating func set(_ problem: ReadingProblem) {
    switch problem {
    case .empty: self.problem = "empty"
    case .tooShort(let missing): (self.problem, self.missing) = ("tooShort", missing)
    case .tooLong(let extra): (self.problem, self.extra) = ("tooLong", extra)
    case .impossibleCharacter(let character, let group, let place):
      self.problem = "impossibleCharacter"
      (self.character, self.group, self.place) = (String(character), group, place)
    case .tooManyUnreadable(let count): (self.problem, self.count) = ("tooManyUnreadable", count)
    case .severalMistakes: self.problem = "severalMistakes"
    }
  }
}
