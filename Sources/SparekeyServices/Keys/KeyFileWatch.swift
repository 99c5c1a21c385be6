import FoundationEssentials
import Glibc
import NIOConcurrencyHelpers
import SparekeyCore

/// Sees that the key file changed, and hands its keys to the ring. A file that cannot be used is told of once, and the
/// keys stay as they were.
package struct KeyFileWatch: Sendable {
  private struct Stamp: Equatable {
    let file: UInt64
    let size: Int64
    let seconds: Int
    let nanoseconds: Int
  }

  private let path: String
  private let keys: KeyRing
  private let refused: @Sendable (String) -> Void
  private let seen: NIOLockedValueBox<Stamp?>

  /// - Parameter refused: hears why a file is not used.
  package init(_ path: String, for keys: KeyRing, refused: @escaping @Sendable (String) -> Void) {
    self.path = path
    self.keys = keys
    self.refused = refused
    seen = NIOLockedValueBox(nil)
  }

  /// Looks now. When it returns, the ring has the keys of the file as it was.
  package func look() {
    seen.withLockedValue { seen in
      guard let stamp = stamp(), stamp != seen else { return }
      seen = stamp
      do {
        try keys.replace(with: try KeyFile.read(path))
      } catch let misfit as KeyRing.Misfit {
        refused("The key file \(path) is not used: \(misfit).")
      } catch {
        refused("\(error)")
      }
    }
  }

  /// Nil while there is no file: then nothing changes.
  private func stamp() -> Stamp? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Stamp(
      file: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int(status.st_mtim.tv_sec),
      nanoseconds: Int(status.st_mtim.tv_nsec))
  }
}
