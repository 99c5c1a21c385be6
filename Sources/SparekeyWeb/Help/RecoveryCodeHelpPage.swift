/// What a recovery code is, how to use it, and what to do when it is lost.
package struct RecoveryCodeHelpPage: Page {
  package static let template = "help/recovery-code"

  package init() {}
}
