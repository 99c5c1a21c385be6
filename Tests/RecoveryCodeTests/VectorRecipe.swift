import RecoveryCode

/// What the published vectors are made from: at least one text for every rule of the format.
enum VectorRecipe {
  static func vectors() throws -> Vectors {
    Vectors(
      codes: codes.map(Vectors.CodeVector.init),
      readings: texts.map { rule, text in
        Vectors.ReadingVector(rule: rule, text: text, reading: Answer(RecoveryCode.read(text)))
      })
  }

  /// The codes of 21 equal symbols, of 0...20 and of its reverse, and 30 random ones.
  private static var codes: [RecoveryCode] {
    let patterns: [[UInt8]] = [
      Array(repeating: 0, count: 21), Array(repeating: 1, count: 21), Array(repeating: 31, count: 21),
      Array(0...20), (0...20).reversed(), Array(11...31),
    ]
    return patterns.compactMap { RecoveryCode(randomSymbols: $0) } + Samples.codes(30)
  }

  private static let counting = Samples.counting
  private static let random = Samples.codes(1)[0]

  private static var texts: [(rule: String, text: String)] {
    let rules: [(String, [String])] = [
      ("exact", exact), ("case", letterCase), ("look-alikes of the alphabet", aliases),
      ("full-width forms", fullWidthForms), ("dashes", dashes.map(separated)),
      ("white space", whiteSpace.map(separated)), ("invisible characters", invisible.map(separated)),
      ("decoration anywhere", decorationAnywhere), ("full stops", fullStops),
      ("impossible characters", impossible), ("combining marks", combiningMarks), ("length", lengths),
      ("one wrong symbol", wrongSymbol), ("unreadable symbols", unreadable),
      ("one wrong and unreadable symbols", wrongAndUnreadable), ("several mistakes", severalMistakes),
      ("regular texts", regularTexts),
    ]
    return rules.flatMap { rule, texts in texts.map { (rule, $0) } }
  }

  private static var exact: [String] {
    [counting.formatted, counting.compact, random.formatted, random.compact]
  }

  private static var letterCase: [String] {
    [random.formatted.lowercased(), random.compact.lowercased(), mixedCase(random.formatted)]
  }

  private static var aliases: [String] {
    ["O", "o", "I", "i", "L", "l"].map { alias in
      counting.text(with: ["O", "o"].contains(alias) ? [0: alias] : [1: alias])
    } + ["oI" + counting.compact.dropFirst(2), "Ol" + counting.compact.dropFirst(2).lowercased()]
  }

  private static var fullWidthForms: [String] {
    [
      Samples.fullWidth(random.formatted), Samples.fullWidth(random.compact.lowercased()),
      Samples.fullWidth("oL") + counting.compact.dropFirst(2),
      Samples.fullWidth("0i") + counting.compact.dropFirst(2),
      Samples.fullWidth(random.text(unreadableAt: [4, 12])), Samples.fullWidth(random.compact + "."),
    ]
  }

  private static let dashes: [Unicode.Scalar] = [
    "-", "\u{58A}", "\u{5BE}", "\u{1400}", "\u{1806}", "\u{2010}", "\u{2011}", "\u{2012}", "\u{2013}",
    "\u{2014}", "\u{2015}", "\u{2043}", "\u{2053}", "\u{207B}", "\u{208B}", "\u{2212}", "\u{2E17}",
    "\u{2E1A}", "\u{2E3A}", "\u{2E3B}", "\u{2E40}", "\u{2E5D}", "\u{301C}", "\u{3030}", "\u{30A0}",
    "\u{FE31}", "\u{FE32}", "\u{FE58}", "\u{FE63}", "\u{FF0D}", "\u{10D6E}", "\u{10EAD}",
  ]

  private static let whiteSpace: [Unicode.Scalar] = [
    "\u{9}", "\u{A}", "\u{B}", "\u{C}", "\u{D}", " ", "\u{85}", "\u{A0}", "\u{1680}", "\u{2000}", "\u{2001}",
    "\u{2002}", "\u{2003}", "\u{2004}", "\u{2005}", "\u{2006}", "\u{2007}", "\u{2008}", "\u{2009}",
    "\u{200A}", "\u{2028}", "\u{2029}", "\u{202F}", "\u{205F}", "\u{3000}",
  ]

