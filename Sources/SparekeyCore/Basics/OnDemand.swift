import NIOConcurrencyHelpers

/// A value that is made when it is first asked for, once, whoever asks at the same time: what can wait does not delay
/// the start.
package final class OnDemand<Value: Sendable>: Sendable {
  private enum State {
    case due(@Sendable () -> Value)
    case made(Value)
  }

  private let state: NIOLockedValueBox<State>

  package init(_ make: @escaping @Sendable () -> Value) { state = NIOLockedValueBox(.due(make)) }

  package var value: Value {
    state.withLockedValue { state in
      switch state {
      case .made(let value): return value
      case .due(let make):
        let value = make()
        state = .made(value)
        return value
      }
    }
  }
}
