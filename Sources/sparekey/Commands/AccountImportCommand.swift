import ArgumentParser
import FoundationEssentials
import Glibc
import SparekeyCore
import SparekeyServices
import SparekeyWeb

extension AccountCommand {
  struct Import: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Bring accounts along from another system.",
      discussion: """
        FILE has one JSON object a line: username, passwordHash (bcrypt, scrypt, PBKDF2 or Argon2, as passlib, Django or \
        the reference programs write it), and perhaps emails and phones ([{"address": …, "confirmed": true}]) and \
        createdAt. Passwords go on working; each is hashed anew when its owner signs in. Nobody is written to.

        A line that cannot be taken is named and left out, the others are made. An import that was interrupted can be \
        run again: whoever is there already is counted and left as they are.
        """)

    @OptionGroup var flags: SettingFlags
    @Argument(help: "The file, or - for standard input.")
    var file: String
    @Flag(help: "Read everything, and write nothing.")
    var dryRun = false
    @Flag(help: "Print JSON.")
    var json = false

    /// In one transaction.
    private static let batch = 2_000
    private static let longestLine = 64 << 10

    struct Report: Encodable {
      var made = 0
      var alreadyThere = 0
      var refused = 0
    }

    func run() async throws {
      keepFilesPrivate()
      guard let input = fopen(file == "-" ? "/dev/stdin" : file, "r") else {
        throw Settings.Problem(
          description: "The file \(file) cannot be read: \(String(cString: strerror(errno))).")
      }
      defer { fclose(input) }
      let size = FileStatus(of: file)?.size
      let composition = try Composition.make(flags.settings())
      let accounts = AccountImport(composition.ports)
      let progress = ProgressLine()
      var report = Report()
      var waiting: [AccountImport.Entry] = []
      var (number, read) = (0, 0)

      // One batch is written while the next is read.
      var writing = Task<[Bool], any Error> { [] }

      func collect() async throws {
        let made = try await writing.value
        report.made += made.count { $0 }
        report.alreadyThere += made.count { !$0 }
        let share = size.map { " (\(100 * read / max($0, 1)) %)" } ?? ""
        progress.show("\(report.made) accounts\(share)")
      }
      func write() async throws {
        try await collect()
        writing = Task { [waiting, dryRun] in
          dryRun ? waiting.map { _ in true } : try await accounts.insert(waiting)
        }
        waiting.removeAll(keepingCapacity: true)
      }

      while let line = nextLine(of: input) {
        number += 1
        read += line.count + 1
        guard line.contains(where: { $0 > UInt8(ascii: " ") }) else { continue }
        do {
          guard line.count <= Self.longestLine else {
            throw AccountImport.Problem("it is longer than 64 KiB")
          }
          waiting.append(try AccountImport.read(line, now: composition.ports.clock.now()))
        } catch {
          report.refused += 1
          progress.clear()
          say("Line \(number): \(words(for: error, composition.site.texts)).")
        }
        if waiting.count == Self.batch { try await write() }
      }
      try await write()
      try await collect()
      progress.clear()
      if json {
        try printJSON(report)
      } else {
        print(
          "\(report.made) accounts \(dryRun ? "could be made" : "made"), \(report.alreadyThere) were there already, "
            + "\(report.refused) refused.")
      }
      if report.refused > 0 { throw ExitCode.failure }
    }

    private func words(for error: any Error, _ texts: Texts) -> String {
      guard case Refusal.field(let field, let problem) = error else { return "\(error)" }
      let text = texts.problem(problem, in: field.rawValue)
      return "its \(field.rawValue): \(text.hasSuffix(".") ? String(text.dropLast()) : text)"
    }

    private func say(_ text: String) { writeToStandardError("\(text)\n") }

    /// Without its line feed; nil at the end.
    private func nextLine(of input: UnsafeMutablePointer<FILE>) -> [UInt8]? {
      var text: UnsafeMutablePointer<CChar>?
      var capacity = 0
      defer { free(text) }
      let count = getline(&text, &capacity, input)
      guard count > 0, let text else { return nil }
      let bytes = UnsafeRawBufferPointer(start: text, count: count)
      return Array(bytes.last == UInt8(ascii: "\n") ? bytes.dropLast() : bytes[...])
    }
  }
}
