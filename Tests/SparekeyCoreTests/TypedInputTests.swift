import SparekeyCore
import Testing

@Suite struct `Usernames` {
  @Test(arguments: ["demo", "a.b-c_d", "X99", "ｄｅｍｏ", "  demo  ", String(repeating: "a", count: 64)])
  func `S8: letters, digits and inner punctuation make a username`(typed: String) throws {
    #expect(throws: Never.self) { try Username(typed) }
  }

  @Test func `T24 row 11: every spelling of a name is one name`() throws {
    #expect(try Username("ＤＥＭＯ").canonical == "demo")
    #expect(Username.lookup(" Demo ") == "demo")
    #expect(try Username("Demo").canonical == Username.lookup("DEMO"))
  }

  @Test func `rows 16 and 17: letters that fold onto others never reach an account's name`() {
    // dotless i, long s, Kelvin sign, Cyrillic a, combining accent
    for typed in ["m\u{131}ke", "\u{430}nna", "anna\u{301}"] {
      #expect(throws: Refusal.self) { try Username(typed) }
    }
    #expect(Username.lookup("m\u{131}ke") != "mike")
  }

  @Test func `names that look alike share a skeleton`() throws {
    #expect(try Username("paypal").skeleton == Username("PayPa1").skeleton)
    #expect(try Username("anna.lee").skeleton == Username("anna_lee").skeleton)
    #expect(try Username("anna").skeleton != Username("hanna").skeleton)
  }

  @Test func `row 41: a username is never an email address`() {
    #expect(throws: Refusal.field(.username, .impossible("@"))) { try Username("a@example.org") }
  }

  @Test func `Q5: what is wrong with a username is said`() {
    #expect(throws: Refusal.field(.username, .missing)) { try Username("   ") }
    #expect(throws: Refusal.field(.username, .tooShort(minimum: 3))) { try Username("ab") }
    #expect(throws: Refusal.field(.username, .tooLong(maximum: 64))) {
      try Username(String(repeating: "a", count: 65))
    }
    #expect(throws: Refusal.field(.username, .malformed)) { try Username(".demo") }
    #expect(throws: Refusal.self) { try Username(String(repeating: "x", count: 5_000_000)) }
  }
}

@Suite struct `Email addresses` {
  @Test(arguments: ["a@example.org", "first.last+tag@mail.example.co.uk", "o'hara@example.org"])
  func `an ordinary address is taken`(typed: String) throws {
    #expect(throws: Never.self) { try EmailAddress(typed) }
  }

  @Test(arguments: [
    "a", "@example.org", "a@", "a@@example.org", "a b@example.org", "a@example", "a@.org", "a@example..org",
    "a@example.org\r\nBcc: b@example.org", "mıke@example.org", "a@exämple.org", "a,b@example.org",
    "a@exam?ple.org", "a@x/y.org", "a@x_y.org", "a@-x.org", "a@x-.org", "a@example.org-",
  ])
  func `T24 rows 14 to 17: what could mean two mailboxes is refused`(typed: String) {
    #expect(throws: Refusal.self) { try EmailAddress(typed) }
  }

  @Test func `S2: a masked address shows little`() throws {
    #expect(try EmailAddress("maria@example.org").masked == "ma•••@e•••.org")
    #expect(try EmailAddress("a@b.de").masked == "a•••@b•••.de")
    #expect(try EmailAddress("ab@b.de").masked == "a•••@b•••.de")
  }
}

@Suite struct `Phone numbers` {
  @Test(arguments: [
    "+4917112345689", "+49 171 123-456 89", "0049 (171) 12345689", "+49 (0)171 12345689",
    "\u{FF0B}\u{FF14}\u{FF19} \u{FF11}\u{FF17}\u{FF11}\u{3000}12345689", " +49.171/12345689\n",
  ])
  func `S4: every usual spelling is one number`(typed: String) throws {
    #expect(try PhoneNumber(typed).text == "+4917112345689")
  }

  @Test(arguments: [
    ("", FieldProblem.missing), (" ( ) - ", .missing),
    ("0171 12345689", .malformed), ("4917112345689", .malformed), ("+0491711234", .malformed),
    ("00049 171 1234", .malformed),
    ("+", .tooShort(minimum: 8)), ("+4917112", .tooShort(minimum: 8)),
    ("+4917112345678901", .tooLong(maximum: 15)),
    (String(repeating: "1", count: 5_000), .tooLong(maximum: 15)),
    ("+49171CALLME", .impossible("C")), ("+49171123456;ext=7", .impossible(";")),
    ("+49+17112345", .impossible("+")),
    ("+491711234\r\nBcc: x", .impossible("B")),
    ("+49171123\u{0664}\u{0665}\u{0666}", .impossible("\u{0664}")),
    ("+49171123\u{0}456", .impossible("\u{0}")), ("+4917112345,+4917112346", .impossible(",")),
  ])
  func `Q5 T24: what is no number, or could mean two, is refused and said`(
    typed: String, problem: FieldProblem
  ) {
    #expect(throws: Refusal.field(.phone, problem)) { try PhoneNumber(typed) }
  }

