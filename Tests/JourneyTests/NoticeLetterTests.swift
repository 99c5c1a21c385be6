import Foundation
import SparekeyCore
import SparekeyWeb
import Testing

@testable import SparekeyCore

@Suite struct `Notices in words` {
  private let texts: Texts
  private let settings: SiteSettings
  private static let start = Timestamp(milliseconds: 1_900_000_000_000)
  /// As long as the sealed ones are.
  private static let token = String(repeating: "t", count: 150)

  init() throws {
    texts = try Renderer(resources: webResources, serviceName: "Sparekey").texts
    settings = SiteSettings(
      publicURL: try #require(PublicURL("https://accounts.a-longer-name.example.org")),
      serviceName: "The Example Service")
  }

  private let contact = Contact(
    id: ContactID(text: "email"), account: AccountID(text: "account"), kind: .email,
    address: "maria@example.org", addedAt: start, confirmedAt: start, fromSignUp: true)

  private func letter(_ kind: Notice.Kind) -> NoticeLetter {
    NoticeLetter(
      Notice(
        kind: kind, username: "maria", contact: contact, at: Self.start,
        source: Source(address: "192.0.2.1", agent: "Firefox · Linux")), texts: texts, settings: settings)
  }

  private static func facts(_ purpose: Hold.Purpose, _ token: String?) -> Notice.HoldFacts {
    Notice.HoldFacts(
      id: HoldID(text: "0123456789abcdefghjkmnpqrs"), claimNumber: "ABC-DEF", purpose: purpose,
      startedAt: start - .days(3),
      endsAt: start + .days(27), claimedFrom: Source(address: "198.51.100.7", agent: "Safari · iPhone"),
      stopToken: token)
  }

  private static let news: [Notice.HoldNews] =
    [.started, .contested, .resumed, .stopped, .completed, .frozen, .reminder]
    + Hold.Milestone.allCases.map { .milestone($0) }

  private static let others: [Notice.Kind] =
    [
      .confirmEmail(code: "123456"), .issuedCode(code: "123456"), .passwordChanged,
      .recovered(by: ProofKind.allCases),
      .codeMade(serial: "ABC-DEF"), .codeReplaced(serial: "ABC-DEF"), .contactAdded(masked: "ma•••@e•••.org"),
      .contactAdded(masked: "+49 •••• ••67"), .contactConfirmed(masked: "ma•••@e•••.org"),
      .contactConfirmed(masked: "+49 •••• ••67"), .contactRemoved(masked: "ma•••@e•••.org"),
      .contactRemoved(masked: "+49 •••• ••67"), .totpAdded(name: "Phone"), .totpRemoved(name: "Phone"),
      .passkeyAdded(name: "Key"), .passkeyRemoved(name: "Key"), .appAllowed(name: "Notes"), .twoStepOn,
      .twoStepOff, .frozen, .thawed,
      .signedOutEverywhere, .wrongCodes(count: 10), .wrongSecondFactors(count: 10), .caseCode(code: "123456"),
    ] + Notice.SupportDeed.allCases.map { .bySupport($0) }

  /// Nothing is left that the catalogue should have said.
  private func isWhole(_ letter: NoticeLetter) -> Bool {
    [letter.subject, letter.body, letter.shortText].allSatisfy { text in
      !text.isEmpty && !text.contains("{") && text.firstMatch(of: /\b(mail|sms)\.[a-zA-Z]+\./) == nil
    }
  }

  @Test func `D4: every change is told in words, with when and from where`() {
    for kind in Self.others {
      let letter = letter(kind)
      #expect(isWhole(letter), "\(kind): \(letter.subject)\n\(letter.body)\n\(letter.shortText)")
      #expect(letter.body.contains("Firefox · Linux, 192.0.2.1") && letter.body.contains("17 March 2030"))
      #expect(letter.shortText.count <= NoticeLetter.longestShortText)
    }
  }

  @Test func `H6: every news of a hold says claim number, when, from where, what follows and how to stop it`()
  {
    for purpose in [Hold.Purpose.recovery, .removal] {
      for news in Self.news {
        for token in [Self.token, nil] {
          let letter = letter(.hold(news, Self.facts(purpose, token)))
          #expect(isWhole(letter), "\(news): \(letter.subject)\n\(letter.body)\n\(letter.shortText)")
          for needed in ["ABC-DEF", "14 March 2030", "Safari · iPhone, 198.51.100.7", "13 April 2030"] {
            #expect(letter.body.contains(needed), "\(purpose) \(news): \(needed)")
          }
          let isOver = news == .stopped || news == .completed
          #expect(letter.body.contains("/stop/") == (token != nil && !isOver), "\(news)")
          if !isOver, token == nil { #expect(letter.body.contains("/holds/0123456789abcdefghjkmnpqrs")) }
        }
      }
    }
  }

  @Test
  func
    `H7 H8: a text message is short, its link is whole, and only senior contacts have the link that pauses`()
  {
    for news in Self.news {
      let senior = letter(.hold(news, Self.facts(.recovery, Self.token))).shortText
      #expect(senior.count <= NoticeLetter.longestShortText)
      #expect(senior.hasSuffix("https://accounts.a-longer-name.example.org/stop/\(Self.token)"))
      #expect(senior.contains("ABC-DEF"), "\(senior)")
      let junior = letter(.hold(news, Self.facts(.recovery, nil))).shortText
      #expect(!junior.contains("/stop/"))
    }
  }

  @Test func `S4: a code by text message is the code, in two groups, and a warning`() {
    for kind: Notice.Kind in [.issuedCode(code: "123456"), .confirmEmail(code: "123456")] {
      let text = letter(kind).shortText
      #expect(text.hasPrefix("Your code: 123 456.") && text.contains("never asks"))
    }
  }

  @Test func `Q2: every text that a template names is in the catalogue`() throws {
    let folder = try webResources.appending(path: "templates")
    let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
    var count = 0
    for case let file as URL in files where file.pathExtension == "mustache" {
      for match in try String(contentsOf: file, encoding: .utf8).matches(of: /\{\{text\.([\w.-]+)\}\}/) {
        count += 1
        #expect(texts[String(match.1)] != String(match.1), "\(file.lastPathComponent): \(match.1)")
      }
    }
    #expect(count > 100)
  }
}
