import Foundation

extension SparekeyClient {
  /// What the app knows of Sparekey, and of itself.
  public struct Configuration: Sendable {
    /// Sparekey's public URL, such as `https://accounts.example.org`.
    public var issuer: String
    /// What `sparekey client create` printed.
    public var clientID: String
    /// Nil for a client that was registered with `--public`.
    public var clientSecret: Secret?
    /// This app's own address, without a path: `https://notes.example.org`, or `http://localhost:8090`.
    public var publicURL: String
    /// `profile` gives the username, `email` the email.
    public var scopes = ["openid", "profile"]
    /// Where ``SparekeyClient/addRoutes(to:)`` puts its routes.
    public var path = "/auth"
    /// Where people come to after they signed out; registered with `--post-logout-uri`.
    public var afterSignOut = "/"
    /// A session ends when nothing was asked for that long.
    public var idleTimeout = Duration.seconds(8 * 3_600)
    /// A session ends that long after its sign-in. The next one is silent while the person is signed in at Sparekey.
    public var lifetime = Duration.seconds(24 * 3_600)

    /// Addresses have no `/` at the end.
    public init(issuer: String, clientID: String, clientSecret: Secret?, publicURL: String) {
      self.issuer = issuer
      self.clientID = clientID
      self.clientSecret = clientSecret
      self.publicURL = publicURL
    }

    /// With id and secret from a file that holds what `sparekey client create … --json` printed.
    /// - Throws: ``SparekeyClient/Problem/misconfigured(_:)``
    public init(issuer: String, clientFile: String, publicURL: String) throws(Problem) {
      struct Registered: Decodable {
        let id: String
        let secret: String?
      }
      guard let data = FileManager.default.contents(atPath: clientFile) else {
        throw .misconfigured("The file \(clientFile) cannot be read. sparekey client create … --json > it.")
      }
      guard let registered = try? JSONDecoder().decode(Registered.self, from: data) else {
        throw .misconfigured(
          "The file \(clientFile) is not what sparekey client create … --json prints.")
      }
      self.init(
        issuer: issuer, clientID: registered.id, clientSecret: registered.secret.map(Secret.init),
        publicURL: publicURL)
    }

    /// What has to be registered: the options of `sparekey client create`.
    public var registration: [String] {
      [
        "--redirect-uri", address("callback"), "--post-logout-uri", publicURL + afterSignOut,
        "--back-channel-logout-uri", address("signed-out"),
      ]
    }

    func address(_ name: String) -> String { "\(publicURL)\(path)/\(name)" }

    var isSecure: Bool { publicURL.hasPrefix("https://") }

    func check() throws(Problem) {
      for (name, address) in [("issuer", issuer), ("publicURL", publicURL)] where !Self.isOrigin(address) {
        throw .misconfigured(
          "\(name) is \(address). It must be https://name, or http://localhost:port, without a / at the end.")
      }
      guard clientID.utf8.count >= 8, clientID.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
        throw .misconfigured("clientID is not one that sparekey client create printed.")
      }
      guard path.hasPrefix("/"), path.count > 1, !path.hasSuffix("/"), LocalPath(path) != nil,
        LocalPath(afterSignOut) != nil
      else {
        throw .misconfigured("path and afterSignOut must begin with /, and path must be more than that.")
      }
      guard scopes.contains("openid") else { throw .misconfigured("scopes must have openid.") }
    }

    /// Passwords and tokens travel there: never without encryption, but for this machine.
    private static func isOrigin(_ address: String) -> Bool {
      guard let parts = URLComponents(string: address), parts.path.isEmpty, parts.query == nil,
        parts.fragment == nil, parts.user == nil, let host = parts.host, !host.isEmpty
      else { return false }
      return parts.scheme == "https"
        || parts.scheme == "http" && ["localhost", "127.0.0.1", "[::1]", "::1"].contains(host)
    }
  }

  /// A text that is never printed by accident.
  public struct Secret: Sendable, Codable, CustomStringConvertible, CustomDebugStringConvertible,
    CustomReflectable
  {
    /// The text itself.
    public let revealed: String

    /// Takes a text that nobody should read by accident.
    public init(_ text: String) { revealed = text }

    /// From a text.
    public init(from decoder: any Decoder) throws {
      revealed = try decoder.singleValueContainer().decode(String.self)
    }

    /// As a text, the secret itself: for a store of sessions.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.singleValueContainer()
      try container.encode(revealed)
    }

    /// `<redacted>`.
    public var description: String { "<redacted>" }
    /// `<redacted>`.
    public var debugDescription: String { description }
    /// Nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }
  }
}

extension Duration {
  var seconds: TimeInterval { TimeInterval(wholeSeconds) }
  var wholeSeconds: Int { Int(components.seconds) }
}

/// A place in this app: nothing that could lead a browser elsewhere.
struct LocalPath: Sendable, Codable, Equatable {
  let text: String

  static let home = LocalPath(unchecked: "/")

  private init(unchecked text: String) { self.text = text }

  /// Browsers read `\` as `/`, and what begins with two of them as a host.
  init?(_ text: String) {
    guard text.hasPrefix("/"), !text.hasPrefix("//"), text.utf8.count <= 1_024,
      text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
    else { return nil }
    self.text = text
  }
}

extension URL {
  /// An address with these in its query.
  static func adding(to address: String, _ values: [(String, String)]) -> String {
    address + (address.contains("?") ? "&" : "?") + form(values)
  }

  static func form(_ values: [(String, String)]) -> String {
    values.map { "\($0)=\(encode($1))" }.joined(separator: "&")
  }

  static func encode(_ text: String) -> String {
    let plain = CharacterSet(
      charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
    return text.addingPercentEncoding(withAllowedCharacters: plain) ?? ""
  }
}

enum Base64URL {
  static func encode(_ data: Data) -> String {
    data.base64EncodedString().replacingOccurrences(of: "+", with: "-")
      .replacingOccurrences(of: "/", with: "_").replacingOccurrences(of: "=", with: "")
  }

  static func decode(_ text: some StringProtocol) -> Data? {
    guard !text.contains(where: { "+/=".contains($0) }) else { return nil }
    let standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.count % 4) % 4))
  }
}
