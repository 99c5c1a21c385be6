import CPostgres
import Dispatch
import FoundationEssentials
import NIOConcurrencyHelpers
import SparekeyCore

/// How long things may take. All of them are the client's own clocks: a frozen server says nothing.
package struct PostgreSQLPatience: Sendable {
  /// To reach one host.
  package var dial: Duration
  /// For the answer to one statement, or to a COMMIT.
  package var statement: Duration
  /// For a whole transaction, with waiting for a connection and every try.
  package var transaction: Duration
  /// To find out what became of a COMMIT without an answer, after that.
  package var doubt: Duration

  package init(
    dial: Duration = .seconds(1), statement: Duration = .milliseconds(1_500),
    transaction: Duration = .seconds(5), doubt: Duration = .seconds(5)
  ) {
    self.dial = dial
    self.statement = statement
    self.transaction = transaction
    self.doubt = doubt
  }
}

/// Connections with a thread of their own each, behind a bounded queue. Nothing here blocks a thread that serves
/// requests.
final class ConnectionPool: Sendable {
  /// Waiting, at most: beyond that the service says it is busy (Q3).
  private static let longestQueue = 1_000

  struct Job: Sendable {
    let run: @Sendable (Slot) -> Void
    let fail: @Sendable (any Error) -> Void
    let deadline: Deadline
  }

  /// What all threads know of the hosts.
  private struct Hosts {
    /// Where the next dial begins: the host that worked last.
    var first = 0
    /// Counts up when a host failed: connections from before are replaced when they are next used.
    var generations: [Int]
    /// When a commit was begun that every standby it needs has confirmed; nil after a failure.
    var confirmedAt: [Deadline?]
    /// A server that was a primary before another one was promoted has a lower one.
    var highestTimeline: UInt32 = 0
    var lastProblem = ""
  }

  private struct State {
    var waiting: [Job] = []
    var closed = false
    var hosts: Hosts
  }

  let patience: PostgreSQLPatience
  let address: PostgreSQLAddress
  private let threadCount: Int
  private let state: NIOLockedValueBox<State>
  private let jobs = DispatchSemaphore(value: 0)

  init(_ address: PostgreSQLAddress, connections: Int, patience: PostgreSQLPatience) {
    self.address = address
    self.patience = patience
    threadCount = max(1, connections)
    let count = address.hosts.count
    state = NIOLockedValueBox(
      State(
        hosts: Hosts(
          generations: Array(repeating: 0, count: count), confirmedAt: Array(repeating: nil, count: count))))
    for _ in 0..<threadCount {
      let started = startThread("postgresql") { [weak self, jobs] in
        let slot = Slot()
        while true {
          jobs.wait()
          guard let self, self.runNext(in: slot) else { return }
        }
      }
      precondition(started, "there is no thread for a connection to PostgreSQL")
    }
  }

  deinit { close() }

  /// Refuses what still waits and ends the threads, each with its connection.
  func close() {
    let left = state.withLockedValue { state in
      state.closed = true
      defer { state.waiting = [] }
      return state.waiting
    }
    for job in left { job.fail(Refusal.busy(retryAfterSeconds: 1)) }
    for _ in 0..<threadCount { jobs.signal() }
  }

  /// Runs the body on a thread that has, or makes, a connection. - Throws: `Refusal.busy` when none is free in time.
  func run<Answer: Sendable>(_ body: @escaping @Sendable (Lane) throws -> Answer) async throws -> Answer {
    try await withCheckedThrowingContinuation { continuation in
      enqueue({ lane in continuation.resume(with: Result { try body(lane) }) }) {
        continuation.resume(throwing: $0)
      }
    }
  }

  /// The same for work that nobody waits for.
  func enqueue(
    _ body: @escaping @Sendable (Lane) -> Void, fail: @escaping @Sendable (any Error) -> Void = { _ in }
  ) {
    let deadline = Deadline.now + patience.transaction
    let job = Job(
      run: { [self] in body(Lane(pool: self, slot: $0, deadline: deadline)) }, fail: fail,
      deadline: deadline)
    let accepted = state.withLockedValue { state in
      guard !state.closed, state.waiting.count < Self.longestQueue else { return false }
      state.waiting.append(job)
      return true
    }
    if accepted { jobs.signal() } else { fail(Refusal.busy(retryAfterSeconds: 1)) }
  }

  /// - Returns: false when the pool is closed.
  private func runNext(in slot: Slot) -> Bool {
    let (job, closed) = state.withLockedValue { state -> (Job?, Bool) in
      (state.waiting.isEmpty ? nil : state.waiting.removeFirst(), state.closed)
    }
    if let job {
      if job.deadline > .now {
        job.run(slot)
      } else {
        job.fail(Refusal.busy(retryAfterSeconds: 1))
      }
    }
    return !closed
  }

  // MARK: hosts

