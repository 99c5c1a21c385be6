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
    router.add(middleware: SecurityHeaders(issuer: issuer))
    client.addRoutes(to: router)
    router.get("/") { _, _ in
      Page("Notes", "<p>A quiet place for your notes.</p><p><a href=\"/notes\">My notes</a></p>")
    }
    router.get("/style.css") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "text/css; charset=utf-8"],
        body: ResponseBody(byteBuffer: ByteBuffer(string: Page.style)))
    }

    let mine = router.protected(by: client, "notes")
    mine.get { _, context in Page(notes: await notebook.notes(of: context.person), of: context.person) }
    mine.post { request, context in
      let note = try await request.decode(as: NewNote.self, context: context)
      await notebook.add(note.text, by: context.person)
      return Response.redirect(to: "/notes", type: .normal)
    }
    mine.post("remove") { request, context in
      // Whoever just got back into their account may not be who they say: nothing is lost until they signed in again.
      guard !context.person.isRecovered else { throw HTTPError(.forbidden) }
      let note = try await request.decode(as: OldNote.self, context: context)
      await notebook.remove(note.id, by: context.person)
      return Response.redirect(to: "/notes", type: .normal)
    }
    try await Application(router: router, configuration: .init(address: .hostname("127.0.0.1", port: port)))
      .runService()
  }
}

struct Note: Sendable {
  let id = UUID()
  let text: String
}

struct NewNote: Decodable { let text: String }
struct OldNote: Decodable { let id: UUID }

/// By the person's id, which never changes hands.
actor Notebook {
  private var notes: [String: [Note]] = [:]

  func notes(of person: SparekeyClient.Person) -> [Note] { notes[person.id, default: []] }

  func add(_ text: String, by person: SparekeyClient.Person) {
    let text = text.trimmingCharacters(in: .whitespacesAndNewlines).prefix(1_000)
    guard !text.isEmpty, notes(of: person).count < 100 else { return }
    notes[person.id, default: []].append(Note(text: String(text)))
  }

  func remove(_ id: UUID, by person: SparekeyClient.Person) {
    notes[person.id]?.removeAll { $0.id == id }
  }
}

/// What stands on every answer. Signing out leads on to Sparekey, so forms may go there.
struct SecurityHeaders: RouterMiddleware {
  let issuer: String

  func handle(
    _ request: Request, context: VisitorContext, next: (Request, VisitorContext) async throws -> Response
  ) async throws -> Response {
    var response = try await next(request, context)
    response.headers[.contentSecurityPolicy] =
      "default-src 'none'; style-src 'self'; form-action 'self' \(issuer); base-uri 'none'; frame-ancestors 'none'"
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
      """
      <li><p>\(escape(note.text))</p>\(person.isRecovered ? "" : """
        <form method="post" action="/notes/remove"><input type="hidden" name="id" value="\(note.id)">
        <button class="quiet" aria-label="Remove: \(escape(note.text))">Remove</button></form>
        """)</li>
      """
    }
    self.init(
      "My notes",
      """
      \(notes.isEmpty ? "<p>Nothing here yet.</p>" : "<ul>\(list.joined())</ul>")
      <form method="post" action="/notes"><label for="text">New note</label>
      <textarea id="text" name="text" rows="3" maxlength="1000" required></textarea><button>Keep it</button></form>
      <form class="foot" method="post" action="/auth/sign-out">
      <p>Signed in as <strong>\(escape(person.username ?? "you"))</strong></p><button class="quiet">Sign out</button></form>
      """)
  }

  func response(from request: Request, context: some RequestContext) -> Response {
    Response(
      status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
      body: ResponseBody(byteBuffer: ByteBuffer(string: html)))
  }

  static let style = """
    :root { color-scheme: light dark; --ink: light-dark(#1d2a2a, #e6eceb); --soft: light-dark(#566, #9fb0ad);
      --paper: light-dark(#f5f7f6, #121817); --card: light-dark(#fff, #1b2322); --line: light-dark(#d5dddb, #33403e);
      --deed: light-dark(#0b5f59, #7fd6cb); --on-deed: light-dark(#fff, #06201d); }
    body { margin: 0; background: var(--paper); color: var(--ink); font: 1.0625rem/1.6 system-ui, sans-serif; }
    main { max-width: 34rem; margin: 0 auto; padding: 3rem 1.25rem; }
    h1 { font-size: 1.75rem; margin: 0 0 1.5rem; } a { color: var(--deed); } ul { list-style: none; padding: 0; }
    li { display: flex; gap: 1rem; justify-content: space-between; align-items: start; background: var(--card);
      border: 1px solid var(--line); border-radius: .5rem; padding: .75rem 1rem; margin: .5rem 0; }
    li p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; min-width: 0; } label { font-weight: 600; }
    textarea { box-sizing: border-box; width: 100%; margin: .375rem 0 .75rem; padding: .625rem .75rem; font: inherit;
      color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: .5rem; }
    button { font: inherit; font-weight: 600; padding: .5rem 1.25rem; border: 0; border-radius: .5rem;
      background: var(--deed); color: var(--on-deed); cursor: pointer; }
    .quiet { background: none; color: var(--deed); padding: .25rem .5rem; }
    .foot { display: flex; justify-content: space-between; align-items: center; margin-top: 3rem;
      border-top: 1px solid var(--line); color: var(--soft); } .foot strong { color: var(--ink); }
    """
}

func escape(_ text: String) -> String {
  text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
    .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
}
