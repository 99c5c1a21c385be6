import FoundationEssentials

/// A phone number as E.164 has it: `+`, the country's code, the number. Only its form is known here; whether it exists
/// shows when a code sent to it comes back.
package struct PhoneNumber: Hashable, Sendable {
  /// Digits, the country's code included.
  package static let lengths = 8...15

  /// `+4917112345689`: what text messages are sent to, and what two spellings of one number share.
  package let text: String

  /// Takes it as people write it: `+49 (0)171 123-456 89`, `0049 171…`. Without the country's code it is refused: which
  /// country is meant must not be guessed.
  /// - Throws: `Refusal.field(.phone, …)`.
  package init(_ typed: String) throws(Refusal) {
    guard typed.utf8.count <= 256 else { throw .field(.phone, .tooLong(maximum: Self.lengths.upperBound)) }
    let written = typed.folded
      // The national 0 is written in parentheses because it is not dialled after the country's code.
      .replacing("(0)", with: "")
      .filter { !$0.isWhitespace && !"()-./\u{2010}\u{2011}\u{2012}\u{2013}".contains($0) }
    guard !written.isEmpty else { throw .field(.phone, .missing) }
    guard let prefix = ["+", "00"].first(where: { written.hasPrefix($0) }) else {
      throw .field(.phone, .malformed)
    }
    let digits = written.dropFirst(prefix.count)
    if let stranger = digits.first(where: { !$0.isASCII || !$0.isNumber }) {
      throw .field(.phone, .impossible(stranger))
    }
    guard digits.count >= Self.lengths.lowerBound else {
      throw .field(.phone, .tooShort(minimum: Self.lengths.lowerBound))
    }
    guard digits.count <= Self.lengths.upperBound else {
      throw .field(.phone, .tooLong(maximum: Self.lengths.upperBound))
    }
    guard digits.first != "0" else { throw .field(.phone, .malformed) }
    text = "+" + digits
  }

  /// `+49 •••• ••89`: enough to recognise one's own, not to learn another's. Always of one length.
  package var masked: String { "\(text.prefix(3)) •••• ••\(text.suffix(2))" }
}
