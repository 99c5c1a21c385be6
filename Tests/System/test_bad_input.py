"""Bad input gets a clear answer that names the field and the fix; never a 500 (Q5). Nobody learns from an answer
whether an account exists (S6)."""

import itertools
import json
import pathlib
import re
import secrets
import sqlite3
import subprocess
import urllib.parse
from html import unescape

import pytest
import requests
from kinds import KINDS, nobodys_name
from openid import REDIRECT, Challenge, Client, Screenless
from people import PASSWORD, Claim, choose, good, show, two_step
from test_api_two_step import Passkey
from test_hold import first_token
from test_support import open_case

ROUTES = pathlib.Path(__file__).resolve().parents[2] / "Sources/SparekeyWeb/Routes.swift"
HUGE = "x" * 100_000
ODD = {
    "empty": "",
    "spaces": "   ",
    "nul": "a\0b",
    "newline": "a\r\nSet-Cookie: x=y",
    "right-to-left": "\u202eabc",
    "combining": "e" + "\u0301" * 500,
    "emoji": "\U0001f468\u200d\U0001f469\u200d\U0001f467" * 20,
    "cyrillic": "\u0430dmin",
    "private": "\ue000\U0010ffff",
    "markup": "<script>alert(1)</script>\"'&{{text.shell.skip}}",
    "quotes": "' OR 1=1 --",
    "path": "../../etc/passwd",
    "long": "y" * 3_000,
    "number": "-9223372036854775809",
    "json": '{"a":[1]}',
}
# Who sends a form.
STRANGER, OWNER, SETTLING, AGENT = "stranger", "owner", "settling", "agent"
# Each form of the pages: its fields with good values, and who sends it. What is in angle brackets is known when the
# tests run (`World`).
FORMS = {
    "/sign-up": (
        {"username": "somebody", "email": "somebody@example.org", "password": "correct kettle 99 stone"}, STRANGER),
    "/sign-in": ({"username": "somebody"}, STRANGER),
    "/sign-in/password": ({"journey": "", "password": "correct kettle 99 stone"}, STRANGER),
    "/sign-in/other-ways": ({"journey": ""}, STRANGER),
    "/recover": ({"username": "somebody"}, STRANGER),
    "/recover/options": ({"journey": ""}, STRANGER),
    "/recover/issued-code": ({"journey": "", "option": "1", "code": "123456"}, STRANGER),
    "/recover/code/start": ({"journey": ""}, STRANGER),
    "/recover/code": ({"username": "somebody", "code": "01234-56789-ABCDE-FGHJK-MNMMA"}, STRANGER),
    "/recover/password": ({"journey": "", "password": "correct kettle 99 stone"}, STRANGER),
    "/recover/authenticator-app": ({"journey": "", "code": "123456"}, STRANGER),
    "/recover/passkey": ({"journey": "", "credential": "{}", "request": "x"}, STRANGER),
    "/recover/wait": ({"journey": ""}, STRANGER),
    "/recover/more": ({"journey": ""}, STRANGER),
    "/recover/object": ({"journey": ""}, STRANGER),
    "/recover/new-password": (
        {"journey": "", "new-password": "correct kettle 99 stone", "contact": "new@example.org", "ticket": ""},
        STRANGER),
    "/holds/{id}": ({"ticket": "<ticket>"}, STRANGER),
    "/holds/{id}/stop": ({}, OWNER),
    "/holds/{id}/choose-again": (
        {"ticket": "<ticket>", "code": "123456", "new-password": "correct kettle 99 stone"}, STRANGER),
    "/stop/{token}": ({"resume": "yes"}, STRANGER),
    "/sign-out": ({}, OWNER),
    "/sign-out/everywhere": ({}, OWNER),
    "/step-up": ({"return-to": "/account/password", "password": "correct kettle 99 stone"}, OWNER),
    "/sign-in/second-factor": ({"journey": "", "code": "123456"}, STRANGER),
    "/sign-in/ticket": ({"journey": "", "ticket": "x"}, STRANGER),
    "/sign-in/passkey": ({"credential": "{}", "request": "x"}, STRANGER),
    "/account/factors": ({"code": "123456"}, SETTLING),
    "/account/factors/remove": ({"proof": "<factor>"}, SETTLING),
    "/account/factors/done": ({}, SETTLING),
    "/account/contact": ({"kind": "email", "email": "other@example.org"}, OWNER),
    "/account/contact/confirm": ({"contact": "x", "code": "123456"}, OWNER),
    "/account/authenticator-app": ({"name": "My phone"}, OWNER),
    "/account/authenticator-app/confirm": ({"app": "x", "code": "123456"}, OWNER),
    "/account/passkey": ({"name": "My laptop", "credential": "{}", "request": "x"}, OWNER),
    "/account/remove": ({"proof": "email:x"}, OWNER),
    "/account/two-step": ({"two-step": "on"}, OWNER),
    "/account/check-code": ({"code": "01234-56789-ABCDE-FGHJK-MNMMA"}, OWNER),
    "/account/activity/not-me": ({"event": "1000000"}, OWNER),
    "/account/clean-up": ({}, OWNER),
    "/account/password": ({"new-password": "correct kettle 99 stone"}, OWNER),
    "/account/recovery-code": ({"form": "x"}, OWNER),
    "/account/sessions/end": ({"session": "x"}, OWNER),
    "/account/close": ({"days": "30"}, OWNER),
    "/account/apps/remove": ({"app": "<client>", "from": "clean-up"}, OWNER),
    "/oauth2/consent": ({"request": "", "decision": "allow"}, OWNER),
    "/oauth2/end-session/confirm": ({"request": ""}, OWNER),
    "/help/sign-in": ({"username": "somebody", "password": "yes", "two-step": "no"}, STRANGER),
    "/help/username": ({"contact": "somebody@example.org"}, STRANGER),
    "/help/support/describe": (
        {"category": "other", "description": "I am lost.", "username": "somebody", "email": "somebody@example.org"},
        STRANGER),
    "/help/support/confirm": ({"journey": "", "code": "123456"}, STRANGER),
    "/help/support/cases/{number}": ({"ticket": "<case ticket>", "answer": "There is more."}, STRANGER),
    "/support/cases/{number}": ({"action": "ask", "answer": "Which phone was it?"}, AGENT),
    "/support/requests/{id}": ({"action": "decline", "reason": "Nothing speaks for it."}, AGENT),
    "/support/account": ({"account": "<account>", "case": "<case>", "reason": "Asked for.", "action": "hold"}, AGENT),
}
# Fields of which only the presence counts, beside or in the place of others.
MARKS = {
    "/recover": ("edit", {}),
    "/recover/new-password": ("keep", {"journey": ""}),
    "/help/support/confirm": ("resend", {"journey": ""}),
}
# What apps send to the address for browsers: it goes on as a GET with the same parameters.
AS_QUERY = {
    "/oauth2/authorize": {
        "response_type": "code", "client_id": "<client>", "redirect_uri": REDIRECT, "scope": "openid email",
        "state": "st-1", "nonce": "no-1", "code_challenge": Challenge().text, "code_challenge_method": "S256",
        "prompt": "consent", "max_age": "3600"},
    "/oauth2/end-session": {
        "id_token_hint": "x", "client_id": "<client>", "post_logout_redirect_uri": REDIRECT, "state": "st-1"},
}
# What apps send themselves, with their secret.
APP_CALLS = {
    "/oauth2/token": {
        "grant_type": "authorization_code", "code": "<code>", "redirect_uri": REDIRECT, "code_verifier": "<verifier>"},
    "/oauth2/revoke": {"token": "<refresh token>", "token_type_hint": "refresh_token"},
    "/oauth2/introspect": {"token": "<refresh token>", "token_type_hint": "refresh_token"},
    "/oauth2/userinfo": {"access_token": "x"},
}
API = {
    "/api/v1/accounts": {"username": "somebody", "password": "correct kettle 99 stone", "email": "s@example.org"},
    "/api/v1/sign-in": {"username": "somebody"},
    "/api/v1/sign-in/password": {"journey": "x", "password": "correct kettle 99 stone"},
    "/api/v1/step-up": {"password": "correct kettle 99 stone"},
    "/api/v1/recovery": {"username": "somebody"},
    "/api/v1/recovery/issued-code": {"journey": "x", "option": "1"},
    "/api/v1/recovery/recovery-code": {"journey": "x", "code": "01234-56789-ABCDE-FGHJK-MNMMA"},
    "/api/v1/recovery/new-password": {"journey": "x", "password": "correct kettle 99 stone"},
}


