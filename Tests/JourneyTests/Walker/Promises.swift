import RecoveryCode
import SparekeyCore

/// The promises about one account, said once more in other words than the core's: what a story may come to is asked
/// here, never there.
struct Promises {
  let account: Account
  let contacts: [Contact]
  let apps: [AuthenticatorApp]
  let passkeys: [Passkey]
  let code: StoredCode?
  let hold: Hold?
  let sessions: [Session]
  let now: Timestamp

  static let month = Duration.days(30)

  enum Group { case contact, factor, password, code }

  private struct Age {
    let since: Timestamp
    let group: Group
    let fromSignUp: Bool
  }

  private func age(_ proof: Proof) -> Age? {
    let firstDay = account.createdAt + .days(1)
    switch proof {
    case .password:
      return Age(
        since: account.passwordChangedAt, group: .password, fromSignUp: account.passwordChangedAt < firstDay)
    case .recoveryCode(let id):
      return code.flatMap {
        $0.id == id
          ? Age(since: $0.createdAt, group: .code, fromSignUp: $0.createdAt < firstDay) : nil
      }
    case .email(let id), .phone(let id):
      return contacts.first { $0.id == id }.flatMap { contact in
        contact.confirmedAt.map {
          Age(since: $0, group: .contact, fromSignUp: contact.fromSignUp || $0 < firstDay)
        }
      }
    case .totp(let id):
      return apps.first { $0.id == id }?.confirmedAt.map {
        Age(since: $0, group: .factor, fromSignUp: $0 < firstDay)
      }
    case .passkey(let id):
      return passkeys.first { $0.id == id }.map {
        Age(since: $0.addedAt, group: .factor, fromSignUp: $0.addedAt < firstDay)
      }
    }
  }

  /// Every proof there is.
  var all: [Proof] {
    [.password] + contacts.filter(\.isConfirmed).map(Proof.contact)
      + apps.filter(\.isConfirmed).map { .totp($0.id) } + passkeys.map { .passkey($0.id) }
  }

  var factors: Set<Proof> { Set(all.filter { [.totp, .passkey].contains($0.kind) }) }

  func has(_ proof: Proof) -> Bool { age(proof) != nil }

  private func isOld(_ age: Age) -> Bool { now - age.since >= Self.month }

  private func isGroupOld(_ group: Group) -> Bool {
    all.compactMap(age).contains { $0.group == group && isOld($0) }
  }

  func isSenior(_ proof: Proof) -> Bool {
    guard let age = age(proof) else { return false }
    return isOld(age) || age.fromSignUp && !isGroupOld(age.group)
  }

  /// A full sign-in (S5): a passkey; or the password, and with two-step verification an app.
  func isFullSignIn(_ shown: [Proof]) -> Bool {
    let kinds = Set(shown.filter(has).map(\.kind))
    return kinds.contains(.passkey)
      || kinds.contains(.password) && (account.twoStepSince == nil || kinds.contains(.totp))
  }

  /// S7: a full sign-in by proofs none of which has an older rival.
  func mayChange(_ shown: [Proof]) -> Bool {
    isFullSignIn(
      shown.filter { proof in
        age(proof).map { isSenior(proof) || !isGroupOld($0.group) } ?? false
      })
  }

  /// Was it there before that happened (D2, H10)?
  func isOlder(_ proof: Proof, than event: Timestamp) -> Bool {
    age(proof).map { $0.since < event || $0.fromSignUp } ?? false
  }

  /// DESIGN section 6, from the top: what this evidence opens, and when.
  func outcome(of shown: [Proof]) -> RecoveryPolicy.Outcome {
    let present = shown.filter(has)
    let code = present.contains { $0.kind == .recoveryCode }
    func any(_ kinds: ProofKind...) -> Bool { present.contains { kinds.contains($0.kind) } }
    func senior(_ kinds: ProofKind...) -> Bool {
      present.contains { kinds.contains($0.kind) && isSenior($0) }
    }
    guard let twoStepSince = account.twoStepSince else {
      if code || senior(.email, .phone, .passkey) { return .now }
      return any(.email, .phone, .passkey, .totp) ? .held(.full) : .notEnough
    }
    if isFormerCode(in: present, twoStepSince) { return .now }
    if code, senior(.password, .totp, .passkey, .email, .phone) { return .now }
    if senior(.passkey) || senior(.totp) && senior(.email, .phone) { return .now }
    if senior(.password) && senior(.email, .phone) || senior(.email) && senior(.phone) {
      return .held(.short)
    }
    if code || senior(.email, .phone, .totp) || any(.password) { return .held(.full) }
    return .notEnough
  }

  /// H13: a code from before two-step verification, which was turned on less than 30 days ago.
  func isFormerCode(in shown: [Proof], _ twoStepSince: Timestamp?) -> Bool {
    guard let twoStepSince, let code, shown.contains(.recoveryCode(code.id)) else { return false }
    return code.createdAt < twoStepSince && now < twoStepSince + Self.month
  }

  /// What every change of the security leaves behind: two of these that differ mean that something changed.
  struct Security: Equatable {
    let proofs: Set<Proof>
    let password: SealedHash
    let twoStepSince: Timestamp?
    let code: CodeID?
  }

  var security: Security {
    Security(
      proofs: Set(all), password: account.password, twoStepSince: account.twoStepSince, code: code?.id)
  }
}
