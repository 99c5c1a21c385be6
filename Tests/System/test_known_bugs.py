"""Mistakes that others shipped, tried on this service: one test for each row of the list of known bugs that can be tried
from outside. Rows 10, 12, 34, 37 and 38 are in test_known_bugs_two_step.py; 11, 30, 35, 36 and 41 are proved in Swift,
25, 27 and 43 in test_bad_input.py, test_nobody_home.py and test_secrets.py.

RANDOM_PATHS sets how many addresses are tried in row 46 (default 5,000)."""

import concurrent.futures
import http.client
import math
import os
import random
import re
import secrets
import socket
import string
import time

import pytest
import requests
from ledger import Service
from test_api import NEW_PASSWORD, PASSWORD, Person, begin, choose, sign_in
from test_bad_input import Browser

RANDOM_PATHS = int(os.environ.get("RANDOM_PATHS", "5000"))
EVIL = "evil.example"
WRONG_CODE = "01234-56789-ABCDE-FGHJK-MNMMA"


class Owner(Person):
    """A person with an email since sign-up, confirmed: a senior one (H8). One mail came so far."""

    def __init__(self, server, username=None):
        self.server = server
        self.username = username or f"owner-{secrets.token_hex(4)}"
        self.email = f"{self.username}@example.org"
        body = {"username": self.username, "password": PASSWORD, "email": self.email}
        made = server.call("POST", "/api/v1/accounts", body)
        assert made.status_code == 201, made.text
        self.token = made.json()["session"]["token"]
        browser = Browser(server)
        _, page = browser.walk("/sign-in", {"username": self.username})
        browser.walk("/sign-in/password", {"journey": browser.field("journey", page.text), "password": PASSWORD})
        contact = re.search(r"/account/contact/confirm\?contact=([\w-]+)", browser.get("/account/security").text)[1]
        letter = server.wait_for_mail(self.email, 0)
        browser.walk("/account/contact/confirm", {"contact": contact, "code": letter["Subject"][:6]})

    def ask_for_mail(self, headers=None, **more):
        """Starts a recovery and asks for an issued code. - Returns: the answer."""
        started = begin(self.server, self.username)
        body = {"journey": started["journey"], "option": started["options"][0]["id"]} | more
        return requests.post(
            self.server.url + "/api/v1/recovery/issued-code", json=body, headers=headers, timeout=20)


@pytest.fixture(scope="module")
def strict(start_server):
    """A server with its limits on, behind a proxy: each request says where it comes from."""
    return start_server({"limits": "on", "trusted-proxies": "127.0.0.1"})


def post(server, path, body, source=None):
    headers = {"X-Forwarded-For": source} if source else {}
    return requests.post(f"{server.url}/api/v1/{path}", json=body, headers=headers, timeout=30)


def recipients(server):
    """Everyone who was ever written to."""
    letters = [file.read_text() for file in (server.data / "outbox").glob("[!.]*.eml")]
    return {re.search(r"^To: (.*)$", letter, re.MULTILINE)[1] for letter in letters}


# --- Steps


def test_row_01_another_way_never_leads_to_the_password_form_unproven(server):
    """CVE-2026-18963: after *use a different option*, back, skipped and repeated steps, the form is still shut."""
    person = Owner(server)
    person.make_code()
    chance = random.Random(1)
    ways = ["/recover/options", "/recover/code/start", "/recover/issued-code", "/recover/code", "/recover/new-password"]
    browser = Browser(server)
    _, page = browser.walk("/recover", {"username": person.username})
    for _ in range(60):
        journey = browser.field("journey", page.text) or journey
        path = chance.choice(ways)
        fields = {"journey": journey, "code": chance.choice(["000000", WRONG_CODE]), "new-password": NEW_PASSWORD}
        option = browser.field("option", page.text)
        if option and path == "/recover/issued-code":
            fields = {"journey": journey, "option": option}
        _, page = browser.walk(path, fields)
        assert page.status_code < 500
        assert 'name="new-password"' not in page.text, f"the form is open after {path}"
        assert 'name="new-password"' not in browser.get("/recover/new-password").text
    assert sign_in(server, person.username, PASSWORD).status_code == 200


