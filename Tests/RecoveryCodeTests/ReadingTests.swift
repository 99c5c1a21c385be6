import RecoveryCode
import Testing

struct ReadingTests {
  static let code = Samples.counting

  @Test(arguments: Samples.codes(200))
  func `C2: what is shown is read`(code: RecoveryCode) {
    #expect(RecoveryCode.read(code.formatted) == .code(code))
    #expect(RecoveryCode.read(code.compact) == .code(code))
    #expect(RecoveryCode.read(code.groups.joined(separator: " ")) == .code(code))
    #expect(RecoveryCode.read(Substring(code.formatted)) == .code(code))
  }

  @Test(arguments: Samples.codes(20))
  func `C2: upper and lower case are the same`(code: RecoveryCode) {
    #expect(RecoveryCode.read(code.formatted.lowercased()) == .code(code))
    let mixed = code.formatted.enumerated().map { offset, character in
      offset.isMultiple(of: 2) ? character.lowercased() : String(character)
    }
    #expect(RecoveryCode.read(mixed.joined()) == .code(code))
  }

  @Test(arguments: ["O1", "o1", "0I", "0i", "0L", "0l", "OL", "oi"])
  func `C2: I and L are read as 1, O as 0`(start: String) {
    #expect(RecoveryCode.read(start + Self.code.compact.dropFirst(2)) == .code(Self.code))
  }

  @Test func `C2: full-width forms are read`() {
    #expect(RecoveryCode.read(Samples.fullWidth(Self.code.formatted)) == .code(Self.code))
    #expect(RecoveryCode.read(Samples.fullWidth(Self.code.formatted.lowercased())) == .code(Self.code))
    #expect(RecoveryCode.read("ＯＬ" + Self.code.compact.dropFirst(2)) == .code(Self.code))
    let unreadable = RecoveryCode.read("？" + Self.code.compact.dropFirst())
    #expect(unreadable == RecoveryCode.read("?" + Self.code.compact.dropFirst()))
    #expect(unreadable.suggestion?.code == Self.code)
  }