_numbers = itertools.count(1)


class Person:
    def __init__(self):
        self.username = f"lee-{secrets.token_hex(3)}-{next(_numbers)}"
        self.email = f"{self.username}@example.org"
        self.password = f"copper window {secrets.token_hex(6)}"


class Browser:
    """Sends forms as a page would, whatever is in them."""

    def __init__(self, server, token=None):
        self.url = server.url
        self.session = requests.Session()
        self.csrf = self.field("csrf", self.get("/sign-in").text)
        if token:
            self.session.cookies.set("sparekey-session", token, domain="localhost.local", path="/")

    def get(self, path):
        return self.session.get(self.url + path, allow_redirects=False, timeout=20)

    def post(self, path, fields, csrf=True, **options):
        pairs = list(fields.items()) if isinstance(fields, dict) else list(fields)
        if csrf:
            pairs.append(("csrf", self.csrf))
        return self.session.post(self.url + path, data=pairs, allow_redirects=False, timeout=20, **options)

    def walk(self, path, fields):
        """Sends a form and follows where it leads."""
        answer = self.post(path, fields)
        status = answer.status_code
        while answer.is_redirect:
            answer = self.get(answer.headers["Location"])
        return status, answer

    @staticmethod
    def field(name, html):
        found = re.search(rf'name="{name}" value="([^"]*)"', html)
        return unescape(found[1]) if found else None


