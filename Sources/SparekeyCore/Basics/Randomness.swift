/// The source of every random byte: the system's generator in production, a seeded one in tests.
package struct Randomness: Sendable {
  private let fill: @Sendable (Int) -> [UInt8]

  package init(bytes: @escaping @Sendable (Int) -> [UInt8]) { fill = bytes }

  package func bytes(_ count: Int) -> [UInt8] { fill(count) }

  /// A uniformly drawn string of decimal digits.
  package func digits(_ count: Int) -> String {
    var text = ""
    while text.count < count {
      // 250 is the largest multiple of ten that fits a byte: larger draws would favour small digits.
      for byte in bytes(count) where byte < 250 && text.count < count { text.append("\(byte % 10)") }
    }
    return text
  }
}
