import Foundation
import NIOConcurrencyHelpers
import SparekeyCore
import Testing

@testable import SparekeyServices

@Suite struct `Hashing` {
  @Test func `N3: Argon2id gives the bytes another implementation gives`() async throws {
    // argon2-cffi 23: hash_secret_raw(b"correct horse", b"0123456789abcdef", 2, 19456, 1, 32, Type.ID)
    let pool = Argon2Pool(threads: 1)
    let output = try await pool.hash(
      Secret("correct horse"), salt: Array("0123456789abcdef".utf8), cost: .password,
      for: Source(address: "192.0.2.1"))
    #expect(output.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() == Self.expected)
  }

  static let expected = "ae4d8c8b713876044c8347c76986a9b5655944aaacfffe9bea4dff9e7b6a1899"

  @Test func `T9: a full queue says so at once, and everything accepted is finished`() async throws {
    let pool = Argon2Pool(threads: 2, queue: 8)
    let results = await withTaskGroup(of: Bool.self) { group in
      for number in 0..<64 {
        group.addTask {
          (try? await pool.hash("\(number)")) != nil
        }
      }
      return await group.reduce(into: [Bool]()) { $0.append($1) }
    }
    #expect(results.count == 64)
    #expect((8...63).contains(results.count { $0 }))
    #expect(pool.waiting == 0)
  }

  @Test func `T9: whoever hangs up while waiting costs nothing`() async throws {
    let pool = Argon2Pool(threads: 1, queue: 64)
    let waiting = (0..<16).map { number in
      Task { try await pool.hash("\(number)") }
    }
    for task in waiting { task.cancel() }
    var finished = 0
    for task in waiting where (try? await task.value) != nil { finished += 1 }
    #expect(finished < 16)
    #expect(pool.waiting == 0)
  }

  @Test func `T9: never more hashes at a time than threads, and the metrics say so`() async throws {
    let pool = Argon2Pool(threads: 2, queue: 64)
    let most = NIOLockedValueBox(0)
    let isOver = NIOLockedValueBox(false)
    // A thread of its own: tasks of other tests can keep every shared one busy.
    Thread {
      while !isOver.withLockedValue({ $0 }) {
        most.withLockedValue { $0 = max($0, pool.running) }
        usleep(500)
      }
    }.start()
    try await withThrowingTaskGroup(of: Void.self) { hashes in
      for number in 0..<16 {
        hashes.addTask {
          _ = try await pool.hash("\(number)")
        }
      }
      try await hashes.waitForAll()
    }
    isOver.withLockedValue { $0 = true }
    #expect(most.withLockedValue { $0 } == 2)
    // The last answer is there a moment before its thread is free.
    for _ in 0..<1_000 where pool.running > 0 { try await Task.sleep(for: .milliseconds(1)) }
    #expect(pool.running == 0)
  }

  @Test func `T9: a closed pool refuses instead of letting anyone wait`() async {
    let pool = Argon2Pool(threads: 1)
    pool.close()
    await #expect(throws: Refusal.self) {
      try await pool.hash("x")
    }
  }
}

extension Argon2Pool {
  fileprivate func hash(_ text: String, from address: String = "192.0.2.1") async throws -> [UInt8] {
    try await hash(
      Secret(text), salt: Array(repeating: 1, count: 16), cost: .password, for: Source(address: address))
  }
}

@Suite struct `A fair queue` {
  @Test func `T9: sources are served in turn, each in the order it came`() {
    var queue = FairQueue<String>(room: 10)
    for (id, name) in ["a1", "a2", "a3", "b1", "c1", "b2"].enumerated() {
      #expect(queue.add(name, id: UInt64(id), from: String(name.prefix(1))) == nil)
    }
    var served: [String] = []
    while let next = queue.next() { served.append(next) }
    #expect(served == ["a1", "b1", "c1", "a2", "b2", "a3"])
    #expect(queue.count == 0)
  }

