import SparekeyWeb
import Testing

/// T24: what someone typed is text on a page, whatever it is made of.
@Suite struct `Text on pages` {
  let shell = Shell(language: "en", serviceName: "Sparekey", csrf: "", path: "/sign-in")

  func page(username: String) throws -> String {
    try Renderer(resources: webResources).render(
      PasswordPage(
        journey: "journey", username: username, passkey: PasskeyForm(options: "{}", request: "request")),
      shell: shell)
  }

  @Test(arguments: ["", "\u{301}", "\u{338}", "\u{200D}", "\u{FE0F}", "\u{1F3FB}"])
  func `a sign that HTML reads is written as text, with whatever mark after it`(mark: String) throws {
    let html = try page(username: "\"\(mark) injected <\(mark)b>\(mark) '\(mark) &\(mark)")
    #expect(
      html.utf8Text.contains(
        "&quot;\(mark) injected &lt;\(mark)b&gt;\(mark) &#39;\(mark) &amp;\(mark)".utf8Text))
    #expect(!html.utf8Text.contains("\"\(mark) injected".utf8Text))
  }
}

extension String {
  /// For comparing byte by byte: to strings, a mark belongs to the sign before it.
  fileprivate var utf8Text: String { utf8.map { String($0, radix: 16) }.joined(separator: " ") }
}
