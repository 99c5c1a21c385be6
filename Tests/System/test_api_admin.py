"""The operator API, its tokens and its pages of lists, from outside (A2, O2, T13)."""

import itertools
import json
import re
import sqlite3
import time

import pytest

from people import PASSWORD, SCOPES, Claim, Person, good, make_token, two_step
from test_api import DOCUMENT, URN, check_described

numbers = itertools.count(1)
ADMIN = "/api/v1/admin"
APP = {"name": "Notes", "kind": "confidential", "redirectUris": ["https://notes.example.org/in"]}


@pytest.fixture(scope="module")
def token(server):
    return make_token(server)


def admin(server, method, path, token, body=None, key=None):
    answer = server.call(method, ADMIN + path, body, token, key=key)
    check_described(answer)
    return answer


def pages(server, token, path, limit, name="items"):
    """A whole list, page by page."""
    found, after = [], ""
    for _ in range(200):
        joint = "&" if "?" in path else "?"
        page = good(server.call("GET", f"{path}{joint}limit={limit}{after}", token=token))
        assert len(page[name]) <= limit
        found += page[name]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"
    raise AssertionError("the list does not end")


# Tokens


def test_t13_a_token_is_shown_once_and_kept_as_a_digest(server):
    name = f"once{next(numbers)}"
    secret = make_token(server, "accounts:read", name=name)
    assert re.fullmatch(r"sk_admin_[0-9a-z]{52}", secret)
    raw = b"".join(file.read_bytes() for file in server.data.glob("sparekey.sqlite*"))
    assert secret.encode() not in raw and secret.removeprefix("sk_admin_").encode() not in raw
    listed = server.command("token", "list", "--json")
    assert secret not in listed.stdout
    (found,) = [token for token in json.loads(listed.stdout) if token["name"] == name]
    assert found["scopes"] == ["accounts:read"]
    assert "lastUsedAt" not in found
    good(admin(server, "GET", "/accounts", secret))
    (used,) = [t for t in json.loads(server.command("token", "list", "--json").stdout) if t["name"] == name]
    assert used["lastUsedAt"].endswith(":00:00Z"), "use is kept to the hour"
    assert good(admin(server, "GET", "/token", secret))["name"] == name


@pytest.mark.parametrize("words, says", [
    (["--name", "Two Words", "--scope", "audit:read"], "A name has"),
    (["--name", "none"], "needs a scope"),
    (["--name", "soon", "--scope", "audit:read", "--expires", "soon"], "--expires is"),
])
def test_q5_a_token_that_cannot_be_is_explained(server, words, says):
    made = server.command("token", "create", *words)
    assert made.returncode == 1
    assert says in made.stderr


def test_a_name_is_taken_once_and_free_again_after_deletion(server):
    name = f"taken{next(numbers)}"
    first = make_token(server, "audit:read", name=name)
    assert "already" in server.command("token", "create", "--name", name, "--scope", "audit:read").stderr
    assert server.command("token", "delete", name).returncode == 0
    assert server.command("token", "delete", name).returncode == 1
    second = make_token(server, "audit:read", name=name)
    assert admin(server, "GET", "/audit", first).json()["type"] == URN + "token-unknown"
    good(admin(server, "GET", "/audit", second))


def test_a_deleted_token_and_one_whose_time_is_over_are_good_no_more(server):
    name = f"over{next(numbers)}"
    secret = make_token(server, "accounts:read", name=name, expires="1h")
    good(admin(server, "GET", "/accounts", secret))
    server.change_database("UPDATE operator_tokens SET expires_at = created_at WHERE name = ?", name)
    over = admin(server, "GET", "/accounts", secret)
    assert over.status_code == 401
    assert over.headers["WWW-Authenticate"] == "Bearer"
    lasting = make_token(server, "accounts:read", expires="never", name=f"{name}x")
    good(admin(server, "GET", "/accounts", lasting))
    server.command("token", "delete", f"{name}x")
    assert admin(server, "GET", "/accounts", lasting).status_code == 401


OPERATIONS = [
    (method, path, operation)
    for path, item in DOCUMENT["paths"].items() if path.startswith(ADMIN)
    for method, operation in item.items()]


@pytest.mark.parametrize("method, path, operation", OPERATIONS)
def test_no_call_goes_beyond_its_scope(server, method, path, operation):
    """With all scopes but the one that a call needs it is refused, before anything of it is looked at."""
    needed = re.search(r"Scope `([a-z:]+)`", operation["description"])
    path = path.format(username="demo", id="0d3fh2m8yq6n5v7x1k9r4t2wjb", number="7G4-QK2")
    for stranger in (None, "sk_admin_" + "0" * 52, "x"):
        assert server.call(method, path, token=stranger).status_code == 401
    if not needed:
        return
    others = TOKENS.get(needed.group(1)) or make_token(server, *[s for s in SCOPES if s != needed.group(1)])
    TOKENS[needed.group(1)] = others
    refused = server.call(method, path, {}, others)
    check_described(refused)
    assert refused.json()["type"] == URN + "scope-missing"


