import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SparekeyCore

/// What a request knows of its connection.
package struct WebContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  /// The address at the other end of the socket: a client, or a proxy.
  package let peer: String

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    let address = source.channel.remoteAddress?.ipAddress ?? "local"
    // An IPv4 client of a socket that listens on IPv6 too.
    peer = address.hasPrefix("::ffff:") ? String(address.dropFirst(7)) : address
  }

  package var maxUploadSize: Int { Form.largest }
}

extension Request {
  /// Who asks: the peer, or the client a trusted proxy names. The last entry of `X-Forwarded-For` is the one that
  /// proxy wrote itself.
  package func source(peer: String, trusting proxies: Set<String>) -> Source {
    var address = peer
    if proxies.contains(peer), let name = HTTPField.Name("X-Forwarded-For"),
      let forwarded = headers[name]?.split(separator: ",").last
    {
      address = forwarded.trimming(" ")
    }
    return Source(address: Self.network(of: address), agent: Self.device(headers[.userAgent] ?? ""))
  }

  /// IPv4 whole; IPv6 cut to /64, which one household has for itself.
  private static func network(of address: String) -> String {
    guard let parsed = try? SocketAddress(ipAddress: address, port: 0), case .v6(let v6) = parsed else {
      return String(address.prefix(45))
    }
    let bytes = withUnsafeBytes(of: v6.address.sin6_addr) { Array($0.prefix(8)) }
    let groups = stride(from: 0, to: 8, by: 2).map {
      String(Int(bytes[$0]) << 8 | Int(bytes[$0 + 1]), radix: 16)
    }
    return groups.joined(separator: ":") + "::"
  }

  /// "Firefox on Windows": enough for its owner to recognise it.
  private static func device(_ userAgent: String) -> String {
    let browser = [
      ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"),
      ("curl", "curl"),
    ].first { userAgent.contains($0.0) }?.1
    let system = [
      ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
      ("Mac OS", "Mac"),
      ("Linux", "Linux"),
    ].first { userAgent.contains($0.0) }?.1
    return [browser, system].compactMap(\.self).joined(separator: " · ")
  }
}

extension StringProtocol {
  fileprivate func trimming(_ character: Character) -> String {
    String(drop { $0 == character }.reversed().drop { $0 == character }.reversed())
  }
}
