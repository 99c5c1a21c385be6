import NIOConcurrencyHelpers

/// Where everything that happens at once waits for its turn. What waits goes on only when told so, one at a time, and
/// nobody is told before that one waits again or has come to its end: so a seed decides every order there is.
final class Stage: Sendable {
  struct Waiting: Sendable {
    let number: Int
    let turn: Int
    let node: Int
    let point: Point
    fileprivate let continuation: CheckedContinuation<Order, Never>
  }

  /// Where transactions wait: before they begin, before they commit, and with an answer on its way.
  enum Point: String { case begin, commit, answer }

  enum Order: String {
    case go
    /// Not written; said so.
    case fail
    /// Written; the answer is lost.
    case lose
    /// Not written, or later; nobody knows.
    case doubt
    /// In another's way: the body runs again.
    case again
    /// The node is gone.
    case crash
  }

  private struct State {
    var waiting: [Waiting] = []
    var next = 0
    var quiet: CheckedContinuation<Void, Never>?
  }

  private let state = NIOLockedValueBox(State())

  /// The longest waiting first.
  var waiting: [Waiting] { state.withLockedValue { $0.waiting } }

  func wait(turn: Int, node: Int, at point: Point) async -> Order {
    await withCheckedContinuation { continuation in
      rest { state in
        state.waiting.append(
          Waiting(number: state.next, turn: turn, node: node, point: point, continuation: continuation))
        state.next += 1
      }
    }
  }

  /// Lets one go on, until it waits again.
  func resume(_ one: Waiting, _ order: Order) async {
    await withCheckedContinuation { quiet in
      state.withLockedValue { state in
        state.waiting.removeAll { $0.number == one.number }
        state.quiet = quiet
      }
      one.continuation.resume(returning: order)
    }
  }

  /// Begins something, until it waits.
  func start(_ body: @escaping @Sendable () async -> Void) async {
    await withCheckedContinuation { quiet in
      state.withLockedValue { $0.quiet = quiet }
      Task {
        await body()
        rest { _ in }
      }
    }
  }

  private func rest(_ change: (inout State) -> Void) {
    let quiet = state.withLockedValue { state in
      change(&state)
      defer { state.quiet = nil }
      return state.quiet
    }
    quiet?.resume()
  }
}
