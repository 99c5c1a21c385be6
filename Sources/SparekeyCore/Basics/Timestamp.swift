/// A point in time, in milliseconds since 1970-01-01T00:00:00Z. Rules receive it as a parameter; nothing in
/// the core reads a clock.
package struct Timestamp: Hashable, Comparable, Sendable, Codable {
  package var milliseconds: Int64

  package init(milliseconds: Int64) { self.milliseconds = milliseconds }

  package init(from decoder: any Decoder) throws {
    milliseconds = try decoder.singleValueContainer().decode(Int64.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(milliseconds)
  }

  /// Whole days since 1970, in UTC.
  package var day: Int64 { milliseconds / 86_400_000 }

  package static func < (left: Timestamp, right: Timestamp) -> Bool { left.milliseconds < right.milliseconds }

  package static func + (time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(milliseconds: time.milliseconds + duration.milliseconds)
  }

  package static func - (time: Timestamp, duration: Duration) -> Timestamp {
    Timestamp(milliseconds: time.milliseconds - duration.milliseconds)
  }

  package static func - (later: Timestamp, earlier: Timestamp) -> Duration {
    .milliseconds(later.milliseconds - earlier.milliseconds)
  }
}

extension Duration {
  /// Whole milliseconds, rounded towards zero.
  package var milliseconds: Int64 {
    components.seconds * 1_000 + components.attoseconds / 1_000_000_000_000_000
  }

  package static func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
  package static func hours(_ count: Int) -> Duration { .seconds(count * 3_600) }
  package static func days(_ count: Int) -> Duration { .seconds(count * 86_400) }
}

/// Where journeys learn the time outside a transaction. Tests hand in a clock they move by hand.
package struct WallClock: Sendable {
  package let now: @Sendable () -> Timestamp

  package init(now: @escaping @Sendable () -> Timestamp) { self.now = now }
}

/// Notices when the wall clock runs ahead of the time that really passed (T16): waits would end early.
package struct ClockWatch: Sendable {
  /// Differences up to this are the clock being set right.
  package static let tolerance = Duration.minutes(10)

  /// How far the wall clock has run ahead since it was last looked at in peace.
  package let ahead: @Sendable () -> Duration
  /// Takes the present difference as the new normal.
  package let settle: @Sendable () -> Void

  package init(ahead: @escaping @Sendable () -> Duration, settle: @escaping @Sendable () -> Void) {
    self.ahead = ahead
    self.settle = settle
  }

  /// For programs that end before a clock can jump, and for tests that move the clock themselves.
  package static let trusting = ClockWatch(ahead: { .zero }, settle: {})

  package var hasJumped: Bool { ahead() > Self.tolerance }
}
