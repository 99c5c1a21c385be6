import Foundation
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

  /// As it travels (RFC 5322), UTF-8 in eight bits (RFC 6152).
  package func text(at time: Timestamp, id: String) -> String {
    let date = Date(timeIntervalSince1970: Double(time.milliseconds) / 1_000)
    let formatter = DateFormatter()
    formatter.locale = Locale(identifier: "en_US_POSIX")
    formatter.timeZone = .gmt
    formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss '+0000'"
    let domain = from.split(separator: "@").last ?? "localhost"
    return """
      From: \(oneLine(from))
      To: \(oneLine(to))
      Subject: \(oneLine(subject))
      Date: \(formatter.string(from: date))
      Message-ID: <\(id)@\(domain)>
      MIME-Version: 1.0
      Content-Type: text/plain; charset=utf-8
      Content-Transfer-Encoding: 8bit
      Auto-Submitted: auto-generated


      """.replacingOccurrences(of: "\n", with: "\r\n")
        + body.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).joined(separator: "\r\n")
  }
}

/// One header, whatever was typed. Beyond ASCII it is in encoded words, each of whole characters and at most 75 long
/// (RFC 2047).
private func oneLine(_ value: String) -> String {
  let line = value.filter { !$0.isNewline }
  guard !line.allSatisfy(\.isASCII) else { return line }
  var words = [""]
  for character in line {
    if words[words.count - 1].utf8.count + character.utf8.count > 45 { words.append("") }
    words[words.count - 1].append(character)
  }
  return words.map { "=?utf-8?B?\(Data($0.utf8).base64EncodedString())?=" }.joined(separator: "\r\n ")
}

/// Where mail goes while no mail server is configured: files to look at (O1).
package struct OutboxFolder: Sendable {
  private let folder: URL

  package init(_ path: String) throws {
    folder = URL(filePath: path)
    try Folder.make(path)
  }

  /// Writes `<milliseconds>-<id>.eml`; it has its name only when it is whole, and keeps it after power loss (Q4).
  package func deliver(_ mail: Mail, at time: Timestamp, id: String) throws {
    let name = "\(time.milliseconds)-\(id)"
    let temporary = folder.appending(path: ".\(name)")
    guard
      FileManager.default.createFile(
        atPath: temporary.path, contents: nil, attributes: [.posixPermissions: 0o600])
    else { throw CocoaError(.fileWriteUnknown) }
    let file = try FileHandle(forWritingTo: temporary)
    try file.write(contentsOf: Data(mail.text(at: time, id: id).utf8))
    try file.synchronize()
    try file.close()
    try FileManager.default.moveItem(at: temporary, to: folder.appending(path: "\(name).eml"))
    Folder.flush(folder.path)
  }
}
