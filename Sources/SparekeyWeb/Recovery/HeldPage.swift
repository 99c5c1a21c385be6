import SparekeyCore

/// The claim ticket, shown once: the recovery waits.
package struct HeldPage: Page {
  package static let template = "recover/held"

  package var username: String
  /// "Your recovery takes effect in 30 days".
  package var title: String
  /// Five groups of four symbols.
  package var ticket: [String]
  package var claimNumber: String
  package var startedAt: Moment
  package var endsAt: Moment
  /// Where to look, to be typed: `accounts.example.org/holds/…`.
  package var statusAddress: String
  package var statusPath: String
  /// What to do when the time has come; catalogue: `recover.held.step…`.
  package var steps: [String]
  /// What becomes of the recovery code; nil when none was shown.
  package var aboutCode: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  init(_ held: HeldRecovery, username: String, _ site: Site) throws {
    let texts = site.texts
    let hold = held.hold
    let parked = try site.ports.parked(in: hold)
    self.username = username
    title = texts.format("recover.held.title", ["duration": texts.duration(hold.endsAt - hold.startedAt)])
    ticket = (held.ticket ?? "").split(separator: "-").map(String.init)
    claimNumber = held.claimNumber
    startedAt = Moment(hold.startedAt, texts)
    endsAt = Moment(hold.endsAt, texts)
    statusPath = "/holds/\(hold.id)"
    statusAddress = site.settings.publicURL.text + statusPath
    steps =
      [
        texts.format(
          parked.password == nil ? "recover.held.stepKept" : "recover.held.stepSignIn",
          ["date": texts.exactly(hold.endsAt)]),
        // Row 2 is for accounts without two-step verification.
        hold.row == 2 ? nil : texts["recover.held.stepTicket"],
        hold.row == 2 ? texts["recover.held.stepCode"] : texts["recover.held.stepFactors"],
      ].compactMap(\.self)
    aboutCode = hold.reservedCode == nil ? nil : texts["recover.held.code"]
  }
}