def test_row_02_starting_over_never_lowers_what_is_asked_for(server):
    """CVE-2026-94218: a two-step account's code alone opens nothing now, however often one starts over."""
    person = Person(server)
    code = person.make_code()
    server.change_database(
        "UPDATE accounts SET two_step_since = created_at WHERE username = ?", person.username)
    journeys = []
    for _ in range(3):
        journeys.append(begin(server, person.username)["journey"])
        shown = person.enter_code(code, journeys[-1])
        assert shown.status_code in (200, 403) and shown.json().get("outcome") != "now", shown.text
    for journey in journeys:
        assert choose(server, journey).status_code == 409
    if shown.ok:
        assert choose(server, shown.json()["journey"]).status_code != 200, "it would have to wait 30 days (H2)"
    for journey in journeys:
        assert person.enter_code(code, journey).json().get("outcome") != "now"
    assert sign_in(server, person.username, NEW_PASSWORD).status_code == 403


def test_row_03_a_code_that_was_mailed_works_once_in_one_place(server):
    """CVE-2026-37982: neither in another journey, nor again after the password was set, nor after a new one was sent."""
    person = Owner(server)
    sent = [person.ask_for_mail().json()["journey"] for _ in range(2)]
    digits = [server.wait_for_digits(person.email, 1 + number) for number in range(2)]

    def enter(journey, code):
        return server.call("POST", "/api/v1/recovery/issued-code", {"journey": journey, "code": code})

    if digits[0] != digits[1]:
        assert enter(sent[0], digits[1]).status_code == 403, "another journey's code"
    proved = enter(sent[0], digits[0])
    assert choose(server, proved.json()["journey"]).status_code == 200
    assert enter(sent[0], digits[0]).status_code == 409, "the same again"
    assert enter(sent[1], digits[1]).status_code == 409, "a second one, asked for before the first was used"
    changed = choose(server, proved.json()["journey"], "another password than before")
    assert changed.status_code == 200, "the winner's own repeat"
    assert sign_in(server, person.username, "another password than before").status_code == 403


def test_row_42_a_second_open_page_gets_a_plain_message_and_the_first_stays_right(server):
    """Kanidm 3288."""
    person = Person(server)
    code = person.make_code()
    tabs = [Browser(server), Browser(server)]
    pages = []
    for tab in tabs:
        _, page = tab.walk("/recover/code", {"username": person.username, "code": code})
        assert 'name="new-password"' in page.text
        pages.append(page)

    def set_password(number, password):
        journey = tabs[number].field("journey", pages[number].text)
        return tabs[number].walk("/recover/new-password", {"journey": journey, "new-password": password})[1]

    first = set_password(0, NEW_PASSWORD)
    assert "Your new recovery code" in first.text
    second = set_password(1, "the password of the second tab")
    assert second.status_code in (403, 409) and "<h1>" in second.text
    assert "Something went wrong" not in second.text
    assert "Your new recovery code" in tabs[0].get("/recover/done").text
    assert sign_in(server, person.username, NEW_PASSWORD).status_code == 200


# --- Limits


def verdicts(calls):
    """- Returns: how many of the calls, all made at once, were told whether they were right."""
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda call: call(), calls))
    assert {answer.status_code for answer in answers} <= {403, 429, 503}, {answer.status_code for answer in answers}
    return sum(answer.status_code == 403 for answer in answers)


def assert_limited(calls):
    """Five verdicts, and one more after the wait of 5 s, after 10 s more, and so on, on a machine as slow as that."""
    began = time.monotonic()
    told = verdicts(calls)
    assert 5 <= told <= 5 + math.log2((time.monotonic() - began) / 5 + 1)


