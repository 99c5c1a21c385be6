// Sources: Sources/SparekeyServices/Keys/KeyFile.swift Sources/SparekeyServices/Keys/Folder.swift Sources/SparekeyStore/PostgreSQL/PostgreSQLAddress.swift
// Core: whole

import Foundation

@testable import SparekeyCore

/// Feeds what the operator brings along: hashes and accounts of another system, the key file, the database's address.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzImport(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  let text = String(decoding: bytes, as: UTF8.self)
  switch mode % 4 {
  case 0: checkHash(text)
  case 1: checkAccount(bytes)
  case 2: checkKeys(bytes)
  default: checkAddress(text)
  }
  return 0
}

extension Randomness {
  /// In place of the services' own, whose file needs libsodium.
  package static let system = Randomness { count in (0..<count).map { UInt8(truncatingIfNeeded: $0) } }
}

// MARK: accounts

/// Whatever is taken can be checked in a second or two, and reads the same again.
private func checkHash(_ text: String) {
  do throws(ForeignHash.Problem) {
    let hash = try ForeignHash(text)
    precondition(text.hasSuffix(hash.text) && text.utf8.count - hash.text.utf8.count <= 7)
    precondition((try? ForeignHash(hash.text)) == hash)
    switch hash.scheme {
    case .bcrypt:
      let cost = Int(hash.text.split(separator: "$")[1]) ?? 0
      precondition(hash.text.utf8.count == 60 && (4...15).contains(cost))
    case .argon2:
      precondition(hash.text.utf8.count < 128 && hash.text.contains("v=19"))
    case .pbkdf2(_, let rounds, let salt, let output):
      precondition((1...2_000_000).contains(rounds) && !salt.isEmpty && (16...64).contains(output.count))
    case .scrypt(let cost, let blockSize, let parallelism, let salt, let output):
      precondition(cost > 1 && cost & (cost - 1) == 0 && (1...32).contains(blockSize))
      precondition((1...16).contains(parallelism) && 128 * blockSize * cost <= 256 << 20)
      precondition(!salt.isEmpty && output.count >= 16)
    }
  } catch {
    precondition(!error.description.isEmpty)
  }
}

private let now = Timestamp(milliseconds: 1_800_000_000_000)

private func checkAccount(_ line: [UInt8]) {
  guard let entry = try? AccountImport.read(line, now: now) else { return }
  precondition((try? Username(entry.username.display)) == entry.username)
  precondition(entry.createdAt.map { (1...now.milliseconds).contains($0.milliseconds) } ?? true)
  precondition(entry.confirmed.isSubset(of: Set(entry.contacts.map(\.canonical))), "a stranger's contact")
  for contact in entry.contacts {
    switch contact.kind {
    case .email: precondition((try? EmailAddress(contact.address))?.text == contact.address)
    case .phone: precondition((try? PhoneNumber(contact.address))?.text == contact.address)
    }
  }
  // Another reader of JSON finds the same name, and a member that nobody knows is refused.
  guard let other = try? JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
    let name = other["username"] as? String
  else { preconditionFailure("read as JSON that is none") }
  precondition((try? Username(name)) == entry.username)
  let closing = line.lastIndex(of: UInt8(ascii: "}")) ?? 0
  let more = line[..<closing] + Array(#","pasword":"x"}"#.utf8)
  precondition((try? AccountImport.read(Array(more), now: now)) == nil, "a misspelled member was lost")
}

// MARK: keys

private let folder: String = {
  let folder = "/dev/shm/sparekey-fuzz-\(getpid())"
  try? FileManager.default.createDirectory(
    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
  atexit { try? FileManager.default.removeItem(atPath: "/dev/shm/sparekey-fuzz-\(getpid())") }
  return folder
}()

private func checkKeys(_ bytes: [UInt8]) {
  let path = folder + "/sparekey.keys"
  guard
    FileManager.default.createFile(
      atPath: path, contents: Data(bytes), attributes: [.posixPermissions: 0o600])
  else { preconditionFailure("no file could be made") }
  guard let keys = try? KeyFile.read(path) else { return }
  precondition(keys.masters.contains { $0.id == keys.current.id } && !keys.current.isWaiting)
  precondition(!keys.old.contains { $0.id == keys.current.id || $0.isWaiting })
  checkWritten(keys)
  let next = Secret(Array(repeating: 7, count: 32))
  if let more = keys.adding(next) {
    precondition(more.current.id == keys.current.id && more.waiting?.id == more.masters.map(\.id).max())
    checkWritten(more)
    let moved = more.makingCurrent(at: now)
    precondition(moved.current.secret.matches(next) && moved.waiting == nil)
    precondition(digests(moved) == digests(keys), "an enduring key changed")
    checkWritten(moved)
    for master in moved.old {
      let fewer = moved.retiring(master.id)
      // With the first one in its place all enduring keys stay as they are.
      precondition(digests(fewer) == digests(moved), "an enduring key left with its master")
      checkWritten(fewer)
    }
  }
}

private func digests(_ keys: MasterKeys) -> [KeyPurpose: [UInt8]] {
  keys.enduring.mapValues { $0.withUnsafeBytes { Array($0) } }
}

/// What is written is read as what it was.
private func checkWritten(_ keys: MasterKeys) {
  let path = folder + "/written.keys"
  guard (try? KeyFile.replace(path, with: keys)) != nil, let again = try? KeyFile.read(path) else {
    preconditionFailure("what was written cannot be read")
  }
  precondition(again.masters.count == keys.masters.count && again.kept.count == keys.kept.count)
  for (one, other) in zip(keys.masters, again.masters) {
    precondition(one.id == other.id && one.isWaiting == other.isWaiting && one.secret.matches(other.secret))
    precondition(one.since.map { $0.milliseconds / 1_000 } == other.since.map { $0.milliseconds / 1_000 })
  }
  for (purpose, secret) in keys.kept { precondition(again.kept[purpose]?.matches(secret) == true) }
}

// MARK: the database

private func checkAddress(_ text: String) {
  let hushed = "hush-7f3a91"
  // As it stands, and with a password before it.
  _ = try? PostgreSQLAddress(text)
  do throws(PostgreSQLAddress.Problem) {
    let address = try PostgreSQLAddress("postgresql://sparekey:\(hushed)@" + text)
    precondition(!address.text.contains(hushed) && !address.hosts.contains { $0.name.contains(hushed) })
    precondition(!address.hosts.isEmpty && address.text.utf8.starts(with: "postgresql://".utf8))
    for host in address.hosts {
      let words = host.parameters.map(\.keyword)
      precondition(Set(words).count == words.count, "libpq is told something twice")
      precondition(!words.contains("connect_timeout") && !words.contains("target_session_attrs"))
      precondition(host.parameters.first { $0.keyword == "client_encoding" }?.value == "UTF8")
      precondition(!host.parameters.contains { $0.keyword == "host" && $0.value.contains(",") })
    }
    precondition(
      (try? PostgreSQLAddress("postgresql://sparekey:\(hushed)@" + text, password: Secret("other"))) == nil)
  } catch {
    precondition(!error.description.contains(hushed))
  }
}
