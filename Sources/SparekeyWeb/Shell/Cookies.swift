import HTTPTypes
import Hummingbird
import SparekeyCore

/// The cookies. Over HTTPS they carry the `__Host-` prefix (ASVS 3.3); plain names serve http://localhost.
package enum CookieName: String, CaseIterable {
  /// The signed-in session's token.
  case session
  /// A random value that forms and journeys are bound to.
  case browser
  /// The sealed journey, so that its pages can be loaded again.
  case journey
  /// The sealed request of the app that someone signs in to.
  case app

  fileprivate func name(https: Bool) -> String { (https ? "__Host-" : "") + "sparekey-" + rawValue }

  /// Seconds; nil lasts as long as the browser is open.
  fileprivate var lifetime: Int? {
    switch self {
    case .session: Int(SessionRules.absolute.components.seconds)
    case .browser: 365 * 86_400
    case .journey, .app: nil
    }
  }
}

/// A cookie to be set, or removed by a nil value.
package struct CookieChange: Sendable {
  package let cookie: CookieName
  package let value: String?

  package func header(https: Bool) -> String {
    var text = "\(cookie.name(https: https))=\(value ?? ""); Path=/; HttpOnly; SameSite=Lax"
    if https { text += "; Secure" }
    if value == nil {
      text += "; Max-Age=0"
    } else if let lifetime = cookie.lifetime {
      text += "; Max-Age=\(lifetime)"
    }
    return text
  }
}

extension Request {
  package func cookie(_ cookie: CookieName, https: Bool) -> String? {
    cookies[cookie.name(https: https)]?.value
  }
}
