"""The JSON API, from outside: the whole way back, every problem that openapi.json describes, and openapi.json
against the routes and against a server under odd requests."""

import concurrent.futures
import itertools
import json
import pathlib
import re
import subprocess
import sys
import time
import uuid

import jsonschema_rs
import pytest
import requests

from people import Claim, code_sent, codes_sent, enter_password, good, make_token, show, two_step
from people import Person as Owner

ROOT = pathlib.Path(__file__).resolve().parents[2]
DOCUMENT = json.loads((ROOT / "Sources/SparekeyWeb/Resources/openapi.json").read_text())
ROUTES = ROOT / "Sources/SparekeyWeb/API/APIRoutes.swift"
PAGE = ROOT / "docs/api.md"
URN = "urn:sparekey:problem:"
PASSWORD = "violet anchor sevenfold"
NEW_PASSWORD = "lantern quiet marble ridge"
DEMO_EMAIL = "demo@example.org"
SEED = 20260503
EXAMPLES = 15

numbers = itertools.count(1)


class Person:
    """Someone with an account, and what they do over the API."""

    def __init__(self, server, username=None):
        self.server = server
        self.username = username or f"person{next(numbers)}"
        answer = server.call("POST", "/api/v1/accounts", {"username": self.username, "password": PASSWORD})
        assert answer.status_code == 201, answer.text
        self.token = answer.json()["session"]["token"]

    def call(self, method, path, body=None):
        return self.server.call(method, path, body, self.token)

    def make_code(self):
        answer = self.call("POST", "/api/v1/recovery-code")
        assert answer.status_code == 201, answer.text
        return answer.json()["code"]

    def enter_code(self, code, journey=None):
        journey = journey or begin(self.server, self.username)["journey"]
        return self.server.call("POST", "/api/v1/recovery/recovery-code", {"journey": journey, "code": code})

    def proved(self, code):
        """The journey after the code was right."""
        answer = self.enter_code(code)
        assert answer.status_code == 200, answer.text
        return answer.json()["journey"]


def begin(server, username, path="/api/v1/recovery"):
    answer = server.call("POST", path, {"username": username})
    assert answer.status_code == 200, answer.text
    return answer.json()


def sign_in(server, username, password):
    journey = begin(server, username, "/api/v1/sign-in")["journey"]
    return server.call("POST", "/api/v1/sign-in/password", {"journey": journey, "password": password})


def choose(server, journey, password=NEW_PASSWORD):
    return server.call("POST", "/api/v1/recovery/new-password", {"journey": journey, "password": password})


def check_described(answer):
    """The answer is one that openapi.json describes for its call."""
    asked = answer.request.path_url.split("?")[0]
    path = DOCUMENT["paths"].get(asked) or next(
        item for path, item in DOCUMENT["paths"].items() if is_path(path, asked))
    operation = path.get(answer.request.method.lower())
    if operation is None:
        fits({"$ref": "#/components/schemas/Problem"}, answer.json())
        return
    described = resolve(operation["responses"][str(answer.status_code)])
    for name, header in described.get("headers", {}).items():
        jsonschema_rs.validate(resolve(header)["schema"], answer.headers[name])
    if "content" not in described:
        assert answer.content == b""
        return
    kind = answer.headers["Content-Type"].split(";")[0]
    fits(described["content"][kind]["schema"], answer.json())


def is_path(pattern, path):
    return re.fullmatch(re.sub(r"{\w+}", "[^/]+", pattern), path)


def fits(schema, value):
    schema = {**schema, "components": DOCUMENT["components"]}
    jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(value)


def resolve(node):
    while "$ref" in node:
        kind, name = node["$ref"].split("/")[-2:]
        node = DOCUMENT["components"][kind][name]
    return node


# The way back


