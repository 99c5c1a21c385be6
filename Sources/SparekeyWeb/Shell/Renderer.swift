import Foundation
import Mustache
import SparekeyCore

/// Templates and texts, read at start-up from the resources beside the program. What does not change from page to page is
/// filled in once, when a page is first shown, so that a page costs what is its own.
package struct Renderer: Sendable {
  /// By name; each is joined when it is first shown.
  let templates: [String: OnDemand<Result<MustacheTemplate, any Error>>]
  /// The folder of templates, texts and assets.
  package let resources: URL
  package let texts: Texts

  package struct MissingTemplate: Error, CustomStringConvertible {
    package let name: String
    package var description: String { "the template \(name) is missing" }
  }

  /// - Parameter serviceName: what the operator calls this service.
  package init(resources: URL, serviceName: String) throws {
    MustacheContentTypes.register(EscapedBytes(), named: EscapedBytes.name)
    self.resources = resources
    texts = try Texts(json: Data(contentsOf: resources.appending(path: "texts/en.json")))
    let sources = try TemplateSources(
      folder: resources.appending(path: "templates"), texts: texts,
      constants: ["shell.language": "en", "shell.direction": "ltr", "shell.serviceName": serviceName])
    templates = sources.names.reduce(into: [:]) { templates, name in
      templates[name] = OnDemand {
        Result {
          try MustacheTemplate(string: "{{% CONTENT_TYPE:\(EscapedBytes.name)}}\n" + sources.joined(name))
        }
      }
    }
  }

  package func render<Content: Page>(_ page: Content, shell: Shell) throws -> String {
    guard let template = templates[Content.template] else { throw MissingTemplate(name: Content.template) }
    return try template.value.get().render(View(["shell": View(of: shell), "page": View(of: page)]))
  }
}

/// Escapes byte by byte. Mustache's own way goes by characters: to it a quote with a combining mark after it is another
/// character than a quote, and it takes a quarter of a page's time.
struct EscapedBytes: MustacheContentType {
  static let name = "PAGE"

  func escapeText(_ text: String) -> String {
    guard text.utf8.contains(where: { Self.reference($0) != nil }) else { return text }
    var escaped: [UInt8] = []
    escaped.reserveCapacity(text.utf8.count + 32)
    for byte in text.utf8 {
      if let reference = Self.reference(byte) { escaped += reference.utf8 } else { escaped.append(byte) }
    }
    return String(decoding: escaped, as: UTF8.self)
  }

  private static func reference(_ byte: UInt8) -> String? {
    switch byte {
    case UInt8(ascii: "<"): "&lt;"
    case UInt8(ascii: ">"): "&gt;"
    case UInt8(ascii: "&"): "&amp;"
    case UInt8(ascii: "\""): "&quot;"
    case UInt8(ascii: "'"): "&#39;"
    default: nil
    }
  }
}

/// What a template sees of a value: read by reflection once, where mustache would do so at every mention.
private final class View: MustacheParent {
  private let members: [String: Any]

  init(_ members: [String: Any]) { self.members = members }

  convenience init(of value: Any) { self.init(Mirror(reflecting: value)) }

  private convenience init(_ mirror: Mirror) {
    var members: [String: Any] = [:]
    for case (let name?, let member) in mirror.children { members[name] = Self.shown(member) }
    self.init(members)
  }

  func child(named name: String) -> Any? { members[name] }

  private static func shown(_ value: Any) -> Any? {
    // Also one that is absent.
    if let text = value as? String? { return text }
    if let flag = value as? Bool { return flag }
    let mirror = Mirror(reflecting: value)
    return switch mirror.displayStyle {
    case .optional: mirror.children.first.flatMap { shown($0.value) }
    case .collection: mirror.children.compactMap { shown($0.value) }
    case .struct: View(mirror)
    default: value
    }
  }
}

/// Where this module's templates, texts and assets are: beside the program.
package var webResources: URL { Bundle.module.bundleURL.appending(path: "Resources") }
