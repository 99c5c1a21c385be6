import FoundationEssentials
import SparekeyCore

extension DoctorCommand {
  /// Whether mail and text messages leave this machine. Connects and signs in to the servers; sends nothing.
  func deliveryFindings(_ settings: Settings) async throws -> [Finding] {
    let server = try settings.mailServer()
    let gateway = try settings.smsGateway()
    let outbox = "\(settings.dataFolder)/outbox"
    let isLocal = try settings.site().publicURL.isLocal
    func leaves(
      _ check: String, _ setting: Settings.Name, _ connect: (() async throws -> Void)?
    ) async -> Finding {
      guard let connect else {
        return Finding(
          check: check, state: isLocal ? "ok" : "warn",
          detail: "no \(setting.rawValue): written to \(outbox), and nobody gets them unless you deliver them"
        )
      }
      do {
        try await connect()
        return Finding(check: check, state: "ok", detail: "\(settings[setting].text) can be used")
      } catch {
        return Finding(check: check, state: "fail", detail: "\(settings[setting].text): \(error)")
      }
    }
    var findings = [
      await leaves("mails", .smtp, server.map { server in { try await server.check() } }),
      await leaves("text messages", .smsGateway, gateway.map { gateway in { try await gateway.check() } }),
    ]
    if server != nil, !isLocal, settings[.mailFrom].text.hasSuffix("@localhost") {
      findings.append(
        Finding(
          check: "sender", state: "warn",
          detail: "mail-from is \(settings[.mailFrom].text): most mail servers refuse that"))
    }
    for name in [Settings.Name.smtpPasswordFile, .smsAuthorizationFile] where !settings[name].text.isEmpty {
      guard let status = FileStatus(of: settings[name].text), status.isOpenToOthers else { continue }
      findings.append(
        Finding(
          check: name.rawValue, state: "warn",
          detail: "others can read \(settings[name].text): chmod 600 \(settings[name].text)"))
    }
    return findings
  }
}