def test_row_05_parallel_tries_never_pass_the_limit(strict):
    """CVE-2024-4629: of 200 wrong passwords at once, five get a verdict; the same for recovery codes."""
    person = Person(strict)
    person.make_code()
    journey = post(strict, "sign-in", {"username": person.username}).json()["journey"]
    wrong = {"journey": journey, "password": "not this one, surely"}
    assert_limited([lambda: post(strict, "sign-in/password", wrong, "198.51.100.5")] * 200)
    start = begin(strict, person.username)["journey"]
    code = {"journey": start, "code": WRONG_CODE}
    assert_limited([lambda: post(strict, "recovery/recovery-code", code, "198.51.100.5")] * 200)
    # Strangers' failures close nothing for others (T7).
    assert sign_in(strict, person.username, PASSWORD).status_code == 200


@pytest.fixture
def second(strict):
    """Another process on the same data."""
    service = Service(strict.data, {"limits": "on", "trusted-proxies": "127.0.0.1"})
    service.start()
    yield service
    service.kill()


def test_row_06_two_services_count_together(strict, second):
    """CVE-2019-5421: the counter is raised in the database before the check, so that a second process counts on."""
    person = Person(strict)
    calls = []
    for server in (strict, second):
        journey = post(server, "sign-in", {"username": person.username}).json()["journey"]
        body = {"journey": journey, "password": "not this one, surely"}
        calls += [lambda server=server, body=body: post(server, "sign-in/password", body, "198.51.100.6")] * 50
    random.Random(6).shuffle(calls)
    assert_limited(calls)


def test_row_08_a_mailed_code_dies_after_five_tries_wherever_they_come_from(strict):
    """Muthiyah 2019: a million codes, tried from many addresses. Row 7: simultaneously."""
    person = Owner(strict)
    journey = person.ask_for_mail().json()["journey"]
    right = strict.wait_for_digits(person.email, 1)
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    calls = [
        lambda number=number: post(
            strict, "recovery/issued-code", {"journey": journey, "code": wrong}, f"203.0.113.{number}")
        for number in range(1, 101)]
    assert verdicts(calls) == 100, "no answer tells how many tries are left"
    last = post(strict, "recovery/issued-code", {"journey": journey, "code": right}, "203.0.113.200")
    assert last.status_code == 403, "the right one comes too late"


# --- Sessions


def test_row_13_a_session_is_new_at_each_sign_in_and_as_it_was_after_an_abandoned_step_up(server):
    """CVE-2023-6787."""
    person, other = Person(server), Person(server)
    browser = Browser(server)
    browser.session.cookies.set("sparekey-session", "planted-by-someone-else", domain="localhost.local")
    tokens = ["planted-by-someone-else"]
    for _ in range(2):
        _, page = browser.walk("/sign-in", {"username": person.username})
        browser.walk("/sign-in/password", {"journey": browser.field("journey", page.text), "password": PASSWORD})
        tokens.append(browser.session.cookies.get_dict()["sparekey-session"])
    assert len(set(tokens)) == 3

    def who():
        return re.search(r"(person\d+)", browser.get("/account/security").text)[1]

    assert who() == person.username
    browser.get("/step-up")
    browser.walk("/step-up", {"return-to": "/account/password", "password": "not this one, surely"})
    _, page = browser.walk("/sign-in", {"username": other.username})
    browser.walk("/sign-in/password", {"journey": browser.field("journey", page.text), "password": "wrong again"})
    assert browser.session.cookies.get_dict()["sparekey-session"] == tokens[-1]
    assert who() == person.username


# --- Who gets mail


