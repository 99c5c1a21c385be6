import SparekeyCore

/// What was shown does not open the account at once: show more, wait, or settle what about a recovery that waits already.
extension RecoveryPages {
  @Sendable static func weighing(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return try show(progress, at: .weighing, visit)
  }

  @Sendable static func acceptWait(_ visit: Visit) async throws -> Reply {
    dueStep(of: try await visit.site.recovery.acceptWait(visit.journey ?? "", binding: visit.binding))
  }

  @Sendable static func showMore(_ visit: Visit) async throws -> Reply {
    dueStep(of: try await visit.site.recovery.showMore(visit.journey ?? "", binding: visit.binding))
  }

  /// *It is not mine*.
  @Sendable static func object(_ visit: Visit) async throws -> Reply {
    _ = try await visit.site.recovery.object(
      visit.journey ?? "", binding: visit.binding, source: visit.source)
    return .redirect("/recover/hold?notice=objected")
  }

  static func weighingPage(_ progress: RecoveryProgress, _ visit: Visit) -> WeighingPage {
    let texts = visit.texts
    let period = visit.site.ports.options.holdPeriod
    let outcome = progress.decision?.outcome ?? .notEnough
    let waits = outcome != .notEnough && progress.runningHold == nil
    let takes = texts.duration(of: outcome, period: period)
    let lines: [String] =
      if progress.runningHold != nil {
        []
      } else if let effectiveAt = progress.effectiveAt {
        [
          texts.format(
            "recover.hold.held", ["duration": takes, "date": texts.exactly(effectiveAt)]),
          texts["recover.hold.why"],
        ]
      } else {
        [texts["recover.hold.notEnough"]]
      }
    return WeighingPage(
      journey: progress.journey, username: progress.username,
      title: progress.runningHold != nil
        ? texts["recover.hold.runningTitle"]
        : waits
          ? texts.format("recover.hold.title", ["duration": takes]) : texts["recover.hold.notEnoughTitle"],
      evidence: evidence(progress, texts), lines: lines,
      faster: texts.fasterWays(progress.forecast, period: period),
      options: progress.options.map { option($0, texts) }, ways: ways(progress, texts),
      asksCode: !progress.evidence.contains(.recoveryCode),
      waitLabel: waits ? texts.format("recover.hold.wait", ["duration": takes]) : nil,
      running: progress.runningHold.map { runningClaim($0, outcome, texts) },
      canSignIn: !progress.twoStep && progress.evidence.contains(.password),
      notice: visit.query["notice"] == "objected" ? texts["recover.hold.objected"] : nil)
  }

  private static func runningClaim(
    _ running: RunningHold, _ outcome: RecoveryPolicy.Outcome, _ texts: Texts
  ) -> RunningClaim {
    let isRunning = running.hold.state == .running
    return RunningClaim(
      claimNumber: running.claimNumber, path: "/holds/\(running.hold.id)",
      line: texts.format(
        isRunning ? "recover.hold.runningLine" : "recover.hold.pausedLine",
        [
          "claim": running.claimNumber, "started": texts.exactly(running.hold.startedAt),
          "end": texts.exactly(running.hold.endsAt),
        ]),
      canObject: isRunning && outcome != .notEnough)
  }

  /// What was accepted, in words.
  static func evidence(_ progress: RecoveryProgress, _ texts: Texts) -> [String] {
    let contacts = progress.evidence.filter { $0 == .email || $0 == .phone }
    return progress.evidence.map { kind in
      guard let address = progress.provedAddress, contacts == [kind] else {
        return texts["recover.evidence.\(kind.rawValue)"]
      }
      return texts.format("recover.evidence.from", ["address": address])
    }
  }
}
