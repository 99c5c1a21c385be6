import Foundation
import SparekeyCore
import Testing

@testable import sparekey

@Suite struct `Nodes, faults and people` {
  /// `make simulate SEED=7` tells one story; `make simulate SEEDS=100000` many.
  private static func number(_ name: String) -> Int? {
    ProcessInfo.processInfo.environment[name].flatMap(Int.init)
  }
  static let seeds = number("SIMULATIONS") ?? 1_000
  static let firstSeed = UInt64(number("SIMULATION_SEED") ?? 1)
  static let length = 200

  /// What a thousand stories must come to, or they prove nothing.
  private static let mustHappen = [
    "raced", "asked again", "late commit", "told twice", "time passes over something", "node jumps",
    "database jumps", "crash before", "crash after", "recovered", "hold running", "hold completed",
    "hold stopped", "hold contested", "hold frozen", "frozen", "stop", "pause", "resume", "disown", "settle",
    "fail finish", "lose finish", "doubt finish", "again finish", "lose change", "doubt change", "fail work",
    "lose work", "doubt work", "lose signIn", "lose pause", "lose stop",
  ]

  @Test
  func
    `Q4, C9, H11, T16, T27: whatever fails, nothing is lost, nothing happens twice, and all is well in the end`()
    async throws
  {
    let counts = try await withThrowingTaskGroup(of: [String: Int].self) { group in
      for lane in 0..<2 {
        group.addTask {
          let theater = try await Theater()
          var counts: [String: Int] = [:]
          for number in stride(from: lane, to: Self.seeds, by: 2) where !Task.isCancelled {
            let told = try await theater.play(Self.firstSeed + UInt64(number), length: Self.length)
            counts.merge(told.counts, uniquingKeysWith: +)
            // Asked for alone, it is told.
            if Self.seeds == 1 { print(told.events.joined(separator: "\n")) }
          }
          return counts
        }
      }
      return try await group.reduce(into: [:]) { $0.merge($1, uniquingKeysWith: +) }
    }
    let summary = counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    print("simulation: \(Self.seeds) stories from seed \(Self.firstSeed): \(summary)")
    for what in Self.mustHappen {
      #expect(Self.seeds < 1_000 || counts[what] != nil, "\(what)")
    }
  }

  @Test func `a seed tells the same story again`() async throws {
    let theater = try await Theater()
    for seed in UInt64(1)...12 {
      let first = try await theater.play(seed, length: Self.length)
      let second = try await theater.play(seed, length: Self.length)
      #expect(first.trace == second.trace)
      #expect(first.events == second.events)
    }
  }
}

/// Where stories are told, one after the other.
struct Theater {
  private let world: World
  private let beginnings: [Beginning]

  init() async throws {
    world = try World(limits: false, inMemory: true, randomness: .seeded(0))
    beginnings = try await Beginning.all(in: world)
  }

  /// - Throws: `Story.Broken`, with the fewest steps that still break the promise, and how to tell it again.
  func play(_ seed: UInt64, length: Int) async throws -> Simulation {
    do {
      return try await tell(seed, Array(0..<length))
    } catch let first as Story.Broken {
      var steps = Array(0..<length)
      var shortest = first
      // Whole stretches first.
      for size in [64, 16, 4, 1] {
        for start in stride(from: 0, to: length, by: size).reversed() {
          let fewer = steps.filter { $0 < start || start + size <= $0 }
          guard fewer.count < steps.count else { continue }
          do {
            _ = try await tell(seed, fewer)
          } catch let broken as Story.Broken {
            (steps, shortest) = (fewer, broken)
          } catch {}
        }
      }
      throw Story.Broken(
        seed: seed, events: shortest.events, promise: "\(shortest.promise)\nmake simulate SEED=\(seed)")
    }
  }

  private func tell(_ seed: UInt64, _ steps: [Int]) async throws -> Simulation {
    guard let memory = world.memory else { throw Refusal.notFound }
    let beginning = beginnings[Int(seed / 4 % UInt64(beginnings.count))]
    let simulation = try Simulation(beginning, in: world, memory: memory, seed: seed)
    try await simulation.tell(steps)
    return simulation
  }
}