def test_rows_14_and_15_the_recipient_never_comes_from_the_request(server):
    """CVE-2023-7028 (an array of addresses), CVE-2026-8206 (the victim's name, one's own address)."""
    person = Owner(server)
    mine = f"attacker@{EVIL}"
    tricks = [
        {"email": mine}, {"email": [person.email, mine]}, {"to": mine}, {"option": mine},
        {"option": [mine]}, {"address": f"{person.email},{mine}"}, {"contact": mine},
    ]
    for more in tricks:
        assert person.ask_for_mail(**more).status_code in (200, 400, 422)
    for body in (
        f'{{"username":"{person.username}","username":"{mine}"}}', f'{{"username":["{person.username}","{mine}"]}}',
        f'{{"username":"{person.username},{mine}"}}',
    ):
        answer = requests.post(
            server.url + "/api/v1/recovery", data=body, headers={"Content-Type": "application/json"}, timeout=20)
        assert answer.status_code in (200, 400)
    # The whole body in another encoding: what looks like one name here must not be two elsewhere.
    for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
        body = f'{{"username":"{person.username}","username":"{mine}"}}'.encode(encoding)
        answer = requests.post(
            server.url + "/api/v1/recovery", data=body, headers={"Content-Type": "application/json"}, timeout=20)
        assert answer.status_code == 400, encoding
    browser = Browser(server)
    _, page = browser.walk("/recover", {"username": person.username, "email": mine})
    fields = {"journey": browser.field("journey", page.text), "option": browser.field("option", page.text)}
    assert browser.post("/recover/issued-code", [*fields.items(), ("option", mine)]).status_code == 400
    browser.walk("/recover/issued-code", fields | {"email": mine})
    server.wait_for_mail(person.email, 5)
    assert not [address for address in recipients(server) if EVIL in address]


@pytest.mark.parametrize(
    "own, typed",
    [("mike", "m\u0131ke"), ("sam", "\u017fam"), ("kim", "\u212aim"), ("mike", "m\u00efke"), ("anna", "\u0430nna"),
     ("mike", "MI\u0307KE"), ("joe", "jo\u0435"), ("mike", "ｍｉｋｅ"), ("mike", "mi\u200bke")])
def test_rows_16_and_17_letters_that_look_or_fold_alike_lead_to_nobody_elses_mail(server, own, typed):
    """CVE-2019-19844, CVE-2024-27295: mail goes to the stored address alone, and no second account looks the same."""
    name = f"{own}-{secrets.token_hex(3)}"
    person = Owner(server, name)
    typed = typed + name[len(own):]
    made = server.call(
        "POST", "/api/v1/accounts",
        {"username": typed, "password": PASSWORD, "email": f"{typed}@example.org"})
    assert made.status_code == 422, made.text
    assert server.call(
        "POST", "/api/v1/accounts",
        {"username": f"other-{secrets.token_hex(3)}", "password": PASSWORD, "email": f"{typed}@example.org"},
    ).status_code == 422
    started = begin(server, typed)
    for option in started["options"]:
        server.call("POST", "/api/v1/recovery/issued-code", {"journey": started["journey"], "option": option["id"]})
    person.ask_for_mail()
    server.wait_for_mail(person.email, 1)
    assert all(address.isascii() for address in recipients(server))


POISON = {
    "X-Forwarded-Host": EVIL, "X-Forwarded-Server": EVIL, "X-Forwarded-Proto": "https", "X-Forwarded-Port": "444",
    "X-Host": EVIL, "X-Original-URL": f"https://{EVIL}/", "X-Rewrite-URL": f"https://{EVIL}/", "Via": EVIL,
    "Forwarded": f"host={EVIL};proto=https", "Origin": f"https://{EVIL}", "Referer": f"https://{EVIL}/",
}


