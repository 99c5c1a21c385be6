/// A template with everything in place but what a page brings: text, and where to put which value.
///
/// Of mustache it knows variables (`{{name}}`, written as text; `{{{name}}}`, HTML already), sections (`{{#name}}`,
/// `{{^name}}`), `{{.}}`, paths (`page.sheet.code`) and one question, `empty(name)`. What a section is about is looked
/// at first, then what is around it.
struct Template: Sendable {
  /// A template that cannot be read. Found by a test, which reads them all.
  struct Malformed: Error, CustomStringConvertible {
    let tag: String
    var description: String { "{{\(tag)}} is not understood here, or has no end" }
  }

  private indirect enum Part {
    case text([UInt8])
    case variable(Name)
    case html(Name)
    case section(Name, isInverted: Bool, [Part])
  }

  /// Names a value: from outside to inside, none for the value at hand.
  private struct Name {
    let path: [String]
    /// Whether it asks if the value is empty.
    let asksEmpty: Bool

    init(_ text: String) throws {
      let question = "empty("
      asksEmpty = text.hasPrefix(question) && text.hasSuffix(")")
      let name = asksEmpty ? text.dropFirst(question.count).dropLast() : text[...]
      path = name == "." ? [] : name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
      guard path.allSatisfy({ !$0.isEmpty && $0.allSatisfy { $0.isLetter || $0.isNumber } }) else {
        throw Malformed(tag: text)
      }
    }
  }

  private let parts: [Part]

  /// - Throws: `Malformed`
  init(_ source: ArraySlice<UInt8>) throws { parts = try Self.parts(of: source) }

  private static func parts(of source: ArraySlice<UInt8>) throws -> [Part] {
    var tags = TemplateTags(in: source)
    var parts: [Part] = []
    while let tag = tags.next() {
      parts.append(.text(Array(tag.before)))
      switch tag.kind {
      case .variable: parts.append(.variable(try Name(tag.name)))
      case .html: parts.append(.html(try Name(tag.name)))
      case .section, .invertedSection:
        let content = try Self.parts(of: tags.content(of: tag))
        parts.append(.section(try Name(tag.name), isInverted: tag.kind == .invertedSection, content))
      case .partial, .parent, .block, .text, .end: throw Malformed(tag: tag.name)
      }
    }
    return parts + [.text(Array(tags.rest))]
  }

  func render(_ value: TemplateValue) -> String {
    var html: [UInt8] = []
    html.reserveCapacity(8_192)
    Self.render(parts, [value], into: &html)
    return String(decoding: html, as: UTF8.self)
  }

  private static func render(_ parts: [Part], _ around: [TemplateValue], into html: inout [UInt8]) {
    for part in parts {
      switch part {
      case .text(let text): html += text
      case .variable(let name):
        if let text = value(name, in: around)?.text { appendEscaped(text, to: &html) }
      case .html(let name):
        if let text = value(name, in: around)?.text { html += text.utf8 }
      case .section(let name, isInverted: true, let content):
        if value(name, in: around)?.isShown != true { render(content, around, into: &html) }
      case .section(let name, isInverted: false, let content):
        switch value(name, in: around) {
        case .flag(false), nil: break
        case .flag(true): render(content, around, into: &html)
        case .list(let values): for value in values { render(content, around + [value], into: &html) }
        case let value?: render(content, around + [value], into: &html)
        }
      }
    }
  }

  private static func value(_ name: Name, in around: [TemplateValue]) -> TemplateValue? {
    guard let first = name.path.first else { return around.last }
    var found = around.lazy.reversed().compactMap { $0.member(first) }.first
    for member in name.path.dropFirst() { found = found?.member(member) }
    return name.asksEmpty ? found.map { .flag($0.isEmpty) } : found
  }
}
