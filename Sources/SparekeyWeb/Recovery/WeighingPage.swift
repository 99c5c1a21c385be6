/// H4: what was shown so far, how long that takes, and what would be faster. *Wait* posts `journey` to `/recover/wait`.
///
/// The options post `journey` and `option` to `/recover/issued-code`; the other ways are links. About a recovery that
/// waits already: its ticket goes as `ticket` to `/holds/{id}`, *It is not mine* posts `journey` to `/recover/object`.
package struct WeighingPage: Page {
  package static let template = "recover/hold"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var title: String
  /// What was accepted; catalogue: `recover.evidence.…`.
  package var evidence: [String]
  /// What it comes to, in sentences.
  package var lines: [String]
  /// Catalogue: `recover.faster.…`.
  package var faster: [String]
  package var options: [MaskedOption]
  package var ways: [WayToProve]
  /// Whether the recovery code can still be shown.
  package var asksCode: Bool
  /// "Wait 30 days"; nil when waiting does not help.
  package var waitLabel: String?
  /// Someone's recovery waits already.
  package var running: RunningClaim?
  /// With this evidence signing in is all it takes.
  package var canSignIn: Bool
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// Another thing to show: a page of its own.
package struct WayToProve: Sendable {
  package var label: String
  package var path: String
}

/// A recovery that waits already, as another claimant sees it.
package struct RunningClaim: Sendable {
  package var claimNumber: String
  package var path: String
  package var line: String
  /// Nobody objected yet.
  package var canObject: Bool
}
