import NIOCore
import NIOHTTP1
import NIOHTTPTypesHTTP1

/// Refuses a request of HTTP/1.0 with a Transfer-Encoding: where it ends is seen one way by some proxies and another way
/// by others, so that one can hide in the other's body (RFC 9112, section 6.1).
final class FramingGuard: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias InboundOut = HTTPServerRequestPart
  typealias OutboundOut = HTTPServerResponsePart

  private var isRefused = false

  /// Puts one where the version can still be seen.
  static func add(to pipeline: ChannelPipeline.SynchronousOperations) throws {
    try pipeline.addHandler(
      FramingGuard(), position: .before(pipeline.handler(type: HTTP1ToHTTPServerCodec.self)))
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    guard !isRefused else { return }
    guard case .head(let head) = unwrapInboundIn(data), head.version != .http1_1,
      head.headers.contains(name: "transfer-encoding")
    else { return context.fireChannelRead(data) }
    isRefused = true
    let answer = HTTPResponseHead(
      version: .http1_1, status: .badRequest, headers: ["content-length": "0", "connection": "close"])
    context.write(wrapOutboundOut(.head(answer)), promise: nil)
    context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    context.close(promise: nil)
  }
}
