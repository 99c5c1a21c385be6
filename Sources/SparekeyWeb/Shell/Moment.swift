import SparekeyCore

/// A point in time on a page: exact, in UTC; a script beside it adds the reader's own time.
package struct Moment: Sendable {
  /// For `<time datetime>`.
  package var iso: String
  /// "3 May 2026, 14:05 UTC".
  package var words: String

  package init(_ time: Timestamp, _ texts: Texts) {
    iso = time.iso8601
    words = texts.exactly(time)
  }
}

extension Texts {
  /// "3 May 2026, 14:05 UTC": for moments that something depends on.
  package func exactly(_ time: Timestamp) -> String { format("date.utc", ["moment": moment(time)]) }

  /// "30 days", in the largest unit that is exact enough: nobody counts hours of a month.
  package func duration(_ duration: Duration) -> String {
    let seconds = max(0, Int((duration.milliseconds + 999) / 1_000))
    let units = [("days", 86_400), ("hours", 3_600), ("minutes", 60)]
    for (name, size) in units where seconds >= 3 * size || (seconds >= size && seconds % size == 0) {
      return count("duration.\(name)", (seconds + size / 2) / size)
    }
    return count("duration.seconds", seconds)
  }

  /// "a, b or c".
  package func either(_ items: [String]) -> String {
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return format("list.or", ["list": items.dropLast().joined(separator: self["list.comma"]), "last": last])
  }

  /// "a and b".
  package func together(_ items: [String]) -> String {
    guard let last = items.last, items.count > 1 else { return items.first ?? "" }
    return format("list.and", ["list": items.dropLast().joined(separator: self["list.comma"]), "last": last])
  }
}
