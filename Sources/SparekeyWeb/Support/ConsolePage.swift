/// The support console: requests that wait for a second agent, the cases, and looking up an account.
package struct ConsolePage: Page {
  package static let template = "support/console"

  package var requests: [RequestRow]
  package var filters: [Filter]
  package var cases: [CaseRow]
  package var username = ""
  package var usernameError: String?
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package struct Filter: Sendable {
    package var label: String
    package var path: String
    package var isCurrent: Bool
  }

  package struct CaseRow: Sendable {
    package var number: String
    package var path: String
    package var category: String
    package var state: String
    package var isDue: Bool
    package var facts: String
  }
}

/// A request for a hold. `approvePath` and `declinePath` take `reason`.
package struct RequestRow: Sendable {
  package var number: String
  package var casePath: String
  package var username: String
  package var facts: String
  package var reason: String
  /// What became of it, when it is over.
  package var decision: String?
  package var path: String?
  /// For anyone but whoever asked.
  package var mayApprove: Bool
  package var declineLabel: String
  /// Ids of fields are unique on a page.
  package var id: String
}

/// One case, for an agent. Posts `action` = take, release, answer, ask or close, with `answer`, to its own path.
package struct CaseFilePage: Page {
  package static let template = "support/case-file"

  package var number: String
  package var path: String
  package var state: String
  package var facts: [Fact]
  package var messages: [CaseMessageRow]
  package var requests: [RequestRow]
  /// `/support/account?case=…`, when a name was typed.
  package var accountPath: String?
  package var isClosed: Bool
  package var isMine: Bool
  package var answer = ""
  package var answerError: String?
  package var stepUpPath: String?
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// A name and what it says.
package struct Fact: Sendable {
  package var name: String
  package var value: String
}

/// How an account stands, for an agent. Posts `account`, `case`, `reason` and `action` to `/support/account`.
package struct SupportAccountPage: Page {
  package static let template = "support/account"

  package var username: String
  package var account: String
  package var facts: [Fact]
  package var proofs: [Proof]
  package var activity: [ActivityRow]
  /// Where holds and cases stand.
  package var casePath: String?
  package var caseNumber = ""
  package var caseError: String?
  package var reason = ""
  package var reasonError: String?
  package var mayAct: Bool
  /// There is one to be told of again.
  package var hasHold: Bool
  /// Why nothing can be done here.
  package var closedLine: String?
  package var nobodyTold: String?
  /// Where to prove again who one is, before the forms are there.
  package var stepUpPath: String?
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package struct Proof: Sendable {
    package var label: String
    package var facts: String
    package var isSenior: Bool
  }
}
