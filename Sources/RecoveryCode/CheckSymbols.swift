/// The four check symbols: a Reed-Solomon code over ``Field32`` (C1).
///
/// A code's 25 symbols are the coefficients of a polynomial, the first symbol at the highest power, x^24.
/// The code is valid if that polynomial, less the ``constant``, is zero at a^1, a^2, a^3 and a^4. Two valid
/// codes therefore differ in five symbols at least.
enum CheckSymbols {
  /// (x - a)(x - a^2)(x - a^3)(x - a^4) = x^4 + 30x^3 + 6x^2 + 9x + 17, without its leading 1.
  private static let generator = [30, 6, 9, 17].map(Field32.init)

  /// What is added to the four checks, the letters "SAFE" in our alphabet. Without it the code would be
  /// linear: 25 zeros would be valid, and a code that begins with 0 could be shifted by a symbol unnoticed.
  private static let constant = [25, 10, 15, 14].map(Field32.init)

  private static let roots = (1...RecoveryCode.checkSymbolCount).map { Field32.a.power($0) }

  /// The locator of a position 0...24: the power of `a` that stands for it in the syndromes.
  static func locator(of position: Int) -> Field32 {
    Field32.a.power(RecoveryCode.symbolCount - 1 - position)
  }

  /// The position 0...24 that a locator stands for.
  static func position(of locator: Field32) -> Int? {
    guard let logarithm = locator.logarithm, logarithm < RecoveryCode.symbolCount else { return nil }
    return RecoveryCode.symbolCount - 1 - logarithm
  }

  /// The four checks for 21 random symbols: the remainder of the division by the generator polynomial, and
  /// the constant.
  static func computed(from random: [Field32]) -> [Field32] {
    var remainder = [Field32](repeating: .zero, count: generator.count)
    for symbol in random {
      let factor = symbol + remainder[0]
      let shifted = remainder.dropFirst() + [.zero]
      remainder = zip(shifted, generator).map { $0 + factor * $1 }
    }
    return zip(remainder, constant).map { $0 + $1 }
  }

  /// The values at a^1...a^4: four zeros if the symbols are a valid code.
  static func syndromes(of symbols: [Field32]) -> [Field32] {
    let (random, checks) = (symbols.dropLast(constant.count), symbols.suffix(constant.count))
    let coefficients = random + zip(checks, constant).map { $0 + $1 }
    return roots.map { root in coefficients.reduce(.zero) { $0 * root + $1 } }
  }

  static func hold(in symbols: [Field32]) -> Bool {
    syndromes(of: symbols).allSatisfy { $0 == .zero }
  }
}
