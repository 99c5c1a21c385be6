import HTTPTypes
import SparekeyCore

/// Where an item stands in its list, so that the next page can begin after it whatever was added or removed meanwhile.
struct Position: Codable, Comparable, Sendable {
  let number: Int64
  let text: String

  init(number: Int64 = 0, text: String = "") {
    self.number = number
    self.text = text
  }

  static func < (left: Position, right: Position) -> Bool {
    (left.number, left.text) < (right.number, right.text)
  }
}

/// The page of a list that a request asks for by `limit` and `after`.
struct PageRequest: Sendable {
  static let limits = 1...100
  static let standard = 50

  let limit: Int
  let after: Position?
  /// Cursors are sealed for one list of one owner; those of another do not open.
  private let list: String
  private let keys: KeyRing

  /// - Parameter list: which list, and whose.
  /// - Throws: `UnreadableBody` naming the parameter.
  init(of list: String, in call: Call) throws(UnreadableBody) {
    self.list = list
    keys = call.site.ports.keys
    if let text = try call.query("limit") {
      guard let limit = Int(text), text.allSatisfy(\.isNumber), Self.limits.contains(limit) else {
        throw UnreadableBody(
          field: "limit",
          detail:
            "\"limit\" is a number from \(Self.limits.lowerBound) to \(Self.limits.upperBound).")
      }
      self.limit = limit
    } else {
      limit = Self.standard
    }
    if let text = try call.query("after") {
      guard let sealed = Base64URL.decode(text),
        let plain = keys.open(sealed, for: .cursor, bound: list),
        let position = try? JSON.decode(Position.self, from: plain)
      else {
        throw UnreadableBody(
          field: "after", detail: "\"after\" is not the \"next\" of an earlier page of this list.")
      }
      after = position
    } else {
      after = nil
    }
  }

  /// - Parameters:
  ///   - found: what follows `after`, one more than `limit` if there are so many.
  ///   - name: what the list is called in the answer.
  func answer<Found, Item: Encodable>(
    _ found: [Found], named name: String = "items", at position: (Found) -> Position,
    item: (Found) throws -> Item
  ) throws -> APIAnswer {
    let shown = found.prefix(limit)
    let isMore = limit < found.count
    return try .json(
      PageAnswer(
        name: name, items: shown.map(item), next: isMore ? shown.last.map { try cursor(position($0)) } : nil))
  }

  /// The same for a list that is read as a whole, in the order of its positions.
  func answer<Found, Item: Encodable>(
    ofAll all: [Found], named name: String = "items", at position: (Found) -> Position,
    item: (Found) throws -> Item
  ) throws -> APIAnswer {
    let following = all.filter { found in after.map { $0 < position(found) } ?? true }
      .sorted { position($0) < position($1) }
    return try answer(Array(following.prefix(limit + 1)), named: name, at: position, item: item)
  }

  /// The same for a list whose end is not seen by its items.
  /// - Parameter position: where the next page begins; nil at the end.
  func answer(_ items: [some Encodable], goingOnAfter position: Position?) throws -> APIAnswer {
    try .json(PageAnswer(name: "items", items: items, next: position.map(cursor)))
  }

  private func cursor(_ position: Position) throws -> String {
    Base64URL.encode(keys.seal(try JSON.encode(position), for: .cursor, bound: list))
  }
}

/// A page of a list: `next` is null on the last one.
private struct PageAnswer<Item: Encodable>: Encodable {
  let name: String
  let items: [Item]
  let next: String?

  private struct Key: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(_ name: String) { stringValue = name }
    init?(stringValue: String) { self.init(stringValue) }
    init?(intValue: Int) { nil }
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: Key.self)
    try container.encode(items, forKey: Key(name))
    try container.encode(next, forKey: Key("next"))
  }
}
