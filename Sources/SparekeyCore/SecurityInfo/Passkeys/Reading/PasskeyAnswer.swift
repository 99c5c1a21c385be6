import FoundationEssentials

/// What the two answers of a browser have in common.
enum PasskeyAnswer {
  /// In bytes, for the answer and so for every part of it.
  static let largest = 65_536
  static let longestUserHandle = 64

  /// Reads JSON of one meaning only: UTF-8, bounded, no name twice in one object, also where nobody looks.
  static func decode<Content: Decodable>(_ type: Content.Type, from bytes: [UInt8]) -> Content? {
    let data = Data(bytes)
    // A zero byte would make the decoder take the text for UTF-16. It looks at nothing but what is asked for; the
    // second reader looks at the rest.
    guard bytes.count <= largest, !bytes.contains(0), String(validating: bytes, as: UTF8.self) != nil,
      let content = try? JSONDecoder().decode(type, from: data),
      (try? JSONDecoder().decode(Anything.self, from: data)) != nil, !mayRepeatMember(bytes)
    else { return nil }
    return content
  }

  /// Takes what is common off an answer.
  static func read<Response: Decodable>(
    _ type: Response.Type, from json: String
  ) throws(PasskeyProblem) -> (credentialID: [UInt8], response: Response) {
    guard let envelope = decode(Envelope<Response>.self, from: Array(json.utf8)),
      envelope.type == "public-key",
      envelope.id == envelope.rawId, let id = Base64URL.decode(envelope.rawId),
      (1...AuthenticatorData.longestCredentialID).contains(id.count)
    else { throw .malformed(.answer) }
    return (id, envelope.response)
  }

  private struct Envelope<Response: Decodable>: Decodable {
    let id: String
    let rawId: String
    let type: String
    let response: Response
  }

  /// Whether a name occurs twice in one object, or is written with an escape, so that it might; no browser does that.
  /// - Parameter json: valid JSON.
  private static func mayRepeatMember(_ json: [UInt8]) -> Bool {
    /// The names seen in each open object; nil for an open array.
    var open: [Set<ArraySlice<UInt8>>?] = []
    var nameIsDue = false
    var index = 0
    while index < json.count {
      switch json[index] {
      case UInt8(ascii: "{"):
        open.append([])
        nameIsDue = true
      case UInt8(ascii: "["): open.append(nil)
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        _ = open.popLast()
        nameIsDue = false
      case UInt8(ascii: ","): nameIsDue = open.last.map { $0 != nil } ?? false
      case UInt8(ascii: "\""):
        let start = index
        index += 1
        while index < json.count, json[index] != UInt8(ascii: "\"") {
          index += json[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard nameIsDue, index < json.count else { break }
        nameIsDue = false
        let name = json[start...index]
        guard !name.contains(UInt8(ascii: "\\")), open[open.count - 1]?.insert(name).inserted == true
        else { return true }
      default: break
      }
      index += 1
    }
    return false
  }
}

/// Any value of JSON: reads the whole of it.
private struct Anything: Decodable {
  private struct Name: CodingKey {
    let stringValue: String
    let intValue: Int? = nil
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    if var list = try? decoder.unkeyedContainer() {
      while !list.isAtEnd { _ = try list.decode(Anything.self) }
    } else if let members = try? decoder.container(keyedBy: Name.self) {
      for name in members.allKeys { _ = try members.decode(Anything.self, forKey: name) }
    } else {
      let value = try decoder.singleValueContainer()
      if value.decodeNil() || (try? value.decode(Bool.self)) != nil || (try? value.decode(String.self)) != nil
      {
        return
      }
      _ = try value.decode(Double.self)
    }
  }
}

/// The answer to `navigator.credentials.create()`.
package struct PasskeyRegistration: Sendable, Equatable {
  package let clientDataJSON: [UInt8]
  package let attestationObject: [UInt8]
  package let transports: [String]

  package init(clientDataJSON: [UInt8], attestationObject: [UInt8], transports: [String] = []) {
    self.clientDataJSON = clientDataJSON
    self.attestationObject = attestationObject
    self.transports = transports
  }

  /// - Parameter json: a `RegistrationResponseJSON` (WebAuthn Level 3, section 5.1.8) of at most 64 KiB.
  /// - Throws: `malformed(.answer)`.
  package init(json: String) throws(PasskeyProblem) {
    let (_, response) = try PasskeyAnswer.read(Response.self, from: json)
    guard let clientData = Base64URL.decode(response.clientDataJSON),
      let attestation = Base64URL.decode(response.attestationObject)
    else { throw .malformed(.answer) }
    let transports = response.transports ?? []
    guard transports.count <= 8, transports.allSatisfy(Self.isTransport) else { throw .malformed(.answer) }
    self.init(clientDataJSON: clientData, attestationObject: attestation, transports: transports)
  }

  /// Known or not: the browser that said it will understand it.
  private static func isTransport(_ text: String) -> Bool {
    (1...32).contains(text.utf8.count)
      && text.utf8.allSatisfy { UInt8(ascii: "a")...UInt8(ascii: "z") ~= $0 || $0 == UInt8(ascii: "-") }
  }

  private struct Response: Decodable {
    let clientDataJSON: String
    let attestationObject: String
    let transports: [String]?
  }
}

/// The answer to `navigator.credentials.get()`.
package struct PasskeyAssertion: Sendable, Equatable {
  package let credentialID: [UInt8]
  package let clientDataJSON: [UInt8]
  package let authenticatorData: [UInt8]
  package let signature: [UInt8]
  /// Which account the passkey says it belongs to; not to be believed before the signature is checked.
  package let userHandle: [UInt8]?

  package init(
    credentialID: [UInt8], clientDataJSON: [UInt8], authenticatorData: [UInt8], signature: [UInt8],
    userHandle: [UInt8]?
  ) {
    self.credentialID = credentialID
    self.clientDataJSON = clientDataJSON
    self.authenticatorData = authenticatorData
    self.signature = signature
    self.userHandle = userHandle
  }

  /// - Parameter json: an `AuthenticationResponseJSON` (WebAuthn Level 3, section 5.1.8) of at most 64 KiB.
  /// - Throws: `malformed(.answer)`.
  package init(json: String) throws(PasskeyProblem) {
    let (id, response) = try PasskeyAnswer.read(Response.self, from: json)
    guard let clientData = Base64URL.decode(response.clientDataJSON),
      let authenticatorData = Base64URL.decode(response.authenticatorData),
      let signature = Base64URL.decode(response.signature)
    else { throw .malformed(.answer) }
    var userHandle: [UInt8]?
    // Some browsers write an empty one where there is none.
    if let text = response.userHandle, !text.isEmpty {
      guard let bytes = Base64URL.decode(text), bytes.count <= PasskeyAnswer.longestUserHandle
      else { throw .malformed(.answer) }
      userHandle = bytes
    }
    self.init(
      credentialID: id, clientDataJSON: clientData, authenticatorData: authenticatorData,
      signature: signature,
      userHandle: userHandle)
  }

  private struct Response: Decodable {
    let clientDataJSON: String
    let authenticatorData: String
    let signature: String
    let userHandle: String?
  }
}
