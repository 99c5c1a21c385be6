import Foundation
import RecoveryCode
import SparekeyCore
import SparekeyServices
import Testing

@Suite struct `New recovery codes` {
  /// `CODES=1000000 swift test --filter "row 32"` takes some minutes.
  static let count = ProcessInfo.processInfo.environment["CODES"].flatMap(Int.init) ?? 8_000

  @Test
  func `row 32: codes as the service makes them never repeat, and every symbol is as likely at every place`()
    throws
  {
    let master = KeyRing.Master(id: 1, secret: Secret(Randomness.system.bytes(32)))
    let keys = try #require(KeyRing(masters: [master], randomness: .system))
    let world = try World()
    let ports = Ports(
      database: world.ports.database, hashing: world.hashes, keys: keys, randomness: .system,
      clock: world.ports.clock, passwordRules: world.ports.passwordRules,
      passkeys: world.ports.passkeys, signing: world.ports.signing)
    var seen = Set<[UInt8]>(minimumCapacity: Self.count)
    var occurrences = [[Int]](repeating: Array(repeating: 0, count: 32), count: RecoveryCode.symbolCount)
    var sameAsBefore = [Int](repeating: 0, count: RecoveryCode.symbolCount)
    var before: [UInt8] = []
    for _ in 0..<Self.count {
      let symbols = Array(ports.newCode(seed: ports.randomness.bytes(32)).symbols)
      for (place, symbol) in symbols.enumerated() {
        occurrences[place][Int(symbol)] += 1
        if !before.isEmpty, before[place] == symbol { sameAsBefore[place] += 1 }
      }
      before = symbols
      seen.insert(symbols)
    }
    #expect(seen.count == Self.count)

    let expected = Double(Self.count) / 32
    for (place, counts) in occurrences.enumerated() {
      let chiSquare = counts.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
      // 31 degrees of freedom: more than 110 happens once in ten thousand million times, less than 3 as rarely.
      #expect((3...110).contains(chiSquare), "place \(place): \(chiSquare)")
      // The next code says nothing about this one: one in 32 places is the same, within seven standard deviations.
      #expect(abs(Double(sameAsBefore[place]) - expected) < 7 * expected.squareRoot(), "place \(place)")
    }
  }
}
