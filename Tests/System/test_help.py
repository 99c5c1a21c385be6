"""Ways back in, help and closing over the API, and the operator's look at accounts (D3, D5, G1, G2, O2, O7)."""

import csv
import io
import json
import os
import re
import subprocess
import time

import pytest
from conftest import BINARY
from test_api import NEW_PASSWORD, PASSWORD, Person, check_described, sign_in

MONTH = 30 * 86_400


# The API


def advise(server, *have, **more):
    answer = server.call("POST", "/api/v1/help/sign-in", {"have": list(have), **more})
    check_described(answer)
    return answer.json()["advice"]


def test_g1_the_helper_answers_for_both_kinds_of_accounts_unless_told(server):
    both = advise(server, "recovery-code")
    assert [(each["twoStep"], each["way"]["outcome"]) for each in both] == [(False, "now"), (True, "held")]
    assert both[1]["way"]["holdSeconds"] == MONTH
    (one,) = advise(server, "recovery-code", "password", twoStep=True)
    assert one["way"]["outcome"] == "now" and sorted(one["way"]["evidence"][0]) == ["recovery-code", "senior-password"]
    assert [each["way"]["outcome"] for each in advise(server)] == ["support"]


@pytest.mark.parametrize("body", [{}, {"have": "password"}, {"have": ["luck"]}, {"have": [1]}, {"have": [], "twoStep": 1}])
def test_g1_what_the_helper_does_not_know_is_said(server, body):
    answer = server.call("POST", "/api/v1/help/sign-in", body)
    check_described(answer)
    assert answer.status_code == 400


def test_d3_the_ways_back_change_with_what_the_account_has(server):
    person = Person(server)
    bare = person.call("GET", "/api/v1/ways-back")
    check_described(bare)
    assert bare.json()["singlePointsOfFailure"] == [{"lost": "password", "add": "recovery-code"}]
    person.make_code()
    ways = person.call("GET", "/api/v1/ways-back").json()
    assert ways["singlePointsOfFailure"] == []
    outcomes = {tuple(each["lost"]): each["way"]["outcome"] for each in ways["waysBack"]}
    assert outcomes == {("password",): "now", ("sheet",): "sign-in", ("password", "sheet"): "support"}
    assert server.call("GET", "/api/v1/ways-back").status_code == 401


