import Crypto
import Foundation
import Testing

@testable import SparekeyClient

@Suite struct `Tokens of Sparekey` {
  let key = TestKey()
  let rules = TokenRules(issuer: issuer, clientID: clientID, now: start)

  func read(_ text: String) throws(TokenProblem) -> IDTokenClaims {
    try rules.idToken(SignedToken(text), nonce: "n", key: key.key.publicKey)
  }

  func hear(_ text: String) throws(TokenProblem) -> LogoutTokenClaims {
    try rules.logoutToken(SignedToken(text), key: key.key.publicKey)
  }

  func logout(_ changed: [String: Any?] = [:], header: [String: Any] = [:]) throws -> String {
    try key.token(logoutClaims(changed), header: ["typ": "logout+jwt"].merging(header) { $1 })
  }

  @Test func `a good ID token is read, also with the app among several it is for`() throws {
    #expect(try read(key.token(idClaims())).sub == "maria-id")
    #expect(try read(key.token(idClaims(["aud": [clientID, "other"], "azp": clientID]))).sid == "sid-1")
    // Clocks differ a little.
    #expect(throws: Never.self) { try read(key.token(idClaims(at: start + 50))) }
    #expect(throws: Never.self) { try read(key.token(idClaims(at: start - 350))) }
  }

  @Test(
    arguments: [
      ("iss", "https://accounts.example.org/", TokenProblem.issuer), ("iss", "https://evil.example", .issuer),
      ("iss", nil, .malformed), ("aud", "other", .audience), ("aud", nil, .malformed),
      ("azp", "other", .audience),
      ("nonce", "other", .nonce), ("nonce", nil, .nonce), ("sub", "", .subject), ("sub", nil, .malformed),
      ("exp", nil, .malformed), ("iat", nil, .malformed),
    ] as [(String, String?, TokenProblem)])
  func `OIDC Core 3.1.3.7: an ID token with one wrong claim is refused`(
    _ name: String, _ value: String?, _ problem: TokenProblem
  ) throws {
    #expect(throws: problem) { try read(key.token(idClaims([name: value]))) }
  }

  @Test func `OIDC Core 3.1.3.7: an ID token for several apps names the one it was given to`() throws {
    #expect(throws: TokenProblem.audience) { try read(key.token(idClaims(["aud": [clientID, "other"]]))) }
    #expect(throws: TokenProblem.audience) { try read(key.token(idClaims(["aud": ["other", "another"]]))) }
  }

  @Test func `an ID token is refused after its end and before its beginning`() throws {
    #expect(throws: TokenProblem.expired) { try read(key.token(idClaims(at: start - 360))) }
    #expect(throws: TokenProblem.fromTheFuture) { try read(key.token(idClaims(at: start + 61))) }
  }

  @Test func `RFC 8725: no algorithm but ES256, and no key but Sparekey's`() throws {
    for algorithm in ["none", "None", "HS256", "RS256", "ES384", ""] {
      #expect(throws: TokenProblem.algorithm) { try read(key.token(idClaims(), header: ["alg": algorithm])) }
    }
    #expect(throws: TokenProblem.algorithm) {
      try read(key.token(idClaims(), header: ["alg": "none"], signature: Data()))
    }
    #expect(throws: TokenProblem.signature) { try read(key.token(idClaims(), signature: Data())) }
    #expect(throws: TokenProblem.signature) { try read(key.token(idClaims(), signature: Data(count: 64))) }
    // The public key as the secret of an HMAC, and a key that the token brings along.
    let point = key.key.publicKey.x963Representation
    let mac = Data(HMAC<SHA256>.authenticationCode(for: Data("x".utf8), using: SymmetricKey(data: point)))
    #expect(throws: TokenProblem.algorithm) {
      try read(key.token(idClaims(), header: ["alg": "HS256"], signature: mac))
    }
    let stranger = TestKey()
    #expect(throws: TokenProblem.signature) {
      try read(stranger.token(idClaims(), header: ["jwk": stranger.published]))
    }
  }

  @Test func `a token that is no token is refused`() throws {
    let good = try key.token(idClaims())
    let parts = good.split(separator: ".").map(String.init)
    for text in [
      "", ".", "..", "...", parts[0], "\(parts[0]).\(parts[1])", good + ".", good + "=", "\(good).x",
      String(repeating: "a", count: 20_000), "e30.e30.e30", "\(parts[0]).\(parts[1])!.\(parts[2])",
    ] { #expect(throws: TokenProblem.malformed) { try read(text) } }
    #expect(throws: TokenProblem.malformed) { try read(key.token(idClaims(), header: ["crit": ["exp"]])) }
    #expect(throws: TokenProblem.type) { try read(key.token(idClaims(), header: ["typ": "logout+jwt"])) }
    // Changed on its way.
    let other = try key.token(idClaims(["sub": "otto-id"])).split(separator: ".").map(String.init)
    #expect(throws: TokenProblem.signature) { try read("\(parts[0]).\(other[1]).\(parts[2])") }
  }

  @Test func `a good logout token is read`() throws {
    #expect(try hear(logout()).sid == "sid-1")
    #expect(try hear(logout(["sid": nil])).sub == "maria-id")
    #expect(try hear(logout(["sub": nil])).sid == "sid-1")
  }

  @Test func `Back-Channel Logout 2.6: a logout token with one thing wrong is refused`() throws {
    let wrong: [([String: Any?], TokenProblem)] = [
      (["iss": "https://evil.example"], .issuer), (["aud": "other"], .audience), (["nonce": "n"], .nonce),
      (["nonce": NSNull()], .nonce), (["events": nil], .event),
      (["events": ["other": [String: String]()]], .event),
      (["events": ["http://schemas.openid.net/event/backchannel-logout": "yes"]], .event),
      (["sid": nil, "sub": nil], .subject), (["jti": nil], .malformed), (["jti": ""], .subject),
      (["exp": start.timeIntervalSince1970 - 61], .expired), (["exp": nil], .malformed),
      (["iat": start.timeIntervalSince1970 + 61], .fromTheFuture), (["iat": nil], .malformed),
    ]
    for (change, problem) in wrong {
      #expect(throws: problem, "\(change)") { try hear(logout(change)) }
    }
    #expect(throws: TokenProblem.type) { try hear(logout(header: ["typ": "JWT"])) }
    #expect(throws: TokenProblem.algorithm) { try hear(logout(header: ["alg": "none"])) }
    // An ID token is none, whatever it calls itself.
    #expect(throws: TokenProblem.malformed) { try hear(key.token(idClaims(), header: ["typ": "logout+jwt"])) }
  }
}
