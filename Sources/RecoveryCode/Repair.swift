/// Finds the one valid code that is near enough to what was typed (C7).
///
/// Up to four symbols at known places (`unreadable`) are filled in. While two times one wrong symbol and the
/// unreadable ones make at most four, one wrong symbol at an unknown place is found as well. Within these
/// bounds no two valid codes can be equally near, because any two differ in five symbols.
struct Repair: Equatable {
  /// The 25 symbols after the repair.
  let symbols: [Field32]
  /// The places that were unreadable or wrong, ascending; empty if the typed symbols were a valid code.
  let positions: [Int]
  /// The place of the wrong symbol, if there was one.
  let wrong: Int?

  /// Fails if more is wrong than can be pointed at. `unreadable` are places whose typed value is not known;
  /// what `typed` holds there does not matter.
  init?(of typed: [Field32], unreadable: [Int] = []) {
    let syndromes = CheckSymbols.syndromes(of: typed)
    let rest = Self.cancel(unreadable, in: syndromes)

    if rest.allSatisfy({ $0 == .zero }) {
      wrong = nil
    } else if let position = Self.onlyPosition(explaining: rest), !unreadable.contains(position) {
      wrong = position
    } else {
      return nil
    }

    let positions = (unreadable + [wrong].compactMap(\.self)).sorted()
    var symbols = typed
    for position in positions {
      symbols[position] = typed[position] + Self.error(at: position, among: positions, in: syndromes)
    }
    self.symbols = symbols
    self.positions = positions
  }

  /// Takes what errors at the given places contributed out of the syndromes, whatever the errors were. Each
  /// place costs one syndrome.
  ///
  /// An error e at locator X adds e*X^j to syndrome j. So the next syndrome plus X times this one is free of
  /// it, while an error at another locator Y stays there, times (X + Y).
  private static func cancel(_ positions: [Int], in syndromes: [Field32]) -> [Field32] {
    positions.map(CheckSymbols.locator).reduce(syndromes) { rest, locator in
      zip(rest, rest.dropFirst()).map { this, next in next + locator * this }
    }
  }

  /// One error at locator X leaves a geometric sequence with the ratio X, and nothing else does. A single
  /// remaining number has no ratio: it says that something is wrong, not where.
  private static func onlyPosition(explaining rest: [Field32]) -> Int? {
    guard rest.count >= 2, rest[0] != .zero else { return nil }
    let ratio = rest[1] / rest[0]
    let isGeometric = zip(rest, rest.dropFirst()).allSatisfy { this, next in next == ratio * this }
    return isGeometric ? CheckSymbols.position(of: ratio) : nil
  }

  /// The difference between the right symbol and the typed one, once all places in question are known.
  private static func error(at position: Int, among positions: [Int], in syndromes: [Field32]) -> Field32 {
    let others = positions.filter { $0 != position }
    let locator = CheckSymbols.locator(of: position)
    let scale = others.map(CheckSymbols.locator).reduce(locator) { $0 * (locator + $1) }
    return cancel(others, in: syndromes)[0] / scale
  }
}
