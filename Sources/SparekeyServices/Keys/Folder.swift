import FoundationEssentials
import Glibc

/// A folder of the program's own: its owner's alone (T13), and safe from power loss (Q4).
package enum Folder {
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String
    package var description: String { "The folder \(path) cannot be made: \(reason)." }
  }

  /// Makes the folder, and those above it, unless it is there.
  package static func make(_ path: String) throws(Problem) {
    var isFolder = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder else { throw Problem(path: path, reason: "a file has that name") }
      return
    }
    // A folder that has no other above it, and still cannot be looked at, is for mkdir to explain.
    if path.folder != path { try make(path.folder) }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw Problem(path: path, reason: String(cString: strerror(errno)))
    }
    flush(path.folder)
  }

  /// Writes a whole file, its owner's alone, and flushes it. Its name is safe after `flush`.
  /// - Parameter existing: `O_TRUNC` to write over a file that is there, `O_EXCL` to refuse.
  /// - Returns: whether all of it is on the disk.
  static func write(_ bytes: [UInt8], to path: String, existing: Int32) -> Bool {
    let file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | existing, 0o600)
    guard file >= 0 else { return false }
    defer { close(file) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let written = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      guard written > 0 || errno == EINTR else { return false }
      rest = rest.dropFirst(max(written, 0))
    }
    return fsync(file) == 0
  }

  /// Flushes the names in a folder to the disk: a file's own flush saves its bytes, not that it is there. File systems
  /// that cannot do this for a folder say so, and need nothing.
  package static func flush(_ path: String) {
    let folder = open(path, O_RDONLY)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}
