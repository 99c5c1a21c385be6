"""H2, H5-H9, H11, H13: the whole hold on the built program, within seconds: claim, notices, stop, pause, contest, end,
and what comes after it; with the program stopped, killed and its clock moved in between."""

import concurrent.futures
import datetime
import json
import os
import re
import sqlite3
import time

import pytest

from people import (
    NEW_PASSWORD, PASSWORD, App, Claim, Person, choose, code_sent, enter_password, good, refused, settle, show,
    stop_token, two_step)

# Long enough to act in while it runs, on a busy machine too.
PERIOD = 10
FAKETIME = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1"


@pytest.fixture(scope="module")
def soon(start_server):
    """Holds end after seconds."""
    return start_server({"hold-period": f"{PERIOD}s"})


@pytest.fixture(scope="module")
def later(start_server):
    """Holds end long after the tests."""
    return start_server({"hold-period": "30d"})


def seconds(text):
    return datetime.datetime.fromisoformat(text).timestamp()


def state_of(server, person):
    return good(person.call("GET", "/api/v1/security-info")).get("hold", {}).get("state")


# The claim


def test_h2_a_code_alone_waits_for_the_exact_period(later):
    person, code = two_step(later)
    before = time.time()
    claim = Claim(later, person, code)
    after = time.time()
    assert claim.answer["outcome"] == "held"
    assert re.fullmatch(r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}", claim.ticket)
    assert int(before) <= seconds(claim.answer["effectiveAt"]) - 30 * 86_400 <= after
    assert claim.status()["effectiveAt"] == claim.answer["effectiveAt"]
    refused(enter_password(later, person.name, claim.password), "wrong-name-or-password")
    person.sign_in()


def test_h2_what_takes_seven_days_takes_seven_thirtieths_of_the_period(later):
    person, _ = two_step(later)
    shown = show(later, person.name, email=person.emails[0], password=PASSWORD)
    end = good(choose(later, shown["journey"]), 202)
    assert abs(seconds(end["effectiveAt"]) - time.time() - 7 * 86_400) < 60


