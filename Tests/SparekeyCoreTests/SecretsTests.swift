import SparekeyCore
import Testing

@Suite struct `Secrets` {
  @Test func `Q6: a secret cannot be printed, interpolated or mirrored`() {
    let secret = Secret("7KQ2M-ABCDE")
    #expect("\(secret)" == "<redacted>")
    #expect(String(describing: secret) == "<redacted>")
    #expect(String(reflecting: secret) == "<redacted>")
    #expect(Mirror(reflecting: secret).children.isEmpty)
    var dumped = ""
    dump(["key": secret], to: &dumped)
    #expect(!dumped.contains("7KQ2M"))
  }

  @Test func `Q6: a secret cannot be encoded`() {
    let secret: Any = Secret("7KQ2M-ABCDE")
    #expect(!(secret is any Encodable) && !(secret is any Decodable))
  }

  @Test func `secrets compare by content`() {
    #expect(Secret("abc").matches(Secret("abc")))
    #expect(!Secret("abc").matches(Secret("abd")))
    #expect(!Secret("abc").matches(Secret("ab")))
    #expect(Secret("").count == 0)
  }
}

@Suite struct `Keys` {
  let old = KeyRing.Master(id: 1, secret: Secret(Array(repeating: 7, count: 32)))
  let new = KeyRing.Master(id: 2, secret: Secret(Array(repeating: 9, count: 32)))

  @Test func `T13: what is sealed opens only for its purpose, its place and its key`() throws {
    let ring = try #require(KeyRing(masters: [old], randomness: .any))
    let sealed = ring.seal([1, 2, 3], for: .contact, bound: "contact/a/1")
    #expect(ring.open(sealed, for: .contact, bound: "contact/a/1") == [1, 2, 3])
    #expect(ring.open(sealed, for: .contact, bound: "contact/a/2") == nil)
    #expect(ring.open(sealed, for: .outbox, bound: "contact/a/1") == nil)
    for index in sealed.indices {
      var tampered = sealed
      tampered[index] ^= 1
      #expect(ring.open(tampered, for: .contact, bound: "contact/a/1") == nil)
    }
    #expect(ring.open([], for: .contact, bound: "") == nil)
    #expect(ring.open([1], for: .contact, bound: "") == nil)
  }

  @Test func `O6: after a rotation old seals open and digests stay the same`() throws {
    let before = try #require(KeyRing(masters: [old], randomness: .any))
    let after = try #require(KeyRing(masters: [old, new], randomness: .any))
    let sealed = before.seal([4], for: .passwordPepper, bound: "p")
    #expect(after.open(sealed, for: .passwordPepper, bound: "p") == [4])
    #expect(after.seal([4], for: .passwordPepper, bound: "p").first == 2)
    #expect(before.digest("name", for: .throttle) == after.digest("name", for: .throttle))
    let without = try #require(KeyRing(masters: [new], randomness: .any))
    #expect(without.open(sealed, for: .passwordPepper, bound: "p") == nil)
  }
}

@Suite struct `Throttle rules` {
  @Test func `T7: free tries, then doubling waits up to a longest one; never for ever`() {
    let rule = ThrottleRules.password
    #expect(rule.wait(afterTries: rule.free - 1) == .zero)
    #expect(rule.wait(afterTries: rule.free) == rule.firstWait)
    #expect(rule.wait(afterTries: rule.free + 1) == rule.firstWait * 2)
    for tries in 0..<1_000 { #expect(rule.wait(afterTries: tries) <= rule.longestWait) }
    #expect(rule.wait(afterTries: .max) == rule.longestWait)
  }
}
