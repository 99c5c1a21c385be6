import RecoveryCode

/// A small generator with a seed (SplitMix64), so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64

  init(seed: UInt64) {
    state = seed
  }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}

/// Codes and damaged texts to test with. The seeds are fixed: every run sees the same ones.
enum Samples {
  static let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ")

  /// 01234-56789-ABCDE-FGHJK-MNMMA, which begins with symbols that O, I and L can be typed for.
  // swift-format-ignore: NeverForceUnwrap
  static let counting = RecoveryCode(randomSymbols: 0...20)!

  static func codes(_ count: Int, seed: UInt64 = 2026) -> [RecoveryCode] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in RecoveryCode.generate(using: &generator) }
  }

  static func text(_ symbols: some Sequence<UInt8>) -> String {
    String(symbols.map { alphabet[Int($0)] })
  }

  /// An ASCII text in full-width forms.
  static func fullWidth(_ text: String) -> String {
    var wide = String.UnicodeScalarView()
    wide.append(contentsOf: text.unicodeScalars.compactMap { Unicode.Scalar($0.value + 0xFEE0) })
    return String(wide)
  }
}

extension RecoveryCode {
  /// The text of this code with other characters at some places.
  func text(with replacements: [Int: Character]) -> String {
    String(compact.enumerated().map { replacements[$0.offset] ?? $0.element })
  }

  /// The text of this code with `?` at some places.
  func text(unreadableAt places: some Sequence<Int>) -> String {
    text(with: Dictionary(places.map { ($0, "?") }) { first, _ in first })
  }
}

extension Reading {
  var isCode: Bool {
    if case .code = self { true } else { false }
  }

  var suggestion: Suggestion? {
    if case .suggestion(let suggestion) = self { suggestion } else { nil }
  }
}
