import FoundationEssentials

/// JSON on one line, with its keys sorted so that equal values have equal bytes.
package enum JSON {
  private static let encoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  package static func encode(_ value: some Encodable) throws -> [UInt8] { Array(try encoder.encode(value)) }

  package static func decode<Value: Decodable>(_ type: Value.Type, from bytes: [UInt8]) throws -> Value {
    try JSONDecoder().decode(type, from: Data(bytes))
  }
}
