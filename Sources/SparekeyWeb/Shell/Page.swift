/// What one template shows. Fields are plain values that reflection can read: `String`, `Bool`, `Int`,
/// optionals, arrays of small structs. A text that is absent is `nil`, never empty: an empty string counts
/// as present in a template's section.
///
/// Templates are registered under their path with a dot for the slash (`recover.code`): one that fills another
/// one's blocks closes it by name, and swift-mustache reads no slash there.
package protocol Page: Sendable {
  /// The template's name, such as `recover/code`.
  static var template: String { get }
}
