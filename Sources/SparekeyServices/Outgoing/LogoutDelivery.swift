import CCurl
import SparekeyCore

/// Brings logout tokens to apps (OpenID Connect Back-Channel Logout 1.0, section 2.5).
package struct LogoutDelivery: Sendable {
  package init() {}

  /// - Throws: `Undelivered`.
  package func deliver(_ token: String, to address: String) async throws {
    var transfer = Transfer(url: address, protocols: "https,http")
    transfer.body = Array("logout_token=\(FormEncoding.encode(token))".utf8)
    transfer.numbers += [(CURLOPT_POST, 1), (CURLOPT_POSTFIELDSIZE, transfer.body.count)]
    transfer.lists.append(
      (CURLOPT_HTTPHEADER, ["Content-Type: application/x-www-form-urlencoded", "Expect:"]))
    let outcome = await transfer.perform()
    // A body longer than anyone reads does not change what the status said.
    guard [CURLE_OK, CURLE_WRITE_ERROR].contains(outcome.code), outcome.reply > 0 else {
      throw outcome.unreachable
    }
    switch outcome.reply {
    case 200..<300: return
    // The app says that this token will never do.
    case 400: throw Undelivered.refusedForGood(reply: outcome.reply)
    default: throw Undelivered.refusedForNow(reply: outcome.reply)
    }
  }
}
