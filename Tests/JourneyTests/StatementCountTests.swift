import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded
import SparekeyCore
import SparekeyWeb
import Testing

@testable import sparekey

/// Each request of a journey, and how many statements it may take: one more is a question asked twice.
@Suite struct `Statements of a request` {
  @Test func `Q3: pages and calls that need nobody ask the database nothing`() async throws {
    let server = try await Requests()
    for path in ["/healthz", "/sign-in", "/sign-up", "/recover", "/help/sign-in", "/openapi.json"] {
      #expect(try await server.statements { try await server.get(path) } == 0, "\(path)")
    }
    #expect(
      try await server.statements { try await server.post("/api/v1/sign-in", ["username": "maria"]) } == 0)
  }

  @Test func `Q3: a session check is one statement, on a page of the account as well`() async throws {
    let server = try await Requests()
    #expect(try await server.statements { try await server.get("/api/v1/session", as: server.owner) } == 1)
    #expect(try await server.statements { try await server.get("/sign-in", as: server.owner) } == 1)
    #expect(try await server.statements { try await server.get("/account/sessions", as: server.owner) } == 2)
    #expect(try await server.statements { try await server.get("/account/security", as: server.owner) } == 9)
  }

  @Test func `Q3: signing in counts, looks, and opens a session`() async throws {
    let server = try await Requests()
    let journey = try await server.post("/api/v1/sign-in", ["username": "maria"])["journey"] ?? ""
    let taken = try await server.statements {
      let answer = try await server.post(
        "/api/v1/sign-in/password", ["journey": journey, "password": World.password])
      #expect(answer["status"] == "200")
    }
    #expect(taken == 13)
  }

  @Test func `Q3: a recovery asks for everything about the account once in each transaction`() async throws {
    let server = try await Requests()
    let code = try await server.world.makeCode(server.owner).code
    var journey = ""
    let start = try await server.statements {
      journey = try await server.post("/api/v1/recovery", ["username": "maria"])["journey"] ?? ""
    }
    let proof = try await server.statements {
      let answer = try await server.post(
        "/api/v1/recovery/recovery-code", ["journey": journey, "code": code.formatted])
      journey = answer["journey"] ?? ""
      #expect(answer["outcome"] == "now")
    }
    let end = try await server.statements {
      let answer = try await server.post(
        "/api/v1/recovery/new-password", ["journey": journey, "password": "a brand new green bicycle"])
      #expect(answer["outcome"] == "now")
    }
    #expect(start == 7)
    #expect(proof == 12)
    #expect(end == 32)
  }

  @Test func `Q3: making a recovery code looks at the account once`() async throws {
    let server = try await Requests()
    var status: String?
    let taken = try await server.statements {
      status = try await server.post("/api/v1/recovery-code", [:], as: server.owner)["status"]
    }
    #expect(status == "201")
    #expect(taken == 23)
  }
}

/// The routes, asked in this process.
private struct Requests {
  let world: World
  let owner: StartedSession
  private let responder: RouterResponder<WebContext>

  init() async throws {
    world = try World()
    owner = try await world.person()
    responder = world.site.router().buildResponder()
  }

  /// How many statements the body takes.
  func statements(_ body: () async throws -> Void) async throws -> Int {
    world.tap.visit(nil)
    try await body()
    return world.tap.count / 2
  }

  func get(_ path: String, as session: StartedSession? = nil) async throws {
    let answer = try await ask(
      HTTPRequest(method: .get, scheme: nil, authority: nil, path: path), ByteBuffer(), session)
    #expect((200..<400).contains(answer.status.code), "\(path): \(answer.status)")
  }

  /// - Returns: the texts of the answer, and its status.
  @discardableResult
  func post(_ path: String, _ body: [String: String], as session: StartedSession? = nil) async throws
    -> [String: String]
  {
    let answer = try await ask(
      HTTPRequest(method: .post, scheme: nil, authority: nil, path: path),
      ByteBuffer(bytes: try JSONEncoder().encode(body)), session)
    let content = try await answer.body.text()
    let members = try JSONSerialization.jsonObject(with: Data(content.utf8)) as? [String: Any] ?? [:]
    return members.compactMapValues { $0 as? String }.merging(["status": "\(answer.status.code)"]) { $1 }
  }

  private func ask(_ head: HTTPRequest, _ body: ByteBuffer, _ session: StartedSession?) async throws
    -> Response
  {
    var head = head
    head.authority = "localhost:8080"
    if let session {
      head.headerFields[.authorization] = "Bearer \(session.token.revealedText)"
      head.headerFields[.cookie] = "sparekey-session=\(session.token.revealedText)"
    }
    return try await responder.respond(
      to: Request(head: head, body: RequestBody(buffer: body)),
      context: WebContext(
        source: ApplicationRequestContextSource(
          channel: EmbeddedChannel(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })))
  }
}

extension ResponseBody {
  fileprivate func text() async throws -> String {
    let writer = Collected()
    try await write(writer)
    return String(buffer: writer.buffer)
  }

  private final class Collected: ResponseBodyWriter {
    var buffer = ByteBuffer()
    func write(_ buffer: ByteBuffer) async throws { self.buffer.writeImmutableBuffer(buffer) }
    func finish(_ trailingHeaders: HTTPFields?) async throws {}
  }
}
