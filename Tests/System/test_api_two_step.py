"""The calls of two-step verification over the API, each of them once and as openapi.json describes it."""

import hashlib
import json
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from people import (
    NEW_PASSWORD, PASSWORD, App, Claim, Person, choose, code_sent, enter_password, good, refused, settle, show, start,
    two_step)
from test_api import check_described


def described(answer, status=200):
    check_described(answer)
    return good(answer, status)


class Passkey:
    """A software authenticator: ES256, user verified, no attestation (WebAuthn Level 3, sections 6.1 and 6.5)."""

    def __init__(self, origin):
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.id = hashlib.sha256(str(self.key.private_numbers()).encode()).digest()[:16]
        self.count = 0

    def client_data(self, kind, challenge):
        return json.dumps(
            {"type": f"webauthn.{kind}", "challenge": challenge, "origin": self.origin, "crossOrigin": False}).encode()

    def make(self, options):
        self.user = options["user"]["id"]
        numbers = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (numbers.x, numbers.y))
        key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y
        data = self.data(options["rp"]["id"], 0x45) + bytes(16) + struct.pack(">H", len(self.id)) + self.id + key
        attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59" + struct.pack(">H", len(data)) + data
        return self.answer(
            clientDataJSON=self.client_data("create", options["challenge"]), attestationObject=attestation)

    def use(self, options):
        client = self.client_data("get", options["challenge"])
        data = self.data(options["rpId"], 0x05)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        answer = self.answer(clientDataJSON=client, authenticatorData=data, signature=signature)
        answer["response"]["userHandle"] = self.user
        return answer

    def data(self, party, flags):
        self.count += 1
        return hashlib.sha256(party.encode()).digest() + bytes([flags]) + struct.pack(">I", self.count)

    def answer(self, **response):
        name = text(self.id)
        return {
            "id": name, "rawId": name, "type": "public-key", "clientExtensionResults": {},
            "response": {key: text(value) for key, value in response.items()}}


def text(data):
    return urlsafe_b64encode(data).decode().rstrip("=")


def add_passkey(person):
    question = described(person.call("POST", "/api/v1/security-info/passkey/creation-options"))
    passkey = Passkey(person.server.url)
    body = {"request": question["request"], "credential": passkey.make(question["options"]), "name": "My key"}
    return passkey, described(person.call("POST", "/api/v1/security-info/passkey", body), 201)["id"]


def test_d1_security_info_lists_every_proof_with_its_age(server):
    person = Person(server)
    app = person.add_app()
    _, key = add_passkey(person)
    info = described(person.call("GET", "/api/v1/security-info"))
    assert [(proof["kind"], proof["confirmed"], proof["senior"]) for proof in info["proofs"]] == [
        ("email", True, True), ("totp", True, True), ("passkey", True, True)]
    assert {app.id, key} < {proof["id"] for proof in info["proofs"]}
    assert person.emails[0] not in json.dumps(info), "addresses are masked"
    assert info["twoStep"] is False and "hold" not in info and info["forecast"]


def test_s4_emails_and_phones_are_added_confirmed_and_removed(server):
    person = Person(server)
    address = f"{person.name}.two@example.org"
    added = described(person.call("POST", "/api/v1/security-info/email", {"email": address}), 201)["id"]
    known = [code_sent(server, address, to="confirm")]
    described(person.call("POST", f"/api/v1/security-info/email/{added}/resend"), 204)
    code = code_sent(server, address, known, to="confirm")
    path = f"/api/v1/security-info/email/{added}/confirm"
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    refused(person.call("POST", path, {"code": wrong}), "issued-code-wrong")
    assert described(person.call("POST", path, {"code": code})) == {"confirmed": True}
    described(person.call("DELETE", f"/api/v1/security-info/email/{added}"), 204)
    phone = described(person.call("POST", "/api/v1/security-info/phone", {"phone": "+44 1632 960 960"}), 201)["id"]
    described(person.call("POST", f"/api/v1/security-info/phone/{phone}/resend"), 204)
    check_described(person.call("POST", f"/api/v1/security-info/phone/{phone}/confirm", {"code": "000000"}))
    described(person.call("DELETE", f"/api/v1/security-info/phone/{phone}"), 204)
    refused(person.call("POST", "/api/v1/security-info/phone", {"phone": "what"}), "field")
    refused(person.call("POST", "/api/v1/security-info/email", {"email": "nowhere"}), "field")
    refused(person.call("DELETE", f"/api/v1/security-info/email/{phone}"), "not-found")