  @Test func `T9: a full queue takes from the longest line, and never from a shorter one`() {
    var queue = FairQueue<String>(room: 4)
    for id in 1...4 { #expect(queue.add("a\(id)", id: UInt64(id), from: "a") == nil) }
    #expect(queue.add("a5", id: 5, from: "a") == "a5")
    #expect(queue.add("b1", id: 6, from: "b") == "a4")
    #expect(queue.hasRoom(for: "c") && !queue.hasRoom(for: "a"))
    #expect(queue.add("c1", id: 7, from: "c") == "a3")
    #expect(queue.add("b2", id: 8, from: "b") == "b2")
    #expect(queue.add("d1", id: 9, from: "d") == "a2")
    #expect(queue.add("e1", id: 10, from: "e") == "e1")
    var served: [String] = []
    while let next = queue.next() { served.append(next) }
    #expect(served == ["a1", "b1", "c1", "d1"])
  }

  @Test func `T9: half of the room is kept for those who have begun`() {
    var queue = FairQueue<String>(room: 8)
    for id in 1...3 { _ = queue.add("a\(id)", id: UInt64(id), from: "a") }
    #expect(queue.hasRoom(for: "a", toBegin: true))
    _ = queue.add("a4", id: 4, from: "a")
    #expect(!queue.hasRoom(for: "a", toBegin: true) && queue.hasRoom(for: "a"))
    _ = queue.next()
    #expect(queue.hasRoom(for: "a", toBegin: true))
    #expect(FairQueue<String>(room: 1).hasRoom(for: "a", toBegin: true), "one place is one to begin with")
  }

  @Test func `T9: whoever leaves makes room, and a source without a line has no turn`() {
    var queue = FairQueue<String>(room: 2)
    _ = queue.add("a1", id: 1, from: "a")
    _ = queue.add("b1", id: 2, from: "b")
    #expect(queue.remove(1, from: "a") == "a1")
    #expect(queue.remove(1, from: "a") == nil)
    #expect(queue.add("b2", id: 3, from: "b") == nil)
    #expect(queue.removeAll().sorted() == ["b1", "b2"])
    #expect(queue.next() == nil)
  }

  @Test func `T9: a flood of one source keeps no other from its hash`() async throws {
    let pool = Argon2Pool(threads: 1, queue: 8)
    let flood = (0..<64).map { number in
      Task {
        var refused = 0
        while !Task.isCancelled {
          guard (try? await pool.hash("\(number)", from: "198.51.100.1")) == nil else { continue }
          refused += 1
          try? await Task.sleep(for: .milliseconds(1))
        }
        return refused
      }
    }
    // Until it is full; a place is free now and then, when a hash is done.
    while (try? pool.checkRoom(for: Source(address: "198.51.100.1"), toBegin: false)) != nil {
      try await Task.sleep(for: .milliseconds(1))
    }
    try pool.checkRoom(for: Source(address: "192.0.2.7"), toBegin: true)
    #expect(try await pool.hash("owner", from: "192.0.2.7").count == 32)
    for task in flood { task.cancel() }
    var refused = 0
    for task in flood { refused += await task.value }
    #expect(refused > 0)
  }
}

@Suite struct `The key file` {
  let path = FileManager.default.temporaryDirectory.appending(path: "keys-\(UUID())").path

  @Test func `T13: it is made once, for its owner's eyes only, and stays the same`() throws {
    let made = try KeyFile.open(path)
    let again = try KeyFile.open(path)
    #expect(again.open(made.seal([1], for: .outbox, bound: "x"), for: .outbox, bound: "x") == [1])
    let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
    #expect(mode?.intValue == 0o600)
  }

  @Test func `T13: a key file that others can read is refused, with the command that mends it`() throws {
    _ = try KeyFile.open(path)
    try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
    #expect(throws: KeyFile.Problem.readableByOthers(path: path)) { try KeyFile.open(path) }
  }

