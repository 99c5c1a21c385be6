import HTTPTypes
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTPTypes

/// Limits on connections: what a slow or greedy client can hold (T9).
package enum ConnectionLimits {
  /// From opening, or from the end of an answer, to a whole head: also how long an idle connection is kept.
  package static let head = TimeAmount.seconds(30)
  /// From the head to the end of the body, however slowly it drips.
  package static let body = TimeAmount.seconds(10)
  /// From the end of the request until the answer is taken.
  package static let answer = TimeAmount.seconds(60)
  /// Open connections from one address, or from one /64 of IPv6.
  package static let perNetwork = 256
}

/// Counts the connections of each network.
package final class ConnectionCounter: Sendable {
  private let counts = NIOLockedValueBox<[ClientNetwork: Int]>([:])

  package init() {}

  fileprivate func open(_ network: ClientNetwork) -> Bool {
    counts.withLockedValue { counts in
      counts[network, default: 0] += 1
      return counts[network, default: 0] <= ConnectionLimits.perNetwork
    }
  }

  fileprivate func close(_ network: ClientNetwork) {
    counts.withLockedValue { counts in
      let left = counts[network, default: 1] - 1
      counts[network] = left > 0 ? left : nil
    }
  }
}

/// Closes a connection that takes too long over a request or an answer, or is one too many from its network. Deadlines
/// are for whole messages: single bytes do not move them.
package final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  package typealias InboundIn = HTTPRequestPart
  package typealias InboundOut = HTTPRequestPart
  package typealias OutboundIn = HTTPResponsePart
  package typealias OutboundOut = HTTPResponsePart

  private let counter: ConnectionCounter
  /// Proxies carry many people's connections.
  private let uncounted: Set<String>
  private var network: ClientNetwork?
  private var deadline = NIODeadline.distantFuture
  /// When it is looked whether the deadline has passed: never after it.
  private var look: (at: NIODeadline, task: Scheduled<Void>)?

  package init(counter: ConnectionCounter, uncounted: Set<String>) {
    self.counter = counter
    self.uncounted = uncounted
  }

  package func handlerAdded(context: ChannelHandlerContext) {
    // Tests of this guard alone have no codec before it.
    try? FramingGuard.add(to: context.pipeline.syncOperations)
    let address = context.remoteAddress?.ipAddress ?? ""
    guard !uncounted.contains(ClientNetwork.plain(address)) else {
      return expect(ConnectionLimits.head, context)
    }
    let network = ClientNetwork(address)
    self.network = network
    guard counter.open(network) else { return context.close(promise: nil) }
    expect(ConnectionLimits.head, context)
  }

  package func channelInactive(context: ChannelHandlerContext) {
    leave()
    context.fireChannelInactive()
  }

  package func handlerRemoved(context: ChannelHandlerContext) { leave() }

  private func leave() {
    look?.task.cancel()
    look = nil
    if let network { counter.close(network) }
    network = nil
  }

  package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head: expect(ConnectionLimits.body, context)
    case .body: break
    case .end: expect(ConnectionLimits.answer, context)
    }
    context.fireChannelRead(data)
  }

  package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard case .end = unwrapOutboundIn(data) else { return context.write(data, promise: promise) }
    let taken = promise ?? context.eventLoop.makePromise(of: Void.self)
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    taken.futureResult.whenSuccess {
      let (handler, context) = bound.value
      if context.channel.isActive { handler.expect(ConnectionLimits.head, context) }
    }
    context.write(data, promise: taken)
  }

  private func expect(_ time: TimeAmount, _ context: ChannelHandlerContext) {
    deadline = context.eventLoop.now + time
    // An earlier look finds the new deadline. A timer for each message would cost a tenth of a small request.
    if let look, look.at <= deadline { return }
    look?.task.cancel()
    lookAtDeadline(context)
  }

  private func lookAtDeadline(_ context: ChannelHandlerContext) {
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    let task = context.eventLoop.scheduleTask(deadline: deadline) {
      let (handler, context) = bound.value
      handler.look = nil
      guard handler.deadline > context.eventLoop.now else { return context.close(promise: nil) }
      handler.lookAtDeadline(context)
    }
    look = (deadline, task)
  }
}
