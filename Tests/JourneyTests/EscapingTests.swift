import Testing

@testable import SparekeyWeb

/// T24: what someone typed is text on a page, whatever it is made of.
@Suite struct `Text on pages` {
  func page(username: String, serviceName: String = "Sparekey") throws -> String {
    try Renderer(resources: webResources, serviceName: serviceName).render(
      PasswordPage(
        journey: "journey", username: username, passkey: PasskeyForm(options: "{}", request: "request")),
      shell: Shell())
  }

  @Test(arguments: ["", "\u{301}", "\u{338}", "\u{200D}", "\u{FE0F}", "\u{1F3FB}"])
  func `a sign that HTML reads is written as text, with whatever mark after it`(mark: String) throws {
    let html = try page(username: "\"\(mark) injected <\(mark)b>\(mark) '\(mark) &\(mark)")
    #expect(
      html.utf8Text.contains(
        "&quot;\(mark) injected &lt;\(mark)b&gt;\(mark) &#39;\(mark) &amp;\(mark)".utf8Text))
    #expect(!html.utf8Text.contains("\"\(mark) injected".utf8Text))
  }

  @Test func `each template finds the parts it is made of, and can be read`() throws {
    let templates = try Renderer(resources: webResources, serviceName: "Sparekey").templates
    #expect(templates.count > 50)
    for (name, template) in templates {
      #expect(throws: Never.self, "\(name)") { try template.value.get() }
    }
  }

  @Test func `the name of the service is text as well, also where it looks like a template's tag`() throws {
    let html = try page(username: "maria", serviceName: "<b>{{page.username}}{{")
    #expect(html.contains("&lt;b&gt;&#123;&#123;page.username}}&#123;&#123;</title>"))
  }
}

extension String {
  /// For comparing byte by byte: to strings, a mark belongs to the sign before it.
  fileprivate var utf8Text: String { utf8.map { String($0, radix: 16) }.joined(separator: " ") }
}
