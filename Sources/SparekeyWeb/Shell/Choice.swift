/// One box or button of several.
package struct Choice: Sendable {
  package var name: String
  package var value: String
  package var label: String
  package var checked: Bool

  package init(name: String, value: String = "on", label: String, checked: Bool = false) {
    self.name = name
    self.value = value
    self.label = label
    self.checked = checked
  }
}
