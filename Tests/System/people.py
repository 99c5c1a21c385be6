"""People with accounts of every kind, and what they do over the API: for the tests of two-step verification, of the
policy and of the hold."""

import base64
import hashlib
import hmac
import itertools
import json
import re
import struct
import time

PASSWORD = "violet anchor sevenfold"
NEW_PASSWORD = "lantern quiet marble ridge"

numbers = itertools.count(1)


def totp(secret, step):
    """RFC 6238, written a second time."""
    key = base64.b32decode(secret)
    mac = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    place = mac[-1] & 15
    return f"{(int.from_bytes(mac[place:place + 4], 'big') & 0x7FFFFFFF) % 1_000_000:06}"


class App:
    """An authenticator app. Each step is accepted once, so it goes through the three that the server takes; a test that
    needs more forgets on the server which was used."""

    def __init__(self, server, identifier, secret):
        self.server, self.id, self.secret = server, identifier, secret
        self.last = 0

    def code(self):
        now = int(time.time()) // 30
        # Near its end a step may be over before the server looks, and the one before it too old.
        oldest = now - 1 if time.time() % 30 < 24 else now
        step = max(oldest, self.last + 1)
        if step > now + 1:
            self.server.change_database("UPDATE authenticator_apps SET last_step = 0 WHERE id = ?", self.id)
            step = now
        self.last = step
        return totp(self.secret, step)


class Person:
    """Someone with an account and a confirmed email."""

    def __init__(self, server, name=None, email=True):
        self.server = server
        self.name = name or f"owner{next(numbers)}"
        self.password = PASSWORD
        self.emails = [f"{self.name}@example.org"] if email else []
        self.app = None
        body = {"username": self.name, "password": PASSWORD}
        if email:
            body["email"] = self.emails[0]
        self.token = good(server.call("POST", "/api/v1/accounts", body), 201)["session"]["token"]
        if email:
            (proof,) = good(self.call("GET", "/api/v1/security-info"))["proofs"]
            self.confirm("email", proof["id"], self.emails[0])

    def call(self, method, path, body=None):
        return self.server.call(method, path, body, self.token)

    def confirm(self, kind, identifier, address, known=()):
        code = code_sent(self.server, address, known, to="confirm")
        good(self.call("POST", f"/api/v1/security-info/{kind}/{identifier}/confirm", {"code": code}))

    def add_email(self, address):
        known = codes_sent(self.server, address, to="confirm")
        identifier = good(self.call("POST", "/api/v1/security-info/email", {"email": address}), 201)["id"]
        self.confirm("email", identifier, address, known)
        self.emails.append(address)
        return identifier

    def add_app(self):
        added = good(self.call("POST", "/api/v1/security-info/totp", {"name": "My phone"}), 201)
        app = App(self.server, added["id"], added["secret"])
        good(self.call("POST", f"/api/v1/security-info/totp/{app.id}/confirm", {"code": app.code()}))
        self.app = app
        return app

    def turn_on_two_step(self):
        self.app = self.app or self.add_app()
        good(self.call("PUT", "/api/v1/two-step", {"enabled": True}))
        # What was proved at sign-up is less than the account now asks for.
        self.step_up()
        return self

    def step_up(self):
        body = {"password": self.password} | ({"totp": self.app.code()} if self.app else {})
        answer = good(self.call("POST", "/api/v1/step-up", body))
        assert answer["fresh"], answer
        self.token = answer["token"]

    def make_code(self):
        return good(self.call("POST", "/api/v1/recovery-code"), 201)["code"]

    def sign_in(self, password=None):
        """A full sign-in; the session's token is kept."""
        answer = good(enter_password(self.server, self.name, password or self.password))
        if "session" not in answer:
            answer = good(self.server.call(
                "POST", "/api/v1/sign-in/totp", {"journey": answer["journey"], "code": self.app.code()}))
        self.password = password or self.password
        self.token = answer["session"]["token"]

    def mails(self):
        return [mail for address in self.emails for mail in self.server.mails(address)]


def two_step(server, name=None):
    """Someone with two-step verification, and a recovery code made after it was turned on."""
    person = Person(server, name).turn_on_two_step()
    return person, person.make_code()


SCOPES = [
    "accounts:read", "accounts:write", "clients:read", "clients:write", "holds:read", "holds:write", "cases:read",
    "cases:write", "agents:read", "agents:write", "audit:read", "report:read"]


