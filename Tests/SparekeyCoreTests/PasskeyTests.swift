import Foundation
import SparekeyCore
import SparekeyServices
import Testing

/// Answers of several authenticators, each good or with exactly one fault and signed after the fault was put in
/// (Tests/System/passkey_vectors.py). The signatures are checked by libfido2, as in the service.
@Suite struct `Passkeys` {
  @Test(arguments: PasskeyVectors.shared.registrations)
  func `S4: a new passkey is accepted or refused for the one fault it has`(_ vector: PasskeyVectors.Case) {
    let outcome = PasskeyVectors.Outcome {
      () throws(PasskeyProblem) in
      let registration = try PasskeyRegistration(json: vector.answer)
      _ = try PasskeyVectors.shared.ceremony.register(
        registration, challenge: PasskeyVectors.shared.challenge)
    }
    #expect(outcome == vector.expected)
  }

  @Test(arguments: PasskeyVectors.shared.assertions)
  func `S4: the use of a passkey is accepted or refused for the one fault it has`(
    _ vector: PasskeyVectors.Case
  ) throws {
    let stored = try #require(vector.stored)
    let outcome = PasskeyVectors.Outcome {
      () throws(PasskeyProblem) in
      let assertion = try PasskeyAssertion(json: vector.answer)
      _ = try PasskeyVectors.shared.ceremony.use(
        assertion, of: stored, challenge: PasskeyVectors.shared.challenge,
        expectedUserHandle: PasskeyVectors.shared.userHandle, isDiscovered: vector.isDiscovered)
    }
    #expect(outcome == vector.expected)
  }

  @Test(arguments: PasskeyVectors.shared.ceremonies)
  func `S4: passkeys of Chromium and soft-webauthn are made and used, and each answer once only`(
    _ story: PasskeyVectors.Story
  ) throws {
    let vectors = PasskeyVectors.shared
    let ceremony = PasskeyCeremony(relyingParty: story.relyingParty, signatures: Fido2Signatures())
    let registration = try PasskeyRegistration(json: story.registration)
    var passkey = try ceremony.register(registration, challenge: vectors.challenge)
    #expect(passkey.transports == registration.transports)
    #expect(passkey.aaguid.count == 16)

    #expect(story.assertions.count == 2)
    for answer in story.assertions {
      let assertion = try PasskeyAssertion(json: answer)
      let use = try ceremony.use(
        assertion, of: passkey, challenge: vectors.challenge, expectedUserHandle: vectors.userHandle,
        isDiscovered: true)
      #expect(use.backedUp == passkey.backedUp)
      #expect(use.signatureCount > passkey.signatureCount)
      passkey.signatureCount = use.signatureCount
      #expect(throws: PasskeyProblem.counterNotIncreased) {
        try ceremony.use(
          assertion, of: passkey, challenge: vectors.challenge, expectedUserHandle: vectors.userHandle)
      }
    }
  }

  @Test func `every problem has an answer that meets it, and none of its sentences is another's`() {
    let expected = Set(
      (PasskeyVectors.shared.registrations + PasskeyVectors.shared.assertions).map(\.expected))
    let met = PasskeyVectors.problems.filter { expected.contains(.refused($0.value)) }
    #expect(Set(met.keys) == Set(PasskeyVectors.problems.keys))
    #expect(Set(PasskeyVectors.problems.values.map(\.description)).count == PasskeyVectors.problems.count)
  }

  @Test func `ASVS 6.7.2: a challenge that is too short to be ours opens nothing`() throws {
    let vectors = PasskeyVectors.shared
    let vector = try #require(vectors.assertions.first { $0.name == "empty challenge" })
    let (assertion, stored) = (try PasskeyAssertion(json: vector.answer), try #require(vector.stored))
    #expect(throws: PasskeyProblem.wrongChallenge) {
      try vectors.ceremony.use(assertion, of: stored, challenge: [], expectedUserHandle: vectors.userHandle)
    }
    #expect(PasskeyCeremony.newChallenge(.any).count == 32)
    #expect(PasskeyCeremony.newChallenge(.any) != PasskeyCeremony.newChallenge(.any))
  }

  @Test func `what is stored survives being stored, and says what the authenticator said`() throws {
    let vectors = PasskeyVectors.shared
    func registered(_ name: String) throws -> PasskeyCredential {
      let vector = try #require(vectors.registrations.first { $0.name == name })
      return try vectors.ceremony.register(
        PasskeyRegistration(json: vector.answer), challenge: vectors.challenge)
    }
    let passkey = try registered("RS256, packed, own signature")
    #expect(passkey.algorithm == .rs256)
    #expect(passkey.signatureCount == 7)
    #expect(passkey.aaguid == Array(0..<16))
    #expect(passkey.transports == ["internal", "hybrid"])
    #expect(!passkey.backupEligible && !passkey.backedUp)
    #expect(try JSON.decode(PasskeyCredential.self, from: JSON.encode(passkey)) == passkey)

    let eligible = try registered("may be backed up")
    #expect(eligible.backupEligible && !eligible.backedUp)
    let backedUp = try registered("is backed up")
    #expect(backedUp.backupEligible && backedUp.backedUp)
    #expect(try registered("id of 1023 bytes").id.count == 1_023)
    #expect(try registered("without crossOrigin and transports").transports == [])
  }

  @Test func `what a use changes is handed back`() throws {
    let vectors = PasskeyVectors.shared
    func used(_ name: String) throws -> PasskeyUse {
      let vector = try #require(vectors.assertions.first { $0.name == name })
      return try vectors.ceremony.use(
        PasskeyAssertion(json: vector.answer), of: try #require(vector.stored), challenge: vectors.challenge,
        expectedUserHandle: vectors.userHandle)
    }
    #expect(try used("counter from 5 to 500") == PasskeyUse(signatureCount: 500, backedUp: false))
    #expect(try used("backed up now") == PasskeyUse(signatureCount: 0, backedUp: true))
    #expect(try used("no longer backed up") == PasskeyUse(signatureCount: 0, backedUp: false))
  }

  @Test func `the questions are those written a second time in Python`() throws {
    let vectors = PasskeyVectors.shared
    let known = PasskeyDescriptor(id: Array("known-1".utf8), transports: ["internal", "hybrid"])
    let creation = try PasskeyCreationOptions(
      relyingParty: vectors.ceremony.relyingParty, challenge: vectors.challenge,
      userHandle: vectors.userHandle,
      username: "kim", displayName: "Kim Ø <kim@example.org>", existing: [known]
    ).json()
    #expect(try PasskeyVectors.canonical(creation) == vectors.creationOptions)
    let request = try PasskeyRequestOptions(
      relyingParty: vectors.ceremony.relyingParty, challenge: vectors.challenge, allowed: [known]
    ).json()
    #expect(try PasskeyVectors.canonical(request) == vectors.requestOptions)
    #expect(
      try PasskeyRequestOptions(relyingParty: vectors.ceremony.relyingParty, challenge: vectors.challenge)
        .json().contains(#""allowCredentials":[]"#))
  }
}

