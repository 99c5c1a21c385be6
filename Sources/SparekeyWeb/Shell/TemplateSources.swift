import Foundation

/// The sources of the templates, and how one page is made of several: its parents, blocks, partials and texts are put in
/// place once. Mustache would look them up again for every page, which takes as long as all the rest of it.
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

  /// A template with everything in place but what pages bring: variables and sections.
  /// - Throws: `Renderer.MissingTemplate`
  func joined(_ name: String) throws -> String {
    String(decoding: try joined(source(name), with: [:]), as: UTF8.self)
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
        let own = TemplateTags(in: tags.content(of: tag)).blocks()
        joined += try self.joined(self.source(tag.path), with: blocks.merging(own) { outer, _ in outer })
      case .block:
        let usual = tags.content(of: tag)
        joined += try self.joined(blocks[tag.name] ?? usual, with: blocks)
      case .text: joined += EscapedBytes().escapeText(texts[tag.name]).utf8
      case .variable:
        if let constant = constants[tag.name] {
          joined += EscapedBytes().escapeText(constant).replacing("{", with: "&#123;").utf8
        } else {
          joined += source[tag.range]
        }
      case .section, .end: joined += source[tag.range]
      }
    }
    return joined + tags.rest
  }
}

/// A tag of a template.
private struct TemplateTag {
  enum Kind {
    case partial, parent, block, section, end, text, variable
  }
  /// What stands between the tag before and this one.
  let before: ArraySlice<UInt8>
  let kind: Kind
  /// Without its sign; of a text its key.
  let name: String
  /// With its braces.
  let range: Range<Int>

  /// Where its template is: `shell.page` names `shell/page`.
  var path: String { name.replacing(".", with: "/", maxReplacements: 1) }
}

/// The tags of a template in their order.
private struct TemplateTags {
  private let source: ArraySlice<UInt8>
  private var position: Int

  init(in source: ArraySlice<UInt8>) { (self.source, position) = (source, source.startIndex) }

  /// What was not gone through yet.
  var rest: ArraySlice<UInt8> { source[position...] }

  mutating func next() -> TemplateTag? {
    guard let start = position(ofDouble: "{", from: position),
      let close = position(ofDouble: "}", from: start)
    else {
      return nil
    }
    let text = "text."
    let inside = source[(start + 2)..<close]
    let kind: TemplateTag.Kind =
      switch inside.first {
      case UInt8(ascii: ">"): .partial
      case UInt8(ascii: "<"): .parent
      case UInt8(ascii: "$"): .block
      case UInt8(ascii: "#"), UInt8(ascii: "^"): .section
      case UInt8(ascii: "/"): .end
      default: inside.starts(with: text.utf8) ? .text : .variable
      }
    // A variable that is HTML already has a third pair of braces.
    let end = inside.first == UInt8(ascii: "{") ? close + 3 : close + 2
    let sign = kind == .text ? text.utf8.count : kind == .variable ? 0 : 1
    let before = source[position..<start]
    position = end
    return TemplateTag(
      before: before, kind: kind, name: String(decoding: inside.dropFirst(sign), as: UTF8.self),
      range: start..<end)
  }

  /// What stands between a tag that was just found and its end; goes on behind that.
  mutating func content(of opening: TemplateTag) -> ArraySlice<UInt8> {
    leaveLine(of: opening)
    let start = position
    var depth = 1
    while let tag = next() {
      guard tag.name == opening.name else { continue }
      switch tag.kind {
      case .parent, .block, .section: depth += 1
      case .end: depth -= 1
      case .partial, .text, .variable: break
      }
      if depth == 0 {
        leaveLine(of: tag)
        return source[start..<tag.range.lowerBound]
      }
    }
    return source[start...]
  }

  /// The blocks that the content of a parent defines.
  func blocks() -> [String: ArraySlice<UInt8>] {
    var tags = self
    var blocks: [String: ArraySlice<UInt8>] = [:]
    while let tag = tags.next() {
      if tag.kind == .block { blocks[tag.name] = tags.content(of: tag) }
    }
    return blocks
  }

  /// A tag that has a line for itself leaves no empty one. To be asked right after the tag was found.
  mutating func leaveLine(of tag: TemplateTag) {
    let newline = UInt8(ascii: "\n")
    guard tag.range.lowerBound == source.startIndex || source[tag.range.lowerBound - 1] == newline,
      rest.first == newline
    else { return }
    position += 1
  }

  private func position(ofDouble brace: Unicode.Scalar, from start: Int) -> Int? {
    let brace = UInt8(ascii: brace)
    return source[start...].indices.dropLast().first { source[$0] == brace && source[$0 + 1] == brace }
  }
}