TOKENS = {}


def test_a_session_opens_nothing_here_and_a_token_nothing_there(server, token):
    person = two_step(server)[0]
    for method, path in (("GET", "/accounts"), ("POST", "/accounts"), ("GET", "/token")):
        refused = server.call(method, ADMIN + path, {}, person.token)
        assert refused.status_code == 403
        assert refused.json()["type"] == URN + "operators-only"
    calls = [
        (method, path) for path, item in DOCUMENT["paths"].items() for method, operation in item.items()
        if operation.get("security") == [{"session": []}]]
    assert len(calls) > 40
    for method, path in calls:
        path = path.format(
            id="0d3fh2m8yq6n5v7x1k9r4t2wjb", number="1" if "activity" in path else "7G4-QK2", client="c")
        answer = server.call(method, path, {}, token)
        assert answer.status_code == 401, f"{method} {path}: {answer.text}"


def test_wrong_tokens_are_slowed_down_and_right_ones_never(start_server):
    server = start_server({"limits": "on"})
    right = make_token(server, "accounts:read")
    answers = [server.call("GET", ADMIN + "/accounts", token=f"sk_admin_{number:052}") for number in range(12)]
    assert answers[0].status_code == 401
    assert answers[-1].status_code == 429
    check_described(answers[-1])
    good(server.call("GET", ADMIN + "/accounts", token=right))


def test_no_call_touches_a_hold_or_shows_a_secret(server, token):
    """G4, T17: not even the operator."""
    described = json.dumps({path: item for path, item in DOCUMENT["paths"].items() if path.startswith(ADMIN)})
    holds = {(method, path) for method, path, _ in OPERATIONS if "/holds" in path}
    assert holds == {("get", f"{ADMIN}/holds"), ("get", f"{ADMIN}/holds/{{id}}")}
    assert "/sessions" not in described
    person, code = two_step(server)
    claim = Claim(server, person, code)
    (hold,) = [h for h in pages(server, token, f"{ADMIN}/holds", 2) if h["username"] == person.name]
    seen = admin(server, "GET", f"/holds/{claim.id}", token)
    assert good(seen) == hold
    assert claim.ticket not in seen.text
    status = admin(server, "GET", f"/accounts/{person.name}", token)
    assert good(status)["account"]["state"] == "recovery waits"
    for secret in (person.emails[0], code, person.app.secret, person.token):
        assert secret not in status.text


# What it does


def test_an_account_is_made_once_also_while_sign_up_is_closed(start_server):
    server = start_server({"sign-up": "closed"})
    token = make_token(server, "accounts:write", "accounts:read", "audit:read", name="hr")
    body = {"username": "nina", "password": PASSWORD, "email": "nina@example.org"}
    made = [admin(server, "POST", "/accounts", token, body, key="a" * 20) for _ in range(2)]
    assert good(made[0], 201) == good(made[1], 201)
    assert admin(server, "POST", "/accounts", token, body).json()["field"] == "username"
    assert admin(server, "POST", "/accounts", token, {"username": "otto", "password": "x"}).status_code == 422
    assert good(admin(server, "GET", "/accounts/nina", token))["sessions"] == 0, "nobody is signed in"
    assert good(admin(server, "GET", "/accounts/nina/way-back?lost=password", token))["outcome"]
    for wrong in ("", "?lost=", "?lost=hat", "?lost=password,hat"):
        assert admin(server, "GET", f"/accounts/nina/way-back{wrong}", token).json()["field"] == "lost"
    deadline = time.monotonic() + 30
    while not (entries := [e for e in good(admin(server, "GET", "/audit", token))["items"]
            if e["action"] == "account-created"]):
        assert time.monotonic() < deadline, "the entry got no place in the chain"
        time.sleep(0.5)
    assert [entry["actor"] for entry in entries] == ["token:hr"]
    report = good(admin(server, "GET", "/audit/verify", token))
    assert "fault" not in report
    assert good(admin(server, "GET", f"/audit/verify?holding={report['head']}", token)) == report
    assert "fault" in good(admin(server, "GET", "/audit/verify?holding=" + "ab" * 32, token))
    assert admin(server, "GET", "/audit/verify?holding=ab", token).json()["field"] == "holding"


