import Foundation
import SparekeyCore
import Testing

@Suite struct `Dates` {
  @Test func `a date is the one that another calendar has, over thousands of years`() {
    for _ in 0..<20_000 {
      let seconds = Int64.random(in: -2_000_000_000...250_000_000_000)
      let time = Timestamp(milliseconds: seconds * 1_000 + .random(in: 0..<1_000))
      #expect(time.iso8601 == Date(timeIntervalSince1970: Double(seconds)).ISO8601Format())
    }
  }

  @Test func `leap days, and the ends of days and centuries`() {
    let cases: [(Int64, String)] = [
      (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"),
      (951_782_400, "2000-02-29T00:00:00Z"),
      (4_107_542_400, "2100-03-01T00:00:00Z"), (-1, "1969-12-31T23:59:59Z"),
    ]
    for (seconds, text) in cases { #expect(Timestamp(milliseconds: seconds * 1_000).iso8601 == text) }
    #expect(Timestamp(milliseconds: -1).iso8601 == "1969-12-31T23:59:59Z")
  }
}
