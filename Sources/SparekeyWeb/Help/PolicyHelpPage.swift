/// What opens an account, and how fast: the table that decides (H3).
package struct PolicyHelpPage: Page {
  package static let template = "help/recovery-policy"

  package var lede: String
  package var rows: [PolicyTable.Row]
  package var notes: [String]
  /// Said while strict mode is on.
  package var strict: String?

  package init(_ table: PolicyTable, _ texts: Texts) {
    lede = texts["policy.lede"]
    rows = table.rows
    notes = table.notes
    strict =
      table.isStrict ? texts.format("policy.strictOn", ["duration": table.period]) : nil
  }
}
