/// Remove a way to prove who one is, after a yes. Posts `proof` to `/account/remove`.
package struct RemovalPage: Page {
  package static let template = "account/remove"

  /// Such as `email:ID`.
  package var proof: String
  package var title: String
  /// Catalogue: `account.remove.question` with `{what}`.
  package var question: String
  /// Catalogue: `account.remove.after.…`.
  package var after: String
  /// H12: that it takes effect only after a wait.
  package var waits: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    proof: String, title: String, question: String, after: String, waits: String? = nil,
    problem: String? = nil
  ) {
    self.proof = proof
    self.title = title
    self.question = question
    self.after = after
    self.waits = waits
    self.problem = problem
  }
}
