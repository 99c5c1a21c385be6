import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import SparekeyWeb

@Suite struct `Where a request comes from` {
  @Test(arguments: [
    ("192.0.2.7", "192.0.2.7"), ("::ffff:192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
    ("2001:0DB8:0001:0002::1", "2001:db8:1:2::"), ("::1", "0:0:0:0::"), ("local", "local"),
  ])
  func `T8: IPv4 is counted whole, IPv6 by its /64, whatever the spelling`(address: String, network: String) {
    #expect(ClientNetwork(address).text == network)
  }

  @Test(arguments: [
    (nil, "192.0.2.1"), ("203.0.113.9", "203.0.113.9"), ("10.0.0.1, 203.0.113.9 ", "203.0.113.9"),
    ("203.0.113.9, 2001:db8::5", "2001:db8:0:0::"), ("", "192.0.2.1"), ("unknown", "192.0.2.1"),
    ("203.0.113.9, ' OR 1=1", "192.0.2.1"), ("203.0.113.9\u{0}", "192.0.2.1"),
    ("203.0.113.9:1234", "192.0.2.1"),
    ("x\u{604}, 203.0.113.9", "203.0.113.9"), ("\u{604},203.0.113.9", "203.0.113.9"),
  ])
  func
    `row 22: what a trusted proxy names is believed if it is an address; else all are counted as the proxy`(
      header: String?, network: String
    )
  {
    let proxies: Set = ["192.0.2.1"]
    #expect(ClientNetwork(peer: "192.0.2.1", forwardedFor: header, trusting: proxies).text == network)
    #expect(ClientNetwork(peer: "::ffff:192.0.2.1", forwardedFor: header, trusting: proxies).text == network)
    #expect(ClientNetwork(peer: "192.0.2.2", forwardedFor: header, trusting: proxies).text == "192.0.2.2")
  }

  @Test func `T9: connections are capped per IPv4 address and per IPv6 /64, never for a trusted proxy`()
    throws
  {
    let counter = ConnectionCounter()
    func connect(_ address: String) throws -> EmbeddedChannel {
      let channel = EmbeddedChannel()
      channel.remoteAddress = try SocketAddress(ipAddress: address, port: 1)
      channel.pipeline.fireChannelActive()
      try channel.connect(to: SocketAddress(ipAddress: address, port: 1)).wait()
      try channel.pipeline.syncOperations.addHandler(
        ConnectionGuard(counter: counter, uncounted: ["198.51.100.1"]))
      return channel
    }
    var open: [EmbeddedChannel] = []
    for number in 0..<ConnectionLimits.perNetwork {
      open.append(try connect("2001:db8:1:2::\(String(number, radix: 16))"))
    }
    #expect(open.count { !$0.isActive } == 0)
    let refused = try connect("2001:db8:1:2:ffff::1")
    #expect(!refused.isActive)
    open.append(try connect("2001:db8:1:3::1"))
    for _ in 0..<ConnectionLimits.perNetwork { open.append(try connect("192.0.2.7")) }
    for _ in 0..<(ConnectionLimits.perNetwork + 1) { open.append(try connect("::ffff:198.51.100.1")) }
    #expect(open.count { !$0.isActive } == 0)
    let wrapped = try connect("::ffff:192.0.2.7")
    #expect(!wrapped.isActive)
    try open[0].close().wait()
    let next = try connect("2001:db8:1:2:ffff::1")
    #expect(next.isActive, "a place is free again")
    for channel in open where channel.isActive { try channel.close().wait() }
  }

  @Test
  func `T9: heads, bodies and answers have their times, which single bytes and earlier requests do not move`()
    throws
  {
    let request = HTTPRequest(method: .post, scheme: nil, authority: "localhost", path: "/")
    /// A connection on which one request was answered after five seconds.
    func connected() throws -> EmbeddedChannel {
      let channel = EmbeddedChannel()
      try channel.connect(to: SocketAddress(ipAddress: "192.0.2.7", port: 1)).wait()
      try channel.pipeline.syncOperations.addHandler(
        ConnectionGuard(counter: ConnectionCounter(), uncounted: []))
      try channel.writeInbound(HTTPRequestPart.head(request))
      try channel.writeInbound(HTTPRequestPart.end(nil))
      channel.embeddedEventLoop.advanceTime(by: .seconds(5))
      try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
      try channel.writeOutbound(HTTPResponsePart.end(nil))
      return channel
    }
    func stays(_ channel: EmbeddedChannel, _ time: TimeAmount) {
      channel.embeddedEventLoop.advanceTime(by: time - .milliseconds(1))
      #expect(channel.isActive)
      channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
      #expect(!channel.isActive)
    }
    stays(try connected(), ConnectionLimits.head)

    let dripping = try connected()
    dripping.embeddedEventLoop.advanceTime(by: .seconds(20))
    try dripping.writeInbound(HTTPRequestPart.head(request))
    dripping.embeddedEventLoop.advanceTime(by: .seconds(4))
    try dripping.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "a")))
    stays(dripping, ConnectionLimits.body - .seconds(4))

    let unanswered = try connected()
    try unanswered.writeInbound(HTTPRequestPart.head(request))
    unanswered.embeddedEventLoop.advanceTime(by: .seconds(9))
    try unanswered.writeInbound(HTTPRequestPart.end(nil))
    stays(unanswered, ConnectionLimits.answer)
  }

  @Test(arguments: [
    "https://l=\u{1E}", "https://exa%6dple.org", "https://münchen.example", "https://a@b.example",
    "https://b.example/x", "ftp://b.example", "https://",
  ])
  func `T24: a public URL is a plain host and nothing else`(text: String) {
    #expect(PublicURL(text) == nil)
  }

  @Test func `T24: a Host that merely decodes to this machine's name is another's`() {
    #expect(PublicURL("http://%6cocalhost:8080") == nil)
    #expect(PublicURL("http://localhost:8080")?.isLocal == true && PublicURL("http://[::1]")?.isLocal == true)
  }
}

@Suite struct `Forms` {
  @Test func `Q5: fields are read byte by byte`() {
    #expect(formFields(of: "a=1&&b=%C3%A9+x=&c") == ["a": "1", "b": "é x=", "c": ""])
    // A combining mark after a sign makes one character of the two, and is still not part of the sign.
    #expect(formFields(of: "a=1&\u{301}b=2") == ["a": "1", "\u{301}b": "2"])
    #expect(formFields(of: "a=\u{301}1") == ["a": "\u{301}1"])
  }

  @Test(arguments: ["a=%", "a=%4", "a=%zz", "%FF=1", "a=%C3", "a=1&a=2", "a=1&%61=2", "a&a"])
  func `row 14: broken encoding and repeated names are refused`(text: String) {
    #expect(formFields(of: text) == nil)
  }
}
