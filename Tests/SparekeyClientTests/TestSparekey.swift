import Crypto
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOConcurrencyHelpers
import NIOEmbedded
import Testing

@testable import SparekeyClient

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

let issuer = "https://accounts.example.org"
let clientID = "0123456789abcdefghjkmnpqrs"
let start = Date(timeIntervalSince1970: 1_900_000_000)

/// A key, and tokens signed with it.
struct TestKey {
  let id: String
  let key = P256.Signing.PrivateKey()

  init(_ id: String = "one") { self.id = id }

  func token(_ claims: [String: Any], header: [String: Any] = [:], signature: Data? = nil) throws -> String {
    let header = ["alg": "ES256", "typ": "JWT", "kid": id].merging(header) { $1 }
    let message = try [header, claims].map {
      Base64URL.encode(try JSONSerialization.data(withJSONObject: $0))
    }.joined(separator: ".")
    let signature = try signature ?? key.signature(for: Data(message.utf8)).rawRepresentation
    return "\(message).\(Base64URL.encode(signature))"
  }

  var published: [String: String] {
    let point = key.publicKey.rawRepresentation
    return [
      "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": id,
      "x": Base64URL.encode(point.prefix(32)), "y": Base64URL.encode(point.suffix(32)),
    ]
  }
}

func idClaims(_ changed: [String: Any?] = [:], at now: Date = start) -> [String: Any] {
  let good: [String: Any?] = [
    "iss": issuer, "sub": "maria-id", "aud": clientID, "exp": now.timeIntervalSince1970 + 300,
    "iat": now.timeIntervalSince1970, "auth_time": now.timeIntervalSince1970, "nonce": "n",
    "acr": "urn:sparekey:one-factor", "amr": ["pwd"], "sid": "sid-1",
  ]
  return good.merging(changed) { $1 }.compactMapValues { $0 }
}

func logoutClaims(_ changed: [String: Any?] = [:], at now: Date = start) -> [String: Any] {
  let good: [String: Any?] = [
    "iss": issuer, "sub": "maria-id", "aud": clientID, "exp": now.timeIntervalSince1970 + 120,
    "iat": now.timeIntervalSince1970, "jti": "jti-1", "sid": "sid-1",
    "events": ["http://schemas.openid.net/event/backchannel-logout": [String: String]()],
  ]
  return good.merging(changed) { $1 }.compactMapValues { $0 }
}

/// What the library is told over the network, and a clock.
final class TestSparekey: Sendable {
  struct State {
    var now = start
    var keys = [TestKey()]
    /// For the next ID token.
    var nonce = ""
    var claims: [String: any Sendable] = [:]
    var sub = "maria-id"
    var asked: [String] = []
    var isAway = false
    var document: [String: String] = [:]
  }

  let state = NIOLockedValueBox(State())

  var now: Date { state.withLockedValue { $0.now } }
  var asked: [String] { state.withLockedValue { $0.asked } }

  func pass(_ seconds: TimeInterval) { state.withLockedValue { $0.now += seconds } }
  func set(_ change: (inout State) -> Void) { state.withLockedValue { change(&$0) } }

  @Sendable func answer(_ request: URLRequest) throws -> (status: Int, body: Data) {
    let path = try #require(request.url).path
    return try state.withLockedValue { state in
      state.asked.append(path)
      if state.isAway { throw URLError(.cannotConnectToHost) }
      let body: Any
      switch path {
      case "/.well-known/openid-configuration":
        body = [
          "issuer": issuer, "authorization_endpoint": "\(issuer)/oauth2/authorize",
          "token_endpoint": "\(issuer)/oauth2/token", "userinfo_endpoint": "\(issuer)/oauth2/userinfo",
          "jwks_uri": "\(issuer)/oauth2/jwks", "end_session_endpoint": "\(issuer)/oauth2/end-session",
        ].merging(state.document) { $1 }
      case "/oauth2/jwks": body = ["keys": state.keys.map(\.published)]
      case "/oauth2/token":
        let claims = idClaims(["nonce": state.nonce].merging(state.claims) { $1 }, at: state.now)
        body = [
          "access_token": "access", "token_type": "Bearer", "id_token": try state.keys[0].token(claims),
        ]
      case "/oauth2/userinfo": body = ["sub": state.sub, "preferred_username": "maria"]
      default: return (404, Data())
      }
      return (200, try JSONSerialization.data(withJSONObject: body))
    }
  }

