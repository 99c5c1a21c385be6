import SparekeyCore

/// A recovery that waits, watched by its claimant and its owner (H5), paused from a notice and stopped by the owner (H7).
enum HoldPages {
  // MARK: status

  @Sendable static func status(_ visit: Visit) async throws -> Reply {
    guard let signedIn = try? await visit.signedIn(),
      let status = try? await visit.site.holds.status(id(of: visit), for: signedIn)
    else { return .page(TicketPage(path: path(of: visit))) }
    return .page(ownersPage(status, visit))
  }

  /// The ticket comes in the form, so that it stands in no address and no log.
  @Sendable static func statusByTicket(_ visit: Visit) async throws -> Reply {
    let ticket = visit.form[.ticket]
    do {
      guard !ticket.isEmpty else { throw Refusal.field(.ticket, .missing) }
      let status = try await visit.site.holds.status(
        id(of: visit), ticket: ticket, source: visit.source)
      return .page(HoldStatusPage(status, isOwner: false, at: visit.now, visit.texts))
    } catch Refusal.ticketWrong {
      return ticketPage(visit, error: visit.texts["error.ticket.wrong"])
    } catch Refusal.field(_, let problem) {
      return ticketPage(visit, error: visit.texts.problem(problem, in: "ticket"))
    }
  }

  private static func ticketPage(_ visit: Visit, error: String) -> Reply {
    .page(
      TicketPage(
        path: path(of: visit), ticket: String(visit.form[.ticket].prefix(64)), ticketError: error),
      status: .unprocessableContent)
  }

  private static func ownersPage(_ status: Holds.Status, _ visit: Visit) -> HoldStatusPage {
    var page = HoldStatusPage(status, isOwner: true, at: visit.now, visit.texts)
    page.notice = visit.query["notice"] == "stopped" ? visit.texts["hold.notice.stopped"] : nil
    return page
  }

  /// The owner's stop: a fresh sign-in at the account's own level, with proofs that were senior when it began (H8).
  @Sendable static func stop(_ visit: Visit) async throws -> Reply {
    let id = id(of: visit)
    let holds = visit.site.holds
    do {
      try await holds.stop(id, by: visit.steppedUp(), source: visit.source)
      return .redirect("/holds/\(id)?notice=stopped")
    } catch Refusal.stepUpNeeded {
      return .redirect("/step-up?return-to=/holds/\(id)")
    } catch Refusal.juniorProof {
      var page = ownersPage(try await holds.status(id, for: visit.signedIn()), visit)
      page.problem = visit.texts["hold.stop.junior"]
      return .page(page, status: .forbidden)
    } catch Refusal.holdOver {
      return .redirect("/holds/\(id)")
    }
  }

  // MARK: the new password, forgotten while it waited

  @Sendable static func chooseAgain(_ visit: Visit) async throws -> Reply {
    .page(
      ChooseAgainPage(path: "\(path(of: visit))/choose-again", newPassword: visit.texts.newPassword(visit)))
  }

  /// The ticket sends a code to the contact given with the claim; ticket and code choose another password.
  @Sendable static func enterChoiceAgain(_ visit: Visit) async throws -> Reply {
    let texts = visit.texts
    let ticket = visit.form[.ticket]
    var page = ChooseAgainPage(
      path: "\(path(of: visit))/choose-again", ticket: String(ticket.prefix(64)),
      newPassword: texts.newPassword(visit))
    do {
      guard !ticket.isEmpty else { throw Refusal.ticketWrong }
      guard visit.form.has("code") else {
        let masked = try await visit.site.holds.sendCodeToChooseAgain(
          id(of: visit), ticket: ticket, source: visit.source)
        page.sentTo = texts.format("chooseAgain.sentTo", ["address": masked])
        return .page(page)
      }
      page.sentTo = texts["chooseAgain.sent"]
      try await visit.site.holds.chooseAgain(
        id(of: visit), ticket: ticket, code: visit.form[.code], password: visit.form[.newPassword],
        source: visit.source)
      return Reply.redirect("/sign-in?notice=password-changed")
    } catch Refusal.ticketWrong {
      page.sentTo = nil
      page.ticketError = texts[ticket.isEmpty ? "error.ticket.missing" : "error.ticket.wrong"]
    } catch Refusal.issuedCodeWrong {
      page.codeError = texts["error.code.wrong"]
    } catch Refusal.field(.code, let problem) {
      page.codeError = texts.problem(problem, in: "code")
    } catch Refusal.field(_, let problem) {
      page.newPassword.error = texts.problem(problem, in: "newPassword")
    } catch Refusal.notFound {
      return visit.site.message("chooseAgain", link: "/help/sign-in", status: .notFound)
    }
    return .page(page, status: .unprocessableContent)
  }

