import RecoveryCode
import Testing

struct RepairTests {
  @Test func `C7: any single wrong symbol is located and corrected`() throws {
    for code in Samples.codes(2) {
      for place in 0..<25 {
        for symbol in Samples.alphabet where symbol != Samples.alphabet[Int(code.symbols[place])] {
          let suggestion = try #require(RecoveryCode.read(code.text(with: [place: symbol])).suggestion)
          #expect(suggestion.code == code)
          #expect(suggestion.kind == .wrongSymbol)
          #expect(suggestion.positions == [place])
          #expect(suggestion.wrongPosition == place)
        }
      }
    }
  }

  @Test func `C7: any one or two unreadable symbols are filled in`() throws {
    let code = try #require(Samples.codes(1).first)
    for one in 0..<25 {
      for other in one..<25 {
        let suggestion = try #require(RecoveryCode.read(code.text(unreadableAt: [one, other])).suggestion)
        #expect(suggestion.code == code)
        #expect(suggestion.kind == .unreadableSymbols)
        #expect(suggestion.positions == (one == other ? [one] : [one, other]))
        #expect(suggestion.wrongPosition == nil)
      }
    }
  }

  @Test(arguments: [3, 4])
  func `C7: three and four unreadable symbols are filled in`(count: Int) throws {
    var generator = SeededGenerator(seed: 3)
    for code in Samples.codes(500) {
      let places = (0..<25).shuffled(using: &generator).prefix(count).sorted()
      let typed = code.text(unreadableAt: places)
      let suggestion = try #require(RecoveryCode.read(typed).suggestion)
      #expect(suggestion.code == code)
      #expect(suggestion.kind == .unreadableSymbols)
      #expect(suggestion.positions == places)
    }
  }

  @Test(arguments: [1, 2])
  func `C7: one wrong symbol is found beside one or two unreadable ones`(unreadable: Int) throws {
    var generator = SeededGenerator(seed: 4)
    for code in Samples.codes(500) {
      let (typed, places) = code.damaged(wrong: 1, unreadable: unreadable, using: &generator)
      let suggestion = try #require(RecoveryCode.read(typed).suggestion)
      #expect(suggestion.code == code)
      #expect(suggestion.kind == .wrongSymbol)
      #expect(suggestion.positions == places.sorted())
      #expect(suggestion.wrongPosition == places.first)
    }
  }

  @Test func `C7: one wrong symbol beside three unreadable ones is not pointed at`() {
    var generator = SeededGenerator(seed: 5)
    for code in Samples.codes(500) {
      let typed = code.damaged(wrong: 1, unreadable: 3, using: &generator).text
      #expect(RecoveryCode.read(typed) == .problem(.severalMistakes))
    }
  }

  @Test(arguments: [2, 3])
  func `C7: two or three wrong symbols are never taken for one, and four never for none`(wrong: Int) {
    var generator = SeededGenerator(seed: 6)
    for code in Samples.codes(1000) {
      #expect(
        RecoveryCode.read(code.damaged(wrong: wrong, using: &generator).text) == .problem(.severalMistakes))
      #expect(!RecoveryCode.read(code.damaged(wrong: 4, using: &generator).text).isCode)
    }
  }

  @Test func `C7: garbage is taken for a mistyped code about 7 times in 10,000`() {
    var generator = SeededGenerator(seed: 8)
    var codes = 0
    var suggestions = 0
    for _ in 0..<20_000 {
      let symbols = (0..<25).map { _ in UInt8.random(in: 0...31, using: &generator) }
      switch RecoveryCode.read(Samples.text(symbols)) {
      case .code: codes += 1
      case .suggestion: suggestions += 1
      case .problem(let problem): #expect(problem == .severalMistakes)
      }
    }
    // 25 * 31 in 2^20 of 20,000 are 15 on average.
    #expect((5...30).contains(suggestions))
    #expect(codes <= 1)
  }

  @Test(arguments: [5, 6, 25])
  func `C7: more than four unreadable symbols are too many`(count: Int) {
    for code in Samples.codes(10) {
      let typed = code.text(unreadableAt: (0..<count).map { 24 - $0 })
      #expect(RecoveryCode.read(typed) == .problem(.tooManyUnreadable(count: count)))
    }
  }

  @Test func `C7: a place has a group and a number in it, both from 1`() throws {
    let code = try #require(Samples.codes(1).first)
    let suggestion = try #require(RecoveryCode.read(code.text(unreadableAt: [0, 9, 24])).suggestion)
    #expect(suggestion.positions.map(suggestion.groupNumber) == [1, 2, 5])
    #expect(suggestion.positions.map(suggestion.symbolNumber) == [1, 5, 5])
  }
}

extension RecoveryCode {
  /// Makes some symbols wrong and others unreadable. The places are given with the wrong ones first.
  fileprivate func damaged(
    wrong: Int, unreadable: Int = 0, using generator: inout SeededGenerator
  ) -> (text: String, places: [Int]) {
    let places = Array((0..<25).shuffled(using: &generator).prefix(wrong + unreadable))
    var replacements: [Int: Character] = [:]
    for (number, place) in places.enumerated() {
      let other = (Int(symbols[place]) + Int.random(in: 1...31, using: &generator)) % 32
      replacements[place] = number < wrong ? Samples.alphabet[other] : "?"
    }
    return (text(with: replacements), places)
  }
}
