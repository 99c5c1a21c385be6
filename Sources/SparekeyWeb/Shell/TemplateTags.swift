/// A tag of a template.
struct TemplateTag {
  enum Kind {
    case partial, parent, block, section, invertedSection, end, text, variable
    /// A variable that is HTML already.
    case html
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
struct TemplateTags {
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
      case UInt8(ascii: "#"): .section
      case UInt8(ascii: "^"): .invertedSection
      case UInt8(ascii: "/"): .end
      case UInt8(ascii: "{"): .html
      default: inside.starts(with: text.utf8) ? .text : .variable
      }
    let end = kind == .html ? close + 3 : close + 2
    let sign = kind == .text ? text.utf8.count : kind == .variable ? 0 : 1
    let before = source[position..<start]
    position = end
    return TemplateTag(
      before: before, kind: kind, name: String(decoding: inside.dropFirst(sign), as: UTF8.self),
      range: start..<end)
  }

  /// What stands between a tag that was just found and its end; goes on behind that.
  /// - Throws: `Template.Malformed` when it has no end.
  mutating func content(of opening: TemplateTag) throws -> ArraySlice<UInt8> {
    leaveLine(of: opening)
    let start = position
    var depth = 1
    while let tag = next() {
      guard tag.name == opening.name else { continue }
      switch tag.kind {
      case .parent, .block, .section, .invertedSection: depth += 1
      case .end: depth -= 1
      case .partial, .text, .variable, .html: break
      }
      if depth == 0 {
        leaveLine(of: tag)
        return source[start..<tag.range.lowerBound]
      }
    }
    throw Template.Malformed(tag: opening.name)
  }

  /// The blocks that the content of a parent defines.
  func blocks() throws -> [String: ArraySlice<UInt8>] {
    var tags = self
    var blocks: [String: ArraySlice<UInt8>] = [:]
    while let tag = tags.next() {
      if tag.kind == .block { blocks[tag.name] = try tags.content(of: tag) }
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
