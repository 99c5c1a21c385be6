import FoundationEssentials
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
  let busy = Gate()

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
  package var restoring: Restoring { Restoring(ports) }
  package var auditTrail: AuditTrail { AuditTrail(ports) }
  package var closing: Closing { Closing(ports) }
  package var forgottenUsername: ForgottenUsername { ForgottenUsername(ports) }
  package var directory: AccountDirectory { AccountDirectory(ports) }
  package var apps: Apps { Apps(ports) }
  package var tokens: Tokens { Tokens(ports) }
  package var appLogout: AppLogout { AppLogout(ports) }
  package var clients: Clients { Clients(ports) }
  package var operatorTokens: OperatorTokens { OperatorTokens(ports) }
  package var support: Support { Support(ports) }
  package var supportConsole: SupportConsole { SupportConsole(ports) }
  package var agents: Agents { Agents(ports) }
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
