/// A recovery code: the 25-character secret that a person keeps on paper.
///
/// Promise C1: five groups of five symbols, `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`, in Crockford's base 32.
/// 21 symbols are random (105 bits), the last four are Reed-Solomon check symbols computed from them.
/// A value of this type always carries the right check symbols: there is no way to make another.
///
/// Promise C11: the library needs nothing but the standard library. The format it implements is described
/// in `docs/recovery-code-format.md`, with test vectors for implementations in other languages.
///
/// The value is a secret. It prints as `<redacted>`, also through `dump` and string interpolation, and it is
/// neither `Hashable` nor `Codable`; who needs its text has to say so, with ``formatted``, ``groups`` or
/// ``compact``.
public struct RecoveryCode: Sendable {
  /// How many symbols a code has, check symbols included.
  public static let symbolCount = 25
  /// How many groups a code is written in.
  public static let groupCount = 5
  /// How many symbols a group has.
  public static let groupLength = 5
  /// How many symbols are random; they are the first ones.
  public static let randomSymbolCount = 21
  /// How many symbols are computed from the random ones; they are the last ones.
  public static let checkSymbolCount = 4

  private let elements: [Field32]

  /// The 25 symbols as numbers, 0...31.
  public var symbols: [UInt8] { elements.map(\.value) }

  /// The code as people see it: `XXXXX-XXXXX-XXXXX-XXXXX-XXXXX`, upper case.
  public var formatted: String { groups.joined(separator: "-") }

  /// The five groups of five characters, for a layout of one's own.
  public var groups: [String] {
    stride(from: 0, to: Self.symbolCount, by: Self.groupLength).map { start in
      Alphabet.text(of: elements[start..<start + Self.groupLength])
    }
  }

  /// The 25 characters without dashes, upper case. Whatever way a code was typed, this is the same:
  /// it is the form to hash.
  public var compact: String { Alphabet.text(of: elements[...]) }

  /// Makes a new code from the system's random number generator (C1).
  public static func generate() -> RecoveryCode {
    var generator = SystemRandomNumberGenerator()
    return generate(using: &generator)
  }

  /// Makes a new code from a generator of the caller's choice, which is asked once per random symbol and of
  /// whose answers the low five bits are used.
  public static func generate(using generator: inout some RandomNumberGenerator) -> RecoveryCode {
    var random: [Field32] = []
    for _ in 0..<randomSymbolCount {
      random.append(Field32(generator.next() as UInt8))
    }
    return RecoveryCode(elements: random + CheckSymbols.computed(from: random))
  }

  /// Makes the code whose 21 random symbols are the low five bits of each byte, for derivation from a seed,
  /// for tests and for vectors. Anything but exactly 21 bytes gives `nil`.
  public init?(randomSymbols: some Collection<UInt8>) {
    guard randomSymbols.count == Self.randomSymbolCount else { return nil }
    let random = randomSymbols.map(Field32.init)
    self.init(elements: random + CheckSymbols.computed(from: random))
  }

  /// Takes 25 symbols whose checks are known to hold.
  init(elements: [Field32]) {
    assert(elements.count == Self.symbolCount && CheckSymbols.hold(in: elements))
    self.elements = elements
  }
}

extension RecoveryCode: Equatable {
  /// Compares all 25 symbols whatever the first ones are, so that the time taken tells nothing about where
  /// two codes differ.
  public static func == (one: RecoveryCode, other: RecoveryCode) -> Bool {
    zip(one.elements, other.elements).reduce(0) { $0 | ($1.0 + $1.1).value } == 0
  }
}

extension RecoveryCode: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  /// Always `<redacted>`.
  public var description: String { "<redacted>" }
  /// Always `<redacted>`.
  public var debugDescription: String { description }
  /// A mirror without children, so that `dump` and test failures do not show the symbols either.
  public var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
