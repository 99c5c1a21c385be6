import RecoveryCode
import Testing

/// What the check symbols must notice. Where chance decides, one text in 2^20 gets through; the fixed seeds
/// make sure that none of these does.
struct CheckSymbolTests {
  @Test func `C1: 25 times the same symbol is no code and not near one`() {
    for symbol in Samples.alphabet {
      #expect(
        RecoveryCode.read(String(repeating: symbol, count: 25)) == .problem(.severalMistakes), "\(symbol)")
    }
  }

  @Test func `C1: the alphabet in order is no code and not near one, from any symbol and in both directions`()
  {
    for start in 0..<32 {
      let upwards = Samples.text((0..<25).map { UInt8((start + $0) % 32) })
      #expect(RecoveryCode.read(upwards) == .problem(.severalMistakes))
      #expect(RecoveryCode.read(String(upwards.reversed())) == .problem(.severalMistakes))
    }
  }

  @Test func `C1: two symbols in turn, or two groups in turn, are no code`() {
    for one in Samples.alphabet {
      for other in Samples.alphabet {
        let symbols = String((0..<25).map { $0.isMultiple(of: 2) ? one : other })
        let groups = String((0..<25).map { ($0 / 5).isMultiple(of: 2) ? one : other })
        #expect(!RecoveryCode.read(symbols).isCode)
        #expect(!RecoveryCode.read(groups).isCode)
      }
    }
  }

  @Test(arguments: Samples.codes(20) + [RecoveryCode(randomSymbols: Array(repeating: 0, count: 21))!])
  func `C1: a code that lost its first or last symbol and got any other at the other end is no code`(
    code: RecoveryCode
  ) {
    for symbol in Samples.alphabet {
      #expect(!RecoveryCode.read(code.compact.dropFirst() + [symbol]).isCode)
      #expect(!RecoveryCode.read([symbol] + code.compact.dropLast()).isCode)
    }
  }

  @Test(arguments: Samples.codes(50))
  func `C1: a code that begins elsewhere is no code`(code: RecoveryCode) {
    for start in 1..<25 {
      #expect(!RecoveryCode.read(code.compact.dropFirst(start) + code.compact.prefix(start)).isCode)
    }
  }

  @Test(arguments: Samples.codes(50))
  func `C1: a code with zeros in front or behind in place of lost symbols is no code`(code: RecoveryCode) {
    for lost in 1...25 {
      let zeros = String(repeating: "0", count: lost)
      #expect(!RecoveryCode.read(code.compact.dropFirst(lost) + zeros).isCode)
      #expect(!RecoveryCode.read(zeros + code.compact.dropLast(lost)).isCode)
    }
  }

  @Test(arguments: Samples.codes(30))
  func `C1: two neighbouring symbols in the wrong order are always noticed`(code: RecoveryCode) {
    for place in 0..<24 {
      var symbols = code.symbols
      symbols.swapAt(place, place + 1)
      #expect(RecoveryCode.read(Samples.text(symbols)).isCode == (symbols == code.symbols))
    }
  }

  @Test(arguments: Samples.codes(50))
  func `C1: groups in the wrong order are noticed`(code: RecoveryCode) {
    for one in 0..<4 {
      for other in one + 1..<5 {
        var groups = code.groups
        groups.swapAt(one, other)
        #expect(!RecoveryCode.read(groups.joined(separator: " ")).isCode)
      }
    }
    #expect(!RecoveryCode.read(code.groups.reversed().joined(separator: " ")).isCode)
    #expect(!RecoveryCode.read(String(code.compact.reversed())).isCode)
  }
}
