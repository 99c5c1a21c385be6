import Foundation

/// The word lists that ship with the program; their sources and licences stand beside them.
package struct PasswordLists: Sendable {
  /// Passwords known from breaches, lower case (S9).
  package let breached: Set<String>
  /// Easy words for suggested passphrases.
  package let words: [String]

  /// - Parameter resources: the folder with `breached-passwords.txt` and `passphrase-words.txt`.
  package init(resources: URL) throws {
    breached = Set(try Self.lines(resources.appending(path: "breached-passwords.txt")))
    words = try Self.lines(resources.appending(path: "passphrase-words.txt"))
  }

  private static func lines(_ file: URL) throws -> [String] {
    String(decoding: try Data(contentsOf: file), as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// Where this module's resources are: beside the program.
package var serviceResources: URL { Bundle.module.bundleURL.appending(path: "Resources") }
