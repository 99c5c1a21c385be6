/// Who we are to a person's authenticator (WebAuthn Level 3, section 4, "relying party").
package struct RelyingParty: Sendable, Equatable {
  /// A domain: the origin's host, or a parent of it. Passkeys are tied to it for good. An address is not allowed:
  /// "localhost" works, "127.0.0.1" does not.
  package let id: String
  /// Scheme, host and port exactly as browsers write them: no default port, no path, no slash at the end.
  package let origin: String
  /// What the browser's dialog calls the service.
  package let name: String

  package init(id: String, origin: String, name: String) {
    self.id = id
    self.origin = origin
    self.name = name
  }
}
