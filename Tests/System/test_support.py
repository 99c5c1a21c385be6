"""G3, G4, T10, T17: contact support and its console on the built program, over pages, API and command line."""

import concurrent.futures
import contextlib
import html
import json
import re
import sqlite3
import time

import pytest
import requests

from people import NEW_PASSWORD, Person, enter_password, good, refused, two_step

# Long enough to act in while it runs, on a busy machine too.
PERIOD = 8
WORDS = "A thief took my phone, my keys and the sheet: zebra-quartz-93."


@pytest.fixture(scope="module")
def office(start_server):
    """Recoveries end after seconds."""
    return start_server({"hold-period": f"{PERIOD}s"})


class Browser:
    """Pages by hand: the cookies, and the token that every form has."""

    def __init__(self, server):
        self.server = server
        self.session = requests.Session()

    def get(self, path):
        return self.session.get(self.server.url + path, timeout=20)

    def post(self, path, fields, page=None):
        token = re.search(r'name="csrf" value="([^"]+)"', (page or self.get("/help/support/describe?category=other")).text)
        return self.session.post(
            self.server.url + path, data={"csrf": token[1], **fields}, timeout=20, allow_redirects=False)

    def field(self, name, page):
        return html.unescape(re.search(rf'name="{name}" value="([^"]*)"', page.text)[1])


def open_case(server, email, username="", category="lost-everything", words=WORDS):
    known = len(server.mails(email))
    body = {"category": category, "description": words, "email": email}
    sent = good(server.call("POST", "/api/v1/help/support", body | ({"username": username} if username else {})), 202)
    code = server.wait_for_digits(email, after=known)
    answer = good(server.call("POST", "/api/v1/help/support/confirm", {"journey": sent["journey"], "code": code}), 201)
    server.wait_for_mail(email, after=known + 1)
    return answer


def case_of(server, opened):
    return good(server.call("GET", f"/api/v1/help/support/cases/{opened['number']}", token=opened["ticket"]))


class Agent(Browser):
    """Someone with the role, signed in on the pages."""

    def __init__(self, server, name):
        super().__init__(server)
        self.person = Person(server, name).turn_on_two_step()
        made = server.command("agent", "add", "--username", name, "--json")
        assert made.returncode == 0 and json.loads(made.stdout)["changed"], made.stderr
        self.sign_in()

    def sign_in(self):
        page = self.post("/sign-in", {"username": self.person.name}, self.get("/sign-in"))
        page = self.get("/sign-in/password")
        self.post("/sign-in/password", {
            "journey": self.field("journey", page), "password": self.person.password}, page)
        page = self.get("/sign-in/second-factor")
        done = self.post("/sign-in/second-factor", {
            "journey": self.field("journey", page), "code": self.person.app.code()}, page)
        assert done.status_code == 303, done.text

    def account(self, name):
        page = self.get(f"/support/account?username={name}")
        assert page.status_code == 200, page.text
        return page

    def act(self, name, action, reason="Asked for in the case", case=""):
        page = self.account(name)
        return self.post("/support/account", {
            "account": self.field("account", page), "case": case, "reason": reason, "action": action}, page)

    def decide(self, action, name, reason="Looked at everything"):
        page = self.get("/support")
        for path in dict.fromkeys(re.findall(r'action="(/support/requests/[^"]+)"', page.text)):
            before = page.text[:page.text.index(path)]
            if before.rindex(f">{name}<") > before.rindex('class="rows"'):
                return self.post(path, {"action": action, "reason": reason}, page)
        raise AssertionError(f"no request about {name}")


@pytest.fixture(scope="module")
def ada(office):
    return Agent(office, "ada")


@pytest.fixture(scope="module")
def ben(office):
    return Agent(office, "ben")


# A case