  /// Dials one host after the other, each with its own deadline, until one takes writes.
  func dial(until deadline: Deadline) throws -> PostgreSQLConnection {
    var pause = Duration.milliseconds(25)
    while true {
      let first = state.withLockedValue { $0.hosts.first }
      for step in address.hosts.indices {
        let number = (first + step) % address.hosts.count
        let generation = state.withLockedValue { $0.hosts.generations[number] }
        do {
          let connection = try open(
            number, generation: generation, until: min(deadline, .now + patience.dial))
          state.withLockedValue { state in
            state.hosts.first = number
            state.hosts.confirmedAt[number] = nil
          }
          return connection
        } catch let fault as PostgreSQLFault {
          state.withLockedValue { $0.hosts.lastProblem = "\(address.hosts[number].name): \(fault.reason)" }
        }
        guard deadline > .now else { throw unavailable() }
      }
      guard deadline > .now + pause else { throw unavailable() }
      sleep(for: pause)
      pause = min(pause * 2, .milliseconds(400))
    }
  }

  private func open(
    _ number: Int, generation: Int, until deadline: Deadline
  ) throws -> PostgreSQLConnection {
    let connection = try PostgreSQLConnection(
      to: address.hosts[number], number: number, generation: generation, until: deadline)
    guard try connection.run("SHOW transaction_read_only", until: deadline).text == "off" else {
      throw PostgreSQLFault.lost("it takes no writes")
    }
    try refuseOutlived(connection, until: deadline)
    // A backend whose client has gone must not keep its locks. Index scans: serializable transactions take whole
    // tables for read by a sequential scan. Engines that don't know one of these do without.
    for setting in [
      "idle_in_transaction_session_timeout = '5s'", "lock_timeout = '1s'", "statement_timeout = '10s'",
      "client_connection_check_interval = '1s'", "enable_seqscan = off", "jit = off",
    ] {
      do {
        _ = try connection.run("SET \(setting)", until: deadline)
      } catch PostgreSQLFault.refused { continue }
    }
    return connection
  }

  /// A primary that another one has replaced may not know it yet (trap d). Engines without timelines have ways of
  /// their own.
  private func refuseOutlived(_ connection: PostgreSQLConnection, until deadline: Deadline) throws {
    let log: String?
    do {
      log = try connection.run("SELECT pg_walfile_name(pg_current_wal_lsn())", until: deadline).text
    } catch PostgreSQLFault.refused {
      return
    }
    guard let timeline = log.flatMap({ UInt32($0.prefix(8), radix: 16) }) else { return }
    let highest = state.withLockedValue { state in
      state.hosts.highestTimeline = max(state.hosts.highestTimeline, timeline)
      return state.hosts.highestTimeline
    }
    guard timeline == highest else {
      throw PostgreSQLFault.lost("another server was promoted in its place")
    }
  }

  /// Whether the connection can be used: neither it nor its host failed since it was made.
  fileprivate func isGood(_ connection: PostgreSQLConnection) -> Bool {
    !connection.isBroken
      && state.withLockedValue { $0.hosts.generations[connection.host] == connection.generation }
  }

  /// The host failed: dials begin at the next one, and its other connections are used no more.
  func distrust(_ connection: PostgreSQLConnection) {
    let host = connection.host
    state.withLockedValue { state in
      guard state.hosts.generations[host] == connection.generation else { return }
      state.hosts.generations[host] += 1
      state.hosts.confirmedAt[host] = nil
      if state.hosts.first == host { state.hosts.first = (host + 1) % address.hosts.count }
    }
  }

  /// A commit that began then was confirmed over this connection.
  func confirm(_ connection: PostgreSQLConnection, at start: Deadline) {
    let host = connection.host
    state.withLockedValue { state in
      guard state.hosts.generations[host] == connection.generation else { return }
      state.hosts.confirmedAt[host] = max(state.hosts.confirmedAt[host] ?? start, start)
    }
  }

  /// Whether the connection's host has confirmed a commit since then.
  func isConfirmed(_ connection: PostgreSQLConnection, since: Deadline) -> Bool {
    state.withLockedValue { state in
      state.hosts.confirmedAt[connection.host].map { $0 >= since } ?? false
    }
  }

  /// In words for the log.
  func unavailable() -> StoreProblem {
    .unavailable(reason: state.withLockedValue { $0.hosts.lastProblem })
  }
}

/// A thread's connection, while it has one.
final class Slot {
  fileprivate(set) var connection: PostgreSQLConnection?
}

/// What one job has: a connection, and until when.
struct Lane {
  let pool: ConnectionPool
  private let slot: Slot
  let deadline: Deadline

  fileprivate init(pool: ConnectionPool, slot: Slot, deadline: Deadline) {
    self.pool = pool
    self.slot = slot
    self.deadline = deadline
  }

  /// The thread's connection, or a new one. - Throws: `StoreProblem.unavailable`.
  func connection(until deadline: Deadline) throws -> PostgreSQLConnection {
    if let connection = slot.connection, pool.isGood(connection) { return connection }
    slot.connection = nil
    let connection = try pool.dial(until: deadline)
    slot.connection = connection
    return connection
  }
}
