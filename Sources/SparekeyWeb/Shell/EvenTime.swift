import Hummingbird

/// Steps that look at a name are answered when 25 milliseconds are over: how much there was to look at does not show in
/// the time (S6). Counted from when all was read that was sent, so that whoever sends slowly cannot use them up. What takes
/// longer is answered when it is done: at a second limit a difference of microseconds could become one of milliseconds.
extension Site {
  private static var least: Duration { .milliseconds(25) }

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
    // In a task of its own: whoever hangs up does not hear of it sooner.
    await Task.detached { try? await Task.sleep(until: begun + least, tolerance: .zero) }.value
  }
}
