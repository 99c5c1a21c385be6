import Foundation

extension SparekeyClient {
  /// Who is signed in, as Sparekey told it at the sign-in.
  public struct Person: Sendable, Codable, Hashable {
    /// The key of your table: it never changes and is never given to anyone else (`sub`).
    public let id: String
    /// With the scope `profile`. It may change hands: show it, do not look people up by it.
    public let username: String?
    /// With the scope `email`, when one is confirmed.
    public let email: String?
    /// Sparekey sent a code there, and it came back.
    public let emailIsVerified: Bool
    /// When they last showed all that their account asks for (`auth_time`).
    public let authenticatedAt: Date
    /// How they were found to be who they are (`acr`), such as `urn:sparekey:two-factor`.
    public let level: String
    /// What they showed (`amr`).
    public let methods: [String]

    /// They just got back in after losing something: wait with what cannot be undone.
    public var isRecovered: Bool { level == "urn:sparekey:recovery" }
  }

  /// Someone's stay in this app.
  public struct Session: Sendable, Codable {
    /// Whose it is.
    public let person: Person
    /// What Sparekey calls it when it ends it.
    public let sid: String?
    /// Shown when signing out.
    public let idToken: Secret
    /// When they signed in here.
    public let startedAt: Date
    /// When it was last used, to the minute.
    public internal(set) var seenAt: Date
    /// At the latest.
    public let endsAt: Date

    /// With a later ``seenAt``, for stores.
    public func seen(at time: Date) -> Session {
      var seen = self
      seen.seenAt = time
      return seen
    }
  }

  /// The digest of what a browser's cookie holds: whoever reads the store cannot sign in with it.
  public struct SessionKey: Sendable, Hashable {
    /// 64 hexadecimal digits.
    public let text: String
  }

  /// Where sessions are kept.
  public protocol SessionStore: Sendable {
    /// - Returns: false when that `sid` was ended before: the news may be faster than the sign-in.
    func insert(_ session: Session, at key: SessionKey) async throws -> Bool
    /// Nil for what was never there, or was removed or ended.
    func session(_ key: SessionKey) async throws -> Session?
    /// Notes that it was used.
    func touch(_ key: SessionKey, seenAt: Date) async throws
    /// Its owner signed out, or it is too old.
    func remove(_ key: SessionKey) async throws
    /// Ends what Sparekey calls by that name, and remembers it for ten minutes.
    func end(sid: String, at now: Date) async throws
    /// Ends all of a person's sessions.
    func end(person: String, at now: Date) async throws
    /// - Returns: false when a logout token with that id was heard before; it is remembered until then.
    func isNew(tokenID: String, until: Date) async throws -> Bool
  }

  /// Sessions in the memory of this process: they end with it, and the next sign-in is silent.
  public actor MemorySessions: SessionStore {
    private var sessions: [SessionKey: Session] = [:]
    private var endedUntil: [String: Date] = [:]
    private var heardUntil: [String: Date] = [:]
    private var cleanedAt = Date.distantPast
    private let now: @Sendable () -> Date

    /// With none.
    public init() { now = { Date() } }

    init(now: @escaping @Sendable () -> Date) { self.now = now }

    /// As ``SessionStore`` has it.
    public func insert(_ session: Session, at key: SessionKey) -> Bool {
      forgetWhatIsOver()
      if let sid = session.sid, endedUntil[sid] != nil { return false }
      sessions[key] = session
      return true
    }

    /// As ``SessionStore`` has it.
    public func session(_ key: SessionKey) -> Session? { sessions[key] }

    /// As ``SessionStore`` has it.
    public func touch(_ key: SessionKey, seenAt: Date) { sessions[key] = sessions[key]?.seen(at: seenAt) }

    /// As ``SessionStore`` has it.
    public func remove(_ key: SessionKey) { sessions[key] = nil }

    /// As ``SessionStore`` has it.
    public func end(sid: String, at now: Date) {
      sessions = sessions.filter { $1.sid != sid }
      endedUntil[sid] = now + 600
    }

    /// As ``SessionStore`` has it.
    public func end(person: String, at now: Date) { sessions = sessions.filter { $1.person.id != person } }

    /// As ``SessionStore`` has it.
    public func isNew(tokenID: String, until: Date) -> Bool {
      forgetWhatIsOver()
      return heardUntil.updateValue(until, forKey: tokenID) == nil
    }

    private func forgetWhatIsOver() {
      let now = now()
      guard cleanedAt + 60 <= now else { return }
      cleanedAt = now
      sessions = sessions.filter { now < $1.endsAt }
      endedUntil = endedUntil.filter { now < $1 }
      heardUntil = heardUntil.filter { now < $1 }
    }
  }
}
