/// A random 128-bit name of something, written as 26 characters of Crockford base 32. `Kind` keeps an account's
/// id from being used where a session's is meant.
package struct Identifier<Kind>: Hashable, Sendable, Codable, CustomStringConvertible {
  package let text: String

  package init(text: String) { self.text = text }

  package init(_ randomness: Randomness) { text = Base32.encode(randomness.bytes(16)) }

  package init(from decoder: any Decoder) throws {
    text = try decoder.singleValueContainer().decode(String.self)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(text)
  }

  package var description: String { text }
}

package enum AccountKind {}
package enum VersionKind {}
package enum ContactKind {}
package enum CodeKind {}
package enum SessionKind {}
package enum JourneyKind {}
package enum AuthenticatorAppKind {}
package enum PasskeyKind {}
package enum HoldKind {}
package enum ClientKind {}
package enum AppSessionKind {}
package enum AuthorizationKind {}
package enum SigningKeyKind {}
package enum CaseKind {}
package enum HoldRequestKind {}
package enum AuditKind {}

package typealias AccountID = Identifier<AccountKind>
package typealias VersionID = Identifier<VersionKind>
package typealias ContactID = Identifier<ContactKind>
package typealias CodeID = Identifier<CodeKind>
package typealias SessionID = Identifier<SessionKind>
package typealias JourneyID = Identifier<JourneyKind>
package typealias AuthenticatorAppID = Identifier<AuthenticatorAppKind>
package typealias PasskeyID = Identifier<PasskeyKind>
package typealias HoldID = Identifier<HoldKind>
package typealias ClientID = Identifier<ClientKind>
package typealias AppSessionID = Identifier<AppSessionKind>
package typealias AuthorizationID = Identifier<AuthorizationKind>
package typealias SigningKeyID = Identifier<SigningKeyKind>
package typealias CaseID = Identifier<CaseKind>
package typealias HoldRequestID = Identifier<HoldRequestKind>
package typealias AuditID = Identifier<AuditKind>
