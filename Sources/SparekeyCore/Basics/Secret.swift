#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Something that opens an account: a password, a code, a token, a key (Q6). It prints as `<redacted>`, has no
/// mirror and no coding, and its memory is overwritten when the last holder lets go.
///
/// The bytes are copied once, here. What the form decoder or the socket held before is theirs to forget; the
/// threat model says so.
package final class Secret: @unchecked Sendable {  // immutable after init, so sharing it is safe
  private let storage: UnsafeMutableRawBufferPointer

  package init(_ bytes: some Collection<UInt8>) {
    storage = .allocate(byteCount: max(bytes.count, 1), alignment: 1)
    count = bytes.count
    storage.copyBytes(from: bytes)
  }

  package convenience init(_ text: String) { self.init(Array(text.utf8)) }

  package let count: Int

  package func withBytes<Answer>(_ body: (UnsafeRawBufferPointer) throws -> Answer) rethrows -> Answer {
    try body(UnsafeRawBufferPointer(rebasing: storage[..<count]))
  }

  /// The bytes as text, for the one who must show or check it. Every use is a place to look at twice.
  package var revealedText: String { withBytes { String(decoding: $0, as: UTF8.self) } }

  /// Compares in time that depends on the lengths only.
  package func matches(_ other: Secret) -> Bool {
    withBytes { mine in other.withBytes { theirs in constantTimeEqual(mine, theirs) } }
  }

  deinit {
    #if canImport(Darwin)
      _ = memset_s(storage.baseAddress, storage.count, 0, storage.count)
    #else
      if let start = storage.baseAddress { explicit_bzero(start, storage.count) }
    #endif
    storage.deallocate()
  }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "<redacted>" }
  package var debugDescription: String { "<redacted>" }
  package var customMirror: Mirror { Mirror(self, children: []) }
}

/// Compares byte by byte without stopping early; different lengths are unequal.
package func constantTimeEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
  guard left.count == right.count else { return false }
  var difference: UInt8 = 0
  for (one, other) in zip(left, right) { difference |= one ^ other }
  return difference == 0
}
