import FoundationEssentials

/// The name a person types to sign in. Letters and digits of ASCII with `.`, `_`, `-` between them: no name can
/// look like another through a second script, and none can be an email address (one namespace, never ambiguous).
package struct Username: Hashable, Sendable {
  package static let lengths = 3...64

  /// As its owner wrote it.
  package let display: String
  /// What it is looked up by: compatibility forms folded (NFKC), lower case.
  package let canonical: String

  /// The canonical form with look-alike characters merged; two accounts never share it.
  package var skeleton: String {
    String(canonical.map { ["0": "o", "1": "l", "i": "l", "-": "_", ".": "_"][$0] ?? $0 })
  }

  /// - Throws: `Refusal.field(.username, …)`.
  package init(_ typed: String) throws(Refusal) {
    guard typed.utf8.count <= 1_024 else {
      throw .field(.username, .tooLong(maximum: Self.lengths.upperBound))
    }
    let folded = Self.fold(typed)
    guard !folded.isEmpty else { throw .field(.username, .missing) }
    guard folded.utf8.count <= Self.lengths.upperBound else {
      throw .field(.username, .tooLong(maximum: Self.lengths.upperBound))
    }
    if let stranger = folded.first(where: { !Self.isAllowed($0) }) {
      throw .field(.username, .impossible(stranger))
    }
    guard folded.count >= Self.lengths.lowerBound else {
      throw .field(.username, .tooShort(minimum: Self.lengths.lowerBound))
    }
    guard let first = folded.first, let last = folded.last, ![first, last].contains(where: "._-".contains)
    else {
      throw .field(.username, .malformed)
    }
    display = folded
    canonical = folded.lowercased()
  }

  /// What a stranger typed at sign-in, made comparable. Never refused: an impossible name is simply unknown (S6).
  package static func lookup(_ typed: String) -> String { String(fold(typed).lowercased().prefix(256)) }

  private static func fold(_ typed: String) -> String {
    // A megabyte of text is not worth normalising to find that it is too long.
    String(typed.unicodeScalars.prefix(1_024)).folded.trimmed
  }

  private static func isAllowed(_ character: Character) -> Bool {
    character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
  }
}

/// The name someone typed to begin a journey: shown again as it is, so bounded.
/// - Throws: `Refusal.field(.username, …)`.
package func typedName(_ typed: String) throws(Refusal) -> String {
  // Control characters would be written out long, and a journey's length must not depend on what is in it (S6).
  let name = String(
    String.UnicodeScalarView(
      typed.unicodeScalars.prefix(1_024).filter { $0.properties.generalCategory != .control })
  ).drop { $0.isWhitespace }
  guard !name.isEmpty else { throw .field(.username, .missing) }
  guard name.utf8.count <= 256 else { throw .field(.username, .tooLong(maximum: 256)) }
  return String(name)
}