  @Test func `C2: dashes, spaces and invisible characters are those of Unicode 16`() throws {
    let planes: [ClosedRange<UInt32>] = [0...0x1FFFF, 0xE0000...0xE0FFF]
    for scalar in planes.joined().compactMap(Unicode.Scalar.init) {
      let properties = scalar.properties
      // A later version of Unicode may know more dashes; the format does not.
      let isKnown = properties.age.map { $0.major <= 16 } ?? true
      guard isKnown, !("\u{FF01}"..."\u{FF5E}").contains(scalar) || scalar == "\u{FF0D}" else { continue }
      let isDecoration =
        properties.isDash || properties.isWhitespace || properties.isDefaultIgnorableCodePoint
        || scalar == "\u{2043}"
      let isFullStop = ([".", "\u{3002}"] as [Unicode.Scalar]).contains(scalar)
      let reading = RecoveryCode.read(String(scalar))
      #expect((reading == .problem(.empty)) == (isDecoration || isFullStop), "U+\(scalar.value)")
      let isSymbol = scalar.isASCII && (properties.isAlphabetic || ("0"..."9").contains(scalar))
      if !isDecoration, !isFullStop, scalar != "?", !isSymbol || scalar == "U" || scalar == "u" {
        #expect(
          reading == .problem(.impossibleCharacter(Character(scalar), group: 1, place: 1)),
          "U+\(scalar.value)")
      }
    }
  }

  @Test(arguments: [
    "-", " ", "\t", "\n", "\r\n", "\u{85}", "\u{A0}", "\u{AD}", "\u{2010}", "\u{2011}", "\u{2012}", "–", "—",
    "\u{2028}", "\u{2029}", "\u{202F}", "\u{2212}", "\u{3000}", "－", "﹣", "\u{200B}", "\u{200C}", "\u{200D}",
    "\u{200E}", "\u{200F}", "\u{2060}", "\u{2066}", "\u{2069}", "\u{FEFF}", "\u{FE0F}", "\u{E0020}", " - ",
    "\n\n-\u{200B}",
  ])
  func `C2: decoration does not matter between groups, between symbols, before or after`(decoration: String) {
    let code = Self.code
    #expect(RecoveryCode.read(code.groups.joined(separator: decoration)) == .code(code))
    #expect(RecoveryCode.read(code.compact.map { "\($0)" }.joined(separator: decoration)) == .code(code))
    #expect(RecoveryCode.read(decoration + code.formatted + decoration) == .code(code))
  }

  @Test(arguments: [".", "。", "．", "...", ". ", " .\n", ".\u{200B}。\r\n", " . - ．"])
  func `C2: a trailing full stop is dropped`(ending: String) {
    #expect(RecoveryCode.read(Self.code.formatted + ending) == .code(Self.code))
    #expect(RecoveryCode.read(Self.code.compact.dropLast(2) + ending) == .problem(.tooShort(missing: 2)))
    #expect(RecoveryCode.read(ending) == .problem(.empty))
  }

  @Test(arguments: [".", "。", "．"] as [Character])
  func `C2: a full stop elsewhere is impossible`(fullStop: Character) {
    let groups = Self.code.groups
    #expect(
      RecoveryCode.read(groups.joined(separator: String(fullStop)))
        == .problem(.impossibleCharacter(fullStop, group: 2, place: 1)))
    #expect(
      RecoveryCode.read("\(fullStop) \(Self.code.formatted)")
        == .problem(.impossibleCharacter(fullStop, group: 1, place: 1)))
    #expect(
      RecoveryCode.read("\(Self.code.formatted)\(fullStop)*")
        == .problem(.impossibleCharacter(fullStop, group: 6, place: 1)))
  }

  @Test(
    arguments: [
      "U", "u", "Ｕ", "*", "_", "/", ":", "＊", "～", "А", "О", "Α", "Ο", "١", "Ａ\u{301}", "Á", "A\u{301}",
      "a\u{20DD}", "²", "Ⓐ", "𝐀", "ー", "・", "｡", "\u{0}", "\u{1F}", "\u{7F}", "\u{2800}", "\u{FFFC}",
      "\u{FFFD}", "漢",
      "👍",
    ] as [Character])
  func `C2: a character of another kind is impossible, however much it looks alike`(character: Character) {
    let compact = Self.code.compact
    for place in [0, 7, 24] {
      #expect(
        RecoveryCode.read("\(compact.prefix(place))\(character)\(compact.dropFirst(place + 1))")
          == .problem(.impossibleCharacter(character, group: place / 5 + 1, place: place % 5 + 1)))
    }
  }

  @Test func `C2: a combining mark makes the symbol before it impossible, and only the first mark counts`() {
    for mark in ["\u{301}", "\u{301}\u{302}\u{303}", "\u{301}\u{5BF}*"] {
      #expect(
        RecoveryCode.read("012-3A\(mark)BCDE")
          == .problem(.impossibleCharacter("A\u{301}", group: 1, place: 5)))
      #expect(
        RecoveryCode.read("01?\(mark)") == .problem(.impossibleCharacter("?\u{301}", group: 1, place: 3)))
    }
  }

  @Test func `C2: a combining mark that sits on no symbol is impossible by itself`() {
    for text in ["\u{301}01", "-\u{301}01", "\u{200B}\u{301}", "\u{FE0F}\u{301}"] {
      #expect(RecoveryCode.read(text) == .problem(.impossibleCharacter("\u{301}", group: 1, place: 1)))
    }
    #expect(RecoveryCode.read("01 \u{301}") == .problem(.impossibleCharacter("\u{301}", group: 1, place: 3)))
    // A spacing mark does not combine with what stands before it in every script.
    #expect(RecoveryCode.read("01\u{102B}") == .problem(.impossibleCharacter("\u{102B}", group: 1, place: 3)))
  }

  @Test func `C2: an impossible character is reported before a wrong length, the first one first`() {
    let problem = Reading.problem(.impossibleCharacter("*", group: 1, place: 3))
    #expect(RecoveryCode.read("01*") == problem)
    #expect(RecoveryCode.read("01*U") == problem)
    #expect(RecoveryCode.read("01*" + String(repeating: "0", count: 50)) == problem)
    #expect(RecoveryCode.read("??*" + String(repeating: "?", count: 22)) == problem)
    #expect(
      RecoveryCode.read(String(repeating: "0", count: 32) + "*")
        == .problem(.impossibleCharacter("*", group: 7, place: 3)))
  }

  @Test(arguments: ["", " ", "-----", "\r\n\u{FEFF}", "...", "\u{200B}"])
  func `C2: nothing but decoration is empty`(text: String) {
    #expect(RecoveryCode.read(text) == .problem(.empty))
  }

  @Test func `C2: missing and extra symbols are counted, unreadable ones among them`() {
    let symbols = Self.code.compact + Self.code.compact
    for count in 1...24 {
      #expect(RecoveryCode.read(symbols.prefix(count)) == .problem(.tooShort(missing: 25 - count)))
      #expect(
        RecoveryCode.read(String(repeating: "?", count: count)) == .problem(.tooShort(missing: 25 - count)))
    }
    for count in 26...50 {
      #expect(RecoveryCode.read(symbols.prefix(count)) == .problem(.tooLong(extra: count - 25)))
      #expect(
        RecoveryCode.read(String(repeating: "?", count: count)) == .problem(.tooLong(extra: count - 25)))
    }
  }

  /// What took quadratic time would take hours here.
  @Test func `C2: decoration may have any length, and a hostile text takes linear time`() {
    let many = 200_000
    let blank = String(repeating: " \u{200B}", count: many)
    #expect(RecoveryCode.read(blank + Self.code.formatted + blank) == .code(Self.code))
    #expect(RecoveryCode.read(String(repeating: "Z", count: many)) == .problem(.tooLong(extra: many - 25)))
    #expect(RecoveryCode.read(String(repeating: "?", count: many)) == .problem(.tooLong(extra: many - 25)))
    #expect(RecoveryCode.read(String(repeating: ".", count: many)) == .problem(.empty))
    #expect(
      RecoveryCode.read("A" + String(repeating: "\u{301}", count: many))
        == .problem(.impossibleCharacter("A\u{301}", group: 1, place: 1)))
  }
}
