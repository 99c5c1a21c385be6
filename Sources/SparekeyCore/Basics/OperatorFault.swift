/// A fault that explains itself to the operator. Its description goes to the log, so it never quotes what someone typed.
package protocol OperatorFault: Error, CustomStringConvertible {
  /// When to try again, if the fault passes by itself: a database that changes its primary. People are told so (503).
  var retryAfterSeconds: Int? { get }
}

extension OperatorFault {
  package var retryAfterSeconds: Int? { nil }
}
