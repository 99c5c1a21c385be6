// Sources: Sources/SparekeyWeb/Shell/Cookies.swift
// Core: whole

import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

@testable import SparekeyCore

/// Feeds what apps and browsers send: requests, addresses, tokens, cookies. The first byte says which.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOpenID(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  guard let mode = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  let text = String(decoding: bytes, as: UTF8.self)
  switch mode % 6 {
  case 0: checkRequest(bytes)
  case 1: checkAddress(text)
  case 2: checkAccepting(bytes)
  case 3: checkToken(text)
  case 4: checkWrittenToken(bytes)
  default: checkCookies(text)
  }
  return 0
}

private let now = Timestamp(milliseconds: 1_800_000_000_000)

private func client(_ kind: Client.Kind, _ address: String) -> Client {
  Client(
    id: ClientID(text: "c"), name: "Notes", kind: kind, secretDigest: nil, redirectURIs: [address],
    createdAt: now)
}

// MARK: requests

/// Parameters stand as `name=value`, a zero byte between them; a line of its own makes most of them good.
private func checkRequest(_ bytes: [UInt8]) {
  var values = [
    "response_type": "code", "scope": "openid", "code_challenge_method": "S256",
    "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  ]
  for pair in bytes.split(separator: 0) {
    let sides = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
    let value = sides.count > 1 ? String(decoding: sides[1], as: UTF8.self) : ""
    values[String(decoding: sides[0], as: UTF8.self)] = value.isEmpty ? nil : value
  }
  let address = "https://notes.example.org/signed-in?a=b"
  let state = values["state"]
  do throws(AuthorizationError) {
    let request = try AuthorizationRequest.read(
      { values[$0] }, of: client(.public, address), redirectURI: address, at: now)
    checkGood(request, values)
    checkAnswer([("code", "abc"), ("state", request.state), ("iss", "https://x")], at: address, state: state)
  } catch {
    precondition(error.description.utf8.allSatisfy { (0x20...0x7E).contains($0) })
    checkAnswer(
      [("error", error.code.rawValue), ("error_description", error.description), ("state", state)],
      at: address, state: state)
  }
}

private func checkGood(_ request: AuthorizationRequest, _ values: [String: String]) {
  let prompts = Set((values["prompt"] ?? "").split(separator: " ").map(String.init))
  precondition(values["response_type"] == "code" && values["code_challenge_method"] == "S256")
  precondition(values["request"] == nil && values["request_uri"] == nil)
  precondition(Base64URL.decode(request.challenge)?.count == 32, "a challenge that is no digest")
  precondition(request.scopes.contains(.openid) && Scope.read(Scope.text(request.scopes)) == request.scopes)
  precondition(request.isSilent == (prompts == ["none"]), "silence and questions at once")
  precondition(!(request.isSilent && request.asksConsent))
  precondition(request.asksConsent == !prompts.isDisjoint(with: ["consent", "select_account"]))
  precondition(request.state == values["state"] && request.nonce == values["nonce"])
  precondition(!prompts.contains("login") || request.authenticatedSince == now)
  precondition(request.authenticatedSince.map { $0 <= now } ?? true)
  precondition(values["max_age"] == nil || request.authenticatedSince != nil)
  guard let encoded = try? JSON.encode(request), encoded.count <= AuthorizationRequest.largest,
    let again = try? JSON.decode(AuthorizationRequest.self, from: encoded)
  else { preconditionFailure("what was read cannot travel") }
  precondition(again == request)
}

/// Whatever an app put into its request, it comes back in one place and as it was.
private func checkAnswer(_ values: [(String, String?)], at text: String, state: String?) {
  guard let address = AppAddress(text) else { preconditionFailure("a good address is none") }
  let answer = address.adding(values)
  precondition(answer.hasPrefix(text) && answer.utf8.allSatisfy { (0x21...0x7E).contains($0) })
  guard let read = URLComponents(string: answer), let before = URLComponents(string: text) else {
    preconditionFailure("an answer that is no address")
  }
  precondition(read.fragment == nil && read.host == before.host && read.path == before.path)
  let items = read.queryItems ?? []
  let own = values.filter { $0.1 != nil }
  precondition(items.count == (before.queryItems ?? []).count + own.count, "a parameter more than was meant")
  let returned = items.filter { $0.name == "state" }
  precondition(returned.count == (state == nil ? 0 : 1))
  if let state {
    precondition(returned[0].value.map { Array($0.utf8) == Array(state.utf8) } == true, "another state")
  }
}

// MARK: addresses

private func checkAddress(_ text: String) {
  guard let address = AppAddress(text) else { return }
  precondition(address.text == text && text.utf8.count <= 512)
  precondition(text.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !text.contains { "#@\\".contains($0) })
  guard let colon = text.firstIndex(of: ":") else { preconditionFailure("no scheme") }
  let scheme = text[..<colon]
  precondition(scheme == scheme.lowercased() && scheme != "javascript" && scheme != "data")
  let host = authority(of: text).map { $0.withoutPort.removingPercentEncoding ?? "" }
  switch scheme {
  case "https": precondition(host?.isEmpty == false, "https to nowhere")
  case "http":
    precondition(
      host.map { ["localhost", "127.0.0.1", "[::1]"].contains($0) } == true, "http to another machine")
  default: precondition(scheme.contains("."), "a scheme that nobody owns")
  }
  // It goes into a page's policy, where these would mean something.
  precondition(!address.origin.contains { " ;,'\"".contains($0) } && text.hasPrefix(address.origin))
  precondition(client(.confidential, text).accepts(redirectURI: text))
  precondition(!client(.confidential, text).accepts(redirectURI: text + "/"))
  let added = address.adding([("code", "a&b=c#d")])
  precondition(added.hasPrefix(text) && added.hasSuffix("code=a%26b%3Dc%23d"))
}

/// Only the port of a loopback address may differ, and only for a public client.
private func checkAccepting(_ bytes: [UInt8]) {
  let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
  guard parts.count == 2 else { return }
  let registered = String(decoding: parts[0], as: UTF8.self)
  let asked = String(decoding: parts[1], as: UTF8.self)
  // Swift's strings are equal when they are canonically equivalent; both go through the rules for addresses.
  precondition(client(.confidential, registered).accepts(redirectURI: asked) == (registered == asked))
  guard registered != asked, client(.public, registered).accepts(redirectURI: asked) else { return }
  guard AppAddress(registered) != nil, AppAddress(asked) != nil, let one = authority(of: registered),
    let other = authority(of: asked)
  else { preconditionFailure("accepted without being an address") }
  precondition(registered.hasPrefix("http://") && asked.hasPrefix("http://"))
  precondition(one.withoutPort == other.withoutPort, "another host")
  let host = one.withoutPort.removingPercentEncoding ?? ""
  precondition(["127.0.0.1", "[::1]"].contains(host), "not on this machine")
  precondition(
    registered.dropFirst("http://\(one)".count) == asked.dropFirst("http://\(other)".count), "another path")
}

/// What stands between the slashes, read by hand.
private func authority(of text: String) -> Substring? {
  guard let slashes = text.range(of: "://") else { return nil }
  return text[slashes.upperBound...].prefix { !"/?#".contains($0) }
}

extension Substring {
  fileprivate var withoutPort: String {
    guard let colon = lastIndex(of: ":"), !self[colon...].contains("]") else { return String(self) }
    return String(self[..<colon])
  }
}

// MARK: tokens

private func checkToken(_ text: String) {
  guard let parts = SignedToken.Parts(text) else { return }
  precondition(text.utf8.count <= 8_192)
  let message = String(decoding: parts.message, as: UTF8.self)
  precondition("\(message).\(Base64URL.encode(parts.signature))" == text, "two spellings of one token")
  precondition(message.hasSuffix("." + Base64URL.encode(parts.claims)))
  for other in [text + ".", "." + text, text + "=", " " + text, text + "\n"] {
    precondition(SignedToken.Parts(other) == nil, "more than a token")
  }
}

private func checkWrittenToken(_ bytes: [UInt8]) {
  let pieces = bytes.split(separator: 0, maxSplits: 2, omittingEmptySubsequences: false).map(Array.init)
  guard pieces.count == 3 else { return }
  let text = pieces.map(Base64URL.encode).joined(separator: ".")
  let header = try? JSON.decode(SignedToken.Header.self, from: pieces[0])
  let parts = SignedToken.Parts(text)
  precondition((parts != nil) == (header != nil && text.utf8.count <= 8_192))
  guard let parts else { return }
  precondition(parts.claims == pieces[1] && parts.signature == pieces[2] && parts.header.alg == header?.alg)
  precondition(
    parts.message
      == Array(text.utf8.prefix { _ in true }.dropLast(Base64URL.encode(pieces[2]).utf8.count + 1)))
}

// MARK: cookies

private func checkCookies(_ text: String) {
  var head = HTTPRequest(method: .get, scheme: "https", authority: "localhost", path: "/")
  head.headerFields[.cookie] = text
  let sent = head.headerFields[.cookie] ?? ""
  let request = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
  for cookie in CookieName.allCases {
    for https in [false, true] {
      let name = (https ? "__Host-" : "") + "sparekey-" + cookie.rawValue
      guard let value = request.cookie(cookie, https: https) else { continue }
      precondition(sent.contains(name) && sent.contains(value) && !value.contains(";"))
      // By hand: a pair whose name is this one, and no longer one that ends alike.
      let pairs = sent.split(separator: ";").map { $0.drop { $0.isWhitespace } }
      precondition(pairs.contains { $0.hasPrefix(name) }, "another cookie was read")
    }
  }
  // What is set comes back.
  let value = Base64URL.encode(Array(text.utf8))
  for https in [false, true] {
    let set = CookieChange(cookie: .journey, value: value).header(https: https)
    precondition(set.contains("; HttpOnly; SameSite=Lax") && set.contains("; Secure") == https)
    head.headerFields[.cookie] = String(set.prefix { $0 != ";" })
    let again = Request(head: head, body: RequestBody(buffer: ByteBuffer()))
    precondition(value.isEmpty || again.cookie(.journey, https: https) == value)
    precondition(again.cookie(.session, https: https) == nil && again.cookie(.journey, https: !https) == nil)
  }
}
