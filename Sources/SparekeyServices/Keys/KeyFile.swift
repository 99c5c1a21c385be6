import CProcess
import Foundation
import SparekeyCore

#if canImport(Glibc)
  import Glibc
#endif

/// The one file that opens the database's seals (T13). It lives beside the database, never in it, and is backed up
/// apart from it.
package enum KeyFile {
  package enum Problem: Error, Equatable, CustomStringConvertible {
    case missing(path: String)
    case readableByOthers(path: String)
    case unreadable(path: String, reason: String)
    case malformed(path: String, line: Int)
    case cannotCreate(path: String, reason: String)

    package var description: String {
      switch self {
      case .missing(let path):
        "The key file \(path) is missing, and the database cannot be opened without it. Put back its copy."
      case .readableByOthers(let path):
        "The key file \(path) can be read by other users. Run: chmod 600 \(path)"
      case .unreadable(let path, let reason): "The key file \(path) cannot be read: \(reason)."
      case .malformed(let path, let line): "The key file \(path) cannot be read at line \(line)."
      case .cannotCreate(let path, let reason): "The key file \(path) cannot be made: \(reason)."
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
      try create(path, "\(header)\n1 \(Data(randomness.bytes(32)).base64EncodedString())\n")
    }
    guard access(path, R_OK) == 0 else {
      throw Problem.unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: path)
    let permissions = (attributes[.posixPermissions] as? NSNumber)?.intValue ?? 0
    guard permissions & 0o077 == 0 else { throw Problem.readableByOthers(path: path) }

    var masters: [KeyRing.Master] = []
    guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
      throw Problem.malformed(path: path, line: 1)
    }
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() where !line.isEmpty && !line.hasPrefix("#") {
      let parts = line.split(separator: " ")
      guard parts.count == 2, let id = UInt8(parts[0]), !masters.contains(where: { $0.id == id }),
        let secret = Data(base64Encoded: String(parts[1])), secret.count == 32
      else { throw Problem.malformed(path: path, line: index + 1) }
      masters.append(KeyRing.Master(id: id, secret: Secret(Array(secret))))
    }
    guard let ring = KeyRing(masters: masters, randomness: randomness) else {
      throw Problem.malformed(path: path, line: 1)
    }
    return ring
  }

  /// Written whole and flushed before its name exists: a crash leaves no half key. Of several programs that start
  /// at once, one makes the file and all of them read it.
  private static func create(_ path: String, _ text: String) throws {
    let temporary = "\(path).\(UUID()).new"
    let file = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL, 0o600)
    guard file >= 0 else { throw Problem.cannotCreate(path: path, reason: String(cString: strerror(errno))) }
    defer {
      close(file)
      unlink(temporary)
    }
    let bytes = Array(text.utf8)
    guard write(file, bytes, bytes.count) == bytes.count, fsync(file) == 0,
      link(temporary, path) == 0 || errno == EEXIST
    else { throw Problem.cannotCreate(path: path, reason: String(cString: strerror(errno))) }
    Folder.flush((path as NSString).deletingLastPathComponent)
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
