import FoundationEssentials
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOConcurrencyHelpers
import NIOCore
import SparekeyCore

/// The outermost layer: who may ask, what every answer carries, and what an error looks like. Errors thrown further in
/// become answers here, so that none leaves without the headers.
struct Edge: RouterMiddleware {
  private let site: Site
  private let known: KnownMethods
  private let headers: HTTPFields

  init(site: Site, known: KnownMethods) {
    self.site = site
    self.known = known
    headers = Self.headers(https: site.settings.publicURL.isHTTPS)
  }

  func handle(
    _ request: Request, context: WebContext,
    next: (Request, WebContext) async throws -> Response
  ) async throws -> Response {
    let started = ContinuousClock.now
    var response: Response
    do {
      try checkHost(of: request)
      try checkAddress(of: request)
      response = try await next(request, context)
    } catch let error as HTTPError {
      let allowed = error.status == .notFound ? known.methods(of: request.uri.path) : nil
      response = await self.response(to: allowed == nil ? error.status : .methodNotAllowed, request, context)
      if let allowed { response.headers[.allow] = allowed }
    } catch is NIOTooManyBytesError {
      response = await self.response(to: .contentTooLarge, request, context)
    } catch let refusal as Refusal where refusal.isOverload {
      response = await self.response(to: .serviceUnavailable, request, context)
    } catch let fault as any OperatorFault where fault.retryAfterSeconds != nil {
      site.logger.warning("busy", metadata: ["reason": "\(fault.description)", "at": "\(route(context))"])
      response = await self.response(to: .serviceUnavailable, request, context)
      response.headers[.retryAfter] = fault.retryAfterSeconds.map(String.init)
    } catch {
      let reference = Base32.encode(site.ports.randomness.bytes(5)).uppercased()
      // Any other error's own text may quote what was typed; its type says enough with the reference.
      let reason = (error as? any OperatorFault)?.description ?? "\(type(of: error))"
      site.logger.error(
        "fault",
        metadata: ["reference": "\(reference)", "reason": "\(reason)", "at": "\(route(context))"])
      response = await self.response(to: .internalServerError, request, context, reference: reference)
    }
    for field in headers where !response.headers.contains(field.name) { response.headers.append(field) }
    let took = ContinuousClock.now - started
    site.logger.debug(
      "request",
      metadata: [
        "method": "\(request.method.rawValue)", "route": "\(route(context))",
        "status": "\(response.status.code)",
        "ms": "\(took.milliseconds)",
      ])
    return response
  }

  /// The route's pattern, never the path someone sent: it may hold anything.
  private func route(_ context: WebContext) -> String { context.endpointPath ?? "-" }

  /// Exactly one Host, and ours (T24). Health checks come by address.
  private func checkHost(of request: Request) throws {
    guard !["/healthz", "/readyz"].contains(request.uri.path) else { return }
    // The first Host header became the authority; a second one is still among the fields.
    guard let authority = request.head.authority?.lowercased(), !request.headers.contains(where: \.isHost)
    else {
      throw HTTPError(.badRequest)
    }
    let ours = site.settings.publicURL
    // On this machine "localhost" and "127.0.0.1" are the same place.
    guard authority == ours.authority || ours.isLocal && PublicURL("http://\(authority)")?.isLocal == true
    else {
      throw HTTPError(.misdirectedRequest)
    }
  }

  /// A NUL, however it is written, is in no address of ours, and PostgreSQL takes none in a text.
  private func checkAddress(of request: Request) throws {
    var rest = request.uri.string.utf8[...]
    while let percent = rest.firstIndex(of: UInt8(ascii: "%")) {
      rest = rest[percent...].dropFirst()
      if rest.starts(with: "00".utf8) { throw HTTPError(.badRequest) }
    }
  }

