import CUnicode
import Glibc

extension String {
  /// Letters and marks put together (Unicode's form NFC).
  package var composed: String { normalized([UTF8PROC_COMPOSE]) }

  /// The same, with look-alikes of one sign folded: wide letters, ligatures, superscripts (form NFKC).
  package var folded: String { normalized([UTF8PROC_COMPOSE, UTF8PROC_COMPAT]) }

  private func normalized(_ options: [utf8proc_option_t]) -> String {
    // ASCII is in every form.
    guard utf8.contains(where: { $0 >= 0x80 }) else { return self }
    let bits = options.reduce(UTF8PROC_STABLE.rawValue) { $0 | $1.rawValue }
    var written: UnsafeMutablePointer<UInt8>?
    let count = Array(utf8).withUnsafeBufferPointer {
      utf8proc_map($0.baseAddress, $0.count, &written, utf8proc_option_t(bits))
    }
    defer { free(written) }
    // It fails on what is no UTF-8, which a string cannot be, and where memory ends.
    guard count >= 0, let written else { preconditionFailure(String(cString: utf8proc_errmsg(count))) }
    return String(decoding: UnsafeBufferPointer(start: written, count: count), as: UTF8.self)
  }
}

extension StringProtocol {
  /// Without white space and line ends around it, the space without width included, which comes with copied text.
  package var trimmed: String {
    func isSpace(_ scalar: Unicode.Scalar) -> Bool { scalar.properties.isWhitespace || scalar == "\u{200B}" }
    let scalars = unicodeScalars.drop(while: isSpace)
    guard let last = scalars.lastIndex(where: { !isSpace($0) }) else { return "" }
    return String(String.UnicodeScalarView(scalars[...last]))
  }

  /// All but ASCII's letters and digits as `%` and two digits (RFC 3986, section 2.1).
  /// - Parameter kept: further signs of ASCII that stay as they are.
  func percentEncoded(keeping kept: String = "") -> String {
    utf8.reduce(into: "") { text, byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        text.unicodeScalars.append(UnicodeScalar(byte))
      case _ where kept.utf8.contains(byte): text.unicodeScalars.append(UnicodeScalar(byte))
      default: text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
      }
    }
  }
}