def test_the_whole_way_back_with_a_recovery_code(server):
    person = Person(server)
    old_code = person.make_code()
    proved = person.enter_code(old_code)
    check_described(proved)
    assert proved.json()["step"] == "new-password"
    assert proved.json()["outcome"] == "now"
    assert proved.json()["evidence"] == ["recovery-code"]
    assert person.call("GET", "/api/v1/session").ok, "checking a code ends nothing"

    journey = proved.json()["journey"]
    first = choose(server, journey)
    again = choose(server, journey)
    check_described(first)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json(), "a lost answer must not lose the new code"
    assert first.json()["recoveryCode"] != old_code

    assert person.call("GET", "/api/v1/session").status_code == 401, "old sessions are dead"
    assert sign_in(server, person.username, PASSWORD).status_code == 403
    entered = sign_in(server, person.username, NEW_PASSWORD)
    check_described(entered)
    assert entered.status_code == 200
    person.token = entered.json()["session"]["token"]
    facts = person.call("GET", "/api/v1/recovery-code")
    check_described(facts)
    assert facts.json()["serial"] == first.json()["serial"]
    assert person.enter_code(first.json()["recoveryCode"]).status_code == 200, "the new code opens the account"


def test_the_whole_way_back_with_a_code_by_email(start_server):
    server = start_server(demo=True)
    started = begin(server, "demo")
    assert started["step"] == "verify"
    (option,) = started["options"]
    assert DEMO_EMAIL not in json.dumps(started), "addresses are masked"
    known = codes_sent(server, DEMO_EMAIL)
    sent = server.call(
        "POST", "/api/v1/recovery/issued-code", {"journey": started["journey"], "option": option["id"]})
    check_described(sent)
    assert sent.json()["step"] == "issued-code"
    code = code_sent(server, DEMO_EMAIL, known)
    proved = server.call(
        "POST", "/api/v1/recovery/issued-code", {"journey": sent.json()["journey"], "code": code})
    check_described(proved)
    assert proved.json()["evidence"] == ["email"]
    assert choose(server, proved.json()["journey"]).status_code == 200
    assert sign_in(server, "demo", NEW_PASSWORD).status_code == 200
    deadline = time.monotonic() + 20
    while "Your account has a new password" not in [mail["Subject"] for mail in server.mails(DEMO_EMAIL)]:
        assert time.monotonic() < deadline, "the owner was not told"
        time.sleep(0.1)


def test_a_name_that_nobody_has_walks_the_same_steps(server):
    names = [f"nobody{number}" for number in range(12)]
    started = [begin(server, name) for name in names]
    again = [begin(server, name) for name in names]
    assert [answer["options"] for answer in started] == [answer["options"] for answer in again]
    some = next(answer for answer in started if answer["options"])
    known = begin(server, "demo")
    assert some.keys() == known.keys()
    assert len(some["journey"]) == len(known["journey"])
    sent = server.call(
        "POST", "/api/v1/recovery/issued-code",
        {"journey": some["journey"], "option": some["options"][0]["id"]})
    check_described(sent)
    assert sent.json()["step"] == "issued-code"


# Sessions


def test_a_session_from_sign_up_to_sign_out(server):
    person = Person(server)
    seen = person.call("GET", "/api/v1/session")
    check_described(seen)
    assert seen.json()["account"]["username"] == person.username
    assert seen.json()["session"]["fresh"] is True
    info = person.call("GET", "/api/v1/security-info")
    check_described(info)
    assert info.json()["proofs"] == []
    assert info.json()["twoStep"] is False

    renewed = person.call("POST", "/api/v1/step-up", {"password": PASSWORD})
    check_described(renewed)
    assert person.call("GET", "/api/v1/session").status_code == 401, "a step-up replaces the token"
    person.token = renewed.json()["token"]
    left = person.call("DELETE", "/api/v1/session")
    check_described(left)
    assert left.status_code == 204
    assert person.call("GET", "/api/v1/session").status_code == 401


def test_signing_out_everywhere_ends_every_session(server):
    person = Person(server)
    other = sign_in(server, person.username, PASSWORD).json()["session"]["token"]
    left = person.call("DELETE", "/api/v1/sessions")
    check_described(left)
    assert left.status_code == 204
    for token in (person.token, other):
        assert server.call("GET", "/api/v1/session", token=token).status_code == 401


