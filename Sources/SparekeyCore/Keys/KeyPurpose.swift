/// What a key is used for. Each purpose has its own derived key, so that nothing sealed for one opens as another.
package enum KeyPurpose: String, Sendable, CaseIterable {
  case passwordPepper = "password"
  case codePepper = "recovery-code"
  case contact = "contact"
  case journey = "journey"
  case form = "form"
  case outbox = "outbox"
  case history = "history"
  case sessionDigest = "session"
  case nameDigest = "name"
  case contactDigest = "contact-digest"
  case issuedCode = "issued-code"
  case throttle = "throttle"
  case decoy = "decoy"
  case newCode = "new-code"
  case authenticatorApp = "authenticator-app"
  case newTicket = "new-ticket"
  case ticketDigest = "ticket"
  case newSession = "new-session"
  case parked = "parked"
  case stopLink = "stop-link"
  case fingerprint = "fingerprint"
  case appSecret = "app-secret"
  case signingKey = "signing-key"
  case audit = "audit"
  case supportCase = "support-case"
  case cursor
  case idempotencyKey = "idempotency-key"
  case keptAnswer = "kept-answer"
  case operatorToken = "operator-token"
  /// What enduring purposes derive from that came into the program after the first master had retired.
  case later = "later"

  /// Whether its key stays the same for the life of an installation, whatever master retires: everything that is
  /// compared with an earlier digest, or has to come out the same again.
  package var endures: Bool {
    switch self {
    case .passwordPepper, .codePepper, .contact, .journey, .outbox, .history, .authenticatorApp, .parked,
      .stopLink, .signingKey, .supportCase, .sessionDigest, .cursor, .keptAnswer:
      false
    case .form, .nameDigest, .contactDigest, .issuedCode, .throttle, .decoy, .newCode, .newTicket,
      .ticketDigest, .newSession, .fingerprint, .appSecret, .audit, .idempotencyKey, .operatorToken, .later:
      true
    }
  }
}
