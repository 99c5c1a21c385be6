// Sources: Sources/SparekeyCore/SecurityInfo/Passkeys/Reading

import Foundation

/// Feeds the readers of a browser's answer with raw bytes. The first byte says which; what must hold for whatever
/// they answer is checked in another way.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzPasskey(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  switch mode % 6 {
  case 0: checkCBOR(bytes)
  case 1: checkAttestation(bytes)
  case 2: checkAuthenticatorData(bytes)
  case 3: checkKey(bytes)
  case 4: checkClientData(bytes)
  default: checkAnswers(String(decoding: bytes, as: UTF8.self))
  }
  return 0
}

private func checkCBOR(_ bytes: [UInt8]) {
  guard let item = CBOR(bytes) else { return }
  precondition(Array(item.source) == bytes, "an item is not what it was read from")
  precondition(CBOR(bytes + [0]) == nil && CBOR(Array(bytes.dropLast())) == nil, "two lengths of one item")
  checkLevels(item, left: 4)
}

private func checkLevels(_ item: CBOR, left: Int) {
  precondition(left >= 0, "nested too deep")
  precondition(CBOR(Array(item.source))?.value == item.value, "an item alone reads differently")
  switch item.value {
  case .array(let items):
    precondition(items.count <= 32)
    for inner in items { checkLevels(inner, left: left - 1) }
  case .map(let members):
    precondition(members.count <= 32)
    for inner in members.values { checkLevels(inner, left: left - 1) }
  case .integer, .bytes, .text, .simple: break
  }
}

private func checkAttestation(_ bytes: [UInt8]) {
  guard let object = AttestationObject(bytes) else { return }
  precondition(CBOR(bytes)?.map?.count == 3)
  if case .packed(let statement, let algorithm, let isCertified) = object.statement {
    let members = CBOR(statement)?.map
    precondition(members?[.text("alg")]?.integer == algorithm)
    precondition((members?[.text("x5c")] != nil) == isCertified)
  }
  checkAuthenticatorData(object.authenticatorData)
}

private func checkAuthenticatorData(_ bytes: [UInt8]) {
  guard let data = AuthenticatorData(bytes) else { return }
  var written = data.relyingPartyHash + [data.flags.rawValue]
  written += (0..<4).reversed().map { UInt8(data.signatureCount >> ($0 * 8) & 255) }
  if let attested = data.attested {
    precondition((1...1_023).contains(attested.id.count) && attested.aaguid.count == 16)
    written += attested.aaguid + [UInt8(attested.id.count >> 8), UInt8(attested.id.count & 255)]
    written += attested.id + attested.publicKey
    checkKey(attested.publicKey)
  }
  precondition(bytes.starts(with: written), "written anew it is something else")
  let rest = Array(bytes.dropFirst(written.count))
  precondition(data.flags.contains(.extensions) ? CBOR(rest)?.map == data.extensions : rest.isEmpty)
}

private func checkKey(_ bytes: [UInt8]) {
  switch PasskeyPublicKey(cose: bytes) {
  case .edDSA(let x): precondition(x.count == 32)
  case .es256(let x, let y): precondition(x.count == 32 && y.count == 32)
  case .rs256(let modulus): precondition(modulus.count == 256 && modulus[0] >= 128)
  case nil: break
  }
}

/// Another reader of JSON has to read the same, and to find each name once.
private func checkClientData(_ bytes: [UInt8]) {
  guard let data = ClientData(bytes) else { return }
  guard let other = try? JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any]
  else { preconditionFailure("read as JSON that is none") }
  precondition(other["type"] as? String == data.type)
  precondition(other["challenge"] as? String == data.challenge)
  precondition(other["origin"] as? String == data.origin)
  precondition(data.isCrossOrigin == (other["crossOrigin"] as? Bool == true || other["topOrigin"] is String))
  // With a member twice, wherever the second stands, it is refused.
  let text = String(decoding: bytes, as: UTF8.self)
  if let first = text.firstIndex(of: "{"), let last = text.lastIndex(of: "}") {
    let start = text[...first] + #""origin":"","# + text[text.index(after: first)...]
    let end = text[..<last] + #","\u006frigin":"x"}"# + text[text.index(after: last)...]
    precondition(ClientData(Array(start.utf8)) == nil && ClientData(Array(end.utf8)) == nil, "a member twice")
  }
}

private func checkAnswers(_ json: String) {
  if let registration = try? PasskeyRegistration(json: json) {
    precondition(registration.transports.count <= 8)
    _ = ClientData(registration.clientDataJSON)
    checkAttestation(registration.attestationObject)
  }
  if let assertion = try? PasskeyAssertion(json: json) {
    precondition((1...1_023).contains(assertion.credentialID.count))
    precondition(assertion.userHandle.map { (1...64).contains($0.count) } ?? true)
    checkAuthenticatorData(assertion.authenticatorData)
  }
}

/// Stands in for the core's, whose file needs more than the readers do.
enum Base64URL {
  static func decode(_ text: String) -> [UInt8]? {
    let standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
    return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4))
      .map(Array.init)
  }
}
