import FoundationEssentials
import SparekeyCore

/// Templates and texts, read at start-up from the resources beside the program. What does not change from page to page is
/// filled in once, when a page is first shown, so that a page costs what is its own.
package struct Renderer: Sendable {
  /// By name; each is joined when it is first shown.
  let templates: [String: OnDemand<Result<Template, any Error>>]
  /// The folder of templates, texts and assets.
  package let resources: URL
  package let texts: Texts

  package struct MissingTemplate: Error, CustomStringConvertible {
    package let name: String
    package var description: String { "the template \(name) is missing" }
  }

  /// - Parameter serviceName: what the operator calls this service.
  package init(resources: URL, serviceName: String) throws {
    self.resources = resources
    texts = try Texts(json: Data(contentsOf: resources.appending(path: "texts/en.json")))
    let sources = try TemplateSources(
      folder: resources.appending(path: "templates"), texts: texts,
      constants: ["shell.language": "en", "shell.direction": "ltr", "shell.serviceName": serviceName])
    templates = sources.names.reduce(into: [:]) { templates, name in
      templates[name] = OnDemand { Result { try sources.template(name) } }
    }
  }

  package func render<Content: Page>(_ page: Content, shell: Shell) throws -> String {
    guard let template = templates[Content.template] else { throw MissingTemplate(name: Content.template) }
    var values: [String: TemplateValue] = [:]
    values["shell"] = shell.value
    values["page"] = TemplateValue(of: page)
    return try template.value.get().render(.members(values))
  }
}

/// Appends a text so that HTML reads it as text. It goes byte by byte: to Swift's strings a quote with a combining mark
/// after it is another character than a quote.
func appendEscaped(_ text: String, to html: inout [UInt8]) {
  for byte in text.utf8 {
    switch byte {
    case UInt8(ascii: "<"): html += "&lt;".utf8
    case UInt8(ascii: ">"): html += "&gt;".utf8
    case UInt8(ascii: "&"): html += "&amp;".utf8
    case UInt8(ascii: "\""): html += "&quot;".utf8
    case UInt8(ascii: "'"): html += "&#39;".utf8
    default: html.append(byte)
    }
  }
}

/// Where this module's templates, texts and assets are.
package var webResources: URL {
  get throws { try SparekeyCore.resources(of: "SparekeyWeb") }
}
