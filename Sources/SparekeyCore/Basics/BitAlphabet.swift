/// An alphabet of 32 or 64 signs, each of which stands for five or six bits: the first for the highest, without padding at
/// the end (RFC 4648).
struct BitAlphabet: Sendable {
  private let signs: [UInt8]
  private let values: [UInt8?]
  private let width: UInt32

  init(_ signs: String) {
    let signs = Array(signs.utf8)
    self.signs = signs
    values = (0...UInt8.max).map { sign in signs.firstIndex(of: sign).map { UInt8($0) } }
    width = UInt32(signs.count.trailingZeroBitCount)
  }

  func encode(_ bytes: some Sequence<UInt8>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(bytes.underestimatedCount * 2)
    var (buffer, bits): (UInt32, UInt32) = (0, 0)
    let mask = UInt32(signs.count - 1)
    for byte in bytes {
      buffer = (buffer << 8 | UInt32(byte)) & 0xFFFF
      bits += 8
      while bits >= width {
        bits -= width
        text.append(signs[Int(buffer >> bits & mask)])
      }
    }
    if bits > 0 { text.append(signs[Int(buffer << (width - bits) & mask)]) }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil for anything that `encode` does not write: each value has one spelling.
  func decode(_ text: String) -> [UInt8]? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var (buffer, bits): (UInt32, UInt32) = (0, 0)
    for sign in text.utf8 {
      guard let value = values[Int(sign)] else { return nil }
      buffer = (buffer << width | UInt32(value)) & 0xFFFF
      bits += width
      guard bits >= 8 else { continue }
      bits -= 8
      bytes.append(UInt8(truncatingIfNeeded: buffer >> bits))
    }
    // What is left is less than a sign, and nothing.
    guard bits < width, buffer & (1 << bits - 1) == 0 else { return nil }
    return bytes
  }
}

/// Crockford's base 32 in lower case, for ids and tokens.
package enum Base32 {
  private static let alphabet = BitAlphabet("0123456789abcdefghjkmnpqrstvwxyz")

  package static func encode(_ bytes: some Sequence<UInt8>) -> String { alphabet.encode(bytes) }
}

/// Base 64 with the URL alphabet, without padding (RFC 4648, section 5).
package enum Base64URL {
  private static let alphabet = BitAlphabet(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")

  package static func encode(_ bytes: [UInt8]) -> String { alphabet.encode(bytes) }

  /// Nil for anything that `encode` does not write: each value has one spelling.
  package static func decode(_ text: String) -> [UInt8]? { alphabet.decode(text) }
}