@pytest.fixture(scope="module")
def server(start_server):
    return start_server({"hold-period": "30d"})


@pytest.fixture(scope="module")
def signed_in(server):
    browser = Browser(server)
    browser.person = Person()
    answer = browser.post(
        "/sign-up",
        {"username": browser.person.username, "email": browser.person.email, "password": browser.person.password})
    assert answer.status_code == 303, answer.text
    return browser


class World:
    """What the forms are about: a recovery that waits, a case with a request about it, an app, and who sends them."""

    def __init__(self, server, owner):
        self.server, self.people = server, {}
        self.claim = Claim(server, *two_step(server), contact="claimant@elsewhere.example")
        settling, code = two_step(server)
        shown = show(server, settling.name, code=code, totp=settling.app.code())
        token = good(choose(server, shown["journey"]))["session"]["token"]
        factor = good(server.call("GET", "/api/v1/factors", token=token))["factors"][0]
        agent = two_step(server)[0]
        assert server.command("agent", "add", "--username", agent.name).returncode == 0
        self.browsers = {OWNER: owner, SETTLING: Browser(server, token), AGENT: Browser(server, agent.token)}
        about = two_step(server)[0]
        case = open_case(server, "lost@elsewhere.example", about.name)
        self.client, self.challenge = Client(server), Challenge()
        self.known = {
            "<ticket>": self.claim.ticket, "<factor>": f"totp:{factor['id']}", "<client>": self.client.id,
            "<case ticket>": case["ticket"], "<case>": case["number"], "<verifier>": self.challenge.verifier,
            "<account>": Browser.field("account", self.browsers[AGENT].get(
                f"/support/account?username={about.name}").text)}
        asked = self.browsers[AGENT].post("/support/account", self.filled(FORMS["/support/account"][0]))
        assert asked.status_code == 303, asked.text
        request = re.search(r'action="/support/requests/([^"]+)"', self.browsers[AGENT].get("/support").text)[1]
        stop = first_token(server, self.claim, self.claim.person.emails[0])
        self.places = {
            "/holds/{id}": self.claim.id, "/holds/{id}/stop": self.claim.id, "/holds/{id}/choose-again": self.claim.id,
            "/stop/{token}": stop, "/help/support/cases/{number}": case["number"],
            "/support/cases/{number}": case["number"], "/support/requests/{id}": request}
        self.app_user = Screenless(server, two_step(server)[0].token)
        tokens = self.app_user.tokens(self.client, scope="openid offline_access")
        self.known["<refresh token>"] = tokens["refresh_token"]
        # The five minutes of a proof are no part of this, however slow the machine.
        server.change_database("UPDATE sessions SET proved_at = proved_at + 3600000")

    def filled(self, fields):
        return {name: self.known.get(value, value) for name, value in fields.items()}

    def address(self, path):
        return re.sub(r"\{\w+\}", self.places.get(path, ""), path)

    def browser(self, path):
        """Whoever sends the form; strangers have a browser of their own each time."""
        return self.browsers.get(FORMS[path][1]) or Browser(self.server)

    def fields(self, browser, path, fields=None):
        fields = self.filled(FORMS[path][0] if fields is None else fields)
        if "journey" in fields:
            fields["journey"] = self.journey(browser, path)
        if path == "/oauth2/consent":
            browser.get("/oauth2/authorize?" + urllib.parse.urlencode(self.filled(AS_QUERY["/oauth2/authorize"])))
            fields["request"] = browser.field("request", browser.get(path).text)
        if path == "/oauth2/end-session/confirm":
            fields["request"] = browser.field("request", browser.get("/oauth2/end-session").text)
        return fields

    def journey(self, browser, path):
        """A journey that has come as far as the form."""
        if path == "/help/support/confirm":
            status, page = browser.walk("/help/support/describe", FORMS["/help/support/describe"][0])
            assert status == 200
            return browser.field("journey", page.text)
        first = "/sign-in" if path.startswith("/sign-in") else "/recover"
        waits = path in ("/recover/wait", "/recover/more", "/recover/object", "/recover/new-password")
        second = path in ("/sign-in/second-factor", "/sign-in/ticket")
        name, code = self.person(path) if waits or second else ("somebody", None)
        status, page = browser.walk(first, {"username": name})
        assert status == 303
        if second:
            status, page = browser.walk(
                "/sign-in/password", {"journey": browser.field("journey", page.text), "password": PASSWORD})
            assert status == 303
        if path == "/recover/issued-code" and browser.field("option", page.text):
            _, page = browser.walk(
                path, {field: browser.field(field, page.text) for field in ("journey", "option")})
        if waits:
            _, page = browser.walk("/recover/code/start", {"username": name})
            status, page = browser.walk("/recover/code", {"journey": browser.field("journey", page.text), "code": code})
            assert status == 303, page.text
            if path == "/recover/new-password" and "/recover/wait" in page.text:
                _, page = browser.walk("/recover/wait", {"journey": browser.field("journey", page.text)})
        return browser.field("journey", page.text)

    def person(self, path):
        """Whose code is shown there: one who has a recovery under way already for the form that objects to it."""
        if path not in self.people or path == "/recover/new-password":
            person, code = (self.claim.person, self.claim.code) if path == "/recover/object" else two_step(self.server)
            self.people[path] = person.name, code
        return self.people[path]


