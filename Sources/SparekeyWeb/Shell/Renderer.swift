import Foundation
import Mustache

/// Templates and texts, read once at start-up from the resources beside the program.
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
        let text = try String(contentsOf: folder.appending(path: "\(feature)/\(file)"), encoding: .utf8)
        templates["\(feature).\(file.dropLast(".mustache".count))"] = try MustacheTemplate(string: text)
      }
    }
    library = MustacheLibrary(templates: templates)
  }

  package func render<Content: Page>(_ page: Content, shell: Shell) throws -> String {
    let name = Content.template.replacingOccurrences(of: "/", with: ".")
    guard let html = library.render(View(text: texts, shell: shell, page: page), withTemplate: name) else {
      throw MissingTemplate(name: Content.template)
    }
    return html
  }
}

/// What a template sees.
private struct View<Content: Page> {
  let text: Texts
  let shell: Shell
  let page: Content
}

/// Where this module's templates, texts and assets are: beside the program.
package var webResources: URL { Bundle.module.bundleURL.appending(path: "Resources") }