  @Test func `T13: a key file that is a link is refused: changed keys would leave the old ones behind`()
    throws
  {
    _ = try KeyFile.open(path)
    try FileManager.default.createSymbolicLink(atPath: path + "-link", withDestinationPath: path)
    #expect(throws: KeyFile.Problem.link(path: path + "-link")) { try KeyFile.open(path + "-link") }
  }

  @Test func `T13: of programs that start at once, one makes the keys and all use them`() async throws {
    let path = path
    let rings = try await withThrowingTaskGroup(of: KeyRing.self) { group in
      for _ in 0..<16 { group.addTask { try KeyFile.open(path) } }
      return try await group.reduce(into: [KeyRing]()) { $0.append($1) }
    }
    let sealed = try KeyFile.open(path).seal([1], for: .outbox, bound: "x")
    for ring in rings { #expect(ring.open(sealed, for: .outbox, bound: "x") == [1]) }
    let folder = FileManager.default.temporaryDirectory.path
    let name = (path as NSString).lastPathComponent
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix(name) } == [name])
  }

  @Test func `two keys of one number are refused, not guessed between`() throws {
    let key = Data(repeating: 7, count: 32).base64EncodedString()
    #expect(
      FileManager.default.createFile(
        atPath: path, contents: Data("1 \(key)\n1 \(key)\n".utf8), attributes: [.posixPermissions: 0o600]))
    #expect(throws: KeyFile.Problem.malformed(path: path, line: 2)) { try KeyFile.open(path) }
  }

  @Test func `T13: a lost key file is never replaced beside an old database`() {
    #expect(throws: KeyFile.Problem.missing(path: path)) { try KeyFile.open(path, mayMake: false) }
  }

  @Test func `a damaged key file says which line`() throws {
    #expect(
      FileManager.default.createFile(
        atPath: path, contents: Data("# keys\n1 not-a-key\n".utf8), attributes: [.posixPermissions: 0o600]))
    #expect(throws: KeyFile.Problem.malformed(path: path, line: 2)) { try KeyFile.open(path) }
  }
}

@Suite struct `Small outside things` {
  @Test func `O1: a mail is one file, whole, with headers of one line each`() throws {
    let mail = Mail(
      from: "a@example.org", to: "b@example.org\r\nBcc: c@example.org", subject: "Schlüssel\nX: y",
      body: "Grüße\nzwei")
    let text = mail.text(at: Timestamp(milliseconds: 1_800_000_000_000), id: "1")
    let headers = text.components(separatedBy: "\r\n\r\n")[0].components(separatedBy: "\r\n")
    #expect(!headers.contains { $0.hasPrefix("Bcc:") || $0.hasPrefix("X:") })
    #expect(headers.contains { $0.hasPrefix("Subject: =?utf-8?B?") })
    #expect(headers.contains("Date: Fri, 15 Jan 2027 08:00:00 +0000"))
    #expect(headers.contains("Content-Transfer-Encoding: quoted-printable"))
    #expect(text.hasSuffix("Gr=C3=BC=C3=9Fe\r\nzwei"))
  }

  @Test func `O1: no encoded word is longer than mail allows, and no character is torn apart`() throws {
    let subject = String(repeating: "ключ 🔑 ", count: 20)
    let text = Mail(from: "a@example.org", to: "b@example.org", subject: subject, body: "one\r\ntwo\nthree")
      .text(at: Timestamp(milliseconds: 0), id: "1")
    let words = text.matches(of: /=\?utf-8\?B\?([^?]*)\?=/)
    #expect(words.allSatisfy { $0.output.0.count <= 75 })
    let parts = words.map {
      Data(base64Encoded: String($0.output.1)).flatMap { String(data: $0, encoding: .utf8) }
    }
    #expect(parts.compactMap(\.self).joined() == subject && !parts.contains(nil))
    #expect(text.hasSuffix("\r\n\r\none\r\ntwo\r\nthree"))
  }

