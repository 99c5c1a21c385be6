import FoundationEssentials

/// An app that people sign in to through this service (OpenID Connect: a relying party). The operator registers it.
package struct Client: Sendable, Equatable {
  package enum Kind: String, Sendable, Codable, CaseIterable {
    /// Runs where its owner or anyone else can read it: in a browser, on a phone. It has no secret.
    case `public`
    /// Runs on a server and has a secret.
    case confidential
  }

  /// Where it is described.
  package enum Origin: String, Sendable, Codable {
    /// Registered by command or by the operator API.
    case `operator`
    /// The configuration file, and nowhere else.
    case file
    /// It stood in the configuration file. It works on, until the operator deletes it.
    case formerlyFile = "formerly-file"
  }

  package let id: ClientID
  /// What people read when they are asked.
  package let name: String
  package let kind: Kind
  /// Keyed digest of 256 random bits; nil for a public client.
  package let secretDigest: [UInt8]?
  package let redirectURIs: [String]
  package let postLogoutURIs: [String]
  /// Where logout tokens are sent (OpenID Connect Back-Channel Logout 1.0).
  package let backChannelLogoutURI: String?
  /// Of the tokens that are signed for it.
  package let algorithm: SigningAlgorithm
  package let createdAt: Timestamp
  package let origin: Origin

  package init(
    id: ClientID, name: String, kind: Kind, secretDigest: [UInt8]?, redirectURIs: [String],
    postLogoutURIs: [String] = [], backChannelLogoutURI: String? = nil, algorithm: SigningAlgorithm = .es256,
    createdAt: Timestamp, origin: Origin = .operator
  ) {
    self.id = id
    self.name = name
    self.kind = kind
    self.secretDigest = secretDigest
    self.redirectURIs = redirectURIs
    self.postLogoutURIs = postLogoutURIs
    self.backChannelLogoutURI = backChannelLogoutURI
    self.algorithm = algorithm
    self.createdAt = createdAt
    self.origin = origin
  }

  /// Compared letter by letter (RFC 9700, section 2.1). An app on someone's device may choose the port of a loopback
  /// address at run time (RFC 8252, section 7.3).
  package func accepts(redirectURI uri: String) -> Bool {
    redirectURIs.contains { registered in
      registered == uri
        || kind == .public && AppAddress(registered).flatMap(\.loopbackWithoutPort) != nil
          && AppAddress(registered)?.loopbackWithoutPort == AppAddress(uri)?.loopbackWithoutPort
    }
  }
}

package protocol ClientStore {
  func insert(_ client: Client) throws
  /// Writes everything but its beginning. - Returns: false when there is no such client.
  func replace(_ client: Client) throws -> Bool
  func client(_ id: ClientID) throws -> Client?
  /// By name.
  func clients() throws -> [Client]
  /// Deletes it with all that people gave it. - Returns: false when there is no such client.
  func deleteClient(_ id: ClientID) throws -> Bool
}

/// An address of an app: `https`, `http` on this machine, or an app's own scheme.
package struct AppAddress: Sendable, Equatable {
  package let text: String
  private let parts: URLComponents

  /// Nil for what no app should have: a fragment, a user, a port that is none, `http` to another machine, signs that
  /// mean something elsewhere, and schemes without a dot, which nobody owns (RFC 8252, section 7.1).
  package init?(_ text: String) {
    guard text.utf8.count <= 512, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      !text.contains(where: { "\\^`{|}<>\"*;,' ".contains($0) }),
      let parts = URLComponents(string: text), parts.string == text, parts.fragment == nil,
      parts.user == nil, parts.password == nil, let scheme = parts.scheme, scheme == scheme.lowercased(),
      !text.contains("#"), !text.contains("@")
    else { return nil }
    let host = parts.host ?? ""
    switch scheme {
    case "https": guard !host.isEmpty else { return nil }
    case "http": guard Self.isThisMachine(host) else { return nil }
    default: guard scheme.contains(".") else { return nil }
    }
    self.text = text
    self.parts = parts
    // A port is written as numbers are, so that the origin stands in the address as browsers will name it.
    guard parts.port.map({ (1...65_535).contains($0) }) ?? true, text.hasPrefix(origin) else { return nil }
  }

  /// An app's own scheme, such as `com.example.notes:/signed-in`.
  package var isOwnScheme: Bool { !["http", "https"].contains(parts.scheme) }

  /// What a page's policy has to allow so that a form's answer may lead there: `https://notes.example.org:8443`.
  package var origin: String {
    guard let scheme = parts.scheme, let host = parts.percentEncodedHost, !isOwnScheme else {
      return "\(parts.scheme ?? ""):"
    }
    return "\(scheme)://\(host)" + (parts.port.map { ":\($0)" } ?? "")
  }

  fileprivate var loopbackWithoutPort: String? {
    guard parts.scheme == "http", let host = parts.host, ["127.0.0.1", "::1", "[::1]"].contains(host) else {
      return nil
    }
    var parts = parts
    parts.port = nil
    return parts.string
  }

  /// With these added to its query.
  package func adding(_ values: [(String, String?)]) -> String {
    let query = values.compactMap { name, value in
      value.map { "\(name)=\(FormEncoding.encode($0))" }
    }.joined(separator: "&")
    return text + (text.contains("?") ? "&" : "?") + query
  }

  private static func isThisMachine(_ host: String) -> Bool {
    ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host)
  }
}

/// Writes values for `application/x-www-form-urlencoded` and queries.
package enum FormEncoding {
  package static func encode(_ text: String) -> String { text.percentEncoded(keeping: "-._~") }
}
