/// A number of the field GF(32): five bits, taken as a polynomial over GF(2), modulo x^5 + x^2 + 1.
///
/// Addition is exclusive or, and so is subtraction. Every number but zero is a power of `a` = 2.
/// Multiplication uses neither a table nor a branch: it takes the same time for every secret.
struct Field32: Equatable, Sendable {
  /// How many numbers there are besides zero: the powers a^0...a^30.
  static let powerCount = 31

  static let zero = Field32(0)
  static let one = Field32(1)
  static let a = Field32(2)

  /// 0...31.
  let value: UInt8

  /// Takes the low five bits.
  init(_ bits: UInt8) {
    value = bits & 0b11111
  }

  static func + (left: Field32, right: Field32) -> Field32 {
    Field32(left.value ^ right.value)
  }

  static func * (left: Field32, right: Field32) -> Field32 {
    var product: UInt16 = 0
    for bit in 0..<5 {
      product ^= (UInt16(left.value) << bit) &* (UInt16(right.value) >> bit & 1)
    }
    for bit in (5...8).reversed() {
      product ^= (0b100101 << (bit - 5)) &* (product >> bit & 1)
    }
    return Field32(UInt8(truncatingIfNeeded: product))
  }

  /// The quotient; zero if the divisor is zero, since 0^30 is 0.
  static func / (left: Field32, right: Field32) -> Field32 {
    left * right.power(powerCount - 1)
  }

  func power(_ exponent: Int) -> Field32 {
    (0..<exponent).reduce(Field32.one) { product, _ in product * self }
  }

  /// The exponent e in 0...30 with a^e equal to this number; zero has none.
  var logarithm: Int? {
    var power = Field32.one
    for exponent in 0..<Self.powerCount {
      if power == self { return exponent }
      power = power * .a
    }
    return nil
  }
}
