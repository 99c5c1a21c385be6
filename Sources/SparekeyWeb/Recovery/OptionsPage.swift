/// Every verification option. *Get code* posts `journey` and the chosen `option` to `/recover/issued-code`.
///
/// *I don't have any of these* posts `journey` to `/recover/code/start`, *edit* posts it to `/recover` with
/// `edit` = `yes`.
package struct OptionsPage: Page {
  package static let template = "recover/options"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var options: [MaskedOption]
  /// What can be shown besides; the same for every name.
  package var ways: [WayToProve]
  package var forecast: String?
  package var optionError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, options: [MaskedOption], ways: [WayToProve], forecast: String? = nil,
    optionError: String? = nil, problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.options = options
    self.ways = ways
    self.forecast = forecast
    self.optionError = optionError
    self.problem = problem
  }
}
