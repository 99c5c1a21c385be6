/// Why a browser's answer was not accepted. The description names the step that failed, for logs and for programs that
/// call the API; it holds nothing of what was sent. A page that asks a stranger says the same for all of them (S6).
package enum PasskeyProblem: Error, Hashable, Sendable {
  case malformed(Part)
  /// The answer to another kind of question: made when asked to use a passkey, or the other way round.
  case wrongType
  case wrongChallenge
  case wrongOrigin
  /// Asked for inside a page of another origin.
  case crossOrigin
  case wrongRelyingParty
  case userNotPresent
  case userNotVerified
  /// Says to be backed up and that it cannot be.
  case backupContradiction
  /// Whether it can be backed up changed since it was made.
  case backupEligibilityChanged
  /// A key of another algorithm than those asked for, or of an unusual form of one of them.
  case unsupportedKey
  case noCredential
  case wrongAttestation
  case wrongCredential
  /// The passkey belongs to another account than the one it was used for.
  case wrongUser
  /// The account was not named, and the answer does not name it either.
  case noUserHandle
  case wrongSignature
  /// The signature counter did not go up: there may be a copy of the passkey.
  case counterNotIncreased

  /// What could not be read.
  package enum Part: String, Sendable {
    case answer, clientData = "client data", attestation, authenticatorData = "authenticator data"
  }
}

extension PasskeyProblem: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformed(let part): "The passkey's \(part.rawValue) cannot be read."
    case .wrongType: "The passkey's answer is to another kind of question."
    case .wrongChallenge: "The passkey's answer is not to the question asked here. Ask again."
    case .wrongOrigin: "The passkey was used on another site."
    case .crossOrigin: "The passkey was used inside a page of another site."
    case .wrongRelyingParty: "The passkey is for another site."
    case .userNotPresent: "The authenticator did not see anyone touch it."
    case .userNotVerified: "The authenticator did not check who used it. Set up its PIN, fingerprint or face."
    case .backupContradiction: "The passkey says to be backed up and that it cannot be."
    case .backupEligibilityChanged: "The passkey no longer says the same about backups as when it was made."
    case .unsupportedKey: "The passkey's kind of key is not one of those asked for."
    case .noCredential: "The answer holds no passkey."
    case .wrongAttestation: "The authenticator's statement about itself is not genuine."
    case .wrongCredential: "Another passkey answered than the one meant."
    case .wrongUser: "The passkey belongs to another account."
    case .noUserHandle: "The passkey does not say which account it belongs to."
    case .wrongSignature: "The passkey's signature is wrong."
    case .counterNotIncreased:
      "The passkey's counter did not go up: there may be a copy of it. It was not accepted."
    }
  }
}