@pytest.fixture(scope="module")
def world(server, signed_in):
    return World(server, signed_in)


class Watch:
    """What the database says about people, apps and cases; not the counters, nor what is on its way to them."""

    COUNTERS = {
        "throttle", "outbox", "spent", "commits", "service_facts", "kept_answers", "security_history", "audit",
        "signing_keys", "sqlite_sequence"}
    TIMES = {"last_seen_at", "last_used_at", "confirmation_tries", "told_at", "next_notice_at"}

    def __init__(self, server):
        self.address = server.settings.get("database")
        if not self.address:
            self.database = sqlite3.connect(f"file:{server.data / 'sparekey.sqlite'}?mode=ro", uri=True, timeout=20)
        columns = {}
        for table, column in self.ask(
                "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
                if self.address else
                "SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'"):
            if column not in self.TIMES:
                columns.setdefault(table, []).append(column)
        self.queries = {
            table: f"SELECT {', '.join(columns[table])} FROM {table} ORDER BY 1, 2"
            for table in sorted(set(columns) - self.COUNTERS)}
        self.before = self.look()

    def ask(self, query):
        if not self.address:
            return self.database.execute(query).fetchall()
        return [tuple(line.split("|")) for line in self.psql(query).splitlines()]

    def psql(self, *queries):
        words = [word for query in queries for word in ("-c", query)]
        return subprocess.run(
            ["psql", "-XqAt", "-d", self.address, *words], capture_output=True, text=True, check=True).stdout

    def look(self):
        if not self.address:
            return {table: self.ask(query) for table, query in self.queries.items()}
        # All in one question: it is asked after every request.
        mark = "-- table --"
        found = self.psql(*(part for query in self.queries.values() for part in (query, f"SELECT '{mark}'")))
        return dict(zip(self.queries, found.split(mark)))

    def check(self, what, may_change=False):
        now = self.look()
        changed = [table for table in now if now[table] != self.before[table]]
        self.before = now
        assert may_change or not changed, f"{what}: {changed} changed"


@pytest.fixture
def watch(server, world):
    watch = Watch(server)
    yield watch
    if not watch.address:
        watch.database.close()


def assert_clear(answer, what):
    assert answer.status_code < 500, f"{what}: {answer.status_code}"
    if answer.status_code == 422:
        page = answer.text
        said = re.findall(r'<p class="error" id="[\w-]+-error">([^<]+)</p>', page)
        notice = 'class="notice problem"' in page
        assert said or notice, f"{what}: 422 without a word about the field\n{page}"
        if said:
            assert 'aria-invalid="true"' in page or "option-error" in page, f"{what}: the field is not marked"
    if answer.status_code >= 400:
        assert "<h1>" in answer.text, f"{what}: {answer.status_code} without a page"
        assert "<script>alert" not in answer.text