  private func response(
    to status: HTTPResponse.Status, _ request: Request, _ context: WebContext, reference: String? = nil
  ) async -> Response {
    let key =
      switch status.code {
      case 404: "notFound"
      case 413: "tooLarge"
      case 503: "busy"
      case 400..<500: "badRequest"
      default: "fault"
      }
    let texts = site.texts
    if request.uri.path.hasPrefix("/api/") {
      let line =
        key == "badRequest" ? nil : texts.format("message.\(key).line", ["when": texts.wait(.seconds(1))])
      return problem(status, detail: reference.map { "Reference \($0)." } ?? line)
    }
    let page = MessagePage(
      title: texts["message.\(key).title"],
      lines: [texts.format("message.\(key).line", ["when": texts.wait(.seconds(1))])],
      linkLabel: texts["message.\(key).link"], linkPath: "/", reference: reference)
    guard let html = try? site.renderer.render(page, shell: Shell()) else { return Response(status: status) }
    var headers: HTTPFields = [.contentType: "text/html; charset=utf-8", .cacheControl: "no-store"]
    if status == .serviceUnavailable { headers[.retryAfter] = "1" }
    return Response(
      status: status, headers: headers, body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
  }

  private func problem(_ status: HTTPResponse.Status, detail: String?) -> Response {
    let type =
      switch status.code {
      case 404: "not-found"
      case 405: "method-not-allowed"
      case 413: "too-large"
      case 503: "busy"
      case 400..<500: "bad-request"
      default: "fault"
      }
    return site.problem(type, status, detail: detail)
  }

  /// - Parameter formTarget: an origin that the answer to a form may lead to besides our own.
  static func policy(formTarget: String? = nil) -> String {
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
      + "connect-src 'self'; form-action 'self'\(formTarget.map { " \($0)" } ?? ""); base-uri 'none'; "
      + "frame-ancestors 'none'"
  }

  /// ASVS 3.4, 3.7; nothing inline, nothing from elsewhere, never framed, no referrer.
  private static func headers(https: Bool) -> HTTPFields {
    var all: [(String, String)] = [
      ("Content-Security-Policy", policy()),
      ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
      ("Cross-Origin-Opener-Policy", "same-origin"), ("Cross-Origin-Resource-Policy", "same-origin"),
      ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"), ("X-Frame-Options", "DENY"),
      ("Cache-Control", "no-store"),
    ]
    if https { all.append(("Strict-Transport-Security", "max-age=63072000; includeSubDomains")) }
    return HTTPFields(
      all.compactMap { name, value in HTTPField.Name(name).map { HTTPField(name: $0, value: value) } })
  }
}

extension HTTPField {
  fileprivate var isHost: Bool { name.canonicalName == "host" }
}

extension Refusal {
  fileprivate var isOverload: Bool { if case .busy = self { true } else { false } }
}

/// Which methods each path has, to tell a wrong method (405) from a wrong path (404).
final class KnownMethods: Sendable {
  private let methods = NIOLockedValueBox<[String: Set<String>]>([:])

  func learn(_ routes: [Router<WebContext>.RouteDescription]) {
    methods.withLockedValue { methods in
      for route in routes {
        methods["\(route.path)", default: []].insert(route.method.rawValue)
        if route.method == .get { methods["\(route.path)", default: []].insert("HEAD") }
      }
    }
  }

  /// For an `Allow` header; nil for an unknown path.
  func methods(of path: String) -> String? {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return methods.withLockedValue { methods in
      let found = methods[path] ?? methods.first { Self.fits(parts, $0.key) }?.value
      return found?.sorted().joined(separator: ", ")
    }
  }

  /// Whether a path is one of a pattern like `/holds/{id}`.
  private static func fits(_ parts: [Substring], _ pattern: String) -> Bool {
    let patterns = pattern.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == patterns.count
      && zip(parts, patterns).allSatisfy { !$0.isEmpty && $1.first == "{" || $0 == $1 }
  }
}

/// The stylesheet, scripts and pictures: few and small, so they are read once and kept.
struct Assets: RouterMiddleware {
  private struct Asset {
    let body: ByteBuffer
    let type: String
    let tag: String
  }

  private let assets: [String: Asset]

  init(site: Site) {
    let types = [
      "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "json": "application/json",
    ]
    var assets: [String: Asset] = [:]
    let folder = site.renderer.resources.appending(path: "assets")
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] {
      guard let type = types[String(name.split(separator: ".").last ?? "")],
        let data = try? Data(contentsOf: folder.appending(path: name))
      else { continue }
      let digest = site.ports.keys.digest(Array(data), for: .form).prefix(8)
      assets["/assets/\(name)"] = Asset(
        body: ByteBuffer(bytes: data), type: "\(type); charset=utf-8", tag: "\"\(Base32.encode(digest))\"")
    }
    self.assets = assets
  }

  func handle(
    _ request: Request, context: WebContext,
    next: (Request, WebContext) async throws -> Response
  ) async throws -> Response {
    guard request.method == .get || request.method == .head, let asset = assets[request.uri.path] else {
      return try await next(request, context)
    }
    let headers: HTTPFields = [
      .contentType: asset.type, .eTag: asset.tag, .cacheControl: "public, max-age=300",
    ]
    if request.headers[.ifNoneMatch] == asset.tag { return Response(status: .notModified, headers: headers) }
    return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: asset.body))
  }
}
