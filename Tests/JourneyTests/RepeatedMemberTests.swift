import Foundation
import Testing

@testable import SparekeyWeb

@Suite struct `JSON bodies` {
  @Test(arguments: [
    (#"{"username":"a","username":"b"}"#, "username"),
    (#"{"username":"a","user\u006eame":["b"]}"#, "username"),
    (#"{"a":{"b":1,"c":[{"d":1},{"d":2}]},"e":"{\"a\":1","a":2}"#, "a"),
    (#"{"a":{"b":1,"b":2}}"#, "b"),
  ])
  func `row 14: a member that occurs twice is found`(json: String, name: String) {
    #expect(repeatedMember(in: Data(json.utf8)) == name)
  }

  @Test(arguments: [
    #"{}"#, #"[]"#, #""a""#, #"{"a":"a","b":["a","a"],"c":{"a":1},"d":[{"a":1},{"a":2}]}"#,
    #"{"a":"\",\"a\":1"}"#,
    #"{"a""#, #"""#, #"{"\"#, #"}}]]"#,
  ])
  func `row 14: other bodies pass, and broken ones do no harm`(json: String) {
    #expect(repeatedMember(in: Data(json.utf8)) == nil)
  }
}
