import Foundation
import HTTPTypes
import Hummingbird
import SparekeyClient

/// A small app whose people sign in through Sparekey: everyone keeps notes of their own, in memory.
@main struct Notes {
  static func main() async throws {
    let environment = ProcessInfo.processInfo.environment
    let port = environment["NOTES_PORT"].flatMap(Int.init) ?? 8090
    let issuer = environment["NOTES_ISSUER"] ?? "http://localhost:8080"
    let client = try SparekeyClient(
      .init(
        issuer: issuer, clientFile: environment["NOTES_CLIENT"] ?? "client.json",
        publicURL: environment["NOTES_URL"] ?? "http://localhost:\(port)"))
    let notebook = Notebook()

    let router = Router(context: VisitorContext.self)
    router.add(middleware: Frame(issuer: issuer))
    client.addRoutes(to: router)
    router.get("/") { _, _ in
      Page("Notes", "<p>A quiet place for your notes.</p><p><a href=\"/notes\">My notes</a></p>")
    }
    router.get("/style.css") { _, _ in Page.text(Page.style, type: "text/css") }

    let mine = router.protected(by: client, "notes")
    mine.get { _, context in Page(notes: await notebook.notes(of: context.person), of: context.person) }
    mine.post { request, context in
      await notebook.add(try await field("text", of: request), by: context.person)
      return Response.redirect(to: "/notes", type: .normal)
    }
    mine.post("remove") { request, context in
      // Someone who just got back in after losing something: nothing is removed until they signed in once more.
      guard !context.person.isRecovered else { throw HTTPError(.forbidden) }
      await notebook.remove(try await field("id", of: request), by: context.person)
      return Response.redirect(to: "/notes", type: .normal)
    }
    try await Application(
      router: router, configuration: .init(address: .hostname("127.0.0.1", port: port))
    ).runService()
  }

  static func field(_ name: String, of request: Request) async throws -> String {
    let body = String(buffer: try await request.body.collect(upTo: 16 * 1_024))
    guard let value = try? URLEncodedFormDecoder().decode([String: String].self, from: body)[name] else {
      throw HTTPError(.badRequest)
    }
    return value
  }
}

struct Note: Sendable {
  let id = UUID().uuidString
  let text: String
}

/// By the person's id, which never changes hands.
actor Notebook {
  private var notes: [String: [Note]] = [:]

  func notes(of person: SparekeyClient.Person) -> [Note] { notes[person.id, default: []] }

  func add(_ text: String, by person: SparekeyClient.Person) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines).prefix(1_000)
    guard !text.isEmpty, notes(of: person).count < 100 else { return }
    notes[person.id, default: []].append(Note(text: String(text)))
  }

  func remove(_ id: String, by person: SparekeyClient.Person) { notes[person.id]?.removeAll { $0.id == id } }
}

/// What every answer has in common.
struct Frame: RouterMiddleware {
  let issuer: String

  func handle(
    _ request: Request, context: VisitorContext, next: (Request, VisitorContext) async throws -> Response
  ) async throws -> Response {
    var response: Response
    do {
      response = try await next(request, context)
    } catch let problem as SparekeyClient.Problem {
      response = Page("Not signed in", "<p>\(problem.message)</p><p><a href=\"/notes\">Try again</a></p>")
        .response(from: request, context: context)
      response.status = problem.status
    }
    // Signing out leads on to Sparekey, so forms may go there.
    response.headers[.contentSecurityPolicy] = """
      default-src 'none'; style-src 'self'; img-src data:; form-action 'self' \(issuer); base-uri 'none'; \
      frame-ancestors 'none'
      """
    response.headers[.xContentTypeOptions] = "nosniff"
    return response
  }
}

struct Page: ResponseGenerator {
  let html: String

  init(_ title: String, _ content: String) {
    html = """
      <!doctype html>
      <html lang="en">
      <head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
      <title>\(title)</title><link rel="stylesheet" href="/style.css"><link rel="icon" href="data:,"></head>
      <body><main><h1>\(title)</h1>\(content)</main></body>
      </html>
      """
  }

  init(notes: [Note], of person: SparekeyClient.Person) {
    let list = notes.map { note in
      let text = escape(note.text)
      return """
        <li><p>\(text)</p><form method="post" action="/notes/remove"><input type="hidden" name="id"
        value="\(note.id)"><button class="quiet" aria-label="Remove: \(text)">Remove</button></form></li>
        """
    }
    self.init(
      "My notes",
      """
      \(list.isEmpty ? "<p>Nothing here yet.</p>" : "<ul>\(list.joined())</ul>")
      <form method="post" action="/notes"><label for="text">New note</label>
      <textarea id="text" name="text" rows="3" maxlength="1000" required></textarea><button>Keep it</button></form>
      <form class="foot" method="post" action="/auth/sign-out"><p>Signed in as
      <strong>\(escape(person.username ?? "you"))</strong></p><button class="quiet">Sign out</button></form>
      """)
  }

  func response(from request: Request, context: some RequestContext) -> Response {
    Self.text(html, type: "text/html")
  }

  static func text(_ text: String, type: String) -> Response {
    Response(
      status: .ok, headers: [.contentType: "\(type); charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
  }
}

func escape(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
}