@pytest.mark.parametrize("host", [None, EVIL, f"{EVIL}:80", f"localhost@{EVIL}"])
def test_rows_18_to_21_mails_have_their_sender_and_links_from_the_configuration(server, host):
    """Zitadel GHSA-2wmj-46rj-qm2w and CVE-2026-29067, CVE-2017-8295, GHSA-wgpj-7c2j-vfjm: poisoned Host and friends."""
    person = Owner(server)
    answer = person.ask_for_mail(POISON | ({"Host": host} if host else {}))
    assert answer.status_code == (421 if host else 200), answer.text
    assert EVIL not in answer.text + str(answer.headers)
    # What comes of it comes before what is asked for afterwards.
    person.ask_for_mail()
    letters = [server.wait_for_mail(person.email, number) for number in range(2 if host else 3)]
    for letter in letters:
        text = letter.as_string()
        assert EVIL not in text
        assert letter["From"] == "sparekey@localhost" and letter["Return-Path"] is None and letter["Reply-To"] is None
        assert all(link.startswith(server.url) or link.startswith("http://localhost") for link in re.findall(r"https?://\S+", text))


def test_row_22_headers_that_cannot_be_read_open_nothing(strict):
    """CVE-2024-47070: an X-Forwarded-For that made the check fail skipped the password. Any header, any bytes."""
    person = Person(strict)
    chance = random.Random(22)
    names = [
        "X-Forwarded-For", "Forwarded", "X-Real-IP", "Authorization", "Cookie", "User-Agent", "Accept-Language",
        "Accept", "Content-Type", "Sec-Fetch-Site", "Origin", "Referer", "If-None-Match", "Range", "Expect-CT",
    ]
    odd = ["", "unknown", "::", "1.2.3.4.5", "256.1.1.1", "127.0.0.1, ", ",,,", "[::1", "\"", "%00", "é", "\t", "a=b;" * 500,
           "sparekey-session=", "Bearer", "Bearer \x80\xff", "0" * 8_000]
    connection = http.client.HTTPConnection("127.0.0.1", strict.port, timeout=20)
    for number in range(150):
        value = chance.choice(odd) if number % 2 else "".join(
            chance.choice([chr(code) for code in range(32, 256) if code != 127]) for _ in range(chance.randrange(60)))
        headers = {"Host": f"localhost:{strict.port}", chance.choice(names): value.encode("latin-1")}
        for method, path, body in (
            ("GET", "/api/v1/session", None), ("GET", "/account/security", None),
            ("POST", "/api/v1/sign-in/password", '{"journey":"x","password":"not this one, surely"}'),
        ):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            assert answer.status in (303, 400, 401, 403, 429, 431), (answer.status, headers, path)
            assert b"Manage how I sign in" not in text
            if answer.headers.get("Connection") == "close":
                connection.close()
    assert sign_in(strict, person.username, PASSWORD).status_code == 200


# --- Tokens


def test_rows_23_and_24_a_token_is_good_for_its_account_and_its_purpose(server):
    """CVE-2023-26481, CVE-2022-23555: nobody's proof opens another account, and no token does another's work."""
    victim, thief = Owner(server), Owner(server)
    code, own = victim.make_code(), thief.make_code()
    recovery = begin(server, victim.username)["journey"]
    entry = begin(server, victim.username, "/api/v1/sign-in")["journey"]
    assert thief.enter_code(own, recovery).status_code == 403, "one's own code in another's journey"
    proved = thief.proved(own)
    assert choose(server, recovery).status_code == 409
    for journey, path, body in (
        (entry, "recovery/new-password", {"password": NEW_PASSWORD}), (entry, "recovery/recovery-code", {"code": code}),
        (recovery, "sign-in/password", {"password": PASSWORD}), (proved, "sign-in/password", {"password": PASSWORD}),
        (victim.token, "recovery/new-password", {"password": NEW_PASSWORD}),
    ):
        answer = server.call("POST", f"/api/v1/{path}", {"journey": journey} | body)
        assert answer.status_code == 400 and answer.json()["type"].endswith("expired"), (path, answer.text)
    for token in (recovery, entry, proved):
        assert server.call("GET", "/api/v1/session", token=token).status_code == 401
    # A journey made for the API is no page's, and the other way round.
    browser = Browser(server)
    answer = browser.post("/recover/new-password", {"journey": proved, "new-password": NEW_PASSWORD})
    assert answer.status_code == 400
    # A code that confirms an address does not open the account.
    victim_code = server.wait_for_digits(victim.email, 0)
    sent = victim.ask_for_mail().json()["journey"]
    if victim_code != server.wait_for_digits(victim.email, 2):
        answer = server.call("POST", "/api/v1/recovery/issued-code", {"journey": sent, "code": victim_code})
        assert answer.status_code == 403
    # Every single changed character closes a token.
    chance = random.Random(23)
    for place in chance.sample(range(len(proved)), 40):
        other = chance.choice([letter for letter in string.ascii_letters if letter != proved[place]])
        assert choose(server, proved[:place] + other + proved[place + 1:]).status_code == 400
    assert sign_in(server, victim.username, PASSWORD).status_code == 200
    assert choose(server, proved).status_code == 200


