/// Reads `application/x-www-form-urlencoded`, byte by byte: a sign with a combining mark after it is still that sign.
///
/// - Returns: the fields by name; nil for broken encoding, for a NUL, which is in no text that people type and which
///   PostgreSQL keeps nowhere, and for a name that occurs twice: a second `username` is a mistake or a trick.
func formFields(of encoded: String) -> [String: String]? {
  var fields: [String: String] = [:]
  for pair in encoded.utf8.split(separator: UInt8(ascii: "&")) {
    let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    guard let name = decoded(parts[0]), let value = parts.count > 1 ? decoded(parts[1]) : "",
      fields.updateValue(value, forKey: name) == nil
    else { return nil }
  }
  return fields
}

private func decoded(_ text: Substring.UTF8View) -> String? {
  var bytes: [UInt8] = []
  var rest = text
  while let byte = rest.popFirst() {
    switch byte {
    case UInt8(ascii: "+"): bytes.append(UInt8(ascii: " "))
    case UInt8(ascii: "%"):
      guard let high = rest.popFirst().flatMap(hexadecimal), let low = rest.popFirst().flatMap(hexadecimal)
      else { return nil }
      bytes.append(high << 4 | low)
    default: bytes.append(byte)
    }
  }
  return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
}

private func hexadecimal(_ digit: UInt8) -> UInt8? {
  Character(Unicode.Scalar(digit)).hexDigitValue.map(UInt8.init)
}
