import FoundationEssentials
import Glibc
import SparekeyCore

/// A mail ready to go.
package struct Mail: Sendable {
  package let from: String
  package let to: String
  package let subject: String
  package let body: String

  package init(from: String, to: String, subject: String, body: String) {
    self.from = from
    self.to = to
    self.subject = subject
    self.body = body
  }

  /// As it travels (RFC 5322): ASCII in short lines, so that every server takes it.
  package func text(at time: Timestamp, id: String) -> String {
    let domain = from.split(separator: "@").last ?? "localhost"
    let lines = body.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    let isPlain = lines.allSatisfy { $0.utf8.count <= 998 && $0.utf8.allSatisfy { (32...126).contains($0) } }
    return """
      From: \(oneLine(from))
      To: \(oneLine(to))
      Subject: \(oneLine(subject))
      Date: \(time.rfc5322)
      Message-ID: <\(id)@\(domain)>
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: \(isPlain ? "7bit" : "quoted-printable")
      Auto-Submitted: auto-generated


      """.replacing("\n", with: "\r\n")
        + lines.map { isPlain ? String($0) : quotedPrintable($0) }.joined(separator: "\r\n")
  }
}

/// One line of text as RFC 2045, 6.7 has it: at most 76 characters, the rest after soft breaks.
private func quotedPrintable(_ line: Substring) -> String {
  var (text, column) = ("", 0)
  for (index, byte) in line.utf8.enumerated() {
    let isLast = index == line.utf8.count - 1
    let isItself = (33...126).contains(byte) && byte != UInt8(ascii: "=") || byte == 32 && !isLast
    let piece = isItself ? String(UnicodeScalar(byte)) : "=" + hexadecimal(byte)
    if column + piece.count > 75 { (text, column) = (text + "=\r\n", 0) }
    text += piece
    column += piece.count
  }
  return text
}

private func hexadecimal(_ byte: UInt8) -> String {
  (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
}

/// One header, whatever was typed. Beyond ASCII it is in encoded words, each of whole characters and at most 75 long
/// (RFC 2047).
private func oneLine(_ value: String) -> String {
  let line = String(
    value.filter { !$0.isNewline }.unicodeScalars.filter { $0.properties.generalCategory != .control })
  guard !line.allSatisfy(\.isASCII) else { return line }
  var words = [""]
  for character in line {
    if words[words.count - 1].utf8.count + character.utf8.count > 45 { words.append("") }
    words[words.count - 1].append(character)
  }
  return words.map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
}

/// Where messages go while no server is configured: files to look at (O1).
package struct OutboxFolder: Sendable {
  private let folder: URL

  package init(_ path: String) throws {
    folder = URL(filePath: path)
    try Folder.make(path)
  }

  /// Writes `<milliseconds>-<id>.eml`.
  package func deliver(_ mail: Mail, at time: Timestamp, id: String) throws {
    try write(mail.text(at: time, id: id), to: "\(time.milliseconds)-\(id).eml")
  }

  /// Writes `<milliseconds>-<id>.sms`: the number, an empty line, the text.
  package func deliver(_ message: TextMessage, at time: Timestamp, id: String) throws {
    try write("To: \(message.to)\n\n\(message.text)\n", to: "\(time.milliseconds)-\(id).sms")
  }

  /// The file has its name only when it is whole, and keeps it after power loss (Q4); the same message once more is the
  /// same file.
  private func write(_ text: String, to name: String) throws {
    let temporary = folder.appending(path: ".\(name)").path
    guard Folder.write(Array(text.utf8), to: temporary, existing: O_TRUNC),
      rename(temporary, folder.appending(path: name).path) == 0
    else { throw CocoaError(.fileWriteUnknown) }
    Folder.flush(folder.path)
  }
}