def test_a_sign_up_with_an_email_lists_it_unconfirmed_and_masked(server):
    username = f"person{next(numbers)}"
    address = f"{username}@example.org"
    made = server.call(
        "POST", "/api/v1/accounts", {"username": username, "password": PASSWORD, "email": address})
    check_described(made)
    info = server.call("GET", "/api/v1/security-info", token=made.json()["session"]["token"])
    check_described(info)
    (proof,) = info.json()["proofs"]
    assert proof["confirmed"] is False
    assert proof["label"] == "pe•••@e•••.org"
    assert server.wait_for_mail(address, 0)["Subject"].endswith("is your code to confirm this email")


def test_members_that_a_call_does_not_know_are_ignored(server):
    answer = server.call("POST", "/api/v1/sign-in", {"username": "pat", "colour": {"of": ["the", 5]}})
    assert answer.status_code == 200


# Problems: one story for each type that openapi.json describes

STORIES = {}


def story(kind, status):
    def keep(tell):
        STORIES[kind] = (status, tell)
        return tell

    return keep


@story("unreadable", 400)
def no_username(server, start_server):
    return server.call("POST", "/api/v1/sign-in", {})


@story("expired", 400)
def made_up_journey(server, start_server):
    return choose(server, "made-up")


@story("bad-request", 421)
def host_of_someone_else(server, start_server):
    return server.call("GET", "/api/v1/session", host="other.example")


@story("too-large", 413)
def too_large(server, start_server):
    return server.call("POST", "/api/v1/sign-in", {"username": "a" * 20_000})


@story("not-signed-in", 401)
def no_token(server, start_server):
    return server.call("GET", "/api/v1/session")


@story("wrong-name-or-password", 403)
def wrong_password_at_sign_in(server, start_server):
    return sign_in(server, Person(server).username, "not this one, surely")


@story("wrong-password", 403)
def wrong_password_at_step_up(server, start_server):
    return Person(server).call("POST", "/api/v1/step-up", {"password": "not this one, surely"})


@story("issued-code-wrong", 403)
def wrong_digits(server, start_server):
    started = begin(server, "demo")
    known = codes_sent(server, DEMO_EMAIL)
    body = {"journey": started["journey"], "option": started["options"][0]["id"]}
    sent = server.call("POST", "/api/v1/recovery/issued-code", body).json()
    right = code_sent(server, DEMO_EMAIL, known)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    return server.call("POST", "/api/v1/recovery/issued-code", {"journey": sent["journey"], "code": wrong})


@story("code-wrong", 403)
def code_of_someone_else(server, start_server):
    return Person(server).enter_code(Person(server).make_code())


@story("code-replaced", 403)
def replaced_code(server, start_server):
    person = Person(server)
    old = person.make_code()
    person.make_code()
    return person.enter_code(old)


@story("code-used", 403)
def used_code(server, start_server):
    person = Person(server)
    code = person.make_code()
    assert choose(server, person.proved(code)).status_code == 200
    return person.enter_code(code)


@story("not-enough", 403)
def password_alone(server, start_server):
    progress = show(server, Person(server).username, password=PASSWORD)
    assert progress["outcome"] == "not-enough"
    return choose(server, progress["journey"])


@story("step-up-needed", 403)
def stale_session(server, start_server):
    person = Person(server)
    session = person.call("GET", "/api/v1/session").json()["session"]["id"]
    server.change_database("UPDATE sessions SET proved_at = proved_at - 300000 WHERE id = ?", session)
    return person.call("POST", "/api/v1/recovery-code")


@story("sign-up-closed", 403)
def closed_sign_up(server, start_server):
    closed = start_server({"sign-up": "closed"})
    return closed.call("POST", "/api/v1/accounts", {"username": "pat", "password": PASSWORD})


@story("not-found", 404)
def no_code_yet(server, start_server):
    return Person(server).call("GET", "/api/v1/recovery-code")