# --- HTTP itself


def exchange(server, raw):
    """- Returns: everything that the server answers until it closes or falls silent."""
    answer = b""
    with socket.create_connection(("127.0.0.1", server.port), timeout=1) as connection:
        try:
            connection.sendall(raw)
            while part := connection.recv(65_536):
                answer += part
        except (TimeoutError, ConnectionError):
            pass
    return answer


def malformed(port):
    host = f"Host: localhost:{port}\r\n"
    smuggled = f"GET /smuggled HTTP/1.1\r\n{host}\r\n"
    get, post_head = f"GET /sign-in HTTP/1.1\r\n{host}", f"POST /sign-in HTTP/1.1\r\n{host}"
    return {
        "two lengths": post_head + f"Content-Length: 0\r\nContent-Length: {len(smuggled)}\r\n\r\n{smuggled}",
        "length and chunks": post_head + f"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}",
        "folded chunks": post_head + f"Transfer-Encoding:\r\n chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n{smuggled}",
        "chunks twice": post_head + f"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n{smuggled}",
        "unknown coding": post_head + f"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{smuggled}",
        "negative length": post_head + f"Content-Length: -1\r\n\r\n{smuggled}",
        "length with plus": post_head + f"Content-Length: +5\r\n\r\nabcde{smuggled}",
        "length in hex": post_head + f"Content-Length: 0x5\r\n\r\nabcde{smuggled}",
        "huge chunk": post_head + f"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n{smuggled}",
        "chunk of no length": post_head + f"Transfer-Encoding: chunked\r\n\r\nx\r\n{smuggled}",
        "space before colon": get + "X-Test : 1\r\n\r\n",
        "no colon": get + "X-Test\r\n\r\n",
        "nul in header": get + "X-Test: a\0b\r\n\r\n",
        "bare return": get + "X-Test: a\rSet-Cookie: x=y\r\n\r\n",
        "chunks in 1.0": f"POST /sign-in HTTP/1.0\r\n{host}Connection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n"
                         f"0\r\n\r\n{smuggled}",
        "chunks and length in 1.0": f"POST /sign-in HTTP/1.0\r\n{host}Connection: keep-alive\r\nContent-Length: 0\r\n"
                                    f"Transfer-Encoding: chunked\r\n\r\n{smuggled}",
        "no version": f"GET /sign-in\r\n{host}\r\n",
        "version 2": f"GET /sign-in HTTP/2.0\r\n{host}\r\n",
        "odd method": f"G\tET /sign-in HTTP/1.1\r\n{host}\r\n",
        "no path": f"GET  HTTP/1.1\r\n{host}\r\n",
        "space in path": f"GET /sign in HTTP/1.1\r\n{host}\r\n",
        "line break in path": f"GET /sign-in%0d%0aSet-Cookie:x=y HTTP/1.1\r\n{host}\r\n",
        "absolute elsewhere": f"GET http://{EVIL}/sign-in HTTP/1.1\r\n{host}\r\n",
        "http/2 preface": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "tls hello": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        "only breaks": "\r\n" * 100,
        "noise": "".join(chr(random.Random(44).randrange(256)) for _ in range(2_000)),
    }


