/// One message and one way on: errors, expired journeys, slowing down. Texts for the usual ones stand under
/// `message` in the catalogue.
package struct MessagePage: Page {
  package static let template = "shell/message"

  package var title: String
  /// Short paragraphs, shown in order.
  package var lines: [String]
  package var linkLabel: String?
  /// Where the primary link leads; shown only together with `linkLabel`.
  package var linkPath: String?
  /// A number the operator can find in the log.
  package var reference: String?

  package init(
    title: String, lines: [String] = [], linkLabel: String? = nil, linkPath: String? = nil,
    reference: String? = nil
  ) {
    self.title = title
    self.lines = lines
    self.linkLabel = linkLabel
    self.linkPath = linkPath
    self.reference = reference
  }
}