def test_g3_a_case_over_the_api_answered_in_the_console_and_by_mail(office, ada):
    email = "kim@elsewhere.example"
    opened = open_case(office, email, "kim")
    assert re.fullmatch(r"([0-9A-Z]{4}-){4}[0-9A-Z]{4}", opened["ticket"])
    assert case_of(office, opened)["state"] == "open"
    refused(office.call("GET", f"/api/v1/help/support/cases/{opened['number']}", token="A" * 20), "ticket-wrong")
    refused(office.call("GET", "/api/v1/help/support/cases/ZZZ-ZZZ", token=opened["ticket"]), "ticket-wrong")

    path = f"/support/cases/{opened['number']}"
    assert opened["number"] in ada.get("/support").text
    page = ada.get(path)
    assert "zebra-quartz-93" in page.text and email in page.text
    known = len(office.mails(email))
    ada.post(path, {"action": "ask", "answer": "Which <b>account</b>? http://phish.example"}, page)
    letter = office.wait_for_mail(email, after=known)
    assert "Which <b>account</b>?" in letter.get_content() and opened["number"] in letter["Subject"]
    assert case_of(office, opened)["state"] == "waiting"

    # The person adds something on the page, with the ticket alone.
    visitor = Browser(office)
    page = visitor.get(f"/help/support/cases/{opened['number']}")
    shown = visitor.post(f"/help/support/cases/{opened['number']}", {"ticket": opened["ticket"]}, page)
    assert "Which &lt;b&gt;account&lt;/b&gt;?" in shown.text
    visitor.post(
        f"/help/support/cases/{opened['number']}",
        {"ticket": opened["ticket"], "answer": '<script>alert(1)</script> <a href="http://phish.example">me</a>'}, shown)
    page = ada.get(path).text
    # T17: what people write is text, and none of it becomes a link.
    assert "<script>alert" not in page and 'href="http://phish' not in page and "&lt;script&gt;" in page
    assert [message["author"] for message in case_of(office, opened)["messages"]] == ["person", "agent", "person"]
    ada.post(path, {"action": "close"}, ada.get(path))
    assert case_of(office, opened)["state"] == "closed"


def test_s6_what_support_says_does_not_depend_on_the_name(office):
    known = Person(office)
    answers = []
    for name in (known.name, known.name + "x"):
        visitor = Browser(office)
        sent = visitor.post("/help/support/describe", {
            "category": "cannot-sign-in", "username": name, "description": "Help", "email": f"{name[:8]}@mail.example"})
        text = re.sub(r'value="[^"]*"', "", sent.text).replace(f"{name[:8]}@mail.example", "")
        answers.append((sent.status_code, sorted(sent.headers), re.sub(r"<code[^>]*>[^<]*</code>", "", text)))
    assert answers[0] == answers[1]


def test_t10_writing_to_support_is_limited_and_strangers_elsewhere_go_on(start_server):
    limited = start_server({"limits": "on"})
    body = {"category": "other", "description": "spam", "email": "victim@example.org"}
    answers = [
        limited.call("POST", "/api/v1/help/support", body | {"email": f"victim{number}@example.org"})
        for number in range(8)]
    assert [answer.status_code for answer in answers] == [202] * 6 + [429] * 2 or answers[6].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) > 1


def test_t13_t14_nothing_written_is_readable_in_database_or_log(office):
    opened = open_case(office, "lee@elsewhere.example", "lee")
    with contextlib.closing(sqlite3.connect(office.data / "sparekey.sqlite")) as database:
        dump = "\n".join(database.iterdump())
    for secret in ("zebra-quartz", "lee@elsewhere", opened["ticket"], opened["ticket"].replace("-", "")):
        assert secret not in dump and secret.encode().hex() not in dump.lower(), secret
        assert secret not in office.log.read_text()


# Agents


def test_g4_the_console_exists_for_agents_alone(office, ada):
    stranger = Browser(office)
    assert stranger.session.get(f"{office.url}/support", allow_redirects=False, timeout=20).status_code == 303
    person = Person(office).turn_on_two_step()
    refused_add = office.command("agent", "add", "--username", Person(office).name)
    assert refused_add.returncode == 1 and "two-step" in refused_add.stderr
    # Signed in, with two-step verification, and no agent.
    other = Browser(office)
    other.person = person
    Agent.sign_in(other)
    for path in ("/support", "/support/cases/ZZZ-ZZZ", "/support/account?username=ada"):
        assert other.get(path).status_code == 404, path
    assert other.post("/support/account", {"action": "freeze", "reason": "x", "account": "x"}).status_code == 404
    assert ada.get("/support").status_code == 200