def test_q5_every_form_of_the_pages_is_tried_here():
    routes = ROUTES.read_text()
    assert "method: .post" not in routes
    posted = re.findall(r'router\.post\(\s*"([^"]+)"', routes)
    assert sorted(posted) == sorted([*FORMS, *AS_QUERY, *APP_CALLS])


@pytest.mark.parametrize("path", FORMS)
def test_q5_a_form_with_bad_fields_gets_a_clear_answer(world, watch, path):
    browser, address = world.browser(path), world.address(path)

    def send(fields, what):
        answer = browser.post(address, fields)
        assert_clear(answer, f"{path} {what}")
        watch.check(f"{path} {what}", may_change=answer.status_code < 400)
        return answer.status_code

    for name in FORMS[path][0]:
        fields = world.fields(browser, path)
        watch.check(path, may_change=True)
        rest = {other: value for other, value in fields.items() if other != name}
        send(rest, f"without {name}")
        assert send([*fields.items(), (name, fields[name])], f"with two {name}") == 400
        assert send(rest | {name: HUGE}, f"with a huge {name}") == 413
        for kind, value in ODD.items():
            send(rest | {name: value}, f"with {kind} as {name}")


@pytest.mark.parametrize("path", MARKS)
def test_q5_a_field_of_which_the_presence_counts_may_hold_anything(world, path):
    name, fields = MARKS[path]
    browser = Browser(world.server)
    fields = world.fields(browser, path, fields)
    for kind, value in ODD.items():
        answer = browser.post(path, fields | {name: value})
        assert_clear(answer, f"{path} with {kind} as {name}")


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "kind, body",
    [
        ("application/json", b'{"username":"somebody"}'),
        ("application/x-www-form-urlencoded", b"username=%zz&csrf"),
        ("application/x-www-form-urlencoded", b"\xff\xfe\x00"),
        ("application/x-www-form-urlencoded", b"&&&==&=&"),
        ("multipart/form-data; boundary=x", b"--x\r\n"),
    ],
    ids=["json", "broken-percent", "not-utf8", "only-signs", "multipart"],
)
def test_q5_a_body_of_another_kind_gets_a_clear_answer(world, watch, path, kind, body):
    browser = world.browser(path)
    answer = browser.session.post(
        browser.url + world.address(path), data=body, headers={"Content-Type": kind}, allow_redirects=False, timeout=20)
    assert answer.status_code in (400, 403, 415), answer.status_code
    assert "<h1>" in answer.text
    watch.check(path)


