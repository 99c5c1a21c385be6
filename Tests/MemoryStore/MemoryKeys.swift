import SparekeyCore

extension MemoryTransaction {
  func sealedValues(in column: SealedColumn, after place: SealedValue.Place, limit: Int) throws
    -> [SealedValue]
  {
    Array(
      all(column).sorted { ($0.place.id, $0.place.number) < ($1.place.id, $1.place.number) }
        .drop { ($0.place.id, $0.place.number) <= (place.id, place.number) }.prefix(limit))
  }

  private func all(_ column: SealedColumn) -> [SealedValue] {
    func value(_ id: String, number: Int = 0, owner: String = "", _ bytes: [UInt8]) -> SealedValue {
      SealedValue(
        place: SealedValue.Place(id: id, number: Int64(number)), owner: owner, bytes: bytes)
    }
    return switch column {
    case .password: state.accounts.values.map { value($0.account.id.text, $0.account.password.bytes) }
    case .recoveryCode:
      state.codes.values.map { value($0.id.text, owner: $0.account.text, $0.hash.bytes) }
    case .contact:
      state.contacts.values.map {
        value($0.contact.id.text, owner: $0.contact.account.text, $0.contact.sealedAddress)
      }
    case .authenticatorApp:
      state.apps.values.map { value($0.app.id.text, owner: $0.app.account.text, $0.app.sealedSecret) }
    case .history:
      state.statesBefore.flatMap { account, states in
        states.map { value(account.text, number: $0.key, $0.value) }
      }
    case .outbox: state.outbox.compactMap { row in row.value.body.map { value(row.key, $0) } }
    case .caseContent: state.cases.values.map { value($0.id.text, $0.sealedContent) }
    case .caseMessage:
      state.caseMessages.flatMap { id, messages in
        messages.enumerated().map { value(id.text, number: $0.offset + 1, $0.element.sealedText) }
      }
    case .signingKey: state.appTables.keys.map { value($0.id.text, $0.sealed) }
    case .holdRequest: state.holdRequests.values.map { value($0.id.text, $0.sealedReason) }
    }
  }

  func reseal(_ value: SealedValue, in column: SealedColumn, as bytes: [UInt8]) throws -> Bool {
    guard !column.isImmutable, all(column).contains(value) else { return false }
    let id = value.place.id
    switch column {
    case .password:
      state.accounts[AccountID(text: id)]?.account.reseal(SealedHash(sealed: bytes))
    case .recoveryCode: state.codes[CodeID(text: id)]?.reseal(SealedHash(sealed: bytes))
    case .contact: state.contacts[ContactID(text: id)]?.contact.reseal(bytes)
    case .authenticatorApp: state.apps[AuthenticatorAppID(text: id)]?.app.reseal(bytes)
    case .history: state.statesBefore[AccountID(text: id)]?[Int(value.place.number)] = bytes
    case .outbox: state.outbox[id]?.body = bytes
    case .caseContent: state.cases[CaseID(text: id)]?.reseal(bytes)
    case .caseMessage: state.caseMessages[CaseID(text: id)]?[Int(value.place.number) - 1].reseal(bytes)
    case .signingKey:
      state.appTables.keys = state.appTables.keys.map { $0.id.text == id ? $0.resealed(bytes) : $0 }
    case .holdRequest: return false
    }
    return true
  }

  func tokenDigests(after session: SessionID, limit: Int) throws -> [(session: SessionID, digest: [UInt8])] {
    Array(
      state.sessions.map { (session: $0.key, digest: $0.value.tokenDigest) }
        .filter { session.text < $0.session.text }.sorted { $0.session.text < $1.session.text }
        .prefix(limit))
  }

  func redigest(_ session: SessionID, from old: [UInt8], to new: [UInt8]) throws -> Bool {
    guard state.sessions[session]?.tokenDigest == old else { return false }
    state.sessions[session]?.tokenDigest = new
    return true
  }

  func holdsWithParked() throws -> [HoldID] {
    state.holds.values.map(\.hold).filter { $0.endedAt == nil || $0.state == .completed && !$0.ticketUsed }
      .map(\.id).sorted { $0.text < $1.text }
  }
}

extension Account {
  fileprivate mutating func reseal(_ password: SealedHash) {
    self = Account(
      id: id, username: username, createdAt: createdAt, version: version, password: password,
      passwordChangedAt: passwordChangedAt, twoStepSince: twoStepSince,
      passwordNeedsTwoStep: passwordNeedsTwoStep, frozen: frozen, holdDueAt: holdDueAt, closesAt: closesAt,
      codeSalt: codeSalt)
  }
}

extension StoredCode {
  fileprivate mutating func reseal(_ hash: SealedHash) {
    self = StoredCode(
      id: id, account: account, serial: serial, hash: hash, createdAt: createdAt, ending: ending,
      endedAt: endedAt, checkedAt: checkedAt)
  }
}

extension StoredContact {
  fileprivate mutating func reseal(_ address: [UInt8]) {
    self = StoredContact(
      id: id, account: account, kind: kind, sealedAddress: address, addedAt: addedAt,
      confirmedAt: confirmedAt, fromSignUp: fromSignUp)
  }
}

extension AuthenticatorApp {
  fileprivate mutating func reseal(_ secret: [UInt8]) {
    self = AuthenticatorApp(
      id: id, account: account, name: name, sealedSecret: secret, addedAt: addedAt, confirmedAt: confirmedAt,
      lastUsedAt: lastUsedAt)
  }
}

extension SupportCase {
  fileprivate mutating func reseal(_ content: [UInt8]) {
    self = SupportCase(
      id: id, number: number, category: category, openedAt: openedAt, source: source, sealedContent: content,
      emailDigest: emailDigest, ticketDigest: ticketDigest, state: state, changedAt: changedAt,
      assignee: assignee)
  }
}

extension CaseMessage {
  fileprivate mutating func reseal(_ text: [UInt8]) {
    self = CaseMessage(at: at, author: author, sealedText: text)
  }
}

extension StoredSigningKey {
  fileprivate func resealed(_ sealed: [UInt8]) -> StoredSigningKey {
    StoredSigningKey(
      id: id, algorithm: algorithm, number: number, sealed: sealed, createdAt: createdAt, usedFrom: usedFrom)
  }
}
