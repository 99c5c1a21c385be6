import HTTPTypes
import Hummingbird

extension SparekeyClient {
  /// Why someone could not be signed in. Unless the app catches it, it becomes a small page with ``message``; the
  /// reason goes into the log.
  public enum Problem: Error, Equatable, CustomStringConvertible {
    /// For the app's developer.
    case misconfigured(String)
    /// The sign-in was begun in another browser, too long ago, or is over.
    case stale
    /// The person said no.
    case denied
    /// Sparekey said no, with this error code.
    case refused(String)
    /// Sparekey cannot be reached, or says what makes no sense.
    case unreachable(String)
    /// A token that must not be trusted.
    case badToken(TokenProblem)

    /// For the person in front of the browser.
    public var message: String {
      switch self {
      case .stale: "This sign-in was begun elsewhere, or too long ago. Please begin again."
      case .denied: "You did not allow this app to know who you are, so you are not signed in."
      case .unreachable: "The place where you sign in cannot be reached. Please try again soon."
      case .misconfigured, .refused, .badToken: "Signing in did not work. Nothing is lost. Please try again."
      }
    }

    /// For the log: it holds no token and no secret.
    public var description: String {
      switch self {
      case .misconfigured(let words): words
      case .stale: "no sign-in waits for this answer in this browser"
      case .denied: "the person did not allow it"
      case .refused(let code): "Sparekey answered \(code)"
      case .unreachable(let words): "Sparekey is out of reach: \(words)"
      case .badToken(let problem): "the ID token is not to be trusted: \(problem)"
      }
    }
  }
}

extension SparekeyClient.Problem: HTTPResponseError {
  /// Of the page.
  public var status: HTTPResponse.Status {
    switch self {
    case .stale: .badRequest
    case .denied: .forbidden
    case .unreachable: .serviceUnavailable
    case .refused, .badToken: .badGateway
    case .misconfigured: .internalServerError
    }
  }

  /// A plain page with ``message`` and a way to try again.
  public func response(from request: Request, context: some RequestContext) -> Response {
    // Beside the callback; elsewhere the page itself is tried again.
    let again = request.uri.path.hasSuffix("/callback") ? "sign-in" : ""
    let page = """
      <!doctype html>
      <html lang="en">
      <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark"><title>Not signed in</title></head>
      <body><main><h1>Not signed in</h1><p>\(message)</p><p><a href="\(again)">Try again</a></p></main></body>
      </html>
      """
    return Response(
      status: status,
      headers: [
        .contentType: "text/html; charset=utf-8", .cacheControl: "no-store",
        .contentSecurityPolicy: "default-src 'none'; base-uri 'none'; frame-ancestors 'none'",
      ], body: ResponseBody(byteBuffer: ByteBuffer(string: page)))
  }
}

/// Why a token is not to be trusted.
public enum TokenProblem: String, Error, Sendable, CustomStringConvertible {
  case malformed = "it cannot be read"
  case algorithm = "it is not signed by ES256; register the app without another --algorithm"
  case type = "it is another kind of token"
  case key = "its key is not in Sparekey's list"
  case signature = "its signature is wrong"
  case issuer = "it is of another issuer"
  case audience = "it is for another app"
  case expired = "it has expired"
  case fromTheFuture = "it is of a time that has not come"
  case nonce = "its nonce is of another sign-in"
  case subject = "it does not say whom it is about, or someone else"
  case event = "it does not say that someone signed out"
  case replayed = "it came before"

  /// For the log.
  public var description: String { rawValue }
}
