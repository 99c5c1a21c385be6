/// *Contact support*: what is wrong, and what someone still has. Sent by GET to `/help/support/ways`, since nothing is
/// written yet; a case number leads to its own page.
package struct ContactSupportPage: Page {
  package static let template = "support/contact"

  package var categories: [Choice]
  package var possessions: [Choice]
  package var categoryError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// The ways that need nobody, the best first, and below them the way to people.
package struct SupportWaysPage: Page {
  package static let template = "support/ways"

  package var intro: String
  package var ways: [Way]
  /// `/help/support/describe?category=…`.
  package var describePath: String

  package struct Way: Sendable {
    package var title: String
    package var line: String
    /// A way without one is explained only.
    package var path: String?
    package var action: String
  }
}

/// Describe the problem. Posts `category`, `username` (optional), `description` and `email` to `/help/support/describe`.
package struct DescribePage: Page {
  package static let template = "support/describe"

  package var category: String
  /// "Account lost: everything is gone".
  package var categoryLabel: String
  package var username = ""
  package var usernameError: String?
  package var description = ""
  package var descriptionError: String?
  package var descriptionHint: String
  package var email = ""
  package var emailError: String?
}

/// The code that confirms the email. Posts `journey` with `code` or `resend` = `yes` to `/help/support/confirm`.
package struct ConfirmCasePage: Page {
  package static let template = "support/confirm"

  package var journey: String
  package var sentTo: String
  package var notice: String?
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// The case's number and ticket, shown once.
package struct CaseOpenedPage: Page {
  package static let template = "support/opened"

  package var number: String
  /// Five groups of four symbols.
  package var ticket: [String]
  package var openedAt: Moment
  /// Where to look, to be typed.
  package var statusAddress: String
  package var statusPath: String
}

/// Asks for a case's ticket. Posts `ticket` to `/help/support/cases/{number}`; the page is the same for any number.
package struct CaseTicketPage: Page {
  package static let template = "support/ticket"

  package var number: String
  package var path: String
  package var ticket = ""
  package var ticketError: String?
}

/// How a case stands, for whoever has its ticket. Posts `ticket` and `answer` to `/help/support/cases/{number}`.
package struct CasePage: Page {
  package static let template = "support/case"

  package var number: String
  package var path: String
  package var ticket: String
  package var state: String
  package var openedAt: Moment
  package var category: String
  package var messages: [CaseMessageRow]
  package var hold: CaseHold?
  package var mayReply: Bool
  package var answer = ""
  package var answerError: String?
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// The recovery that support started for a case.
package struct CaseHold: Sendable {
  package var line: String
  package var claimNumber: String
  package var path: String
}

package struct CaseMessageRow: Sendable {
  package var who: String
  package var at: Moment
  /// One for each line, so that no markup is needed to break them.
  package var lines: [String]
}
