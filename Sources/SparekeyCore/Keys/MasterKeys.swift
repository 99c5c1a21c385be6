import Crypto

/// What the key file holds: the master keys in their order, and the enduring keys once the master they came from has
/// retired.
package struct MasterKeys: Sendable {
  package struct Master: Sendable {
    package let id: UInt8
    package let secret: Secret
    /// When it became the current one; nil for the first.
    package let since: Timestamp?
    /// It opens, and does not seal yet: for the time until every node has it.
    package let isWaiting: Bool

    package init(id: UInt8, secret: Secret, since: Timestamp? = nil, isWaiting: Bool = false) {
      self.id = id
      self.secret = secret
      self.since = since
      self.isWaiting = isWaiting
    }
  }

  package private(set) var masters: [Master]
  package private(set) var kept: [KeyPurpose: Secret]

  /// Nil without a master that seals, with two of one number, or with kept keys that are not whole.
  package init?(_ masters: [Master], kept: [KeyPurpose: Secret] = [:]) {
    guard masters.contains(where: { !$0.isWaiting }), Set(masters.map(\.id)).count == masters.count,
      kept.isEmpty || kept[.later] != nil, kept.keys.allSatisfy(\.endures)
    else { return nil }
    self.masters = masters
    self.kept = kept
  }

  /// The one that seals: the last that is not waiting.
  package var current: Master { masters.last { !$0.isWaiting } ?? masters[0] }

  package var waiting: Master? { masters.last(where: \.isWaiting) }

  /// Those that no longer seal, in their order.
  package var old: [Master] {
    masters.prefix { $0.id != current.id }.filter { !$0.isWaiting }
  }

  /// The one that sealed after it.
  package func successor(of id: UInt8) -> Master? {
    masters.drop { $0.id != id }.dropFirst().first { !$0.isWaiting }
  }

  /// With one more, which opens only. Nil when one waits already, or after the 255th.
  package func adding(_ secret: Secret) -> MasterKeys? {
    guard waiting == nil, let highest = masters.map(\.id).max(), highest < .max else { return nil }
    var keys = self
    keys.masters.append(Master(id: highest + 1, secret: secret, isWaiting: true))
    return keys
  }

  /// With the waiting one as the current one.
  package func makingCurrent(at now: Timestamp) -> MasterKeys {
    guard let waiting else { return self }
    var keys = self
    keys.masters.removeAll { $0.id == waiting.id }
    keys.masters.append(Master(id: waiting.id, secret: waiting.secret, since: now))
    return keys
  }

  /// Without an old one. The first to go leaves the enduring keys behind, so that nothing depends on its secret.
  package func retiring(_ id: UInt8) -> MasterKeys {
    var keys = self
    if kept.isEmpty, oldest.id == id {
      keys.kept = enduring.mapValues { key in key.withUnsafeBytes { Secret(Array($0)) } }
    }
    keys.masters.removeAll { $0.id == id }
    return keys
  }

  // MARK: derived keys (HKDF-SHA256, RFC 5869)

  private var oldest: Master { masters.min { $0.id < $1.id } ?? masters[0] }

  /// The key that sessions of before there was rotation are digested with; nil once it has retired.
  var first: Master? { kept.isEmpty ? oldest : nil }

  /// The keys of the purposes that endure: of the oldest master, or what it left behind.
  var enduring: [KeyPurpose: SymmetricKey] {
    let source = kept[.later] ?? oldest.secret
    return Self.keys(of: source, for: KeyPurpose.allCases.filter(\.endures)).merging(
      kept.mapValues { $0.withBytes { SymmetricKey(data: $0) } }, uniquingKeysWith: { $1 })
  }

  static func keys(of secret: Secret, for purposes: [KeyPurpose]) -> [KeyPurpose: SymmetricKey] {
    let master = secret.withBytes { SymmetricKey(data: $0) }
    return Dictionary(
      uniqueKeysWithValues: purposes.map { purpose in
        (
          purpose,
          HKDF<SHA256>.deriveKey(
            inputKeyMaterial: master, info: Array("sparekey/\(purpose.rawValue)/1".utf8), outputByteCount: 32)
        )
      })
  }
}
