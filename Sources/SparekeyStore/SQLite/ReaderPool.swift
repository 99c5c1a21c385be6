import Dispatch
import NIOConcurrencyHelpers

/// Connections that only read, made when they are needed and lent to one thread at a time.
final class ReaderPool: Sendable {
  /// At a time; whoever comes then waits for the microseconds that a read takes.
  private static let most = 4

  private let path: String
  private let free = NIOLockedValueBox<[SQLiteConnection]>([])
  private let places = DispatchSemaphore(value: ReaderPool.most)

  init(_ path: String) { self.path = path }

  func read<Answer>(_ body: (SQLiteConnection) throws -> Answer) throws -> Answer {
    places.wait()
    defer { places.signal() }
    let reader = try free.withLockedValue { $0.popLast() } ?? SQLiteConnection(path, for: .reading)
    defer { free.withLockedValue { $0.append(reader) } }
    return try reader.snapshot { try body(reader) }
  }

  /// Nothing may be read afterwards.
  func close() {
    for reader in free.withLockedValue({ free in
      defer { free = [] }
      return free
    }) {
      reader.close()
    }
  }
}
