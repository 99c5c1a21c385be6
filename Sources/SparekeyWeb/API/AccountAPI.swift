import SparekeyCore

enum AccountAPI {
  @Sendable static func create(_ call: Call) async throws -> APIAnswer {
    struct Body: Decodable {
      let username: String
      let password: String
      let email: String?
    }
    struct Answer: Codable {
      let username: String
      let createdAt: String
      let session: SessionAnswer
    }
    let body: Body = try call.decode()
    let answer = try await call.once(by: "", showsSecret: true) { keep in
      try await call.site.signUp.create(
        username: body.username, password: body.password, email: body.email, source: call.source,
        keeping: keep)
    } answer: { started in
      Answer(
        username: started.account.username, createdAt: started.account.createdAt.iso8601,
        session: SessionAnswer(started))
    }
    return try .json(answer, status: .created)
  }
}
