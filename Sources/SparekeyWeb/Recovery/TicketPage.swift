/// Asks for the claim ticket. Posts `ticket` to `/holds/{id}`; the page is the same for any id.
package struct TicketPage: Page {
  package static let template = "recover/ticket"

  /// `/holds/{id}`.
  package var path: String
  package var ticket: String = ""
  package var ticketError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}
