import FoundationEssentials

/// Finds a member that occurs twice in one object of a JSON text. Decoders take one of the two and are silent about
/// it: where two programs read the same body, each may see another name.
///
/// - Parameter json: valid JSON in UTF-8.
/// - Returns: the first repeated name.
func repeatedMember(in json: Data) -> String? {
  /// The names seen in each open object; nil for an open array.
  var open: [Set<String>?] = []
  var isName = false
  let bytes = Array(json)
  var index = 0
  while index < bytes.count {
    switch bytes[index] {
    case UInt8(ascii: "{"):
      open.append([])
      isName = true
    case UInt8(ascii: "["):
      open.append(nil)
      isName = false
    case UInt8(ascii: "}"), UInt8(ascii: "]"):
      _ = open.popLast()
    case UInt8(ascii: ","): isName = open.last.map { $0 != nil } ?? false
    case UInt8(ascii: "\""):
      let start = index
      index += 1
      while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
        index += bytes[index] == UInt8(ascii: "\\") ? 2 : 1
      }
      guard isName, let last = open.indices.last, index < bytes.count else { break }
      isName = false
      guard let name = memberName(bytes[(start + 1)..<index]) else { break }
      if open[last]?.insert(name).inserted == false { return name }
    default: break
    }
    index += 1
  }
  return nil
}

/// Escapes are undone, so that "\u0061" and "a" are one name.
private func memberName(_ literal: ArraySlice<UInt8>) -> String? {
  guard literal.contains(UInt8(ascii: "\\")) else { return String(decoding: literal, as: UTF8.self) }
  return try? JSONDecoder().decode([String].self, from: Data("[\"".utf8) + Data(literal) + Data("\"]".utf8))
    .first
}