def test_s5_two_step_verification_from_on_to_off(server):
    person = Person(server)
    added = described(person.call("POST", "/api/v1/security-info/totp", {"name": "My phone"}), 201)
    assert added["uri"].startswith("otpauth://totp/") and added["secret"] in added["uri"]
    person.app = App(server, added["id"], added["secret"])
    confirm = f"/api/v1/security-info/totp/{added['id']}/confirm"
    described(person.call("POST", confirm, {"code": person.app.code()}))
    assert described(person.call("PUT", "/api/v1/two-step", {"enabled": True})) == {"enabled": True}
    refused(person.call("PUT", "/api/v1/two-step", {"enabled": "yes"}), "unreadable")

    asked = described(enter_password(server, person.name, PASSWORD))
    assert (asked["step"], asked["options"]) == ("second-factor", ["totp"])
    body = {"journey": asked["journey"], "code": person.app.code()}
    entered = described(server.call("POST", "/api/v1/sign-in/totp", body))
    refused(server.call("POST", "/api/v1/sign-in/totp", body), "totp-wrong")
    person.token = entered["session"]["token"]
    refused(person.call("DELETE", f"/api/v1/security-info/totp/{added['id']}"), "second-factor-needed")

    server.change_database(
        "UPDATE sessions SET proved_at = 0 WHERE account_id = (SELECT id FROM accounts WHERE username = ?)",
        person.name)
    half = described(person.call("POST", "/api/v1/step-up", {"password": PASSWORD}))
    assert half["fresh"] is False, "a password alone is not the level of this account"
    person.token = half["token"]
    refused(person.call("PUT", "/api/v1/two-step", {"enabled": False}), "step-up-needed")
    person.step_up()
    described(person.call("PUT", "/api/v1/two-step", {"enabled": False}))
    assert "session" in good(enter_password(server, person.name, PASSWORD))
    described(person.call("DELETE", f"/api/v1/security-info/totp/{added['id']}"), 204)


def test_s4_a_passkey_signs_in_alone_steps_up_and_is_a_second_factor(server):
    person = Person(server)
    passkey, identifier = add_passkey(person)
    question = described(server.call("POST", "/api/v1/sign-in/passkey/request-options"))
    body = {"request": question["request"], "assertion": passkey.use(question["options"])}
    alone = described(server.call("POST", "/api/v1/sign-in/passkey", body))
    refused(server.call("POST", "/api/v1/sign-in/passkey", body), "passkey-wrong")  # the counter stays behind
    person.token = alone["session"]["token"]
    assert described(person.call("GET", "/api/v1/session"))["account"]["username"] == person.name

    described(person.call("PUT", "/api/v1/two-step", {"enabled": True}))
    question = described(person.call("POST", "/api/v1/step-up/passkey/request-options"))
    stepped = described(person.call(
        "POST", "/api/v1/step-up",
        {"request": question["request"], "assertion": passkey.use(question["options"])}))
    assert stepped["fresh"]
    person.token = stepped["token"]
    refused(person.call("POST", "/api/v1/step-up", {"assertion": {}}), "unreadable")
    refused(person.call("POST", "/api/v1/step-up", {}), "unreadable")

    asked = described(enter_password(server, person.name, PASSWORD))
    assert asked["options"] == ["passkey"]
    second = {
        "journey": asked["journey"], "request": asked["passkey"]["request"],
        "assertion": passkey.use(asked["passkey"]["options"])}
    described(server.call("POST", "/api/v1/sign-in/passkey", second))
    refused(person.call("DELETE", f"/api/v1/security-info/passkey/{identifier}"), "second-factor-needed")


