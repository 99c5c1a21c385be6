import SparekeyCore
import SparekeyServices
import SparekeyWeb
import Testing

@Suite struct `Notices in words` {
  func letter(_ kind: Notice.Kind, service: String = "Sparekey") throws -> NoticeLetter {
    let world = try World()
    let settings = SiteSettings(publicURL: world.site.settings.publicURL, serviceName: service)
    return NoticeLetter(
      Notice(
        kind: kind, username: "maria",
        contact: Contact(
          id: ContactID(.system), account: AccountID(.system), kind: .phone, address: "+4917112345689",
          addedAt: world.now, confirmedAt: world.now, fromSignUp: true),
        at: Timestamp(milliseconds: 0), source: world.source),
      texts: world.site.texts, settings: settings)
  }

  @Test func `S4: a code by text message is the code, in two groups, and a warning`() throws {
    for kind: Notice.Kind in [.issuedCode(code: "123456"), .confirmEmail(code: "123456")] {
      let text = try letter(kind).shortText
      #expect(text.hasPrefix("Your code: 123 456.") && text.contains("Sparekey never asks"))
    }
  }

  @Test(arguments: [
    Notice.Kind.passwordChanged, .recovered(by: [.recoveryCode]), .codeMade(serial: "7KQ"),
    .codeReplaced(serial: "7KQ"),
    .contactAdded(masked: "m•••@e•••.org"), .signedOutEverywhere, .wrongCodes(count: 10),
  ])
  func `H6: any other notice is its subject and where to go, within two text messages`(kind: Notice.Kind)
    throws
  {
    let letter = try letter(kind)
    #expect(letter.shortText.hasPrefix(letter.subject) && letter.shortText.contains("http"))
    #expect(letter.shortText.count <= 160 && !letter.shortText.contains("{"))
    let long = try self.letter(kind, service: String(repeating: "Long name ", count: 100))
    #expect(long.shortText.count == NoticeLetter.longestShortText)
  }
}