@pytest.mark.parametrize("path", FORMS)
def test_t24_a_form_from_elsewhere_is_refused(world, watch, path):
    browser, address = world.browser(path), world.address(path)
    fields = world.fields(browser, path)
    watch.check(path, may_change=True)
    for csrf in (None, "", "0" * 26, Browser(world.server).csrf, *ODD.values()):
        answer = browser.post(address, fields | ({} if csrf is None else {"csrf": csrf}), csrf=False)
        # A form with a NUL is not looked at any further.
        is_read = "\0" not in (csrf or "")
        assert answer.status_code == (403 if is_read else 400)
        assert ("This form is out of date" in answer.text) == is_read
    answer = browser.post(address, fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert browser.post(address, [*fields.items(), ("csrf", browser.csrf)]).status_code == 400
    watch.check(path)


@pytest.mark.parametrize("path", FORMS)
def test_q5_a_method_that_a_page_does_not_know_is_refused(world, watch, path):
    browser = world.browser(path)
    for method in ("PUT", "DELETE", "PATCH"):
        answer = browser.session.request(method, browser.url + world.address(path), timeout=20)
        assert answer.status_code in (404, 405), f"{method} {path}: {answer.status_code}"
    assert browser.get("/sign-out").status_code in (404, 405)
    watch.check(path)


@pytest.mark.parametrize("path", [path for path in FORMS if "{" in path])
def test_q5_a_bad_part_of_an_address_gets_a_clear_answer(world, watch, path):
    browser = world.browser(path)
    fields = world.filled(FORMS[path][0])
    for kind, value in ODD.items():
        address = re.sub(r"\{\w+\}", urllib.parse.quote(value, safe=""), path)
        for answer in (browser.get(address), browser.post(address, fields)):
            assert_clear(answer, f"{answer.request.method} {path} with {kind}")
            assert "Set-Cookie: x" not in str(answer.headers) and answer.headers.get("Location", "/")[0] == "/"
        watch.check(f"{path} with {kind}")


def test_t24_what_is_typed_reaches_no_cookie(world):
    for kind, value in ODD.items():
        answer = Browser(world.server).post("/oauth2/consent", {"request": value, "decision": "other"})
        if "\0" in value:
            assert answer.status_code == 400 and "sparekey-app" not in answer.headers.get("Set-Cookie", "")
            continue
        assert answer.status_code == 303
        assert "sparekey-app=; Path=/;" in answer.headers["Set-Cookie"], f"{kind}: {answer.headers['Set-Cookie']}"


# --- What apps send


def bad_fields(fields):
    """What was done to the fields, and the pairs to send."""
    for name, value in fields.items():
        rest = {other: value for other, value in fields.items() if other != name}
        yield f"without {name}", list(rest.items())
        yield f"with two {name}", [*fields.items(), (name, value)]
        yield f"with a huge {name}", [*rest.items(), (name, HUGE)]
        for kind, odd in ODD.items():
            yield f"with {kind} as {name}", [*rest.items(), (name, odd)]


@pytest.mark.parametrize("path", AS_QUERY)
def test_q5_a_request_of_an_app_with_bad_parameters_ends_on_a_page_or_as_an_error_there(world, watch, path):
    browser = world.browsers[OWNER]
    for what, pairs in bad_fields(world.filled(AS_QUERY[path])):
        answer = browser.post(path, pairs, csrf=False)
        while answer.is_redirect and answer.headers["Location"].startswith("/"):
            answer = browser.get(answer.headers["Location"])
        if answer.is_redirect:
            place = urllib.parse.urlsplit(answer.headers["Location"])
            assert place.geturl().startswith(REDIRECT + "?") and "error" in urllib.parse.parse_qs(place.query), what
        else:
            assert_clear(answer, f"{path} {what}")
            assert "<h1>" in answer.text
        if "two" in what:
            assert answer.status_code == 400 or path == "/oauth2/end-session", what
        if "huge" in what:
            assert answer.status_code == 413, what
        watch.check(f"{path} {what}")


@pytest.mark.parametrize("path", APP_CALLS)
def test_q5_a_call_of_an_app_with_bad_fields_gets_an_error_of_the_standard(world, watch, path):
    fields = world.filled(APP_CALLS[path])
    if "<code>" in fields.values():
        fields["code"] = world.app_user.allow(world.client, world.challenge, scope="openid")["code"]
    watch.check(path, may_change=True)
    for what, pairs in bad_fields(fields):
        answer = requests.post(
            world.server.url + path, data=pairs, auth=(world.client.id, world.client.secret), timeout=20)
        assert answer.status_code < 500, f"{path} {what}: {answer.status_code}"
        if "huge" in what:
            assert answer.status_code == 413, what
        elif answer.status_code >= 400 and path != "/oauth2/userinfo":
            error = answer.json()
            assert answer.status_code in (400, 401) and error["error_description"], f"{path} {what}"
            assert error["error"].startswith("invalid_") or error["error"] == "unsupported_grant_type", f"{path} {what}"
        if "two" in what:
            assert answer.status_code == 400, what
        # Taking a token back needs no more than the token.
        watch.check(f"{path} {what}", may_change=path == "/oauth2/revoke" and "hint" in what)


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "localhost:1@evil.example"])
def test_t24_a_foreign_host_is_refused(server, host):
    for path in ("/", "/sign-in", "/api/v1/session", "/assets/sparekey.css"):
        answer = requests.get(server.url + path, headers={"Host": host}, allow_redirects=False, timeout=20)
        assert answer.status_code == 421, f"{path} at {host}: {answer.status_code}"


def test_q5_a_bad_query_or_path_gets_a_clear_answer(signed_in):
    for path in (
        "/account/contact/confirm", "/account/contact/confirm?contact=%zz", "/account/remove?proof=" + "x" * 5_000,
        "/account/authenticator-app/confirm?app=x", "/account/activity/not-me?event=-1", "/account/factors",
        "/sign-in?notice=%00", "/%00", "/..%2f..%2fetc/passwd", "/assets/../texts/en.json", "/assets/%2e%2e/en.json",
        "/step-up?return-to=%0d%0aSet-Cookie:x", "/recover/code?" + "a=1&" * 500,
    ):
        answer = signed_in.get(path)
        assert answer.status_code < 500, f"{path}: {answer.status_code}"
        assert "Set-Cookie:x" not in str(answer.headers)


# --- The API ------------------------------------------------------------------------------------------


