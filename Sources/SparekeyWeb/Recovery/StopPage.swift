/// What the link in a notice opens: what waits, and the button that pauses it (H7). Opening it changes nothing (T23).
///
/// Posts to `/stop/{token}`; *It was me, let it go on* sends `resume` = `yes` with it.
package struct StopPage: Page {
  package static let template = "recover/stop"

  package var title: String
  package var lines: [String]
  package var claimNumber: String
  package var startedAt: Moment
  package var endsAt: Moment
  package var from: String
  package var pause: NextLink?
  package var resume: NextLink?
  package var links: [NextLink]
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}