  func client(
    publicURL: String = "https://notes.example.org",
    _ change: (inout SparekeyClient.Configuration) -> Void = { _ in }
  ) throws -> SparekeyClient {
    var configuration = SparekeyClient.Configuration(
      issuer: issuer, clientID: clientID, clientSecret: .init("secret-text"), publicURL: publicURL)
    change(&configuration)
    return try SparekeyClient(
      configuration, sessions: SparekeyClient.MemorySessions(now: { self.now }), now: { self.now },
      send: { try self.answer($0) })
  }
}

/// An app with one page for everyone and pages for those signed in, and a browser that keeps its cookies.
final class Browser {
  static let page: HTTPFields = [.accept: "text/html"]

  let sparekey: TestSparekey
  let origin: String
  private let responder: any HTTPResponder<VisitorContext>
  var cookies: [String: String] = [:]

  init(_ sparekey: TestSparekey, _ client: SparekeyClient) {
    self.sparekey = sparekey
    origin = client.configuration.publicURL
    let router = Router(context: VisitorContext.self)
    client.addRoutes(to: router)
    let mine = router.protected(by: client)
    for path in ["notes", "notes/:number", "**"] as [RouterPath] {
      mine.get(path) { _, context in "\(context.person.id) \(context.person.username ?? "")" }
    }
    mine.post("notes") { _, _ in "kept" }
    responder = router.buildResponder()
  }

  /// Another one at the same app.
  private init(beside other: Browser) {
    (sparekey, origin, responder) = (other.sparekey, other.origin, other.responder)
  }

  func another() -> Browser { Browser(beside: self) }

  func ask(
    _ method: HTTPRequest.Method = .get, _ path: String, _ headers: HTTPFields = page, form: String? = nil
  ) async throws -> Response {
    var headers = headers
    if !cookies.isEmpty { headers[.cookie] = cookies.map { "\($0)=\($1)" }.joined(separator: "; ") }
    let request = Request(
      head: HTTPRequest(method: method, scheme: nil, authority: "app", path: path, headerFields: headers),
      body: RequestBody(buffer: ByteBuffer(string: form ?? "")))
    let context = VisitorContext(
      source: ApplicationRequestContextSource(
        channel: EmbeddedChannel(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
    let response: Response
    do {
      response = try await responder.respond(to: request, context: context)
    } catch let error as any HTTPResponseError {
      response = try error.response(from: request, context: context)
    }
    for line in response.headers[values: .setCookie] {
      let pair = line.split(separator: ";")[0].split(
        separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      cookies[String(pair[0])] = pair[1].isEmpty ? nil : String(pair[1])
    }
    return response
  }

  /// Goes to a page, and is sent to Sparekey.
  func leave(for place: String = "/notes") async throws -> [String: String] {
    let sent = try await ask(.get, place)
    #expect(sent.status == .seeOther)
    let address = try #require(sent.headers[.location])
    #expect(address.hasPrefix("\(issuer)/oauth2/authorize?"))
    let items = try #require(URLComponents(string: address)?.queryItems)
    let query = Dictionary(uniqueKeysWithValues: items.map { ($0.name, $0.value ?? "") })
    sparekey.set { $0.nonce = query["nonce"] ?? "" }
    return query
  }

  func comeBack(_ query: [String: String], _ changed: [String: String] = [:]) async throws -> Response {
    let answer = ["code": "c", "state": query["state"] ?? "", "iss": issuer].merging(changed) { $1 }
    return try await ask(.get, "/auth/callback?" + URL.form(answer.map { ($0, $1) }))
  }

  @discardableResult func signIn(at place: String = "/notes") async throws -> Response {
    try await comeBack(leave(for: place))
  }

  func isSignedIn() async throws -> Bool { try await ask(.get, "/notes").status == .ok }
}