def assert_problem(answer, what):
    assert answer.status_code < 500, f"{what}: {answer.status_code}"
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json", what
        problem = answer.json()
        assert problem["type"].startswith("urn:sparekey:problem:") and problem["status"] == answer.status_code
        if answer.status_code == 422:
            assert problem["field"] and problem["detail"], f"{what}: {problem}"


@pytest.mark.parametrize("path", API)
def test_q5_the_api_answers_bad_input_with_a_problem(server, path):
    person = Person()
    account = requests.post(
        server.url + "/api/v1/accounts", json={"username": person.username, "password": person.password}, timeout=20)
    headers = {"Authorization": "Bearer " + account.json()["session"]["token"]}

    def send(body, what):
        answer = requests.post(
            server.url + path, data=body if isinstance(body, bytes) else json.dumps(body),
            headers=headers | {"Content-Type": "application/json"}, timeout=20)
        assert_problem(answer, f"{path} {what}")
        return answer

    good = API[path]
    for body in (b"", b"{", b"null", b"[]", b'"text"', b"7", b"\xff\xfe", b'{"username":"\\ud800"}', b"[" * 10_000):
        assert send(body, repr(body[:20])).status_code == 400
    assert send(b'{"x":"' + HUGE.encode() + b'"}', "huge").status_code == 413
    for name in good:
        rest = {other: value for other, value in good.items() if other != name}
        missing = send(rest, f"without {name}")
        if name not in ("email", "option"):
            assert missing.status_code == 400 and missing.json()["field"] == name, missing.text
        for value in (7, True, ["a"], {"a": 1}):
            wrong = send(rest | {name: value}, f"with {value} as {name}")
            assert wrong.status_code == 400 and wrong.json()["field"] == name, wrong.text
        for kind, value in ODD.items():
            send(rest | {name: value}, f"with {kind} as {name}")


@pytest.mark.parametrize("token", ["", "Bearer", "Bearer ", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5_000])
def test_q5_the_api_refuses_bad_tokens(server, token):
    for method, path in [
        ("GET", "/api/v1/session"), ("DELETE", "/api/v1/session"), ("DELETE", "/api/v1/sessions"),
        ("GET", "/api/v1/security-info"), ("POST", "/api/v1/recovery-code"), ("GET", "/api/v1/recovery-code"),
    ]:
        answer = requests.request(method, server.url + path, headers={"Authorization": token}, timeout=20)
        assert answer.status_code == 401
        assert_problem(answer, f"{method} {path}")


def test_q5_an_unknown_api_address_is_a_problem(server):
    for path in ("/api/v1/nothing", "/api/", "/api/v2/session"):
        answer = requests.get(server.url + path, timeout=20)
        assert answer.status_code == 404
        assert_problem(answer, path)
    assert requests.put(server.url + "/api/v1/session", timeout=20).status_code in (404, 405)


# --- S6 -----------------------------------------------------------------------------------------------


def skeleton(html, *names):
    """The page without what may differ: the name typed, sealed values and masked options."""
    for name in names:
        html = html.replace(name, "NAME")
    html = re.sub(r'value="[^"]*"', 'value=""', html)
    html = re.sub(r"(&quot;challenge&quot;:&quot;)[\w-]+", r"\1", html)
    html = re.sub(r"[\w.]*•+[\w.•@]*", "MASKED", html)
    return re.sub(r"<code translate=\"no\">[^<]*</code>", "<code></code>", html)


def shape(headers):
    """The headers without what any two answers differ in; of cookies how long they are."""
    return sorted(
        (name.lower(), len(value) if name.lower() == "set-cookie" else value) for name, value in headers.items()
        if name.lower() not in ("date", "content-length"))


