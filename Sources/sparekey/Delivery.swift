import Logging
import NIOConcurrencyHelpers
import SparekeyCore
import SparekeyServices
import SparekeyWeb

/// Brings notices to their owners: through the mail server and the SMS gateway, or into the outbox folder where there
/// is none.
struct Delivery: Sendable {
  /// Messages under way at a time, each on a thread of its own.
  static let lanes = 4

  private let mailFrom: String
  private let server: SMTPServer?
  private let gateway: SMSGateway?
  private let folder: OutboxFolder
  private let texts: Texts
  private let site: SiteSettings
  private let logger: Logger
  private let restsUntil = NIOLockedValueBox<[String: ContinuousClock.Instant]>([:])

  init(_ settings: Settings, texts: Texts, site: SiteSettings, logger: Logger) throws {
    mailFrom = settings[.mailFrom].text
    server = try settings.mailServer()
    gateway = try settings.smsGateway()
    folder = try OutboxFolder("\(settings.dataFolder)/outbox")
    self.texts = texts
    self.site = site
    self.logger = logger
  }

  /// - Throws: `Undelivered`, or what the outbox folder's disk says.
  func deliver(_ notice: Notice, id: String) async throws {
    let letter = NoticeLetter(notice, texts: texts, settings: site)
    switch notice.channel {
    case .email:
      let mail = Mail(from: mailFrom, to: notice.address, subject: letter.subject, body: letter.body)
      guard let server else { return try folder.deliver(mail, at: notice.at, id: id) }
      try await sparingly("mail") { try await server.deliver(mail, at: notice.at, id: id) }
    case .phone:
      let message = TextMessage(to: notice.address, text: letter.shortText)
      guard let gateway else { return try folder.deliver(message, at: notice.at, id: id) }
      try await sparingly("SMS") { try await gateway.deliver(message, id: id) }
    }
  }

  /// Tells an app that someone signed out of it. - Throws: `Undelivered`.
  func deliver(logoutToken token: String, to address: String) async throws {
    try await sparingly(address) { try await LogoutDelivery().deliver(token, to: address) }
  }

  /// A server that hangs would hold up every lane, and with them the others. So after a try that took long for
  /// nothing, its other messages wait without one for a moment.
  private func sparingly(_ server: String, _ send: () async throws -> Void) async throws {
    let start = ContinuousClock.now
    guard restsUntil.withLockedValue({ $0[server, default: start] }) <= start else {
      throw Undelivered.unreachable("it did not answer a moment ago")
    }
    do {
      try await send()
    } catch let problem as Undelivered where problem.concernsServer {
      if ContinuousClock.now - start > .seconds(5) {
        restsUntil.withLockedValue { $0[server] = .now + .seconds(5) }
      }
      throw problem
    }
  }

  /// For the operator. Neither address nor account is named.
  func report(_ failure: FailedDelivery) {
    let problem = (failure.problem as? Undelivered)?.description ?? "\(type(of: failure.problem))"
    logger.log(
      level: failure.isFinal ? .error : .warning,
      failure.isFinal ? "a message was given up" : "a message was not delivered, and is tried again",
      metadata: ["message": "\(failure.id)", "tries": "\(failure.tries)", "problem": "\(problem)"])
  }
}
