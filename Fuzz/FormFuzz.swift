// Sources: Sources/SparekeyWeb/Shell/FormFields.swift

import Foundation

/// Feeds ``formFields(of:)`` with raw text (first byte even) or with fields that were encoded here (first byte odd).
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzForm(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  if mode.isMultiple(of: 2) {
    checkText(String(decoding: input.dropFirst(), as: UTF8.self))
  } else {
    checkFields(input.dropFirst())
  }
  return 0
}

/// What was read is no longer than what was sent, reads the same when it is written again, and holds no name twice.
private func checkText(_ text: String) {
  guard let fields = formFields(of: text) else { return }
  let pairs = text.utf8.split(separator: UInt8(ascii: "&"))
  precondition(fields.count == pairs.count, "a pair was lost")
  precondition(fields.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count } <= text.utf8.count)
  precondition(
    formFields(of: fields.map { encoded($0.key) + "=" + encoded($0.value) }.joined(separator: "&")) == fields)
  if let (name, _) = fields.first {
    precondition(formFields(of: text + "&" + encoded(name) + "=x") == nil, "a second field of one name")
  }
  precondition(formFields(of: text + "&x=%") == nil && formFields(of: text + "&x=%FF") == nil)
}

/// Fields written by another hand come back as they were.
private func checkFields(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) {
  var fields: [String: String] = [:]
  for pair in bytes.split(separator: 0) {
    let parts = pair.split(separator: 1, maxSplits: 1, omittingEmptySubsequences: false)
    let name = String(decoding: parts[0], as: UTF8.self)
    fields[name] = parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : ""
  }
  let text = fields.map { encoded($0.key) + "=" + encoded($0.value) }.joined(separator: "&")
  let read = formFields(of: text)
  precondition(read?.count == fields.count)
  for (name, value) in fields {
    precondition(read?[name].map { Array($0.unicodeScalars) == Array(value.unicodeScalars) } == true)
  }
}

/// Letters and digits as they are, a space as "+", any other byte in hexadecimal.
private func encoded(_ text: String) -> String {
  let digits = Array("0123456789abcdef")
  return text.utf8.reduce(into: "") { encoded, byte in
    switch byte {
    case UInt8(ascii: " "): encoded += "+"
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
      encoded.unicodeScalars.append(Unicode.Scalar(byte))
    default: encoded += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
    }
  }
}