def test_row_4_a_passkey_opens_a_two_step_account_and_is_settled_by_use(server):
    person = Person(server)
    passkey, _ = add_passkey(person)
    person.turn_on_two_step()
    journey = start(server, person.name)["journey"]
    question = described(server.call("POST", "/api/v1/recovery/passkey/request-options", {"journey": journey}))
    body = {"journey": journey, "request": question["request"], "assertion": passkey.use(question["options"])}
    shown = described(server.call("POST", "/api/v1/recovery/passkey", body))
    assert (shown["outcome"], shown["evidence"], shown["step"]) == ("now", ["passkey"], "new-password")
    end = described(choose(server, shown["journey"]))
    token = end["session"]["token"]
    assert end["session"]["restriction"] == "settle-factors"
    before = described(server.call("GET", "/api/v1/factors", token=token))
    assert [factor["settled"] for factor in before["factors"]] == [False, False]
    refused(server.call("POST", "/api/v1/factors/finish", token=token), "second-factor-needed")
    check_described(server.call("POST", "/api/v1/factors/totp/use", {"code": person.app.code()}, token=token))
    question = described(server.call("POST", "/api/v1/factors/passkey/request-options", token=token))
    used = {"request": question["request"], "assertion": passkey.use(question["options"])}
    assert described(server.call("POST", "/api/v1/factors/passkey/use", used, token=token))["done"]
    # A new one can be added, and goes again.
    question = described(server.call("POST", "/api/v1/factors/passkey/creation-options", token=token))
    other = Passkey(server.url)
    added = described(server.call(
        "POST", "/api/v1/factors/passkey",
        {"request": question["request"], "credential": other.make(question["options"])}, token=token))
    assert added["done"] and len(added["factors"]) == 3
    described(server.call("DELETE", f"/api/v1/factors/passkey/{added['factors'][2]['id']}", token=token))
    full = described(server.call("POST", "/api/v1/factors/finish", token=token))
    assert "recoveryCode" not in full, "the new one was shown at the end of the recovery"
    described(server.call("GET", "/api/v1/session", token=full["session"]["token"]))
    assert server.call("GET", "/api/v1/factors", token=token).status_code == 401


def test_h2_code_and_app_open_at_once_and_the_lost_app_is_replaced(server):
    person, code = two_step(server)
    shown = show(server, person.name, code=code)
    assert (shown["outcome"], shown["step"]) == ("held", "weighing")
    assert any(way["outcome"] == "now" and way["with"] == ["senior-totp"] for way in shown["forecast"])
    more = described(server.call(
        "POST", "/api/v1/recovery/totp", {"journey": shown["journey"], "code": person.app.code()}))
    assert (more["outcome"], more["evidence"]) == ("now", ["recovery-code", "totp"])
    end = described(choose(server, more["journey"]))
    assert end == described(choose(server, more["journey"])), "a lost answer loses nothing"
    full, app = settle(server, end["session"]["token"])
    assert full["session"].get("restriction") is None
    refused(person.call("GET", "/api/v1/session"), "not-signed-in")
    person.app = app
    person.sign_in(NEW_PASSWORD)
    assert good(person.call("GET", "/api/v1/recovery-code"))["serial"] == end["serial"]


def test_the_password_may_stay_when_the_factors_are_what_is_lost(server):
    person, code = two_step(server)
    shown = show(server, person.name, code=code, password=PASSWORD)
    assert shown["outcome"] == "now"
    refused(
        server.call("POST", "/api/v1/recovery/new-password", {"journey": shown["journey"]}), "unreadable")
    body = {"journey": shown["journey"], "keepPassword": True}
    end = described(server.call("POST", "/api/v1/recovery/new-password", body))
    _, person.app = settle(server, end["session"]["token"])
    person.sign_in(PASSWORD)


def test_a_password_that_was_not_shown_cannot_stay(server):
    person, code = two_step(server)
    shown = show(server, person.name, code=code, totp=person.app.code())
    body = {"journey": shown["journey"], "keepPassword": True}
    assert refused(server.call("POST", "/api/v1/recovery/new-password", body), "field")["field"] == "new-password"


def test_a_restricted_session_only_settles_and_signs_out(server):
    person, code = two_step(server)
    shown = show(server, person.name, code=code, totp=person.app.code())
    token = good(choose(server, shown["journey"]))["session"]["token"]
    for method, path in [
        ("GET", "/session"), ("GET", "/sessions"), ("GET", "/security-info"), ("POST", "/recovery-code"),
        ("PUT", "/two-step"), ("PUT", "/password"), ("POST", "/step-up"), ("DELETE", "/sessions"),
        ("GET", "/activity"), ("POST", "/thaw"), ("POST", "/security-info/totp"), ("GET", "/clean-up"),
    ]:
        answer = server.call(method, f"/api/v1{path}", {"enabled": False, "password": NEW_PASSWORD}, token=token)
        refused(answer, "factors-unsettled")
        check_described(answer)
    described(server.call("DELETE", "/api/v1/session", token=token), 204)
    assert server.call("GET", "/api/v1/factors", token=token).status_code == 401


