/// A short code of six digits: sent to an email or phone (NIST SP 800-63B-4, 4.2.1.2) and kept as a keyed digest bound
/// to what it was issued for, or shown by an authenticator app.
package enum IssuedCode {
  package static let digits = 6

  package static func make(_ randomness: Randomness) -> String { randomness.digits(digits) }

  /// Spaces and dashes don't matter.
  /// - Throws: `Refusal.field(.code, …)` for what cannot be a code; that costs no try.
  package static func read(_ typed: String) throws(Refusal) -> String {
    let code = typed.prefix(256).filter { !$0.isWhitespace && $0 != "-" }
    guard !code.isEmpty else { throw .field(.code, .missing) }
    if let stranger = code.first(where: { !$0.isASCII || !$0.isNumber }) {
      throw .field(.code, .impossible(stranger))
    }
    guard code.count >= digits else { throw .field(.code, .tooShort(minimum: digits)) }
    guard code.count == digits else { throw .field(.code, .tooLong(maximum: digits)) }
    return String(code)
  }
}
