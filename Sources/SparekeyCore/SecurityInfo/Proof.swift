/// The ways to prove who one is, as the policy table knows them.
package enum ProofKind: String, Codable, Sendable, CaseIterable {
  case recoveryCode = "recovery-code"
  /// An issued code that was sent to a confirmed email.
  case email
  /// An issued code that was sent to a confirmed phone.
  case phone
  case password
  /// A code of an authenticator app (RFC 6238).
  case totp
  /// A passkey with user verification: what one has and what one is or knows, in one.
  case passkey
}

/// One particular thing that proves who someone is: this email, that passkey, the password.
package enum Proof: Codable, Sendable, Hashable {
  case recoveryCode(CodeID)
  case email(ContactID)
  case phone(ContactID)
  case password
  case totp(AuthenticatorAppID)
  case passkey(PasskeyID)

  package var kind: ProofKind {
    switch self {
    case .recoveryCode: .recoveryCode
    case .email: .email
    case .phone: .phone
    case .password: .password
    case .totp: .totp
    case .passkey: .passkey
    }
  }

  package static func contact(_ contact: Contact) -> Proof {
    switch contact.kind {
    case .email: .email(contact.id)
    case .phone: .phone(contact.id)
    }
  }
}

/// Kept as text: `password`, `email:ID`.
extension Proof {
  package var text: String {
    switch self {
    case .password: kind.rawValue
    case .recoveryCode(let id): "\(kind.rawValue):\(id)"
    case .email(let id), .phone(let id): "\(kind.rawValue):\(id)"
    case .totp(let id): "\(kind.rawValue):\(id)"
    case .passkey(let id): "\(kind.rawValue):\(id)"
    }
  }

  package init?(text: String) {
    let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
    guard let kind = parts.first.flatMap(ProofKind.init(rawValue:)) else { return nil }
    switch (kind, parts.dropFirst().first) {
    case (.password, nil): self = .password
    case (.recoveryCode, let id?): self = .recoveryCode(CodeID(text: id))
    case (.email, let id?): self = .email(ContactID(text: id))
    case (.phone, let id?): self = .phone(ContactID(text: id))
    case (.totp, let id?): self = .totp(AuthenticatorAppID(text: id))
    case (.passkey, let id?): self = .passkey(PasskeyID(text: id))
    default: return nil
    }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let proof = Proof(text: try container.decode(String.self)) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "no proof is written like this")
    }
    self = proof
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }
}

