import FoundationEssentials

/// Where a journey token is good: in the browser that holds this random value, or for API callers.
package struct JourneyBinding: Sendable, Equatable {
  fileprivate let text: String

  package static func browser(_ value: String) -> JourneyBinding { JourneyBinding(text: "browser/\(value)") }
  package static let api = JourneyBinding(text: "api")
}

/// A journey travels with the person, not in the database: sealed, expiring, padded to one length so that known and
/// unknown names look alike, and bound to the browser (or the API) it was made for.
package protocol Journey: Codable, Sendable {
  /// Separates one kind of journey from another in the seal.
  static var purpose: String { get }
  var expiresAt: Timestamp { get }
  /// What its JSON is padded to, in bytes: more than the longest, so that every token of the kind has one length.
  static var paddedLength: Int { get }
  /// More than the longest token.
  static var largestToken: Int { get }
}

extension Journey {
  package static var paddedLength: Int { 2_048 }
  package static var largestToken: Int { 4_096 }
}

extension Ports {
  package func seal<State: Journey>(_ state: State, for binding: JourneyBinding) throws -> String {
    var plain = try JSON.encode(state)
    plain += Array(repeating: UInt8(ascii: " "), count: max(0, State.paddedLength - plain.count))
    return Base64URL.encode(keys.seal(plain, for: .journey, bound: "\(State.purpose)/\(binding.text)"))
  }

  /// - Throws: `Refusal.expired` for a token that is too old, of another kind, of another browser or made up.
  package func open<State: Journey>(
    _ type: State.Type, _ token: String, for binding: JourneyBinding
  ) throws(Refusal) -> State {
    guard token.utf8.count <= State.largestToken, let sealed = Base64URL.decode(token),
      let plain = keys.open(sealed, for: .journey, bound: "\(State.purpose)/\(binding.text)"),
      let state = try? JSON.decode(State.self, from: plain), clock.now() < state.expiresAt
    else { throw .expired }
    return state
  }
}