def test_g4_t17_an_agent_without_two_step_verification_does_nothing(office):
    agent = Agent(office, "carla")
    assert agent.get("/support").status_code == 200
    good(agent.person.call("PUT", "/api/v1/two-step", {"enabled": False}))
    answer = agent.get("/support")
    assert answer.status_code == 403 and "Two-step verification is needed" in answer.text
    victim = Person(office)
    account = good(victim.call("GET", "/api/v1/session"))["account"]["id"]
    page = agent.get("/help/support/describe?category=other")
    acted = agent.post("/support/account", {"action": "end-sessions", "reason": "x", "account": account}, page)
    assert acted.status_code == 403, acted.text
    good(victim.call("GET", "/api/v1/session"))


def test_g4_removing_the_role_works_at_once(office):
    agent = Agent(office, "dora")
    assert agent.get("/support").status_code == 200
    listed = json.loads(office.command("agent", "list", "--json").stdout)
    assert any(entry["username"] == "dora" and entry["twoStep"] for entry in listed)
    assert office.command("agent", "remove", "--username", "dora").returncode == 0
    assert agent.get("/support").status_code == 404
    assert office.command("agent", "remove", "--username", "nobody-here").returncode == 1


def test_g4_freezing_and_ending_sessions_are_told_and_in_the_trail(office, ada):
    person = Person(office)
    known = len(office.mails(person.emails[0]))
    assert "reason" in ada.act(person.name, "freeze", reason="  ").text
    assert ada.act(person.name, "end-sessions").status_code == 303
    refused(person.call("GET", "/api/v1/session"), "not-signed-in")
    letter = office.wait_for_mail(person.emails[0], after=known)
    assert letter["Subject"] == "Support signed you out everywhere"
    assert ada.act(person.name, "freeze").status_code == 303
    assert office.wait_for_mail(person.emails[0], after=known + 1)["Subject"] == "Support froze your account"
    assert ada.act(person.name, "freeze").status_code == 409
    # On the account of the agent nothing.
    assert "own account" in ada.account("ada").text
    with contextlib.closing(sqlite3.connect(office.data / "sparekey.sqlite")) as database:
        rows = database.execute(
            "SELECT a.actor, a.action, a.detail, a.number, a.chain FROM audit a JOIN accounts c ON c.id = a.account_id"
            " WHERE c.username = ? AND a.action IN ('account-frozen', 'sessions-ended')", (person.name,)).fetchall()
    assert len(rows) == 2
    assert all(actor.startswith("agent:") and "Asked for" in detail for actor, _, detail, _, _ in rows)
    assert all(number is None and chain is None for *_, number, chain in rows)


# A recovery that support starts


