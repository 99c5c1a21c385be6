import Crypto
import FoundationEssentials

/// Codes of an authenticator app: TOTP (RFC 6238) with HMAC-SHA-1, six digits and steps of 30 seconds, which every
/// app knows.
package enum TOTP {
  package static let digits = 6
  package static let step: Int64 = 30_000
  /// RFC 4226, section 4: 160 bits.
  package static let secretLength = 20
  /// Steps to either side that are accepted, for clocks that differ (RFC 6238, section 5.2).
  package static let tolerance: Int64 = 1

  /// The number of the step that a time lies in.
  package static func stepNumber(at time: Timestamp) -> Int64 { time.milliseconds / step }

  /// The code of one step (RFC 4226, section 5.3).
  package static func code(secret: Secret, step: Int64) -> String {
    let counter = withUnsafeBytes(of: UInt64(bitPattern: step).bigEndian) { Array($0) }
    let mac = secret.withBytes {
      Array(HMAC<Insecure.SHA1>.authenticationCode(for: counter, using: SymmetricKey(data: $0)))
    }
    let offset = Int(mac[19] & 0x0F)
    let number = mac[offset..<offset + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) } & 0x7FFF_FFFF
    let text = String(number % 1_000_000)
    return String(repeating: "0", count: digits - text.count) + text
  }

  /// The step whose code was typed, if it is within the tolerance.
  package static func matchingStep(_ code: String, secret: Secret, at now: Timestamp) -> Int64? {
    let current = stepNumber(at: now)
    var found: Int64?
    for step in (current - tolerance)...(current + tolerance)
    where constantTimeEqual(Array(self.code(secret: secret, step: step).utf8), Array(code.utf8)) {
      found = step
    }
    return found
  }

  /// What the QR code holds (the `otpauth` key URI format); base 32 of RFC 4648 without padding.
  package static func uri(secret: Secret, issuer: String, account: String) -> String {
    let issuer = issuer.percentEncoded()
    return
      "otpauth://totp/\(issuer):\(account.percentEncoded())?secret=\(spelled(secret))&issuer=\(issuer)"
      + "&algorithm=SHA1&digits=\(digits)&period=\(step / 1_000)"
  }

  /// The secret as it is typed into an app (RFC 4648, section 6; 160 bits need no padding).
  package static func spelled(_ secret: Secret) -> String {
    secret.withBytes { alphabet.encode($0) }
  }

  private static let alphabet = BitAlphabet("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
}

/// An authenticator app in the security info. It proves something once a code of it was entered.
package struct AuthenticatorApp: Sendable, Equatable {
  package let id: AuthenticatorAppID
  package let account: AccountID
  package let name: String
  /// Encrypted, bound to account and id (T13).
  package let sealedSecret: [UInt8]
  package let addedAt: Timestamp
  package let confirmedAt: Timestamp?
  package let lastUsedAt: Timestamp?

  package init(
    id: AuthenticatorAppID, account: AccountID, name: String, sealedSecret: [UInt8], addedAt: Timestamp,
    confirmedAt: Timestamp? = nil, lastUsedAt: Timestamp? = nil
  ) {
    self.id = id
    self.account = account
    self.name = name
    self.sealedSecret = sealedSecret
    self.addedAt = addedAt
    self.confirmedAt = confirmedAt
    self.lastUsedAt = lastUsedAt
  }

  package var isConfirmed: Bool { confirmedAt != nil }
}

package protocol AuthenticatorAppStore {
  func insert(_ app: AuthenticatorApp) throws
  /// Present ones, oldest first.
  func authenticatorApps(of account: AccountID) throws -> [AuthenticatorApp]
  /// Accepts a step once: false when this or a later one was accepted before (RFC 6238, section 5.2; T12).
  func useStep(_ step: Int64, of app: AuthenticatorAppID, at now: Timestamp) throws -> Bool
  func confirmApp(_ app: AuthenticatorAppID, at now: Timestamp) throws -> Bool
  func removeApp(_ app: AuthenticatorAppID, of account: AccountID, at now: Timestamp) throws -> Bool
}

/// An app whose secret no key opens: a fault.
package struct UnreadableAuthenticatorApp: Error, CustomStringConvertible {
  package let id: AuthenticatorAppID
  package var description: String {
    "the secret of authenticator app \(id) cannot be opened with the keys present"
  }
}

extension KeyRing {
  package func sealTOTP(_ secret: Secret, id: AuthenticatorAppID, account: AccountID) -> [UInt8] {
    secret.withBytes { seal(Array($0), for: .authenticatorApp, bound: "totp/\(account)/\(id)") }
  }

  package func secret(of app: AuthenticatorApp) throws -> Secret {
    guard let bytes = open(app.sealedSecret, for: .authenticatorApp, bound: "totp/\(app.account)/\(app.id)")
    else {
      throw UnreadableAuthenticatorApp(id: app.id)
    }
    return Secret(bytes)
  }
}

extension Ports {
  /// Accepts a code of one of these apps, its step once. - Returns: the app; nil when no code fits or its step was
  /// used.
  package func useTOTP(
    _ code: String, among apps: [AuthenticatorApp], in transaction: any Transaction
  ) throws -> AuthenticatorApp? {
    for app in apps {
      guard let step = TOTP.matchingStep(code, secret: try keys.secret(of: app), at: transaction.now) else {
        continue
      }
      if try transaction.useStep(step, of: app.id, at: transaction.now) { return app }
    }
    return nil
  }
}