@story("method-not-allowed", 405)
def method_that_the_path_does_not_have(server, start_server):
    answer = server.call("PUT", "/api/v1/session")
    assert {"GET", "DELETE"} <= set(answer.headers["Allow"].split(", "))
    return answer


@story("out-of-step", 409)
def password_before_any_proof(server, start_server):
    return choose(server, begin(server, Person(server).username)["journey"])


@story("changed-meanwhile", 409)
def changed_after_the_journey_began(server, start_server):
    person = Person(server)
    person.make_code()
    journey = begin(server, person.username)["journey"]
    return person.enter_code(person.make_code(), journey)


@story("already-done", 409)
def repeated_too_late(server, start_server):
    person = Person(server)
    journey = person.proved(person.make_code())
    assert choose(server, journey).status_code == 200
    server.change_database(
        "UPDATE spent SET at = at - 600000 WHERE account_id = (SELECT id FROM accounts WHERE username = ?)",
        person.username)
    return choose(server, journey)


@story("field", 422)
def short_password(server, start_server):
    return server.call("POST", "/api/v1/accounts", {"username": "pat", "password": "short"})


@story("code-unreadable", 422)
def half_a_code(server, start_server):
    return Person(server).enter_code("ABC")


@story("code-suggestion", 422)
def one_wrong_symbol(server, start_server):
    person = Person(server)
    code = person.make_code()
    answer = person.enter_code(("0" if code[0] != "0" else "2") + code[1:])
    assert answer.json()["suggestion"] == code
    return answer


@story("slow-down", 429)
def many_tries(server, start_server):
    limited = start_server({"limits": "on"})
    answers = [sign_in(limited, "pat", "not this one, surely") for _ in range(6)]
    assert [answer.status_code for answer in answers[:5]] == [403] * 5
    return answers[5]


@story("busy", 503)
def more_than_can_be_hashed(server, start_server):
    small = start_server({"hash-cost": "normal", "hash-threads": "1", "hash-queue": "1"})
    journey = begin(small, "pat", "/api/v1/sign-in")["journey"]
    body = {"journey": journey, "password": PASSWORD}
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: small.call("POST", "/api/v1/sign-in/password", body), range(64)))
    assert {answer.status_code for answer in answers} == {403, 503}
    return next(answer for answer in answers if answer.status_code == 503)


@story("fault", 500)
def broken_database(server, start_server):
    broken = start_server()
    person = Person(broken)
    broken.change_database("ALTER TABLE contacts RENAME TO lost")
    return person.call("GET", "/api/v1/security-info")


@story("totp-wrong", 403)
def digits_of_no_app(server, start_server):
    person = two_step(server)[0]
    journey = good(enter_password(server, person.name, PASSWORD))["journey"]
    wrong = f"{(int(person.app.code()) + 1) % 1_000_000:06}"
    return server.call("POST", "/api/v1/sign-in/totp", {"journey": journey, "code": wrong})


