import CSodium
import SparekeyCore

extension Randomness {
  /// The operating system's cryptographic generator, asked once for all the bytes.
  package static let system: Randomness = {
    precondition(sodium_init() >= 0, "libsodium cannot start without randomness")
    return Randomness { count in
      [UInt8](unsafeUninitializedCapacity: count) { bytes, filled in
        if let start = bytes.baseAddress { randombytes_buf(start, count) }
        filled = count
      }
    }
  }()
}