def test_g2_every_contact_gets_the_same_answer(start_server):
    server = start_server(demo=True, settings={"limits": "on"})
    answers = [
        server.call("POST", "/api/v1/help/username", {"contact": contact})
        for contact in ("demo@example.org", "nobody@example.net", "+491711234567")]
    for answer in answers:
        check_described(answer)
    assert len({(answer.status_code, answer.content) for answer in answers}) == 1
    deadline = time.monotonic() + 20
    while not (letters := [mail for mail in server.mails("demo@example.org") if mail["Subject"] == "Your username"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "It is: demo" in letters[0].get_content()
    for wrong in ("", "  ", "demo", "a@b@c", "+49x"):
        answer = server.call("POST", "/api/v1/help/username", {"contact": wrong})
        check_described(answer)
        assert answer.status_code == 422, wrong


def test_d5_closing_signs_out_and_signing_in_opens_again(server):
    person = Person(server)
    for days in (0, 29, 31, 90):
        refused = person.call("POST", "/api/v1/account/close", {"days": days})
        check_described(refused)
        assert refused.status_code == 400
    closed = person.call("POST", "/api/v1/account/close", {"days": 60})
    check_described(closed)
    assert closed.status_code == 200
    assert person.call("GET", "/api/v1/session").status_code == 401
    shown = json.loads(server.command("account", "show", person.username, "--json").stdout)
    assert shown["closesAt"] == closed.json()["closesAt"] and shown["account"]["state"] == "closing"
    assert sign_in(server, person.username, PASSWORD).status_code == 200
    shown = json.loads(server.command("account", "show", person.username, "--json").stdout)
    assert "closesAt" not in shown and shown["account"]["state"] == "open"


def test_d5_what_is_closed_is_erased_from_the_database(start_server):
    server = start_server()
    person = Person(server, "shortlived")
    person.make_code()
    assert person.call("POST", "/api/v1/account/close", {"days": 30}).status_code == 200
    server.change_database("UPDATE accounts SET closes_at = 1 WHERE username = ?", "shortlived")
    server.stop()
    server.start()
    deadline = time.monotonic() + 20
    while "shortlived" in server.command("account", "list").stdout:
        assert time.monotonic() < deadline, "housekeeping erases at its first turn"
        time.sleep(0.1)
    again = server.call(
        "POST", "/api/v1/accounts", {"username": "shortlived", "password": NEW_PASSWORD})
    assert again.status_code == 422 and again.json()["type"].endswith("field")


# The command line


def test_o2_accounts_are_listed_and_shown_without_an_address_or_a_secret(server):
    person = Person(server)
    person.make_code()
    table = server.command("account", "list")
    assert table.returncode == 0 and re.search(rf"^{person.username}\t\S+\topen$", table.stdout, re.MULTILINE)
    lines = [json.loads(line) for line in server.command("account", "list", "--json").stdout.splitlines()]
    assert person.username in {line["username"] for line in lines}
    shown = server.command("account", "show", "demo")
    assert shown.returncode == 0, shown.stderr
    assert "Ways back in:" in shown.stdout and "example.org" not in shown.stdout
    missing = server.command("account", "show", "nobody.here")
    assert missing.returncode == 1 and "There is no account nobody.here" in missing.stderr


def test_h3_the_policy_explains_what_an_account_would_need(server):
    person = Person(server)
    person.make_code()
    explained = server.command("policy", "explain", "--account", person.username, "--lost", "password")
    assert explained.stdout == "You are back at once, with your recovery code.\n"
    answer = server.command("policy", "explain", "--account", person.username, "--lost", "password, sheet", "--json")
    assert json.loads(answer.stdout) == {"outcome": "support", "evidence": []}
    wrong = server.command("policy", "explain", "--account", person.username, "--lost", "keys")
    assert wrong.returncode == 1 and "password, mailbox, phone, sheet" in wrong.stderr
    assert server.command("policy", "--json").returncode == 0, "the table is still what `policy` prints"


def test_o7_the_report_lists_the_accounts_that_hang_by_one_thing(server):
    bare, safe = Person(server), Person(server)
    safe.make_code()
    table = server.command("report", "no-way-back").stdout
    assert re.search(rf"^{bare.username}\toff\tpassword\trecovery-code$", table, re.MULTILINE)
    assert not re.search(rf"^{safe.username}\t", table, re.MULTILINE)
    rows = list(csv.DictReader(io.StringIO(server.command("report", "no-way-back", "--format", "csv").stdout)))
    assert {"username": bare.username, "must-not-lose": "password"}.items() <= next(
        row for row in rows if row["username"] == bare.username).items()
    lines = [json.loads(line) for line in server.command("report", "no-way-back", "--json").stdout.splitlines()]
    assert {line["username"] for line in lines} == {row["username"] for row in rows}
    phone = server.command("report", "no-way-back", "--lost", "phone", "--json").stdout
    assert bare.username not in phone


def test_o7_the_report_of_many_accounts_keeps_its_memory(start_server):
    """Thirty thousand accounts, made by copying one row."""
    server = start_server()
    Person(server, "pattern")

    def report():
        with subprocess.Popen(
                [BINARY, "report", "no-way-back", "--json", "--data", server.data], stdout=subprocess.PIPE) as process:
            lines = sum(1 for _ in process.stdout)
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return lines, used.ru_maxrss

    one, little = report()
    server.change_database(
        """WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 30000)
        INSERT INTO accounts (id, username, username_canonical, username_skeleton, created_at, version, password,
          password_changed_at, code_salt)
        SELECT 'copy' || n, 'copy' || n, 'copy' || n, 'copy' || n, created_at, version, password,
          password_changed_at, code_salt FROM accounts, numbers""")
    many, much = report()
    assert (one, many) == (1, 30_001)
    assert much < little + 32_768, f"{little} KiB for one account, {much} KiB for 30,001"
