import Foundation
import Mustache
import SparekeyCore

/// Templates and texts, read at start-up from the resources beside the program. The texts are filled into the templates
/// once, so that a page costs what is its own.
package struct Renderer: Sendable {
  private let library: OnDemand<Result<MustacheLibrary, any Error>>
  /// The folder of templates, texts and assets.
  package let resources: URL
  package let texts: Texts

  package struct MissingTemplate: Error, CustomStringConvertible {
    package let name: String
    package var description: String { "the template \(name) is missing" }
  }

  package init(resources: URL) throws {
    self.resources = resources
    let texts = try Texts(json: Data(contentsOf: resources.appending(path: "texts/en.json")))
    self.texts = texts
    let folder = resources.appending(path: "templates")
    var sources: [String: String] = [:]
    for feature in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      for file in try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: feature).path)
      where file.hasSuffix(".mustache") {
        sources["\(feature).\(file.dropLast(".mustache".count))"] = try String(
          contentsOf: folder.appending(path: "\(feature)/\(file)"), encoding: .utf8)
      }
    }
    library = OnDemand { [sources] in
      Result {
        MustacheContentTypes.register(EscapedBytes(), named: EscapedBytes.name)
        return MustacheLibrary(
          templates: try sources.mapValues { try MustacheTemplate(string: Self.filling($0, with: texts)) })
      }
    }
  }

  /// Reads the templates, which the first page would have to wait for.
  package func prepare() throws { _ = try library.value.get() }

  /// A template's source with its texts in the place of `{{text.…}}`. A missing one shows its key: visible, and caught
  /// by a test.
  private static func filling(_ source: String, with texts: Texts) throws -> String {
    var parts = source.components(separatedBy: "{{text.").makeIterator()
    var filled = "{{% CONTENT_TYPE:\(EscapedBytes.name)}}\n" + (parts.next() ?? "")
    while let part = parts.next() {
      filled += EscapedBytes().escapeText(texts[String(part.prefix { $0 != "}" })])
      filled += part.drop { $0 != "}" }.dropFirst(2)
    }
    return filled
  }

  package func render<Content: Page>(_ page: Content, shell: Shell) throws -> String {
    let name = Content.template.split(separator: "/").joined(separator: ".")
    let view = ["shell": members(of: shell), "page": members(of: page)]
    guard let html = try library.value.get().render(view, withTemplate: name) else {
      throw MissingTemplate(name: Content.template)
    }
    return html
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
