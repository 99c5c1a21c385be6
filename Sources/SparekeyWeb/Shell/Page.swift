/// What one template shows. Fields are plain values that reflection can read: `String`, `Bool`, `Int`,
/// optionals, arrays of small structs. A text that is absent is `nil`, never empty: an empty string counts
/// as present in a template's section.
package protocol Page: Sendable {
  /// The template's name, such as `recover/code`.
  static var template: String { get }
}