def test_apps_are_registered_changed_and_forgotten(server, token):
    made = good(admin(server, "POST", "/clients", token, APP), 201)
    assert made["origin"] == "operator"
    path = f"/clients/{made['id']}"
    shown = good(admin(server, "GET", path, token))
    assert shown == {name: value for name, value in made.items() if name != "secret"}
    changed = good(admin(server, "PUT", path, token, {
        "name": "Better notes", "redirectUris": ["https://notes.example.org/two"], "algorithm": "RS256"}))
    assert (changed["name"], changed["kind"], changed["algorithm"]) == ("Better notes", "confidential", "RS256")
    assert good(admin(server, "GET", path, token)) == changed
    rotated = good(admin(server, "POST", f"{path}/secret", token))
    assert rotated["secret"] != made["secret"]
    for body, field in [
        ({**APP, "redirectUris": []}, "redirectUris"), ({**APP, "redirectUris": ["http://evil.example/"]}, "redirectUris"),
        ({**APP, "name": " "}, "name"), ({**APP, "kind": "other"}, "kind"), ({**APP, "algorithm": "none"}, "algorithm"),
        ({**APP, "postLogoutUris": ["x"]}, "postLogoutUris"), ({**APP, "redirectUris": "x"}, "redirectUris"),
        ({**APP, "backChannelLogoutUri": "a.b:/c"}, "backChannelLogoutUri"),
    ]:
        refused = admin(server, "POST", "/clients", token, body)
        assert refused.status_code in (400, 422)
        assert refused.json()["field"] == field, refused.text
    good(admin(server, "DELETE", path, token), 204)
    for method, body in (("GET", None), ("PUT", APP), ("DELETE", None)):
        assert admin(server, method, path, token, body).status_code == 404
    with sqlite3.connect(server.data / "sparekey.sqlite") as database:
        deeds = [row[0] for row in database.execute(
            "SELECT action FROM audit WHERE detail LIKE ? ORDER BY at", [f"%({made['id']},%"])]
    assert deeds == ["client-registered", "client-changed", "client-secret-rotated", "client-deleted"]


def test_agents_completions_policy_and_reports(server, token):
    person = two_step(server)[0]
    assert server.command("agent", "add", "--username", person.name).returncode == 0
    assert admin(server, "PUT", f"/agents/{person.name}", token).status_code == 405
    assert person.name in [agent["username"] for agent in pages(server, token, f"{ADMIN}/agents", 1)]
    good(admin(server, "DELETE", f"/agents/{person.name}", token), 204)
    assert person.name not in [agent["username"] for agent in pages(server, token, f"{ADMIN}/agents", 1)]
    assert admin(server, "DELETE", "/agents/nobody-has-this", token).status_code == 404
    assert good(admin(server, "GET", "/completions", token)) == {}
    assert good(admin(server, "POST", "/completions/resume", token)) == {"wereStopped": False}
    assert good(admin(server, "GET", "/policy", token)) == good(server.call("GET", "/api/v1/help/recovery-policy"))
    reported = pages(server, token, f"{ADMIN}/report/no-way-back", 3)
    printed = server.command("report", "no-way-back", "--json").stdout.splitlines()
    assert sorted(map(str, reported)) == sorted(str(json.loads(line)) for line in printed)


def test_a_case_is_read_and_closed_and_both_are_in_the_audit_trail(server):
    from test_api import open_case, reply
    name = f"desk{next(numbers)}"
    token = make_token(server, "cases:read", "cases:write", name=name)
    opened = open_case(server)
    check_described(reply(server, opened))
    number = opened["number"]
    assert number in [case["number"] for case in pages(server, token, f"{ADMIN}/cases?state=open", 1)]
    file = good(admin(server, "GET", f"/cases/{number}", token))
    assert [message["text"] for message in file["messages"]] == ["Help", "And this."]
    good(admin(server, "POST", f"/cases/{number}/close", token), 204)
    assert admin(server, "POST", f"/cases/{number}/close", token).json()["type"] == URN + "case-closed"
    assert admin(server, "GET", "/cases?state=lost", token).json()["field"] == "state"
    with sqlite3.connect(server.data / "sparekey.sqlite") as database:
        deeds = [row[0] for row in database.execute(
            "SELECT action FROM audit WHERE actor = ? ORDER BY at", [f"token:{name}"])]
    assert deeds == ["case-read", "case-closed"]


# Pages


def test_every_list_comes_whole_in_pages_of_any_size(server, token):
    for _ in range(5):
        Person(server, email=False)
    everyone = pages(server, token, f"{ADMIN}/accounts", 100)
    for limit in (1, 2, 99):
        assert pages(server, token, f"{ADMIN}/accounts", limit) == everyone
    ids = [account["id"] for account in everyone]
    assert ids == sorted(set(ids))
    person = Person(server)
    for _ in range(4):
        person.step_up()
        good(server.call("POST", "/api/v1/sign-in", {"username": person.name}))
        person.sign_in()
    numbers_ = [event["number"] for event in pages(server, person.token, "/api/v1/activity", 3, "events")]
    assert numbers_ == list(range(numbers_[0], 0, -1)) and len(numbers_) > 6
    one = pages(server, person.token, "/api/v1/sessions", 1, "sessions")
    assert one == good(person.call("GET", "/api/v1/sessions"))["sessions"] and len(one) == 5