def test_g4_row_10_two_agents_then_the_wait_then_ticket_and_code(office, ada, ben):
    owner = Person(office, "maria")
    email = "maria.new@elsewhere.example"
    opened = open_case(office, email, "maria")
    known = len(office.mails(owner.emails[0]))
    asked = ada.act("maria", "hold", case=opened["number"])
    assert asked.status_code == 303, asked.text
    assert office.wait_for_mail(owner.emails[0], after=known)["Subject"] == "Support was asked to recover your account"
    # One agent is not two.
    assert 'value="approve"' not in ada.get("/support").text
    path = re.search(r'action="(/support/requests/[^"]+)"', ada.get("/support").text)[1]
    own = ada.post(path, {"action": "approve"}, ada.get("/support"))
    assert own.status_code == 409 and "Another agent has to agree" in own.text
    assert "hold" not in case_of(office, opened)
    # Approved many times at once: one hold.
    page = ben.get("/support")
    token = ben.field("csrf", page)
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(
            lambda _: requests.post(
                office.url + path, data={"csrf": token, "action": "approve"}, cookies=ben.session.cookies,
                allow_redirects=False, timeout=20).status_code, range(6)))
    assert sorted(answers) == [303] + [409] * 5, answers
    hold = case_of(office, opened)["hold"]
    assert hold["state"] == "running"
    started = office.wait_for_mail(owner.emails[0], after=known + 1)
    assert started["Subject"].startswith("Support starts a recovery of your account")
    assert "/stop/" in started.get_content()
    # The case's ticket is the hold's.
    status = good(office.call("GET", f"/api/v1/holds/{hold['id']}", token=opened["ticket"]))
    assert status["claimNumber"] == hold["claimNumber"] and status["state"] == "running"
    refused(office.call("POST", f"/api/v1/holds/{hold['id']}/issued-code", token=opened["ticket"]), "not-found")

    deadline = time.monotonic() + 40
    while case_of(office, opened)["hold"]["state"] != "completed":
        assert time.monotonic() < deadline, case_of(office, opened)
        time.sleep(0.2)
    mails = len(office.mails(email))
    good(office.call("POST", f"/api/v1/holds/{hold['id']}/issued-code", token=opened["ticket"]), 202)
    code = office.wait_for_digits(email, after=mails)
    good(office.call(
        "POST", f"/api/v1/holds/{hold['id']}/new-password", {"code": code, "password": NEW_PASSWORD},
        token=opened["ticket"]), 204)
    assert "session" in good(enter_password(office, "maria", NEW_PASSWORD))
    refused(enter_password(office, "maria", owner.password), "wrong-name-or-password")


def test_h7_the_owner_stops_it_and_is_left_in_peace(start_server):
    office = start_server({"hold-period": "30d"})
    ada, ben = Agent(office, "ada"), Agent(office, "ben")
    owner, _ = two_step(office, "olga")
    opened = open_case(office, "thief@elsewhere.example", "olga")
    assert ada.act("olga", "hold", case=opened["number"]).status_code == 303
    assert ben.decide("approve", "olga").status_code == 303
    hold = case_of(office, opened)["hold"]
    # The console has nothing that ends, shortens or completes it.
    page = ben.account("olga").text
    assert set(re.findall(r'name="action" value="([^"]+)"', page)) == {
        "hold", "freeze", "end-sessions", "resend-notice"}
    owner.step_up()
    good(owner.call("POST", f"/api/v1/holds/{hold['id']}/stop"))
    assert case_of(office, opened)["hold"]["state"] == "stopped"
    again = ada.act("olga", "hold", case=opened["number"])
    assert again.status_code == 409 and "Not before" in again.text


# The command line


def test_o2_cases_from_the_command_line(office):
    opened = open_case(office, "cli@elsewhere.example", "cli")
    listed = json.loads(office.command("case", "list", "--json").stdout)
    assert opened["number"] in [entry["number"] for entry in listed]
    assert "zebra" not in json.dumps(listed)
    shown = office.command("case", "show", opened["number"].lower(), "--json")
    assert json.loads(shown.stdout)["messages"][0]["text"] == WORDS, shown.stderr
    assert "zebra-quartz-93" in office.command("case", "show", opened["number"]).stdout
    closed = office.command("case", "close", opened["number"], "--json")
    assert closed.returncode == 0 and json.loads(closed.stdout)["state"] == "closed"
    assert office.command("case", "close", opened["number"]).returncode == 1
    assert office.command("case", "show", "ZZZ-ZZZ").returncode == 1
    assert office.command("case", "list", "--state", "odd").returncode == 64
    assert case_of(office, opened)["state"] == "closed"
    with contextlib.closing(sqlite3.connect(office.data / "sparekey.sqlite")) as database:
        actors = database.execute(
            "SELECT actor FROM audit WHERE detail = ?", (f"case {opened['number']}",)).fetchall()
    assert actors and all(actor == "operator" for actor, in actors)
