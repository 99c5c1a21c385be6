import RecoveryCode

/// How many codes per second one core makes, reads and repairs. Prints one line of JSON.
@main enum RecoveryCodeOperations {
  static func main() {
    let codes = (0..<1_000).map { _ in RecoveryCode.generate() }
    let typed = codes.map { $0.formatted.lowercased() }
    let mistyped = typed.map { text in
      var symbols = Array(text)
      symbols[7] = symbols[7] == "z" ? "y" : "z"
      return String(symbols)
    }
    let unreadable = typed.map { text in
      var symbols = Array(text)
      for place in [0, 8, 14, 22] { symbols[place] = "?" }
      return String(symbols)
    }
    var sink = 0
    let figures = [
      "generate": rate { sink &+= RecoveryCode.generate().compact.utf8.count },
      "read": rate { sink &+= read(typed[sink & 511]) },
      "point_at_a_wrong_symbol": rate { sink &+= read(mistyped[sink & 511]) },
      "fill_in_four_unreadable": rate { sink &+= read(unreadable[sink & 511]) },
    ]
    let members = figures.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \(Int($0.value))" }
    print("{\(members.joined(separator: ", "))}")
    if sink == 0 { print("") }
  }

  private static func read(_ text: String) -> Int {
    switch RecoveryCode.read(text) {
    case .code(let code): code.compact.utf8.count
    case .suggestion(let suggestion): suggestion.code.compact.utf8.count
    case .problem: 1
    }
  }

  /// Per second, over about a second.
  private static func rate(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let start = clock.now
    var done = 0
    while clock.now - start < .seconds(1) {
      for _ in 0..<100 { body() }
      done += 100
    }
    let taken = clock.now - start
    return Double(done) / (Double(taken.components.seconds) + Double(taken.components.attoseconds) / 1e18)
  }
}
