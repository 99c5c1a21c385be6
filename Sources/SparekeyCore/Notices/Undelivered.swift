/// Why a message did not go. What it says is for the operator: neither the address nor the message is in it.
package enum Undelivered: Error, Equatable, CustomStringConvertible {
  /// No connection, or no answer in time.
  case unreachable(String)
  /// The certificate is not one to trust, or not this server's.
  case untrusted(String)
  /// The server offers no TLS, so nothing was said to it.
  case notEncrypted
  case loginRefused(reply: Int)
  /// Refused in a way that may pass, or that better settings cure.
  case refusedForNow(reply: Int)
  /// Refused in a way that another try does not change.
  case refusedForGood(reply: Int)
  /// The program is being stopped.
  case interrupted

  /// Nothing else will go the same way just now.
  package var concernsServer: Bool {
    switch self {
    case .unreachable, .untrusted, .notEncrypted, .loginRefused: true
    case .refusedForNow, .refusedForGood, .interrupted: false
    }
  }

  package var description: String {
    switch self {
    case .unreachable(let reason): "the server cannot be reached, or does not answer: \(reason)"
    case .untrusted(let reason): "the server's certificate is not trusted: \(reason)"
    case .notEncrypted: "the server offers no TLS, so nothing was sent"
    case .loginRefused(let reply): "the server refuses user and password (\(reply))"
    case .refusedForNow(let reply): "the server does not take it now (\(reply))"
    case .refusedForGood(let reply): "the server will not take it (\(reply))"
    case .interrupted: "stopped before it was sent"
    }
  }
}

/// One try of a message that did not go, and what follows.
package struct FailedDelivery: Sendable {
  package let id: String
  /// This one included.
  package let tries: Int
  package let problem: any Error

  package init(id: String, tries: Int, problem: any Error) {
    self.id = id
    self.tries = tries
    self.problem = problem
  }

  /// Whether the message is given up: it will never be taken, or was tried for about three days.
  package var isFinal: Bool {
    switch problem as? Undelivered {
    case .refusedForGood: true
    case .interrupted: false
    default: tries >= Self.mostTries
    }
  }

  /// Until the next try. A short trouble costs seconds; a server that is down for long hears of it each hour.
  package var wait: Duration {
    if problem as? Undelivered == .interrupted { return .seconds(0) }
    return tries <= Self.firstWaits.count ? Self.firstWaits[max(1, tries) - 1] : .hours(1)
  }

  private static let firstWaits: [Duration] = [
    .seconds(2), .seconds(5), .seconds(15), .seconds(30), .minutes(1), .minutes(2), .minutes(5), .minutes(15),
    .minutes(30),
  ]
  /// The first waits are an hour together; 71 more hours follow.
  private static let mostTries = 81
}
