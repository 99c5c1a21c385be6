import CCurl
import Glibc
import NIOConcurrencyHelpers
import SparekeyCore

/// One exchange with another machine through libcurl: ten seconds to connect, thirty in all. It blocks, so it has a
/// thread of its own; whoever starts transfers bounds how many there are.
///
/// It never takes a proxy from the environment, never follows a redirect, and always checks the certificate.
struct Transfer: Sendable {
  struct Outcome: Sendable {
    let code: CURLcode
    /// The last reply's number, 0 without one.
    let reply: Int
    /// libcurl's own words for what failed. They name hosts and reply numbers, never what was sent.
    let words: String
  }

  let url: String
  /// The only ones that may be spoken, such as "smtp,smtps".
  let protocols: String
  /// The only certificates to trust instead of the system's: the path of a PEM file.
  var trusted: String?
  var texts: [(CURLoption, String)] = []
  var numbers: [(CURLoption, Int)] = []
  var lists: [(CURLoption, [String])] = []
  /// The mail, or the body of a POST.
  var body: [UInt8] = []

  /// Runs it. When the task is cancelled it ends at once, unless everything was handed over: then the answer counts.
  func perform() async -> Outcome {
    let exchange = Exchange(body)
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let started = startThread("transfer") { continuation.resume(returning: run(exchange)) }
        if !started {
          continuation.resume(
            returning: Outcome(code: CURLE_FAILED_INIT, reply: 0, words: "there is no thread for it"))
        }
      }
    } onCancel: {
      exchange.cancel()
    }
  }

  private func run(_ exchange: Exchange) -> Outcome {
    guard curlIsReady, let handle = curl_easy_init() else {
      return Outcome(code: CURLE_FAILED_INIT, reply: 0, words: "libcurl cannot start")
    }
    defer { curl_easy_cleanup(handle) }
    let chains = lists.map { option, entries in
      (option, entries.reduce(nil as UnsafeMutablePointer<curl_slist>?) { curl_slist_append($0, $1) })
    }
    defer { for (_, chain) in chains { curl_slist_free_all(chain) } }
    let words = UnsafeMutablePointer<CChar>.allocate(capacity: Int(CURL_ERROR_SIZE))
    words.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
    defer { words.deallocate() }
    var codes = [curl_set_pointer(handle, CURLOPT_ERRORBUFFER, words)]
    codes += common.map { curl_set_number(handle, $0, $1) } + numbers.map { curl_set_number(handle, $0, $1) }
    codes += [
      curl_set_text(handle, CURLOPT_URL, url),
      curl_set_text(handle, CURLOPT_PROTOCOLS_STR, protocols),
      curl_set_text(handle, CURLOPT_NOPROXY, "*"),
    ]
    if let trusted {
      codes += [
        curl_set_text(handle, CURLOPT_CAINFO, trusted), curl_set_text(handle, CURLOPT_CAPATH, nil),
      ]
    }
    codes += texts.map { curl_set_text(handle, $0, $1) } + chains.map { curl_set_list(handle, $0, $1) }
    codes += exchange.attach(to: handle)
    // An option that is not taken could be the one that makes it safe.
    let code =
      codes.first { $0 != CURLE_OK }
      ?? withExtendedLifetime(exchange) { curl_easy_perform(handle) }
    var reply = 0
    curl_get_number(handle, CURLINFO_RESPONSE_CODE, &reply)
    let said = String(cString: words)
    return Outcome(
      code: code, reply: reply, words: said.isEmpty ? String(cString: curl_easy_strerror(code)) : said)
  }

  /// The connection is closed at once afterwards, while the time limits still hold.
  private var common: [(CURLoption, Int)] {
    [
      (CURLOPT_NOSIGNAL, 1), (CURLOPT_CONNECTTIMEOUT, 10), (CURLOPT_TIMEOUT, 30),
      (CURLOPT_SERVER_RESPONSE_TIMEOUT, 30), (CURLOPT_FORBID_REUSE, 1), (CURLOPT_FOLLOWLOCATION, 0),
      (CURLOPT_SSL_VERIFYPEER, 1), (CURLOPT_SSL_VERIFYHOST, 2),
      (CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2)), (CURLOPT_NOPROGRESS, 0),
    ]
  }
}

extension Transfer.Outcome {
  /// What it means that there is no answer to judge.
  var unreachable: Undelivered {
    switch code {
    case CURLE_ABORTED_BY_CALLBACK: .interrupted
    case CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CACERT_BADFILE: .untrusted(words)
    default: .unreachable(words)
    }
  }
}

/// What libcurl's callbacks look at: the bytes to send, how many came back, whether to stop.
private final class Exchange: Sendable {
  private struct State {
    var sent = 0
    var received = 0
    var isCancelled = false
    /// The reader was told that there is no more.
    var isHandedOver = false
  }

  /// Answers are not read, only waited for; a longer one ends the exchange.
  private static let longestAnswer = 64 * 1_024

  private let bytes: [UInt8]
  private let state = NIOLockedValueBox(State())

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  func cancel() { state.withLockedValue { $0.isCancelled = true } }

  func attach(to handle: UnsafeMutableRawPointer) -> [CURLcode] {
    let context = Unmanaged.passUnretained(self).toOpaque()
    return [
      curl_set_transfer(handle, CURLOPT_READFUNCTION) { buffer, size, count, context in
        Exchange.from(context).give(buffer, size * count)
      },
      curl_set_pointer(handle, CURLOPT_READDATA, context),
      curl_set_transfer(handle, CURLOPT_WRITEFUNCTION) { _, size, count, context in
        Exchange.from(context).take(size * count)
      },
      curl_set_pointer(handle, CURLOPT_WRITEDATA, context),
      curl_set_progress(handle, CURLOPT_XFERINFOFUNCTION) { context, _, _, _, _ in
        Exchange.from(context).mustStop ? 1 : 0
      },
      curl_set_pointer(handle, CURLOPT_XFERINFODATA, context),
    ]
  }

  private static func from(_ context: UnsafeMutableRawPointer?) -> Exchange {
    guard let context else { preconditionFailure("libcurl hands back the pointer it was given") }
    return Unmanaged<Exchange>.fromOpaque(context).takeUnretainedValue()
  }

  private var mustStop: Bool { state.withLockedValue { $0.isCancelled && !$0.isHandedOver } }

  private func give(_ buffer: UnsafeMutablePointer<CChar>?, _ room: Int) -> Int {
    state.withLockedValue { state in
      let part = bytes[state.sent...].prefix(room)
      part.withUnsafeBytes { part in
        if let buffer { UnsafeMutableRawBufferPointer(start: buffer, count: room).copyMemory(from: part) }
      }
      state.sent += part.count
      state.isHandedOver = state.sent == bytes.count
      return part.count
    }
  }

  private func take(_ count: Int) -> Int {
    state.withLockedValue { state in
      state.received += count
      return state.received <= Self.longestAnswer ? count : 0
    }
  }
}

/// Once for the process. A server that hangs up while it is written to is an error to report, not a signal to die of.
private let curlIsReady: Bool = {
  signal(SIGPIPE, SIG_IGN)
  return curl_global_init(Int(CURL_GLOBAL_ALL)) == CURLE_OK
}()
