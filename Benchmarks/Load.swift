import Foundation

#if canImport(Glibc)
  import Glibc
#endif

/// Offers load to the service over kept connections, costing the machine as little as a client can.
///
///     load WHAT PORT SECONDS CONNECTIONS [RATE]      people on standard input: username TAB token TAB recovery code
///
/// WHAT is `GET PATH` as one word (`GET:/healthz`), `session`, `generate`, `sign-in`, `recovery`.
/// Every connection asks again as soon as it has its answer; with a RATE, all of them
/// together ask that often per second, whether the service keeps up or not. Prints one line of JSON: what was completed,
/// the statuses, latencies in milliseconds and the client's own processor seconds.
@main enum Load {
  static let password = "eleven owls over the lake"

  static func main() throws {
    let words = CommandLine.arguments.dropFirst()
    guard words.count >= 4, let port = UInt16(words[2]), let seconds = Double(words[3]),
      let connections = Int(words[4])
    else {
      print("load WHAT PORT SECONDS CONNECTIONS [RATE]")
      exit(64)
    }
    let rate = words.count > 4 ? Double(words[5]) : nil
    var people: [Person] = []
    while let line = readLine() {
      let fields = line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
      people.append(Person(name: fields[0], token: fields[1], code: fields[2]))
    }
    signal(SIGPIPE, SIG_IGN)
    let until = now() + seconds
    let workers = (0..<connections).map { number in
      Worker(
        what: words[1], port: port,
        people: stride(from: number, to: max(people.count, number + 1), by: connections)
          .map { people.isEmpty ? Person(name: "", token: "", code: "") : people[$0 % people.count] },
        pause: rate.map { Double(connections) / $0 }, offset: Double(number) / Double(connections))
    }
    let begun = now()
    let threads = workers.map { worker in
      let thread = Thread { worker.work(until: until) }
      thread.stackSize = 256 << 10
      thread.start()
      return thread
    }
    while threads.contains(where: { !$0.isFinished }) { usleep(2_000) }
    let lasted = now() - begun
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    print(report(workers, lasted: lasted, processor: usage.ru_utime.seconds + usage.ru_stime.seconds))
  }

  static func report(_ workers: [Worker], lasted: Double, processor: Double) -> String {
    let completed = workers.flatMap(\.completed).sorted()
    let refused = workers.flatMap(\.refused).sorted()
    var statuses: [Int: Int] = [:]
    for worker in workers { statuses.merge(worker.statuses) { $0 + $1 } }
    let refusedWithoutWord = workers.map(\.refusedWithoutWord).reduce(0, +)
    func part(_ values: [Double], _ share: Double) -> String {
      values.isEmpty
        ? "null"
        : String(format: "%.3f", 1_000 * values[min(values.count - 1, Int(Double(values.count) * share))])
    }
    return """
      {"completed": \(completed.count), "per_second": \(String(format: "%.2f", Double(completed.count) / lasted)), \
      "median_ms": \(part(completed, 0.5)), "p99_ms": \(part(completed, 0.99)), \
      "refused": \(refused.count), "refused_median_ms": \(part(refused, 0.5)), \
      "refused_p99_ms": \(part(refused, 0.99)), "refused_without_retry_after": \(refusedWithoutWord), \
      "broken_connections": \(workers.map(\.broken).reduce(0, +)), \
      "statuses": {\(statuses.sorted { $0.key < $1.key }.map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", "))}, \
      "client_processor_seconds": \(String(format: "%.3f", processor)), "seconds": \(String(format: "%.3f", lasted))}
      """
  }
}

struct Person {
  let name: String
  let token: String
  var code: String
}

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
}

extension timeval {
  var seconds: Double { Double(tv_sec) + Double(tv_usec) / 1e6 }
}

