import Dispatch
import NIOConcurrencyHelpers

/// Where those wait who are turned away because the service is busy (T9): they are let go together, forty times a second.
/// Writing to one after the other takes less from those who are served than each for itself between two hashes, and who
/// tries again at once is slowed down.
final class Gate: Sendable {
  private let waiting = NIOLockedValueBox<[CheckedContinuation<Void, Never>]>([])
  private static let opensAfter = DispatchTimeInterval.milliseconds(25)

  func wait() async {
    await withCheckedContinuation { continuation in
      let isFirst = waiting.withLockedValue { waiting in
        waiting.append(continuation)
        return waiting.count == 1
      }
      guard isFirst else { return }
      DispatchQueue.global().asyncAfter(deadline: .now() + Self.opensAfter) { [self] in
        let all = waiting.withLockedValue { waiting in
          defer { waiting = [] }
          return waiting
        }
        for continuation in all { continuation.resume() }
      }
    }
  }
}
