import Crypto
import Synchronization

/// The service's keys: master keys from the key file, everything else derived or sealed (ChaCha20-Poly1305, RFC 8439)
/// by them. Several masters may be present; the current one seals, all open. It can be replaced while it is used, when
/// the key file changes.
package final class KeyRing: Sendable {
  package typealias Master = MasterKeys.Master

  /// Why another key file's content is not taken.
  package enum Misfit: Error, Equatable, CustomStringConvertible {
    case otherInstallation
    case withoutCurrent(UInt8)

    package var description: String {
      switch self {
      case .otherInstallation: "it belongs to another installation"
      case .withoutCurrent(let id): "key \(id), which seals at present, is not in it"
      }
    }
  }

  /// Derived once: deriving a key takes longer than using it, and so does beginning a digest.
  private struct State: Sendable {
    let masters: MasterKeys
    let keys: [UInt8: [KeyPurpose: SymmetricKey]]
    let digests: [KeyPurpose: HMAC<SHA256>]
    let sessionDigests: [UInt8: HMAC<SHA256>]
    /// The place of each master in the file.
    let places: [UInt8: Int]
    let generation: Int

    init(_ masters: MasterKeys, generation: Int = 0) {
      self.masters = masters
      self.generation = generation
      let purposes = KeyPurpose.allCases.filter { !$0.endures }
      keys = Dictionary(
        uniqueKeysWithValues: masters.masters.map { ($0.id, MasterKeys.keys(of: $0.secret, for: purposes)) })
      digests = masters.enduring.mapValues { HMAC(key: $0) }
      sessionDigests = keys.compactMapValues { $0[.sessionDigest].map { HMAC(key: $0) } }
      places = Dictionary(uniqueKeysWithValues: masters.masters.enumerated().map { ($1.id, $0) })
    }

    /// Whether what this master made is to be made again with the current one.
    func isOutdated(_ id: UInt8) -> Bool {
      guard let place = places[id], let current = places[masters.current.id] else { return false }
      return place < current
    }
  }

  private let state: Mutex<State>
  private let look = Mutex<(@Sendable () -> Void)?>(nil)
  private let randomness: Randomness

  package init(_ masters: MasterKeys, randomness: Randomness) {
    state = Mutex(State(masters))
    self.randomness = randomness
  }

  /// The last master is the current one.
  package convenience init?(masters: [Master], randomness: Randomness) {
    guard let masters = MasterKeys(masters) else { return nil }
    self.init(masters, randomness: randomness)
  }

  private var now: State { state.withLock { $0 } }

  package var masters: MasterKeys { now.masters }

  // MARK: changing

  /// - Throws: `Misfit`; then nothing has changed.
  package func replace(with masters: MasterKeys) throws(Misfit) {
    let old = now
    let new = State(masters, generation: old.generation + 1)
    guard Self.fingerprint(new) == Self.fingerprint(old) else { throw .otherInstallation }
    // The same key, not the same number only: two nodes may each have made a second one.
    let current = old.masters.current
    guard let same = masters.masters.first(where: { $0.id == current.id }),
      same.secret.matches(current.secret)
    else {
      throw .withoutCurrent(current.id)
    }
    state.withLock { $0 = new }
  }

  /// Goes up with each replacement.
  package var generation: Int { now.generation }

  /// What to do to see at once whether the key file changed.
  package func onMissing(_ look: @escaping @Sendable () -> Void) { self.look.withLock { $0 = look } }

  /// Looks whether there are other keys by now. - Returns: whether there are others than at that generation.
  package func refresh(since generation: Int) -> Bool {
    look.withLock { $0 }?()
    return self.generation != generation
  }

  // MARK: seals

  /// Seals bytes. Shape: key id (1 byte), nonce (12), ciphertext, tag (16).
  package func seal(_ plain: some Collection<UInt8>, for purpose: KeyPurpose, bound context: String)
    -> [UInt8]
  {
    let state = now
    let id = state.masters.current.id
    guard let key = state.keys[id]?[purpose],
      let nonce = try? ChaChaPoly.Nonce(data: randomness.bytes(12)),
      let box = try? ChaChaPoly.seal(
        Array(plain), using: key, nonce: nonce, authenticating: Array(context.utf8))
    else { preconditionFailure("the current master key is always present and the nonce is always 12 bytes") }
    return [id] + box.combined
  }

  /// Opens what `seal` made for the same purpose and context; nil for anything else.
  package func open(_ sealed: some Collection<UInt8>, for purpose: KeyPurpose, bound context: String)
    -> [UInt8]?
  {
    guard let id = sealed.first, let key = key(id, for: purpose),
      let box = try? ChaChaPoly.SealedBox(combined: Array(sealed.dropFirst())),
      let plain = try? ChaChaPoly.open(box, using: key, authenticating: Array(context.utf8))
    else { return nil }
    return Array(plain)
  }

  private func key(_ id: UInt8, for purpose: KeyPurpose) -> SymmetricKey? {
    let state = now
    if let keys = state.keys[id] { return keys[purpose] }
    return refresh(since: state.generation) ? now.keys[id]?[purpose] : nil
  }

  /// The same under the current master; nil when it needs no change, or does not open.
  package func resealed(_ sealed: [UInt8], for purpose: KeyPurpose, bound context: String) -> [UInt8]? {
    guard let id = sealed.first, now.isOutdated(id) else { return nil }
    return open(sealed, for: purpose, bound: context).map { seal($0, for: purpose, bound: context) }
  }

  /// As long as a sealed value, tried with the current key, opened by none: for work that must cost the same (S6).
  package func unopenable(length: Int) -> [UInt8] {
    [now.masters.current.id] + Array(repeating: 0, count: max(0, length - 1))
  }

  // MARK: digests

  /// A keyed digest (HMAC-SHA256, 32 bytes) under a key that endures, so that digests in the database stay comparable
  /// while keys rotate.
  package func digest(_ bytes: some Collection<UInt8>, for purpose: KeyPurpose) -> [UInt8] {
    Self.digest(bytes, for: purpose, now)
  }

  package func digest(_ text: String, for purpose: KeyPurpose) -> [UInt8] {
    digest(Array(text.utf8), for: purpose)
  }

  private static func digest(_ bytes: some Collection<UInt8>, for purpose: KeyPurpose, _ state: State)
    -> [UInt8]
  {
    guard let begun = state.digests[purpose] else {
      preconditionFailure("what is digested for \(purpose) is compared later, so its key has to endure")
    }
    return digest(Array(bytes), begun)
  }

  private static func digest(_ bytes: [UInt8], _ begun: HMAC<SHA256>) -> [UInt8] {
    var digest = begun
    digest.update(data: bytes)
    return Array(digest.finalize())
  }

  /// Tells key files apart without telling anything about them; the same while keys rotate.
  package var fingerprint: [UInt8] { Self.fingerprint(now) }

  private static func fingerprint(_ state: State) -> [UInt8] { digest([], for: .fingerprint, state) }

  /// What is kept of a session's token: under the current master, its id in front (1 + 32 bytes).
  package func digest(sessionToken: Secret) -> [UInt8] {
    let state = now
    return Self.digest(sessionToken, by: state.masters.current, state)
  }

  /// Each form in which a session's token may be kept, the likeliest first; made when it is asked for.
  package func digests(sessionToken: Secret) -> some Sequence<[UInt8]> {
    let state = now
    let current = state.masters.current
    let others = state.masters.masters.filter { $0.id != current.id }.reversed()
    let forms = ([current] + others).map { ($0, hasID: true) }
    // Of before there was rotation: without the id.
    let first = state.masters.first.map { [($0, hasID: false)] } ?? []
    return (forms + first).lazy.map { master, hasID in
      let digest = Self.digest(sessionToken, by: master, state)
      return hasID ? digest : Array(digest.dropFirst())
    }
  }

  private static func digest(_ token: Secret, by master: Master, _ state: State) -> [UInt8] {
    guard let begun = state.sessionDigests[master.id] else {
      preconditionFailure("every master has its keys")
    }
    return [master.id] + token.withBytes { digest(Array($0), begun) }
  }

  /// The master that a kept digest of a session's token was made with.
  package func master(ofSessionDigest digest: [UInt8]) -> UInt8? {
    digest.count == 32 ? now.masters.first?.id : digest.first
  }

  /// Whether a session is to be kept under a newer master from now on.
  package func isOutdated(sessionDigest digest: [UInt8]) -> Bool {
    let state = now
    return master(ofSessionDigest: digest).map { state.isOutdated($0) } ?? false
  }
}

extension Ports {
  /// What is kept of an issued code: its keyed digest, bound to what it was issued for.
  package func digest(issuedCode code: String, for subject: String) -> [UInt8] {
    keys.digest("\(subject)\u{0}\(code)", for: .issuedCode)
  }
}
