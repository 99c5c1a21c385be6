import Crypto
import Foundation

/// What a browser carries, sealed, while its owner signs in at Sparekey.
struct PendingSignIn: Codable {
  static let lifetime: TimeInterval = 3_600
  /// Beyond these the browser forgets all of them and begins anew.
  static let most = 5

  let state: String
  let nonce: String
  /// PKCE (RFC 7636).
  let verifier: String
  let returnTo: LocalPath
  let beganAt: Date

  init(state: String, nonce: String, verifier: String, returnTo: LocalPath, beganAt: Date) {
    self.state = state
    self.nonce = nonce
    self.verifier = verifier
    self.returnTo = returnTo
    self.beganAt = beganAt
  }

  var challenge: String { Base64URL.encode(Data(SHA256.hash(data: Data(verifier.utf8)))) }

  /// - Parameter name: the cookie's; it opens in that one only.
  func sealed(with key: SymmetricKey, as name: String) throws -> String {
    let box = try ChaChaPoly.seal(JSONEncoder().encode(self), using: key, authenticating: Data(name.utf8))
    return Base64URL.encode(box.combined)
  }

  /// Nil for what was not sealed here as that cookie, or too long ago.
  init?(_ sealed: String, with key: SymmetricKey, as name: String, at now: Date) {
    guard let data = Base64URL.decode(sealed), let box = try? ChaChaPoly.SealedBox(combined: data),
      let opened = try? ChaChaPoly.open(box, using: key, authenticating: Data(name.utf8)),
      let pending = try? JSONDecoder().decode(Self.self, from: opened),
      now < pending.beganAt + Self.lifetime
    else { return nil }
    self = pending
  }
}
