import SparekeyCore

/// The password as evidence. Posts `journey` and `password` to `/recover/password`.
package struct PasswordEvidencePage: Page {
  package static let template = "recover/password"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var passwordError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// A code of an authenticator app as evidence. Posts `journey` and `code` to `/recover/authenticator-app`.
package struct AppEvidencePage: Page {
  package static let template = "recover/authenticator-app"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  package var codeError: String?
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// A passkey as evidence. Posts `journey`, `request` and `credential` to `/recover/passkey`; it needs JavaScript.
package struct PasskeyEvidencePage: Page {
  package static let template = "recover/passkey"

  /// The sealed journey; every form on the page sends it back as `journey`.
  package var journey: String
  package var username: String
  /// The sealed challenge.
  package var request: String
  /// What `passkey.js` asks the browser.
  package var options: String
  /// A message about the whole form, already in the person's language.
  package var problem: String?
}

/// What can be shown beside issued codes and the recovery code. The pages are the same for every name, and are reached
/// before the first proof as well as after it (S6).
extension RecoveryPages {
  @Sendable static func password(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return .page(PasswordEvidencePage(journey: progress.journey, username: progress.username))
  }

  @Sendable static func enterPassword(_ visit: Visit) async throws -> Reply {
    let error: String
    do {
      return dueStep(
        of: try await visit.site.recovery.enterPassword(
          visit.journey ?? "", password: visit.form[.password], binding: visit.binding, source: visit.source))
    } catch Refusal.field(_, let problem) {
      error = visit.texts.problem(problem, in: "password")
    } catch Refusal.wrongPassword {
      error = visit.texts["error.password.wrong"]
    }
    let progress = try await resume(visit)
    return .page(
      PasswordEvidencePage(journey: progress.journey, username: progress.username, passwordError: error),
      status: .unprocessableContent)
  }

  @Sendable static func authenticatorApp(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return .page(AppEvidencePage(journey: progress.journey, username: progress.username))
  }

  @Sendable static func enterTOTP(_ visit: Visit) async throws -> Reply {
    let error: String
    do {
      return dueStep(
        of: try await visit.site.recovery.enterTOTP(
          visit.journey ?? "", code: visit.form[.code], binding: visit.binding, source: visit.source))
    } catch Refusal.field(_, let problem) {
      error = visit.texts.problem(problem, in: "code")
    } catch Refusal.totpWrong {
      error = visit.texts["error.totp.wrong"]
    }
    let progress = try await resume(visit)
    return .page(
      AppEvidencePage(journey: progress.journey, username: progress.username, codeError: error),
      status: .unprocessableContent)
  }

  @Sendable static func passkey(_ visit: Visit) async throws -> Reply {
    guard let progress = try? await resume(visit) else { return .redirect("/recover") }
    return .page(try await passkeyPage(progress, visit))
  }

  @Sendable static func enterPasskey(_ visit: Visit) async throws -> Reply {
    do {
      let assertion: PasskeyAssertion
      do {
        assertion = try PasskeyAssertion(json: visit.form["credential"])
      } catch {
        throw Refusal.passkeyWrong(error)
      }
      return dueStep(
        of: try await visit.site.recovery.enterPasskey(
          visit.journey ?? "", assertion: assertion, request: visit.form["request"], binding: visit.binding,
          source: visit.source))
    } catch Refusal.passkeyWrong {
      var page = try await passkeyPage(try await resume(visit), visit)
      page.problem = visit.texts["error.passkey.wrong"]
      return .page(page, status: .unprocessableContent)
    }
  }

  private static func passkeyPage(_ progress: RecoveryProgress, _ visit: Visit) async throws
    -> PasskeyEvidencePage
  {
    let prompt = try await visit.site.recovery.passkeyPrompt(progress.journey, binding: visit.binding)
    return PasskeyEvidencePage(
      journey: progress.journey, username: progress.username, request: prompt.request,
      options: prompt.options)
  }

  /// The other ways, without those that were shown.
  static func ways(_ progress: RecoveryProgress, _ texts: Texts) -> [WayToProve] {
    [
      (ProofKind.password, "/recover/password"), (.totp, "/recover/authenticator-app"),
      (.passkey, "/recover/passkey"),
    ].filter { !progress.evidence.contains($0.0) }
      .map { WayToProve(label: texts["recover.ways.\($0.0.rawValue)"], path: $0.1) }
  }
}
