import Foundation
import SparekeyCore
import SparekeyStore

/// How many durable changes a second the SQLite engine completes, with one writer and with 64, grouped and not:
///
///     swift run -c release durable-writes [FOLDER] [SECONDS]
///
/// The kinds are measured in turn, several times, and medians are printed. FOLDER is where the disk in question is.
@main enum DurableWrites {
  static let rounds = 5

  static func main() async throws {
    let words = CommandLine.arguments
    let place = URL(filePath: words.count > 1 ? words[1] : FileManager.default.temporaryDirectory.path)
      .appending(path: "durable-writes-\(UUID())")
    let seconds = words.count > 2 ? Double(words[2]) ?? 2 : 2
    try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: place) }
    let clock = WallClock { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000)) }
    let grouped = try SQLiteDatabase(path: place.appending(path: "grouped.sqlite").path, clock: clock)
    let single = try SQLiteDatabase(
      path: place.appending(path: "single.sqlite").path, clock: clock, largestGroup: 1)

    for writers in [1, 64] {
      var rates: [[Double]] = [[], []]
      var latencies: [[Double]] = [[], []]
      for _ in 0..<rounds {
        for (kind, database) in [grouped, single].enumerated() {
          let (rate, latency) = try await measure(database, writers: writers, seconds: seconds)
          rates[kind].append(rate)
          latencies[kind].append(latency)
        }
      }
      let (grouped, single) = (median(rates[0]), median(rates[1]))
      print(
        "\(writers) writers: grouped \(Int(grouped))/s, median \(text(median(latencies[0]))) ms; "
          + "one change a commit \(Int(single))/s, median \(text(median(latencies[1]))) ms; "
          + "\(text(grouped / single)) times as many")
    }
  }

  /// Each writer spends ids, one after the other: one row a change.
  private static func measure(
    _ database: SQLiteDatabase, writers: Int, seconds: Double
  ) async throws -> (rate: Double, latency: Double) {
    let clock = ContinuousClock()
    let begun = clock.now
    let end = begun + .seconds(seconds)
    let account = AccountID(text: "nobody")
    let latencies = try await withThrowingTaskGroup(of: [Double].self) { group in
      for _ in 0..<writers {
        group.addTask {
          var latencies: [Double] = []
          while clock.now < end {
            let id = UUID().uuidString
            let asked = clock.now
            _ = try await database.write { try $0.spend(id, for: account) }
            latencies.append((clock.now - asked) / .milliseconds(1))
          }
          return latencies
        }
      }
      return try await group.reduce(into: []) { $0 += $1 }
    }
    return (Double(latencies.count) / ((clock.now - begun) / .seconds(1)), median(latencies))
  }

  private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

  private static func text(_ value: Double) -> String { String(format: "%.2f", value) }
}
