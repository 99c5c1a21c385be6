"""Creating calls that are sent again with the same Idempotency-Key, from outside (A2, C4, C9, Q4)."""

import concurrent.futures
import itertools
import json
import sqlite3
import uuid

import pytest
import requests

from people import PASSWORD, Person, good, make_token
from test_api import URN, check_described

numbers = itertools.count(1)


def key():
    return str(uuid.uuid4())


def sign_up(server, name, key, password=PASSWORD):
    return server.call("POST", "/api/v1/accounts", {"username": name, "password": password}, key=key)


def fresh(prefix):
    return f"{prefix}{next(numbers)}"


def make_code(person, key=None):
    return person.server.call("POST", "/api/v1/recovery-code", token=person.token, key=key)


def ways_in(server, name, code):
    started = good(server.call("POST", "/api/v1/recovery", {"username": name}))
    body = {"journey": started["journey"], "code": code}
    return server.call("POST", "/api/v1/recovery/recovery-code", body)


def test_a_lost_answer_to_sign_up_is_given_again_and_makes_nothing_twice(server):
    name, sent = fresh("again"), key()
    first, again = sign_up(server, name, sent), sign_up(server, name, sent)
    check_described(first)
    check_described(again)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    token = again.json()["session"]["token"]
    sessions = good(server.call("GET", "/api/v1/sessions", token=token))["sessions"]
    assert len(sessions) == 1, "the repeat signs nobody in again"
    assert sign_up(server, name, key()).json()["field"] == "username", "another key is another call"


def test_a_key_in_quotes_is_the_same_key(server):
    """The header is an item of structured fields; bare keys are common."""
    name, sent = fresh("quoted"), key()
    first, again = sign_up(server, name, sent), sign_up(server, name, f'"{sent}"')
    assert first.json() == again.json()


def test_the_same_key_with_another_body_is_refused_and_does_nothing(server):
    name, other, sent = fresh("mine"), fresh("other"), key()
    good(sign_up(server, name, sent), 201)
    refused = sign_up(server, other, sent)
    check_described(refused)
    assert refused.status_code == 422
    assert refused.json()["type"] == URN + "idempotency-key-reused"
    good(sign_up(server, other, key()), 201)


def test_what_is_refused_may_be_mended_and_sent_with_the_same_key(server):
    """Only what was done is kept: a refusal changed nothing."""
    name, sent = fresh("mended"), key()
    assert sign_up(server, name, sent, "short").status_code == 422
    good(sign_up(server, name, sent), 201)


@pytest.mark.parametrize("bad", ["short", "x" * 256, "with a space in the key", "quote\"in-the-middle-of"])
def test_a_key_that_anyone_could_guess_or_that_cannot_be_one_is_named(server, bad):
    refused = sign_up(server, fresh("bad"), bad)
    check_described(refused)
    assert refused.status_code == 400
    assert refused.json()["field"] == "Idempotency-Key"


def test_keys_of_different_owners_and_operations_never_meet(server):
    one, two, sent = Person(server, email=False), Person(server, email=False), key()
    codes = [good(make_code(person, sent), 201)["code"] for person in (one, two)]
    assert codes[0] != codes[1]
    good(server.call("POST", "/api/v1/security-info/totp", {}, one.token, key=sent), 201)
    assert sign_up(server, fresh("third"), sent).status_code == 201


def test_a_recovery_code_whose_answer_was_lost_is_shown_again_and_works(server):
    """C9: the repeat does not make the code that was just printed worthless."""
    person, sent = Person(server, email=False), key()
    first, again = make_code(person, sent), make_code(person, sent)
    check_described(first)
    check_described(again)
    assert first.json() == again.json()
    assert ways_in(server, person.name, first.json()["code"]).json()["outcome"] == "now"
    assert len([e for e in good(person.call("GET", "/api/v1/activity"))["events"] if "code" in e["kind"]]) == 1


def test_c4_the_database_never_holds_a_code_that_may_be_shown_again(server):
    person, sent = Person(server, email=False), key()
    shown = good(make_code(person, sent), 201)
    plain = shown["code"].replace("-", "")
    raw = b"".join(file.read_bytes() for file in server.data.glob("sparekey.sqlite*"))
    for spelled in (shown["code"], plain, shown["code"].lower(), plain.lower(), sent):
        assert spelled.encode() not in raw


def test_two_codes_with_one_key_after_its_day_are_two_codes(server):
    person, sent = Person(server, email=False), key()
    first = good(make_code(person, sent), 201)["code"]
    server.change_database("UPDATE kept_answers SET at = at - 86400001")
    second = good(make_code(person, sent), 201)["code"]
    assert first != second, "a key that comes again does not revive an old code"


