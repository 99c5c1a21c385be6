// Sources: Sources/RecoveryCode

/// Feeds ``RecoveryCode/read(_:)`` with raw text (first byte even) or with a code that was damaged in a known
/// way (first byte odd), and checks what must hold for whatever it answers.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRecoveryCode(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  if mode.isMultiple(of: 2) {
    checkText(String(decoding: input.dropFirst(), as: UTF8.self))
  } else {
    checkDamagedCode(Array(input.dropFirst()))
  }
  return 0
}

private func checkText(_ text: String) {
  let reading = RecoveryCode.read(text)
  let typed = naiveSymbols(of: text)

  precondition(RecoveryCode.read("\u{200B}" + text + "\n") == reading, "decoration changed the reading")
  precondition(RecoveryCode.read(Substring(text)) == reading, "a substring reads differently")

  switch reading {
  case .code(let code):
    precondition(typed == Array(code.compact))
    checkValid(code)
    precondition(RecoveryCode.read(text.lowercased()) == reading, "lower case reads differently")
  case .suggestion(let suggestion):
    checkSuggestion(suggestion, typed: typed)
  case .problem(let problem):
    checkProblem(problem, text: text, typed: typed)
  }
}

private func checkValid(_ code: RecoveryCode) {
  precondition(RecoveryCode.read(code.formatted) == .code(code))
  precondition(RecoveryCode.read(code.compact) == .code(code))
  precondition(RecoveryCode.read(code.groups.joined(separator: "\r\n") + ".") == .code(code))
  precondition(RecoveryCode(randomSymbols: code.symbols.prefix(21)) == code)
  precondition(code.formatted.utf8.count == 29 && "\(code)" == "<redacted>")
}

private func checkSuggestion(_ suggestion: Suggestion, typed: [Character]) {
  checkValid(suggestion.code)
  precondition(typed.count == 25)
  let different = zip(typed, suggestion.code.compact).enumerated().filter { $1.0 != $1.1 }.map(\.offset)
  precondition(suggestion.positions == different)
  let unreadable = typed.indices.filter { typed[$0] == "?" }
  switch suggestion.kind {
  case .unreadableSymbols:
    precondition(suggestion.wrongPosition == nil)
    precondition(different == unreadable && (1...4).contains(unreadable.count))
  case .wrongSymbol:
    precondition(unreadable.count <= 2)
    precondition(different == (unreadable + [suggestion.wrongPosition].compactMap(\.self)).sorted())
    precondition(different.count == unreadable.count + 1)
  }
}

private func checkProblem(_ problem: ReadingProblem, text: String, typed: [Character]) {
  switch problem {
  case .empty: precondition(typed.isEmpty)
  case .tooShort(let missing): precondition(missing > 0 && typed.count + missing == 25)
  case .tooLong(let extra): precondition(extra > 0 && typed.count - extra == 25)
  case .tooManyUnreadable(let count):
    precondition(typed.count == 25 && count > 4 && typed.count { $0 == "?" } == count)
  case .severalMistakes: precondition(typed.count == 25 && typed.count { $0 == "?" } <= 3)
  case .impossibleCharacter(let character, let group, let place):
    precondition(group >= 1 && (1...5).contains(place))
    precondition((group - 1) * 5 + place - 1 <= typed.count)
    precondition(character.unicodeScalars.count <= 2)
    precondition(character.unicodeScalars.allSatisfy(text.unicodeScalars.contains))
  }
}

/// The typed symbols in upper case, found in another way than the library does it.
private func naiveSymbols(of text: String) -> [Character] {
  text.unicodeScalars.compactMap { scalar in
    let isFullWidth = (0xFF01...0xFF5E).contains(scalar.value)
    guard let ascii = Unicode.Scalar(isFullWidth ? scalar.value - 0xFEE0 : scalar.value), ascii.isASCII
    else { return nil }
    switch Character(Character(ascii).uppercased()) {
    case "I", "L": return "1"
    case "O": return "0"
    case let upper where "0123456789ABCDEFGHJKMNPQRSTVWXYZ?".contains(upper): return upper
    default: return nil
    }
  }
}

/// 21 bytes make a code; each further pair of bytes makes a symbol wrong or unreadable.
private func checkDamagedCode(_ bytes: [UInt8]) {
  guard let code = RecoveryCode(randomSymbols: bytes.prefix(21)) else { return }
  checkValid(code)

  let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ?")
  let original = Array(code.compact)
  var typed = original
  var edits = bytes.dropFirst(21)
  while edits.count >= 2 {
    typed[Int(edits.removeFirst()) % typed.count] = alphabet[Int(edits.removeFirst()) % alphabet.count]
  }

  let different = typed.indices.filter { typed[$0] != original[$0] }
  let unreadable = different.filter { typed[$0] == "?" }
  let wrong = different.filter { typed[$0] != "?" }
  let reading = RecoveryCode.read(String(typed))

  if different.isEmpty {
    precondition(reading == .code(code))
  } else if 2 * wrong.count + unreadable.count <= 4, wrong.count <= 1 {
    guard case .suggestion(let suggestion) = reading else { preconditionFailure("not repaired") }
    precondition(suggestion.code == code && suggestion.positions == different)
    precondition(suggestion.wrongPosition == wrong.first)
  } else if case .code(let other) = reading {
    precondition(unreadable.isEmpty && wrong.count >= 5 && other != code, "a damaged code reads as valid")
  }
  checkText(String(typed))
}
