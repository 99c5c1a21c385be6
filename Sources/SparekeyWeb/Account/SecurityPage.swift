import SparekeyCore

/// *Manage how I sign in*.
///
/// Leads to `/account/contact`, `/account/authenticator-app`, `/account/passkey`, `/account/remove?proof=…`,
/// `/account/password`, `/account/two-step`, `/account/activity`, `/account/sessions`, `/account/recovery-code` and
/// `/account/check-code`; *Sign out everywhere* posts to `/sign-out/everywhere`.
package struct SecurityPage: Page {
  package static let template = "account/security"

  package var username: String
  /// What to look at first.
  package var banners: [Banner]
  package var ways: [WayGroup]
  /// When, such as "Changed 3 May 2026"; catalogue: `account.security.passwordChanged`.
  package var passwordChanged: String
  package var twoStepOn: Bool
  /// D3.
  package var waysBack: WaysBackPart
  /// The live recovery code, `nil` when there is none.
  package var code: CodeState?
  /// C8: a year has passed since the sheet was last seen to work.
  package var checkCode: String?
  /// Something that just happened, such as "Your email is confirmed."
  package var notice: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(
    username: String, banners: [Banner] = [], ways: [WayGroup], passwordChanged: String, twoStepOn: Bool,
    waysBack: WaysBackPart = WaysBackPart(), code: CodeState? = nil, checkCode: String? = nil,
    notice: String? = nil,
    problem: String? = nil
  ) {
    self.username = username
    self.banners = banners
    self.ways = ways
    self.passwordChanged = passwordChanged
    self.twoStepOn = twoStepOn
    self.waysBack = waysBack
    self.code = code
    self.checkCode = checkCode
    self.notice = notice
    self.problem = problem
  }
}

/// One line that should be seen first, and where it leads.
package struct Banner: Sendable {
  package var line: String
  package var linkLabel: String
  package var linkPath: String

  package init(line: String, linkLabel: String, linkPath: String) {
    self.line = line
    self.linkLabel = linkLabel
    self.linkPath = linkPath
  }
}

/// The emails, or the phones, or another kind of ways to prove who one is.
package struct WayGroup: Sendable {
  package var heading: String
  /// What is said when there is none.
  package var none: String
  package var ways: [WayRow]
  package var addLabel: String
  package var addPath: String

  package init(heading: String, none: String, ways: [WayRow], addLabel: String, addPath: String) {
    self.heading = heading
    self.none = none
    self.ways = ways
    self.addLabel = addLabel
    self.addPath = addPath
  }
}

/// One way to prove who one is.
package struct WayRow: Sendable {
  /// Such as `email:ID`.
  package var proof: String
  package var label: String
  /// Nil where nothing has to be confirmed.
  package var state: WayState?
  /// Such as "Added 3 May 2026".
  package var facts: String
  /// H8: from when it counts fully; nil when it does.
  package var junior: String?
  /// Where it can be confirmed, while it is not.
  package var confirmPath: String?

  package init(
    proof: String, label: String, state: WayState? = nil, facts: String, junior: String? = nil,
    confirmPath: String? = nil
  ) {
    self.proof = proof
    self.label = label
    self.state = state
    self.facts = facts
    self.junior = junior
    self.confirmPath = confirmPath
  }
}

/// Whether a code that was sent to it came back.
package struct WayState: Sendable {
  package var confirmed: Bool

  package init(confirmed: Bool) { self.confirmed = confirmed }
}

/// What may be said about a recovery code that exists.
package struct CodeState: Sendable {
  package var serial: String
  package var madeOn: String
  /// C8.
  package var checkedOn: String?

  package init(serial: String, madeOn: String, checkedOn: String? = nil) {
    self.serial = serial
    self.madeOn = madeOn
    self.checkedOn = checkedOn
  }
}

extension WayGroup {
  static func all(of overview: SecurityInfo.Overview, at now: Timestamp, _ texts: Texts) -> [WayGroup] {
    let proofs = overview.proofs
    func group(_ key: String, _ path: String, _ rows: [WayRow]) -> WayGroup {
      WayGroup(
        heading: texts["account.security.\(key).title"], none: texts["account.security.\(key).none"],
        ways: rows, addLabel: texts["account.security.\(key).add"], addPath: path)
    }
    func contacts(_ kind: Contact.Kind) -> [WayRow] {
      proofs.contacts.filter { $0.kind == kind }.map { contact in
        WayRow(
          proof: Proof.contact(contact).text, label: contact.address,
          state: WayState(confirmed: contact.isConfirmed),
          facts: texts.format("account.security.added", ["date": texts.day(contact.addedAt)]),
          junior: junior(.contact(contact), overview, texts),
          confirmPath: contact.isConfirmed ? nil : "/account/contact/confirm?contact=\(contact.id)")
      }
    }
    func factor(_ proof: Proof, _ name: String, _ addedAt: Timestamp, _ lastUsedAt: Timestamp?) -> WayRow {
      let added = texts.format("account.security.added", ["date": texts.day(addedAt)])
      let used = lastUsedAt.map { texts.format("account.security.lastUsed", ["date": texts.day($0)]) }
      return WayRow(
        proof: proof.text, label: name,
        facts: [added, used ?? texts["account.security.neverUsed"]].joined(separator: " · "),
        junior: junior(proof, overview, texts))
    }
    return [
      group("email", "/account/contact?kind=email", contacts(.email)),
      group("phone", "/account/contact?kind=phone", contacts(.phone)),
      group(
        "app", "/account/authenticator-app",
        proofs.confirmedApps.map { factor(.totp($0.id), $0.name, $0.addedAt, $0.lastUsedAt) }),
      group(
        "passkey", "/account/passkey",
        proofs.passkeys.map { factor(.passkey($0.id), $0.name, $0.addedAt, $0.lastUsedAt) }),
    ]
  }

  /// H8: what was added less than 30 days ago cannot overrule what is older.
  private static func junior(_ proof: Proof, _ overview: SecurityInfo.Overview, _ texts: Texts) -> String? {
    guard !overview.senior.contains(proof), let since = overview.proofs.since(proof) else { return nil }
    return texts.format("account.security.junior", ["date": texts.day(since + Seniority.period)])
  }
}
