/// The fields of forms and API bodies, by their wire names.
package enum Field: String, Sendable {
  case username, password, email, phone, code, option, journey, contact, name, ticket, credential
  case category, description, answer, reason
  case newPassword = "new-password"
}

/// What is wrong with a field. Pages and API turn it into a sentence that names the fix (Q5).
package enum FieldProblem: Equatable, Sendable {
  case missing
  case tooShort(minimum: Int)
  case tooLong(maximum: Int)
  /// A character that this field cannot hold.
  case impossible(Character)
  case malformed
  /// A username that is taken, or looks too much like one that is.
  case taken
  /// S9: on the list of passwords known from breaches.
  case breached
  /// S9: contains the username, the email or the service's name.
  case guessable
  case unchanged
  case tooMany(maximum: Int)
}
