import SparekeyCore
import Testing

@Suite struct `Master keys` {
  typealias Master = KeyRing.Master

  let first = Master(id: 1, secret: Secret(Array(repeating: 7, count: 32)))
  let start = Timestamp(milliseconds: 1_800_000_000_000)

  func secret(_ number: UInt8) -> Secret { Secret(Array(repeating: number, count: 32)) }

  /// One, then two, then three masters, the last of them the current one.
  func stages() throws -> [MasterKeys] {
    let one = try #require(MasterKeys([first]))
    let two = try #require(one.adding(secret(8))).makingCurrent(at: start)
    return [one, two, try #require(two.adding(secret(9))).makingCurrent(at: start + .days(1))]
  }

  @Test func `O6: a waiting key opens and does not seal, until it is the current one`() throws {
    let one = try #require(MasterKeys([first]))
    let waiting = try #require(one.adding(secret(8)))
    #expect(waiting.current.id == 1 && waiting.waiting?.id == 2 && waiting.old.isEmpty)
    #expect(waiting.adding(secret(9)) == nil, "one at a time")
    let there = waiting.makingCurrent(at: start)
    #expect(there.current.id == 2 && there.current.since == start && there.waiting == nil)
    #expect(there.old.map(\.id) == [1] && there.successor(of: 1)?.id == 2 && there.successor(of: 2) == nil)
    // A node that waits reads what one that is ahead has sealed.
    let behind = KeyRing(waiting, randomness: .any)
    let ahead = KeyRing(there, randomness: .any)
    let sealed = ahead.seal([5], for: .contact, bound: "c")
    #expect(sealed.first == 2 && behind.open(sealed, for: .contact, bound: "c") == [5])
    #expect(behind.resealed(sealed, for: .contact, bound: "c") == nil, "never back to an older key")
    let token = Secret("token")
    #expect(behind.digests(sessionToken: token).contains(ahead.digest(sessionToken: token)))
    #expect(!behind.isOutdated(sessionDigest: ahead.digest(sessionToken: token)))
  }

  @Test(arguments: KeyPurpose.allCases.filter(\.endures))
  func `O6: what endures stays the same while keys come and go, in whatever order`(_ purpose: KeyPurpose)
    throws
  {
    let stages = try stages()
    let expected = KeyRing(stages[0], randomness: .any).digest("x", for: purpose)
    let later = [stages[1], stages[2], stages[1].retiring(1), stages[2].retiring(2), stages[2].retiring(1)]
    for keys in later + [later[3].retiring(1), later[4].retiring(2)] {
      #expect(KeyRing(keys, randomness: .any).digest("x", for: purpose) == expected)
    }
    #expect(later[4].retiring(2).masters.map(\.id) == [3])
    // An enduring purpose that came later derives from what was left behind, on every node alike.
    let kept = later[4].retiring(2).kept
    let grown = kept.filter { $0.key == .later }
    let one = try #require(MasterKeys([Master(id: 3, secret: secret(9))], kept: grown))
    let two = try #require(MasterKeys([Master(id: 4, secret: secret(1))], kept: grown))
    #expect(
      KeyRing(one, randomness: .any).digest("x", for: purpose)
        == KeyRing(two, randomness: .any).digest("x", for: purpose))
  }

  @Test func `O6: a retired key is nowhere in what is left, and opens nothing any more`() throws {
    let stages = try stages()
    let sealed = KeyRing(stages[0], randomness: .any).seal([5], for: .contact, bound: "c")
    let left = stages[1].retiring(1)
    #expect(left.masters.map(\.id) == [2])
    #expect(!left.kept.values.contains { $0.matches(first.secret) })
    #expect(Set(left.kept.keys) == Set(KeyPurpose.allCases.filter(\.endures)))
    #expect(KeyRing(left, randomness: .any).open(sealed, for: .contact, bound: "c") == nil)
    // None of what is left gives another of them, or a sealing key of the one that went.
    #expect(Set(left.kept.values.map { $0.withBytes { Array($0) } }).count == left.kept.count)
  }

