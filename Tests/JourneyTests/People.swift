import Crypto
import RecoveryCode
import SparekeyCore
import Testing

@testable import sparekey

/// An authenticator app on someone's phone.
struct TestApp: Sendable, Equatable {
  let id: AuthenticatorAppID
  let secret: Secret

  func code(at now: Timestamp) -> String { TOTP.code(secret: secret, step: TOTP.stepNumber(at: now)) }

  static func == (left: TestApp, right: TestApp) -> Bool { left.id == right.id }
}

/// A passkey on someone's device: Ed25519, with user verification, without a counter.
struct TestPasskey: Sendable {
  let credentialID: [UInt8]
  private let key = Curve25519.Signing.PrivateKey()
  var id: PasskeyID?

  init(_ randomness: Randomness) { credentialID = randomness.bytes(16) }

  private static let partyHash = Array(SHA256.hash(data: Array("localhost".utf8)))

  private func clientData(_ type: String, _ challenge: [UInt8]) -> [UInt8] {
    Array(
      """
      {"type":"\(type)","challenge":"\(Base64URL.encode(challenge))","origin":"http://localhost:8080","crossOrigin":false}
      """.utf8)
  }

  func registration(_ request: PasskeyRequest) -> PasskeyRegistration {
    // {1: 1, 3: -8, -1: 6, -2: key}, the COSE key of Ed25519.
    let cose: [UInt8] =
      [0xA4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20] + key.publicKey.rawRepresentation
    let data =
      Self.partyHash + [0x45, 0, 0, 0, 0] + Array(repeating: 0, count: 16)
      + [0, UInt8(credentialID.count)] + credentialID + cose
    // {"fmt": "none", "attStmt": {}, "authData": data}
    let object: [UInt8] =
      [0xA3, 0x63] + Array("fmt".utf8) + [0x64] + Array("none".utf8) + [0x67] + Array("attStmt".utf8) + [0xA0]
      + [0x68] + Array("authData".utf8) + [0x58, UInt8(data.count)] + data
    return PasskeyRegistration(
      clientDataJSON: clientData("webauthn.create", request.challenge), attestationObject: object)
  }

  func assertion(_ request: PasskeyRequest, of account: AccountID) throws -> PasskeyAssertion {
    let clientData = clientData("webauthn.get", request.challenge)
    let data = Self.partyHash + [0x05, 0, 0, 0, 0]
    return PasskeyAssertion(
      credentialID: credentialID, clientDataJSON: clientData, authenticatorData: data,
      signature: Array(try key.signature(for: data + SHA256.hash(data: clientData))),
      userHandle: account.userHandle)
  }
}

extension World {
  /// Signs in at the account's own level.
  func signIn(_ name: String = "maria", _ password: String = password, app: TestApp) async throws
    -> StartedSession
  {
    let progress = try await site.signIn.enterPassword(
      password,
      journey: site.signIn.start(username: name, binding: .api, source: Source(address: "192.0.2.1")),
      binding: .api, source: source)
    guard case .secondFactor(let step) = progress else { throw Refusal.outOfStep }
    // Each step of the app counts once.
    pass(.seconds(30))
    return try await site.signIn.enterTOTP(
      app.code(at: now), journey: step.journey, binding: .api, source: source)
  }

  func steppedUp(_ started: StartedSession) async throws -> SteppedUp {
    try await signedIn(started).steppedUp(at: now)
  }

  func addApp(_ started: StartedSession, name: String = "") async throws -> TestApp {
    let steppedUp = try await steppedUp(started)
    let new = try await site.securityInfo.addApp(named: name, by: steppedUp, source: source)
    let app = TestApp(id: new.id, secret: new.secret)
    try await site.securityInfo.confirmApp(new.id, code: app.code(at: now), by: steppedUp, source: source)
    return app
  }

  func addPasskey(_ started: StartedSession) async throws -> TestPasskey {
    let steppedUp = try await steppedUp(started)
    let prompt = try await site.securityInfo.passkeyPrompt(by: steppedUp, binding: .api)
    var passkey = TestPasskey(ports.randomness)
    passkey.id = try await site.securityInfo.addPasskey(
      passkey.registration(ports.open(PasskeyRequest.self, prompt.request, for: .api)),
      request: prompt.request, named: "", by: steppedUp, binding: .api, source: source)
    return passkey
  }

  @discardableResult
  func addContact(_ address: String, _ started: StartedSession) async throws -> Proof {
    let new = try NewContact(typed: address)
    let id = try await site.securityInfo.addContact(new, by: steppedUp(started), source: source)
    let code = try #require(try await mail().last { $0.address == new.address && $0.code != nil }?.code)
    try await site.securityInfo.confirmContact(id, code: code, by: signedIn(started), source: source)
    return new.kind == .email ? .email(id) : .phone(id)
  }

  func twoStepOn(_ started: StartedSession) async throws {
    try await site.securityInfo.setTwoStep(true, by: steppedUp(started), source: source)
  }