def test_after_ten_minutes_a_secret_is_not_shown_again(server):
    person, sent = Person(server, email=False), key()
    good(make_code(person, sent), 201)
    server.change_database("UPDATE kept_answers SET at = at - 600000")
    over = make_code(person, sent)
    check_described(over)
    assert over.status_code == 409
    assert over.json()["type"] == URN + "already-done"
    events = good(person.call("GET", "/api/v1/activity"))["events"]
    assert [event["kind"] for event in events].count("code-replaced") == 0, "nothing is made a second time"


def test_what_shows_no_secret_is_the_same_for_a_day(server):
    person, sent = Person(server, email=False), key()
    body = {"email": f"{person.name}@example.org"}
    first = server.call("POST", "/api/v1/security-info/email", body, person.token, key=sent)
    server.change_database("UPDATE kept_answers SET at = at - 86000000")
    again = server.call("POST", "/api/v1/security-info/email", body, person.token, key=sent)
    check_described(again)
    assert good(first, 201) == good(again, 201)
    assert len(server.mails(body["email"])) <= 1


def test_a_code_that_was_replaced_since_is_not_shown_again(server):
    person, sent = Person(server, email=False), key()
    good(make_code(person, sent), 201)
    good(make_code(person), 201)
    assert make_code(person, sent).json()["type"] == URN + "already-done"


def test_the_repeat_needs_what_the_call_needs(server):
    """T3: whoever has an old session and the key does not get to see the code."""
    person, sent = Person(server, email=False), key()
    good(make_code(person, sent), 201)
    session = good(person.call("GET", "/api/v1/session"))["session"]["id"]
    server.change_database("UPDATE sessions SET proved_at = proved_at - 300000 WHERE id = ?", session)
    assert make_code(person, sent).json()["type"] == URN + "step-up-needed"
    assert server.call("POST", "/api/v1/recovery-code", key=sent).status_code == 401


def at_once(count, act):
    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: act(), range(count)))


def test_eight_at_once_make_one_account(server):
    name, sent = fresh("rush"), key()
    answers = at_once(8, lambda: sign_up(server, name, sent))
    assert {answer.status_code for answer in answers} == {201}
    assert len({json.dumps(answer.json(), sort_keys=True) for answer in answers}) == 1


def test_eight_at_once_make_one_code(server):
    person, sent = Person(server, email=False), key()
    answers = at_once(8, lambda: make_code(person, sent))
    assert {answer.status_code for answer in answers} == {201}
    (code,) = {answer.json()["code"] for answer in answers}
    assert ways_in(server, person.name, code).json()["outcome"] == "now"
    kinds = [event["kind"] for event in good(person.call("GET", "/api/v1/activity"))["events"]]
    assert kinds.count("code-made") + kinds.count("code-replaced") == 1


def test_eight_at_once_register_one_app(server):
    token, sent = make_token(server, "clients:write", "clients:read"), key()
    body = {"name": fresh("App"), "kind": "confidential", "redirectUris": ["https://a.example/in"]}
    answers = at_once(8, lambda: server.call("POST", "/api/v1/admin/clients", body, token, key=sent))
    (made,) = {json.dumps(good(answer, 201), sort_keys=True) for answer in answers}
    listed = good(server.call("GET", "/api/v1/admin/clients?limit=100", token=token))["items"]
    assert [app["name"] for app in listed].count(body["name"]) == 1
    assert json.loads(made)["secret"]


def test_q4_a_kill_leaves_the_account_with_its_answer_or_neither(start_server):
    server = start_server()
    for turn in range(4):
        name, sent = fresh("killed"), key()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            call = pool.submit(sign_up, server, name, sent)
            with_delay = pool.submit(lambda: (requests.get(f"{server.url}/healthz", timeout=5), server.kill()))
            with_delay.result()
            try:
                heard = call.result()
            except requests.RequestException:
                heard = None
        with sqlite3.connect(server.data / "sparekey.sqlite") as database:
            count = database.execute("SELECT COUNT(*) FROM accounts WHERE username = ?", [name]).fetchone()[0]
            kept = database.execute("SELECT COUNT(*) FROM kept_answers").fetchone()[0]
        assert kept == turn + count, "the answer is kept if and only if the account is there"
        server.start()
        again = good(sign_up(server, name, sent), 201)
        assert heard is None or heard.json() == again
        assert good(server.call("GET", "/api/v1/session", token=again["session"]["token"]))
