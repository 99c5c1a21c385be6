// Sources: Sources/SparekeyWeb/Shell/ClientNetwork.swift Sources/SparekeyWeb/Shell/PublicURL.swift

import Foundation

/// Feeds ``ClientNetwork`` with what a proxy might write, and ``PublicURL`` with what may stand in a Host header.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSource(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  let text = String(decoding: input.dropFirst(), as: UTF8.self)
  switch mode % 3 {
  case 0: checkForwarded(text)
  case 1: checkIPv6(Array(input.dropFirst()))
  default: checkHost(text)
  }
  return 0
}

private func checkForwarded(_ text: String) {
  let proxy = ClientNetwork("192.0.2.1")
  precondition(
    ClientNetwork(peer: "192.0.2.1", forwardedFor: text, trusting: []) == proxy, "a stranger was believed")
  let believed = ClientNetwork(peer: "192.0.2.1", forwardedFor: text, trusting: ["192.0.2.1"])
  precondition(
    believed == ClientNetwork(peer: "::ffff:192.0.2.1", forwardedFor: text, trusting: ["192.0.2.1"]))
  precondition(believed == proxy || isAddress(believed.text), "no address, and yet it is counted apart")
  // Only the last entry is the proxy's own: nothing before it changes anything.
  let prepended = ClientNetwork(
    peer: "192.0.2.1", forwardedFor: "203.0.113.5, " + text + ", 198.51.100.7", trusting: ["192.0.2.1"])
  precondition(prepended.text == "198.51.100.7")
  precondition(ClientNetwork(text).text.utf8.count <= 45 * 4 * 8)
  precondition(ClientNetwork(text).text.count <= 45)
}

/// Any two addresses of one /64 are one, whatever the spelling; the next /64 is another.
private func checkIPv6(_ bytes: [UInt8]) {
  guard bytes.count >= 24, bytes[0...1] != [0, 0] else { return }
  func spelled(_ bytes: [UInt8], long: Bool) -> String {
    stride(from: 0, to: 16, by: 2).map { index in
      let group = String(Int(bytes[index]) << 8 | Int(bytes[index + 1]), radix: 16, uppercase: long)
      return long ? String(repeating: "0", count: 4 - group.count) + group : group
    }.joined(separator: ":")
  }
  let one = ClientNetwork(spelled(bytes, long: true))
  let neighbour = ClientNetwork(spelled(Array(bytes[0..<8] + bytes[16..<24]), long: false))
  precondition(one == neighbour)
  precondition(ClientNetwork(one.text) == one)
  var next = bytes
  next[7] ^= 1
  precondition(ClientNetwork(spelled(next, long: false)) != one)
}

private func isAddress(_ text: String) -> Bool {
  var bytes = in6_addr()
  return inet_pton(AF_INET, text, &bytes) == 1 || inet_pton(AF_INET6, text, &bytes) == 1
}

private func checkHost(_ text: String) {
  if let read = PublicURL(text) {
    precondition(PublicURL(read.text) == read, "its own spelling reads differently")
    precondition(read.text.hasPrefix(read.isHTTPS ? "https://" : "http://"))
    precondition(!read.authority.contains { "/?#@ \r\n".contains($0) })
  }
  // What decides whether a Host is this machine's own.
  guard let host = PublicURL("http://\(text)"), host.isLocal else { return }
  let lower = host.authority
  let known = ["localhost", "127.0.0.1", "[::1]"].contains { name in
    lower == name
      || lower.hasPrefix(name + ":")
        && lower.dropFirst(name.count + 1).allSatisfy { ("0"..."9").contains($0) }
  }
  precondition(known, "another machine passes for this one: \(lower)")
}
