import Crypto
import Foundation

#if canImport(FoundationNetworking)
  import FoundationNetworking
#endif

/// Sparekey, as the app calls it: its discovery document and keys, kept for an hour, and its tokens.
actor Provider {
  /// Answers with status and body. Throws what kept it from answering.
  typealias Send = @Sendable (URLRequest) async throws -> (status: Int, body: Data)

  /// OpenID Connect Discovery 1.0, section 3.
  struct Document: Decodable, Sendable {
    let issuer: String
    let authorization_endpoint: String
    let token_endpoint: String
    let userinfo_endpoint: String
    let jwks_uri: String
    let end_session_endpoint: String

    fileprivate var addresses: [String] {
      [authorization_endpoint, token_endpoint, userinfo_endpoint, jwks_uri, end_session_endpoint]
    }
  }

  struct Tokens: Decodable, Sendable {
    let access_token: String
    let id_token: String
  }

  /// OpenID Connect Core, section 5.3.
  struct UserInfo: Decodable, Sendable {
    let sub: String
    let preferred_username: String?
    let email: String?
    let email_verified: Bool?
  }

  private struct Refusal: Decodable { let error: String }

  private struct KeyList: Decodable {
    struct Key: Decodable {
      let kty: String
      let kid: String?
      let crv: String?
      let x: String?
      let y: String?
    }

    let keys: [Key]
  }

  private typealias Keys = [String: P256.Signing.PublicKey]

  /// As long as Sparekey lets apps keep the list.
  private static let lifetime: TimeInterval = 3_600
  /// Tokens with made-up key ids must not become requests.
  private static let leastDistance: TimeInterval = 30

  private let configuration: SparekeyClient.Configuration
  private let now: @Sendable () -> Date
  private let send: Send
  private var kept: (document: Document, at: Date)?
  private var keys: (byID: Keys, at: Date)?
  /// Asked for at this moment; whoever else needs it waits for the same answer.
  private var askingForKeys: Task<Keys, any Error>?

  init(
    _ configuration: SparekeyClient.Configuration, now: @escaping @Sendable () -> Date, send: @escaping Send
  ) {
    self.configuration = configuration
    self.now = now
    self.send = send
  }

  /// - Throws: `Problem.unreachable`.
  func document() async throws -> Document {
    if let kept, now() < kept.at + Self.lifetime { return kept.document }
    let document = try await get(
      Document.self, at: configuration.issuer + "/.well-known/openid-configuration")
    guard document.issuer == configuration.issuer else {
      throw SparekeyClient.Problem.unreachable("it calls itself \(document.issuer)")
    }
    guard document.addresses.allSatisfy({ $0.hasPrefix(configuration.issuer + "/") }) else {
      throw SparekeyClient.Problem.unreachable("it names an address elsewhere")
    }
    kept = (document, now())
    return document
  }

  /// The key that a token says it is signed with. An unknown one may be new: the list is fetched again, once.
  /// - Throws: `TokenProblem.key`, `.algorithm`, `Problem.unreachable`.
  func key(_ header: SignedToken.Header) async throws -> P256.Signing.PublicKey {
    guard header.alg == "ES256" else { throw TokenProblem.algorithm }
    guard let id = header.kid else { throw TokenProblem.key }
    if let keys, now() < keys.at + Self.lifetime {
      if let key = keys.byID[id] { return key }
      guard askingForKeys != nil || keys.at + Self.leastDistance <= now() else { throw TokenProblem.key }
    }
    guard let key = try await fetchedKeys()[id] else { throw TokenProblem.key }
    return key
  }

  private func fetchedKeys() async throws -> Keys {
    if let askingForKeys { return try await askingForKeys.value }
    let task = Task { try await fetchKeys() }
    askingForKeys = task
    defer { askingForKeys = nil }
    let fetched = try await task.value
    keys = (fetched, now())
    return fetched
  }

  private func fetchKeys() async throws -> Keys {
    let list = try await get(KeyList.self, at: document().jwks_uri)
    return list.keys.reduce(into: [:]) { keys, key in
      guard key.kty == "EC", key.crv == "P-256", let id = key.kid, let x = key.x.flatMap(Base64URL.decode),
        let y = key.y.flatMap(Base64URL.decode),
        let point = try? P256.Signing.PublicKey(rawRepresentation: x + y)
      else { return }
      keys[id] = point
    }
  }

  // MARK: tokens

  /// - Throws: `Problem.refused`, `.unreachable`.
  func exchange(code: String, verifier: String, redirectURI: String) async throws -> Tokens {
    var form = [
      ("grant_type", "authorization_code"), ("code", code), ("redirect_uri", redirectURI),
      ("code_verifier", verifier),
    ]
    var headers = ["Content-Type": "application/x-www-form-urlencoded"]
    if let secret = configuration.clientSecret {
      let pair = "\(URL.encode(configuration.clientID)):\(URL.encode(secret.revealed))"
      headers["Authorization"] = "Basic \(Data(pair.utf8).base64EncodedString())"
    } else {
      form.append(("client_id", configuration.clientID))
    }
    return try await ask(
      Tokens.self, at: document().token_endpoint, headers: headers, body: Data(URL.form(form).utf8))
  }

  /// - Throws: `Problem.refused`, `.unreachable`.
  func userInfo(_ accessToken: String) async throws -> UserInfo {
    try await ask(
      UserInfo.self, at: document().userinfo_endpoint, headers: ["Authorization": "Bearer \(accessToken)"])
  }

  private func get<Answer: Decodable>(_ type: Answer.Type, at address: String) async throws -> Answer {
    try await ask(type, at: address, headers: [:])
  }

  private func ask<Answer: Decodable>(
    _ type: Answer.Type, at address: String, headers: [String: String], body: Data? = nil
  ) async throws -> Answer {
    guard let url = URL(string: address) else {
      throw SparekeyClient.Problem.unreachable("\(address) is no address")
    }
    var request = URLRequest(url: url)
    request.httpMethod = body == nil ? "GET" : "POST"
    request.httpBody = body
    for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
    let (status, answer): (Int, Data)
    do {
      (status, answer) = try await send(request)
    } catch {
      throw SparekeyClient.Problem.unreachable(error.localizedDescription)
    }
    guard status == 200 else {
      if (400..<500).contains(status) {
        let said = (try? JSONDecoder().decode(Refusal.self, from: answer))?.error
        throw SparekeyClient.Problem.refused(said.map { String($0.prefix(100)) } ?? "\(status)")
      }
      throw SparekeyClient.Problem.unreachable("\(address) answered \(status)")
    }
    guard answer.count <= 256 * 1_024, let read = try? JSONDecoder().decode(type, from: answer) else {
      throw SparekeyClient.Problem.unreachable("\(address) answered what cannot be read")
    }
    return read
  }
}

/// Requests over the network: ten seconds in all, no cookies, nothing kept, and never to where an answer points, since
/// a secret goes along.
final class WebExchange: NSObject, URLSessionTaskDelegate, Sendable {
  private let session: URLSession

  override init() {
    let configuration = URLSessionConfiguration.ephemeral
    configuration.timeoutIntervalForRequest = 10
    configuration.timeoutIntervalForResource = 10
    configuration.httpCookieStorage = nil
    configuration.urlCache = nil
    session = URLSession(configuration: configuration, delegate: NoRedirects(), delegateQueue: nil)
  }

  func perform(_ request: URLRequest) async throws -> (status: Int, body: Data) {
    let (body, answer) = try await session.data(for: request)
    return ((answer as? HTTPURLResponse)?.statusCode ?? 0, body)
  }

  private final class NoRedirects: NSObject, URLSessionTaskDelegate, Sendable {
    func urlSession(
      _ session: URLSession, task: URLSessionTask, willPerformHTTPRedirection response: HTTPURLResponse,
      newRequest request: URLRequest, completionHandler: @escaping @Sendable (URLRequest?) -> Void
    ) {
      completionHandler(nil)
    }
  }
}
