import CSodium
import Foundation
import NIOConcurrencyHelpers
import SparekeyCore

/// Argon2id on threads of its own, as many as cores, behind a bounded queue: hashing can never take the service down,
/// and a full queue says so at once (T9, Q3).
package final class Argon2Pool: SecretHashing {
  package struct HashingFailed: Error, CustomStringConvertible {
    package let memoryKiB: UInt32
    package var description: String { "hashing could not get its \(memoryKiB) KiB of memory" }
  }

  private struct Job: Sendable {
    let work: @Sendable () -> Void
    let refuse: @Sendable (any Error) -> Void
  }

  private struct State {
    var waiting: [UInt64: Job] = [:]
    var order: [UInt64] = []
    var nextID: UInt64 = 0
    var running = 0
    var closed = false
  }

  package let costs: HashCosts
  private let queueLength: Int
  private let threadCount: Int
  private let state = NIOLockedValueBox(State())
  private let jobs = DispatchSemaphore(value: 0)

  /// - Parameters:
  ///   - threads: hashes at a time; each takes its cost's memory.
  ///   - queue: waiting hashes at most. At 30 ms each, 64 on two threads wait for about a second.
  package init(threads: Int, queue: Int = 64, costs: HashCosts = HashCosts()) {
    precondition(sodium_init() >= 0, "libsodium cannot start without randomness")
    self.costs = costs
    queueLength = queue
    threadCount = max(1, threads)
    for number in 0..<threadCount {
      let thread = Thread { [weak self, jobs] in
        while true {
          jobs.wait()
          guard let self, self.hashNext() else { return }
        }
      }
      thread.name = "argon2-\(number)"
      thread.start()
    }
  }

  deinit { close() }

  /// Waiting hashes, for metrics.
  package var waiting: Int { state.withLockedValue { $0.waiting.count } }
  /// Hashes being computed, for metrics; never more than the threads.
  package var running: Int { state.withLockedValue { $0.running } }

  /// Refuses what still waits and ends the threads.
  package func close() {
    let left = state.withLockedValue { state in
      state.closed = true
      defer { (state.waiting, state.order) = ([:], []) }
      return Array(state.waiting.values)
    }
    for job in left { job.refuse(Refusal.busy(retryAfterSeconds: 1)) }
    for _ in 0..<threadCount { jobs.signal() }
  }

  package func hash(_ secret: Secret, salt: [UInt8], cost: HashCost) async throws -> [UInt8] {
    try await inTurn { try Self.argon2id(secret, salt: salt, cost: cost) }
  }

  package func matches(_ secret: Secret, _ hash: ForeignHash) async throws -> Bool {
    try await inTurn { try hash.isOf(secret) }
  }

  private func inTurn<Answer: Sendable>(_ work: @escaping @Sendable () throws -> Answer) async throws
    -> Answer
  {
    let id = state.withLockedValue { state in
      state.nextID += 1
      return state.nextID
    }
    return try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { continuation in
        let job = Job {
          continuation.resume(with: Result { try work() })
        } refuse: {
          continuation.resume(throwing: $0)
        }
        let accepted = state.withLockedValue { state in
          guard !state.closed, !Task.isCancelled, state.waiting.count < queueLength else { return false }
          // Whoever hangs up leaves an id behind; many in a row must not make the queue long.
          if state.order.count > 2 * queueLength { state.order.removeAll { state.waiting[$0] == nil } }
          state.waiting[id] = job
          state.order.append(id)
          return true
        }
        if accepted { jobs.signal() } else { job.refuse(Refusal.busy(retryAfterSeconds: 1)) }
      }
    } onCancel: {
      // Whoever asked is gone: what still waits costs nothing.
      state.withLockedValue { $0.waiting.removeValue(forKey: id) }?.refuse(CancellationError())
    }
  }

  /// - Returns: false when the pool is closed.
  private func hashNext() -> Bool {
    let (job, closed) = state.withLockedValue { state -> (Job?, Bool) in
      while !state.order.isEmpty {
        guard let job = state.waiting.removeValue(forKey: state.order.removeFirst()) else { continue }
        state.running += 1
        return (job, false)
      }
      return (nil, state.closed)
    }
    if let job {
      job.work()
      state.withLockedValue { $0.running -= 1 }
    }
    return !closed
  }

  /// RFC 9106 with one lane and 32 bytes of output. - Parameter salt: 16 bytes.
  private static func argon2id(_ secret: Secret, salt: [UInt8], cost: HashCost) throws -> [UInt8] {
    var output = [UInt8](repeating: 0, count: 32)
    let status = secret.withBytes { bytes -> Int32 in
      bytes.withMemoryRebound(to: CChar.self) { text -> Int32 in
        guard let start = text.baseAddress else { return -1 }
        return crypto_pwhash(
          &output, 32, start, UInt64(text.count), salt, UInt64(cost.passes), Int(cost.memoryKiB) * 1_024,
          crypto_pwhash_ALG_ARGON2ID13)
      }
    }
    guard status == 0 else { throw HashingFailed(memoryKiB: cost.memoryKiB) }
    return output
  }
}
