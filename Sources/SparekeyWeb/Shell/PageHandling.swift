import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore
import SparekeyCore

/// A handler of one page: reads the visit, answers with a page or a redirect.
package typealias PageHandler = @Sendable (Visit) async throws -> Reply

extension Site {
  /// Wraps a page handler: reads the request, guards forms against other sites, and turns refusals into pages.
  func page(_ handler: @escaping PageHandler) -> @Sendable (Request, WebContext) async throws -> Response {
    { request, context in
      let https = settings.publicURL.isHTTPS
      let known = request.cookie(.browser, https: https).flatMap { (16...64).contains($0.count) ? $0 : nil }
      let browser = known ?? Base32.encode(ports.randomness.bytes(16))
      let isPost = request.method == .post
      let form = isPost ? try await self.form(of: request, context) : .empty
      let visit = Visit(
        site: self, path: request.uri.path,
        query: (try? Form(request.uri.query ?? "")) ?? .empty, form: form,
        headers: request.headers, peer: context.peer, browser: browser,
        sessionToken: request.cookie(.session, https: https).map { Secret($0) },
        journey: form.has("journey") ? form["journey"] : request.cookie(.journey, https: https),
        now: ports.clock.now(), appRequest: request.cookie(.app, https: https), onlyShows: !isPost)

      var reply: Reply
      if isPost, known == nil || !isOwnForm(request, visit) {
        reply = message("formExpired", link: "/sign-in", status: .forbidden)
      } else {
        do {
          reply = try await handler(visit)
        } catch let refusal as Refusal {
          if case .busy = refusal { await busy.wait() }
          reply = self.reply(to: refusal, of: visit)
        }
      }
      if known == nil { reply = reply.setting(.browser, browser) }
      return try await response(to: reply, of: visit, https: https)
    }
  }

  private func form(of request: Request, _ context: WebContext) async throws -> Form {
    let body = try await request.wholeBody(upTo: BodyLimits.form)
    do {
      return try Form(String(buffer: body))
    } catch {
      throw HTTPError(.badRequest)
    }
  }

  /// T24: the form was made for this browser, and the browser says that it was sent from here.
  private func isOwnForm(_ request: Request, _ visit: Visit) -> Bool {
    if let name = HTTPField.Name("Sec-Fetch-Site"), let site = request.headers[name],
      site != "same-origin", site != "none"
    {
      return false
    }
    return constantTimeEqual(Array(visit.form["csrf"].utf8), Array(visit.csrf.utf8))
  }

