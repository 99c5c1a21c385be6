import Foundation

/// A value that is made when it is first asked for, once, whoever asks at the same time: what can wait does not delay
/// the start.
package final class OnDemand<Value: Sendable>: @unchecked Sendable {  // the lock guards both
  private let lock = NSLock()
  private var make: (() -> Value)?
  private var made: Value?

  package init(_ make: @escaping @Sendable () -> Value) { self.make = make }

  package var value: Value {
    lock.withLock {
      if let made { return made }
      guard let make else { preconditionFailure("it is made or can be made") }
      let value = make()
      (made, self.make) = (value, nil)
      return value
    }
  }
}
