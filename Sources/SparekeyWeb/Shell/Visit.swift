import HTTPTypes
import Hummingbird
import SparekeyCore

/// One request for a page, read: fields, cookies, who asks. Handlers turn it into a `Reply`.
package struct Visit: Sendable {
  package let site: Site
  package let path: String
  package let query: Form
  package let form: Form
  package let source: Source
  package let browser: String
  package let sessionToken: Secret?
  /// The journey this form belongs to, or the one last walked in this browser.
  package let journey: String?
  package let now: Timestamp

  package var texts: Texts { site.texts }
  package var binding: JourneyBinding { .browser(browser) }
  package var csrf: String { Self.csrf(browser, site) }

  package static func csrf(_ browser: String, _ site: Site) -> String {
    Base32.encode(site.ports.keys.digest(browser, for: .form).prefix(16))
  }

  /// - Throws: `Refusal.notSignedIn`.
  package func signedIn() async throws -> SignedIn { try await site.sessions.signedIn(by: sessionToken) }

  /// - Throws: `Refusal.notSignedIn`, `.stepUpNeeded`.
  package func steppedUp() async throws -> SteppedUp { try await signedIn().steppedUp(at: now) }

  /// The name someone typed in the journey under way, whichever it is.
  package var journeyName: String? {
    guard let journey else { return nil }
    if let attempt = try? site.signIn.resume(journey, binding: binding) { return attempt.username }
    return try? site.recovery.name(journey, binding: binding)
  }
}

/// What a handler answers.
package struct Reply: Sendable {
  package enum Content: Sendable {
    case page(any Page)
    case redirect(String)
  }

  package var content: Content
  package var status: HTTPResponse.Status
  package var cookies: [CookieChange]
  package var retryAfterSeconds: Int?

  package static func page(_ page: some Page, status: HTTPResponse.Status = .ok) -> Reply {
    Reply(content: .page(page), status: status, cookies: [])
  }

  /// 303: the browser fetches the next page with GET, so that reloading it sends nothing twice.
  package static func redirect(_ path: String) -> Reply {
    Reply(content: .redirect(path), status: .seeOther, cookies: [])
  }

  package func setting(_ cookie: CookieName, _ value: String?) -> Reply {
    var reply = self
    reply.cookies.append(CookieChange(cookie: cookie, value: value))
    return reply
  }
}
