import Hummingbird

/// Steps that look at a name are answered when 25 milliseconds are over, or 50, or 75: how much there was to look at does
/// not show in the time (S6). Counted from when all was read that was sent, so that whoever sends slowly cannot choose
/// where the step falls. On slow machines one code's hash takes most of the first 25.
extension Site {
  private static var unit: Duration { .milliseconds(25) }

  func evenly(_ handler: @escaping PageHandler) -> @Sendable (Request, WebContext) async throws -> Response {
    page { visit in try await Self.even { try await handler(visit) } }
  }

  func evenly(_ handler: @escaping APIHandler) -> @Sendable (Request, WebContext) async throws -> Response {
    api { call in try await Self.even { try await handler(call) } }
  }

  private static func even<Answer>(_ answer: () async throws -> Answer) async throws -> Answer {
    let begun = ContinuousClock.now
    do {
      let answer = try await answer()
      await wait(since: begun)
      return answer
    } catch {
      await wait(since: begun)
      throw error
    }
  }

  private static func wait(since begun: ContinuousClock.Instant) async {
    let units = Int((ContinuousClock.now - begun) / unit) + 1
    // Whoever hung up does not wait.
    try? await Task.sleep(until: begun + unit * units, tolerance: .zero)
  }
}