def test_what_is_added_meanwhile_moves_no_page(server):
    person = Person(server)
    first = good(person.call("GET", "/api/v1/activity?limit=2"))
    person.sign_in()
    second = good(person.call("GET", f"/api/v1/activity?limit=2&after={first['next']}"))
    assert [event["number"] for event in second["events"]] == [first["events"][-1]["number"] - 1]


@pytest.mark.parametrize("query, field", [
    ("limit=0", "limit"), ("limit=101", "limit"), ("limit=x", "limit"), ("limit=-1", "limit"), ("limit=", "limit"),
    ("limit=%2B5", "limit"), ("limit=1&limit=2", "limit"), ("after=", "after"), ("after=made-up", "after"),
    ("limit=٣", "limit"),
])
def test_q5_a_bad_page_is_refused_by_name(server, query, field):
    person = Person(server, email=False)
    refused = person.call("GET", f"/api/v1/activity?{query}")
    check_described(refused)
    assert refused.status_code == 400
    assert refused.json()["field"] == field


def test_t24_a_cursor_is_good_for_its_own_list_and_owner_only(server, token):
    one, two = Person(server), Person(server)
    cursor = good(one.call("GET", "/api/v1/activity?limit=1"))["next"]
    good(one.call("GET", f"/api/v1/activity?after={cursor}"))
    forged = cursor[:-2] + ("A" if cursor[-2] != "A" else "B") + cursor[-1]
    for refused in (
        two.call("GET", f"/api/v1/activity?after={cursor}"), one.call("GET", f"/api/v1/sessions?after={cursor}"),
        one.call("GET", f"/api/v1/activity?after={forged}"),
        server.call("GET", f"{ADMIN}/accounts?after={cursor}", token=token),
    ):
        assert refused.status_code == 400
        assert refused.json()["field"] == "after"
    of_open = good(server.call("GET", f"{ADMIN}/accounts?limit=1", token=token))["next"]
    assert server.call("GET", f"{ADMIN}/audit?after={of_open}", token=token).status_code == 400


# What the pages do and the API did not


def test_d6_apps_with_access_are_listed_and_removed(server, token):
    person, other = Person(server, email=False), Person(server, email=False)
    app = good(admin(server, "POST", "/clients", token, APP), 201)
    with sqlite3.connect(server.data / "sparekey.sqlite", timeout=20) as database:
        now = int(time.time() * 1000)
        database.execute(
            "INSERT INTO app_grants (account_id, client_id, scopes, granted_at, last_used_at) "
            "SELECT id, ?, 'openid email', ?, ? FROM accounts WHERE username = ?", [app["id"], now, now, person.name])
    listed = person.call("GET", "/api/v1/apps")
    check_described(listed)
    (allowed,) = good(listed)["items"]
    assert (allowed["client"], allowed["name"], allowed["scopes"]) == (app["id"], "Notes", ["openid", "email"])
    shown = person.call("GET", "/api/v1/clean-up")
    check_described(shown)
    assert good(shown)["apps"] == [allowed]
    assert good(other.call("GET", "/api/v1/apps"))["items"] == []
    assert other.call("DELETE", f"/api/v1/apps/{app['id']}").status_code == 404, "only the owner's own"
    gone = person.call("DELETE", f"/api/v1/apps/{app['id']}")
    check_described(gone)
    assert gone.status_code == 204
    assert good(person.call("GET", "/api/v1/apps")) == {"items": [], "next": None}
    assert person.call("DELETE", f"/api/v1/apps/{app['id']}").status_code == 404


def test_h7_the_token_of_a_notice_shows_its_hold_and_changes_nothing(server):
    person, code = two_step(server)
    claim = Claim(server, person, code)
    mail = server.wait_for_mail(person.emails[0], after=len(
        [m for m in server.mails(person.emails[0]) if "/stop/" not in m.get_content()]))
    deadline = time.monotonic() + 20
    while not (found := [t for m in server.mails(person.emails[0]) for t in re.findall(r"/stop/([\w.-]+)", str(m))]):
        assert time.monotonic() < deadline, mail
        time.sleep(0.1)
    seen = server.call("POST", "/api/v1/holds/by-stop-token", {"stopToken": found[-1]})
    check_described(seen)
    assert good(seen)["id"] == claim.id
    assert good(seen)["state"] == "running"
    unknown = server.call("POST", "/api/v1/holds/by-stop-token", {"stopToken": "made-up"})
    check_described(unknown)
    assert unknown.status_code == 404
