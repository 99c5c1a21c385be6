import Foundation
import Testing

@testable import SparekeyCore

@Suite struct `Text` {
  /// The text, and its forms NFC and NFKC as the Unicode Character Database and its algorithm give them.
  @Test(arguments: [
    ("e\u{301}", "\u{E9}", "\u{E9}"), ("\u{FB01}ne", "\u{FB01}ne", "fine"),
    ("q\u{307}\u{323}", "q\u{323}\u{307}", "q\u{323}\u{307}"),
    ("\u{1100}\u{1161}\u{11A8}", "\u{AC01}", "\u{AC01}"),
    ("\u{FF76}\u{FF9E}", "\u{FF76}\u{FF9E}", "\u{30AC}"), ("\u{F73}", "\u{F71}\u{F72}", "\u{F71}\u{F72}"),
    ("\u{1D15E}", "\u{1D157}\u{1D165}", "\u{1D157}\u{1D165}"),
    ("\u{10041}\u{301}", "\u{10041}\u{301}", "\u{10041}\u{301}"),
    ("\u{1F511}\u{FE0F}", "\u{1F511}\u{FE0F}", "\u{1F511}\u{FE0F}"), ("", "", ""),
  ])
  func `S9: it is composed and folded as Unicode says`(text: String, composed: String, folded: String) {
    #expect(text.composed.unicodeScalars.elementsEqual(composed.unicodeScalars))
    #expect(text.folded.unicodeScalars.elementsEqual(folded.unicodeScalars))
  }

  @Test func `white space around it goes, within it stays`() {
    #expect(" \t\u{A0}\u{3000}a b\r\n".trimmed == "a b")
    #expect("\n \u{200B}\u{2029}".trimmed == "")
  }

  @Test func `S4: all but letters and digits is written as bytes where it stands in an address`() {
    #expect("a&b=é/1 \u{7F}".percentEncoded() == "a%26b%3D%C3%A9%2F1%20%7F")
  }

  @Test(arguments: [
    ("a/b", "a"), ("/a", "/"), ("a", "."), ("/a/b/c", "/a/b"), ("a/", "a"), ("./a", "."),
  ])
  func `a path's folder`(path: String, folder: String) { #expect(path.folder == folder) }

  @Test func `bytes of any length have one spelling in base 64, which is Foundation's for addresses`() {
    for length in 0...40 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255) }
      let text = Base64URL.encode(bytes)
      let standard = Data(bytes).base64EncodedString().replacing("=", with: "")
      #expect(text == standard.replacing("+", with: "-").replacing("/", with: "_"))
      #expect(Base64URL.decode(text) == bytes)
      #expect(Base64URL.decode(text + "=") == nil && Base64URL.decode(text + "A") != bytes)
    }
    // A sign alone, bits that stand for nothing, and other alphabets.
    for text in ["A", "AAAAA", "AB", "AAB", "A+", "A/", " AA", "AA\n", "\u{C4}A"] {
      #expect(Base64URL.decode(text) == nil)
    }
  }
}
