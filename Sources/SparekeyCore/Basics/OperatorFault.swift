/// A fault that explains itself to the operator. Its description goes to the log, so it never quotes what someone typed.
package protocol OperatorFault: Error, CustomStringConvertible {}
