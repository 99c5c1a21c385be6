import CPostgres
import SparekeyCore

/// Where PostgreSQL is: a libpq URL, with one host or several. Of several, the one that takes writes is used.
package struct PostgreSQLAddress: Sendable {
  /// The URL cannot be used. It is not quoted: a password may stand in it.
  package struct Problem: Error, CustomStringConvertible {
    package let description: String
  }

  /// One host, and everything libpq should know to reach it.
  struct Host: Sendable {
    let name: String
    let parameters: [(keyword: String, value: String)]
  }

  let hosts: [Host]
  /// Hosts and database, without user and password.
  package let text: String

  /// Whether a setting names PostgreSQL at all.
  package static func isMeant(by text: String) -> Bool {
    text.hasPrefix("postgresql://") || text.hasPrefix("postgres://")
  }

  /// - Parameter password: from a file; otherwise it stands in the URL, or libpq finds it in PGPASSFILE, or none is
  ///   needed.
  package init(_ url: String, password: Secret? = nil) throws(Problem) {
    var parameters = try Self.parse(url)
    if let password {
      guard parameters["password"] == nil else {
        throw Problem(description: "the password stands in the URL and in a file; one of them is enough")
      }
      parameters["password"] = password.revealedText
    }
    let attributes = parameters.removeValue(forKey: "target_session_attrs") ?? "read-write"
    guard ["read-write", "primary", "any"].contains(attributes) else {
      throw Problem(description: "target_session_attrs has to be read-write")
    }
    // Each dial has its own deadline, which libpq's cannot be.
    parameters["connect_timeout"] = nil
    parameters["fallback_application_name"] = "sparekey"
    parameters["client_encoding"] = "UTF8"

    func list(_ keyword: String) -> [String] {
      (parameters.removeValue(forKey: keyword) ?? "").split(separator: ",", omittingEmptySubsequences: false)
        .map(String.init)
    }
    let (names, addresses, ports) = (list("host"), list("hostaddr"), list("port"))
    let count = max(names.count, addresses.count)
    func value(_ values: [String], _ index: Int) -> String? {
      (values.count == 1 ? values[0] : index < values.count ? values[index] : "").nonEmpty
    }
    guard ports.count <= 1 || ports.count == count, names.count <= 1 || names.count == count else {
      throw Problem(description: "hosts and ports do not match")
    }
    let common = parameters.map { (keyword: $0.key, value: $0.value) }
    hosts = (0..<count).map { index in
      let (name, address, port) = (value(names, index), value(addresses, index), value(ports, index))
      let own = [("host", name), ("hostaddr", address), ("port", port)]
      return Host(
        name: (name ?? address ?? "localhost") + (port.map { ":\($0)" } ?? ""),
        parameters: common + own.compactMap { key, value in value.map { (keyword: key, value: $0) } })
    }
    text =
      "postgresql://" + hosts.map(\.name).joined(separator: ",")
      + (parameters["dbname"].map { "/\($0)" } ?? "")
  }

  private static func parse(_ url: String) throws(Problem) -> [String: String] {
    // libpq's own words on a bad URL may quote the password.
    guard isMeant(by: url), let options = PQconninfoParse(url, nil) else {
      throw Problem(description: "it should read like postgresql://sparekey@db.example.org/sparekey")
    }
    defer { PQconninfoFree(options) }
    var parameters: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val { parameters[String(cString: keyword)] = String(cString: value) }
      option += 1
    }
    return parameters
  }
}

extension String {
  fileprivate var nonEmpty: String? { isEmpty ? nil : self }
}
