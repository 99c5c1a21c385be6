import Foundation
import Testing

@testable import sparekey

@Suite struct `Settings of the program` {
  func settings(
    flags: [Settings.Name: String] = [:], environment: [String: String] = [:], file: String? = nil
  ) throws -> Settings {
    let path = FileManager.default.temporaryDirectory.appending(path: "settings-\(UUID()).yaml").path
    try (file ?? "").write(toFile: path, atomically: true, encoding: .utf8)
    return try Settings(flags: flags, environment: environment, file: file == nil ? nil : path)
  }

  func problem(_ make: () throws -> Settings) -> String {
    do {
      _ = try make()
      return ""
    } catch {
      return "\(error)"
    }
  }

  @Test func `O1: without any configuration everything has a value`() throws {
    let settings = try settings()
    #expect(settings[.publicURL] == .init(text: "http://localhost:8080", origin: "default"))
    #expect(settings[.database].text == "sqlite:data/sparekey.sqlite")
    for name in Settings.Name.allCases { #expect(settings[name].origin == "default") }
  }

  @Test func `O1: flags win over the environment, it over the file, it over the default`() throws {
    let file =
      "port: 1\nhost: 127.0.0.1\nservice-name: From the file\ntrusted-proxies: [10.0.0.1, 10.0.0.2]\n"
    let settings = try settings(
      flags: [.port: "3"],
      environment: ["SPAREKEY_PORT": "2", "SPAREKEY_SERVICE_NAME": "From the environment"],
      file: file)
    #expect(settings.port == 3 && settings[.port].origin == "--port")
    #expect(
      settings[.serviceName] == .init(text: "From the environment", origin: "SPAREKEY_SERVICE_NAME"))
    #expect(settings[.host].origin.hasSuffix(".yaml"))
    #expect(try settings.site().trustedProxies == ["10.0.0.1", "10.0.0.2"])
    #expect(settings[.publicURL].text == "http://localhost:3")
  }

  @Test func `Q5: a bad value is named with its origin and the fix`() {
    #expect(problem { try settings(environment: ["SPAREKEY_PORT": "http"]) }.contains("(SPAREKEY_PORT)"))
    #expect(
      problem { try settings(flags: [.publicURL: "example.org"]) }.contains("https://accounts.example.org"))
    #expect(problem { try settings(flags: [.publicURL: "https://a.example/path"]) }.contains("public-url"))
    #expect(problem { try settings(environment: ["SPAREKEY_PROT": "1"]) }.contains("SPAREKEY_PROT"))
    #expect(problem { try settings(file: "prot: 1") }.contains("\"prot\" is not a setting"))
    #expect(problem { try settings(file: "- a\n- b") }.contains("not a YAML mapping"))
    #expect(problem { try settings(flags: [.database: "mysql://x"]) }.contains("sqlite:"))
    #expect(
      problem { try Settings(flags: [:], environment: [:], file: "/nowhere.yaml") }.contains("/nowhere.yaml"))
  }

  @Test func `Q5: a file that is no YAML, or says a thing twice, is told by its line`() throws {
    for (file, words) in [
      ("port: 1\nhost: [", "line 3"), ("port: 1\nhost: a\nport: 2", "\"port\" stands there twice"),
      ("port: 1\n---\nport: 2", "line 3: a second document begins"), ("port: &a [*a]", "nested too deeply"),
      ("port: {a: b}", "port is a text"), ("? [a]\n: b", "a name is no text"),
    ] {
      #expect(problem { try settings(file: file) }.contains(words))
    }
    #expect(try settings(file: "").port == 8_080)
    #expect(try settings(file: "# nothing\n").port == 8_080)
    #expect(try settings(file: "limits: off\nport: '1'").port == 1)
  }

  @Test func `Q5: an empty value is refused where one is needed, and taken where it means none`() throws {
    for name in [Settings.Name.data, .host, .serviceName, .mailFrom, .port] {
      #expect(problem { try settings(environment: [name.environment: ""]) }.contains(name.environment))
    }
    #expect(problem { try settings(file: "data:\n") }.contains("data is \"\""))
    #expect(try settings(flags: [.trustedProxies: "", .operatorContact: ""]).site().trustedProxies.isEmpty)
  }

  @Test func `a trusted proxy is an address, however it is written`() throws {
    let settings = try settings(flags: [.trustedProxies: "10.0.0.1, 2001:DB8:0::1"])
    #expect(try settings.site().trustedProxies == ["10.0.0.1", "2001:db8::1"])
    for wrong in ["10.0.0.0/8", "proxy.example.org", "10.0.0"] {
      #expect(problem { try self.settings(flags: [.trustedProxies: wrong]) }.contains("trusted-proxies"))
    }
  }

  @Test func `limits and hashing can be weakened on this machine only`() throws {
    _ = try settings(flags: [.limits: "off", .hashCost: "cheap"])
    #expect(problem { try settings(flags: [.limits: "off", .host: "0.0.0.0"]) }.contains("for tests"))
    #expect(
      problem { try settings(flags: [.hashCost: "cheap", .publicURL: "https://accounts.example.org"]) }
        .contains("for tests"))
  }
}
