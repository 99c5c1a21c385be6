import RecoveryCode
import Testing

struct RecoveryCodeTests {
  @Test(arguments: Samples.codes(20))
  func `C1: a code is five groups of five symbols of Crockford's base 32`(code: RecoveryCode) {
    #expect(code.groups.count == RecoveryCode.groupCount)
    #expect(code.groups.allSatisfy { $0.count == RecoveryCode.groupLength })
    #expect(code.formatted == code.groups.joined(separator: "-"))
    #expect(code.compact == code.groups.joined())
    #expect(code.compact == Samples.text(code.symbols))
    #expect(code.symbols.count == RecoveryCode.symbolCount)
  }

  @Test func `C1: 21 symbols come from the generator, low five bits each`() throws {
    var generator = SeededGenerator(seed: 1)
    var same = generator
    let code = RecoveryCode.generate(using: &generator)
    let bytes = (0..<RecoveryCode.randomSymbolCount).map { _ in same.next() as UInt8 }

    #expect(code == RecoveryCode(randomSymbols: bytes))
    #expect(code.symbols.prefix(21).elementsEqual(bytes.map { $0 & 31 }))
  }

  @Test func `C1: every symbol is equally likely at every random place`() {
    let count = 3200
    var occurrences = [[Int]](repeating: Array(repeating: 0, count: 32), count: RecoveryCode.symbolCount)
    for code in Samples.codes(count) {
      for (place, symbol) in code.symbols.enumerated() { occurrences[place][Int(symbol)] += 1 }
    }
    // 100 are expected, with a standard deviation of 10.
    #expect(occurrences.joined().allSatisfy { (50...150).contains($0) })
  }

  @Test func `C1: the system's generator never makes the same code twice`() {
    let codes = (0..<1000).map { _ in RecoveryCode.generate().compact }
    #expect(Set(codes).count == codes.count)
  }

  @Test(arguments: [0, 1, 20, 22, 25])
  func `C1: other than 21 random symbols make no code`(count: Int) {
    #expect(RecoveryCode(randomSymbols: Array(repeating: 7, count: count)) == nil)
  }

  @Test func `C1: only the low five bits of a random symbol count`() throws {
    let low = try #require(RecoveryCode(randomSymbols: 0..<21))
    let high = try #require(RecoveryCode(randomSymbols: 224..<245))
    #expect(low == high)
    #expect(low.symbols.prefix(21).elementsEqual(0..<21))
  }

  @Test func `C1: codes are equal only if all their symbols are`() throws {
    let code = try #require(Samples.codes(1).first)
    #expect(code == RecoveryCode(randomSymbols: code.symbols.prefix(21)))
    for place in 0..<RecoveryCode.randomSymbolCount {
      var random = Array(code.symbols.prefix(21))
      random[place] ^= 1
      #expect(RecoveryCode(randomSymbols: random) != code)
    }
  }

  @Test func `C1: a code prints as redacted, wherever it stands`() throws {
    let code = try #require(Samples.codes(1).first)
    let suggestion = try #require(RecoveryCode.read(code.text(unreadableAt: [3])).suggestion)
    var dumped = ""
    dump(code, to: &dumped)
    dump(Reading.code(code), to: &dumped)
    dump([suggestion], to: &dumped)

    #expect("\(code)" == "<redacted>")
    #expect(String(reflecting: code) == "<redacted>")
    #expect(Mirror(reflecting: code).children.isEmpty)
    #expect("\(Reading.code(code))" == "code(<redacted>)")
    for text in [dumped, "\(suggestion)", String(reflecting: [code])] {
      #expect(!code.groups.contains { text.contains($0) })
    }
    #expect(dumped.contains("<redacted>"))
    #expect(!dumped.contains("elements"))
  }
}
