import FoundationEssentials

/// What the browser says (WebAuthn Level 3, section 5.8.1): JSON that the authenticator signed the hash of.
struct ClientData: Equatable {
  let type: String
  /// Base 64 with the URL alphabet, without padding.
  let challenge: String
  let origin: String
  /// The browser says that the page is inside one of another origin.
  let isCrossOrigin: Bool

  init?(_ bytes: [UInt8]) {
    guard let content = PasskeyAnswer.decode(Content.self, from: bytes) else { return nil }
    type = content.type
    challenge = content.challenge
    origin = content.origin
    isCrossOrigin = content.crossOrigin == true || content.topOrigin != nil
  }

  /// Members that later browsers add are no concern of ours.
  private struct Content: Decodable {
    let type: String
    let challenge: String
    let origin: String
    let crossOrigin: Bool?
    let topOrigin: String?
  }
}