def test_a_full_session_has_nothing_to_settle(server):
    person = Person(server)
    assert person.call("GET", "/api/v1/factors").status_code == 401


def test_c8_checking_a_code_says_what_is_wrong_and_uses_nothing_up(server):
    person = Person(server)
    old = person.make_code()
    code = person.make_code()
    path = "/api/v1/recovery-code/check"
    assert described(person.call("POST", path, {"code": code.lower()})) == {"valid": True}
    assert "checkedAt" in described(person.call("GET", "/api/v1/recovery-code"))
    refused(person.call("POST", path, {"code": old}), "code-replaced")
    refused(person.call("POST", path, {"code": "ABC"}), "code-unreadable")
    kinds = [event["kind"] for event in described(person.call("GET", "/api/v1/activity"))["events"]]
    assert kinds[:2] == ["code-check-failed", "code-checked"]
    assert show(server, person.name, code=code)["outcome"] == "now"


def test_s7_sessions_are_listed_and_ended_one_by_one(server):
    person = Person(server)
    first = person.token
    person.sign_in()
    listed = described(person.call("GET", "/api/v1/sessions"))["sessions"]
    (other,) = [session for session in listed if not session["current"]]
    described(person.call("DELETE", f"/api/v1/sessions/{other['id']}"), 204)
    assert server.call("GET", "/api/v1/session", token=first).status_code == 401
    refused(person.call("DELETE", f"/api/v1/sessions/{other['id']}"), "not-found")


def test_d2_this_was_not_me_freezes_and_older_proofs_thaw(server):
    person = two_step(server)[0]
    events = described(person.call("GET", "/api/v1/activity"))["events"]
    assert events[0]["number"] == len(events)
    described(person.call("POST", f"/api/v1/activity/{events[0]['number']}/not-me"), 204)
    refused(person.call("GET", "/api/v1/session"), "not-signed-in")
    person.sign_in()
    found = described(person.call("GET", "/api/v1/clean-up"))
    assert found["frozen"] and [proof["kind"] for proof in found["proofs"]] == ["totp"]
    refused(person.call("POST", "/api/v1/recovery-code"), "frozen")
    described(person.call("POST", "/api/v1/thaw"), 204)
    person.make_code()
    refused(person.call("POST", "/api/v1/activity/999/not-me"), "not-found")
    refused(person.call("POST", "/api/v1/activity/first/not-me"), "not-found")


def test_h5_the_status_of_a_hold_needs_its_ticket_or_the_owners_session(server):
    person, code = two_step(server)
    claim = Claim(server, person, code)
    path = f"/api/v1/holds/{claim.id}"
    mine = described(server.call("GET", path, token=claim.ticket))
    assert mine == described(person.call("GET", path))
    assert mine["state"] == "running" and mine["effectiveAt"] == claim.answer["effectiveAt"]
    assert described(person.call("GET", "/api/v1/security-info"))["hold"] == mine
    refused(server.call("GET", path), "not-signed-in")
    refused(server.call("GET", path, token="AAAA-AAAA-AAAA-AAAA-AAAA"), "ticket-wrong")
    refused(Person(server).call("GET", path), "not-found")
    described(person.call("POST", f"{path}/stop"))
    assert claim.state() == "stopped"


@pytest.mark.parametrize("path", ["/holds/nowhere/stop", "/sessions/nowhere", "/security-info/email/nowhere"])
def test_a_wrong_method_on_a_path_with_an_id_is_told(server, path):
    answer = server.call("PATCH", f"/api/v1{path}")
    assert answer.status_code == 405 and answer.headers["Allow"]


def test_every_recovery_answer_has_one_shape(server):
    person, code = two_step(server)
    members = {"journey", "step", "options", "evidence", "forecast"}
    answers = [start(server, person.name), start(server, "nobody-at-all"), show(server, person.name, code=code)]
    answers.append(good(choose(server, answers[-1]["journey"]), 202))
    for answer in answers:
        assert members <= answer.keys()
    known, unknown = ([(way["row"], way["with"]) for way in answer["forecast"]] for answer in answers[:2])
    assert known == unknown, "before the first proof it says nothing of the account"
