"""Bugs that others shipped, at the level of the program: one test for each row of the list in the threat model that
concerns two-step verification, issued codes, and recoveries that wait."""

import concurrent.futures
import json
import pathlib
import re
import sqlite3
import statistics
import subprocess
import time

import pytest
import requests

from conftest import BINARY, free_port
from people import (
    NEW_PASSWORD, PASSWORD, Claim, Person, choose, code_sent, codes_sent, enter_password, good, refused, settle, show,
    start, stop_token, two_step)

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "Sources/SparekeyWeb/Resources/openapi.json").read_text())


# What takes a ticket or a token of a notice instead, and signing out.
WITHOUT_SESSION = ("signOut", "stopHold", "sendCodeToChooseAgain", "choosePasswordAgain", "caseStatus", "replyInCase")


@pytest.fixture(scope="module")
def strict_limits(start_server):
    """With limits, and behind a proxy that says where people come from."""
    return start_server({"limits": "on", "trusted-proxies": "127.0.0.1,::1"})


def call_from(server, address, path, body, token=None):
    headers = {"X-Forwarded-For": address} | ({"Authorization": f"Bearer {token}"} if token else {})
    return requests.post(f"{server.url}/api/v1{path}", json=body, headers=headers, timeout=60)


def test_row_04_the_required_step_stands_before_every_other_call(server):
    """After a recovery the second factors come first, whatever address is asked."""
    person, code = two_step(server)
    shown = show(server, person.name, code=code, totp=person.app.code())
    token = good(choose(server, shown["journey"]))["session"]["token"]
    asked = 0
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            own = path.startswith("/api/v1/factors") or operation["operationId"] in WITHOUT_SESSION
            if operation["security"] != [{"session": []}] or own:
                continue
            concrete = path.replace("{id}", "0d3fh2m8yq6n5v7x1k9r4t2wjb").replace("{number}", "1")
            refused(server.call(method.upper(), concrete, {}, token=token), "factors-unsettled")
            asked += 1
    assert asked > 25
    refused(server.call("POST", "/api/v1/holds/0d3fh2m8yq6n5v7x1k9r4t2wjb/stop", token=token), "factors-unsettled")
    for page in ("/account/security", "/account/recovery-code", "/account/activity", "/account/sessions", "/step-up"):
        answer = requests.get(
            server.url + page, cookies={"session": token, "sparekey-session": token, "__Host-session": token},
            allow_redirects=False, timeout=20)
        assert answer.status_code != 200, page


def test_row_07_parallel_guesses_at_an_issued_code_get_five_verdicts(strict_limits):
    server = strict_limits
    person = Person(server)
    started = start(server, person.name)
    known = codes_sent(server, person.emails[0])
    journey = good(server.call("POST", "/api/v1/recovery/issued-code", {
        "journey": started["journey"], "option": started["options"][0]["id"]}))["journey"]
    right = int(code_sent(server, person.emails[0], known))
    guesses = [f"{(right + 1 + n) % 1_000_000:06}" for n in range(60)] + [f"{right:06}"]

    def guess(number):
        return call_from(server, f"198.51.100.{number % 250 + 1}", "/recovery/issued-code", {
            "journey": journey, "code": guesses[number]})

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(guess, range(60)))
    assert {answer.status_code for answer in answers} == {403}
    refused(guess(60), "issued-code-wrong")


def test_row_08_the_limit_on_app_codes_is_the_accounts_from_wherever_they_come(strict_limits):
    server = strict_limits
    person, _ = two_step(server)
    wrong = f"{(int(person.app.code()) + 7) % 1_000_000:06}"
    kinds = []
    # Ten from one source, sixty from all of them together.
    for number in range(14 + 54):
        journey = start(server, person.name)["journey"]
        source = "203.0.113.1" if number < 14 else f"203.0.113.{number + 1}"
        answer = call_from(server, source, "/recovery/totp", {"journey": journey, "code": wrong})
        kinds.append(answer.json()["type"].rsplit(":", 1)[1])
    assert kinds[:10] == ["totp-wrong"] * 10
    assert kinds[10:14] == ["slow-down"] * 4
    assert kinds[14:64] == ["totp-wrong"] * 50
    assert kinds[64:] == ["slow-down"] * 4
    # Row 12's other half: what strangers used up on the way back does not keep the owner from signing in.
    person.sign_in()


def test_row_10_a_code_of_an_app_is_accepted_once_here_and_there_together(server):
    person, code = two_step(server)
    digits = person.app.code()
    journeys = [good(enter_password(server, person.name, PASSWORD))["journey"] for _ in range(12)]

    def enter(journey):
        return server.call("POST", "/api/v1/sign-in/totp", {"journey": journey, "code": digits})

    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(enter, journeys))
    assert sorted(answer.status_code for answer in answers) == [200] + [403] * 11
    shown = show(server, person.name, code=code)
    refused(server.call("POST", "/api/v1/recovery/totp", {"journey": shown["journey"], "code": digits}), "totp-wrong")
    refused(person.call("POST", "/api/v1/step-up", {"password": PASSWORD, "totp": digits}), "totp-wrong")


