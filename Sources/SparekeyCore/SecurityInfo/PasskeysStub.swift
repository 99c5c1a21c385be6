package struct RelyingParty: Sendable, Equatable {
  package let id: String
  package let origin: String
  package let name: String
  package init(id: String, origin: String, name: String) {
    self.id = id; self.origin = origin; self.name = name
  }
}
package struct PasskeyRegistration: Sendable {
  package init(json: String) throws(PasskeyProblem) { throw .malformed }
}
package struct PasskeyAssertion: Sendable {
  package let credentialID: [UInt8]
  package init(json: String) throws(PasskeyProblem) { throw .malformed }
}
package struct PasskeyCredential: Codable, Sendable, Equatable {
  package let id: [UInt8]
  package let signatureCount: UInt32
  package func after(_ use: PasskeyUse) -> PasskeyCredential { self }
}
package struct PasskeyUse: Sendable {}
package enum PasskeyProblem: Error, Equatable, Sendable { case malformed, unknownCredential, credentialInUse }
package struct PasskeyCeremony: Sendable {
  package let relyingParty: RelyingParty
  package init(relyingParty: RelyingParty) { self.relyingParty = relyingParty }
  package func register(_ r: PasskeyRegistration, challenge: [UInt8]) throws(PasskeyProblem)
    -> PasskeyCredential
  { throw .malformed }
  package func use(
    _ a: PasskeyAssertion, of: PasskeyCredential, challenge: [UInt8], expectedUserHandle: [UInt8]
  ) throws(PasskeyProblem) -> PasskeyUse { throw .malformed }
  package func requestOptions(challenge: [UInt8], allowed: [PasskeyCredential]) -> String { "{}" }
  package func creationOptions(
    challenge: [UInt8], userHandle: [UInt8], username: String, existing: [PasskeyCredential]
  ) -> String { "{}" }
}
