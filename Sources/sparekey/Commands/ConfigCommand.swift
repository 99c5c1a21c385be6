import ArgumentParser
import FoundationEssentials
import SparekeyCore
import SparekeyServices
import SparekeyStore
import SparekeyWeb

/// `sparekey config`: what is in force, and where it comes from (O1).
struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Print every setting, its value and where it comes from.")

  private struct Line: Encodable {
    let name: String
    let value: String
    let origin: String
    let variable: String
    let summary: String
  }

  @OptionGroup var flags: SettingFlags
  @Flag(help: "Print JSON.")
  var json = false

  func run() throws {
    let settings = try flags.settings()
    var lines = Settings.Name.allCases.map { name in
      Line(
        name: name.rawValue, value: settings.shown(name), origin: settings[name].origin,
        variable: name.environment, summary: name.summary)
    }
    lines += settings.clients.map { client in
      Line(
        name: "clients", value: "\(client.id): \(client.new.kind.rawValue)", origin: settings.file,
        variable: "",
        summary: "\(client.new.name), \(client.new.redirectURIs.joined(separator: " "))")
    }
    if json { return try printJSON(lines) }
    let widths = [lines.map(\.name.count).max() ?? 0, lines.map(\.value.count).max() ?? 0]
    for line in lines {
      let columns = zip([line.name, line.value], widths).map { text, width in
        text + String(repeating: " ", count: width + 2 - text.count)
      }
      print("\(columns.joined())\(line.origin)  (\(line.summary))")
    }
  }
}

/// `sparekey doctor`: what would keep people out, or let the wrong ones in.
struct DoctorCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor", abstract: "Check the installation and say what to mend.")

  struct Finding: Encodable {
    let check: String
    let state: String
    let detail: String
  }

  @OptionGroup var flags: SettingFlags
  @Flag(help: "Print JSON.")
  var json = false

  func run() async throws {
    let settings = try flags.settings()
    var findings: [Finding] = []
    func check(_ name: String, _ body: () throws -> String) {
      do {
        findings.append(Finding(check: name, state: "ok", detail: try body()))
      } catch {
        findings.append(Finding(check: name, state: "fail", detail: "\(error)"))
      }
    }
    check("data folder") { try writable(settings.dataFolder) }
    check("outbox") { try writable("\(settings.dataFolder)/outbox") }
    check("key file") {
      let path = settings.keyFile
      if try isNew(settings), !FileManager.default.fileExists(atPath: path) {
        return "is made at the first start"
      }
      _ = try KeyFile.open(path, mayMake: false)
      return path
    }
    check("database") {
      if try isNew(settings) { return "is made at the first start" }
      _ = try Composition.make(settings)
      if case .sqlite(let path) = try settings.database(), let what = try SQLiteDatabase.damage(at: path) {
        throw StoreProblem.damaged(path: path, what: what)
      }
      return settings.shown(.database)
    }
    findings += try await keyFindings(settings, isNew: try isNew(settings))
    findings += try await holdFindings(settings)
    findings += await clientFindings(settings)
    findings += try await deliveryFindings(settings)
    let site = try settings.site()
    if !site.publicURL.isLocal {
      findings.append(
        site.publicURL.isHTTPS
          ? Finding(check: "public URL", state: "ok", detail: site.publicURL.text)
          : Finding(check: "public URL", state: "fail", detail: "\(site.publicURL.text) is not https"))
      if site.trustedProxies.isEmpty {
        findings.append(
          Finding(
            check: "proxy", state: "warn",
            detail: "no trusted-proxies: every visitor seems to come from the proxy, and shares its limits"))
      }
    }
    if json {
      try printJSON(findings)
    } else {
      for finding in findings { print("\(finding.state)\t\(finding.check): \(finding.detail)") }
    }
    if findings.contains(where: { $0.state == "fail" }) { throw ExitCode(1) }
  }

  /// Whether nobody has ever opened the database; then the first start makes it, and the key file.
  private func isNew(_ settings: Settings) throws -> Bool {
    switch try settings.database() {
    case .sqlite(let path): !FileManager.default.fileExists(atPath: path)
    case .postgresql(let address): try PostgreSQLDatabase(address, connections: 1).isNew
    }
  }

  /// What keeps recoveries from waiting as long as they should, or from taking effect (T16, H11).
  private func holdFindings(_ settings: Settings) async throws -> [Finding] {
    var findings: [Finding] = []
    if settings.holdPeriodIsShort {
      findings.append(
        Finding(
          check: "hold period", state: "warn",
          detail: "\(settings[.holdPeriod].text): owners have less than a day to stop a recovery"))
    }
    // What is broken so badly that nothing can be read was found before.
    guard (try? isNew(settings)) == false, let composition = try? Composition.make(settings) else {
      return findings
    }
    let holds = composition.site.holds
    if let at = try await holds.completionsStoppedAt() {
      findings.append(
        Finding(
          check: "clock", state: "fail",
          detail: "it jumped forward at \(at.iso8601), and no hold completes since then. Set it right, "
            + "and then say: sparekey hold resume"))
    }
    let untold = try await holds.overdueUntold()
    if !untold.isEmpty {
      findings.append(
        Finding(
          check: "holds", state: "fail",
          detail:
            "\(untold.count) wait beyond their end because no notice of their start could be delivered: "
            + untold.map(\.hold.id.text).joined(separator: ", ")))
    }
    return findings
  }

  /// Apps that stood in the configuration file, and do not any more.
  private func clientFindings(_ settings: Settings) async -> [Finding] {
    guard (try? isNew(settings)) == false, let composition = try? Composition.make(settings),
      let all = try? await composition.site.clients.all()
    else { return [] }
    let named = Set(settings.clients.map(\.id))
    return all.filter { $0.origin != .operator && !named.contains($0.id) }.map {
      Finding(
        check: "apps", state: "warn",
        detail: "\($0.name) stands in the configuration file no more, and works on. If it should not: "
          + "sparekey client delete \($0.id)")
    }
  }

  /// Writes and removes a file, the only honest test of a folder. One that is not there yet needs a folder above it
  /// that can be written.
  private func writable(_ folder: String) throws -> String {
    let files = FileManager.default
    guard files.fileExists(atPath: folder) else {
      var above = URL(filePath: folder).standardizedFileURL.deletingLastPathComponent()
      while !files.fileExists(atPath: above.path), above.path != "/" { above.deleteLastPathComponent() }
      guard files.isWritableFile(atPath: above.path) else {
        throw Settings.Problem(description: "\(folder) is not there, and \(above.path) cannot be written")
      }
      return "\(folder) is made at the first start"
    }
    let probe = "\(folder)/.doctor-\(UUID())"
    guard files.createFile(atPath: probe, contents: nil) else {
      throw Settings.Problem(description: "\(folder) cannot be written by this user")
    }
    try files.removeItem(atPath: probe)
    return folder
  }
}
