import FoundationEssentials

/// Where people reach the service. Links and the Host rule come from here, never from a request (T24).
package struct PublicURL: Sendable, Equatable {
  /// Without a trailing slash: `https://accounts.example.org`.
  package let text: String
  /// As the `Host` header has it: with the port unless it is the scheme's own.
  package let authority: String
  package let isHTTPS: Bool
  /// Without the port.
  package let host: String

  /// Nil unless it is `http` or `https` with a host and nothing after it. The host is written as a browser sends it: a
  /// name beyond ASCII in its xn-- form, an IPv6 address in brackets.
  package init?(_ text: String) {
    guard let parts = URLComponents(string: text), let host = parts.percentEncodedHost, !host.isEmpty,
      host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || ".-_:[]".contains($0)) }),
      let scheme = parts.scheme, ["http", "https"].contains(scheme), ["", "/"].contains(parts.path),
      parts.query == nil, parts.fragment == nil, parts.user == nil
    else { return nil }
    isHTTPS = scheme == "https"
    self.host = host.lowercased()
    let port = parts.port.flatMap { $0 == (scheme == "https" ? 443 : 80) ? nil : $0 }
    authority = host.lowercased() + (port.map { ":\($0)" } ?? "")
    self.text = "\(scheme)://\(authority)"
  }

  /// Whether only this machine reaches it.
  package var isLocal: Bool {
    ["localhost", "127.0.0.1", "[::1]"].contains { authority == $0 || authority.hasPrefix($0 + ":") }
  }
}