  @Test func `O6: values are sealed again for the same place, and only those of older keys`() throws {
    let stages = try stages()
    let sealed = KeyRing(stages[0], randomness: .any).seal([5], for: .contact, bound: "c")
    let ring = KeyRing(stages[1], randomness: .any)
    let again = try #require(ring.resealed(sealed, for: .contact, bound: "c"))
    #expect(again.first == 2 && ring.open(again, for: .contact, bound: "c") == [5])
    #expect(ring.resealed(again, for: .contact, bound: "c") == nil)
    #expect(ring.resealed(sealed, for: .contact, bound: "d") == nil, "what does not open stays as it is")
    #expect(ring.resealed([], for: .contact, bound: "c") == nil)
    #expect(ring.resealed([9, 1], for: .contact, bound: "c") == nil)
  }

  @Test func `O6: a session is known under every key, also in the form of before there was rotation`() throws
  {
    let stages = try stages()
    let token = Secret("a token")
    let rings = stages.map { KeyRing($0, randomness: .any) }
    let former = Array(rings[0].digest(sessionToken: token).dropFirst())
    #expect(former.count == 32)
    for (index, ring) in rings.enumerated() {
      let known = Array(ring.digests(sessionToken: token))
      #expect(known.first == ring.digest(sessionToken: token))
      for older in rings[...index] {
        let digest = older.digest(sessionToken: token)
        #expect(known.contains(digest))
        #expect(ring.isOutdated(sessionDigest: digest) == (older !== ring))
      }
      #expect(known.contains(former) && ring.isOutdated(sessionDigest: former) == (index > 0))
      #expect(ring.master(ofSessionDigest: former) == 1)
      #expect(!known.contains(rings[0].digest(sessionToken: Secret("another"))))
    }
    let without = KeyRing(stages[1].retiring(1), randomness: .any)
    #expect(Array(without.digests(sessionToken: token)) == [rings[1].digest(sessionToken: token)])
  }

  @Test func `O6: a ring takes new keys, and neither another installation's nor fewer than it seals with`()
    throws
  {
    let stages = try stages()
    let ring = KeyRing(stages[0], randomness: .any)
    let sealed = ring.seal([5], for: .contact, bound: "c")
    try ring.replace(with: stages[1])
    #expect(ring.seal([5], for: .contact, bound: "c").first == 2)
    #expect(throws: KeyRing.Misfit.withoutCurrent(2)) { try ring.replace(with: stages[0]) }
    let other = try #require(
      MasterKeys([Master(id: 1, secret: secret(3)), Master(id: 2, secret: secret(8))]))
    #expect(throws: KeyRing.Misfit.otherInstallation) { try ring.replace(with: other) }
    #expect(ring.open(sealed, for: .contact, bound: "c") == [5])
    try ring.replace(with: stages[1].retiring(1))
    #expect(ring.open(sealed, for: .contact, bound: "c") == nil)
  }

  @Test func `O6: what is sealed with a key that is not known yet makes the ring look, once it is there`()
    throws
  {
    let stages = try stages()
    let ring = KeyRing(stages[0], randomness: .any)
    let sealed = KeyRing(stages[1], randomness: .any).seal([5], for: .contact, bound: "c")
    #expect(ring.open(sealed, for: .contact, bound: "c") == nil)
    ring.onMissing { try? ring.replace(with: stages[1]) }
    #expect(ring.open(sealed, for: .contact, bound: "c") == [5])
    let generation = ring.generation
    #expect(ring.open([77, 1, 2], for: .contact, bound: "c") == nil)
    #expect(ring.generation > generation)
  }

  @Test func `O6: there are no master keys without one that seals, or with two of one number`() {
    #expect(MasterKeys([]) == nil)
    #expect(MasterKeys([Master(id: 1, secret: secret(1), isWaiting: true)]) == nil)
    #expect(MasterKeys([first, first]) == nil)
    #expect(MasterKeys([first], kept: [.decoy: secret(1)]) == nil, "the root of later ones is missing")
    #expect(MasterKeys([first], kept: [.later: secret(1), .contact: secret(1)]) == nil)
    #expect(MasterKeys([Master(id: 255, secret: secret(1))])?.adding(secret(2)) == nil)
  }
}
