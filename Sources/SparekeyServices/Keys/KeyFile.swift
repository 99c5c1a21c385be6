import CProcess
import FoundationEssentials
import Glibc
import SparekeyCore

/// The one file that opens the database's seals (T13). It lives beside the database, never in it, and is backed up
/// apart from it.
///
/// One master key a line: `ID BASE64`, then `since` and a time once it took over from another, or `waiting` while it
/// opens and does not seal. After the first has retired, `keep PURPOSE BASE64` for each key of it that endures.
package enum KeyFile {
  package enum Problem: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    case readableByOthers(path: String)
    case link(path: String)
    case unreadable(path: String, reason: String)
    case malformed(path: String, line: Int)
    case incomplete(path: String)
    case cannotCreate(path: String, reason: String)
    case inUse(path: String)

    package var description: String {
      switch self {
      case .missing(let path):
        "The key file \(path) is missing, and the database cannot be opened without it. Put back its copy."
      case .readableByOthers(let path):
        "The key file \(path) can be read by other users. Run: chmod 600 \(path)"
      case .link(let path):
        "The key file \(path) is a link. Put the file itself there: changed keys would leave the old ones behind."
      case .unreadable(let path, let reason): "The key file \(path) cannot be read: \(reason)."
      case .malformed(let path, let line): "The key file \(path) cannot be read at line \(line)."
      case .incomplete(let path):
        "The key file \(path) has no key that seals, or lacks a line that begins with `keep`."
      case .cannotCreate(let path, let reason): "The key file \(path) cannot be written: \(reason)."
      case .inUse(let path): "Another command changes the key file \(path) at present."
      }
    }
  }

  private static let header = """
    # Sparekey's keys. Without this file the database cannot be opened; with both, everything can.
    # Back it up, apart from the database.
    """

  /// Loads the file, or makes it with one new key.
  /// - Parameter mayMake: only while there is no database: new keys would open nothing in an old one.
  package static func open(
    _ path: String, mayMake: Bool = true, randomness: Randomness = .system
  ) throws -> KeyRing {
    if !FileManager.default.fileExists(atPath: path) {
      guard mayMake else { throw Problem.missing(path: path) }
      let first = KeyRing.Master(id: 1, secret: newSecret(randomness))
      guard let keys = MasterKeys([first]) else { throw Problem.incomplete(path: path) }
      try write(keys, to: path) { link($0, path) == 0 || errno == EEXIST }
    }
    return KeyRing(try read(path), randomness: randomness)
  }

  package static func newSecret(_ randomness: Randomness = .system) -> Secret { Secret(randomness.bytes(32)) }

  // MARK: reading

  package static func read(_ path: String) throws -> MasterKeys {
    guard access(path, R_OK) == 0 else {
      throw Problem.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard let status = FileStatus(of: path), !status.isOpenToOthers else {
      throw Problem.readableByOthers(path: path)
    }
    guard !status.isLink else { throw Problem.link(path: path) }

    var masters: [KeyRing.Master] = []
    var kept: [KeyPurpose: Secret] = [:]
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Problem.malformed(path: path, line: 1)
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      if words.first == "keep", words.count == 3, let purpose = KeyPurpose(rawValue: words[1]),
        kept[purpose] == nil, let secret = secret(words[2])
      {
        kept[purpose] = secret
      } else if let master = master(words), !masters.contains(where: { $0.id == master.id }) {
        masters.append(master)
      } else {
        throw Problem.malformed(path: path, line: index + 1)
      }
    }
    guard let keys = MasterKeys(masters, kept: kept) else { throw Problem.incomplete(path: path) }
    return keys
  }

  private static func master(_ words: [String]) -> KeyRing.Master? {
    guard words.count >= 2, let id = UInt8(words[0]), let secret = secret(words[1]) else { return nil }
    switch words.dropFirst(2).first {
    case nil: return KeyRing.Master(id: id, secret: secret)
    case "waiting" where words.count == 3: return KeyRing.Master(id: id, secret: secret, isWaiting: true)
    case "since" where words.count == 4:
      guard let since = try? Date(words[3], strategy: .iso8601) else { return nil }
      return KeyRing.Master(
        id: id, secret: secret, since: Timestamp(milliseconds: Int64(since.timeIntervalSince1970 * 1_000)))
    default: return nil
    }
  }

  private static func secret(_ base64: String) -> Secret? {
    Data(base64Encoded: base64).flatMap { $0.count == 32 ? Secret(Array($0)) : nil }
  }

  // MARK: writing

  /// Puts a whole new file in the place of the old one: whoever reads, and whatever ends this process, finds one or
  /// the other.
  package static func replace(_ path: String, with keys: MasterKeys) throws {
    try write(keys, to: path) { rename($0, path) == 0 }
  }

  /// Lets no other command change the file meanwhile. Services only read it.
  @discardableResult
  package static func changing<Answer>(_ path: String, _ change: () async throws -> Answer) async throws
    -> Answer
  {
    let folder = path.folder
    let lock = Glibc.open(folder, O_RDONLY | O_CLOEXEC)
    guard lock >= 0 else { throw Problem.unreadable(path: path, reason: String(cString: strerror(errno))) }
    defer { close(lock) }
    guard flock(lock, LOCK_EX | LOCK_NB) == 0 else { throw Problem.inUse(path: path) }
    // What a command that was killed left: keys must not lie about.
    let name = URL(filePath: path).lastPathComponent
    for file in try FileManager.default.contentsOfDirectory(atPath: folder)
    where file.hasPrefix("\(name).") && file.hasSuffix(".new") {
      unlink("\(folder)/\(file)")
    }
    return try await change()
  }

  private static func text(_ keys: MasterKeys) -> String {
    func base64(_ secret: Secret) -> String { secret.withBytes { Data($0).base64EncodedString() } }
    let masters = keys.masters.map { master in
      let since = master.since.map {
        " since \($0.iso8601)"
      }
      return "\(master.id) \(base64(master.secret))\(master.isWaiting ? " waiting" : since ?? "")\n"
    }
    // The one that must be there comes last, so that a file that lost its end is known.
    let kept = keys.kept.sorted {
      ($0.key == .later ? 1 : 0, $0.key.rawValue) < ($1.key == .later ? 1 : 0, $1.key.rawValue)
    }
    .map { "keep \($0.rawValue) \(base64($1))\n" }
    return "\(header)\n" + (masters + kept).joined()
  }

  /// Written whole and flushed before its name exists: a crash leaves no half key. Of several programs that start
  /// at once, one makes the file and all of them read it.
  private static func write(_ keys: MasterKeys, to path: String, name: (String) -> Bool) throws {
    let temporary = "\(path).\(UUID()).new"
    defer { unlink(temporary) }
    guard Folder.write(Array(text(keys).utf8), to: temporary, existing: O_EXCL), name(temporary) else {
      throw Problem.cannotCreate(path: path, reason: String(cString: strerror(errno)))
    }
    Folder.flush(path.folder)
  }
}

/// Files that this process makes are its owner's alone, in whatever folder they lie (T13).
package func keepFilesPrivate() { umask(0o077) }

/// Keeps this process's memory out of core dumps and away from debuggers of the same user (Q6).
package func forbidMemoryDumps() {
  var none = rlimit(rlim_cur: 0, rlim_max: 0)
  setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none)
  _ = forbid_core_dumps()
}
