import MemoryStore
import SparekeyCore
import SparekeyStore

/// One node's way to the database that all nodes share. It keeps the contract of `PostgreSQLDatabase`: transactions are
/// serializable (one that was in another's way runs its body again), an error means that nothing was written, but for
/// `outcomeUnknown`.
struct NodeDatabase: Database {
  unowned let simulation: Simulation
  let node: Int
  /// Counts the starts of the node's program: what an earlier one left running is dead.
  let life: Int

  /// The program is gone in the midst of it.
  struct Crash: Error {}

  func read<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    _ = try await pass(.begin)
    let answer = simulation.attempt(body).answer
    _ = try await pass(.answer)
    return try answer.get()
  }

  func write<Answer: Sendable>(
    _ body: @escaping @Sendable (any Transaction) throws -> Answer
  ) async throws -> Answer {
    _ = try await pass(.begin)
    var attempt = simulation.attempt(body)
    if attempt.isDone {
      let order = try await pass(.commit)
      if order == .again || attempt.version != simulation.version {
        simulation.count("again")
        attempt = simulation.attempt(body)
      }
      if attempt.isDone {
        switch order {
        case .doubt:
          simulation.leaveInDoubt(body)
          throw StoreProblem.outcomeUnknown
        case .lose:
          simulation.commit(attempt)
          throw StoreProblem.outcomeUnknown
        default: simulation.commit(attempt)
        }
      }
    }
    _ = try await pass(.answer)
    return try attempt.answer.get()
  }

  private func pass(_ point: Stage.Point) async throws -> Stage.Order {
    let order = simulation.isLiving(node, life) ? await simulation.wait(on: node, at: point) : .crash
    switch order {
    case .crash: throw Crash()
    case .fail: throw StoreProblem.unavailable(reason: "simulated")
    default: return order
    }
  }
}

/// What a transaction would come to.
struct Attempt<Answer: Sendable> {
  let before: MemoryState
  let after: MemoryState
  /// How many commits there were before it.
  let version: Int
  let now: Timestamp
  let answer: Result<Answer, any Error>

  var isDone: Bool { if case .success = answer { true } else { false } }
}
