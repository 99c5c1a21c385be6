import SparekeyCore

extension MemoryTransaction {
  // MARK: answers to creating calls

  func keep(_ answer: KeptAnswer, unlessSince time: Timestamp) throws -> Bool {
    if let old = state.keptAnswers[answer.id], time <= old.at { return false }
    state.keptAnswers[answer.id] = answer
    return true
  }

  func keptAnswer(_ id: [UInt8]) throws -> KeptAnswer? { state.keptAnswers[id] }

  func forgetAnswers(before time: Timestamp, secretsBefore secretTime: Timestamp) throws {
    state.keptAnswers = state.keptAnswers.filter { time <= $0.value.at }.mapValues { answer in
      guard answer.isSecret, answer.at < secretTime else { return answer }
      return KeptAnswer(
        id: answer.id, request: answer.request, sealed: nil, isSecret: true, at: answer.at)
    }
  }

  // MARK: operators' tokens

  func insert(_ token: OperatorToken, digest: [UInt8]) throws -> Bool {
    guard !state.operatorTokens.values.contains(where: { $0.name == token.name }) else { return false }
    state.operatorTokens[digest] = token
    return true
  }

  func operatorToken(digest: [UInt8]) throws -> OperatorToken? { state.operatorTokens[digest] }

  func operatorTokens() throws -> [OperatorToken] {
    state.operatorTokens.values.sorted { $0.name < $1.name }
  }

  func setLastUse(ofOperatorToken name: String, to time: Timestamp) throws {
    for (digest, token) in state.operatorTokens where token.name == name {
      state.operatorTokens[digest]?.lastUsedAt = time
    }
  }

  func deleteOperatorToken(_ name: String) throws -> Bool {
    guard let found = state.operatorTokens.first(where: { $0.value.name == name }) else { return false }
    state.operatorTokens[found.key] = nil
    return true
  }
}