def way_back(browser, name):
    """Status, page and headers of every step that someone with this name sees."""
    steps = []

    def saw(what, status, page):
        steps.append((what, status, page.status_code, shape(page.headers), page.text))
        return browser.field("journey", page.text)

    def step(path, fields):
        status, page = browser.walk(path, fields)
        return saw(path, status, page), page.text

    def look(path):
        page = browser.get(path)
        saw(path, None, page)
        return page.text

    def wrong_passkey(journey):
        page = look("/recover/passkey")
        key = Passkey(browser.url)
        key.user = "c29tZWJvZHk"
        options = json.loads(unescape(re.search(r'data-options="([^"]*)"', page)[1]))
        return {
            "journey": journey, "request": browser.field("request", page), "credential": json.dumps(key.use(options))}

    journey, _ = step("/sign-in", {"username": name})
    look("/sign-in/password")
    step("/sign-in/password", {"journey": journey, "password": "not the password at all"})
    step("/sign-in/second-factor", {"journey": journey, "code": "000000"})
    step("/sign-in/ticket", {"journey": journey, "ticket": "0000-0000-0000-0000-0000"})
    step("/sign-in/other-ways", {"journey": journey})
    journey, page = step("/recover", {"journey": journey})
    look("/recover")
    option = browser.field("option", page)
    journey, _ = step("/recover/issued-code", {"journey": journey, "option": option})
    step("/recover/issued-code", {"journey": journey, "code": "000000"})
    journey, _ = step("/recover/options", {"journey": journey})
    for way in ("/recover/password", "/recover/authenticator-app"):
        look(way)
    step("/recover/password", {"journey": journey, "password": "not the password at all"})
    step("/recover/authenticator-app", {"journey": journey, "code": "000000"})
    step("/recover/passkey", wrong_passkey(journey))
    for path in ("/recover/wait", "/recover/more", "/recover/object", "/recover/new-password"):
        step(path, {"journey": journey, "new-password": "correct kettle 99 stone"})
    for path in ("/recover/hold", "/recover/new-password", "/recover/done"):
        look(path)
    journey, _ = step("/recover/code/start", {"journey": journey})
    step("/recover/code", {"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
    step("/recover/code", {"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMB"})
    step("/recover/code", {"username": name, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
    step("/recover/code/start", {"username": name})
    step("/help/sign-in", {"username": name, "password": "yes"})
    step("/help/username", {"contact": f"{name}@example.org"})
    step("/help/support/describe", {
        "category": "other", "description": "I am lost.", "username": name, "email": "someone@example.org"})
    return steps


@pytest.mark.parametrize("kind", KINDS)
def test_s6_row_25_no_account_of_any_kind_is_told_from_a_name_that_nobody_has(server, kind):
    """S6: same status, same headers, same page but for the masked options, same length of what is sealed."""
    known, unknown = nobodys_name(server), nobodys_name(server)
    KINDS[kind](server, known)
    for with_known, with_unknown in zip(
        way_back(Browser(server), known), way_back(Browser(server), unknown), strict=True
    ):
        where = with_known[0]
        assert with_known[:4] == with_unknown[:4], where
        pages = skeleton(with_known[4], known), skeleton(with_unknown[4], unknown)
        assert pages[0] == pages[1], where
        sealed = [
            re.findall(r'name="(?:journey|option|request|csrf)" value="([^"]*)"', page[4])
            for page in (with_known, with_unknown)]
        assert [len(value) for value in sealed[0]] == [len(value) for value in sealed[1]], where


def lengths(body):
    """The answer with the length of each value in its place; of what is masked, that it is there."""
    if isinstance(body, dict):
        return {key: bool(value) if key == "label" else lengths(value) for key, value in body.items()}
    if isinstance(body, list):
        return [lengths(value) for value in body]
    return len(body) if isinstance(body, str) else body


@pytest.mark.parametrize("kind", KINDS)
def test_s6_row_25_the_api_tells_no_more(server, kind):
    known, unknown = nobodys_name(server), nobodys_name(server)
    KINDS[kind](server, known)

    def answers(name):
        def ask(path, body):
            answer = server.call("POST", f"/api/v1/{path}", body)
            seen.append((path, answer.status_code, shape(answer.headers), lengths(answer.json())))
            return answer.json()

        seen = []
        signing_in = ask("sign-in", {"username": name})["journey"]
        ask("sign-in/password", {"journey": signing_in, "password": "not the password at all"})
        ask("sign-in/totp", {"journey": signing_in, "code": "000000"})
        started = ask("recovery", {"username": name})
        journey = started["journey"]
        sent = ask("recovery/issued-code", {"journey": journey, "option": started["options"][0]["id"]})["journey"]
        ask("recovery/issued-code", {"journey": sent, "code": "000000"})
        ask("recovery/recovery-code", {"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
        ask("recovery/password", {"journey": journey, "password": "not the password at all"})
        ask("recovery/totp", {"journey": journey, "code": "000000"})
        question = ask("recovery/passkey/request-options", {"journey": journey})
        key = Passkey(server.url)
        key.user = "c29tZWJvZHk"
        ask("recovery/passkey", {
            "journey": journey, "request": question["request"], "assertion": key.use(question["options"])})
        ask("recovery/new-password", {"journey": journey, "password": "correct kettle 99 stone"})
        ask("help/username", {"contact": f"{name}@example.org"})
        return seen

    assert answers(known) == answers(unknown)