@pytest.mark.parametrize("kind", malformed(0))
def test_row_44_malformed_requests_are_refused_and_hide_nothing(server, kind):
    """CVE-2022-3215, GHSA-mgc4-wqv7-4pxm: no header of an attacker's making in an answer, no second request in a body."""
    answer = exchange(server, malformed(server.port)[kind].encode("latin-1"))
    heads = re.findall(rb"HTTP/1\.[01] (\d{3})", answer)
    if kind == "absolute elsewhere":
        # The server never learns of that host: it answers for itself.
        assert heads == [b"200"] and EVIL.encode() not in answer
        return
    assert not heads or heads[0] in (b"400", b"403", b"404", b"405", b"413", b"421", b"431", b"501", b"505"), answer[:200]
    assert b"/smuggled" not in answer and len(heads) <= 1, answer[:400]
    assert b"set-cookie: x=y" not in answer.lower()
    assert requests.get(server.url + "/healthz", timeout=5).ok


def memory(server):
    """What the process holds, in MiB."""
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1_024


def test_row_45_oversized_requests_are_refused_and_cost_no_memory(start_server):
    """CVE-2026-28980: unlimited headers."""
    server = start_server()
    head = f"GET /sign-in HTTP/1.1\r\nHost: localhost:{server.port}\r\n"
    huge = [
        head + "".join(f"X-{number}: y\r\n" for number in range(5_000)) + "\r\n", head + "X-Long: " + "y" * 1_000_000,
        head + "y" * 1_000_000, "GET /" + "y" * 1_000_000, head + "Cookie: " + "a=b; " * 20_000 + "\r\n\r\n",
        "GET /sign-in?" + "a=b&" * 50_000 + f" HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n",
        f"POST /api/v1/sign-in HTTP/1.1\r\nHost: localhost:{server.port}\r\nContent-Length: 200000000\r\n\r\n" + "y" * 2_000_000,
        f"POST /sign-in HTTP/1.1\r\nHost: localhost:{server.port}\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "ffff\r\n" * 1 + "y" * 65_535 + "\r\n" + "ffff\r\n" + "y" * 2_000_000,
    ]
    exchange(server, head.encode() + b"\r\n")
    before = memory(server)
    for _ in range(4):
        for raw in huge:
            answer = exchange(server, raw.encode())
            assert not answer or re.match(rb"HTTP/1\.1 (400|413|414|431)", answer), answer[:100]
    assert requests.get(server.url + "/healthz", timeout=5).ok
    assert memory(server) - before < 32


def test_row_46_random_addresses_leave_nothing_behind(start_server):
    """CVE-2021-21328: what strangers ask for is never kept, neither as a label nor in a cache."""
    server = start_server()
    chance = random.Random(46)
    host = f"Host: localhost:{server.port}\r\n"

    def ask(count):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            for _ in range(0, count, 50):
                requests_together = "".join(
                    f"GET /{'/'.join(f'{chance.getrandbits(64):x}' for _ in range(chance.randrange(1, 4)))}"
                    f"?{chance.getrandbits(32):x}={chance.getrandbits(32):x} HTTP/1.1\r\n{host}\r\n" for _ in range(50))
                connection.sendall(requests_together.encode())
                answer = b""
                while answer.count(b"HTTP/1.1 404") < 50 or not answer.endswith(b"</html>\n"):
                    part = connection.recv(1 << 20)
                    assert part, "the connection was closed"
                    answer += part

    ask(RANDOM_PATHS // 5)
    before = memory(server)
    ask(RANDOM_PATHS)
    grown = memory(server) - before
    print(f"{RANDOM_PATHS} addresses, {grown:.1f} MiB more of {before:.0f}")
    assert grown < 8
