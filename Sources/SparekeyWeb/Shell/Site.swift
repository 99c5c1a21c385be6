import Foundation
import Logging
import SparekeyCore

/// What every request handler can reach.
package struct Site: Sendable {
  package let ports: Ports
  package let renderer: Renderer
  package let settings: SiteSettings
  /// Draws a QR code as inline SVG (C5).
  package let drawQRCode: @Sendable (_ text: Secret, _ label: String) throws -> String
  package let suggestPassphrase: @Sendable () -> String
  package let logger: Logger

  package init(
    ports: Ports, renderer: Renderer, settings: SiteSettings,
    drawQRCode: @escaping @Sendable (Secret, String) throws -> String,
    suggestPassphrase: @escaping @Sendable () -> String, logger: Logger
  ) {
    self.ports = ports
    self.renderer = renderer
    self.settings = settings
    self.drawQRCode = drawQRCode
    self.suggestPassphrase = suggestPassphrase
    self.logger = logger
  }

  package var texts: Texts { renderer.texts }

  package var recovery: Recovery { Recovery(ports) }
  package var recoveryCodes: RecoveryCodes { RecoveryCodes(ports) }
  package var signIn: SignIn { SignIn(ports) }
  package var signUp: SignUp { SignUp(ports) }
  package var sessions: Sessions { Sessions(ports) }
  package var stepUp: StepUp { StepUp(ports) }
  package var securityInfo: SecurityInfo { SecurityInfo(ports) }
  package var factorSettling: FactorSettling { FactorSettling(ports) }
  package var freezing: Freezing { Freezing(ports) }
  package var holds: Holds { Holds(ports) }
}

/// The operator's choices about the edge.
package struct SiteSettings: Sendable {
  package let publicURL: PublicURL
  package let serviceName: String
  /// Proxies whose `X-Forwarded-For` is believed; from anyone else it is ignored.
  package let trustedProxies: Set<String>
  package let operatorContact: String?

  package init(
    publicURL: PublicURL, serviceName: String, trustedProxies: Set<String> = [],
    operatorContact: String? = nil
  ) {
    self.publicURL = publicURL
    self.serviceName = serviceName
    self.trustedProxies = trustedProxies
    self.operatorContact = operatorContact
  }
}

extension SiteSettings {
  /// What passkeys are bound to (WebAuthn Level 3, section 5.4.2).
  package var relyingParty: RelyingParty {
    RelyingParty(id: publicURL.host, origin: publicURL.text, name: serviceName)
  }
}

/// Where people reach the service. Links and the Host rule come from here, never from a request (T24).
package struct PublicURL: Sendable, Equatable {
  /// Without a trailing slash: `https://accounts.example.org`.
  package let text: String
  /// As the `Host` header has it: with the port unless it is the scheme's own.
  package let authority: String
  package let isHTTPS: Bool
  /// Without the port.
  package let host: String

  /// Nil unless it is `http` or `https` with a host and nothing after it.
  package init?(_ text: String) {
    guard let parts = URLComponents(string: text), let host = parts.host, !host.isEmpty,
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
