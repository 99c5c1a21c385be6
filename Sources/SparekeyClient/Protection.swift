import HTTPTypes
import Hummingbird

/// A request context that knows who is signed in, behind ``SparekeyClient/protect()``.
public protocol SparekeyRequestContext: RequestContext {
  /// Nil where nobody asked who it is.
  var person: SparekeyClient.Person? { get set }
}

/// The context of an app that needs no other.
public struct VisitorContext: SparekeyRequestContext {
  /// Hummingbird's own.
  public var coreContext: CoreRequestContextStorage
  /// Nil where nobody asked who it is.
  public var person: SparekeyClient.Person?

  /// Of a request that nobody asked about yet.
  public init(source: Source) { coreContext = CoreRequestContextStorage(source: source) }
}

/// The context of routes that nobody reaches without signing in: a handler cannot forget to ask.
public struct SignedInContext<Visitor: SparekeyRequestContext>: ChildRequestContext {
  /// Hummingbird's own.
  public var coreContext: CoreRequestContextStorage
  /// Who is signed in.
  public let person: SparekeyClient.Person
  /// What the app's own context holds besides.
  public let visitor: Visitor

  /// Throws 401 where ``SparekeyClient/protect()`` is missing before it.
  public init(context: Visitor) throws {
    guard let person = context.person else { throw HTTPError(.unauthorized) }
    self.person = person
    visitor = context
    coreContext = context.coreContext
  }
}

extension RouterMethods where Context: SparekeyRequestContext {
  /// A group of routes behind the sign-in. See ``SparekeyClient/protect()``.
  public func protected(by client: SparekeyClient, _ path: RouterPath = "") -> RouterGroup<
    SignedInContext<Context>
  > {
    group(path).add(middleware: client.protect()).group(context: SignedInContext<Context>.self)
  }
}

struct Protection<Context: SparekeyRequestContext>: RouterMiddleware {
  let client: SparekeyClient

  func handle(
    _ request: Request, context: Context, next: (Request, Context) async throws -> Response
  ) async throws -> Response {
    let isReading = [.get, .head].contains(request.method)
    guard isReading || client.isOwn(request) else { throw HTTPError(.forbidden) }
    guard let session = try await client.session(of: request) else {
      return request.isOfSomeoneReading
        ? try await client.begin(returningTo: LocalPath(request.uri.description), request) : Self.unauthorized
    }
    var context = context
    context.person = session.person
    var response = try await next(request, context)
    // Nobody else is to find it in a cache, nor the next one at this machine by going back.
    if response.headers[.cacheControl] == nil { response.headers[.cacheControl] = "no-store" }
    return response
  }

  private static var unauthorized: Response {
    Response(
      status: .unauthorized,
      headers: [.contentType: "application/problem+json", .cacheControl: "no-store"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: #"{"title":"Please sign in.","status":401}"#)))
  }
}

extension Request {
  /// A browser on its way to a page, not a script or a picture.
  fileprivate var isOfSomeoneReading: Bool {
    guard method == .get else { return false }
    if let mode = headers.text("Sec-Fetch-Mode") { return mode == "navigate" }
    return headers[.accept]?.contains("text/html") ?? false
  }
}

extension HTTPFields {
  func text(_ name: String) -> String? { HTTPField.Name(name).flatMap { self[$0] } }
}
