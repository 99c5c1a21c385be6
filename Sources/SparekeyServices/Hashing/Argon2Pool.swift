import CHashMemory
import CSodium
import Dispatch
import NIOConcurrencyHelpers
import SparekeyCore

/// Argon2id on threads of its own, as many as cores, behind a bounded queue that is fair by source: hashing can never
/// take the service down, and a full queue says so at once (T9, Q3).
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
    var waiting: FairQueue<Job>
    var nextID: UInt64 = 0
    var running = 0
    var closed = false
  }

  package let costs: HashCosts
  private let threadCount: Int
  private let state: NIOLockedValueBox<State>
  private let jobs = DispatchSemaphore(value: 0)
  /// A thread without work gives its memory back after this time.
  private static let memoryKeptFor = DispatchTimeInterval.seconds(10)

  /// - Parameters:
  ///   - threads: hashes at a time; each takes its cost's memory.
  ///   - queue: waiting hashes at most. At 30 ms each, 64 on two threads wait for about a second.
  package init(threads: Int, queue: Int = 64, costs: HashCosts = HashCosts()) {
    precondition(sodium_init() >= 0, "libsodium cannot start without randomness")
    self.costs = costs
    state = NIOLockedValueBox(State(waiting: FairQueue(room: queue)))
    threadCount = max(1, threads)
    for _ in 0..<threadCount {
      let started = startThread("hash") { [weak self, jobs] in
        while true {
          if jobs.wait(timeout: .now() + Self.memoryKeptFor) == .timedOut {
            hash_memory_release()
            jobs.wait()
          }
          guard let self, self.hashNext() else { return hash_memory_release() }
        }
      }
      precondition(started, "there is no thread for hashing")
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
      return state.waiting.removeAll()
    }
    for job in left { job.refuse(Refusal.busy(retryAfterSeconds: 1)) }
    for _ in 0..<threadCount { jobs.signal() }
  }

  package func checkRoom(for source: Source, toBegin: Bool) throws(Refusal) {
    let hasRoom = state.withLockedValue { state in
      !state.closed && state.waiting.hasRoom(for: source.address, toBegin: toBegin)
    }
    guard hasRoom else { throw .busy(retryAfterSeconds: 1) }
  }

  package func hash(_ secret: Secret, salt: [UInt8], cost: HashCost, for source: Source) async throws
    -> [UInt8]
  {
    try await inTurn(source.address) { try Self.argon2id(secret, salt: salt, cost: cost) }
  }

  package func matches(_ secret: Secret, _ hash: ForeignHash, for source: Source) async throws -> Bool {
    try await inTurn(source.address) { try hash.isOf(secret) }
  }

  private func inTurn<Answer: Sendable>(
    _ source: String, _ work: @escaping @Sendable () throws -> Answer
  ) async throws -> Answer {
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
        let (displaced, waits) = state.withLockedValue { state -> (Job?, Bool) in
          guard !state.closed, !Task.isCancelled else { return (job, false) }
          let before = state.waiting.count
          let displaced = state.waiting.add(job, id: id, from: source)
          return (displaced, state.waiting.count > before)
        }
        displaced?.refuse(Refusal.busy(retryAfterSeconds: 1))
        if waits { jobs.signal() }
      }
    } onCancel: {
      // Whoever asked is gone: what still waits costs nothing.
      state.withLockedValue { $0.waiting.remove(id, from: source) }?.refuse(CancellationError())
    }
  }

  /// - Returns: false when the pool is closed.
  private func hashNext() -> Bool {
    let (job, closed) = state.withLockedValue { state -> (Job?, Bool) in
      guard let job = state.waiting.next() else { return (nil, state.closed) }
      state.running += 1
      return (job, false)
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
    hash_memory_keep(true)
    defer { hash_memory_keep(false) }
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
