import FoundationEssentials
import Glibc

extension String {
  /// The folder that this path's file is in.
  package var folder: String {
    guard let slash = lastIndex(of: "/") else { return "." }
    return slash == startIndex ? "/" : String(self[..<slash])
  }
}

/// What the system says of a file.
package struct FileStatus: Sendable {
  /// In bytes.
  package let size: Int
  /// Whether it is only another name for a file that lies elsewhere; all else is said of that file.
  package let isLink: Bool
  private let mode: mode_t

  /// Nil where there is no file, or none that may be asked about.
  package init?(of path: String) {
    var (status, own) = (stat(), stat())
    guard stat(path, &status) == 0, lstat(path, &own) == 0 else { return nil }
    (size, mode) = (Int(status.st_size), status.st_mode)
    isLink = own.st_mode & S_IFMT == S_IFLNK
  }

  /// Whether anyone but the owner may read, change or run it (T13).
  package var isOpenToOthers: Bool { mode & 0o077 != 0 }
}

/// What belongs beside the program, and is not there.
package struct MissingResources: Error, CustomStringConvertible {
  package let folder: String
  package var description: String {
    "The folder \(folder) is missing. It belongs beside the program: `make program` makes both."
  }
}

/// Where the files of a module are: beside the program, in `resources/MODULE`; of a debug build in the sources.
/// - Throws: `MissingResources`
package func resources(of module: String) throws -> URL {
  let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
  let installed = "\(program.folder)/resources/\(module)"
  if FileManager.default.fileExists(atPath: installed) { return URL(filePath: installed) }
  #if DEBUG
    let sources = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
    return sources.appending(path: "\(module)/Resources")
  #else
    throw MissingResources(folder: installed)
  #endif
}
