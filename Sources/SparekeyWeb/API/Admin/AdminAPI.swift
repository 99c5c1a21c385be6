import SparekeyCore

/// The operator API: what the command line does, for programs (O2). Whatever it changes is in the audit trail, under
/// the token's name.
enum AdminAPI {
  /// Which token this is, and what it may.
  @Sendable static func token(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    try .json(OperatorTokenAnswer(holder.token))
  }

  /// The table that decides, with the settings in force.
  @Sendable static func policy(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    try await HelpAPI.recoveryPolicy(call)
  }

  // MARK: accounts

  @Sendable static func accounts(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/accounts", in: call)
    let found = try await call.site.directory.accounts(
      after: page.after.map { AccountID(text: $0.text) }, limit: page.limit + 1)
    return try page.answer(found) {
      Position(text: $0.id.text)
    } item: {
      AccountAnswer($0)
    }
  }

  @Sendable static func createAccount(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    struct Body: Decodable {
      let username: String
      let password: String
      let email: String?
    }
    let body: Body = try call.decode()
    let made = try await call.once(by: holder.actor.text) { keep in
      try await call.site.signUp.createByOperator(
        username: body.username, password: body.password, email: body.email, by: holder.actor,
        source: call.source, keeping: keep)
    } answer: {
      AccountAnswer($0)
    }
    return try .json(made, status: .created)
  }

  @Sendable static func account(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let status = try await call.site.directory.status(of: call.text("username"))
    return try .json(
      AccountStatusAnswer(status, at: call.now, period: call.site.ports.options.holdPeriod))
  }

