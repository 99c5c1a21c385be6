import Foundation
import NIOConcurrencyHelpers
import SparekeyCore
import SparekeyServices
import Testing

@Suite struct `The key file and rotation` {
  let path: String
  let start = Timestamp(milliseconds: 1_800_000_000_000)

  init() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    path = folder.appending(path: "sparekey.keys").path
  }

  func write(_ text: String) throws {
    #expect(
      FileManager.default.createFile(
        atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]))
  }

  @Test func `O6: what is written is read again: masters in their order, times, waiting, what endures`()
    throws
  {
    _ = try KeyFile.open(path)
    var keys = try KeyFile.read(path)
    let digest = KeyRing(keys, randomness: .system).digest("x", for: .decoy)
    keys = try #require(keys.adding(KeyFile.newSecret())).makingCurrent(at: start)
    keys = try #require(keys.adding(KeyFile.newSecret()))
    for keys in [keys, keys.retiring(1)] {
      try KeyFile.replace(path, with: keys)
      let read = try KeyFile.read(path)
      #expect(read.masters.map(\.id) == keys.masters.map(\.id))
      #expect(read.masters.map(\.since) == keys.masters.map(\.since))
      #expect(read.masters.map(\.isWaiting) == keys.masters.map(\.isWaiting))
      #expect(zip(read.masters, keys.masters).allSatisfy { $0.secret.matches($1.secret) })
      #expect(read.kept.count == keys.kept.count)
      #expect(KeyRing(read, randomness: .system).digest("x", for: .decoy) == digest)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
      #expect(mode?.intValue == 0o600)
    }
  }

  @Test(arguments: [
    "2 KEY wait", "2 KEY since", "2 KEY since yesterday", "2 KEY waiting now", "keep decoy",
    "keep nothing KEY", "0x2 KEY", "256 KEY", "keep decoy KEY KEY",
  ])
  func `O6: a line that nobody wrote so is refused, with its number`(line: String) throws {
    let key = Data(repeating: 7, count: 32).base64EncodedString()
    try write("1 \(key)\n\(line.replacing("KEY", with: key))\n")
    #expect(throws: KeyFile.Problem.malformed(path: path, line: 2)) { try KeyFile.read(path) }
  }

  @Test func `O6: a file in which nothing seals is refused`() throws {
    let key = Data(repeating: 7, count: 32).base64EncodedString()
    for text in ["", "1 \(key) waiting\n", "1 \(key)\nkeep decoy \(key)\n"] {
      try write(text)
      #expect(throws: KeyFile.Problem.incomplete(path: path)) { try KeyFile.read(path) }
    }
  }

  @Test func `O6: one command changes the file at a time, and leaves no keys of a killed one lying about`()
    async throws
  {
    let path = path
    _ = try KeyFile.open(path)
    try Data("1 secret".utf8).write(to: URL(filePath: "\(path).\(UUID()).new"))
    try await KeyFile.changing(path) {
      await #expect(throws: KeyFile.Problem.inUse(path: path)) { try await KeyFile.changing(path) {} }
    }
    try await KeyFile.changing(path) {}
    let folder = (path as NSString).deletingLastPathComponent
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["sparekey.keys"])
  }

  @Test func `O6: a changed file is taken up when looked at, and a broken one is told of once`() throws {
    let ring = try KeyFile.open(path)
    let told = NIOLockedValueBox<[String]>([])
    let watch = KeyFileWatch(path, for: ring) { reason in told.withLockedValue { $0.append(reason) } }
    watch.look()
    let old = try KeyFile.read(path)
    let new = try #require(old.adding(KeyFile.newSecret())).makingCurrent(at: start)
    try KeyFile.replace(path, with: new)
    watch.look()
    #expect(ring.masters.current.id == 2 && told.withLockedValue { $0 }.isEmpty)
    try write("nonsense\n")
    for _ in 1...3 { watch.look() }
    #expect(told.withLockedValue { $0 } == ["The key file \(path) cannot be read at line 1."])
    try KeyFile.replace(path, with: old)
    for _ in 1...3 { watch.look() }
    #expect(told.withLockedValue { $0 }.count == 2 && ring.masters.current.id == 2)
    try FileManager.default.removeItem(atPath: path)
    watch.look()
    try KeyFile.replace(path, with: new.retiring(1))
    watch.look()
    #expect(ring.masters.masters.map(\.id) == [2] && told.withLockedValue { $0 }.count == 2)
  }
}
