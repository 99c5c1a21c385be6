import SparekeyCore

/// What a browser sees on the way from an app and back: the request, the question, signing out (A1).
enum OpenIDPages {
  // MARK: signing in to an app

  @Sendable static func authorize(_ visit: Visit) async throws -> Reply {
    try await usable(visit) {
      try await visit.site.apps.begin(
        { visit.query.value($0) }, by: full(visit), binding: visit.binding, source: visit.source)
    }
  }

  /// Where signing in and proving again lead back to. Without a request under way this is no page of its own.
  @Sendable static func resume(_ visit: Visit) async throws -> Reply {
    guard let token = visit.appRequest,
      await visit.site.apps.pending(token, binding: visit.binding) != nil
    else { return Reply.redirect("/account/security").setting(.app, nil) }
    return try await usable(visit) {
      try await visit.site.apps.resume(
        token, by: full(visit), binding: visit.binding, source: visit.source)
    }
  }

  /// *Allow*, *Don't allow*, *Use another account*.
  @Sendable static func decide(_ visit: Visit) async throws -> Reply {
    let token = visit.form["request"]
    switch visit.form["decision"] {
    case "allow":
      let signedIn = try await visit.signedIn()
      return try await usable(visit) {
        try await visit.site.apps.allow(token, by: signedIn, binding: visit.binding, source: visit.source)
      }
    case "other":
      if let owner = await visit.owner { try await visit.site.sessions.signOut(owner.session) }
      // Only what was sealed here goes into a cookie.
      let isPending = await visit.site.apps.pending(token, binding: visit.binding) != nil
      return Reply.redirect("/sign-in").setting(.session, nil).setting(.app, isPending ? token : nil)
    default:
      return try await usable(visit) {
        .toApp(try await visit.site.apps.deny(token, binding: visit.binding))
      }
    }
  }

  /// Someone who has yet to settle the second factors is not signed in to any app.
  private static func full(_ visit: Visit) async throws -> SignedIn? {
    do {
      return try await visit.signedIn()
    } catch Refusal.notSignedIn, Refusal.factorsUnsettled {
      return nil
    }
  }

  private static func usable(_ visit: Visit, _ step: () async throws -> Apps.Step) async throws -> Reply {
    do {
      return try await reply(to: step(), visit)
    } catch let problem as UnusableRequest {
      let key = problem == .unknownClient ? "unknownApp" : "unknownAppAddress"
      return visit.site.message(key, link: "/", status: .badRequest)
    }
  }

  private static func reply(to step: Apps.Step, _ visit: Visit) async throws -> Reply {
    switch step {
    case .toApp(let address): return Reply.redirect(address).setting(.app, nil)
    case .signIn(let pending): return Reply.redirect("/sign-in").setting(.app, pending.token)
    case .stepUp(let pending):
      return Reply.redirect("/step-up?return-to=/oauth2/consent").setting(.app, pending.token)
    case .otherPerson(let pending): return try await question(pending, isOther: true, visit)
    case .consent(let pending, let asked, let granted):
      return try await question(pending, asked: asked, granted: granted, visit)
    }
  }

  private static func question(
    _ pending: Apps.PendingRequest, asked: Set<Scope> = [], granted: Set<Scope> = [], isOther: Bool = false,
    _ visit: Visit
  ) async throws -> Reply {
    // Kept in the cookie, so that the page can be loaded again.
    guard visit.appRequest != nil else {
      return Reply.redirect("/oauth2/consent").setting(.app, pending.token)
    }
    let texts = visit.texts
    var reply = Reply.page(
      ConsentPage(
        request: pending.token, app: pending.client.name,
        username: try await visit.signedIn().account.username,
        scopes: asked.sorted().map { texts["apps.scope.\($0.textKey)"] }, isKnown: !granted.isEmpty,
        isOther: isOther,
        returnsTo: texts.format(
          "apps.consent.returnsTo", ["address": AppAddress(pending.redirectURI)?.origin ?? ""]))
    ).setting(.app, pending.token)
    reply.formTarget = AppAddress(pending.redirectURI)?.origin
    return reply
  }

  // MARK: signing out for an app

  @Sendable static func endSession(_ visit: Visit) async throws -> Reply {
    let session = await visit.owner?.session
    switch try await visit.site.appLogout.begin(
      { visit.query.value($0) }, in: session, binding: visit.binding)
    {
    case .done(let address): return signedOut(address)
    case .confirm(let token, let address):
      var reply = Reply.page(AppSignOutPage(request: token))
      reply.formTarget = address.flatMap(AppAddress.init)?.origin
      return reply
    }
  }

  @Sendable static func confirmEndSession(_ visit: Visit) async throws -> Reply {
    signedOut(
      try await visit.site.appLogout.confirm(
        visit.form["request"], in: visit.owner?.session, binding: visit.binding))
  }

  private static func signedOut(_ address: String?) -> Reply {
    Reply.redirect(address ?? "/sign-in?notice=signed-out").setting(.session, nil).setting(.app, nil)
  }
}

extension Scope {
  /// As the catalogue has it.
  var textKey: String { self == .offline ? "offline" : rawValue }
}
