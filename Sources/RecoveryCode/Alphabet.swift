/// The 32 symbols (C1) and everything else that may be typed with them (C2).
enum Alphabet {
  /// Crockford's base 32: the digits and the capital letters without I, L, O and U.
  private static let characters = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".unicodeScalars)

  /// What is typed for a symbol besides its own character, in upper case.
  private static let aliases: [(Unicode.Scalar, UInt8)] = [("I", 1), ("L", 1), ("O", 0)]

  /// The symbol that each ASCII character stands for.
  private static let symbolsByASCII: [Field32?] = {
    var table = [Field32?](repeating: nil, count: 128)
    let own = zip(characters, 0...).map { ($0, $1 as UInt8) }
    for (character, number) in own + aliases {
      table[Int(character.value)] = Field32(number)
      if let lower = character.properties.lowercaseMapping.unicodeScalars.first {
        table[Int(lower.value)] = Field32(number)
      }
    }
    return table
  }()

  static func text(of elements: ArraySlice<Field32>) -> String {
    var text = String.UnicodeScalarView()
    for element in elements {
      text.append(characters[Int(element.value)])
    }
    return String(text)
  }

  /// What one typed code point means.
  enum Meaning: Equatable {
    case symbol(Field32)
    case unreadable
    /// A dash, white space or something invisible: as if it was not there.
    case ignored
    /// Ignored after the last symbol only.
    case fullStop
    case impossible
  }

  static func meaning(of typed: Unicode.Scalar) -> Meaning {
    let codePoint = narrow(typed.value)
    if codePoint < 128, let symbol = symbolsByASCII[Int(codePoint)] { return .symbol(symbol) }
    switch codePoint {
    case 0x3F: return .unreadable
    case 0x2E, 0x3002: return .fullStop
    default: return isIgnored(codePoint) ? .ignored : .impossible
    }
  }

  /// The full-width forms U+FF01...FF5E are ASCII in another width.
  private static func narrow(_ codePoint: UInt32) -> UInt32 {
    (0xFF01...0xFF5E).contains(codePoint) ? codePoint - 0xFEE0 : codePoint
  }

  private static func isIgnored(_ codePoint: UInt32) -> Bool {
    dashes.contains { $0.contains(codePoint) } || whiteSpace.contains { $0.contains(codePoint) }
      || invisible.contains { $0.contains(codePoint) }
  }

  /// The Unicode property Dash, and the hyphen bullet. The soft hyphen is among the invisible ones.
  private static let dashes: [ClosedRange<UInt32>] = [
    0x2D...0x2D, 0x58A...0x58A, 0x5BE...0x5BE, 0x1400...0x1400, 0x1806...0x1806, 0x2010...0x2015,
    0x2043...0x2043, 0x2053...0x2053, 0x207B...0x207B, 0x208B...0x208B, 0x2212...0x2212, 0x2E17...0x2E17,
    0x2E1A...0x2E1A, 0x2E3A...0x2E3B, 0x2E40...0x2E40, 0x2E5D...0x2E5D, 0x301C...0x301C, 0x3030...0x3030,
    0x30A0...0x30A0, 0xFE31...0xFE32, 0xFE58...0xFE58, 0xFE63...0xFE63, 0x10D6E...0x10D6E,
    0x10EAD...0x10EAD,
  ]

  /// The Unicode property White_Space.
  private static let whiteSpace: [ClosedRange<UInt32>] = [
    0x09...0x0D, 0x20...0x20, 0x85...0x85, 0xA0...0xA0, 0x1680...0x1680, 0x2000...0x200A, 0x2028...0x2029,
    0x202F...0x202F, 0x205F...0x205F, 0x3000...0x3000,
  ]

  /// The Unicode property Default_Ignorable_Code_Point: joiners, direction marks, variation selectors, the
  /// byte order mark and the like.
  private static let invisible: [ClosedRange<UInt32>] = [
    0xAD...0xAD, 0x34F...0x34F, 0x61C...0x61C, 0x115F...0x1160, 0x17B4...0x17B5, 0x180B...0x180F,
    0x200B...0x200F, 0x202A...0x202E, 0x2060...0x206F, 0x3164...0x3164, 0xFE00...0xFE0F, 0xFEFF...0xFEFF,
    0xFFA0...0xFFA0, 0xFFF0...0xFFF8, 0x1BCA0...0x1BCA3, 0x1D173...0x1D17A, 0xE0000...0xE0FFF,
  ]
}
