import HTTPTypes
import Hummingbird
import HummingbirdCore
import NIOCore
import SparekeyCore

/// Every route, in the order of the journeys.
extension Site {
  package func router() -> Router<WebContext> {
    let router = Router(context: WebContext.self, options: [.autoGenerateHeadEndpoints])
    let known = KnownMethods()
    router.add(middleware: Edge(site: self, known: known))
    router.add(middleware: Assets(site: self))

    router.get("/", use: page(SignInPages.start))

    // An account (S8)
    router.get("/sign-up", use: page(SignUpPages.account))
    router.post("/sign-up", use: page(SignUpPages.create))

    // Signing in (S1, S4, S5)
    router.get("/sign-in", use: page(SignInPages.username))
    router.post("/sign-in", use: page(SignInPages.enterUsername))
    router.get("/sign-in/password", use: page(SignInPages.password))
    router.post("/sign-in/password", use: page(SignInPages.enterPassword))
    router.get("/sign-in/second-factor", use: page(SignInPages.secondFactor))
    router.post("/sign-in/second-factor", use: page(SignInPages.enterSecondFactor))
    router.post("/sign-in/ticket", use: page(SignInPages.enterTicket))
    router.post("/sign-in/passkey", use: page(SignInPages.enterPasskey))
    router.get("/sign-in/other-ways", use: page(SignInPages.otherWays))
    router.post("/sign-in/other-ways", use: page(SignInPages.openOtherWays))

    // The way back (S1, S3, H1)
    router.get("/recover", use: evenly(RecoveryPages.verify))
    router.post("/recover", use: evenly(RecoveryPages.start))
    router.get("/recover/options", use: evenly(RecoveryPages.options))
    router.post("/recover/options", use: evenly(RecoveryPages.useDifferentOption))
    router.get("/recover/issued-code", use: evenly(RecoveryPages.issuedCode))
    router.post("/recover/issued-code", use: evenly(RecoveryPages.sendOrEnterIssuedCode))
    router.post("/recover/code/start", use: evenly(RecoveryPages.startCode))
    router.get("/recover/code", use: evenly(RecoveryPages.code))
    router.post("/recover/code", use: evenly(RecoveryPages.enterCode))
    router.get("/recover/password", use: evenly(RecoveryPages.password))
    router.post("/recover/password", use: evenly(RecoveryPages.enterPassword))
    router.get("/recover/authenticator-app", use: evenly(RecoveryPages.authenticatorApp))
    router.post("/recover/authenticator-app", use: evenly(RecoveryPages.enterTOTP))
    router.get("/recover/passkey", use: evenly(RecoveryPages.passkey))
    router.post("/recover/passkey", use: evenly(RecoveryPages.enterPasskey))
    router.get("/recover/hold", use: evenly(RecoveryPages.weighing))
    router.post("/recover/wait", use: evenly(RecoveryPages.acceptWait))
    router.post("/recover/more", use: evenly(RecoveryPages.showMore))
    router.post("/recover/object", use: evenly(RecoveryPages.object))
    router.get("/recover/new-password", use: evenly(RecoveryPages.newPassword))
    router.post("/recover/new-password", use: evenly(RecoveryPages.chooseNewPassword))
    router.get("/recover/done", use: evenly(RecoveryPages.done))

    // A recovery that waits (H2, H5, H7)
    router.get("/holds/{id}", use: page(HoldPages.status))
    router.post("/holds/{id}", use: page(HoldPages.statusByTicket))
    router.post("/holds/{id}/stop", use: page(HoldPages.stop))
    router.get("/holds/{id}/choose-again", use: page(HoldPages.chooseAgain))
    router.post("/holds/{id}/choose-again", use: page(HoldPages.enterChoiceAgain))
    router.get("/stop/{token}", use: page(HoldPages.stopLink))
    router.post("/stop/{token}", use: page(HoldPages.pauseOrResume))

    // Sessions and step-up (S7)
    router.post("/sign-out", use: page(SignInPages.signOut))
    router.post("/sign-out/everywhere", use: page(SignInPages.signOutEverywhere))
    router.get("/step-up", use: page(StepUpPages.show))
    router.post("/step-up", use: page(StepUpPages.prove))

    // After a recovery, before anything else: the old second factors
    router.get("/account/factors", use: page(SettlingPages.show))
    router.post("/account/factors", use: page(SettlingPages.confirm))
    router.post("/account/factors/remove", use: page(SettlingPages.remove))
    router.post("/account/factors/done", use: page(SettlingPages.finish))

    // Manage how I sign in (D1)
    router.get("/account/security", use: page(AccountPages.security))
    router.get("/account/contact", use: page(ContactPages.new))
    router.post("/account/contact", use: page(ContactPages.add))
    router.get("/account/contact/confirm", use: page(ContactPages.confirm))
    router.post("/account/contact/confirm", use: page(ContactPages.enterConfirmation))
    router.get("/account/authenticator-app", use: page(FactorPages.newApp))
    router.post("/account/authenticator-app", use: page(FactorPages.addApp))
    router.get("/account/authenticator-app/confirm", use: page(FactorPages.app))
    router.post("/account/authenticator-app/confirm", use: page(FactorPages.confirmApp))
    router.get("/account/passkey", use: page(FactorPages.newPasskey))
    router.post("/account/passkey", use: page(FactorPages.addPasskey))
    router.get("/account/remove", use: page(RemovalPages.show))
    router.post("/account/remove", use: page(RemovalPages.remove))
    router.get("/account/password", use: page(AccountPages.password))
    router.post("/account/password", use: page(AccountPages.changePassword))
    router.get("/account/two-step", use: page(TwoStepPages.show))
    router.post("/account/two-step", use: page(TwoStepPages.set))
    router.get("/account/recovery-code", use: page(CodePages.recoveryCode))
    router.post("/account/recovery-code", use: page(CodePages.generate))
    router.get("/account/check-code", use: page(CodePages.check))
    router.post("/account/check-code", use: page(CodePages.enterCheck))

    // Closing the account (D5)
    router.get("/account/close", use: page(ClosingPages.show))
    router.post("/account/close", use: page(ClosingPages.close))

    // What happened, and what to do about it (D2, D6)
    router.get("/account/activity", use: page(ActivityPages.activity))
    router.get("/account/activity/not-me", use: page(ActivityPages.notMe))
    router.post("/account/activity/not-me", use: page(ActivityPages.disown))
    router.get("/account/clean-up", use: page(ActivityPages.cleanUp))
    router.post("/account/clean-up", use: page(ActivityPages.thaw))
    router.get("/account/sessions", use: page(AccountPages.sessions))
    router.post("/account/sessions/end", use: page(AccountPages.endSession))

    // Apps (A1)
    router.get("/account/apps", use: page(AppPages.list))
    router.post("/account/apps/remove", use: page(AppPages.remove))
    router.get("/oauth2/authorize", use: page(OpenIDPages.authorize))
    router.post("/oauth2/authorize", use: asQuery("/oauth2/authorize"))
    router.get("/oauth2/consent", use: page(OpenIDPages.resume))
    router.post("/oauth2/consent", use: page(OpenIDPages.decide))
    router.get("/oauth2/end-session", use: page(OpenIDPages.endSession))
    router.post("/oauth2/end-session", use: asQuery("/oauth2/end-session"))
    router.post("/oauth2/end-session/confirm", use: page(OpenIDPages.confirmEndSession))
    router.get("/.well-known/openid-configuration", use: app(OpenIDEndpoints.configuration))
    router.get("/oauth2/jwks", use: app(OpenIDEndpoints.keys))
    router.post("/oauth2/token", use: app(OpenIDEndpoints.token))
    router.post("/oauth2/revoke", use: app(OpenIDEndpoints.revoke))
    router.post("/oauth2/introspect", use: app(crossOrigin: false, OpenIDEndpoints.introspect))
    router.get("/oauth2/userinfo", use: app(OpenIDEndpoints.userInfo))
    router.post("/oauth2/userinfo", use: app(OpenIDEndpoints.userInfo))
    for path in ["token", "revoke", "userinfo", "jwks"] {
      router.on("/oauth2/\(path)", method: .options, use: preflight())
    }
    router.on("/.well-known/openid-configuration", method: .options, use: preflight())

    // Help (C6, G1, G2)
    router.get("/help/sign-in", use: page(HelpPages.signIn))
    router.post("/help/sign-in", use: page(HelpPages.advise))
    router.get("/help/username", use: page(HelpPages.username))
    router.post("/help/username", use: evenly(HelpPages.sendUsernames))
    router.get("/help/recovery-code", use: page(HelpPages.recoveryCode))
    router.get("/help/recovery-policy", use: page(HelpPages.recoveryPolicy))

    // Contact support, and its console (G3, G4)
    router.get("/help/support", use: page(SupportPages.contact))
    router.get("/help/support/ways", use: page(SupportPages.ways))
    router.get("/help/support/describe", use: page(SupportPages.describe))
    router.post("/help/support/describe", use: page(SupportPages.enterDescription))
    router.post("/help/support/confirm", use: page(SupportPages.confirm))
    router.get("/help/support/cases/{number}", use: page(SupportPages.ticket))
    router.post("/help/support/cases/{number}", use: page(SupportPages.open))
    router.get("/support", use: page(ConsolePages.overview))
    router.get("/support/cases/{number}", use: page(ConsolePages.file))
    router.post("/support/cases/{number}", use: page(ConsolePages.actOnCase))
    router.post("/support/requests/{id}", use: page(ConsolePages.decide))
    router.get("/support/account", use: page(ConsolePages.account))
    router.post("/support/account", use: page(ConsolePages.actOnAccount))

    addAPI(to: router)

    // For the operator's machines (O7)
    router.get("/healthz") { _, _ in "ok\n" }
    router.get("/readyz") { [ports] _, _ -> Response in
      let ready = (try? await ports.database.read { $0.now }) != nil
      return Response(
        status: ready ? .ok : .serviceUnavailable, headers: [.contentType: "text/plain"],
        body: ResponseBody(
          byteBuffer: ByteBuffer(string: ready ? "ready\n" : "the database does not answer\n")))
    }
    known.learn(router.routes)
    return router
  }

  /// HTTP/1.1 behind the connection limits.
  package func server() -> HTTPServerBuilder {
    let counter = ConnectionCounter()
    let proxies = settings.trustedProxies
    return .http1(
      configuration: .init(
        additionalChannelHandlers: [ConnectionGuard(counter: counter, uncounted: proxies)],
        httpDecoderConfiguration: .init(
          maxHeaderFieldSize: 16_384, maxHeaderListSize: 32_768, maxHeaderFieldCount: 100)))
  }
}
