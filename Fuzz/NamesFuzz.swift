// Sources: Sources/SparekeyCore/Basics/Field.swift Sources/SparekeyCore/Basics/Username.swift Sources/SparekeyCore/Basics/EmailAddress.swift Sources/SparekeyCore/Basics/PhoneNumber.swift Sources/SparekeyCore/Basics/Identifier.swift Sources/SparekeyCore/Basics/Text.swift Sources/SparekeyCore/Basics/Randomness.swift Sources/SparekeyCore/Basics/BitAlphabet.swift Sources/SparekeyCore/SecurityInfo/IssuedCode.swift

import Foundation

/// The one refusal that reading a field ends with; the whole list knows too much of the service to be compiled here.
package enum Refusal: Error { case field(Field, FieldProblem) }

/// Feeds everything that reads short texts people type, or bytes that travel as text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  let text = String(decoding: input.dropFirst(), as: UTF8.self)
  switch mode % 6 {
  case 0: checkUsername(text)
  case 1: checkEmail(text)
  case 2: checkTypedName(text)
  case 3: checkIssuedCode(text)
  case 4: checkPhone(text)
  default: checkEncodings(text, Array(input.dropFirst()))
  }
  return 0
}

private func checkUsername(_ text: String) {
  let lookup = Username.lookup(text)
  precondition(lookup.count <= 256)
  guard let name = try? Username(text) else { return }
  precondition(Username.lengths.contains(name.display.utf8.count) && name.display.allSatisfy(\.isASCII))
  precondition(!name.display.contains("@"), "a username could be an address")
  precondition(name.canonical == lookup, "whoever has this name could not sign in with it")
  precondition(
    (try? Username(name.display)) == name && (try? Username(name.canonical))?.canonical == name.canonical)
  precondition((try? Username(" " + text + "\n")) == name)
  precondition((try? Username(text.uppercased()))?.skeleton == name.skeleton || !text.allSatisfy(\.isASCII))
  precondition(
    name.skeleton.count == name.canonical.count && !name.skeleton.contains { "01i-.".contains($0) })
  precondition((try? EmailAddress(name.display)) == nil)
}

private func checkEmail(_ text: String) {
  guard let email = try? EmailAddress(text) else { return }
  precondition(email.text.utf8.count <= EmailAddress.maximumLength && email.text.allSatisfy(\.isASCII))
  precondition(!email.text.contains { $0.isNewline || $0.isWhitespace || "<>,;:\"\\()[]".contains($0) })
  precondition(email.text.count { $0 == "@" } == 1, "more than one recipient")
  precondition((try? EmailAddress(email.text)) == email && (try? EmailAddress(" " + text + "\r\n")) == email)
  precondition((try? EmailAddress(email.canonical))?.canonical == email.canonical)
  precondition((1...64).contains(email.localPart.utf8.count))
  let domain = email.text.dropFirst(email.localPart.count + 1)
  precondition(domain.allSatisfy { $0.isLetter || $0.isNumber || ".-".contains($0) })
  // The ending is shown whole; of what stands before the @, two letters at most, and never all of several.
  let shown = email.masked.prefix { $0 != "•" }
  precondition(email.masked.dropFirst(shown.count).hasPrefix("•••@") && (1...2).contains(shown.count))
  precondition(email.localPart.hasPrefix(shown) && (shown.count < email.localPart.count || shown.count == 1))
  for trick in [email.text + "," + email.text, email.text + "\nBcc: " + email.text, "<" + email.text + ">"] {
    precondition((try? EmailAddress(trick)) == nil, "a trick passes: \(trick)")
  }
  precondition((try? Username(email.text)) == nil, "an address could be a username")
}

private func checkPhone(_ text: String) {
  guard let phone = try? PhoneNumber(text) else { return }
  let digits = phone.text.dropFirst()
  precondition(phone.text.hasPrefix("+") && digits.utf8.allSatisfy { (0x30...0x39).contains($0) })
  precondition(PhoneNumber.lengths.contains(digits.utf8.count) && digits.first != "0")
  precondition((try? PhoneNumber(phone.text)) == phone && (try? PhoneNumber("00" + digits)) == phone)
  precondition((try? PhoneNumber(" " + text + "\n")) == phone)
  precondition(phone.masked.count == 13 && phone.masked.filter(\.isNumber).count == 4)
  for trick in [phone.text + "," + phone.text, phone.text + ";ext=1", "tel:" + phone.text] {
    precondition((try? PhoneNumber(trick)) == nil, "a trick passes: \(trick)")
  }
}

private func checkTypedName(_ text: String) {
  guard let name = try? typedName(text) else { return }
  precondition(!name.isEmpty && name.utf8.count <= 256 && name.first?.isWhitespace == false)
  precondition(name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control })
  precondition((try? typedName(name)) == name)
  // Sealed as JSON it stays far below a journey's one length.
  precondition(((try? JSONEncoder().encode([name]))?.count ?? 0) < 1_024)
}

private func checkIssuedCode(_ text: String) {
  guard let code = try? IssuedCode.read(text) else { return }
  precondition(code.utf8.count == IssuedCode.digits && code.utf8.allSatisfy { (0x30...0x39).contains($0) })
  precondition(
    (try? IssuedCode.read(code)) == code
      && (try? IssuedCode.read(" " + code.prefix(3) + "-" + code.suffix(3))) == code)
  precondition(
    (try? IssuedCode.read(code + "1")) == nil && (try? IssuedCode.read(String(code.dropLast()))) == nil)
}

private func checkEncodings(_ text: String, _ bytes: [UInt8]) {
  let url = Base64URL.encode(bytes)
  precondition(Base64URL.decode(url) == bytes)
  precondition(url.utf8.allSatisfy { $0 < 128 } && !url.contains { "+/=".contains($0) })
  if let decoded = Base64URL.decode(text) {
    precondition(Base64URL.encode(decoded) == text, "two spellings of one token")
  }

  let word = Base32.encode(bytes)
  precondition(word.utf8.count == (bytes.count * 8 + 4) / 5)
  precondition(word.allSatisfy { "0123456789abcdefghjkmnpqrstvwxyz".contains($0) })
  precondition(decodedBase32(word) == bytes)
}

/// Base 32 read back, by another way than it was written: as one long number of bits.
private func decodedBase32(_ word: String) -> [UInt8] {
  let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)
  let bits = word.utf8.flatMap { letter -> [UInt8] in
    let value = UInt8(alphabet.firstIndex(of: letter) ?? 0)
    return (0..<5).map { value >> (4 - $0) & 1 }
  }
  return stride(from: 0, to: bits.count - bits.count % 8, by: 8).map { start in
    bits[start..<(start + 8)].reduce(0) { $0 << 1 | $1 }
  }
}