/// The proofs an account has at one moment, and how old each of them is. Every rule about seniority (H8), levels of
/// sign-in and what a change would leave behind is a query on it.
package struct ProofsOfAccount: Sendable, Equatable {
  package let account: Account
  /// Present ones, oldest first; unconfirmed ones are here and prove nothing.
  package let contacts: [Contact]
  package let apps: [AuthenticatorApp]
  package let passkeys: [Passkey]
  package let code: StoredCode?

  package init(
    account: Account, contacts: [Contact], apps: [AuthenticatorApp] = [], passkeys: [Passkey] = [],
    code: StoredCode? = nil
  ) {
    self.account = account
    self.contacts = contacts
    self.apps = apps
    self.passkeys = passkeys
    self.code = code
  }

  package var confirmedContacts: [Contact] { contacts.filter(\.isConfirmed) }
  package var confirmedApps: [AuthenticatorApp] { apps.filter(\.isConfirmed) }

  /// The security info (PRODUCT, Words): confirmed emails, phones, authenticator apps and passkeys.
  package var securityInfo: [Proof] { confirmedContacts.map(Proof.contact) + secondFactors }

  /// What answers for the second step of a sign-in. An email never does (S4, NIST N17).
  package var secondFactors: [Proof] { confirmedApps.map { .totp($0.id) } + passkeys.map { .passkey($0.id) } }

  /// Since when it proves something; nil when it is not this account's, or not confirmed.
  package func since(_ proof: Proof) -> Timestamp? {
    switch proof {
    case .password: account.passwordChangedAt
    case .recoveryCode(let id): code.flatMap { $0.id == id ? $0.createdAt : nil }
    case .email(let id), .phone(let id):
      confirmedContacts.first { $0.id == id && Proof.contact($0) == proof }?.provenSince
    case .totp(let id): apps.first { $0.id == id }?.confirmedAt
    case .passkey(let id): passkeys.first { $0.id == id }?.addedAt
    }
  }

  /// Whether a proof is senior at `now` (H8); false for what proves nothing. Ages are compared among what answers the
  /// same question: contacts, second factors, the password.
  package func isSenior(_ proof: Proof, at now: Timestamp) -> Bool {
    guard let since = since(proof) else { return false }
    return Seniority.isSenior(
      since: since, fromSignUp: isFromSignUp(proof, since: since), among: rivals(of: proof), at: now)
  }

  /// A proof that may stand for the account's owner now: senior, or without an older one that it could overrule.
  package func isTrusted(_ proof: Proof, at now: Timestamp) -> Bool {
    isSenior(proof, at: now)
      || (since(proof) != nil && !rivals(of: proof).contains { $0 + Seniority.period <= now })
  }

  /// The senior ones of this moment: what a hold takes a snapshot of. The recovery code is among them at any age:
  /// it is the older side's answer to a claim made with less.
  package func senior(at now: Timestamp) -> [Proof] {
    ([.password] + securityInfo).filter { isSenior($0, at: now) }
      + (code.map { [.recoveryCode($0.id)] } ?? [])
  }

  /// Whether these proofs, shown at one sign-in, are one at the account's own level: password or passkey; with two-step
  /// verification a passkey (it verifies its user), or the password and an authenticator app.
  package func reachesOwnLevel(_ shown: some Collection<Proof>) -> Bool {
    let kinds = Set(shown.filter { since($0) != nil }.map(\.kind))
    if kinds.contains(.passkey) { return true }
    return kinds.contains(.password) && (account.twoStepSince == nil || kinds.contains(.totp))
  }

  /// What of a sign-in may decide for the owner: the senior ones, and beside a senior second factor the password from
  /// before `moment`, at any age. (Someone who just changed it after an incident is still the owner; someone who only
  /// learned or changed the password has no senior second factor.)
  package func decisive(_ shown: [Proof], among seniors: [Proof], before moment: Timestamp) -> [Proof] {
    let senior = shown.filter(seniors.contains)
    let hasSecondFactor = senior.contains { $0.kind == .totp || $0.kind == .passkey }
    guard hasSecondFactor, !senior.contains(.password), shown.contains(.password),
      account.passwordChangedAt < moment
    else { return senior }
    return senior + [.password]
  }

  /// Whether a proof is older than something that happened. What came with the account is older than anything that
  /// happened to it: nobody can freeze an account so early that nothing thaws it.
  package func predates(_ proof: Proof, _ event: Timestamp) -> Bool {
    since(proof).map { $0 < event || isFromSignUp(proof, since: $0) } ?? false
  }

  private func rivals(of proof: Proof) -> [Timestamp] {
    switch proof.kind {
    case .email, .phone: confirmedContacts.map(\.provenSince)
    case .totp, .passkey: secondFactors.compactMap { since($0) }
    case .password, .recoveryCode: since(proof).map { [$0] } ?? []
    }
  }

  private func isFromSignUp(_ proof: Proof, since: Timestamp) -> Bool {
    if since < account.createdAt + Seniority.signUpDay { return true }
    switch proof {
    case .email(let id), .phone(let id): return contacts.first { $0.id == id }?.fromSignUp ?? false
    default: return false
    }
  }
}

extension Ports {
  /// Reads everything an account can prove itself with.
  package func proofs(of account: Account, in transaction: any Transaction) throws -> ProofsOfAccount {
    ProofsOfAccount(
      account: account, contacts: try contacts(of: account.id, in: transaction),
      apps: try transaction.authenticatorApps(of: account.id),
      passkeys: try transaction.passkeys(of: account.id), code: try transaction.liveCode(of: account.id))
  }
}
