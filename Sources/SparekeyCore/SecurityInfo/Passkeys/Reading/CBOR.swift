/// One item of CBOR (RFC 8949), as far as authenticators use it (CTAP 2, "canonical CBOR encoding form"): definite
/// lengths, no tags, integers and texts as keys, each key once, at most four levels of arrays and maps.
struct CBOR: Equatable {
  indirect enum Value: Equatable {
    case integer(Int64)
    case bytes([UInt8])
    case text(String)
    case array([CBOR])
    case map([Key: CBOR])
    /// False, true, null, a fraction: nothing here asks for them.
    case simple
  }

  enum Key: Hashable {
    case integer(Int64)
    case text(String)
  }

  let value: Value
  /// The item as it was written.
  let source: ArraySlice<UInt8>

  /// Reads the whole of some bytes; nil unless they are one item and nothing else.
  init?(_ bytes: [UInt8]) {
    var reader = CBORReader(bytes[...])
    guard let item = reader.next(), reader.rest.isEmpty else { return nil }
    self = item
  }

  fileprivate init(value: Value, source: ArraySlice<UInt8>) {
    self.value = value
    self.source = source
  }

  var isTrue: Bool { source.elementsEqual([0xF5]) }
  var integer: Int64? { if case .integer(let integer) = value { integer } else { nil } }
  var bytes: [UInt8]? { if case .bytes(let bytes) = value { bytes } else { nil } }
  var text: String? { if case .text(let text) = value { text } else { nil } }
  var array: [CBOR]? { if case .array(let items) = value { items } else { nil } }
  var map: [Key: CBOR]? { if case .map(let members) = value { members } else { nil } }
}

/// Takes items from the front of some bytes. Every answer of nil is final: the bytes are not CBOR of that kind.
struct CBORReader {
  private(set) var rest: ArraySlice<UInt8>

  private static let levels = 4
  /// In one array or map.
  private static let members = 32

  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func next() -> CBOR? { next(levels: Self.levels) }

  private mutating func next(levels: Int) -> CBOR? {
    let start = rest
    guard let value = value(levels: levels) else { return nil }
    return CBOR(value: value, source: start[..<rest.startIndex])
  }

  private mutating func value(levels: Int) -> CBOR.Value? {
    guard let first = rest.popFirst(), let argument = argument(first & 31) else { return nil }
    switch first >> 5 {
    case 0: return Int64(exactly: argument).map { .integer($0) }
    case 1: return Int64(exactly: argument).map { .integer(-1 - $0) }
    case 2: return take(argument).map { .bytes(Array($0)) }
    case 3: return take(argument).flatMap { String(validating: $0, as: UTF8.self) }.map { .text($0) }
    case 4: return array(count: argument, levels: levels)
    case 5: return map(count: argument, levels: levels)
    case 7: return .simple
    default: return nil
    }
  }

  /// A value, a length or a count. Indefinite lengths (31) and the reserved forms (28 to 30) are none.
  private mutating func argument(_ information: UInt8) -> UInt64? {
    guard information >= 24 else { return UInt64(information) }
    guard information < 28, let bytes = take(1 << UInt64(information - 24)) else { return nil }
    return bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }

  private mutating func take(_ count: UInt64) -> ArraySlice<UInt8>? {
    guard count <= UInt64(rest.count) else { return nil }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }

  private mutating func array(count: UInt64, levels: Int) -> CBOR.Value? {
    guard levels > 0, count <= Self.members else { return nil }
    var items: [CBOR] = []
    for _ in 0..<count {
      guard let item = next(levels: levels - 1) else { return nil }
      items.append(item)
    }
    return .array(items)
  }

  private mutating func map(count: UInt64, levels: Int) -> CBOR.Value? {
    guard levels > 0, count <= Self.members else { return nil }
    var members: [CBOR.Key: CBOR] = [:]
    for _ in 0..<count {
      guard let key = key(), let item = next(levels: levels - 1),
        members.updateValue(item, forKey: key) == nil
      else { return nil }
    }
    return .map(members)
  }

  private mutating func key() -> CBOR.Key? {
    switch next(levels: 0)?.value {
    case .integer(let integer): .integer(integer)
    case .text(let text): .text(text)
    default: nil
    }
  }
}