  /// Someone with two-step verification, an app, an email and a code made after it, all of them older than 30 days.
  func protected(_ name: String = "maria") async throws -> Protected {
    let started = try await person(name, email: "\(name)@example.org")
    let app = try await addApp(started)
    try await twoStepOn(started)
    pass(.minutes(1))
    let code = try await makeCode(started)
    pass(.days(60))
    _ = try await mail()
    return Protected(name: name, app: app, code: code.code, email: "\(name)@example.org")
  }

  struct Protected: Sendable {
    let name: String
    let app: TestApp
    let code: RecoveryCode
    let email: String
  }

  func account(_ name: String = "maria") async throws -> Account {
    try #require(try await ports.database.read { try $0.account(canonicalName: name) })
  }

  func proofs(_ name: String = "maria") async throws -> ProofsOfAccount {
    try await ports.database.read { [ports] in
      try ports.proofs(of: try #require(try $0.account(canonicalName: name)), in: $0)
    }
  }

  /// The last hold of this account, open or not.
  func hold(_ id: HoldID) async throws -> Hold {
    try #require(try await ports.database.read { try $0.hold(id) })
  }

  /// Lets the workers run: mail first, then holds, then what they said.
  func work() async throws {
    _ = try await mail()
    _ = try await site.holds.workOffDue()
    _ = try await mail()
  }

  /// The link that a notice brought to this address.
  func stopToken(to address: String) -> String? {
    allMail.compactMap { notice in
      if case .hold(_, let facts) = notice.kind, notice.address == address { facts.stopToken } else { nil }
    }.last
  }

  /// What became known of a hold at this address.
  func news(to address: String) -> [Notice.HoldNews] {
    allMail.compactMap { notice in
      if case .hold(let news, _) = notice.kind, notice.address == address { news } else { nil }
    }
  }
}

/// A recovery under way, told step by step.
struct Claim: Sendable {
  let world: World
  private(set) var progress: RecoveryProgress
  var source = Source(address: "203.0.113.7", agent: "Chrome · Android")

  init(_ world: World, _ name: String = "maria") async throws {
    self.world = world
    progress = try await world.site.recovery.start(username: name, withCode: true, binding: .api)
  }

  var decision: RecoveryPolicy.Decision? { progress.decision }

  mutating func show(code: RecoveryCode) async throws {
    progress = try await world.site.recovery.enterRecoveryCode(
      progress.journey, code: code.formatted, binding: .api, source: source)
  }

  mutating func show(password: String) async throws {
    progress = try await world.site.recovery.enterPassword(
      progress.journey, password: password, binding: .api, source: source)
  }

  mutating func show(app: TestApp) async throws {
    world.pass(.seconds(30))
    progress = try await world.site.recovery.enterTOTP(
      progress.journey, code: app.code(at: world.now), binding: .api, source: source)
  }

  mutating func show(mailTo address: String) async throws {
    let masked = try NewContact(typed: address).masked
    let option = try #require(progress.options.first { $0.masked == masked })
    let sent = try await world.site.recovery.sendIssuedCode(
      progress.journey, to: option.id, binding: .api, source: source)
    let code = try #require(try await world.mail().last { $0.address == address && $0.code != nil }?.code)
    progress = try await world.site.recovery.enterIssuedCode(
      sent.journey, code: code, binding: .api, source: source)
  }

  mutating func show(passkey: TestPasskey) async throws {
    let prompt = try await world.site.recovery.passkeyPrompt(progress.journey, binding: .api)
    let request = try world.ports.open(PasskeyRequest.self, prompt.request, for: .api)
    let account = try await world.account(progress.username)
    progress = try await world.site.recovery.enterPasskey(
      progress.journey, assertion: try passkey.assertion(request, of: account.id), request: prompt.request,
      binding: .api, source: source)
  }

  mutating func acceptWait() async throws {
    progress = try await world.site.recovery.acceptWait(progress.journey, binding: .api)
  }

  /// Chooses a password, waiting if that is what it takes.
  mutating func end(password: String? = Claim.newPassword, contact: String? = nil, ticket: String? = nil)
    async throws -> RecoveryEnd
  {
    if progress.step == .weighing { try await acceptWait() }
    return try await world.site.recovery.finish(
      progress.journey, wanted: Recovery.Wanted(password: password, contact: contact, ticket: ticket),
      binding: .api, source: source)
  }

  static let newPassword = "a brand new green bicycle"

  /// The end as a hold.
  mutating func hold(password: String? = Claim.newPassword, contact: String? = nil, ticket: String? = nil)
    async throws -> HeldRecovery
  {
    guard case .held(let held) = try await end(password: password, contact: contact, ticket: ticket) else {
      throw Refusal.outOfStep
    }
    return held
  }
}

extension World {
  /// A claim with the code alone: 30 days on a two-step account.
  func claim(code: RecoveryCode, _ name: String = "maria", contact: String? = nil) async throws
    -> HeldRecovery
  {
    var claim = try await Claim(self, name)
    try await claim.show(code: code)
    return try await claim.hold(contact: contact)
  }
}
