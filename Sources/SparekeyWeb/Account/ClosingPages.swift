import SparekeyCore

/// Closing the account (D5).
enum ClosingPages {
  @Sendable static func show(_ visit: Visit) async throws -> Reply {
    _ = try await visit.mayChange()
    return .page(page(visit))
  }

  @Sendable static func close(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    guard let grace = Int(visit.form["days"]).flatMap(Closing.Grace.init) else {
      var page = page(visit)
      page.problem = visit.texts["account.close.choose"]
      return .page(page, status: .unprocessableContent)
    }
    let end = try await visit.site.closing.close(after: grace, by: owner, source: visit.source)
    return visit.site.message(
      "closing", link: "/sign-in", status: .ok, values: ["date": visit.texts.exactly(end)]
    ).setting(.session, nil)
  }

  private static func page(_ visit: Visit) -> ClosePage {
    ClosePage(
      graces: Closing.Grace.allCases.map {
        Choice(
          name: "days", value: "\($0.rawValue)",
          label: visit.texts.format(
            "account.close.grace",
            ["count": "\($0.rawValue)", "date": visit.texts.day(visit.now + $0.duration)]),
          checked: "\($0.rawValue)" == visit.form["days"])
      })
  }
}

/// Close the account, after a yes. Posts `days` to `/account/close`.
package struct ClosePage: Page {
  package static let template = "account/close"

  package var graces: [Choice]
  /// A message about the whole form, already in the person's language.
  package var problem: String?

  package init(graces: [Choice], problem: String? = nil) {
    self.graces = graces
    self.problem = problem
  }
}
