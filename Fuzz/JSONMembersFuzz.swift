// Sources: Sources/SparekeyWeb/API/RepeatedMember.swift

import Foundation

/// Feeds ``repeatedMember(in:)`` with raw bytes, and compares it with a slower reader wherever they are valid JSON.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSONMembers(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let data = Data(UnsafeBufferPointer(start: start, count: count))
  let found = repeatedMember(in: data)
  // A body with zero bytes is refused before: it could be UTF-16, and is never JSON in UTF-8.
  guard !data.contains(0) else { return 0 }
  // What the service decodes with must take the text; JSONSerialization must agree that it is one.
  guard (try? JSONDecoder().decode(Anything.self, from: data)) != nil,
    (try? JSONSerialization.jsonObject(with: data, options: .fragmentsAllowed)) != nil
  else { return 0 }
  var reader = Reader(bytes: Array(data))
  let expected = reader.value()
  precondition(found == expected, "\(found ?? "none") instead of \(expected ?? "none")")
  let wrapped = Data(#"{"a":"#.utf8) + data + Data(#","\u0061":1}"#.utf8)
  precondition(repeatedMember(in: wrapped) == expected ?? "a")
  return 0
}

private struct Anything: Decodable { init(from decoder: any Decoder) {} }

/// Recursive descent, trusting that the text is valid.
private struct Reader {
  let bytes: [UInt8]
  var place = 0

  /// - Returns: the first name that closes a repetition, in the order of the text.
  mutating func value() -> String? {
    skipSpace()
    guard place < bytes.count else { return nil }
    switch bytes[place] {
    case UInt8(ascii: "{"): return members()
    case UInt8(ascii: "["): return elements()
    case UInt8(ascii: "\""): _ = text()
    default: while place < bytes.count, !",]} \t\r\n".utf8.contains(bytes[place]) { place += 1 }
    }
    return nil
  }

  private mutating func members() -> String? {
    place += 1
    var names: [[Unicode.Scalar]] = []
    while true {
      skipSpace()
      guard place < bytes.count, bytes[place] != UInt8(ascii: "}") else { break }
      if bytes[place] == UInt8(ascii: ",") {
        place += 1
        continue
      }
      let name = text()
      // Swift's strings are equal when they are canonically equivalent.
      if names.contains(where: { String(String.UnicodeScalarView($0)) == name }) { return name }
      names.append(Array(name.unicodeScalars))
      skipSpace()
      place += 1
      if let inner = value() { return inner }
    }
    place += 1
    return nil
  }

  private mutating func elements() -> String? {
    place += 1
    while true {
      skipSpace()
      guard place < bytes.count, bytes[place] != UInt8(ascii: "]") else { break }
      if bytes[place] == UInt8(ascii: ",") {
        place += 1
        continue
      }
      if let inner = value() { return inner }
    }
    place += 1
    return nil
  }

  private mutating func text() -> String {
    place += 1
    var units: [UInt16] = []
    var plain: [UInt8] = []
    func flushed(_ plain: inout [UInt8]) -> [UInt16] {
      defer { plain = [] }
      return Array(String(decoding: plain, as: UTF8.self).utf16)
    }
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      guard bytes[place] == UInt8(ascii: "\\"), place + 1 < bytes.count else {
        plain.append(bytes[place])
        place += 1
        continue
      }
      units += flushed(&plain)
      let escape = bytes[place + 1]
      if escape == UInt8(ascii: "u") {
        units.append(
          UInt16(String(decoding: bytes[(place + 2)..<(place + 6)], as: UTF8.self), radix: 16) ?? 0)
        place += 6
      } else {
        let plainOf: [UInt8: UInt16] = [
          UInt8(ascii: "n"): 10, UInt8(ascii: "t"): 9, UInt8(ascii: "r"): 13, UInt8(ascii: "b"): 8,
          UInt8(ascii: "f"): 12,
        ]
        units.append(plainOf[escape] ?? UInt16(escape))
        place += 2
      }
    }
    place += 1
    units += flushed(&plain)
    return String(decoding: units, as: UTF16.self)
  }

  private mutating func skipSpace() {
    while place < bytes.count, " \t\r\n".utf8.contains(bytes[place]) { place += 1 }
  }
}
