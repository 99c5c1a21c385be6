/// stub
package struct PhoneNumber: Hashable, Sendable {
  package let text: String
  package init(_ typed: String) throws(Refusal) { text = typed }
  package var masked: String { "+\(text.dropFirst().prefix(2)) •••• ••\(text.suffix(2))" }
}
