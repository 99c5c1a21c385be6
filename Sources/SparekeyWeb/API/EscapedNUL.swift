import FoundationEssentials

/// Whether a JSON text has an escaped NUL anywhere, in a name or a value. No text that people type has one, PostgreSQL
/// takes none, and C libraries would stop reading at it.
///
/// - Parameter json: valid JSON in UTF-8, without zero bytes of its own.
func hasEscapedNUL(_ json: Data) -> Bool {
  var rest = json[...]
  while let backslash = rest.firstIndex(of: UInt8(ascii: "\\")) {
    // What it escapes belongs to it: in `\\u0000` the second backslash escapes nothing.
    rest = rest[backslash...].dropFirst()
    if rest.starts(with: "u0000".utf8) { return true }
    rest = rest.dropFirst()
  }
  return false
}
