import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import SparekeyCore

/// The largest body that a route reads, in bytes. Those that only show something read none.
package enum BodyLimits {
  /// Forms and API calls: a journey with a passkey's answer, or a letter to support.
  package static let form = 16_384
  /// What apps send: a request, a code, a token.
  package static let app = 8_192
}

/// What a request knows of its connection.
package struct WebContext: RequestContext {
  package var coreContext: CoreRequestContextStorage
  /// The address at the other end of the socket: a client, or a proxy.
  package let peer: String

  package init(source: ApplicationRequestContextSource) {
    coreContext = .init(source: source)
    peer = source.channel.remoteAddress?.ipAddress ?? "local"
  }

  package var maxUploadSize: Int { BodyLimits.form }
}

extension Request {
  /// Empty for what only shows something.
  /// - Throws: `NIOTooManyBytesError`; 400 for a body that HTTP itself cannot read, such as a chunk of no length.
  package func wholeBody(upTo limit: Int) async throws -> ByteBuffer {
    guard method != .get, method != .head else { return ByteBuffer() }
    do {
      return try await body.collect(upTo: limit)
    } catch let error as NIOTooManyBytesError {
      throw error
    } catch {
      throw HTTPError(.badRequest)
    }
  }
}

extension HTTPFields {
  /// Who asks: the peer, or the client that a trusted proxy names.
  package func source(peer: String, trusting proxies: Set<String>) -> Source {
    let forwarded = HTTPField.Name.forwardedFor.flatMap { self[$0] }
    return Source(
      address: ClientNetwork(peer: peer, forwardedFor: forwarded, trusting: proxies).text,
      agent: Self.device(self[.userAgent] ?? ""))
  }

  /// "Firefox on Windows": enough for its owner to recognise it.
  private static func device(_ userAgent: String) -> String {
    // By bytes: searching in text takes more of a request than all that is done with it.
    let agent = Array(userAgent.utf8)
    func says(_ word: String) -> Bool {
      let word = Array(word.utf8)
      return agent.indices.contains { agent[$0...].starts(with: word) }
    }
    let browser = [
      ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox", "Firefox"), ("Chrom", "Chrome"), ("Safari", "Safari"),
      ("curl", "curl"),
    ].first { says($0.0) }?.1
    let system = [
      ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
      ("Mac OS", "Mac"),
      ("Linux", "Linux"),
    ].first { says($0.0) }?.1
    return [browser, system].compactMap(\.self).joined(separator: " · ")
  }
}

extension HTTPField.Name {
  fileprivate static let forwardedFor = HTTPField.Name("X-Forwarded-For")
}
