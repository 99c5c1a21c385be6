import Glibc

/// Where someone comes from, as limits count it: IPv4 whole; IPv6 cut to /64, which one household has for itself.
package struct ClientNetwork: Hashable, Sendable {
  package let text: String

  /// - Parameter address: what the other end of a connection is called: an address, or any name that it is counted by.
  package init(_ address: String) {
    text = Self.network(of: address) ?? String(address.prefix(45))
  }

  /// Who asks: the peer, or the client that a trusted proxy names. The last entry of `X-Forwarded-For` is the one that
  /// proxy wrote itself. If that is no address, all who come through the proxy are counted as one.
  package init(peer: String, forwardedFor: String?, trusting proxies: Set<String>) {
    // By bytes: a letter that joins the comma after it must not hide the proxy's own entry.
    let last =
      proxies.contains(Self.plain(peer)) ? forwardedFor?.utf8.split(separator: UInt8(ascii: ",")).last : nil
    let client = last.flatMap { entry in
      let blank = UInt8(ascii: " ")
      return String(entry.drop { $0 == blank }.prefix { $0 != blank })
    }
    self.init(client.flatMap { Self.network(of: $0) == nil ? nil : $0 } ?? peer)
  }

  /// An IPv4 client of a socket that listens on IPv6 too has an address of both kinds: without the wrapping.
  package static func plain(_ address: String) -> String {
    let rest = address.dropFirst(7)
    return address.hasPrefix("::ffff:") && rest.contains(".") ? String(rest) : address
  }

  private static func network(of address: String) -> String? {
    let address = plain(address)
    var four = in_addr()
    // The system's reader stops at a NUL.
    guard !address.utf8.contains(0) else { return nil }
    if inet_pton(AF_INET, address, &four) == 1 { return address }
    var six = in6_addr()
    guard inet_pton(AF_INET6, address, &six) == 1 else { return nil }
    let bytes = withUnsafeBytes(of: six) { Array($0.prefix(8)) }
    let groups = stride(from: 0, to: 8, by: 2).map {
      String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16)
    }
    return groups.joined(separator: ":") + "::"
  }
}
