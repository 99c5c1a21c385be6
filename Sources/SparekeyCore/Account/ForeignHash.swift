import FoundationEssentials

/// A password hash as another system wrote it (O6). It is checked as it is, and replaced by one of ours when its owner
/// next signs in.
package struct ForeignHash: Sendable, Equatable {
  package enum Digest: String, Sendable {
    case sha1, sha256, sha512
  }

  package enum Scheme: Sendable, Equatable {
    /// `$2a$`, `$2b$` or `$2y$`, two digits of cost, 22 symbols of salt and 31 of hash.
    case bcrypt
    /// The string of the reference program, Argon2id or Argon2i.
    case argon2
    /// RFC 8018.
    case pbkdf2(Digest, rounds: Int, salt: [UInt8], output: [UInt8])
    /// RFC 7914.
    case scrypt(cost: Int, blockSize: Int, parallelism: Int, salt: [UInt8], output: [UInt8])
  }

  package enum Problem: Error, Equatable, CustomStringConvertible {
    case unknown
    case malformed(String)
    case tooCostly(String)

    package var description: String {
      switch self {
      case .unknown:
        "its passwordHash is of no kind known here: bcrypt, scrypt, PBKDF2 and Argon2 are. See docs/operating.md"
      case .malformed(let kind): "its passwordHash begins as \(kind) and does not go on as one"
      case .tooCostly(let kind): "its passwordHash, \(kind), would take too long or too much memory to check"
      }
    }
  }

  /// The whole text.
  package let text: String
  package let scheme: Scheme

  /// Reads what passlib, Django and the reference programs write.
  /// - Throws: what is wrong with it. A cost that one sign-in could stop the service with is refused (T9).
  package init(_ text: String) throws(Problem) {
    // Django puts the name of its hasher before the others' strings.
    for name in ["argon2", "bcrypt$"] where text.hasPrefix("\(name)$") {
      self = try ForeignHash(String(text.dropFirst(name.count)))
      return
    }
    self.text = text
    let parts = text.split(separator: "$", omittingEmptySubsequences: false).map(String.init)
    switch parts.count > 1 && parts[0].isEmpty ? "$\(parts[1])" : parts[0] {
    case "$2a", "$2b", "$2y": scheme = try Self.bcrypt(parts)
    case "$argon2id", "$argon2i": scheme = try Self.argon2(parts, text)
    case "$scrypt": scheme = try Self.scrypt(parts)
    case "$pbkdf2": scheme = try Self.pbkdf2(.sha1, parts)
    case "$pbkdf2-sha256": scheme = try Self.pbkdf2(.sha256, parts)
    case "$pbkdf2-sha512": scheme = try Self.pbkdf2(.sha512, parts)
    case "pbkdf2_sha256", "pbkdf2_sha1": scheme = try Self.djangoPBKDF2(parts)
    default: throw .unknown
    }
  }

  private static func bcrypt(_ parts: [String]) throws(Problem) -> Scheme {
    guard parts.count == 4, parts[2].utf8.count == 2, let cost = Int(parts[2]), cost >= 4,
      parts[3].utf8.count == 53,
      parts[3].utf8.allSatisfy({ (46...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) }
      )
    else { throw .malformed("bcrypt") }
    guard cost <= 15 else { throw .tooCostly("bcrypt at cost \(cost)") }
    return .bcrypt
  }

  private static func argon2(_ parts: [String], _ text: String) throws(Problem) -> Scheme {
    guard parts.count == 6, parts[2] == "v=19", text.utf8.count < 128, let costs = numbers(parts[3]),
      let memory = costs["m"], let passes = costs["t"], let lanes = costs["p"], lanes > 0, passes > 0,
      decode(parts[4]) != nil, decode(parts[5]) != nil
    else { throw .malformed("Argon2") }
    guard memory <= 256 << 10, passes <= 16, lanes <= 16 else {
      throw .tooCostly("Argon2 with \(memory) KiB and \(passes) passes")
    }
    return .argon2
  }

  private static func scrypt(_ parts: [String]) throws(Problem) -> Scheme {
    guard parts.count == 5, let costs = numbers(parts[2]), let logarithm = costs["ln"],
      let blockSize = costs["r"],
      let parallelism = costs["p"], blockSize > 0, parallelism > 0, logarithm > 0, logarithm / 16 < blockSize,
      let salt = decode(parts[3]),
      let output = decode(parts[4]), output.count >= 16
    else { throw .malformed("scrypt") }
    guard logarithm <= 20, blockSize <= 32, parallelism <= 16, 128 * blockSize << logarithm <= 256 << 20
    else {
      throw .tooCostly("scrypt with ln=\(logarithm), r=\(blockSize)")
    }
    return .scrypt(
      cost: 1 << logarithm, blockSize: blockSize, parallelism: parallelism, salt: salt, output: output)
  }

  private static func pbkdf2(_ digest: Digest, _ parts: [String]) throws(Problem) -> Scheme {
    guard parts.count == 5, let rounds = Int(parts[2]) ?? numbers(parts[2])?["i"],
      let salt = decode(parts[3]),
      let output = decode(parts[4])
    else { throw .malformed("PBKDF2") }
    return try pbkdf2(digest, rounds, salt, output)
  }

  /// Django's salt is text as it stands.
  private static func djangoPBKDF2(_ parts: [String]) throws(Problem) -> Scheme {
    guard parts.count == 4, let digest = Digest(rawValue: String(parts[0].dropFirst(7))),
      let rounds = Int(parts[1]),
      let output = decode(parts[3])
    else { throw .malformed("PBKDF2") }
    return try pbkdf2(digest, rounds, Array(parts[2].utf8), output)
  }

  private static func pbkdf2(
    _ digest: Digest, _ rounds: Int, _ salt: [UInt8], _ output: [UInt8]
  ) throws(Problem) -> Scheme {
    guard rounds > 0, !salt.isEmpty, (16...64).contains(output.count) else { throw .malformed("PBKDF2") }
    guard rounds <= 2_000_000 else { throw .tooCostly("PBKDF2 with \(rounds) rounds") }
    return .pbkdf2(digest, rounds: rounds, salt: salt, output: output)
  }

  /// `m=65536,t=3,p=4`.
  private static func numbers(_ text: String) -> [String: Int]? {
    var numbers: [String: Int] = [:]
    for part in text.split(separator: ",") {
      let sides = part.split(separator: "=")
      guard sides.count == 2, let number = Int(sides[1]), number >= 0 else { return nil }
      numbers[String(sides[0])] = number
    }
    return numbers
  }

  /// Base 64 with or without padding; passlib writes a dot for the plus.
  private static func decode(_ text: String) -> [UInt8]? {
    let bare = text.replacing(".", with: "+").prefix { $0 != "=" }
    let padding = String(repeating: "=", count: (4 - bare.utf8.count % 4) % 4)
    guard !bare.isEmpty, let data = Data(base64Encoded: bare + padding) else { return nil }
    return Array(data)
  }
}