  private static let invisible: [Unicode.Scalar] = [
    "\u{AD}", "\u{34F}", "\u{61C}", "\u{115F}", "\u{1160}", "\u{17B4}", "\u{17B5}", "\u{180B}", "\u{180E}",
    "\u{180F}", "\u{200B}", "\u{200C}", "\u{200D}", "\u{200E}", "\u{200F}", "\u{202A}", "\u{202E}",
    "\u{2060}", "\u{2066}", "\u{2069}", "\u{206F}", "\u{3164}", "\u{FE00}", "\u{FE0F}", "\u{FEFF}",
    "\u{FFA0}", "\u{FFF0}", "\u{FFF8}", "\u{1BCA0}", "\u{1BCA3}", "\u{1D173}", "\u{1D17A}", "\u{E0000}",
    "\u{E0100}", "\u{E0FFF}",
  ]

  private static var decorationAnywhere: [String] {
    [
      random.groups.joined(separator: " "), random.groups.joined(separator: "\r\n"),
      random.groups.joined(separator: " - "), "\u{FEFF}\(random.formatted)\r\n",
      "\u{2066}\(random.formatted)\u{2069}", "---\(random.compact)---",
      random.compact.map { "\($0)" }.joined(separator: " "),
      random.compact.map { "\($0)" }.joined(separator: "\u{200B}"),
      "\(random.compact.prefix(13))\n\n\n\(random.compact.dropFirst(13))",
    ]
  }

  private static var fullStops: [String] {
    let code = random.formatted
    let groups = random.groups
    return [
      code + ".", code + "\u{3002}", code + "\u{FF0E}", code + "...", code + " .", code + ".\n",
      code + ". .\u{3002}", code + ".\u{200B}-", ".", "\u{3002} ", random.compact.dropLast() + ".",
      "." + code, "- ." + code, groups.joined(separator: "."), groups.joined(separator: "\u{3002}"),
      code + ".*", code + ".0", code + ".?", code + ".\u{301}", code + "\u{FF61}", code + "\u{2026}",
    ]
  }

  private static var impossible: [String] {
    let characters: [Unicode.Scalar] = [
      "U", "u", "\u{FF35}", "\u{FF55}", "*", "+", ",", "/", ":", "_", "~", "@", "\"", "\\", "\u{FF0A}",
      "\u{FF5E}", "\u{410}", "\u{41E}", "\u{421}", "\u{391}", "\u{39F}", "\u{392}", "\u{13AA}", "\u{661}",
      "\u{967}", "\u{B2}", "\u{2160}", "\u{24B6}", "\u{1D400}", "\u{1D7D8}", "\u{C0}", "\u{131}", "\u{17F}",
      "\u{212A}", "\u{30FC}", "\u{30FB}", "\u{FF9E}", "\u{2500}", "\u{2800}", "\u{0}", "\u{7}", "\u{1C}",
      "\u{1F}", "\u{7F}", "\u{80}", "\u{FFF9}", "\u{FFFC}", "\u{FFFD}", "\u{6F22}", "\u{5D0}", "\u{1F44D}",
    ]
    let places = characters.enumerated().map { number, character in
      random.text(with: [number * 7 % 25: Character(character)])
    }
    return places + [
      "*", "*" + random.compact, random.compact + "*", random.compact + random.compact + "*", "01*",
      "01*U", "?????*", "Code: " + random.formatted, random.compact + "\u{1F44D}\u{1F3FD}",
    ]
  }

  private static var combiningMarks: [String] {
    [
      "A\u{301}", "a\u{301}", "01234-5678A\u{301}", "\u{FF21}\u{301}", "?\u{301}", "\u{301}A", "A-\u{301}",
      "A\u{200D}\u{301}", "1\u{FE0F}\u{20E3}", "1\u{20E3}", "A\u{301}\u{302}", "A\u{302}*", "O\u{308}0",
      "A\u{903}", "A\u{102B}", "A\u{5BF}", "A\u{1D165}", "U\u{301}",
      random.compact + "\u{301}", random.compact + "0\u{301}",
    ]
  }

