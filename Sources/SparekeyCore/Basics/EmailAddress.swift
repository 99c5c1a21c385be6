import FoundationEssentials

/// An email address as mail is sent to it. Mail only ever goes to an address taken from the database.
package struct EmailAddress: Hashable, Sendable {
  package static let maximumLength = 254

  package let text: String

  /// The part before the `@`.
  package var localPart: Substring { text[..<(text.lastIndex(of: "@") ?? text.endIndex)] }

  /// What two spellings of one mailbox share for looking it up.
  package var canonical: String { text.lowercased() }

  /// - Throws: `Refusal.field(.email, …)`.
  package init(_ typed: String) throws(Refusal) {
    let text = typed.trimmed
    guard !text.isEmpty else { throw .field(.email, .missing) }
    guard text.utf8.count <= Self.maximumLength else {
      throw .field(.email, .tooLong(maximum: Self.maximumLength))
    }
    // Quoted local parts and addresses outside ASCII are legal and in practice a source of confusion (T14's
    // header tricks, look-alike domains); an internationalised domain is written in its xn-- form.
    if let stranger = text.first(where: { !$0.isASCII || !Self.allowed.contains($0) }) {
      throw .field(.email, .impossible(stranger))
    }
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    guard parts.count == 2, let local = parts.first, let domain = parts.last,
      (1...64).contains(local.count), Self.isDotted(local),
      domain.split(separator: ".", omittingEmptySubsequences: false).allSatisfy(Self.isLabel),
      domain.contains(".") || domain == "localhost"
    else { throw .field(.email, .malformed) }
    self.text = local + "@" + domain.lowercased()
  }

  /// `ma•••@e•••.com`: enough to recognise one's own, not to learn another's.
  package var masked: String {
    let domain = text[(text.lastIndex(of: "@") ?? text.startIndex)...].dropFirst()
    let name = domain.split(separator: ".").first ?? ""
    let ending = domain.split(separator: ".").last ?? ""
    return "\(localPart.prefix(2).prefix(max(1, localPart.count - 1)))•••@\(name.prefix(1))•••.\(ending)"
  }

  private static let allowed = Set(
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.@!#$%&'*+/=?^_`{|}~-")

  /// A part of a domain's name (RFC 1123, section 2.1).
  private static func isLabel(_ part: Substring) -> Bool {
    (1...63).contains(part.count) && part.first != "-" && part.last != "-"
      && part.allSatisfy { $0.isLetter || $0.isNumber || $0 == "-" }
  }

  private static func isDotted(_ part: some StringProtocol) -> Bool {
    !part.isEmpty && part.first != "." && part.last != "." && !part.contains("..") && part.first != "-"
  }
}