  private func response(to reply: Reply, of visit: Visit, https: Bool) async throws -> Response {
    var headers = HTTPFields()
    for change in reply.cookies { headers[values: .setCookie].append(change.header(https: https)) }
    headers[.cacheControl] = "no-store"
    if let seconds = reply.retryAfterSeconds { headers[.retryAfter] = "\(seconds)" }
    switch reply.content {
    case .redirect(let path):
      headers[.location] = path
      return Response(status: reply.status, headers: headers)
    case .page(let page):
      headers[.contentType] = "text/html; charset=utf-8"
      if let target = await formTarget(of: reply, visit) {
        headers[.contentSecurityPolicy] = Edge.policy(formTarget: target)
      }
      let name = await visit.owner?.account.username
      let html = try renderer.render(page, shell: Shell(signedInAs: name, csrf: visit.csrf))
      return Response(
        status: reply.status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
    }
  }

  /// Browsers look at each address that the answer to a form leads to. Signing in may end at the app it was begun for.
  private func formTarget(of reply: Reply, _ visit: Visit) async -> String? {
    if let target = reply.formTarget { return target }
    guard let token = visit.appRequest,
      let pending = await apps.pending(token, binding: visit.binding)
    else { return nil }
    return AppAddress(pending.redirectURI)?.origin
  }

  /// A page of its own for what no form field can say.
  func message(
    _ key: String, link: String, status: HTTPResponse.Status, values: [String: String] = [:]
  ) -> Reply {
    let lines = ["line", "line2"].map { "message.\(key).\($0)" }.filter { texts[$0] != $0 }
    return .page(
      MessagePage(
        title: texts["message.\(key).title"], lines: lines.map { texts.format($0, values) },
        linkLabel: texts["message.\(key).link"], linkPath: link),
      status: status)
  }

  /// What a refusal looks like when the page itself has no better place for it.
  private func reply(to refusal: Refusal, of visit: Visit) -> Reply {
    switch refusal {
    case .notSignedIn: return .redirect("/sign-in?notice=sign-in-first")
    case .stepUpNeeded: return .redirect("/step-up?return-to=" + StepUpPages.returnAddress(of: visit))
    case .expired: return message("expired", link: startPage(visit), status: .badRequest)
    case .changedMeanwhile, .alreadyDone:
      return message("changedMeanwhile", link: startPage(visit), status: .conflict)
    case .outOfStep: return message("outOfStep", link: startPage(visit), status: .conflict)
    case .notEnough: return message("notEnough", link: "/recover", status: .forbidden)
    case .signUpClosed: return message("signUpClosed", link: "/sign-in", status: .forbidden)
    case .notFound: return message("notFound", link: "/", status: .notFound)
    case .slowDown(let until):
      var reply = message(
        "slowDown", link: visit.path, status: .tooManyRequests,
        values: ["when": texts.wait(until - visit.now)])
      reply.retryAfterSeconds = max(1, Int((until - visit.now).milliseconds / 1_000) + 1)
      return reply
    case .busy(let seconds):
      var reply = message(
        "busy", link: visit.path, status: .serviceUnavailable, values: ["when": texts.wait(.seconds(seconds))]
      )
      reply.retryAfterSeconds = seconds
      return reply
    case .factorsUnsettled: return .redirect("/account/factors")
    case .holdRunning(let until):
      return message(
        "holdRunning", link: "/account/security", status: .conflict, values: ["date": texts.exactly(until)])
    case .holdOver: return message("holdOver", link: startPage(visit), status: .conflict)
    case .juniorProof: return message("juniorProof", link: startPage(visit), status: .forbidden)
    case .frozen:
      return message(
        "frozen", link: visit.path.hasPrefix("/account") ? "/account/clean-up" : "/help/sign-in",
        status: .conflict)
    default: return message("badRequest", link: startPage(visit), status: .unprocessableContent)
    }
  }

  private func startPage(_ visit: Visit) -> String {
    visit.path.hasPrefix("/account")
      ? "/account/security" : visit.path.hasPrefix("/recover") ? "/recover" : "/sign-in"
  }
}

extension Texts {
  /// The sentence for a problem with a field: names the fix (Q5).
  /// - Parameter section: where the field's texts are, when it is not its own name.
  package func problem(_ problem: FieldProblem, in section: String) -> String {
    let (name, values): (String, [String: String]) =
      switch problem {
      case .missing: ("missing", [:])
      case .tooShort(let minimum): ("tooShort", ["count": "\(minimum)"])
      case .tooLong(let maximum): ("tooLong", ["count": "\(maximum)"])
      case .impossible(let character): ("impossible", ["character": readable(character)])
      case .malformed: ("malformed", [:])
      case .taken: ("taken", [:])
      case .breached: ("breached", [:])
      case .guessable: ("guessable", [:])
      case .unchanged: ("unchanged", [:])
      case .tooMany(let maximum): ("tooMany", ["count": "\(maximum)"])
      }
    // Where one sentence serves several problems of a field, the catalogue has it once.
    let keys = [name, "malformed", "taken"].map { "error.\(section).\($0)" }
    return format(keys.first { self[$0] != $0 } ?? keys[0], values)
  }

  /// The hint and suggestion beside a field for a new password (S9).
  package func newPassword(_ visit: Visit, twoStep: Bool = false, error: String? = nil) -> NewPasswordField {
    let minimum = PasswordRules.minimumLength(twoStep: twoStep)
    return NewPasswordField(
      hint: format("newPassword.hint", ["count": "\(minimum)"]), minimumLength: minimum,
      suggestion: visit.site.suggestPassphrase(), error: error)
  }
}
