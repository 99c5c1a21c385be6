import SparekeyCore

extension Texts {
  /// H4 in plain words: what would open the account sooner, one sentence for each outcome, the fastest first: "With
  /// your authenticator app or a passkey it is done now."
  package func fasterWays(_ forecast: [RecoveryPolicy.Forecast], period: Duration) -> [String] {
    // That a code is older than something else helps by itself, as soon as it is shown.
    let known = forecast.filter { way in
      !way.missing.isEmpty && !way.missing.contains(.codeBeforeTwoStep)
        && !way.missing.contains(.codeBeforeRestore)
    }
    let useful = known.filter { way in
      !known.contains { other in
        other.outcome <= way.outcome && Set(other.missing).isStrictSubset(of: way.missing)
      }
    }
    let outcomes = Set(useful.map(\.outcome)).sorted()
    return outcomes.map { outcome in
      let sets = useful.filter { $0.outcome == outcome }.map { way in way.missing.map(\.wordKey) }
      return format(
        outcome == .now ? "recover.faster.now" : "recover.faster.held",
        ["ways": either(ways(sets)), "duration": duration(of: outcome, period: period)])
    }
  }

  /// How long an outcome takes, in words.
  package func duration(of outcome: RecoveryPolicy.Outcome, period: Duration) -> String {
    switch outcome {
    case .now, .notEnough: ""
    case .held(let wait): duration(wait.duration(of: period))
    }
  }

  /// "your authenticator app", "your password and a code sent to your email or phone".
  func ways(_ sets: [[String]]) -> [String] {
    var said: [[String]] = []
    for set in sets {
      // An email and a phone are one way where either does.
      let twin = set.map { ["email": "phone", "phone": "email"][$0] ?? $0 }
      let merged = set.map { ["email", "phone"].contains($0) ? "contact" : $0 }
      let words =
        twin != set && sets.contains { Set($0) == Set(twin) } && Set(twin) != Set(set) ? merged : set
      if !said.contains(where: { Set($0) == Set(words) }) { said.append(words) }
    }
    return said.map { together($0.map { self["recover.need.\($0)"] }) }
  }
}

extension RecoveryPolicy.Requirement {
  /// What a person would look for, whatever its age.
  var wordKey: String {
    switch self {
    case .recoveryCode, .currentCode, .codeBeforeTwoStep, .codeBeforeRestore: "recoveryCode"
    case .seniorEmail, .email: "email"
    case .seniorPhone, .phone: "phone"
    case .seniorPassword, .password: "password"
    case .seniorTOTP, .totp: "totp"
    case .seniorPasskey, .passkey: "passkey"
    }
  }
}
