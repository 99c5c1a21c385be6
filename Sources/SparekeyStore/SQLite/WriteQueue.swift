import Dispatch
import NIOConcurrencyHelpers
import SparekeyCore

/// One writer, several transactions per commit: what waits while a commit is flushed to disk is committed together
/// by the next flush, each in its own savepoint. One refused transaction undoes only itself; if the commit fails,
/// all of them fail.
package final class WriteQueue: Sendable {
  /// Together in one commit, at most: bounds how long the first of them waits.
  package static let largestGroup = 64
  /// Waiting, at most: beyond that the service says it is busy (Q3).
  private static let longestQueue = 10_000

  private struct Pending: Sendable {
    /// Runs the body in its savepoint. - Returns: what to tell its caller once the commit is done.
    let run: @Sendable (SQLiteConnection) throws -> @Sendable ((any Error)?) -> Void
    let fail: @Sendable (any Error) -> Void
  }

  private struct State {
    var pending: [Pending] = []
    var writing = false
  }

  private let writer: SQLiteConnection
  private let thread = DispatchQueue(label: "sqlite writer")
  private let largestGroup: Int
  private let state = NIOLockedValueBox(State())

  init(_ writer: SQLiteConnection, largestGroup: Int) {
    self.writer = writer
    self.largestGroup = largestGroup
  }

  func run<Answer: Sendable>(
    _ body: @escaping @Sendable (SQLiteConnection) throws -> Answer
  ) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      let pending = Pending(
        run: { writer in
          let outcome: Result<Answer, any Error>
          do {
            outcome = .success(try writer.savepoint { try body(writer) })
          } catch {
            // A full disk can end the whole transaction under the savepoint: then nobody's change holds.
            guard writer.isInTransaction else { throw error }
            outcome = .failure(error)
          }
          return { fault in continuation.resume(with: fault.map { .failure($0) } ?? outcome) }
        },
        fail: { continuation.resume(throwing: $0) })
      enqueue(pending)
    }
  }

  private func enqueue(_ pending: Pending) {
    let next: Next = state.withLockedValue { state in
      guard state.pending.count < Self.longestQueue else { return .refuse }
      state.pending.append(pending)
      guard !state.writing else { return .wait }
      state.writing = true
      return .write
    }
    switch next {
    case .refuse: pending.fail(Refusal.busy(retryAfterSeconds: 1))
    case .wait: break
    case .write: writeNextGroup()
    }
  }

  private enum Next { case refuse, wait, write }

  private func writeNextGroup() {
    thread.async { [self] in
      while let group = takeGroup() { commit(group) }
    }
  }

  /// Asks the connection that writes, outside of any transaction.
  func asked<Answer: Sendable>(_ question: @escaping @Sendable (SQLiteConnection) throws -> Answer)
    async throws
    -> Answer
  {
    try await withCheckedThrowingContinuation { continuation in
      thread.async { [writer] in continuation.resume(with: Result { try question(writer) }) }
    }
  }

  /// Nothing may be written afterwards.
  func close() async { _ = try? await asked { $0.close() } }

  private func takeGroup() -> [Pending]? {
    state.withLockedValue { state in
      guard !state.pending.isEmpty else {
        state.writing = false
        return nil
      }
      let group = Array(state.pending.prefix(largestGroup))
      state.pending.removeFirst(group.count)
      return group
    }
  }

  private func commit(_ group: [Pending]) {
    var answers: [@Sendable ((any Error)?) -> Void] = []
    do {
      try writer.transaction {
        for pending in group { answers.append(try pending.run(writer)) }
      }
      for answer in answers { answer(nil) }
    } catch {
      for answer in answers { answer(error) }
      for pending in group.dropFirst(answers.count) { pending.fail(error) }
    }
  }
}
