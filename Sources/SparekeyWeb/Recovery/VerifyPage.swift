/// The first verification option. *Get code* posts `journey` and `option` to `/recover/issued-code`.
///
/// *Use a different verification option* posts `journey` to `/recover/options`, *edit* posts it to
/// `/recover` with `edit` = `yes`.
package struct VerifyPage: Page {
  package static let template = "recover/verify"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  /// As the person typed it; options are shown for any name.
  package var username: String
  package var option: MaskedOption
  /// "We'll send a code to ma•••@e•••.com"; catalogue: `recover.verify.sendTo` with `{address}`.
  package var promise: String
  /// What to expect in general; catalogue: `recover.forecast.…`.
  package var forecast: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, option: MaskedOption, promise: String, forecast: String? = nil,
    problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.option = option
    self.promise = promise
    self.forecast = forecast
    self.problem = problem
  }
}
