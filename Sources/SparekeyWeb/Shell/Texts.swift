import FoundationEssentials
import SparekeyCore

/// The catalogue of one language (Q2): nested objects of strings. Templates read `{{text.signIn.title}}`; handlers
/// fill `{placeholders}`.
package struct Texts: Sendable {
  private indirect enum Node: Decodable {
    case text(String)
    case group([String: Node])

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let text = try? container.decode(String.self) {
        self = .text(text)
      } else {
        self = .group(try container.decode([String: Node].self))
      }
    }

    func collect(under key: String, into texts: inout [String: String]) {
      switch self {
      case .text(let text): texts[key] = text
      case .group(let group):
        for (name, node) in group { node.collect(under: key.isEmpty ? name : "\(key).\(name)", into: &texts) }
      }
    }
  }

  /// By dotted key.
  private let texts: [String: String]

  package init(json: Data) throws {
    var texts: [String: String] = [:]
    try JSONDecoder().decode(Node.self, from: json).collect(under: "", into: &texts)
    self.texts = texts
  }

  /// The text at a dotted key. A missing one shows its key: visible, and caught by a test.
  package subscript(_ key: String) -> String { texts[key] ?? key }

  package func format(_ key: String, _ values: [String: String]) -> String {
    // In one pass: what a value says is never taken for a place to fill.
    var filled = ""
    var rest = self[key][...]
    while let open = rest.firstIndex(of: "{"), let close = rest[open...].firstIndex(of: "}") {
      filled += rest[..<open]
      filled += values[String(rest[open..<close].dropFirst())] ?? String(rest[open...close])
      rest = rest[close...].dropFirst()
    }
    return filled + rest
  }

  /// Picks `key.one` or `key.many` and fills `{count}`.
  package func count(_ key: String, _ count: Int) -> String {
    format("\(key).\(count == 1 ? "one" : "many")", ["count": "\(count)"])
  }

  /// "3 May 2026", in UTC.
  package func day(_ time: Timestamp) -> String {
    let parts = time.date
    return format(
      "date.day",
      ["day": "\(parts.day)", "month": self["date.month.\(parts.month)"], "year": "\(parts.year)"])
  }

  /// "3 May 2026, 14:05", in UTC.
  package func moment(_ time: Timestamp) -> String {
    let parts = time.date
    let clock = [parts.hour, parts.minute].map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ":")
    return format(
      "date.moment",
      [
        "day": "\(parts.day)", "month": self["date.month.\(parts.month)"], "year": "\(parts.year)",
        "time": clock,
      ])
  }

  /// "in 2 minutes", rounded up.
  package func wait(_ duration: Duration) -> String {
    let seconds = max(1, Int((duration.milliseconds + 999) / 1_000))
    if seconds < 90 { return count("when.in.seconds", seconds) }
    if seconds < 90 * 60 { return count("when.in.minutes", (seconds + 59) / 60) }
    return count("when.in.hours", (seconds + 3_599) / 3_600)
  }
}
