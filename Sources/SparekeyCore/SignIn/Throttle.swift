/// How many tries, and how long the waits between them. Waits are counted per name *and* source, and per source: a
/// source without recent failures is never refused because of strangers' failures (T7), and unknown names have the
/// same limits as known ones (T6). What these waits cannot bound, the hashing queue does (T9).
///
/// Every rule counts alike: from the first try on for `forgetAfter`, then anew, however many came in between. A wait that
/// is running then still runs to its end; tries during a wait are refused and not counted. A try is counted before it is
/// checked, and taken back when it was right: what is left are the wrong ones, and what is allowed only so often.
package struct ThrottleRule: Sendable, Equatable {
  package let name: String
  /// Tries without any wait.
  package let free: Int
  package let firstWait: Duration
  package let longestWait: Duration
  /// So long after the first try that was counted, counting starts anew. `ThrottleRules.longestMemory` at most.
  package let forgetAfter: Duration

  /// The wait after try number `tries`: none while they are free, then doubling.
  package func wait(afterTries tries: Int) -> Duration {
    guard tries >= free else { return .zero }
    return min(longestWait, firstWait * (1 << min(tries - free, 20)))
  }
}

/// Every limit on tries, in one place.
package enum ThrottleRules {
  package static let password = ThrottleRule(
    name: "password", free: 5, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  package static let recoveryCode = ThrottleRule(
    name: "recovery-code", free: 5, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  /// Tries at one issued code, right ones too: five, then it is dead (ASVS 6.6.3); a million codes to choose from.
  package static let issuedCode = ThrottleRule(
    name: "issued-code", free: 5, firstWait: .hours(24), longestWait: .hours(24), forgetAfter: .hours(24))
  /// The same tries per name and source.
  package static let enterIssuedCode = ThrottleRule(
    name: "enter-issued-code", free: 10, firstWait: .seconds(5), longestWait: .hours(1),
    forgetAfter: .hours(24))
  /// The same tries per source, of IPv6 per /48: codes of many accounts together are guessed no faster than of a few. One
  /// mailbox after the other, the odds would add up (T8).
  package static let issuedCodesOfSource = ThrottleRule(
    name: "issued-codes-of-source", free: 50, firstWait: .seconds(30), longestWait: .hours(1),
    forgetAfter: .hours(24))
  /// Mails asked for by someone not signed in, per name and source.
  package static let issueCode = ThrottleRule(
    name: "issue-code", free: 4, firstWait: .minutes(1), longestWait: .hours(6), forgetAfter: .hours(24))
  /// Confirmation mails to one address, for whichever account. Apart from the codes that bring an owner back: a
  /// stranger who adds someone's address must not use those up, nor learn whose it is.
  package static let confirmationMail = ThrottleRule(
    name: "confirmation-mail", free: 5, firstWait: .minutes(30), longestWait: .hours(24),
    forgetAfter: .hours(24))
  /// Changes that cost a mail to a stranger or a hash, per account (T9, T10).
  package static let costlyChange = ThrottleRule(
    name: "costly-change", free: 20, firstWait: .minutes(1), longestWait: .hours(6), forgetAfter: .hours(24))
  /// Recovery mails to one contact, whoever asks (T10). It bounds the guesses at issued codes, too: 20 codes, five tries.
  package static let mailToContact = ThrottleRule(
    name: "mail-to-contact", free: 20, firstWait: .minutes(30), longestWait: .hours(24),
    forgetAfter: .hours(24))
  package static let stepUp = ThrottleRule(
    name: "step-up", free: 5, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  /// Codes of authenticator apps, a million to choose from, three of them right at a time: per account and source, and
  /// per account whoever tries (T8). The wait of the latter stays short, and the way back and live sessions have buckets
  /// of their own, so that strangers lock nobody out (T7).
  package static let totp = ThrottleRule(
    name: "totp", free: 10, firstWait: .seconds(30), longestWait: .hours(1), forgetAfter: .hours(24))
  package static let totpOfAccount = ThrottleRule(
    name: "totp-of-account", free: 60, firstWait: .seconds(30), longestWait: .minutes(5),
    forgetAfter: .hours(24))
  package static let recoveryTOTP = ThrottleRule(
    name: "recovery-totp", free: 10, firstWait: .minutes(1), longestWait: .hours(6), forgetAfter: .hours(24))
  package static let recoveryTOTPOfAccount = ThrottleRule(
    name: "recovery-totp-of-account", free: 60, firstWait: .seconds(30), longestWait: .minutes(5),
    forgetAfter: .hours(24))
  /// In a live session: step-up, new apps, settling after a recovery.
  package static let sessionTOTP = ThrottleRule(
    name: "session-totp", free: 10, firstWait: .seconds(30), longestWait: .hours(1), forgetAfter: .hours(24))
  package static let recoveryPassword = ThrottleRule(
    name: "recovery-password", free: 5, firstWait: .seconds(5), longestWait: .hours(1),
    forgetAfter: .hours(24))
  package static let passkey = ThrottleRule(
    name: "passkey", free: 20, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  /// C8: checking a sheet while signed in.
  package static let checkCode = ThrottleRule(
    name: "check-code", free: 5, firstWait: .minutes(1), longestWait: .hours(6), forgetAfter: .hours(24))
  /// Tickets have 100 random bits; this is for load.
  package static let ticket = ThrottleRule(
    name: "ticket", free: 5, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  /// Objections to one hold that one contact takes back.
  package static let withdrawal = ThrottleRule(
    name: "withdrawal", free: 4, firstWait: .hours(1), longestWait: .hours(24), forgetAfter: .days(2))
  package static let confirmContact = ThrottleRule(
    name: "confirm-email", free: 5, firstWait: .minutes(1), longestWait: .hours(6), forgetAfter: .hours(24))
  /// Writing to support: per source, mails to one address whoever asks, and all of it together (T10). The last wait stays
  /// short: a flood slows everyone down, and shuts nobody out.
  package static let contactSupport = ThrottleRule(
    name: "contact-support", free: 6, firstWait: .minutes(5), longestWait: .hours(6), forgetAfter: .hours(24))
  package static let mailForCase = ThrottleRule(
    name: "mail-for-case", free: 5, firstWait: .minutes(30), longestWait: .hours(24), forgetAfter: .hours(24))
  package static let allCases = ThrottleRule(
    name: "all-cases", free: 500, firstWait: .seconds(1), longestWait: .seconds(30), forgetAfter: .hours(1))
  /// Accounts that one agent looks up.
  package static let accountLookup = ThrottleRule(
    name: "account-lookup", free: 100, firstWait: .seconds(30), longestWait: .minutes(30),
    forgetAfter: .hours(4))
  /// Notices of one hold that agents send again.
  package static let resendNotice = ThrottleRule(
    name: "resend-notice", free: 2, firstWait: .hours(24), longestWait: .hours(24), forgetAfter: .days(2))
  package static let signUp = ThrottleRule(
    name: "sign-up", free: 20, firstWait: .minutes(1), longestWait: .hours(1), forgetAfter: .hours(24))
  /// Unknown tokens at the operator API. They have 256 random bits; this is for load. Right ones are never slowed down.
  package static let operatorToken = ThrottleRule(
    name: "operator-token", free: 10, firstWait: .seconds(5), longestWait: .hours(1), forgetAfter: .hours(24))
  /// Forgotten usernames (G2) from one source; and to all mailboxes, and all phones, which cost money (T10), together.
  package static let forgottenUsername = ThrottleRule(
    name: "forgotten-username", free: 10, firstWait: .minutes(1), longestWait: .hours(1),
    forgetAfter: .hours(24))
  package static let usernamesByEmail = ThrottleRule(
    name: "usernames-by-email", free: 600, firstWait: .seconds(10), longestWait: .seconds(10),
    forgetAfter: .hours(1))
  package static let usernamesByPhone = ThrottleRule(
    name: "usernames-by-phone", free: 60, firstWait: .minutes(2), longestWait: .minutes(2),
    forgetAfter: .hours(1))
  /// To one mailbox or phone in a day: never a wait, only the count; what is beyond it is not sent.
  package static let usernamesToContact = ThrottleRule(
    name: "usernames-to-contact", free: .max, firstWait: .zero, longestWait: .zero, forgetAfter: .hours(24))
  package static let usernamesToContactAllowed = 3
  /// All tries of one kind from one source, whatever the name.
  package static let perSource = ThrottleRule(
    name: "source", free: 100, firstWait: .seconds(5), longestWait: .minutes(10), forgetAfter: .hours(1))
  /// The same for the IPv6 network around a source: one subscriber may have 65,536 of them.
  package static let perNetwork = ThrottleRule(
    name: "network", free: 1_000, firstWait: .seconds(5), longestWait: .minutes(10), forgetAfter: .hours(1))
  /// Well-formed wrong codes for one account from anywhere: never a wait, only the count that tells the owner.
  package static let wrongCodes = ThrottleRule(
    name: "wrong-codes", free: .max, firstWait: .zero, longestWait: .zero, forgetAfter: .hours(24))
  /// Wrong second factors for one account after its right password, from anywhere: likewise.
  package static let wrongSecondFactors = ThrottleRule(
    name: "wrong-second-factors", free: .max, firstWait: .zero, longestWait: .zero, forgetAfter: .hours(24))
  package static let wrongTriesTold = 10
  /// No rule counts for longer: what began before it, and has no wait, is of no more use.
  package static let longestMemory = Duration.days(2)
}

/// What a bucket has counted.
package struct ThrottleCount: Sendable, Equatable {
  package let tries: Int
  /// When the first of them was counted.
  package let since: Timestamp

  package init(tries: Int, since: Timestamp) {
    self.tries = tries
    self.since = since
  }
}

package protocol ThrottleStore {
  /// Counts a try in one statement, anew if counting began before `forgetBefore`.
  /// - Returns: what is counted so far, this try included; nil (and nothing counted) while a wait is running.
  func raise(_ bucket: [UInt8], at now: Timestamp, forgetBefore: Timestamp) throws -> ThrottleCount?
  func block(_ bucket: [UInt8], until time: Timestamp) throws
  func blockedUntil(_ bucket: [UInt8]) throws -> Timestamp?
  /// Takes one try out of a count, and ends its wait, in one statement. A count that began anew meanwhile does not hold
  /// that try any more, and stays; so does a wait with another end, which is another try's.
  func takeBack(_ bucket: [UInt8], since: Timestamp, wait end: Timestamp?) throws
  func clear(_ bucket: [UInt8]) throws
  /// Removes buckets that began to count before that time and have no wait since.
  func forgetThrottles(before time: Timestamp) throws
}

/// A try that was counted, to be taken back when it turns out right.
package struct CountedTry: Sendable {
  fileprivate struct Count: Sendable {
    let bucket: [UInt8]
    let since: Timestamp
    /// The end of the wait that this try imposed.
    let wait: Timestamp?
  }

  /// On what was tried.
  fileprivate let own: Count
  /// Together with tries at anything else from there.
  fileprivate let shared: [Count]
}

extension Ports {
  /// Counts a try BEFORE what is tried is checked, so that neither a crash nor parallel requests refund one.
  /// - Parameter subject: what is tried: a name as typed, an id. Kept as a keyed digest only.
  /// - Throws: `Refusal.slowDown` while a wait is running; then nothing is counted.
  @discardableResult
  package func countTry(
    _ rule: ThrottleRule, on subject: String, from source: Source?, in transaction: any Transaction
  ) throws -> CountedTry {
    let own = try count(rule, bucket: bucket(rule, subject, source?.address), in: transaction)
    let wider = [
      (ThrottleRules.perSource, source?.address), (ThrottleRules.perNetwork, source?.networkAround),
    ]
    return CountedTry(
      own: own,
      shared: try wider.compactMap { wider, address in
        try address.map { try count(wider, bucket: bucket(wider, rule.name, $0), in: transaction) }
      })
  }

  /// Counts a try at an issued code by someone not signed in.
  /// - Parameter subject: whose code it is said to be.
  /// - Throws: `Refusal.slowDown`; `.issuedCodeWrong` for a code that was tried five times.
  package func countTry(
    atIssuedCode id: String, of subject: String, from source: Source, in transaction: any Transaction
  ) throws -> CountedTry {
    let tried = try countTry(ThrottleRules.enterIssuedCode, on: subject, from: source, in: transaction)
    let all = try countTry(
      ThrottleRules.issuedCodesOfSource, on: source.networkAround ?? source.address, from: nil,
      in: transaction)
    do {
      try countTry(ThrottleRules.issuedCode, on: id, from: nil, in: transaction)
    } catch Refusal.slowDown {
      throw Refusal.issuedCodeWrong
    }
    return CountedTry(own: tried.own, shared: tried.shared + [all.own])
  }

  /// A success clears what was counted on its subject from its source. From what it shares with tries at other subjects
  /// it takes back itself only: someone who signs in to an account of their own between guesses at others gains nothing.
  package func clearTries(_ tried: CountedTry, in transaction: any Transaction) throws {
    try transaction.clear(tried.own.bucket)
    for count in tried.shared { try takeBack(count, in: transaction) }
  }

  /// A success where strangers' tries are counted together with its own: it takes back itself only.
  package func takeBack(_ tried: CountedTry, in transaction: any Transaction) throws {
    for count in [tried.own] + tried.shared { try takeBack(count, in: transaction) }
  }

  /// Counts without ever imposing a wait. - Returns: the count.
  package func tally(_ rule: ThrottleRule, on subject: String, in transaction: any Transaction) throws -> Int
  {
    let now = transaction.now
    return try transaction.raise(bucket(rule, subject, nil), at: now, forgetBefore: now - rule.forgetAfter)?
      .tries ?? 0
  }

  private func count(_ rule: ThrottleRule, bucket: [UInt8], in transaction: any Transaction) throws
    -> CountedTry.Count
  {
    let now = transaction.now
    guard let count = try transaction.raise(bucket, at: now, forgetBefore: now - rule.forgetAfter) else {
      throw Refusal.slowDown(until: try transaction.blockedUntil(bucket) ?? now)
    }
    let wait = rule.wait(afterTries: count.tries)
    guard wait > .zero, options.limitsEnforced else {
      return CountedTry.Count(bucket: bucket, since: count.since, wait: nil)
    }
    try transaction.block(bucket, until: now + wait)
    return CountedTry.Count(bucket: bucket, since: count.since, wait: now + wait)
  }

  private func takeBack(_ count: CountedTry.Count, in transaction: any Transaction) throws {
    try transaction.takeBack(count.bucket, since: count.since, wait: count.wait)
  }

  private func bucket(_ rule: ThrottleRule, _ subject: String, _ address: String?) -> [UInt8] {
    keys.digest("\(rule.name)\u{0}\(subject)\u{0}\(address ?? "")", for: .throttle)
  }
}

extension Source {
  /// Of IPv6 the /48, where `address` is a /64; it is counted, and shown nowhere.
  fileprivate var networkAround: String? {
    guard address.hasSuffix("::") else { return nil }
    let groups = address.dropLast(2).split(separator: ":")
    return groups.count == 4 ? groups.prefix(3).joined(separator: ":") + "::/48" : nil
  }
}
