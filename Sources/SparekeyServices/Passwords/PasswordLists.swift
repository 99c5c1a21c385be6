import FoundationEssentials
import SparekeyCore

/// The word lists that ship with the program; their sources and licences stand beside them.
package struct PasswordLists: Sendable {
  /// Passwords known from breaches, lower case (S9).
  package let breached: OnDemand<Set<String>>
  /// Easy words for suggested passphrases.
  package let words: OnDemand<[String]>

  /// - Parameter resources: the folder with `breached-passwords.txt` and `passphrase-words.txt`.
  package init(resources: URL) throws {
    let breached = try Data(contentsOf: resources.appending(path: "breached-passwords.txt"))
    let words = try Data(contentsOf: resources.appending(path: "passphrase-words.txt"))
    self.breached = OnDemand { Set(Self.lines(breached)) }
    self.words = OnDemand { Self.lines(words) }
  }

  private static func lines(_ file: Data) -> [String] {
    String(decoding: file, as: UTF8.self).split(separator: "\n").map(String.init)
  }
}

/// Where this module's lists are.
package var serviceResources: URL {
  get throws { try SparekeyCore.resources(of: "SparekeyServices") }
}
