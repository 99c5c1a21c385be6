/// A way to be verified, as a claimant may see it: masked, with an id that says nothing (S2).
package struct VerificationOption: Sendable, Equatable {
  /// Stable per name and contact.
  package let id: String
  package let kind: ProofKind
  package let masked: String
  /// What a code sent there proves; nil for a decoy.
  package let proof: Proof?
}

extension Ports {
  /// The options shown for a name: the account's confirmed contacts that the policy would accept, or, for a name
  /// nobody has and for an account that has none, decoys that are the same at every visit (S6).
  package func verificationOptions(
    name: String, facts: AccountFacts?, at now: Timestamp
  ) -> [VerificationOption] {
    guard let facts else { return decoys(for: name) }
    let options = facts.proofs.confirmedContacts
      .filter { contact in
        facts.strength(of: .contact(contact), at: now).map {
          RecoveryPolicy.decide(twoStep: facts.account.twoStep, strict: false, evidence: [$0]).outcome
            != .notEnough
        } ?? false
      }
      .map {
        let proof = Proof.contact($0)
        return VerificationOption(
          id: optionID(name: name, contact: $0.id.text), kind: proof.kind, masked: $0.masked, proof: proof)
      }
    return options.isEmpty ? decoys(for: name) : options
  }

  private func optionID(name: String, contact: String) -> String {
    Base32.encode(keys.digest("\(name)\u{0}\(contact)", for: .decoy).prefix(10))
  }

  /// Derived by key from the name, by a distribution that never changes for an installation: mostly one email, whose
  /// first letters often follow the name's, at the providers and under the endings people use. Never none: accounts
  /// are always offered one.
  private func decoys(for name: String) -> [VerificationOption] {
    let bytes = keys.digest(name, for: .decoy).map(Int.init)
    let hasPhone = bytes[13] < 60
    let count = bytes[0] < 20 && hasPhone ? 0 : bytes[0] < 232 ? 1 : 2
    let emails = (0..<count).map { index in
      let draw = Array(bytes[(1 + index * 6)...].prefix(6))
      let own = name.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(2)
      let drawn = [Self.letters[draw[1] % Self.letters.count], Self.letters[draw[2] % Self.letters.count]]
      let start = draw[0] < 150 && own.count == 2 && index == 0 ? String(own) : String(drawn)
      let provider = Self.providers[draw[3] % Self.providers.count]
      let ending = Self.endings[draw[4] % Self.endings.count]
      return VerificationOption(
        id: optionID(name: name, contact: "decoy \(index)"), kind: .email,
        masked: "\(draw[5] < 8 ? String(start.prefix(1)) : start)•••@\(provider)•••.\(ending)", proof: nil)
    }
    let phone =
      hasPhone
      ? [
        VerificationOption(
          id: optionID(name: name, contact: "decoy phone"), kind: .phone,
          masked: NewContact(
            kind: .phone,
            address: "+\(Self.countries[bytes[14] % Self.countries.count])1500000\(10 + bytes[15] % 90)"
          ).masked, proof: nil)
      ] : []
    return emails + phone
  }

  private static let countries = [1, 1, 1, 44, 44, 49, 33, 31, 39, 34, 41, 43, 46, 48, 61, 91, 81, 55]
  private static let letters = Array("aaaabbbcccddddeeeffggghhiijjjjkkklllmmmmmnnnoppprrrssssttuvvwxyz1279")
  private static let providers = Array("ggggggggggooohhhyyiiiwmmmpptteeaabcdfjklnqrsuvxz1")
  private static let endings =
    Array(repeating: "com", count: 24)
    + [
      "org", "org", "org", "net", "net", "net", "de", "de", "fr", "uk", "uk", "nl", "me", "io", "eu", "ch",
      "it", "es", "edu",
    ]
}
