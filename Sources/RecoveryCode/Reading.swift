/// What a typed text turned out to be.
public enum Reading: Sendable, Equatable {
  /// A valid code, exactly as typed.
  case code(RecoveryCode)
  /// Not a code, but one is near. The person has to confirm it: it must never be applied silently.
  case suggestion(Suggestion)
  /// Not a code, and what is the matter with it.
  case problem(ReadingProblem)
}

/// The correction of a mistyped code, to be offered for confirmation (C7).
public struct Suggestion: Sendable, Equatable {
  /// What the correction corrects.
  public enum Kind: Sendable, Equatable {
    /// One wrong symbol, and possibly up to two that were typed as `?`.
    case wrongSymbol
    /// One to four symbols that were typed as `?`.
    case unreadableSymbols
  }

  /// The code that was probably meant.
  public let code: RecoveryCode
  /// What the correction corrects.
  public let kind: Kind
  /// The places, 0...24 and ascending, of the symbols that differ from what was typed.
  public let positions: [Int]
  /// The place, 0...24, of the wrong symbol; it is one of ``positions``. `nil` if symbols were unreadable only.
  public let wrongPosition: Int?

  /// The group, 1...5, that a place is in.
  public func groupNumber(of position: Int) -> Int { position / RecoveryCode.groupLength + 1 }

  /// The number, 1...5, of a place within its group.
  public func symbolNumber(of position: Int) -> Int { position % RecoveryCode.groupLength + 1 }
}

/// Why a typed text is not a code.
public enum ReadingProblem: Error, Sendable, Equatable {
  /// Nothing was typed but dashes, spaces and the like.
  case empty
  /// Symbols are missing.
  case tooShort(missing: Int)
  /// There are more than 25 symbols.
  case tooLong(extra: Int)
  /// A character that cannot occur in a code, the first such. `group` and `place` (both from 1) are where a
  /// symbol would stand; in a text that is too long the group may be beyond the fifth.
  case impossibleCharacter(Character, group: Int, place: Int)
  /// More than four symbols were typed as `?`.
  case tooManyUnreadable(count: Int)
  /// Two or more symbols are wrong: it cannot be said which.
  case severalMistakes
}

extension RecoveryCode {
  /// Reads what a person typed, pasted or scanned (C2, C7).
  ///
  /// Upper and lower case are the same, I and L are read as 1, O as 0, and full-width forms as their ASCII
  /// counterparts. Dashes, white space and invisible characters do not matter, nor do full stops at the end.
  /// `?` stands for a symbol that cannot be read. Everything else is an impossible character.
  ///
  /// The text may come from anyone and have any length: reading takes linear time and constant space.
  public static func read(_ text: some StringProtocol) -> Reading {
    var typed = TypedSymbols()
    for scalar in text.unicodeScalars {
      do throws(ReadingProblem) {
        try typed.append(scalar)
      } catch {
        return .problem(error)
      }
    }
    return typed.reading
  }
}

/// The symbols typed so far, and what is needed to say where something is wrong.
private struct TypedSymbols {
  /// The first 25, with zero in place of an unreadable one.
  private var symbols: [Field32] = []
  /// The places of the unreadable ones among the first 25.
  private var unreadable: [Int] = []
  /// All of them, also beyond the 25th.
  private var count = 0
  /// The first full stop; it is impossible if anything follows it.
  private var fullStop: Unicode.Scalar?
  /// The character just before, if it was a symbol.
  private var previousSymbol: Unicode.Scalar?

  mutating func append(_ scalar: Unicode.Scalar) throws(ReadingProblem) {
    let meaning = Alphabet.meaning(of: scalar)
    if let fullStop, meaning != .ignored, meaning != .fullStop {
      throw impossible(Character(fullStop), at: count)
    }
    switch meaning {
    case .symbol(let symbol): append(symbol, typedAs: scalar)
    case .unreadable: append(nil, typedAs: scalar)
    case .ignored: previousSymbol = nil
    case .fullStop: fullStop = fullStop ?? scalar
    case .impossible: throw impossible(scalar)
    }
  }

  private mutating func append(_ symbol: Field32?, typedAs scalar: Unicode.Scalar) {
    if count < RecoveryCode.symbolCount {
      symbols.append(symbol ?? .zero)
      if symbol == nil { unreadable.append(count) }
    }
    count += 1
    previousSymbol = scalar
  }

  /// A combining mark spoils the symbol that it sits on: both are reported, as the one character they look
  /// like, at the symbol's place.
  private func impossible(_ scalar: Unicode.Scalar) -> ReadingProblem {
    let isMark = [.nonspacingMark, .enclosingMark].contains(scalar.properties.generalCategory)
    if isMark, let base = previousSymbol {
      var text = String.UnicodeScalarView()
      text.append(contentsOf: [base, scalar])
      if let character = String(text).first { return impossible(character, at: count - 1) }
    }
    return impossible(Character(scalar), at: count)
  }

  private func impossible(_ character: Character, at position: Int) -> ReadingProblem {
    .impossibleCharacter(
      character,
      group: position / RecoveryCode.groupLength + 1,
      place: position % RecoveryCode.groupLength + 1)
  }

  var reading: Reading {
    if count == 0 { return .problem(.empty) }
    if count < RecoveryCode.symbolCount {
      return .problem(.tooShort(missing: RecoveryCode.symbolCount - count))
    }
    if count > RecoveryCode.symbolCount {
      return .problem(.tooLong(extra: count - RecoveryCode.symbolCount))
    }
    if unreadable.count > RecoveryCode.checkSymbolCount {
      return .problem(.tooManyUnreadable(count: unreadable.count))
    }
    guard let repair = Repair(of: symbols, unreadable: unreadable) else {
      return .problem(.severalMistakes)
    }
    let code = RecoveryCode(elements: repair.symbols)
    if repair.positions.isEmpty { return .code(code) }
    return .suggestion(
      Suggestion(
        code: code,
        kind: repair.wrong == nil ? .unreadableSymbols : .wrongSymbol,
        positions: repair.positions,
        wrongPosition: repair.wrong))
  }
}