  /// How someone gets back in who lost these things at one time.
  @Sendable static func wayBack(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let names = (try call.query("lost") ?? "").split(separator: ",")
    let losses = names.compactMap { WaysBack.Loss(rawValue: String($0)) }
    guard !names.isEmpty, losses.count == names.count else {
      throw UnreadableBody(
        field: "lost",
        detail: "\"lost\" lists any of \(WaysBack.Loss.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    let way = try await call.site.directory.wayBack(of: call.text("username"), losing: losses)
    return try .json(WayAnswer(way, period: call.site.ports.options.holdPeriod))
  }

  /// O7. Each page looks at as many accounts as it may list; most of them need no line.
  @Sendable static func noWayBack(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/report/no-way-back", in: call)
    let (found, last) = try await call.site.directory.withoutWayBack(
      after: page.after.map { AccountID(text: $0.text) }, limit: page.limit)
    return try page.answer(
      found.map { ExposedAnswer($0.account, $0.points) }, goingOnAfter: last.map { Position(text: $0.text) })
  }

  // MARK: apps

  private struct Description: Decodable {
    let name: String
    let redirectUris: [String]
    let postLogoutUris: [String]?
    let backChannelLogoutUri: String?
    let algorithm: String?

    func new(_ kind: Client.Kind) throws(UnreadableBody) -> Clients.New {
      let found = algorithm.map(SigningAlgorithm.init(rawValue:)) ?? .es256
      guard let found else {
        throw UnreadableBody(
          field: "algorithm",
          detail: "\"algorithm\" is \(SigningAlgorithm.allCases.map(\.rawValue).joined(separator: " or ")).")
      }
      return Clients.New(
        name: name, kind: kind, redirectURIs: redirectUris, postLogoutURIs: postLogoutUris ?? [],
        backChannelLogoutURI: backChannelLogoutUri, algorithm: found)
    }
  }

  @Sendable static func clients(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/clients", in: call)
    return try await page.answer(ofAll: call.site.clients.all()) {
      Position(text: $0.id.text)
    } item: {
      ClientAnswer($0)
    }
  }

  @Sendable static func createClient(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    struct Body: Decodable { let kind: String }
    guard let kind = Client.Kind(rawValue: try call.decode(Body.self).kind) else {
      throw UnreadableBody(
        field: "kind",
        detail: "\"kind\" is \(Client.Kind.allCases.map(\.rawValue).joined(separator: " or ")).")
    }
    let new = try call.decode(Description.self).new(kind)
    let made = try await call.once(by: holder.actor.text, showsSecret: true) { keep in
      try await call.site.clients.register(new, by: holder.actor, keeping: keep)
    } answer: {
      ClientAnswer($0.client, secret: $0.secret)
    }
    return try .json(made, status: .created)
  }

  @Sendable static func client(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    try await .json(ClientAnswer(found(call)))
  }

  private static func found(_ call: Call) async throws -> Client {
    guard let client = try await call.site.clients.client(call.identifier()) else { throw Refusal.notFound }
    return client
  }

  @Sendable static func changeClient(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let old = try await found(call)
    let new = try call.decode(Description.self).new(old.kind)
    return try await .json(
      ClientAnswer(call.site.clients.change(old.id, to: new, by: holder.actor)))
  }

  @Sendable static func rotateSecret(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    struct Answer: Codable {
      let id: String
      let secret: String
    }
    let id: ClientID = call.identifier()
    let rotated = try await call.once(by: "\(holder.actor.text) \(id)", showsSecret: true) { keep in
      try await call.site.clients.rotateSecret(of: id, by: holder.actor, keeping: keep)
    } answer: {
      Answer(id: id.text, secret: $0.revealedText)
    }
    return try .json(rotated)
  }

  @Sendable static func deleteClient(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    try await call.site.clients.delete(call.identifier(), by: holder.actor)
    return .noContent
  }

  // MARK: recoveries that wait: watched, never changed

  @Sendable static func holds(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/holds", in: call)
    return try await page.answer(ofAll: call.site.holds.allOpen()) {
      Position(number: $0.hold.endsAt.milliseconds, text: $0.hold.id.text)
    } item: {
      WatchedHoldAnswer($0)
    }
  }

  @Sendable static func hold(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    guard let status = try await call.site.holds.status(forOperator: call.identifier()) else {
      throw Refusal.notFound
    }
    return try .json(WatchedHoldAnswer(status))
  }

  /// T16: whether completions stand still because the clock jumped.
  @Sendable static func completions(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    struct Answer: Encodable { let stoppedAt: String? }
    return try await .json(Answer(stoppedAt: call.site.holds.completionsStoppedAt()?.iso8601))
  }

  @Sendable static func resumeCompletions(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    struct Answer: Encodable { let wereStopped: Bool }
    let stoppedAt = try await call.site.holds.completionsStoppedAt()
    try await call.site.holds.letCompletionsGoOn(by: holder.actor)
    return try .json(Answer(wereStopped: stoppedAt != nil))
  }

  // MARK: support

  @Sendable static func cases(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let (state, page) = try casePage(of: "admin/cases", in: call)
    let found = try await call.site.supportConsole.cases(
      in: state, after: page.after.map { (Timestamp(milliseconds: $0.number), CaseID(text: $0.text)) },
      limit: page.limit + 1)
    return try page.answer(found) {
      Position(number: $0.supportCase.changedAt.milliseconds, text: $0.supportCase.id.text)
    } item: {
      CaseAnswer($0)
    }
  }

  /// Which cases are asked for: `state`, and the page of them.
  static func casePage(of list: String, in call: Call) throws(UnreadableBody) -> (
    SupportCase.State?, PageRequest
  ) {
    let named = try call.query("state")
    let state = named.flatMap(SupportCase.State.init(rawValue:))
    guard named == nil || state != nil else {
      throw UnreadableBody(
        field: "state",
        detail: "\"state\" is \(SupportCase.State.allCases.map(\.rawValue).joined(separator: ", ")).")
    }
    return (state, try PageRequest(of: "\(list)/\(named ?? "")", in: call))
  }

  @Sendable static func caseFile(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    guard
      let file = try await call.site.supportConsole.fileForOperator(call.text("number"), by: holder.actor)
    else { throw Refusal.notFound }
    return try .json(CaseFileAnswer(file))
  }

  @Sendable static func closeCase(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    try await call.site.supportConsole.closeByOperator(call.text("number"), by: holder.actor)
    return .noContent
  }

  @Sendable static func agents(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/agents", in: call)
    return try await page.answer(ofAll: call.site.agents.list()) {
      Position(text: $0.username)
    } item: {
      AgentAnswer($0)
    }
  }

  /// Making an agent is for this machine's command line: a stolen token must not look into cases or ask for recoveries.
  @Sendable static func removeAgent(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    _ = try await call.site.agents.remove(username: call.text("username"), by: holder.actor)
    return .noContent
  }

  // MARK: the audit trail

  @Sendable static func audit(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let page = try PageRequest(of: "admin/audit", in: call)
    let found = try await call.site.auditTrail.entries(
      after: page.after.map { Int($0.number) } ?? 0, limit: page.limit + 1)
    return try page.answer(found) {
      Position(number: Int64($0.number))
    } item: {
      AuditAnswer($0)
    }
  }

  @Sendable static func verifyAudit(_ call: Call, _ holder: Operator) async throws -> APIAnswer {
    let text = try call.query("holding")
    let held = text.flatMap(AuditChain.link(hexadecimal:))
    guard text == nil || held != nil else {
      throw UnreadableBody(
        field: "holding", detail: "\"holding\" is a head that was shown before: 64 hexadecimal digits.")
    }
    return try await .json(AuditReportAnswer(call.site.auditTrail.verify(holding: held)))
  }
}