  private static var lengths: [String] {
    let twice = random.compact + random.compact
    let counts = [1, 2, 5, 20, 24, 26, 27, 30, 50]
    return ["", " ", "-----", "\u{FEFF}\r\n"] + counts.map { String(twice.prefix($0)) }
      + counts.map { String(repeating: "?", count: $0) }
  }

  private static var wrongSymbol: [String] {
    (0..<25).map { place in
      let other = (Int(random.symbols[place]) + 1 + place) % 32
      return random.text(with: [place: Samples.alphabet[other]])
    } + [
      counting.text(with: [0: "I"]), counting.text(with: [1: "o"]),
      mixedCase(counting.text(with: [13: "z"])) + ".",
    ]
  }

  private static var unreadable: [String] {
    let places: [[Int]] = [
      [0], [12], [24], [0, 1], [3, 20], [23, 24], [0, 1, 2], [4, 9, 14], [20, 22, 24], [0, 1, 2, 3],
      [5, 6, 7, 8], [0, 8, 16, 24], [20, 21, 22, 23], [21, 22, 23, 24],
    ]
    let tooMany = [[0, 1, 2, 3, 4], [0, 5, 10, 15, 20], Array(0..<24), Array(0..<25)]
    return (places + tooMany).map { random.text(unreadableAt: $0) }
      + [[0], [0, 24], [1, 21, 22, 23]].map { counting.text(unreadableAt: $0) }
  }

  private static var wrongAndUnreadable: [String] {
    [
      [0: "Z", 1: "?"], [7: "?", 8: "Z"], [24: "Z", 0: "?"], [3: "Z", 4: "?", 5: "?"],
      [0: "?", 12: "Z", 24: "?"],
      [21: "?", 22: "Z", 23: "?"], [10: "?", 11: "?", 24: "Z"], [2: "Z", 3: "?", 4: "?", 5: "?"],
      [0: "?", 8: "?", 16: "?", 24: "Z"], [2: "Z", 3: "?", 4: "?", 5: "?", 6: "?"],
    ].map { random.text(with: $0) }
  }

  private static var severalMistakes: [String] {
    let wrong: [[Int: Character]] = [
      [0: "Z", 1: "Z"], [0: "Z", 24: "Z"], [5: "Z", 6: "Z", 7: "Z"], [0: "Z", 8: "Z", 16: "Z", 24: "Z"],
      [0: "Z", 8: "Z", 3: "?"], [0: "Z", 8: "Z", 3: "?", 4: "?"], [0: "Z", 8: "Z", 3: "?", 4: "?", 5: "?"],
      [0: "Z", 8: "Z", 3: "?", 4: "?", 5: "?", 6: "?"],
    ]
    let compact = counting.compact
    let groups = counting.groups
    return wrong.map { random.text(with: $0) } + [
      "10" + compact.dropFirst(2), compact.dropFirst() + "0", "0" + compact.dropLast(),
      [groups[1], groups[0], groups[2], groups[3], groups[4]].joined(separator: "-"),
      groups.reversed().joined(separator: "-"), String(compact.reversed()),
    ]
  }

  private static var regularTexts: [String] {
    [
      String(repeating: "0", count: 25), String(repeating: "1", count: 25), String(repeating: "Z", count: 25),
      String(Samples.alphabet.prefix(25)), String(Samples.alphabet.suffix(25)),
      "ABCDE-ABCDE-ABCDE-ABCDE-ABCDE",
      String(repeating: "0", count: 24) + "?",
    ]
  }

  private static func separated(by separator: Unicode.Scalar) -> String {
    random.groups.joined(separator: String(separator))
  }

  private static func mixedCase(_ text: String) -> String {
    text.enumerated().map { $0.offset.isMultiple(of: 2) ? $0.element.lowercased() : "\($0.element)" }.joined()
  }
}
