import Foundation
import Hummingbird
import NIOCore
import SparekeyCore

/// The JSON API: the same journeys as the pages (A2). `openapi.json` describes it; a test compares the two.
extension Site {
  func addAPI(to router: Router<WebContext>) {
    // An account, signing in, sessions (S1, S4, S5, S7)
    router.post("/api/v1/accounts", use: api(AccountAPI.create))
    router.post("/api/v1/sign-in", use: api(SignInAPI.start))
    router.post("/api/v1/sign-in/password", use: api(SignInAPI.password))
    router.post("/api/v1/sign-in/totp", use: api(SignInAPI.totp))
    router.post("/api/v1/sign-in/passkey/request-options", use: api(SignInAPI.passkeyOptions))
    router.post("/api/v1/sign-in/passkey", use: api(SignInAPI.passkey))
    router.post("/api/v1/sign-in/ticket", use: api(SignInAPI.ticket))
    router.get("/api/v1/session", use: api(SessionAPI.current))
    router.delete("/api/v1/session", use: api(SessionAPI.signOut))
    router.get("/api/v1/sessions", use: api(SessionAPI.list))
    router.delete("/api/v1/sessions", use: api(SessionAPI.signOutEverywhere))
    router.delete("/api/v1/sessions/{id}", use: api(SessionAPI.end))
    router.post("/api/v1/step-up", use: api(SessionAPI.stepUp))
    router.post("/api/v1/step-up/passkey/request-options", use: api(SessionAPI.passkeyOptions))

    // Manage how I sign in (D1, S5)
    router.get("/api/v1/security-info", use: api(SecurityInfoAPI.overview))
    router.post("/api/v1/security-info/email", use: api(SecurityInfoAPI.addEmail))
    router.post("/api/v1/security-info/email/{id}/resend", use: api(SecurityInfoAPI.resend))
    router.post("/api/v1/security-info/email/{id}/confirm", use: api(SecurityInfoAPI.confirmContact))
    router.delete("/api/v1/security-info/email/{id}", use: api(SecurityInfoAPI.removeEmail))
    router.post("/api/v1/security-info/phone", use: api(SecurityInfoAPI.addPhone))
    router.post("/api/v1/security-info/phone/{id}/resend", use: api(SecurityInfoAPI.resend))
    router.post("/api/v1/security-info/phone/{id}/confirm", use: api(SecurityInfoAPI.confirmContact))
    router.delete("/api/v1/security-info/phone/{id}", use: api(SecurityInfoAPI.removePhone))
    router.post("/api/v1/security-info/totp", use: api(SecurityInfoAPI.addApp))
    router.post("/api/v1/security-info/totp/{id}/confirm", use: api(SecurityInfoAPI.confirmApp))
    router.delete("/api/v1/security-info/totp/{id}", use: api(SecurityInfoAPI.removeApp))
    router.post("/api/v1/security-info/passkey/creation-options", use: api(SecurityInfoAPI.passkeyOptions))
    router.post("/api/v1/security-info/passkey", use: api(SecurityInfoAPI.addPasskey))
    router.delete("/api/v1/security-info/passkey/{id}", use: api(SecurityInfoAPI.removePasskey))
    router.put("/api/v1/two-step", use: api(SecurityInfoAPI.setTwoStep))
    router.put("/api/v1/password", use: api(SecurityInfoAPI.changePassword))

    // The recovery code (C3, C8)
    router.post("/api/v1/recovery-code", use: api(RecoveryCodeAPI.generate))
    router.get("/api/v1/recovery-code", use: api(RecoveryCodeAPI.facts))
    router.post("/api/v1/recovery-code/check", use: api(RecoveryCodeAPI.check))

    // Ways back in, closing the account (D3, D5)
    router.get("/api/v1/ways-back", use: api(HelpAPI.waysBack))
    router.post("/api/v1/account/close", use: api(HelpAPI.close))

    // Help (G1, G2)
    router.post("/api/v1/help/sign-in", use: api(HelpAPI.signIn))
    router.post("/api/v1/help/username", use: api(HelpAPI.username))

    // Recent activity (D2, D6)
    router.get("/api/v1/activity", use: api(ActivityAPI.list))
    router.post("/api/v1/activity/{number}/not-me", use: api(ActivityAPI.notMe))
    router.post("/api/v1/thaw", use: api(ActivityAPI.thaw))
    router.get("/api/v1/clean-up", use: api(ActivityAPI.cleanUp))

    // The way back (H1–H4)
    router.post("/api/v1/recovery", use: api(RecoveryAPI.start))
    router.post("/api/v1/recovery/issued-code", use: api(RecoveryAPI.issuedCode))
    router.post("/api/v1/recovery/recovery-code", use: api(RecoveryAPI.recoveryCode))
    router.post("/api/v1/recovery/totp", use: api(RecoveryAPI.totp))
    router.post("/api/v1/recovery/password", use: api(RecoveryAPI.password))
    router.post("/api/v1/recovery/passkey/request-options", use: api(RecoveryAPI.passkeyOptions))
    router.post("/api/v1/recovery/passkey", use: api(RecoveryAPI.passkey))
    router.post("/api/v1/recovery/new-password", use: api(RecoveryAPI.newPassword))

    // The hold (H5–H9)
    router.get("/api/v1/holds/{id}", use: api(HoldAPI.status))
    router.post("/api/v1/holds/{id}/stop", use: api(HoldAPI.stop))
    router.post("/api/v1/holds/{id}/resume", use: api(HoldAPI.resume))
    router.post("/api/v1/holds/{id}/issued-code", use: api(HoldAPI.issuedCode))
    router.post("/api/v1/holds/{id}/new-password", use: api(HoldAPI.newPassword))

    // Contact support (G3)
    router.post("/api/v1/help/support", use: api(SupportAPI.start))
    router.post("/api/v1/help/support/confirm", use: api(SupportAPI.confirm))
    router.get("/api/v1/help/support/cases/{number}", use: api(SupportAPI.status))

    // The second factors after a recovery (DESIGN section 6)
    router.get("/api/v1/factors", use: api(FactorsAPI.progress))
    router.post("/api/v1/factors/totp/use", use: api(FactorsAPI.useApp))
    router.post("/api/v1/factors/passkey/request-options", use: api(FactorsAPI.requestOptions))
    router.post("/api/v1/factors/passkey/use", use: api(FactorsAPI.usePasskey))
    router.post("/api/v1/factors/totp", use: api(FactorsAPI.addApp))
    router.post("/api/v1/factors/totp/{id}/confirm", use: api(FactorsAPI.confirmApp))
    router.delete("/api/v1/factors/totp/{id}", use: api(FactorsAPI.removeApp))
    router.post("/api/v1/factors/passkey/creation-options", use: api(FactorsAPI.creationOptions))
    router.post("/api/v1/factors/passkey", use: api(FactorsAPI.addPasskey))
    router.delete("/api/v1/factors/passkey/{id}", use: api(FactorsAPI.removePasskey))
    router.post("/api/v1/factors/finish", use: api(FactorsAPI.finish))

    let document = (try? Data(contentsOf: renderer.resources.appending(path: "openapi.json"))) ?? Data()
    router.get("/openapi.json") { _, _ in
      Response(
        status: .ok, headers: [.contentType: "application/json"],
        body: ResponseBody(byteBuffer: ByteBuffer(bytes: document)))
    }
  }
}
