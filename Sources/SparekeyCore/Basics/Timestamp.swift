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

/// Dates of the Gregorian calendar, in UTC. By arithmetic: every answer has some, and calendars take their time.
extension Timestamp {
  package struct Date: Equatable, Sendable {
    package let year: Int
    /// 1 to 12.
    package let month: Int
    package let day: Int
    package let hour: Int
    package let minute: Int
    package let second: Int
  }

  package var date: Date {
    let today = Int(milliseconds).quotient(1_000).whole.quotient(86_400)
    // Years begin in March here, so that a leap day is the last of its year; 400 of them have 146,097 days.
    let since = today.whole + 719_468
    let (era, dayOfEra) = since.quotient(146_097)
    let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    return Date(
      year: era * 400 + yearOfEra + (month < 10 ? 0 : 1), month: month < 10 ? month + 3 : month - 9,
      day: dayOfYear - (153 * month + 2) / 5 + 1, hour: today.rest / 3_600, minute: today.rest / 60 % 60,
      second: today.rest % 60)
  }

  /// `2026-05-03T14:05:00Z`, for machines.
  package var iso8601: String {
    let date = date
    return "\(date.year)-\(twoDigits(date.month))-\(twoDigits(date.day))"
      + "T\(twoDigits(date.hour)):\(twoDigits(date.minute)):\(twoDigits(date.second))Z"
  }

  /// `Sun, 03 May 2026 14:05:00 +0000`, for mail (RFC 5322, section 3.3).
  package var rfc5322: String {
    let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
    let date = date
    return "\(weekdays[Int(max(day, 0) % 7)]), \(twoDigits(date.day)) \(months[date.month - 1]) \(date.year) "
      + "\(twoDigits(date.hour)):\(twoDigits(date.minute)):\(twoDigits(date.second)) +0000"
  }
}

private func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

extension Int {
  /// Rounded down, so that the rest is never negative.
  fileprivate func quotient(_ divisor: Int) -> (whole: Int, rest: Int) {
    let rest = (self % divisor + divisor) % divisor
    return ((self - rest) / divisor, rest)
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
