import CYAML

/// What a file in YAML says. Every value is the text that was written: `off` stays `off`.
indirect enum YAML {
  case text(String)
  case list([YAML])
  case mapping([String: YAML])

  struct Problem: Error, CustomStringConvertible {
    let line: Int
    let reason: String
    var description: String { "line \(line): \(reason)" }
  }

  /// - Returns: nil of a file that says nothing.
  /// - Throws: `Problem`
  static func read(_ text: String) throws -> YAML? {
    // It keeps its own address.
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else { throw Problem(line: 1, reason: "there is no memory") }
    defer { yaml_parser_delete(parser) }
    return try Array("\(text)\n".utf8).withUnsafeBufferPointer { bytes in
      yaml_parser_set_input_string(parser, bytes.baseAddress, bytes.count)
      let said = try document(of: parser) { document in
        try yaml_document_get_root_node(&document).map { try YAML($0, of: &document, depth: 0) }
      }
      try document(of: parser) { document in
        if let more = yaml_document_get_root_node(&document) {
          throw Problem(line: more.line, reason: "a second document begins")
        }
      }
      return said
    }
  }

  private static func document<Answer>(
    of parser: UnsafeMutablePointer<yaml_parser_t>, _ read: (inout yaml_document_t) throws -> Answer
  ) throws -> Answer {
    var document = yaml_document_t()
    guard yaml_parser_load(parser, &document) == 1 else {
      throw Problem(
        line: Int(parser.pointee.problem_mark.line) + 1,
        reason: parser.pointee.problem.map { String(cString: $0) } ?? "not YAML")
    }
    defer { yaml_document_delete(&document) }
    return try read(&document)
  }

  private init(
    _ node: UnsafeMutablePointer<yaml_node_t>, of document: inout yaml_document_t, depth: Int
  ) throws {
    // An alias within what it stands for would have no end.
    guard depth < 16 else { throw Problem(line: node.line, reason: "nested too deeply") }
    func part(_ index: Int32) throws -> YAML {
      guard let part = yaml_document_get_node(&document, index) else {
        throw Problem(line: node.line, reason: "something is missing")
      }
      return try YAML(part, of: &document, depth: depth + 1)
    }
    switch node.pointee.type {
    case YAML_SEQUENCE_NODE:
      let items = node.pointee.data.sequence.items
      self = .list(try UnsafeBufferPointer(start: items.start, count: items.top - items.start).map(part))
    case YAML_MAPPING_NODE:
      let pairs = node.pointee.data.mapping.pairs
      var members: [String: YAML] = [:]
      for pair in UnsafeBufferPointer(start: pairs.start, count: pairs.top - pairs.start) {
        guard case .text(let name) = try part(pair.key) else {
          throw Problem(line: node.line, reason: "a name is no text")
        }
        guard members.updateValue(try part(pair.value), forKey: name) == nil else {
          throw Problem(line: node.line, reason: "\"\(name)\" stands there twice")
        }
      }
      self = .mapping(members)
    default:
      let scalar = node.pointee.data.scalar
      self = .text(
        String(decoding: UnsafeBufferPointer(start: scalar.value, count: scalar.length), as: UTF8.self))
    }
  }
}

extension YAML {
  var text: String? { if case .text(let text) = self { text } else { nil } }
  var list: [YAML]? { if case .list(let list) = self { list } else { nil } }
  var mapping: [String: YAML]? { if case .mapping(let members) = self { members } else { nil } }
  /// A list of nothing but texts.
  var texts: [String]? {
    guard let list else { return nil }
    let texts = list.compactMap(\.text)
    return texts.count == list.count ? texts : nil
  }
}

extension UnsafeMutablePointer<yaml_node_t> {
  fileprivate var line: Int { Int(pointee.start_mark.line) + 1 }
}
