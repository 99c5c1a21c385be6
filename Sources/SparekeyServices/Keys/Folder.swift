import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// A folder of the program's own: its owner's alone (T13), and safe from power loss (Q4).
package enum Folder {
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let path: String
    package let reason: String
    package var description: String { "The folder \(path) cannot be made: \(reason)." }
  }

  /// Makes the folder, and those above it, unless it is there.
  package static func make(_ path: String) throws(Problem) {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw Problem(path: path, reason: "a file has that name") }
      return
    }
    let above = (path as NSString).deletingLastPathComponent
    if !above.isEmpty { try make(above) }
    guard mkdir(path, 0o700) == 0 || errno == EEXIST else {
      throw Problem(path: path, reason: String(cString: strerror(errno)))
    }
    flush(above)
  }

  /// Flushes the names in a folder to the disk: a file's own flush saves its bytes, not that it is there. File systems
  /// that cannot do this for a folder say so, and need nothing.
  package static func flush(_ path: String) {
    let folder = open(path.isEmpty ? "." : path, O_RDONLY)
    guard folder >= 0 else { return }
    fsync(folder)
    close(folder)
  }
}
