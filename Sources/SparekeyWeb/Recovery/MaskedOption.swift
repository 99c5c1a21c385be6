/// One way to get a code, as a stranger may see it.
package struct MaskedOption: Sendable {
  /// Sent back as `option`.
  package var id: String
  /// Such as "Email ma•••@e•••.com"; catalogue: `recover.options.email`.
  package var label: String
  package var chosen: Bool

  package init(id: String, label: String, chosen: Bool = false) {
    self.id = id
    self.label = label
    self.chosen = chosen
  }
}