def test_h5_the_same_ticket_joins_and_changes_nothing(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    again = show(later, person.name, code=code)
    assert again["runningHold"]["claimNumber"] == claim.answer["claimNumber"]
    joined = good(choose(later, again["journey"], "another password of mine", ticket=claim.ticket.lower()), 202)
    assert joined["outcome"] == "held" and "ticket" not in joined
    assert (joined["hold"], joined["effectiveAt"]) == (claim.id, claim.answer["effectiveAt"])
    wrong = show(later, person.name, code=code)["journey"]
    refused(choose(later, wrong, ticket="AAAA-AAAA-AAAA-AAAA-AAAA"), "ticket-wrong")
    assert claim.state() == "running"


def test_h5_a_lost_answer_is_given_again(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    assert good(choose(later, claim.journey), 202) == claim.answer


def test_h9_without_the_ticket_the_same_request_contests_and_nobody_wins(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    end = good(choose(later, show(later, person.name, code=code)["journey"], "another password of mine"), 202)
    assert end["outcome"] == "contested" and "ticket" not in end and "hold" not in end
    assert claim.state() == "contested"
    assert claim.status()["effectiveAt"] == claim.answer["effectiveAt"]


def test_h2_the_same_ticket_with_what_opens_at_once_is_a_recovery_of_its_own(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    shown = show(later, person.name, code=code, totp=person.app.code())
    end = good(choose(later, shown["journey"], "another password of mine", ticket=claim.ticket))
    assert end["outcome"] == "now" and end["recoveryCode"] != code
    assert claim.state() == "stopped"


def test_h13_a_code_from_before_two_step_verification_opens_at_once(later):
    person = Person(later)
    code = person.make_code()
    person.turn_on_two_step()
    shown = show(later, person.name, code=code)
    assert shown["outcome"] == "now"
    good(choose(later, shown["journey"]))
    assert "session" in good(enter_password(later, person.name, NEW_PASSWORD)), "what was younger is suspended"


def test_h2_strict_mode_never_opens_by_a_code_at_once(start_server):
    strict = start_server({"hold-period": "30d", "recovery-policy": "strict"})
    person, code = two_step(strict)
    assert show(strict, person.name, code=code, totp=person.app.code())["outcome"] == "held"
    early = Person(strict)
    old = early.make_code()
    early.turn_on_two_step()
    assert show(strict, early.name, code=old)["outcome"] == "held", "H13 has no place in strict mode"


# While it waits


def test_h7_old_sign_in_works_and_other_changes_wait(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    person.sign_in()
    app = person.app
    for method, path, body in [
        ("POST", "/security-info/email", {"email": "other@example.org"}), ("PUT", "/two-step", {"enabled": False}),
        ("PUT", "/password", {"password": NEW_PASSWORD}), ("POST", "/recovery-code", None),
    ]:
        refused(person.call(method, f"/api/v1{path}", body), "hold-running")
    # One app more is no change before its first code.
    added = good(person.call("POST", "/api/v1/security-info/totp"), 201)
    new = App(later, added["id"], added["secret"])
    confirm = f"/api/v1/security-info/totp/{new.id}/confirm"
    refused(person.call("POST", confirm, {"code": new.code()}), "hold-running")
    (email,) = [proof for proof in good(person.call("GET", "/api/v1/security-info"))["proofs"]
                if proof["kind"] == "email"]
    assert person.call("DELETE", f"/api/v1/security-info/email/{email['id']}").status_code == 409
    assert claim.state() == "running" and app is person.app


def test_h7_a_full_sign_in_stops_it_and_the_code_is_spent(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    later.change_database("UPDATE sessions SET proved_at = 0 WHERE account_id = (SELECT id FROM accounts "
                          "WHERE username = ?)", person.name)
    refused(person.call("POST", f"/api/v1/holds/{claim.id}/stop"), "step-up-needed")
    person.sign_in()
    assert good(person.call("POST", f"/api/v1/holds/{claim.id}/stop"))["state"] == "stopped"
    assert claim.state() == "stopped"
    journey = good(later.call("POST", "/api/v1/recovery", {"username": person.name}))["journey"]
    answer = later.call("POST", "/api/v1/recovery/recovery-code", {"journey": journey, "code": code})
    refused(answer, "code-used")
    person.make_code()


def test_t19_what_was_stopped_does_not_start_again_for_a_week(later):
    person, _ = two_step(later)
    shown = show(later, person.name, password=PASSWORD)
    held = good(choose(later, shown["journey"]), 202)
    good(person.call("POST", f"/api/v1/holds/{held['hold']}/stop"))
    again = show(later, person.name, password=PASSWORD)
    refused(choose(later, again["journey"]), "slow-down")


def test_h6_every_contact_is_told_also_one_just_removed(later):
    person, code = two_step(later)
    removed = f"{person.name}.gone@example.org"
    identifier = person.add_email(removed)
    good(person.call("DELETE", f"/api/v1/security-info/email/{identifier}"), 204)
    claim = Claim(later, person, code)
    deadline = time.monotonic() + 20
    while not all(claim.notices(address) for address in (person.emails[0], removed)):
        assert time.monotonic() < deadline, "not everyone was told"
        time.sleep(0.2)
    (mail,), (other,) = claim.notices(person.emails[0]), claim.notices(removed)
    for notice in (mail.get_content(), other.get_content()):
        assert person.name in notice and "127.0.0.1" in notice
        assert claim.answer["effectiveAt"][:4] in notice, "it says when"
        assert claim.code not in notice and claim.ticket not in notice and NEW_PASSWORD not in notice
    assert stop_token(mail), "it says how to stop it"
    assert stop_token(other) is None, "who was removed is told, and can do nothing"


def test_h7_the_link_of_a_notice_pauses_and_takes_it_back(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    token = first_token(later, claim, person.emails[0])
    page = later.call("GET", f"/stop/{token}")
    assert claim.state() == "running", f"a mail scanner's GET changes nothing ({page.status_code})"
    path = f"/api/v1/holds/{claim.id}"
    refused(later.call("POST", f"{path}/resume", {"stopToken": token}), "out-of-step")
    assert good(later.call("POST", f"{path}/stop", {"stopToken": token}))["state"] == "contested"
    assert good(later.call("POST", f"{path}/stop", {"stopToken": token}))["state"] == "contested"
    assert good(later.call("POST", f"{path}/resume", {"stopToken": token}))["state"] == "running"
    assert claim.status()["effectiveAt"] == claim.answer["effectiveAt"]
    refused(later.call("POST", f"{path}/stop", {"stopToken": token[:-2]}), "not-found")
    other = Claim(later, *two_step(later))
    refused(later.call("POST", f"/api/v1/holds/{other.id}/stop", {"stopToken": token}), "not-found")
    assert other.state() == "running"


def first_token(server, claim, address):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for mail in claim.notices(address):
            if stop_token(mail):
                return stop_token(mail)
        time.sleep(0.2)
    raise AssertionError("no notice with a link came")


def test_h12_removing_the_last_senior_proof_waits_too(later):
    person = Person(later)
    (email,) = good(person.call("GET", "/api/v1/security-info"))["proofs"]
    new = person.add_email(f"{person.name}.new@example.org")
    later.change_database("UPDATE contacts SET confirmed_at = confirmed_at - 3456000000, added_at = added_at - "
                          "3456000000 WHERE id = ?", email["id"])
    later.change_database("UPDATE accounts SET created_at = created_at - 3456000000, password_changed_at = "
                          "password_changed_at - 3456000000 WHERE username = ?", person.name)
    answer = person.call("DELETE", f"/api/v1/security-info/email/{email['id']}")
    hold = good(answer, 202)
    assert (hold["purpose"], hold["state"]) == ("removal", "running")
    listed = {proof["id"] for proof in good(person.call("GET", "/api/v1/security-info"))["proofs"]}
    assert listed == {email["id"], new}, "it is there until the hold ends"
    good(person.call("POST", f"/api/v1/holds/{hold['id']}/stop"))


# The end


def test_h2_the_whole_hold_from_claim_to_new_code(soon):
    person, code = two_step(soon)
    old = person.token
    claim = Claim(soon, person, code)
    end = seconds(claim.answer["effectiveAt"])
    assert good(soon.call("GET", "/api/v1/session", token=old))
    while time.time() < end - 0.3:
        assert claim.state() == "running", "never before its end"
        time.sleep(0.2)
    claim.wait_for("completed")
    assert seconds(claim.status()["endedAt"]) >= int(end)
    assert soon.call("GET", "/api/v1/session", token=old).status_code == 401, "every session ended"
    refused(enter_password(soon, person.name, PASSWORD), "wrong-name-or-password")
    # Two-step verification stays on: the new password alone is not enough, the old app would be.
    asked = good(enter_password(soon, person.name, NEW_PASSWORD))
    assert asked["options"] == ["totp", "ticket"]
    refused(soon.call("POST", "/api/v1/sign-in/ticket",
                      {"journey": asked["journey"], "ticket": "AAAA-AAAA-AAAA-AAAA-AAAA"}), "ticket-wrong")
    token = claim.sign_in()
    refused(soon.call("GET", "/api/v1/security-info", token=token), "factors-unsettled")
    full, person.app = settle(soon, token)
    assert full["recoveryCode"] != code
    refused(soon.call("POST", "/api/v1/recovery/recovery-code", {
        "journey": good(soon.call("POST", "/api/v1/recovery", {"username": person.name}))["journey"],
        "code": code}), "code-used")
    person.sign_in(NEW_PASSWORD)
    assert show(soon, person.name, code=full["recoveryCode"])["outcome"] == "held"
    again = good(enter_password(soon, person.name, NEW_PASSWORD))
    assert "ticket" not in again["options"], "the ticket is used up"
    # H6: start, halfway and end; the others would have fallen before the start.
    time.sleep(2.5)
    notices = claim.notices(person.emails[0])
    assert len(notices) == 3, [mail["Subject"] for mail in notices]
    assert len({mail["Subject"] for mail in notices}) == 3
    assert [bool(stop_token(mail)) for mail in notices[:2]] == [True, True]


def test_h11_it_completes_once_although_the_service_was_down_over_the_end(start_server):
    server = start_server({"hold-period": "4s"})
    person, code = two_step(server)
    claim = Claim(server, person, code)
    first_token(server, claim, person.emails[0])
    server.stop()
    time.sleep(max(0, seconds(claim.answer["effectiveAt"]) + 1.5 - time.time()))
    server.start()
    claim.wait_for("completed", 10)
    events = history(server, person)
    assert events.count("hold-completed") == events.count("recovered") == 1
    server.stop()
    server.start()
    assert history(server, person) == events


def test_h11_it_completes_lazily_for_whoever_comes_first(start_server):
    """Ten at once sign in with the new password at the moment it begins to hold."""
    server = start_server({"hold-period": "4s"})
    person, code = two_step(server)
    claim = Claim(server, person, code)
    first_token(server, claim, person.emails[0])
    time.sleep(max(0, seconds(claim.answer["effectiveAt"]) + 1 - time.time()))
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: enter_password(server, person.name, NEW_PASSWORD), range(10)))
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert any(answer.status_code == 200 for answer in answers)
    assert history(server, person).count("hold-completed") == 1


def history(server, person):
    with sqlite3.connect(server.data / "sparekey.sqlite", timeout=20) as database:
        rows = database.execute(
            "SELECT h.kind FROM security_history h JOIN accounts a ON a.id = h.account_id WHERE a.username = ? "
            "ORDER BY h.number", (person.name,)).fetchall()
    return [kind for (kind,) in rows]


def test_completion_waits_until_the_owner_could_be_told(start_server):
    server = start_server({"hold-period": "3s"})
    person, code = two_step(server)
    outbox = server.data / "outbox"
    time.sleep(2)
    # Root writes into any folder, but not into one that is not there.
    outbox.rename(server.data / "outbox-away")
    claim = Claim(server, person, code)
    time.sleep(max(0, seconds(claim.answer["effectiveAt"]) + 3 - time.time()))
    assert claim.state() == "running", "nobody was told: it does not complete"
    refused(enter_password(server, person.name, NEW_PASSWORD), "wrong-name-or-password")
    said = server.command("doctor")
    assert said.returncode == 1 and claim.id in said.stdout, said.stdout + said.stderr
    (server.data / "outbox-away").rename(outbox)
    server.change_database("UPDATE outbox SET due_at = 0 WHERE delivered_at IS NULL")
    claim.wait_for("completed")


def test_a_claimant_who_forgot_the_new_password_chooses_again(start_server):
    server = start_server({"hold-period": "3s"})
    person, code = two_step(server)
    contact = f"{person.name}.claim@example.net"
    claim = Claim(server, person, code, contact=contact)
    path = f"/api/v1/holds/{claim.id}"
    claim.wait_for("completed")
    sent = good(server.call("POST", f"{path}/issued-code", token=claim.ticket), 202)
    assert contact not in sent["sentTo"]
    digits = code_sent(server, contact, to="confirm")
    body = {"code": digits, "password": "remembered this time around"}
    refused(server.call("POST", f"{path}/new-password", body, token="AAAA-AAAA-AAAA-AAAA-AAAA"), "ticket-wrong")
    good(server.call("POST", f"{path}/new-password", body, token=claim.ticket), 204)
    claim.password = body["password"]
    settle(server, claim.sign_in())


# The clock


def test_t16_a_jump_of_the_clock_stops_completions_until_an_operator_looked(start_server, tmp_path):
    assert os.path.exists(FAKETIME), "install the package faketime"
    offset = tmp_path / "offset"
    offset.write_text("+0")
    server = start_server({"hold-period": "2h"}, variables={
        "LD_PRELOAD": FAKETIME, "FAKETIME_TIMESTAMP_FILE": str(offset), "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1"})
    person, code = two_step(server)
    claim = Claim(server, person, code)
    first_token(server, claim, person.emails[0])
    offset.write_text("+3h")
    time.sleep(4)
    assert claim.state() == "running", "time that did not pass ends no hold"
    said = server.command("doctor")
    assert said.returncode == 1 and "sparekey hold resume" in said.stdout, said.stdout + said.stderr
    resumed = server.command("hold", "resume")
    assert resumed.returncode == 0 and "complete again" in resumed.stdout, resumed.stderr
    claim.wait_for("completed", 20)
    assert "Nothing was stopped" in server.command("hold", "resume").stdout


# The command line


def test_o2_hold_list_and_show_say_everything_but_secrets(later):
    person, code = two_step(later)
    claim = Claim(later, person, code)
    listed = json.loads(later.command("hold", "list", "--json").stdout)
    (mine,) = [hold for hold in listed if hold["id"] == claim.id]
    assert (mine["username"], mine["state"], mine["evidence"]) == (person.name, "running", ["recovery-code"])
    assert json.loads(later.command("hold", "show", claim.id, "--json").stdout)["claimNumber"] == (
        claim.answer["claimNumber"])
    for words in (["hold", "list"], ["hold", "show", claim.id], ["hold", "list", "--json"]):
        shown = later.command(*words)
        assert shown.returncode == 0 and claim.id in shown.stdout, shown.stderr
        for secret in (code, claim.ticket, NEW_PASSWORD, person.emails[0]):
            assert secret not in shown.stdout
    good(person.call("POST", f"/api/v1/holds/{claim.id}/stop"))
    assert claim.id not in later.command("hold", "list").stdout
    assert "stopped" in later.command("hold", "show", claim.id).stdout
    missing = later.command("hold", "show", "nowhere")
    assert missing.returncode == 1 and "There is no hold nowhere" in missing.stderr
