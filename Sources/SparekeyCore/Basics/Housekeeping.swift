extension Ports {
  /// Forgets what no rule asks for any more, so that the database does not grow with every try.
  package func forgetWhatIsOver() async throws {
    try await database.write { transaction in
      let now = transaction.now
      try transaction.forgetThrottles(before: now - ThrottleRules.longestMemory)
      try transaction.forgetSpent(before: now - .days(2))
      try transaction.forgetAnswers(
        before: now - RepeatableCall.remembered, secretsBefore: now - RepeatableCall.secretRemembered)
      try transaction.forgetDelivered(before: now - .days(7))
      try transaction.forgetSessions(seenBefore: now - SessionRules.idle)
      try transaction.forgetAuthorizations(before: now - .days(1))
      try transaction.closeCases(untouchedSince: now - SupportCase.closesAfter, at: now)
      try transaction.forgetCases(closedBefore: now - SupportCase.forgottenAfter)
    }
    try await Closing(self).eraseDue()
  }
}
