import Foundation
import SparekeyCore

/// A file of the project.
func text(of path: String) throws -> String {
  let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  return try String(contentsOf: root.appending(path: path), encoding: .utf8)
}

extension Randomness {
  /// Whatever the machine draws: for tests that hold for every draw.
  static let any = Randomness { count in (0..<count).map { _ in UInt8.random(in: .min ... .max) } }
}