  @Test func `S2: a masked number shows the country's first digits and the last two`() throws {
    #expect(try PhoneNumber("+4917112345689").masked == "+49 •••• ••89")
    #expect(try PhoneNumber("+12025550").masked == "+12 •••• ••50")
  }

  @Test func `E.164: 8 and 15 digits are the bounds`() throws {
    #expect(throws: Never.self) { try PhoneNumber("+12345678") }
    #expect(throws: Never.self) { try PhoneNumber("+123456789012345") }
  }
}

@Suite struct `Password rules` {
  let rules = PasswordRules(
    breached: OnDemand { ["password123456", "correcthorse"] }, serviceName: "Sparekey")

  func problem(_ typed: String, twoStep: Bool = false, words: [String] = ["maria"]) -> FieldProblem? {
    do {
      _ = try rules.check(typed, for: .newPassword, twoStep: twoStep, contextWords: words)
      return nil
    } catch Refusal.field(_, let problem) {
      return problem
    } catch {
      return .malformed
    }
  }

  @Test func `S9 N20: 15 characters alone, 8 beside a second factor; code points count`() {
    #expect(problem("fourteen chars") == .tooShort(minimum: 15))
    #expect(problem("fifteen chars ok") == nil)
    #expect(problem("eight ok", twoStep: true) == nil)
    #expect(problem("seven77", twoStep: true) == .tooShort(minimum: 8))
    #expect(problem("пятнадцать букв") == nil)
  }

  @Test func `S9: any Unicode, up to 1,024 bytes, nothing cut`() {
    #expect(problem(String(repeating: "🗝 key ", count: 100)) == nil)
    #expect(problem(String(repeating: "ab c9 xyz!", count: 103)) == .tooLong(maximum: 1_024))
    #expect(problem("") == .missing)
  }

  @Test func `S9: breached, repeated and guessable passwords are refused with the reason`() {
    #expect(problem("Password123456", twoStep: true) == .breached)
    #expect(problem("correcthorsecorrecthorse") == .breached)
    #expect(problem("abcabcabcabcabcabc") == .breached)
    #expect(problem("aaaaaaaaaaaaaaaaaaaa") == .breached)
    #expect(problem("maria-sparekey-1") == .guessable)
    #expect(problem("maria owns nine grey cats") == nil)
  }

  @Test func `S9: a password is its NFC form, and nothing else is changed`() {
    #expect(Password("e\u{301}").secret.matches(Password("\u{E9}").secret))
    #expect(!Password("Password").secret.matches(Password("password").secret))
    #expect(!Password("password ").secret.matches(Password("password").secret))
  }

  @Test func `S9: a suggested passphrase passes the rules`() throws {
    let suggestion = PassphraseSuggestion(words: OnDemand { (0..<2_048).map { "word\($0)" } }).make(.any)
    #expect(suggestion.split(separator: " ").count == 5)
    #expect(problem(suggestion) == nil)
  }
}

@Suite struct `Issued codes` {
  @Test func `spaces and dashes don't matter, anything else is said`() throws {
    #expect(try IssuedCode.read(" 123-456 ") == "123456")
    #expect(throws: Refusal.field(.code, .missing)) { try IssuedCode.read(" ") }
    #expect(throws: Refusal.field(.code, .tooShort(minimum: 6))) { try IssuedCode.read("12345") }
    #expect(throws: Refusal.field(.code, .tooLong(maximum: 6))) { try IssuedCode.read("1234567") }
    #expect(throws: Refusal.self) { try IssuedCode.read("12345a") }
    #expect(throws: Refusal.self) { try IssuedCode.read("１２３４５６") }
    // A digit with a mark on it sorts between digits.
    #expect(throws: Refusal.self) { try IssuedCode.read("12350\u{5BF}6") }
  }

  @Test func `N5: six digits, every digit equally likely`() {
    var counts = [Character: Int]()
    for _ in 0..<2_000 {
      let code = IssuedCode.make(.any)
      #expect(code.count == 6)
      for digit in code { counts[digit, default: 0] += 1 }
    }
    #expect(counts.count == 10)
    // 12,000 draws, 1,200 expected for each digit; seven standard deviations are about 230.
    #expect(counts.values.allSatisfy { (970...1_430).contains($0) })
  }
}