  @Test func `O1: every server takes the lines of a mail, however long they were`() throws {
    let body = String(repeating: "word ", count: 500) + "\n.\n=?utf-8?B?eA==?=\ttab \n\u{0}\u{7F}end"
    let text = Mail(from: "a@example.org", to: "b@example.org", subject: "x\u{0}\u{8}y", body: body)
      .text(at: Timestamp(milliseconds: 0), id: "1")
    #expect(text.contains("\r\nSubject: xy\r\n") && text.contains("quoted-printable"))
    #expect(text.components(separatedBy: "\r\n").allSatisfy { $0.utf8.count <= 76 })
    let sent = text.components(separatedBy: "\r\n\r\n")[1].replacingOccurrences(of: "=\r\n", with: "")
    #expect(
      sent == String(repeating: "word ", count: 499)
        + "word=20\r\n.\r\n=3D?utf-8?B?eA=3D=3D?=3D=09tab=20\r\n=00=7Fend")
    let plain = Mail(from: "a@example.org", to: "b@example.org", subject: "x", body: "one = two\n.\n")
    #expect(
      plain.text(at: Timestamp(milliseconds: 0), id: "1").hasSuffix(
        "7bit\r\nAuto-Submitted: auto-generated\r\n\r\none = two\r\n.\r\n"))
  }

  @Test func `Q4: a message that comes to the folder twice is one file`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "outbox-\(UUID())").path
    for text in ["first", "again"] {
      try OutboxFolder(folder).deliver(
        TextMessage(to: "+4917112345689", text: text), at: Timestamp(milliseconds: 5), id: "id")
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["5-id.sms"])
    #expect(
      try String(contentsOfFile: folder + "/5-id.sms", encoding: .utf8) == "To: +4917112345689\n\nagain\n")
  }

  @Test(arguments: [
    "b@example.org\r\nRCPT TO:<c@example.org>", "b@example.org>", "b@example.org,c@example.org",
    " b@example.org", "",
  ])
  func `T24: nothing but one address gets into an SMTP command`(address: String) async throws {
    let nowhere = try #require(SMTPServer.Address("smtp://localhost:1"))
    let server = SMTPServer(nowhere, password: nil, encryption: .required(trusted: nil))
    for (from, to) in [(address, "b@example.org"), ("a@example.org", address)] {
      await #expect(throws: Undelivered.refusedForGood(reply: 0)) {
        try await server.deliver(
          Mail(from: from, to: to, subject: "x", body: "y"), at: Timestamp(milliseconds: 0), id: "1")
      }
    }
  }

  @Test func `O1: mail lies in its folder for its owner's eyes only`() throws {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appending(path: "outbox-\(UUID())").path
    try OutboxFolder(folder).deliver(
      Mail(from: "a@example.org", to: "b@example.org", subject: "x", body: "y"),
      at: Timestamp(milliseconds: 5), id: "id")
    #expect(try files.contentsOfDirectory(atPath: folder) == ["5-id.eml"])
    for (path, mode) in [(folder, 0o700), (folder + "/5-id.eml", 0o600)] {
      let found = try files.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
      #expect(found?.intValue == mode)
    }
  }

  @Test func `C5: a QR code is square, with its quiet zone, and holds a whole address`() throws {
    let svg = try QRCode.svg(of: Secret("http://localhost:8080/recover/code#7KQ2M-ABCDE-FGHJK-MNPQR-STVWX"))
    #expect(svg.contains("viewBox=\"0 0 ") && svg.contains("M4 4h1v1h-1z"))
    #expect(throws: QRCode.TooLong.self) { try QRCode.svg(of: Secret(String(repeating: "x", count: 5_000))) }
  }

  @Test func `S9: the lists that ship are long enough`() throws {
    let lists = try PasswordLists(resources: serviceResources)
    #expect(lists.breached.value.count >= 10_000)
    #expect(lists.breached.value.contains("password1"))
    #expect(lists.words.value.count == 2_048)
    #expect(Set(lists.words.value).count == lists.words.value.count)
    #expect(lists.words.value.allSatisfy { $0.wholeMatch(of: /[a-z]{4,8}/) != nil })
  }
}
