import SparekeyCore

/// A form that asks the browser for a passkey; `passkey.js` fills `credential` and sends it.
package struct PasskeyForm: Sendable {
  /// `PublicKeyCredentialRequestOptionsJSON`, or `…CreationOptionsJSON` for a new one.
  package var options: String
  /// Sent back as `request`.
  package var request: String

  package init(options: String, request: String) {
    self.options = options
    self.request = request
  }

  init(_ prompt: PasskeyPrompt) { self.init(options: prompt.options, request: prompt.request) }
}

extension Visit {
  /// The browser's answer. - Throws: `Refusal.passkeyWrong` when it is none.
  func passkeyAssertion() throws(Refusal) -> PasskeyAssertion {
    do { return try PasskeyAssertion(json: form[.credential]) } catch { throw .passkeyWrong(error) }
  }

  /// A new passkey. - Throws: `Refusal.passkeyWrong` when the answer is none.
  func passkeyRegistration() throws(Refusal) -> PasskeyRegistration {
    do { return try PasskeyRegistration(json: form[.credential]) } catch { throw .passkeyWrong(error) }
  }
}
