import HTTPTypes
import Hummingbird
import NIOConcurrencyHelpers
import SparekeyCore

/// One request for a page, read: fields, cookies, who asks. Handlers turn it into a `Reply`.
package struct Visit: Sendable {
  package let site: Site
  package let path: String
  package let query: Form
  package let form: Form
  package let headers: HTTPFields
  /// The address at the other end of the socket.
  package let peer: String
  package let browser: String
  package let sessionToken: Secret?
  /// The journey this form belongs to, or the one last walked in this browser.
  package let journey: String?
  package let now: Timestamp
  /// The sealed request of the app that this browser is on its way to.
  package var appRequest: String?
  /// Nothing that is shown changes the session, so one look at it is enough for the whole page.
  package var onlyShows = false
  private let seen = NIOLockedValueBox<SessionHolder?>(nil)

  package var texts: Texts { site.texts }
  /// Read when it is wanted: most pages do not ask where someone comes from.
  package var source: Source { headers.source(peer: peer, trusting: site.settings.trustedProxies) }
  package var binding: JourneyBinding { .browser(browser) }
  package var csrf: String { Self.csrf(browser, site) }

  package static func csrf(_ browser: String, _ site: Site) -> String {
    Base32.encode(site.ports.keys.digest(browser, for: .form).prefix(16))
  }

  /// - Throws: `Refusal.notSignedIn`.
  package func signedIn() async throws -> SignedIn { try await holder().signedIn() }

  /// - Throws: `Refusal.notSignedIn`.
  package func holder() async throws -> SessionHolder {
    if onlyShows, let holder = seen.withLockedValue({ $0 }) { return holder }
    let holder = try await site.sessions.holder(of: sessionToken)
    seen.withLockedValue { $0 = holder }
    return holder
  }

  /// - Throws: `Refusal.notSignedIn`, `.stepUpNeeded`.
  package func steppedUp() async throws -> SteppedUp { try await signedIn().steppedUp(at: now) }

  /// For pages that change how the account is protected: what would be refused at the end is refused before anyone
  /// fills in a form for nothing.
  /// - Throws: `Refusal.notSignedIn`, `.factorsUnsettled`, `.frozen`, `.holdRunning`, `.stepUpNeeded`.
  package func mayChange() async throws -> SteppedUp {
    let signedIn = try await signedIn()
    if signedIn.account.frozen != nil { throw Refusal.frozen }
    if let end = signedIn.account.holdDueAt { throw Refusal.holdRunning(until: end) }
    return try signedIn.steppedUp(at: now)
  }

  /// Whose session it is, also while second factors have to be settled first.
  package var owner: SessionHolder? {
    get async { try? await holder() }
  }

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
  /// Where else than here the answer to the page's forms may lead: an app's origin.
  package var formTarget: String?

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
