import Foundation
import RecoveryCode
import Testing

/// The published test vectors, docs/recovery-code-vectors.json, are what the library says about the recipe.
///
/// After a change of the recipe: SPAREKEY_WRITE_VECTORS=1 swift test --filter VectorTests. Then let
/// Tests/System/recovery_code_reference.py and Tests/System/check_vectors.mjs have their say: they were
/// written from docs/recovery-code-format.md, not from the library.
struct VectorTests {
  static let file = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "../../docs/recovery-code-vectors.json")

  @Test func `C1: the published vectors are those of the recipe`() throws {
    let vectors = try VectorRecipe.vectors().text()
    if ProcessInfo.processInfo.environment["SPAREKEY_WRITE_VECTORS"] != nil {
      try Data(vectors.utf8).write(to: Self.file)
    }
    #expect(try String(contentsOf: Self.file, encoding: .utf8) == vectors)
  }

  @Test func `C1: every published code is made from its random symbols`() throws {
    let codes = try Self.published().codes
    #expect(codes.count >= 20)
    for vector in codes {
      let code = try #require(RecoveryCode(randomSymbols: vector.randomSymbols))
      #expect(code.formatted == vector.code)
      #expect(code.symbols.suffix(4).elementsEqual(vector.checkSymbols))
    }
  }

  @Test func `C2: every published text reads as published`() throws {
    let readings = try Self.published().readings
    #expect(readings.count >= 100)
    for vector in readings {
      #expect(Answer(RecoveryCode.read(vector.text)) == vector.reading, "\(vector.rule): \(vector.text)")
    }
  }

  private static func published() throws -> Vectors {
    try JSONDecoder().decode(Vectors.self, from: Data(contentsOf: file))
  }
}

struct Vectors: Codable {
  var codes: [CodeVector]
  var readings: [ReadingVector]

  struct CodeVector: Codable {
    var randomSymbols: [UInt8]
    var checkSymbols: [UInt8]
    var code: String

    init(_ code: RecoveryCode) {
      randomSymbols = Array(code.symbols.prefix(RecoveryCode.randomSymbolCount))
      checkSymbols = Array(code.symbols.suffix(RecoveryCode.checkSymbolCount))
      self.code = code.formatted
    }
  }

  struct ReadingVector: Codable {
    var rule: String
    var text: String
    var reading: Answer
  }

  /// JSON with one vector per line, and in ASCII, since half of the texts hold characters that nobody can see.
  func text() throws -> String {
    """
    {
      "format": "Sparekey recovery code",
      "version": 1,
      "codes": [
    \(try Self.lines(codes))
      ],
      "readings": [
    \(try Self.lines(readings))
      ]
    }

    """
  }

  private static func lines(_ vectors: [some Encodable]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return try vectors.map { vector in
      let json = String(decoding: try encoder.encode(vector), as: UTF8.self)
      return "    "
        + json.utf16.map { 0x20..<0x7F ~= $0 ? String(UnicodeScalar(UInt8($0))) : escaped($0) }.joined()
    }.joined(separator: ",\n")
  }

  private static func escaped(_ unit: UInt16) -> String {
    let digits = String(unit, radix: 16)
    return #"\u"# + String(repeating: "0", count: 4 - digits.count) + digits
  }
}

/// A reading as JSON, in the form that all implementations share.
struct Answer: Codable, Equatable {
  var result: String
  var code: String?
  var kind: String?
  var positions: [Int]?
  var wrongPosition: Int?
  var problem: String?
  var missing: Int?
  var extra: Int?
  var count: Int?
  var character: String?
  var group: Int?
  var place: Int?

  init(_ reading: Reading) {
    switch reading {
    case .code(let code):
      result = "code"
      self.code = code.formatted
    case .suggestion(let suggestion):
      result = "suggestion"
      code = suggestion.code.formatted
      kind = suggestion.kind == .wrongSymbol ? "wrongSymbol" : "unreadableSymbols"
      positions = suggestion.positions
      wrongPosition = suggestion.wrongPosition
    case .problem(let problem):
      result = "problem"
      set(problem)
    }
  }

  private mutating func set(_ problem: ReadingProblem) {
    switch problem {
    case .empty: self.problem = "empty"
    case .tooShort(let missing): (self.problem, self.missing) = ("tooShort", missing)
    case .tooLong(let extra): (self.problem, self.extra) = ("tooLong", extra)
    case .impossibleCharacter(let character, let group, let place):
      self.problem = "impossibleCharacter"
      (self.character, self.group, self.place) = (String(character), group, place)
    case .tooManyUnreadable(let count): (self.problem, self.count) = ("tooManyUnreadable", count)
    case .severalMistakes: self.problem = "severalMistakes"
    }
  }
}
