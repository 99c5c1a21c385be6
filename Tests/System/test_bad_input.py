"""Bad input gets a clear answer that names the field and the fix; never a 500 (Q5). Nobody learns from an answer
whether an account exists (S6)."""

import itertools
import json
import re
import secrets
from html import unescape

import pytest
import requests

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
}
# Each form: its fields with good values, and whether someone is signed in.
FORMS = {
    "/sign-up": ({"username": "somebody", "email": "somebody@example.org", "password": "correct kettle 99 stone"}, False),
    "/sign-in": ({"username": "somebody"}, False),
    "/sign-in/password": ({"journey": "", "password": "correct kettle 99 stone"}, False),
    "/sign-in/other-ways": ({"journey": ""}, False),
    "/recover": ({"username": "somebody"}, False),
    "/recover/options": ({"journey": ""}, False),
    "/recover/issued-code": ({"journey": "", "option": "1", "code": "123456"}, False),
    "/recover/code/start": ({"journey": ""}, False),
    "/recover/code": ({"username": "somebody", "code": "01234-56789-ABCDE-FGHJK-MNMMA"}, False),
    "/recover/new-password": ({"journey": "", "new-password": "correct kettle 99 stone"}, False),
    "/step-up": ({"return-to": "/account/password", "password": "correct kettle 99 stone"}, True),
    "/sign-in/second-factor": ({"journey": "", "code": "123456"}, False),
    "/sign-in/ticket": ({"journey": "", "ticket": "x"}, False),
    "/sign-in/passkey": ({"credential": "{}", "request": "x"}, False),
    "/account/factors": ({"code": "123456"}, True),
    "/account/factors/remove": ({"proof": "totp:x"}, True),
    "/account/contact": ({"kind": "email", "email": "other@example.org"}, True),
    "/account/contact/confirm": ({"contact": "x", "code": "123456"}, True),
    "/account/authenticator-app": ({"name": "My phone"}, True),
    "/account/authenticator-app/confirm": ({"app": "x", "code": "123456"}, True),
    "/account/passkey": ({"name": "My laptop", "credential": "{}", "request": "x"}, True),
    "/account/remove": ({"proof": "email:x"}, True),
    "/account/two-step": ({"two-step": "on"}, True),
    "/account/check-code": ({"code": "01234-56789-ABCDE-FGHJK-MNMMA"}, True),
    "/account/activity/not-me": ({"event": "1000000"}, True),
    "/account/clean-up": ({}, True),
    "/account/password": ({"new-password": "correct kettle 99 stone"}, True),
    "/account/recovery-code": ({"form": "x"}, True),
    "/account/sessions/end": ({"session": "x"}, True),
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

    def __init__(self, server):
        self.url = server.url
        self.session = requests.Session()
        self.csrf = self.field("csrf", self.get("/sign-in").text)

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
def signed_in(server):
    browser = Browser(server)
    browser.person = Person()
    answer = browser.post(
        "/sign-up",
        {"username": browser.person.username, "email": browser.person.email, "password": browser.person.password})
    assert answer.status_code == 303, answer.text
    return browser


@pytest.fixture
def stranger(server):
    return Browser(server)


def journey_of(browser, path):
    """A journey that has come as far as the form."""
    if path.startswith("/sign-in"):
        status, page = browser.walk("/sign-in", {"username": "somebody"})
    else:
        status, page = browser.walk("/recover", {"username": "somebody"})
    assert status == 303
    return browser.field("journey", page.text)


def fields_of(browser, path):
    fields = dict(FORMS[path][0])
    if "journey" in fields:
        fields["journey"] = journey_of(browser, path)
    return fields


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


@pytest.mark.parametrize("path", FORMS)
def test_q5_a_form_with_bad_fields_gets_a_clear_answer(stranger, signed_in, path):
    browser = signed_in if FORMS[path][1] else stranger
    for name in FORMS[path][0]:
        good = fields_of(browser, path)
        rest = {other: value for other, value in good.items() if other != name}
        assert_clear(browser.post(path, rest), f"{path} without {name}")

        doubled = browser.post(path, [*good.items(), (name, good[name])])
        assert doubled.status_code == 400, f"{path} with two {name}: {doubled.status_code}"
        assert_clear(doubled, f"{path} with two {name}")

        huge = browser.post(path, rest | {name: HUGE})
        assert huge.status_code == 413, f"{path} with a huge {name}: {huge.status_code}"
        assert_clear(huge, f"{path} with a huge {name}")

        for kind, value in ODD.items():
            assert_clear(browser.post(path, rest | {name: value}), f"{path} with {kind} as {name}")


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
def test_q5_a_body_of_another_kind_gets_a_clear_answer(signed_in, path, kind, body):
    answer = signed_in.session.post(
        signed_in.url + path, data=body, headers={"Content-Type": kind}, allow_redirects=False, timeout=20)
    assert answer.status_code in (400, 403, 415), answer.status_code
    assert "<h1>" in answer.text


@pytest.mark.parametrize("path", FORMS)
def test_t24_a_form_from_elsewhere_is_refused(signed_in, path):
    fields = dict(FORMS[path][0])
    for csrf in (None, "", "0" * 26):
        answer = signed_in.post(path, fields | ({} if csrf is None else {"csrf": csrf}), csrf=False)
        assert answer.status_code == 403
        assert "This form is out of date" in answer.text
    answer = signed_in.post(path, fields, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


@pytest.mark.parametrize("path", FORMS)
def test_q5_a_method_that_a_page_does_not_know_is_refused(signed_in, path):
    for method in ("PUT", "DELETE", "PATCH"):
        answer = signed_in.session.request(method, signed_in.url + path, timeout=20)
        assert answer.status_code in (404, 405), f"{method} {path}: {answer.status_code}"
    assert signed_in.get("/sign-out").status_code in (404, 405)


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


def way_back(browser, name):
    """Status, page and headers of every step that someone with this name sees."""
    steps = []

    def step(path, fields):
        status, page = browser.walk(path, fields)
        steps.append((path, status, page.status_code, sorted(page.headers), page.text))
        return browser.field("journey", page.text), page.text

    journey, _ = step("/sign-in", {"username": name})
    step("/sign-in/password", {"journey": journey, "password": "not the password at all"})
    step("/sign-in/other-ways", {"journey": journey})
    journey, page = step("/recover", {"journey": journey})
    option = browser.field("option", page)
    journey, _ = step("/recover/issued-code", {"journey": journey, "option": option})
    step("/recover/issued-code", {"journey": journey, "code": "000000"})
    journey, _ = step("/recover/options", {"journey": journey})
    journey, _ = step("/recover/code/start", {"journey": journey})
    step("/recover/code", {"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
    step("/recover/code", {"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMB"})
    step("/recover/code", {"username": name, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
    return steps


def test_s6_row_25_a_known_and_an_unknown_name_see_the_same_pages(server):
    """S6: same status, same headers, same page but for the masked options, same length of what is sealed."""
    known = Person()
    owner = Browser(server)
    owner.post("/sign-up", {"username": known.username, "email": known.email, "password": known.password})
    letter = server.wait_for_mail(known.email, after=0)
    contact = re.search(r"/account/contact/confirm\?contact=([\w-]+)", owner.get("/account/security").text)[1]
    owner.post("/account/contact/confirm", {"contact": contact, "code": letter["Subject"][:6]})
    # Some unknown names have no decoy, as some accounts have no email: those start with the code.
    unknown = next(
        name for name in (known.username + letter for letter in "abcdefgh")
        if requests.post(server.url + "/api/v1/recovery", json={"username": name}, timeout=20).json()["options"])
    for with_known, with_unknown in zip(
        way_back(Browser(server), known.username), way_back(Browser(server), unknown), strict=True
    ):
        where = with_known[0]
        assert with_known[:4] == with_unknown[:4], where
        pages = skeleton(with_known[4], known.username), skeleton(with_unknown[4], unknown)
        if where == "/recover/options":
            # How many options there are differs from name to name, and tells nothing.
            pages = tuple(re.sub(r"(<label class=\"option\">.*\n)+", "", page) for page in pages)
        assert pages[0] == pages[1], where
        sealed = [re.findall(r'name="(?:journey|option)" value="([^"]*)"', page[4]) for page in (with_known, with_unknown)]
        if where != "/recover/options":
            assert [len(value) for value in sealed[0]] == [len(value) for value in sealed[1]], where


def test_s6_row_25_the_api_tells_no_more(server):
    known = Person()
    requests.post(
        server.url + "/api/v1/accounts", timeout=20,
        json={"username": known.username, "password": known.password, "email": known.email})
    unknown = known.username[:-1] + ("a" if known.username[-1] != "a" else "b")

    def shape(name):
        start = requests.post(server.url + "/api/v1/recovery", json={"username": name}, timeout=20)
        journey = start.json()["journey"]
        code = requests.post(
            server.url + "/api/v1/recovery/recovery-code", timeout=20,
            json={"journey": journey, "code": "01234-56789-ABCDE-FGHJK-MNMMA"})
        return start.status_code, sorted(start.json()), len(journey), code.status_code, code.text

    assert shape(known.username) == shape(unknown)
