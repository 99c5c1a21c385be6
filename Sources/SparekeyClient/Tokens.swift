import Crypto
import Foundation

/// A compact JSON Web Signature taken apart, not yet checked (RFC 7515, section 7.1).
struct SignedToken {
  struct Header: Decodable {
    let alg: String
    let kid: String?
    let typ: String?
    /// Rules that must be understood; none are.
    let crit: [String]?
  }

  let header: Header
  fileprivate let claims: Data
  private let message: Data
  private let signature: Data

  /// - Throws: `TokenProblem.malformed`.
  init(_ text: String) throws(TokenProblem) {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard text.utf8.count <= 16_384, parts.count == 3, let header = Base64URL.decode(parts[0]),
      let claims = Base64URL.decode(parts[1]), let signature = Base64URL.decode(parts[2]),
      let read = try? JSONDecoder().decode(Header.self, from: header), read.crit == nil
    else { throw .malformed }
    self.header = read
    self.claims = claims
    self.signature = signature
    message = Data("\(parts[0]).\(parts[1])".utf8)
  }

  fileprivate func isSigned(by key: P256.Signing.PublicKey) -> Bool {
    guard let signature = try? P256.Signing.ECDSASignature(rawRepresentation: signature) else { return false }
    return key.isValidSignature(signature, for: message)
  }
}

/// `aud` is one text or several.
struct Audience: Decodable {
  let all: [String]

  init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    all = try (try? [container.decode(String.self)]) ?? container.decode([String].self)
  }
}

protocol TokenClaims: Decodable {
  var iss: String { get }
  var aud: Audience { get }
  var exp: Double { get }
  var iat: Double { get }
}

/// OpenID Connect Core, section 2.
struct IDTokenClaims: TokenClaims {
  let iss: String
  let sub: String
  let aud: Audience
  let azp: String?
  let exp: Double
  let iat: Double
  let auth_time: Double?
  let nonce: String?
  let acr: String?
  let amr: [String]?
  let sid: String?
}

/// OpenID Connect Back-Channel Logout 1.0, section 2.4.
struct LogoutTokenClaims: TokenClaims {
  /// There, whatever it holds.
  struct Anything: Decodable { init(from decoder: any Decoder) {} }

  let iss: String
  let sub: String?
  let aud: Audience
  let exp: Double
  let iat: Double
  let jti: String
  let sid: String?
  let events: [String: [String: Anything]]
  let nonce: Anything?

  enum CodingKeys: CodingKey { case iss, sub, aud, exp, iat, jti, sid, events, nonce }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    iss = try container.decode(String.self, forKey: .iss)
    sub = try container.decodeIfPresent(String.self, forKey: .sub)
    aud = try container.decode(Audience.self, forKey: .aud)
    exp = try container.decode(Double.self, forKey: .exp)
    iat = try container.decode(Double.self, forKey: .iat)
    jti = try container.decode(String.self, forKey: .jti)
    sid = try container.decodeIfPresent(String.self, forKey: .sid)
    events = (try? container.decode([String: [String: Anything]].self, forKey: .events)) ?? [:]
    nonce = container.contains(.nonce) ? try container.decode(Anything.self, forKey: .nonce) : nil
  }
}

/// When a token of Sparekey's is to be trusted (OpenID Connect Core, section 3.1.3.7; RFC 8725).
struct TokenRules {
  let issuer: String
  let clientID: String
  let now: Date
  /// Clocks differ by that much.
  private let tolerance: TimeInterval = 60

  init(issuer: String, clientID: String, now: Date) {
    self.issuer = issuer
    self.clientID = clientID
    self.now = now
  }

  /// - Parameter nonce: of the sign-in that it belongs to.
  func idToken(_ token: SignedToken, nonce: String, key: P256.Signing.PublicKey) throws(TokenProblem)
    -> IDTokenClaims
  {
    guard token.header.typ == nil || token.header.typ?.lowercased() == "jwt" else { throw .type }
    let claims = try checked(IDTokenClaims.self, of: token, key: key)
    guard claims.aud.all.count == 1 || claims.azp != nil, claims.azp ?? clientID == clientID else {
      throw .audience
    }
    guard claims.nonce == nonce else { throw .nonce }
    guard !claims.sub.isEmpty else { throw .subject }
    return claims
  }

  func logoutToken(_ token: SignedToken, key: P256.Signing.PublicKey) throws(TokenProblem)
    -> LogoutTokenClaims
  {
    guard token.header.typ?.lowercased() == "logout+jwt" else { throw .type }
    let claims = try checked(LogoutTokenClaims.self, of: token, key: key)
    guard claims.events["http://schemas.openid.net/event/backchannel-logout"] != nil else { throw .event }
    // So that an ID token never passes for one.
    guard claims.nonce == nil else { throw .nonce }
    guard claims.sid ?? claims.sub != nil, !claims.jti.isEmpty else { throw .subject }
    return claims
  }

  /// When nobody accepts it any more.
  func end(of claims: some TokenClaims) -> Date {
    Date(timeIntervalSince1970: min(claims.exp, now.timeIntervalSince1970 + 86_400) + tolerance)
  }

  private func checked<Claims: TokenClaims>(
    _ type: Claims.Type, of token: SignedToken, key: P256.Signing.PublicKey
  ) throws(TokenProblem) -> Claims {
    guard token.header.alg == "ES256" else { throw .algorithm }
    guard token.isSigned(by: key) else { throw .signature }
    guard let claims = try? JSONDecoder().decode(type, from: token.claims) else { throw .malformed }
    guard claims.iss == issuer else { throw .issuer }
    guard claims.aud.all.contains(clientID) else { throw .audience }
    let seconds = now.timeIntervalSince1970
    guard seconds < claims.exp + tolerance else { throw .expired }
    guard claims.iat <= seconds + tolerance else { throw .fromTheFuture }
    return claims
  }
}
