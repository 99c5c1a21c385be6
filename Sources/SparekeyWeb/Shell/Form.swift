import SparekeyCore

/// The fields of a submitted form or a query. Each name may occur once: a second `username` is a mistake or a trick.
package struct Form: Sendable {
  package struct Malformed: Error {}

  private let fields: [String: String]

  package static let empty = Form(fields: [:])

  private init(fields: [String: String]) { self.fields = fields }

  /// Reads `application/x-www-form-urlencoded`.
  /// - Throws: `Malformed` for broken encoding, a NUL or a repeated name.
  package init(_ encoded: String) throws(Malformed) {
    guard let fields = formFields(of: encoded) else { throw Malformed() }
    self.fields = fields
  }

  /// The field's value; empty when it was not sent.
  package subscript(_ name: String) -> String { fields[name] ?? "" }

  package subscript(_ field: Field) -> String { self[field.rawValue] }

  /// Nil when it was not sent, or is empty.
  package func value(_ name: String) -> String? { fields[name].flatMap { $0.isEmpty ? nil : $0 } }

  package func has(_ name: String) -> Bool { fields[name] != nil }
}
