import SparekeyCore

/// Removing a way to prove who one is, after a yes (D4, H12).
enum RemovalPages {
  @Sendable static func show(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    return .page(try await page(visit, owner, visit.query["proof"]).page)
  }

  @Sendable static func remove(_ visit: Visit) async throws -> Reply {
    let owner = try await visit.mayChange()
    var (page, proof) = try await page(visit, owner, visit.form["proof"])
    do {
      switch try await visit.site.securityInfo.remove(proof, by: owner, source: visit.source) {
      case .removed: return .redirect("/account/security?notice=\(proof.kind.rawValue)-removed")
      case .held: return .redirect("/account/security?notice=removal-held")
      }
    } catch Refusal.lastProof {
      page.problem = visit.texts["error.lastProof"]
    } catch Refusal.secondFactorNeeded {
      page.problem = visit.texts["error.lastSecondFactor"]
    }
    return .page(page, status: .conflict)
  }

  private static func page(_ visit: Visit, _ owner: SteppedUp, _ text: String) async throws -> (
    page: RemovalPage, proof: Proof
  ) {
    let overview = try await visit.site.securityInfo.overview(for: owner.signedIn)
    guard let proof = Proof(text: text), let label = overview.proofs.label(of: proof) else {
      throw Refusal.notFound
    }
    let others = overview.proofs.securityInfo.filter { $0 != proof }
    let wait = visit.site.ports.options.holdPeriod
    // H12: said before the button is pressed.
    let waits =
      overview.senior.contains(proof) && !others.isEmpty && !others.contains(where: overview.senior.contains)
    return (
      RemovalPage(
        proof: proof.text, title: visit.texts["account.remove.title.\(proof.kind.rawValue)"],
        question: visit.texts.format("account.remove.question", ["what": label]),
        after: visit.texts["account.remove.after.\(proof.kind.rawValue)"],
        waits: waits
          ? visit.texts.format("account.remove.waits", ["duration": visit.texts.duration(wait)]) : nil),
      proof
    )
  }
}

extension ProofsOfAccount {
  /// What its owner calls it; nil for what is not there, or cannot be removed.
  fileprivate func label(of proof: Proof) -> String? {
    switch proof {
    case .email(let id), .phone(let id):
      contacts.first { $0.id == id && Proof.contact($0) == proof }?.address
    case .totp(let id): apps.first { $0.id == id }?.name
    case .passkey(let id): passkeys.first { $0.id == id }?.name
    case .password, .recoveryCode: nil
    }
  }
}
