import FoundationEssentials

/// The sources of the templates, and how one page is made of several: its parents, blocks, partials and texts are put in
/// place once.
///
/// Blocks are found as mustache finds them: the outermost template that says something about one decides, also for the
/// partials within.
struct TemplateSources: Sendable {
  private let sources: [String: [UInt8]]
  private let texts: Texts
  private let constants: [String: String]

  /// - Parameters:
  ///   - folder: a folder for each feature with `NAME.mustache` in it.
  ///   - constants: what is the same on all pages, by the name of the variable that shows it.
  init(folder: URL, texts: Texts, constants: [String: String]) throws {
    var sources: [String: [UInt8]] = [:]
    for feature in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
      for file in try FileManager.default.contentsOfDirectory(atPath: folder.appending(path: feature).path)
      where file.hasSuffix(".mustache") {
        sources["\(feature)/\(file.dropLast(".mustache".count))"] = try Array(
          Data(contentsOf: folder.appending(path: "\(feature)/\(file)")))
      }
    }
    (self.sources, self.texts, self.constants) = (sources, texts, constants)
  }

  var names: [String] { Array(sources.keys) }

  /// - Throws: `Renderer.MissingTemplate`, `Template.Malformed`
  func template(_ name: String) throws -> Template {
    try Template(joined(source(name), with: [:])[...])
  }

  private func source(_ name: String) throws -> ArraySlice<UInt8> {
    guard let source = sources[name] else { throw Renderer.MissingTemplate(name: name) }
    return source[...]
  }

  private func joined(_ source: ArraySlice<UInt8>, with blocks: [String: ArraySlice<UInt8>]) throws -> [UInt8]
  {
    var tags = TemplateTags(in: source)
    var joined: [UInt8] = []
    while let tag = tags.next() {
      joined += tag.before
      switch tag.kind {
      case .partial:
        tags.leaveLine(of: tag)
        joined += try self.joined(self.source(tag.path), with: blocks)
      case .parent:
        let own = try TemplateTags(in: tags.content(of: tag)).blocks()
        joined += try self.joined(self.source(tag.path), with: blocks.merging(own) { outer, _ in outer })
      case .block:
        let usual = try tags.content(of: tag)
        joined += try self.joined(blocks[tag.name] ?? usual, with: blocks)
      case .text: appendEscaped(texts[tag.name], to: &joined)
      case .variable:
        if let constant = constants[tag.name] {
          var escaped: [UInt8] = []
          appendEscaped(constant, to: &escaped)
          // A brace of the operator's is text, too.
          joined += escaped.flatMap { $0 == UInt8(ascii: "{") ? Array("&#123;".utf8) : [$0] }
        } else {
          joined += source[tag.range]
        }
      case .html, .section, .invertedSection, .end: joined += source[tag.range]
      }
    }
    return joined + tags.rest
  }
}