def make_token(server, *scopes, name=None, expires="90d"):
    """A token of the operator; with every scope if none is named."""
    words = [word for scope in scopes or SCOPES for word in ("--scope", scope)]
    name = name or f"token{next(numbers)}"
    made = server.command("token", "create", "--name", name, *words, "--expires", expires, "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)["token"]


def good(answer, status=200):
    assert answer.status_code == status, f"{answer.request.method} {answer.request.path_url}: {answer.text}"
    return answer.json() if answer.content else None


def refused(answer, kind):
    assert answer.status_code >= 400, answer.text
    assert answer.json()["type"] == f"urn:sparekey:problem:{kind}", answer.text
    return answer.json()


def enter_password(server, name, password):
    journey = good(server.call("POST", "/api/v1/sign-in", {"username": name}))["journey"]
    return server.call("POST", "/api/v1/sign-in/password", {"journey": journey, "password": password})


def codes_sent(server, address, to="recover"):
    """The codes in the mails to an address, whatever else came between them: to recover with, or to confirm it."""
    ending = {"recover": "is your code", "confirm": "is your code to confirm this email"}[to]
    subjects = [mail["Subject"] for mail in server.mails(address)]
    return [found.group(1) for subject in subjects if (found := re.fullmatch(f"([0-9]{{6}}) {ending}", subject))]


def code_sent(server, address, known=(), to="recover"):
    """The one that comes after those known."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if new := codes_sent(server, address, to)[len(known):]:
            return new[0]
        time.sleep(0.1)
    raise AssertionError(f"no code came to {address}")


def start(server, name):
    return good(server.call("POST", "/api/v1/recovery", {"username": name}))


def show(server, name, journey=None, **evidence):
    """Shows one thing after the other: code, totp, password, email. Returns the last answer."""
    answer = {"journey": journey} if journey else start(server, name)
    for kind, value in evidence.items():
        journey = answer["journey"]
        if kind == "email":
            option = next(o for o in answer["options"] if o["kind"] == "email")["id"]
            known = codes_sent(server, value)
            journey = good(server.call(
                "POST", "/api/v1/recovery/issued-code", {"journey": journey, "option": option}))["journey"]
            body = {"journey": journey, "code": code_sent(server, value, known)}
            path = "issued-code"
        else:
            body = {"journey": journey, "password" if kind == "password" else "code": value}
            path = {"code": "recovery-code"}.get(kind, kind)
        answer = good(server.call("POST", f"/api/v1/recovery/{path}", body))
    return answer


def choose(server, journey, password=NEW_PASSWORD, **more):
    body = {"journey": journey, "password": password} | more
    return server.call("POST", "/api/v1/recovery/new-password", body)


class Claim:
    """A recovery that waits: someone showed a code alone."""

    def __init__(self, server, person, code, password=NEW_PASSWORD, **more):
        self.server, self.person, self.code, self.password = server, person, code, password
        progress = show(server, person.name, code=code)
        assert progress["outcome"] == "held", progress
        self.journey = progress["journey"]
        self.asked_at = time.time()
        self.answer = good(choose(server, self.journey, password, **more), 202)
        assert self.answer["outcome"] == "held"
        self.id, self.ticket = self.answer["hold"], self.answer["ticket"]

    def status(self):
        return good(self.server.call("GET", f"/api/v1/holds/{self.id}", token=self.ticket))

    def state(self):
        return self.status()["state"]

    def wait_for(self, state, patience=40):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.state() == state:
                return
            time.sleep(0.1)
        raise AssertionError(f"the hold is {self.state()}, not {state}")

    def sign_in(self):
        """New password and ticket: a session that has to settle the factors."""
        answer = good(enter_password(self.server, self.person.name, self.password))
        assert answer["step"] == "second-factor" and "ticket" in answer["options"], answer
        session = good(self.server.call(
            "POST", "/api/v1/sign-in/ticket", {"journey": answer["journey"], "ticket": self.ticket}))["session"]
        assert session["restriction"] == "settle-factors"
        return session["token"]

    def notices(self, address):
        number = self.answer["claimNumber"]
        return [mail for mail in self.server.mails(address) if number in mail.get_content()]


def stop_token(mail):
    """From the link in a notice; None when it has none."""
    found = re.search(r"/stop/([A-Za-z0-9_-]+)", mail.get_content())
    return found and found.group(1)


def settle(server, token):
    """Removes every old factor, adds an app, and becomes a full session. Returns what `finish` answers, and the app."""
    for factor in good(server.call("GET", "/api/v1/factors", token=token))["factors"]:
        good(server.call("DELETE", f"/api/v1/factors/{factor['kind']}/{factor['id']}", token=token))
    added = good(server.call("POST", "/api/v1/factors/totp", token=token), 201)
    app = App(server, added["id"], added["secret"])
    done = good(server.call("POST", f"/api/v1/factors/totp/{app.id}/confirm", {"code": app.code()}, token=token))
    assert done["done"], done
    return good(server.call("POST", "/api/v1/factors/finish", token=token)), app
