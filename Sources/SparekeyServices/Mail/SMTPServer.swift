import CCurl
import FoundationEssentials
import SparekeyCore

/// The operator's mail server, spoken to by SMTP (RFC 5321). Nothing is said to it before the connection is encrypted
/// (STARTTLS, RFC 3207, or TLS from the start, RFC 8314) and its certificate is checked.
package struct SMTPServer: Sendable {
  /// `smtp://user@mail.example.org:587` or `smtps://…`.
  package struct Address: Sendable, Equatable {
    package let text: String
    package let host: String
    /// Nil: the server takes mail without AUTH.
    package let user: String?

    /// Nil for anything else; a password has no place in it.
    package init?(_ text: String) {
      guard let parts = URLComponents(string: text), let scheme = parts.scheme,
        ["smtp", "smtps"].contains(scheme), let host = parts.host, !host.isEmpty, host.allSatisfy(\.isASCII),
        parts.password == nil, parts.user != "", ["", "/"].contains(parts.path), parts.query == nil,
        parts.fragment == nil, (1...65_535).contains(parts.port ?? 25)
      else { return nil }
      self.host = host.lowercased()
      user = parts.user
      self.text = "\(scheme)://\(self.host)" + (parts.port.map { ":\($0)" } ?? "")
    }
  }

  package enum Encryption: Sendable {
    /// - Parameter trusted: PEM file of the only certificates to trust instead of the system's.
    case required(trusted: String?)
    /// For a server on the same machine.
    case off
  }

  private let address: Address
  private let password: Secret?
  private let encryption: Encryption

  package init(_ address: Address, password: Secret?, encryption: Encryption) {
    self.address = address
    self.password = password
    self.encryption = encryption
  }

  /// Hands a mail over. - Throws: `Undelivered`.
  package func deliver(_ mail: Mail, at time: Timestamp, id: String) async throws {
    // Both go into commands: only what can be nothing but an address may.
    guard let from = try? EmailAddress(mail.from), let to = try? EmailAddress(mail.to),
      from.text == mail.from, to.text == mail.to
    else { throw Undelivered.refusedForGood(reply: 0) }
    var transfer = transfer(as: String(mail.from.split(separator: "@").last ?? "localhost"))
    transfer.body = Array(mail.text(at: time, id: id).utf8)
    transfer.numbers += [(CURLOPT_UPLOAD, 1), (CURLOPT_INFILESIZE, transfer.body.count)]
    transfer.texts.append((CURLOPT_MAIL_FROM, mail.from))
    transfer.lists.append((CURLOPT_MAIL_RCPT, [mail.to]))
    try Self.judge(await transfer.perform())
  }

  /// Connects, encrypts and signs in as for a mail, and sends none. - Throws: `Undelivered`.
  package func check() async throws {
    var transfer = transfer(as: "localhost")
    transfer.texts.append((CURLOPT_CUSTOMREQUEST, "NOOP"))
    transfer.numbers.append((CURLOPT_NOBODY, 1))
    try Self.judge(await transfer.perform())
  }

  /// - Parameter name: what the server is greeted with.
  private func transfer(as name: String) -> Transfer {
    var transfer = Transfer(url: "\(address.text)/\(name)", protocols: "smtp,smtps")
    switch encryption {
    case .required(let trusted):
      transfer.numbers.append((CURLOPT_USE_SSL, Int(CURLUSESSL_ALL.rawValue)))
      transfer.trusted = trusted
    case .off: transfer.numbers.append((CURLOPT_USE_SSL, Int(CURLUSESSL_NONE.rawValue)))
    }
    if let user = address.user, let password {
      transfer.texts += [(CURLOPT_USERNAME, user), (CURLOPT_PASSWORD, password.revealedText)]
    }
    return transfer
  }

  /// A mailbox that does not exist is refused for good. Other refusals with 5xx often come from settings, a full mailbox
  /// or a block list, so they are worth another try.
  private static func judge(_ outcome: Transfer.Outcome) throws {
    switch outcome.code {
    case CURLE_OK: return
    case CURLE_LOGIN_DENIED: throw Undelivered.loginRefused(reply: outcome.reply)
    case CURLE_USE_SSL_FAILED: throw Undelivered.notEncrypted
    case CURLE_SEND_ERROR where outcome.words.hasPrefix("RCPT") && [550, 551, 553].contains(outcome.reply):
      throw Undelivered.refusedForGood(reply: outcome.reply)
    case _ where outcome.reply >= 400 && outcome.code != CURLE_OPERATION_TIMEDOUT:
      throw Undelivered.refusedForNow(reply: outcome.reply)
    default: throw outcome.unreachable
    }
  }
}