  // MARK: the link in a notice

  @Sendable static func stopLink(_ visit: Visit) async throws -> Reply {
    do {
      let token = token(of: visit)
      let status = try await visit.site.holds.status(stopToken: token)
      let contact = try visit.site.ports.open(stopToken: token).contact
      return .page(stopPage(status, of: contact, token: token, visit))
    } catch Refusal.notFound {
      return visit.site.message("stopLink", link: "/help/sign-in", status: .notFound)
    }
  }

  /// Pauses, or takes that back.
  @Sendable static func pauseOrResume(_ visit: Visit) async throws -> Reply {
    let holds = visit.site.holds
    return try await act(visit) { token in
      visit.form.has("resume")
        ? try await holds.resume(stopToken: token, source: visit.source)
        : try await holds.pause(stopToken: token, source: visit.source)
    }
  }

  /// Whatever became of it meanwhile is what the link's page then shows.
  private static func act(
    _ visit: Visit, _ action: (String) async throws -> Holds.Status
  ) async throws -> Reply {
    let token = token(of: visit)
    do {
      _ = try await action(token)
    } catch Refusal.notFound {
      return visit.site.message("stopLink", link: "/help/sign-in", status: .notFound)
    } catch Refusal.holdOver, Refusal.outOfStep {
      return .redirect("/stop/\(token)")
    }
    return .redirect("/stop/\(token)")
  }

  private static func stopPage(
    _ status: Holds.Status, of contact: Proof, token: String, _ visit: Visit
  ) -> StopPage {
    let texts = visit.texts
    let hold = status.hold
    let values = HoldWords.values(hold, claimNumber: status.claimNumber, texts)
    let isPausedHere = hold.state == .contested && hold.contestedBy.contains(contact)
    let section = "stop.\(hold.purpose.rawValue)"
    let state = isPausedHere ? "paused" : hold.state.rawValue
    return StopPage(
      title: texts.format("\(section).\(state).title", values),
      lines: ["line", "decides", "next"].map { "\(section).\(state).\($0)" }.filter { texts[$0] != $0 }
        .map { texts.format($0, values) },
      claimNumber: status.claimNumber, startedAt: Moment(hold.startedAt, texts),
      endsAt: Moment(hold.endsAt, texts), from: texts.from(hold.source),
      pause: hold.state == .running || hold.state == .contested && !isPausedHere
        ? NextLink(
          label: texts[hold.state == .running ? "\(section).pause" : "stop.objectToo"],
          path: "/stop/\(token)")
        : nil,
      resume: isPausedHere && hold.mayWithdraw(contact)
        ? NextLink(label: texts["stop.resume"], path: "/stop/\(token)") : nil,
      links: hold.state.isOpen
        ? [
          NextLink(label: texts["stop.links.signIn"], path: "/sign-in"),
          NextLink(label: texts["stop.links.policy"], path: "/help/recovery-policy"),
        ]
        : [
          NextLink(label: texts["stop.links.signIn"], path: "/sign-in"),
          NextLink(label: texts["stop.links.help"], path: "/help/sign-in"),
        ])
  }

  // MARK: addresses

  /// `/holds/{id}`, `/holds/{id}/stop`. Whatever stands there, it looks like an id.
  private static func id(of visit: Visit) -> HoldID {
    HoldID(text: String(visit.part(1).filter { $0.isASCII && ($0.isLetter || $0.isNumber) }.prefix(64)))
  }

  private static func path(of visit: Visit) -> String { "/holds/\(id(of: visit))" }

  private static func token(of visit: Visit) -> String { visit.part(1) }
}

extension Visit {
  /// A part of the path, counted from 0.
  fileprivate func part(_ index: Int) -> String {
    let parts = path.split(separator: "/")
    return parts.indices.contains(index) ? String(parts[index]) : ""
  }
}
