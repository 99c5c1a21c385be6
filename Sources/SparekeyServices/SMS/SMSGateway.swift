import CCurl
import FoundationEssentials
import SparekeyCore

/// A text message ready to go.
package struct TextMessage: Sendable {
  /// As `PhoneNumber.text` has it.
  package let to: String
  package let text: String

  package init(to: String, text: String) {
    self.to = to
    self.text = text
  }
}

/// The operator's way to the phone network: one HTTP request per message, as `docs/operating.md` describes it.
package struct SMSGateway: Sendable {
  /// `https://…`, or `http://…` on this machine.
  package struct Address: Sendable, Equatable {
    package let text: String

    /// Nil for anything else; a user or password has no place in it.
    package init?(_ text: String) {
      guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
        host.allSatisfy(\.isASCII), parts.user == nil, parts.password == nil, parts.fragment == nil,
        parts.scheme == "https" || (parts.scheme == "http" && isThisMachine(host)),
        (1...65_535).contains(parts.port ?? 443), let text = parts.string
      else { return nil }
      self.text = text
    }
  }

  private struct Request: Encodable {
    let to: String
    let text: String
    let id: String
  }

  private let address: Address
  private let authorization: Secret?

  /// - Parameter authorization: value of the header of that name, one line.
  package init(_ address: Address, authorization: Secret?) {
    self.address = address
    self.authorization = authorization
  }

  /// Hands a message over. - Throws: `Undelivered`.
  package func deliver(_ message: TextMessage, id: String) async throws {
    var transfer = transfer
    transfer.body = try JSON.encode(Request(to: message.to, text: message.text, id: id))
    transfer.numbers += [(CURLOPT_POST, 1), (CURLOPT_POSTFIELDSIZE, transfer.body.count)]
    var headers = ["Content-Type: application/json", "Accept: application/json", "Idempotency-Key: \(id)"]
    if let authorization { headers.append("Authorization: \(authorization.revealedText)") }
    transfer.lists.append((CURLOPT_HTTPHEADER, headers))
    try Self.judge(await transfer.perform())
  }

  /// Connects, with TLS where the address has it, and asks for nothing. - Throws: `Undelivered`.
  package func check() async throws {
    var transfer = transfer
    transfer.numbers.append((CURLOPT_CONNECT_ONLY, 1))
    let outcome = await transfer.perform()
    guard outcome.code == CURLE_OK else { throw outcome.unreachable }
  }

  private var transfer: Transfer { Transfer(url: address.text, protocols: "https,http") }

  /// 2xx is accepted. 400 and its like say that the request will never be taken; 401, 403, 404 and redirects come from
  /// settings, 408, 429 and 5xx from the moment.
  private static func judge(_ outcome: Transfer.Outcome) throws {
    // A body longer than anyone reads does not change what the status said.
    guard [CURLE_OK, CURLE_WRITE_ERROR].contains(outcome.code), outcome.reply > 0 else {
      throw outcome.unreachable
    }
    switch outcome.reply {
    case 200..<300: return
    case 401, 403: throw Undelivered.loginRefused(reply: outcome.reply)
    case 404, 408, 429: throw Undelivered.refusedForNow(reply: outcome.reply)
    case 400..<500: throw Undelivered.refusedForGood(reply: outcome.reply)
    default: throw Undelivered.refusedForNow(reply: outcome.reply)
    }
  }
}

/// Whether that host can only be this machine.
package func isThisMachine(_ host: String) -> Bool {
  ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host.lowercased())
}
