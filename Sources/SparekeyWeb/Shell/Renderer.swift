import Foundation
import Mustache

/// Templates and texts, read once at start-up from the resources beside the program. The texts are filled into the
/// templates then, so that a page costs what is its own.
package struct Renderer: Sendable {
  private let library: MustacheLibrary
  /// The folder of templates, texts and assets.
  package let resources: URL
  package let texts: Texts

  package struct MissingTemplate: Error, CustomStringConvertible {
    package let name: String
    package var description: String { "the template \(name) is missing" }
  }

  package init(resources: URL) throws {
    self.resources = resources
    texts = try Texts(json: Data(contentsOf: resources.appending(path: "texts/en.json")))
    let folder = resources.appending(path: "templates")
    var templates: [String: MustacheTemplate] = [:]
    for feature in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      for file in try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: feature).path)
      where file.hasSuffix(".mustache") {
        let source = try String(contentsOf: folder.appending(path: "\(feature)/\(file)"), encoding: .utf8)
        templates["\(feature).\(file.dropLast(".mustache".count))"] = try MustacheTemplate(
          string: Self.filling(source, with: texts))
      }
    }
    library = MustacheLibrary(templates: templates)
  }

  /// A template's source with its texts in the place of `{{text.…}}`. A missing one shows its key: visible, and caught
  /// by a test.
  private static func filling(_ source: String, with texts: Texts) throws -> String {
    let escaped = try MustacheTemplate(string: "{{.}}")
    return source.replacing(/\{\{text\.([^}]+)\}\}/) { escaped.render(texts[String($0.output.1)]) }
  }

  package func render<Content: Page>(_ page: Content, shell: Shell) throws -> String {
    let name = Content.template.split(separator: "/").joined(separator: ".")
    let view = ["shell": members(of: shell), "page": members(of: page)]
    guard let html = library.render(view, withTemplate: name) else {
      throw MissingTemplate(name: Content.template)
    }
    return html
  }
}

/// What a template sees of a value: read by reflection once, where mustache would do so at every mention.
private func members(of value: Any) -> [String: Any] {
  var members: [String: Any] = [:]
  for case (let name?, let member) in Mirror(reflecting: value).children {
    let mirror = Mirror(reflecting: member)
    members[name] = mirror.displayStyle == .optional ? mirror.children.first?.value : member
  }
  return members
}

/// Where this module's templates, texts and assets are: beside the program.
package var webResources: URL { Bundle.module.bundleURL.appending(path: "Resources") }