@story("passkey-wrong", 403)
def made_up_passkey(server, start_server):
    question = good(server.call("POST", "/api/v1/sign-in/passkey/request-options"))
    answer = {"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {}}
    return server.call("POST", "/api/v1/sign-in/passkey", {"request": question["request"], "assertion": answer})


@story("second-factor-needed", 409)
def two_step_without_a_factor(server, start_server):
    return Person(server).call("PUT", "/api/v1/two-step", {"enabled": True})


@story("password-too-short-alone", 409)
def two_step_off_with_a_short_password(server, start_server):
    person = two_step(server)[0]
    good(person.call("PUT", "/api/v1/password", {"password": "short one"}), 204)
    return person.call("PUT", "/api/v1/two-step", {"enabled": False})


@story("hold-running", 409)
def change_while_a_recovery_waits(server, start_server):
    person, code = two_step(server)
    Claim(server, person, code)
    return person.call("PUT", "/api/v1/password", {"password": NEW_PASSWORD})


@story("hold-over", 409)
def stopping_twice(server, start_server):
    person, code = two_step(server)
    claim = Claim(server, person, code)
    good(person.call("POST", f"/api/v1/holds/{claim.id}/stop"))
    return person.call("POST", f"/api/v1/holds/{claim.id}/stop")


@story("junior-proof", 403)
def stopping_with_a_proof_younger_than_the_hold(server, start_server):
    person, code = two_step(server)
    claim = Claim(server, person, code)
    server.change_database("UPDATE sessions SET proofs = '[\"passkey:someone\"]' WHERE id = ?",
        good(person.call("GET", "/api/v1/session"))["session"]["id"])
    return person.call("POST", f"/api/v1/holds/{claim.id}/stop")


@story("ticket-wrong", 403)
def ticket_of_no_hold(server, start_server):
    return server.call("GET", "/api/v1/holds/0d3fh2m8yq6n5v7x1k9r4t2wjb", token="7G4Q-K2M9-XD0T-WBRC-5HNE")


@story("frozen", 409)
def change_while_frozen(server, start_server):
    person = two_step(server)[0]
    good(person.call("POST", "/api/v1/activity/1/not-me"), 204)
    person.sign_in()
    return person.call("PUT", "/api/v1/password", {"password": NEW_PASSWORD})


@story("factors-unsettled", 403)
def session_after_a_recovery(server, start_server):
    person, code = two_step(server)
    shown = show(server, person.name, code=code, password=PASSWORD)
    end = choose(server, shown["journey"])
    check_described(end)
    return server.call("GET", "/api/v1/session", token=good(end)["session"]["token"])


@story("last-proof", 409)
def removing_the_only_email(server, start_server):
    person = Owner(server)
    (proof,) = good(person.call("GET", "/api/v1/security-info"))["proofs"]
    return person.call("DELETE", f"/api/v1/security-info/email/{proof['id']}")


@story("too-many-cases", 409)
def a_fourth_case_of_one_email(server, start_server):
    email = "one-of-many@example.org"
    for number in range(4):
        known = len(server.mails(email))
        sent = server.call(
            "POST", "/api/v1/help/support", {"category": "other", "description": "Help", "email": email})
        check_described(sent)
        digits = server.wait_for_digits(email, after=known)
        answer = server.call(
            "POST", "/api/v1/help/support/confirm", {"journey": good(sent, 202)["journey"], "code": digits})
        check_described(answer)
        if number < 3:
            server.wait_for_mail(email, after=known + 1)
    return answer


@story("idempotency-key-reused", 422)
def one_key_for_two_accounts(server, start_server):
    key = str(uuid.uuid4())
    body = {"username": f"person{next(numbers)}", "password": PASSWORD}
    good(server.call("POST", "/api/v1/accounts", body, key=key), 201)
    return server.call("POST", "/api/v1/accounts", body | {"username": "other"}, key=key)


@story("operators-only", 403)
def session_at_the_operator_api(server, start_server):
    return Person(server).call("GET", "/api/v1/admin/accounts")


@story("token-unknown", 401)
def no_token_at_the_operator_api(server, start_server):
    return server.call("GET", "/api/v1/admin/accounts")


@story("scope-missing", 403)
def token_of_another_scope(server, start_server):
    return server.call("GET", "/api/v1/admin/accounts", token=make_token(server, "audit:read"))


@story("client-is-public", 409)
def new_secret_for_a_public_client(server, start_server):
    token = make_token(server, "clients:write")
    body = {"name": "Notes", "kind": "public", "redirectUris": ["http://127.0.0.1/in"]}
    made = good(server.call("POST", "/api/v1/admin/clients", body, token), 201)
    return server.call("POST", f"/api/v1/admin/clients/{made['id']}/secret", token=token)


@story("client-from-file", 409)
def deleting_an_app_of_the_file(server, start_server):
    token = make_token(server, "clients:write")
    body = {"name": "Notes", "kind": "public", "redirectUris": ["http://127.0.0.1/in"]}
    made = good(server.call("POST", "/api/v1/admin/clients", body, token), 201)
    server.change_database("UPDATE clients SET origin = 'file' WHERE id = ?", made["id"])
    return server.call("DELETE", f"/api/v1/admin/clients/{made['id']}", token=token)


@story("two-step-needed", 409)
def an_agent_without_two_step(server, start_server):
    agent = two_step(server)[0]
    assert server.command("agent", "add", "--username", agent.name).returncode == 0
    good(agent.call("PUT", "/api/v1/two-step", {"enabled": False}))
    return agent.call("GET", "/api/v1/support/cases")


@story("case-closed", 409)
def writing_into_a_closed_case(server, start_server):
    opened = open_case(server)
    good(server.call(
        "POST", f"/api/v1/admin/cases/{opened['number']}/close", token=make_token(server, "cases:write")), 204)
    return reply(server, opened)


@story("too-many-replies", 409)
def a_twenty_first_reply(server, start_server):
    opened = open_case(server)
    for _ in range(20):
        answer = reply(server, opened)
        assert answer.status_code == 204, answer.text
    return reply(server, opened)


def agent(server):
    """Someone who answers cases, signed in, with a fresh session."""
    person = two_step(server)[0]
    assert server.command("agent", "add", "--username", person.name).returncode == 0
    return person


def looked_up(agent, name):
    seen = agent.call("GET", f"/api/v1/support/account?username={name}")
    check_described(seen)
    return good(seen)["id"]


def act(agent, name, action, **more):
    answer = agent.call(
        "POST", f"/api/v1/support/accounts/{looked_up(agent, name)}",
        {"action": action, "reason": "Asked for in the case", **more})
    check_described(answer)
    return answer


def ask(agent, name, opened):
    """The request for a hold that the agent made."""
    good(act(agent, name, "request-hold", case=opened["number"]), 204)
    listed = agent.call("GET", "/api/v1/support/requests?limit=100")
    check_described(listed)
    (request,) = [request for request in good(listed)["items"] if request["username"] == name]
    return request


def decide(agent, request, action="approve"):
    answer = agent.call(
        "POST", f"/api/v1/support/requests/{request['id']}", {"action": action, "reason": "Looked at everything"})
    check_described(answer)
    return answer


@story("own-account", 409)
def freezing_oneself(server, start_server):
    ada = agent(server)
    return act(ada, ada.name, "freeze")


@story("own-case", 409)
def a_case_of_the_agents_own(server, start_server):
    ada = agent(server)
    return act(ada, Person(server).username, "request-hold", case=open_case(server, ada.emails[0])["number"])


@story("own-request", 409)
def approving_what_one_asked_for(server, start_server):
    ada = agent(server)
    return decide(ada, ask(ada, Person(server).username, open_case(server)))


@story("request-over", 409)
def approving_what_was_declined(server, start_server):
    ada, ben = agent(server), agent(server)
    request = ask(ada, Person(server).username, open_case(server))
    good(decide(ben, request, "decline"), 204)
    return decide(ben, request)


@story("requester-gone", 409)
def approving_for_someone_who_is_no_agent(server, start_server):
    ada, ben = agent(server), agent(server)
    request = ask(ada, Person(server).username, open_case(server))
    assert server.command("agent", "remove", "--username", ada.name).returncode == 0
    return decide(ben, request)


@story("already-requested", 409)
def asking_twice(server, start_server):
    ada, name, opened = agent(server), Person(server).username, open_case(server)
    ask(ada, name, opened)
    return act(ada, name, "request-hold", case=opened["number"])


@story("contact-on-account", 409)
def a_case_from_the_owners_own_email(server, start_server):
    owner = Owner(server)
    return act(agent(server), owner.name, "request-hold", case=open_case(server, owner.emails[0])["number"])


@story("no-hold", 409)
def a_notice_of_no_hold(server, start_server):
    return act(agent(server), Person(server).username, "resend-notice")


def test_g4_an_agent_works_on_a_case_and_strangers_find_nothing(server):
    ada, other, opened = agent(server), Person(server), open_case(server)
    path = f"/api/v1/support/cases/{opened['number']}"
    for call in (("GET", path), ("GET", "/api/v1/support/cases"), ("GET", "/api/v1/support/account?username=demo")):
        refused = other.call(*call)
        check_described(refused)
        assert refused.status_code == 404
    listed = ada.call("GET", "/api/v1/support/cases?state=open&limit=100")
    check_described(listed)
    assert opened["number"] in [case["number"] for case in good(listed)["items"]]
    for body, state in [
        ({"action": "take"}, "open"), ({"action": "ask", "text": "Which name?"}, "waiting"),
        ({"action": "answer", "text": "It is done."}, "answered"), ({"action": "close"}, "closed"),
    ]:
        done = ada.call("POST", path, body)
        check_described(done)
        assert good(done)["file"]["facts"]["state"] == state
    assert [message["text"] for message in good(ada.call("GET", path))["file"]["messages"]] == [
        "Help", "Which name?", "It is done."]
    for body, field in (({"action": "burn"}, "action"), ({}, "action"), ({"action": "answer", "text": ""}, "answer")):
        assert ada.call("POST", path, body).json()["field"] == field


def test_g4_two_agents_start_a_hold_over_the_api(server):
    ada, ben, owner = agent(server), agent(server), Owner(server)
    opened = open_case(server)
    good(decide(ben, ask(ada, owner.name, opened)), 204)
    waiting = good(server.call("GET", f"/api/v1/help/support/cases/{opened['number']}", token=opened["ticket"]))["hold"]
    assert waiting["state"] == "running"
    good(act(ben, owner.name, "resend-notice"), 204)


def open_case(server, email=None):
    email = email or f"case{next(numbers)}@example.org"
    known = len(server.mails(email))
    body = {"category": "other", "description": "Help", "email": email}
    sent = good(server.call("POST", "/api/v1/help/support", body), 202)
    deadline = time.monotonic() + 20
    while not (digits := [
            code.group() for mail in server.mails(email)[known:] if "Help" not in mail["Subject"]
            and (code := re.search(r"^[0-9]{6}\b", mail["Subject"]))]):
        assert time.monotonic() < deadline, "no code came"
        time.sleep(0.1)
    digits = digits[-1]
    return good(server.call(
        "POST", "/api/v1/help/support/confirm", {"journey": sent["journey"], "code": digits}), 201)


def reply(server, opened):
    return server.call(
        "POST", f"/api/v1/help/support/cases/{opened['number']}/messages", {"text": "And this."}, opened["ticket"])


@pytest.mark.parametrize("kind", STORIES)
def test_problem(kind, server, start_server):
    status, tell = STORIES[kind]
    answer = tell(server, start_server)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"] == URN + kind
    assert problem["status"] == status
    assert not re.fullmatch(r"[a-z]+(\.[A-Za-z]+)+", problem.get("detail", "")), "a text is missing"
    if status in (429, 503):
        assert int(answer.headers["Retry-After"]) == problem["retryAfter"] >= 1
    check_described(answer)


def test_every_described_problem_has_its_story():
    described = DOCUMENT["components"]["schemas"]["Problem"]["properties"]["type"]["enum"]
    assert sorted(described) == sorted(URN + kind for kind in STORIES)


def test_the_page_lists_every_problem_with_its_status():
    """docs/api.md, openapi.json and what the server answers in the stories above are one list."""
    page = dict(re.findall(r"^\| `([a-z-]+)` \| ([0-9, ]+) \|", PAGE.read_text(), re.MULTILINE))
    assert page.keys() == STORIES.keys()
    for kind, statuses in page.items():
        assert str(STORIES[kind][0]) in statuses.split(", "), kind


def test_the_page_and_the_document_know_every_problem_in_the_code():
    code = (ROOT / "Sources/SparekeyWeb/API/APIHandling.swift").read_text()
    named = set(re.findall(r'problem\(\s*"([a-z-]+)"', code))
    support = (ROOT / "Sources/SparekeyCore/Support/SupportCase.swift").read_text()
    support = support[support.index("enum SupportProblem"):].split("\n}\n")[0]
    named |= set(re.findall(r'case \w+ = "([a-z-]+)"', support))
    assert len(named) > 45
    assert named <= STORIES.keys()


@pytest.mark.parametrize("typed", ["", "12", "1234567", "12345x"])
def test_digits_that_cannot_be_a_code_are_explained_in_words(server, typed):
    started = begin(server, "demo")
    body = {"journey": started["journey"], "option": started["options"][0]["id"]}
    sent = server.call("POST", "/api/v1/recovery/issued-code", body).json()
    answer = server.call("POST", "/api/v1/recovery/issued-code", {"journey": sent["journey"], "code": typed})
    check_described(answer)
    assert answer.json()["type"] == URN + "field"
    assert answer.json()["detail"].endswith("."), answer.text


def test_an_empty_password_at_sign_in_is_not_called_a_new_one(server):
    answer = sign_in(server, "pat", "")
    check_described(answer)
    assert answer.json()["field"] == "password"
    assert answer.json()["detail"] == "Type your password."


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_the_name_of_the_scheme_has_no_case(server, scheme):
    """RFC 9110, section 11.1."""
    token = Person(server).token
    answer = server.call("GET", "/api/v1/session", token=token, scheme=scheme)
    assert answer.status_code == 200


# openapi.json


def test_the_document_lists_exactly_the_routes():
    routes = set(re.findall(r'router\.(get|post|put|patch|delete)\("([^"]+)"', ROUTES.read_text()))
    routes |= {("get", "/healthz"), ("get", "/readyz")}
    described = {(method, path) for path, item in DOCUMENT["paths"].items() for method in item}
    assert described == routes


def test_the_document_is_served_as_it_is(server):
    answer = server.call("GET", "/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.json() == DOCUMENT


def test_every_example_in_the_document_fits_its_schema():
    found = list(examples(DOCUMENT))
    assert len(found) > 30
    for schema, example in found:
        fits(schema, example)


def examples(node):
    if isinstance(node, list):
        node = dict(enumerate(node))
    if not isinstance(node, dict):
        return
    if "schema" in node:
        if "example" in node:
            yield node["schema"], node["example"]
        for example in node.get("examples", {}).values():
            yield node["schema"], resolve(example)["value"]
    for child in node.values():
        yield from examples(child)


@pytest.mark.parametrize("path, text", [("/healthz", "ok\n"), ("/readyz", "ready\n")])
def test_health(server, path, text):
    assert server.call("GET", path).text == text


CONFIGURATION = """
[checks.positive_data_acceptance]
# A made-up journey, name or password of the right form is refused all the same.
expected-statuses = ["2xx", 400, 401, 403, 404, 409, 422]
"""


@pytest.mark.parametrize("who", ["stranger", "owner", "operator"])
def test_odd_requests_find_nothing_undescribed(server, start_server, tmp_path, who):
    configuration = tmp_path / "schemathesis.toml"
    configuration.write_text(CONFIGURATION)
    target = start_server()
    # The operator API has a run of its own, with a token.
    options = ["--exclude-path-regex", "/admin/"]
    if who == "operator":
        # Every scope there is: the refusal of the others has a story above.
        options = ["--header", f"Authorization: Bearer {make_token(target)}", "--include-path-regex", "/admin/"]
    if who == "owner":
        # Without the calls that would end the session; their own run is the one of strangers.
        options += ["--header", f"Authorization: Bearer {Person(target).token}"]
        for operation in ("signOut", "signOutEverywhere", "stepUp", "thisWasNotMe"):
            options += ["--exclude-operation-id", operation]
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "--config-file", configuration, "run",
         f"{target.url}/openapi.json", "--url", target.url, "--checks", "all",
         "--max-examples", str(EXAMPLES), "--seed", str(SEED), "--continue-on-failure", "--no-color", *options],
        cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "fault" not in target.log.read_text(), "the server logged a fault"


def test_row_14_a_member_that_occurs_twice_is_refused(server):
    body = '{"username": "pat", "username": ["mallory"]}'
    headers = {"Content-Type": "application/json"}
    answer = requests.post(f"{server.url}/api/v1/recovery", data=body, headers=headers, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["field"] == "username"