/// One connection, and whoever uses it in turn.
final class Worker: @unchecked Sendable {
  private let what: String
  private let port: UInt16
  private var people: [Person]
  private let pause: Double?
  private let offset: Double
  private var next = 0
  private var socket: Int32 = -1
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)

  /// Seconds that whole journeys took, first byte sent to last byte read.
  private(set) var completed: [Double] = []
  private(set) var refused: [Double] = []
  private(set) var statuses: [Int: Int] = [:]
  private(set) var refusedWithoutWord = 0
  private(set) var broken = 0

  init(what: String, port: UInt16, people: [Person], pause: Double?, offset: Double) {
    (self.what, self.port, self.people, self.pause, self.offset) = (what, port, people, pause, offset)
  }

  func work(until: Double) {
    var due = now() + (pause ?? 0) * offset
    while now() < until {
      if let pause {
        let wait = due - now()
        if wait > 0 { usleep(UInt32(wait * 1e6)) }
        due += pause
      }
      let begun = now()
      guard let done = once() else {
        broken += 1
        if socket >= 0 { close(socket) }
        socket = -1
        usleep(10_000)
        continue
      }
      let took = now() - begun
      if done { completed.append(took) } else { refused.append(took) }
    }
    if socket >= 0 { close(socket) }
  }

  /// - Returns: whether the whole of it was done; nil when the connection broke.
  private func once() -> Bool? {
    let index = next % people.count
    let person = people[index]
    next += 1
    switch what {
    case "session": return call("GET", "/api/v1/session", token: person.token).map { $0.status == 200 }
    case "generate":
      return call("POST", "/api/v1/recovery-code", body: "{}", token: person.token).map { $0.status == 201 }
    case "sign-in":
      guard let started = call("POST", "/api/v1/sign-in", body: #"{"username":"\#(person.name)"}"#) else {
        return nil
      }
      guard started.status == 200, let journey = started.member("journey") else { return false }
      return call(
        "POST", "/api/v1/sign-in/password", body: #"{"journey":"\#(journey)","password":"\#(Load.password)"}"#
      ).map { $0.status == 200 }
    case "recovery":
      guard let started = call("POST", "/api/v1/recovery", body: #"{"username":"\#(person.name)"}"#) else {
        return nil
      }
      guard started.status == 200, let first = started.member("journey") else { return false }
      guard
        let proved = call(
          "POST", "/api/v1/recovery/recovery-code", body: #"{"journey":"\#(first)","code":"\#(person.code)"}"#
        )
      else { return nil }
      guard proved.status == 200, let second = proved.member("journey") else { return false }
      guard
        let ended = call(
          "POST", "/api/v1/recovery/new-password",
          body: #"{"journey":"\#(second)","password":"\#(Load.password)"}"#)
      else { return nil }
      guard ended.status == 200, let code = ended.member("recoveryCode") else { return false }
      people[index].code = code
      return true
    default:
      let parts = what.split(separator: ":", maxSplits: 1).map(String.init)
      return call(parts[0], parts[1]).map { $0.status == 200 }
    }
  }

  struct Answer {
    let status: Int
    let body: String

    /// A member's text, in JSON that escapes nothing in it.
    func member(_ name: String) -> String? {
      guard let key = body.range(of: "\"\(name)\":\"") else { return nil }
      return body[key.upperBound...].firstIndex(of: "\"").map { String(body[key.upperBound..<$0]) }
    }
  }

  private func call(_ method: String, _ path: String, body: String? = nil, token: String? = nil) -> Answer? {
    if socket < 0 { connect() }
    guard socket >= 0 else { return nil }
    var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost:\(port)\r\n"
    if let token { head += "Authorization: Bearer \(token)\r\n" }
    if let body { head += "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n" }
    let message = Array("\(head)\r\n\(body ?? "")".utf8)
    guard send(socket, message, message.count, Int32(MSG_NOSIGNAL)) == message.count else { return nil }
    var answer: [UInt8] = []
    var whole: Int?
    var bodyStart = 0
    while whole.map({ answer.count < $0 }) ?? true {
      let count = recv(socket, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      answer += buffer[..<count]
      guard whole == nil, let end = endOfHead(answer) else { continue }
      bodyStart = end
      whole = end + (header("content-length", in: answer[..<end]).flatMap { Int($0) } ?? 0)
    }
    let fields = answer[..<bodyStart]
    let status = answer.count > 12 ? Int(String(decoding: answer[9..<12], as: UTF8.self)) ?? 0 : 0
    statuses[status, default: 0] += 1
    if status == 503, header("retry-after", in: fields) == nil { refusedWithoutWord += 1 }
    if header("connection", in: fields) == "close" {
      close(socket)
      socket = -1
    }
    return Answer(status: status, body: String(decoding: answer[bodyStart...], as: UTF8.self))
  }

  private func endOfHead(_ bytes: [UInt8]) -> Int? {
    guard bytes.count >= 4 else { return nil }
    for place in 3..<bytes.count
    where bytes[place] == 10 && bytes[place - 1] == 13 && bytes[place - 2] == 10 && bytes[place - 3] == 13 {
      return place + 1
    }
    return nil
  }

  /// - Parameter name: in small letters.
  private func header(_ name: String, in head: ArraySlice<UInt8>) -> String? {
    let wanted = name.utf8
    for line in head.split(separator: 10)
    where line.dropFirst(wanted.count).first == UInt8(ascii: ":")
      && line.starts(with: wanted, by: { $0 | 32 == $1 })
    {
      return String(decoding: line.dropFirst(wanted.count + 1), as: UTF8.self)
        .trimmingCharacters(in: .whitespacesAndNewlines)
    }
    return nil
  }

  private func connect() {
    socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var yes: Int32 = 1
    setsockopt(socket, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
    var address = sockaddr_in(
      sin_family: sa_family_t(AF_INET), sin_port: port.bigEndian,
      sin_addr: in_addr(s_addr: UInt32(0x7F00_0001).bigEndian), sin_zero: (0, 0, 0, 0, 0, 0, 0, 0))
    let connected = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Glibc.connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard connected == 0 else {
      close(socket)
      socket = -1
      return
    }
  }
}
