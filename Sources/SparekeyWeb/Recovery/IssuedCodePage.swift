/// Enter the six digits that were sent. Posts `journey` and `code` to `/recover/issued-code`.
///
/// *Send it again* posts `journey` and `option` to `/recover/issued-code`, *Use a different verification
/// option* posts `journey` to `/recover/options`, *edit* posts it to `/recover` with `edit` = `yes`.
package struct IssuedCodePage: Page {
  package static let template = "recover/issued-code"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var option: MaskedOption
  /// Catalogue: `recover.issuedCode.onItsWay` with `{address}`.
  package var onItsWay: String
  /// Such as "We sent another code."
  package var notice: String?
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    journey: String, username: String, option: MaskedOption, onItsWay: String, notice: String? = nil,
    codeError: String? = nil, problem: String? = nil
  ) {
    self.journey = journey
    self.username = username
    self.option = option
    self.onItsWay = onItsWay
    self.notice = notice
    self.codeError = codeError
    self.problem = problem
  }
}