def test_row_12_limits_are_on_by_default_in_api_page_and_command_line(strict_limits):
    server = strict_limits
    config = json.loads(server.command("config", "--json").stdout)
    assert next(line["value"] for line in config if line["name"] == "limits") == "on"
    person, _ = two_step(server)
    stranger, owner = "203.0.113.200", "198.51.100.200"

    def enter(address, password):
        journey = good(server.call("POST", "/api/v1/sign-in", {"username": person.name}))["journey"]
        return call_from(server, address, "/sign-in/password", {"journey": journey, "password": password})

    statuses = [enter(stranger, "not this one, surely").status_code for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2
    good(enter(owner, PASSWORD))
    session = person.token
    for _ in range(5):
        call_from(server, stranger, "/step-up", {"password": "not this one, surely"}, session)
    refused(call_from(server, stranger, "/step-up", {"password": PASSWORD}, session), "slow-down")


def test_row_20_sender_and_links_of_a_notice_come_from_the_configuration(server):
    person, code = two_step(server)
    journey = show(server, person.name, code=code)["journey"]
    evil = {
        "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example", "X-Forwarded-Server": "evil.example",
        "X-Original-Host": "evil.example", "Origin": "https://evil.example", "Referer": "https://evil.example/"}
    body = {"journey": journey, "password": NEW_PASSWORD}
    answer = requests.post(f"{server.url}/api/v1/recovery/new-password", json=body, headers=evil, timeout=20)
    number = good(answer, 202)["claimNumber"]
    deadline = time.monotonic() + 20
    while not (found := [mail for mail in person.mails() if number in mail.get_content()]):
        assert time.monotonic() < deadline, "no notice came"
        time.sleep(0.2)
    for mail in found:
        assert mail["From"] == "sparekey@localhost"
        assert "evil.example" not in mail.as_string()
        links = re.findall(r"https?://[^\s/]+", mail.get_content())
        assert links and set(links) == {server.url}


def test_row_26_known_and_unknown_names_are_answered_alike_while_mail_is_down(start_server):
    broken = start_server({"smtp": f"smtp://127.0.0.1:{free_port()}", "smtp-tls": "off"}, demo=True)

    def ask(name):
        began = time.monotonic()
        started = start(broken, name)
        if not started["options"]:
            return None
        answer = broken.call("POST", "/api/v1/recovery/issued-code", {
            "journey": started["journey"], "option": started["options"][0]["id"]})
        return answer.status_code, good(answer)["step"], time.monotonic() - began

    known = [ask("demo") for _ in range(12)]
    unknown = [result for number in range(40) if (result := ask(f"nobody{number}"))][:12]
    assert {result[:2] for result in known + unknown} == {(200, "issued-code")}
    slow, fast = sorted(statistics.median(result[2] for result in group) for group in (known, unknown))[::-1]
    assert slow < fast * 3 + 0.05, "the time tells which name exists"


@pytest.mark.parametrize("change", ["password", "email", "two-step", "code"])
def test_row_30_what_was_begun_before_a_change_is_dead_after_it(server, change):
    person = Person(server)
    code = person.make_code()
    person.add_app()
    proved = show(server, person.name, code=code)["journey"]
    begun = start(server, person.name)["journey"]
    if change == "password":
        good(person.call("PUT", "/api/v1/password", {"password": "chosen in between by me"}), 204)
    elif change == "email":
        person.add_email(f"{person.name}.two@example.org")
    elif change == "two-step":
        person.turn_on_two_step()
    else:
        person.make_code()
    answer = choose(server, proved)
    assert answer.status_code in (403, 409), answer.text
    answer = server.call("POST", "/api/v1/recovery/recovery-code", {"journey": begun, "code": code})
    assert answer.status_code in (403, 409), answer.text
    assert server.call("GET", "/api/v1/session", token=person.token).ok


def test_row_30_the_link_of_a_notice_is_dead_once_the_hold_is_over(server):
    person, code = two_step(server)
    claim = Claim(server, person, code)
    deadline = time.monotonic() + 20
    while not (tokens := [stop_token(mail) for mail in claim.notices(person.emails[0]) if stop_token(mail)]):
        assert time.monotonic() < deadline, "no notice with a link came"
        time.sleep(0.2)
    good(person.call("POST", f"/api/v1/holds/{claim.id}/stop"))
    for action in ("stop", "resume"):
        refused(server.call("POST", f"/api/v1/holds/{claim.id}/{action}", {"stopToken": tokens[0]}), "hold-over")
    assert claim.state() == "stopped"


def test_row_33_nothing_moves_a_hold(start_server):
    """Neither the claimant nor an operator, neither the API nor the command line, a setting or the database."""
    server = start_server({"hold-period": "30d"})
    person, code = two_step(server)
    claim = Claim(server, person, code)
    before = claim.status()
    path = f"/api/v1/holds/{claim.id}"
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        for token in (claim.ticket, person.token):
            body = {"effectiveAt": "2020-01-01T00:00:00Z", "state": "completed"}
            assert server.call(method, path, body, token=token).status_code == 405
    for action in ("complete", "finish", "extend", "start", "approve"):
        assert server.call("POST", f"{path}/{action}", {}, token=claim.ticket).status_code == 404
    refused(server.call("POST", f"{path}/stop", token=claim.ticket), "not-signed-in")
    joined = show(server, person.name, code=code)["journey"]
    good(choose(server, joined, "another password of mine", ticket=claim.ticket), 202)

    usage = subprocess.run([BINARY, "hold", "--help"], capture_output=True, text=True, timeout=60).stdout
    commands = re.findall(r"^  (\w+)  ", usage.split("SUBCOMMANDS:")[1], flags=re.MULTILINE)
    assert commands == ["list", "show", "resume"]
    for words in (["stop", claim.id], ["complete", claim.id], ["resume", claim.id], ["show", claim.id, "--until", "0"]):
        assert server.command("hold", *words).returncode == 64
    assert server.command("hold", "resume").returncode == 0

    columns = ["ends_at", "started_at", "account_id", "evidence", "seniors", "parked", "ticket_digest", "policy_row",
               "purpose", "id"]
    with sqlite3.connect(server.data / "sparekey.sqlite", timeout=20) as database:
        for column in columns:
            with pytest.raises(sqlite3.IntegrityError, match="immutable"):
                database.execute(f"UPDATE holds SET {column} = {column} WHERE id = ?", (claim.id,))

    server.stop()
    server.settings["hold-period"] = "1s"
    server.start()
    time.sleep(2.5)
    assert claim.status() == before


def test_row_34_what_was_applied_once_stays_so(start_server):
    """The old app does not come back, and the hold does not complete again, after stops and kills."""
    server = start_server({"hold-period": "2s"})
    person, code = two_step(server)
    claim = Claim(server, person, code)
    claim.wait_for("completed")
    old = person.app
    _, person.app = settle(server, claim.sign_in())
    ended = claim.status()
    for end in (server.stop, server.kill):
        end()
        server.start()
        time.sleep(1.5)
        assert claim.status() == ended
        journey = good(enter_password(server, person.name, NEW_PASSWORD))["journey"]
        body = {"journey": journey, "code": old.code()}
        refused(server.call("POST", "/api/v1/sign-in/totp", body), "totp-wrong")
        person.sign_in(NEW_PASSWORD)
        listed = good(person.call("GET", "/api/v1/security-info"))["proofs"]
        assert [proof["id"] for proof in listed if proof["kind"] == "totp"] == [person.app.id]
    with sqlite3.connect(server.data / "sparekey.sqlite", timeout=20) as database:
        with pytest.raises(sqlite3.IntegrityError, match="stays ended"):
            database.execute("UPDATE holds SET state = 'running', ended_at = NULL WHERE id = ?", (claim.id,))


def test_row_36_a_half_done_sign_in_does_not_survive_a_change_of_the_password(server):
    person, code = two_step(server)
    half = good(enter_password(server, person.name, PASSWORD))["journey"]
    shown = show(server, person.name, password=PASSWORD)["journey"]
    good(person.call("PUT", "/api/v1/password", {"password": NEW_PASSWORD}), 204)
    answer = server.call("POST", "/api/v1/sign-in/totp", {"journey": half, "code": person.app.code()})
    refused(answer, "changed-meanwhile")
    answer = server.call("POST", "/api/v1/recovery/recovery-code", {"journey": shown, "code": code})
    refused(answer, "changed-meanwhile")


def test_row_39_an_operator_who_looks_or_changes_nothing_ends_no_recovery(server):
    person, code = two_step(server)
    journey = show(server, person.name, code=code)["journey"]
    other, other_code = two_step(server)
    claim = Claim(server, other, other_code)
    before = claim.status()
    good(person.call("PUT", "/api/v1/two-step", {"enabled": True}))
    for words in (["doctor"], ["config"], ["hold", "list"], ["hold", "show", claim.id], ["hold", "resume"]):
        assert server.command(*words).returncode == 0, words
    server.stop()
    server.start()
    assert claim.status() == before
    good(choose(server, journey), 202)


def test_row_40_a_strangers_attempt_waits_and_signs_nobody_out(server):
    person, _ = two_step(server)
    person.sign_in()
    shown = show(server, person.name, email=person.emails[0])
    assert shown["outcome"] == "held", "a mailbox alone does not pass two-step verification"
    good(choose(server, shown["journey"]), 202)
    assert good(person.call("GET", "/api/v1/session"))
    person.sign_in()
    refused(enter_password(server, person.name, NEW_PASSWORD), "wrong-name-or-password")


def test_row_41_a_username_cannot_be_someone_elses_email(server):
    person = Person(server)
    address = person.emails[0]
    for name in (address, address.upper(), address.replace("@", "\uff20")):
        answer = server.call("POST", "/api/v1/accounts", {"username": name, "password": PASSWORD})
        assert refused(answer, "field")["field"] == "username"
    person.sign_in()
