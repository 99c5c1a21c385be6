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
  private let mode: mode_t

  /// Nil where there is no file, or none that may be asked about.
  package init?(of path: String) {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    (size, mode) = (Int(status.st_size), status.st_mode)
  }

  /// Whether anyone but the owner may read, change or run it (T13).
  package var isOpenToOthers: Bool { mode & 0o077 != 0 }
}

/// Where the files of a module are: beside the program, in `resources/MODULE`; where it was built, in its sources.
package func resources(of module: String) -> URL {
  let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
  let installed = "\(program.folder)/resources/\(module)"
  guard !FileManager.default.fileExists(atPath: installed) else { return URL(filePath: installed) }
  let sources = URL(filePath: #filePath).appending(path: "../../..").standardizedFileURL
  return sources.appending(path: "\(module)/Resources")
}