@Suite struct `Passkey answers` {
  private let id = Base64URL.encode(Array(1...16))

  private func registration(
    id: String? = nil, rawID: String? = nil, type: String = "public-key",
    response: String = #""clientDataJSON":"e30","attestationObject":"oA""#, more: String = ""
  ) -> String {
    #"{"id":"\#(id ?? self.id)","rawId":"\#(rawID ?? self.id)","type":"\#(type)","response":{\#(response)}\#(more)}"#
  }

  private func assertion(_ response: String) -> String {
    registration(
      response: #""clientDataJSON":"e30","authenticatorData":"oA","signature":"MA"\#(response)"#)
  }

  @Test func `answers are read as they are`() throws {
    let made = try PasskeyRegistration(
      json: registration(
        response: #""clientDataJSON":"e30","attestationObject":"oA","transports":["usb","smart-card"],"x":1"#,
        more: #","clientExtensionResults":{"credProps":{"rk":true}},"authenticatorAttachment":null"#))
    #expect(
      made
        == PasskeyRegistration(
          clientDataJSON: Array("{}".utf8), attestationObject: [0xA0], transports: ["usb", "smart-card"]))
    let used = try PasskeyAssertion(json: assertion(#","userHandle":"AQI""#))
    #expect(
      used
        == PasskeyAssertion(
          credentialID: Array(1...16), clientDataJSON: Array("{}".utf8), authenticatorData: [0xA0],
          signature: [0x30], userHandle: [1, 2]))
    for none in ["", #","userHandle":null"#, #","userHandle":"""#] {
      #expect(try PasskeyAssertion(json: assertion(none)).userHandle == nil)
    }
  }

  @Test func `Q5: what cannot be an answer is malformed`() {
    let long = Base64URL.encode(Array(repeating: 1, count: 1_024))
    let nineTransports = Array(repeating: #""usb""#, count: 9).joined(separator: ",")
    let wrong = [
      "", "null", "[]", "{}", "{", "\u{FEFF}" + registration() + "x",
      registration(type: "password"), registration(id: "AAAA"), registration(rawID: "AAAA"),
      registration(id: "", rawID: ""), registration(id: "A", rawID: "A"), registration(id: "é", rawID: "é"),
      registration(id: long, rawID: long),
      registration(response: #""clientDataJSON":"e30""#),
      registration(response: #""clientDataJSON":"e30","attestationObject":1"#),
      registration(response: #""clientDataJSON":"e3 0","attestationObject":"oA""#),
      registration(response: #""clientDataJSON":"e30","attestationObject":"oA","transports":"usb""#),
      registration(response: #""clientDataJSON":"e30","attestationObject":"oA","transports":["USB"]"#),
      registration(response: #""clientDataJSON":"e30","attestationObject":"oA","transports":[""]"#),
      registration(
        response: #""clientDataJSON":"e30","attestationObject":"oA","transports":[\#(nineTransports)]"#),
      registration(more: #","type":"public-key""#), registration(more: #","x":{"a":1,"a":2}"#),
      registration(response: #""clientDataJSON":"e30","attestationObject":"oA","attestationObject":"oA""#),
    ]
    for json in wrong {
      #expect(throws: PasskeyProblem.malformed(.answer), "\(json)") { try PasskeyRegistration(json: json) }
    }
    let longHandle = Base64URL.encode(Array(repeating: 1, count: 65))
    for json in [
      "", registration(), registration(type: "password"), assertion(#","userHandle":1"#),
      assertion(#","userHandle":"\#(longHandle)""#), assertion(#","userHandle":"é""#),
      assertion(#","signature":"MA""#),
      registration(response: #""clientDataJSON":"e30","authenticatorData":"oA""#),
    ] {
      #expect(throws: PasskeyProblem.malformed(.answer), "\(json)") { try PasskeyAssertion(json: json) }
    }
  }

  @Test func `T9: an answer of 64 KiB is read, one byte more is not`() throws {
    let filler = registration(more: #","x":"""#)
    func padded(to count: Int) -> String {
      registration(more: #","x":"\#(String(repeating: "x", count: count - filler.utf8.count))""#)
    }
    #expect(padded(to: 65_536).utf8.count == 65_536)
    _ = try PasskeyRegistration(json: padded(to: 65_536))
    #expect(throws: PasskeyProblem.malformed(.answer)) { try PasskeyRegistration(json: padded(to: 65_537)) }
  }

  @Test func `T9: what the ceremony is handed directly is bounded too`() throws {
    let vectors = PasskeyVectors.shared
    let vector = try #require(vectors.registrations.first { $0.name == "ES256, none" })
    let good = try PasskeyRegistration(json: vector.answer)
    func registered(clientData: [UInt8]) throws(PasskeyProblem) -> PasskeyCredential {
      let registration = PasskeyRegistration(
        clientDataJSON: clientData, attestationObject: good.attestationObject)
      return try vectors.ceremony.register(registration, challenge: vectors.challenge)
    }
    let spaces = Array(repeating: UInt8(ascii: " "), count: 65_536 - good.clientDataJSON.count)
    _ = try registered(clientData: good.clientDataJSON + spaces)
    #expect(throws: PasskeyProblem.malformed(.clientData)) {
      try registered(clientData: good.clientDataJSON + spaces + [UInt8(ascii: " ")])
    }
  }
}

/// Tests/SparekeyCoreTests/passkey-vectors.json.
struct PasskeyVectors {
  static let shared: PasskeyVectors = {
    do { return try PasskeyVectors() } catch { fatalError("passkey-vectors.json: \(error)") }
  }()

  enum Outcome: Hashable {
    case accepted
    case refused(PasskeyProblem)

    init(_ body: () throws(PasskeyProblem) -> Void) {
      do {
        try body()
        self = .accepted
      } catch {
        self = .refused(error)
      }
    }
  }

  /// One answer and what has to come of it. `answer` is the browser's JSON.
  struct Case: Sendable, CustomTestStringConvertible {
    let name: String
    let expected: Outcome
    let answer: String
    let stored: PasskeyCredential?
    let isDiscovered: Bool

    var testDescription: String { name }
  }

  struct Story: Sendable, CustomTestStringConvertible {
    let name: String
    let relyingParty: RelyingParty
    let registration: String
    let assertions: [String]

    var testDescription: String { name }
  }

  /// As they are named in the file.
  static let problems: [String: PasskeyProblem] = [
    "malformed client data": .malformed(.clientData), "malformed attestation": .malformed(.attestation),
    "malformed authenticator data": .malformed(.authenticatorData), "wrongType": .wrongType,
    "wrongChallenge": .wrongChallenge, "wrongOrigin": .wrongOrigin, "crossOrigin": .crossOrigin,
    "wrongRelyingParty": .wrongRelyingParty, "userNotPresent": .userNotPresent,
    "userNotVerified": .userNotVerified, "backupContradiction": .backupContradiction,
    "backupEligibilityChanged": .backupEligibilityChanged, "unsupportedKey": .unsupportedKey,
    "noCredential": .noCredential, "wrongAttestation": .wrongAttestation, "wrongCredential": .wrongCredential,
    "wrongUser": .wrongUser, "noUserHandle": .noUserHandle, "wrongSignature": .wrongSignature,
    "counterNotIncreased": .counterNotIncreased,
  ]

  struct Unreadable: Error { let name: String }

  let ceremony: PasskeyCeremony
  let challenge: [UInt8]
  let userHandle: [UInt8]
  let creationOptions: String
  let requestOptions: String
  let registrations: [Case]
  let assertions: [Case]
  let ceremonies: [Story]

  private init() throws {
    guard let file = Bundle.module.url(forResource: "passkey-vectors", withExtension: "json")
    else { throw Unreadable(name: "file") }
    let root = Member(value: try JSONSerialization.jsonObject(with: Data(contentsOf: file)))
    ceremony = PasskeyCeremony(
      relyingParty: try root["relyingParty"].relyingParty, signatures: Fido2Signatures())
    challenge = try root["challenge"].bytes
    userHandle = try root["userHandle"].bytes
    creationOptions = try root["creationOptions"].json
    requestOptions = try root["requestOptions"].json
    registrations = try root["registrations"].list.map { try $0.vector(stored: nil) }
    assertions = try root["assertions"].list.map { try $0.vector(stored: $0["credential"].credential) }
    ceremonies = try root["ceremonies"].list.map {
      Story(
        name: try $0["name"].text, relyingParty: try $0["relyingParty"].relyingParty,
        registration: try $0["registration"].json, assertions: try $0["assertions"].list.map { try $0.json })
    }
  }

  /// The same value as another text, so that two texts of one value are equal.
  static func canonical(_ json: String) throws -> String {
    try Member(value: JSONSerialization.jsonObject(with: Data(json.utf8))).json
  }

  private struct Member {
    let value: Any?

    subscript(name: String) -> Member { Member(value: (value as? [String: Any])?[name]) }

    private func read<Value>(_ type: Value.Type) throws -> Value {
      guard let read = value as? Value else { throw Unreadable(name: "\(type)") }
      return read
    }

    var text: String { get throws { try read(String.self) } }
    var list: [Member] { get throws { try read([Any].self).map(Member.init) } }
    var bytes: [UInt8] {
      get throws {
        guard let bytes = Base64URL.decode(try text) else { throw Unreadable(name: "base 64") }
        return bytes
      }
    }
    var json: String {
      get throws {
        let data = try JSONSerialization.data(
          withJSONObject: read([String: Any].self), options: [.sortedKeys, .withoutEscapingSlashes])
        return String(decoding: data, as: UTF8.self)
      }
    }
    var relyingParty: RelyingParty {
      get throws {
        RelyingParty(id: try self["id"].text, origin: try self["origin"].text, name: try self["name"].text)
      }
    }
    var credential: PasskeyCredential {
      get throws {
        guard let algorithm = PasskeyAlgorithm(rawValue: try self["algorithm"].read(Int.self))
        else { throw Unreadable(name: "algorithm") }
        return PasskeyCredential(
          id: try self["id"].bytes, publicKey: try self["publicKey"].bytes, algorithm: algorithm,
          signatureCount: UInt32(try self["signatureCount"].read(Int.self)),
          backupEligible: try self["backupEligible"].read(Bool.self), backedUp: false, transports: [],
          aaguid: Array(repeating: 0, count: 16))
      }
    }

    func vector(stored: PasskeyCredential?) throws -> Case {
      let expected = try self["expect"].text
      let problem = PasskeyVectors.problems[expected]
      guard problem != nil || expected == "accepted" else { throw Unreadable(name: expected) }
      return Case(
        name: try self["name"].text, expected: problem.map { .refused($0) } ?? .accepted,
        answer: try self["answer"].json, stored: stored, isDiscovered: self["isDiscovered"].value != nil)
    }
  }
}
