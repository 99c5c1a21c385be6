import Testing

@testable import SparekeyWeb

@Suite struct `The gate of those who are turned away` {
  @Test func `T9: everybody is let go, those who came together at once, again and again`() async {
    let gate = Gate()
    for _ in 0..<3 {
      let begun = ContinuousClock.now
      await withTaskGroup { group in
        for _ in 0..<200 { group.addTask { await gate.wait() } }
      }
      #expect(ContinuousClock.now - begun >= .milliseconds(25))
    }
  }
}
