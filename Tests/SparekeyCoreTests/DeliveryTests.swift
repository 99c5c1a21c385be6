import SparekeyCore
import Testing

@Suite struct `Messages that do not go` {
  func failure(_ problem: Undelivered, tries: Int) -> FailedDelivery {
    FailedDelivery(id: "id", tries: tries, problem: problem)
  }

  @Test func `H6: a message is tried quickly at first, never more than an hour apart, for about three days`()
  {
    var (tries, waited) = (1, Duration.zero)
    while !failure(.unreachable("down"), tries: tries).isFinal {
      let wait = failure(.unreachable("down"), tries: tries).wait
      #expect(wait >= .seconds(2) && wait <= .hours(1))
      if tries == 3 { #expect(waited + wait <= .seconds(30), "an outage of seconds costs seconds") }
      waited += wait
      tries += 1
    }
    #expect(waited > .hours(70) && waited < .hours(74))
  }

  @Test func `O1: what is refused for good is given up at once, what the service itself stopped never`() {
    #expect(failure(.refusedForGood(reply: 550), tries: 1).isFinal)
    for passing: Undelivered in [
      .unreachable(""), .untrusted(""), .notEncrypted, .loginRefused(reply: 535), .refusedForNow(reply: 451),
    ] { #expect(!failure(passing, tries: 1).isFinal) }
    #expect(!failure(.interrupted, tries: 500).isFinal)
    #expect(failure(.interrupted, tries: 1).wait == .zero)
  }
}
