/// The paper: everything that stands on the sheet with the recovery code. It is shown once, so whoever
/// makes one renders it and forgets it.
package struct CodeSheet: Sendable {
  /// Five groups of five symbols, in order.
  package var groups: [String]
  package var serial: String
  /// The date, already formatted.
  package var madeOn: String
  /// Where to go, such as `accounts.example.org/recover/code`; short enough to type.
  package var serviceAddress: String
  /// The QR as an `<svg>` element, put into the page as it is. It holds the address with the code in its
  /// fragment. It must not carry `style` or scripts; width and height come from the stylesheet, so it needs
  /// a `viewBox`.
  package var qr: String
  /// The username, masked; printed only when the person ticks the box.
  package var accountHint: String?

  package init(
    groups: [String], serial: String, madeOn: String, serviceAddress: String, qr: String,
    accountHint: String? = nil
  ) {
    self.groups = groups
    self.serial = serial
    self.madeOn = madeOn
    self.serviceAddress = serviceAddress
    self.qr = qr
    self.accountHint = accountHint
  }
}
