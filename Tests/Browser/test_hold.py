"""The recovery that waits, walked in a browser by its claimant and by the owner. Each test names the promise it proves.

Two-step verification is set up over the API; the pages under test are those of the way back."""

import base64
import hashlib
import hmac
import re
import secrets
import sqlite3
import struct
import time
import urllib.request

import pytest
import requests
from playwright.sync_api import expect

from conftest import LOOKS, Server, Visitor

# Long enough to press every button while it runs, on a busy machine too.
PERIOD = 40
PASSWORD = "violet anchor sevenfold"
TICKET = r"([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}"


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """Holds end long after the tests."""
    server = Server(tmp_path_factory.mktemp("later"), "--set", "limits=off")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def soon(tmp_path_factory):
    """Holds end after seconds."""
    server = Server(tmp_path_factory.mktemp("soon"), "--set", "limits=off", "--set", f"hold-period={PERIOD}s")
    yield server
    server.stop()


class Owner:
    """Someone with two-step verification, a confirmed email and a recovery code made after it was turned on."""

    def __init__(self, server, two_step=True):
        person = Visitor.new_person()
        self.server, self.username, self.email, self.password = server, person.username, person.email, PASSWORD
        self.last_step = 0
        self.token = None
        self.token = self.call(
            "POST", "/accounts", username=self.username, email=self.email, password=PASSWORD)["session"]["token"]
        (proof,) = self.call("GET", "/security-info")["proofs"]
        self.call("POST", f"/security-info/email/{proof['id']}/confirm", code=server.issued_code(self.email))
        if two_step:
            app = self.call("POST", "/security-info/totp", name="My phone")
            self.app, self.secret = app["id"], app["secret"]
            self.call("POST", f"/security-info/totp/{self.app}/confirm", code=self.totp())
            self.call("PUT", "/two-step", enabled=True)
            self.step_up()
        self.code = self.call("POST", "/recovery-code")["code"]

    def call(self, method, path, **body):
        answer = requests.request(
            method, f"{self.server.url}/api/v1{path}", json=body or None,
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {}, timeout=30)
        assert answer.ok, f"{method} {path}: {answer.text}"
        return answer.json() if answer.content else None

    def totp(self):
        """RFC 6238. Each step is accepted once; a test that needs more forgets on the server which was used."""
        now = int(time.time()) // 30
        # Near its end a step may be over before the server looks, and the one before it too old.
        step = max(now - 1 if time.time() % 30 < 22 else now, self.last_step + 1)
        if step > now + 1:
            with sqlite3.connect(self.server.folder / "sparekey.sqlite", timeout=10) as database:
                database.execute("UPDATE authenticator_apps SET last_step = 0 WHERE id = ?", [self.app])
            step = now
        self.last_step = step
        mac = hmac.new(base64.b32decode(self.secret), struct.pack(">Q", step), hashlib.sha1).digest()
        place = mac[-1] & 15
        return f"{(struct.unpack('>I', mac[place:place + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"

    def step_up(self):
        """A full sign-in at the account's own level, fresh for some minutes."""
        self.token = self.call("POST", "/step-up", password=self.password, totp=self.totp())["token"]

    def sit_down_at(self, visitor):
        """The visitor's browser is signed in as this owner."""
        self.step_up()
        visitor.page.context.add_cookies(
            [{"name": "sparekey-session", "value": self.token, "url": self.server.url}])

    def notices(self, subject):
        """Once there is one with that subject, oldest first."""
        self.server.expect_mail(self.email, subject)
        return [mail for mail in self.server.mails(self.email) if mail["Subject"] == subject]


def at(server, visitor):
    visitor.server = server
    return visitor


def open_weighing(visitor, owner):
    """The recovery code alone: the page that weighs it."""
    visitor.open_code_page(owner.username)
    visitor.enter_code(owner.code)


def claim(visitor, owner, contact=None, password=None):
    """Waits, and comes to the ticket. Returns it and the address of the status page."""
    open_weighing(visitor, owner)
    visitor.page.get_by_role("button", name=re.compile("^Wait ")).click()
    visitor.sees("Choose a new password")
    visitor.type("New password", password or f"basil harbour {secrets.token_hex(6)}")
    if contact:
        visitor.page.locator("input[name=contact]").fill(contact)
    visitor.page.get_by_role("button", name=re.compile("^Set this password in ")).click()
    expect(visitor.page.get_by_role("heading", name="Claim ticket")).to_be_visible()
    return ticket_on_page(visitor), visitor.page.get_by_role("link", name="See how it stands").get_attribute("href")


def ticket_on_page(visitor):
    ticket = "-".join(visitor.page.locator(".groups li").all_inner_texts())
    assert re.fullmatch(TICKET, ticket), ticket
    return ticket


def fact(visitor, name):
    return visitor.page.locator("main dl div", has_text=name).first.locator("dd").inner_text()


def show_ticket(visitor, path, ticket):
    visitor.open(path)
    visitor.sees("How does my recovery stand?")
    visitor.type("Claim ticket", ticket)
    visitor.press("Show")


def stop_link(mail):
    return re.search(r"http\S+(/stop/[A-Za-z0-9_-]+)", mail.get_content())[1]


STARTED = "Someone is recovering your account: it takes effect in 30 days"


# --- Every page, as everyone meets it (Q1) ------------------------------------------------------------


def tour(visitor, arrive_beside, server):
    """Walks through every page of the hold and stops at each, giving its name and who looks."""
    page = visitor.page
    owner = Owner(server)
    visitor.open("/help/recovery-policy")
    yield "policy", visitor

    visitor.begin_sign_in(owner.username)
    visitor.press("Forgot password?")
    visitor.press("Use a different verification option")
    visitor.sees("How would you like to verify that it's you?")
    yield "options", visitor
    visitor.follow("Use a passkey")
    visitor.sees("Use a passkey")
    yield "passkey", visitor
    visitor.press("Use a different verification option")
    visitor.follow("Use my authenticator app")
    visitor.sees("Use your authenticator app")
    visitor.type("Six-digit code", "000000")
    visitor.press("Continue")
    visitor.reads("This code is not right, or was used already.")
    yield "authenticator-app-wrong", visitor
    visitor.press("Use a different verification option")
    visitor.follow("Enter my password")
    visitor.type("Password", "not the password at all")
    visitor.press("Continue")
    visitor.reads("This password is not right.")
    yield "password-wrong", visitor

    open_weighing(visitor, owner)
    visitor.sees("This takes 30 days")
    yield "weighing", visitor
    visitor.press("Wait 30 days")
    visitor.sees("Choose a new password")
    page.locator("input[name=contact]").fill("nobody")
    visitor.type("New password", f"basil harbour {secrets.token_hex(6)}")
    visitor.press("Set this password in 30 days")
    visitor.reads("This is neither an email nor a phone number.")
    expect(page.locator("input[name=contact]")).to_have_value("nobody")
    yield "new-password-held", visitor
    ticket, status = claim(visitor, owner, contact="+49 171 1234567")
    yield "ticket", visitor
    visitor.open(status)
    yield "status-ticket", visitor
    visitor.type("Claim ticket", "AAAA-BBBB-CCCC-DDDD-EEEE")
    visitor.press("Show")
    visitor.reads("This ticket doesn't belong here.")
    yield "status-wrong-ticket", visitor
    show_ticket(visitor, status, ticket)
    visitor.sees("Your recovery is waiting")
    yield "status-running", visitor

    open_weighing(visitor, owner)
    visitor.sees("A recovery is waiting already")
    yield "weighing-running", visitor

    stranger = arrive_beside()
    stranger.open("/stop/no-such-link")
    stranger.sees("This link does not work")
    yield "stop-wrong-link", stranger
    link = stop_link(owner.notices(STARTED)[0])
    stranger.open(link)
    stranger.sees("Is this yours?")
    yield "stop", stranger
    stranger.press("Not me: pause it")
    stranger.sees("It is paused")
    yield "stop-paused", stranger
    show_ticket(visitor, status, ticket)
    visitor.sees("Your recovery is paused")
    yield "status-paused", visitor

    owner.sit_down_at(stranger)
    stranger.open(status)
    stranger.sees("A recovery of your account is paused")
    yield "owner-paused", stranger
    stranger.press("Stop this recovery")
    stranger.sees("This recovery is stopped")
    yield "owner-stopped", stranger
    show_ticket(visitor, status, ticket)
    visitor.sees("Your recovery was stopped")
    yield "status-stopped", visitor
    stranger.open(link)
    stranger.sees("It is stopped")
    yield "stop-over", stranger

    # Nothing that opens the account alone: the password of one without two-step verification.
    simple = Owner(server, two_step=False)
    visitor.open("/recover")
    visitor.open("/sign-in")
    visitor.begin_sign_in(simple.username)
    visitor.press("Forgot password?")
    visitor.press("Use a different verification option")
    visitor.follow("Enter my password")
    visitor.type("Password", PASSWORD)
    visitor.press("Continue")
    visitor.sees("This is not enough yet")
    yield "weighing-not-enough", visitor

    # Two things open a two-step account at once.
    both = Owner(server)
    open_weighing(visitor, both)
    visitor.follow("Enter my password")
    visitor.type("Password", PASSWORD)
    visitor.press("Continue")
    visitor.sees("Choose a new password")
    visitor.reads("Keep my password")
    yield "new-password-now", visitor
    visitor.press("Keep my password")
    visitor.sees("Your password is changed")
    yield "done-two-step", visitor


@pytest.mark.parametrize("screen, color_scheme", LOOKS)
def test_q1_every_page_of_the_hold_is_without_barriers(arrive, later, screen, color_scheme):
    visitor = at(later, arrive(screen, color_scheme))
    problems = []
    for name, who in tour(visitor, lambda: at(later, arrive(screen, color_scheme)), later):
        who.screenshot(f"hold-{name}-{screen}-{color_scheme}")
        problems += [f"{name}: {barrier}" for barrier in who.barriers()]
    assert not problems, "\n\n".join(problems)


def test_q1_every_page_of_the_hold_works_without_javascript(arrive, later):
    visitor = at(later, arrive("phone", javascript=False))
    for name, who in tour(visitor, lambda: at(later, arrive("phone", javascript=False)), later):
        for button in who.page.locator("button[type=button]").all():
            assert not button.is_visible(), name


def test_c5_the_ticket_prints_on_one_page(visitor, later, tmp_path):
    """Q1: with everything one needs in a month, and nothing else."""
    owner = Owner(later)
    ticket, status = claim(at(later, visitor), owner)
    paper = tmp_path / "ticket.pdf"
    visitor.page.pdf(path=paper, format="A4", prefer_css_page_size=False)
    pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert pages == 1
    visitor.page.emulate_media(media="print")
    for needed in (*ticket.split("-"), "Claim number", "Takes effect", later.url + status):
        expect(visitor.page.locator(".sheet").get_by_text(needed).first).to_be_visible()
    expect(visitor.page.get_by_role("heading", name="Until then")).to_be_hidden()
    visitor.screenshot("hold-ticket-print")


# --- H: the hold --------------------------------------------------------------------------------------


def test_h2_h5_h6_h11_a_whole_hold(arrive, soon):
    """Claim, ticket, notices, the link in them, pause, resume, the end: on the built program, within seconds."""
    owner = Owner(soon)
    claimant = at(soon, arrive("phone"))
    open_weighing(claimant, owner)
    claimant.sees(f"This takes {PERIOD} seconds")
    new_password = "marble quiet lantern ridge"
    ticket, status = claim(claimant, owner, password=new_password)
    number = fact(claimant, "Claim number")
    end = claimant.page.locator(".sheet time").nth(1).get_attribute("datetime")
    # H5: the same page again shows the same ticket.
    claimant.page.reload()
    assert ticket_on_page(claimant) == ticket
    # H6: what, when, from where, what follows, how to stop it.
    (told,) = owner.notices(f"Someone is recovering your account: it takes effect in {PERIOD} seconds")
    text = told.get_content()
    for needed in (number, "Started: ", "From: ", "127.0.0.1", "Takes effect: ", "everything that is signed in"):
        assert needed in text, needed
    # T23: looking changes nothing, however it is done.
    link = stop_link(told)
    for method in ("GET", "HEAD"):
        with urllib.request.urlopen(urllib.request.Request(soon.url + link, method=method)) as answer:
            assert answer.status == 200
    show_ticket(claimant, status, ticket)
    claimant.sees("Your recovery is waiting")
    # H7: the button pauses, without signing in.
    someone = at(soon, arrive())
    someone.open(link)
    assert fact(someone, "Claim number") == number
    someone.press("Not me: pause it")
    someone.sees("It is paused")
    owner.notices("A recovery of your account is paused")
    show_ticket(claimant, status, ticket.lower().replace("-", " "))
    claimant.sees("Your recovery is paused")
    # H9: whoever objected takes it back.
    someone.press("It was me, let it go on")
    someone.sees("Is this yours?")
    owner.notices("A recovery of your account goes on")
    # H11: the clock completes it; the end is where it always was.
    deadline = time.monotonic() + PERIOD + 20
    while True:
        show_ticket(claimant, status, ticket)
        if claimant.page.get_by_role("heading", name="Your recovery has taken effect").is_visible():
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert end in [time.get_attribute("datetime") for time in claimant.page.locator("time").all()]
    owner.notices("A recovery of your account has taken effect")
    # The new password asks for a second step; the old one is nothing any more.
    for password, opens in ((owner.password, False), (new_password, True)):
        journey = requests.post(f"{soon.url}/api/v1/sign-in", json={"username": owner.username}).json()["journey"]
        answer = requests.post(
            f"{soon.url}/api/v1/sign-in/password", json={"journey": journey, "password": password})
        assert answer.ok == opens, answer.text
    someone.open(link)
    someone.sees("It has taken effect already")


def test_h5_who_forgot_the_password_meanwhile_chooses_again(visitor, soon):
    """Ticket and a code to the contact that was given with the claim; never before the end."""
    owner = Owner(soon)
    contact = f"other-{owner.email}"
    ticket, status = claim(at(soon, visitor), owner, contact=contact)
    visitor.open(f"{status}/choose-again")
    visitor.type("Claim ticket", ticket)
    visitor.press("Send the code")
    visitor.sees("This can't be done here")
    deadline = time.monotonic() + PERIOD + 20
    while True:
        show_ticket(visitor, status, ticket)
        if visitor.page.get_by_role("link", name="I forgot the new password").is_visible():
            break
        assert time.monotonic() < deadline
        time.sleep(0.5)
    visitor.follow("I forgot the new password")
    visitor.type("Claim ticket", "AAAA-AAAA-AAAA-AAAA-AAAA")
    visitor.press("Send the code")
    visitor.reads("This ticket doesn't belong here.")
    visitor.type("Claim ticket", ticket)
    visitor.press("Send the code")
    visitor.reads("We sent a code to ")
    visitor.finds_no_barrier()
    visitor.screenshot("hold-choose-again")
    code = soon.issued_code(contact)
    visitor.type("Six-digit code", code)
    visitor.type("New password", "short")
    visitor.press("Change the password")
    visitor.reads("This password is too short")
    visitor.type("Six-digit code", code)
    visitor.type("New password", "cedar quiet lantern ridge")
    visitor.press("Change the password")
    visitor.reads("Your password is changed.")


def test_h4_showing_more_opens_at_once(visitor, later):
    """With the code alone 30 days; with the authenticator app it is done now, signed in, and the factors are next."""
    owner = Owner(later)
    open_weighing(at(later, visitor), owner)
    visitor.sees("This takes 30 days")
    visitor.reads(
        "With your password, your authenticator app, a passkey or a code sent to your email or phone it is done now.")
    visitor.follow("Use my authenticator app")
    visitor.type("Six-digit code", owner.totp())
    visitor.press("Continue")
    visitor.sees("Choose a new password")
    visitor.reads("Authenticator app accepted")
    visitor.type("New password", f"basil harbour {secrets.token_hex(6)}")
    visitor.press("Change the password")
    visitor.sees("Your password is changed")
    assert visitor.code_on_sheet() != owner.code
    assert "sparekey-session" in {cookie["name"] for cookie in visitor.page.context.cookies()}
    expect(visitor.page.get_by_role("link", name="Next: check your second factors")).to_have_attribute(
        "href", "/account/factors")


def test_h4_a_mailbox_alone_waits_and_says_what_is_faster(visitor, later):
    """Row 7; with the password beside it 7 days (row 5); the recovery code opens at once (row 3)."""
    owner = Owner(later)
    at(later, visitor).begin_sign_in(owner.username)
    visitor.press("Forgot password?")
    sent = len([mail for mail in later.mails(owner.email) if re.match(r"\d{6}", mail["Subject"])])
    visitor.press("Get code")
    visitor.type("Six-digit code", later.issued_code(owner.email, after=sent))
    visitor.press("Continue")
    visitor.sees("This takes 30 days")
    visitor.reads("With your recovery code, a passkey or your authenticator app it is done now.")
    visitor.follow("Enter my password")
    visitor.type("Password", PASSWORD)
    visitor.press("Continue")
    visitor.sees("This takes 7 days")
    visitor.press("Use a recovery code")
    visitor.sees("Do you have an account recovery code?")
    visitor.press("Use a different verification option")
    visitor.sees("This takes 7 days")
    visitor.press("Use a recovery code")
    visitor.enter_code(owner.code)
    visitor.sees("Choose a new password")
    visitor.reads("Change the password")


def test_h5_h9_a_second_claim_may_show_its_ticket_or_object(arrive, later):
    owner = Owner(later)
    claimant = at(later, arrive())
    ticket, status = claim(claimant, owner)
    number = fact(claimant, "Claim number")
    open_weighing(claimant, owner)
    claimant.sees("A recovery is waiting already")
    claimant.reads(f"claim {number}")
    assert claimant.page.get_by_role("button", name=re.compile("^Wait ")).count() == 0
    claimant.type("Claim ticket", ticket)
    claimant.press("Show my recovery")
    claimant.sees("Your recovery is waiting")

    other = at(later, arrive())
    open_weighing(other, owner)
    other.press("Object to this recovery")
    other.reads("You objected. That recovery is paused, and everyone was told.")
    assert other.page.get_by_role("button", name="Object to this recovery").count() == 0
    owner.notices("A recovery of your account is paused")
    show_ticket(claimant, status, ticket)
    claimant.sees("Your recovery is paused")


def test_h5_the_same_ticket_with_more_evidence_ends_the_wait(visitor, later):
    owner = Owner(later)
    ticket, status = claim(at(later, visitor), owner)
    open_weighing(visitor, owner)
    visitor.follow("Enter my password")
    visitor.type("Password", PASSWORD)
    visitor.press("Continue")
    visitor.sees("Choose a new password")
    visitor.reads("is waiting already. What you do here ends it.")
    visitor.type("New password", f"basil harbour {secrets.token_hex(6)}")
    visitor.page.locator("input[name=ticket]").fill(ticket)
    visitor.press("Change the password")
    visitor.sees("Your password is changed")
    show_ticket(visitor, status, ticket)
    visitor.sees("Your recovery was stopped")


def test_h7_the_owner_stops_it_and_is_led_on(arrive, later):
    owner = Owner(later)
    claimant = at(later, arrive())
    ticket, status = claim(claimant, owner)
    someone = at(later, arrive())
    owner.sit_down_at(someone)
    someone.open(status)
    someone.sees("Someone is recovering your account")
    someone.press("Stop this recovery")
    someone.reads("It is stopped.")
    expect(someone.page.get_by_role("link", name="Replace your recovery code")).to_have_attribute(
        "href", "/account/recovery-code")
    expect(someone.page.get_by_role("link", name="Look through recent activity")).to_have_attribute(
        "href", "/account/activity")
    owner.notices("A recovery of your account was stopped")
    show_ticket(claimant, status, ticket)
    claimant.sees("Your recovery was stopped")
    # T19: what was shown starts no other hold for a while; the code is used up.
    claimant.open_code_page(owner.username)
    claimant.enter_code(owner.code)
    claimant.reads("This code was used on")


def test_h7_nobody_else_sees_it(arrive, later):
    """Another account's session, no ticket, a made-up ticket: the same page as for a hold that does not exist."""
    owner, other = Owner(later), Owner(later)
    ticket, status = claim(at(later, arrive()), owner)
    stranger = at(later, arrive())
    other.sit_down_at(stranger)
    texts = []
    for path in (status, status[:-3] + "zzz"):
        stranger.open(path)
        stranger.sees("How does my recovery stand?")
        stranger.type("Claim ticket", "AAAA-BBBB-CCCC-DDDD-EEEE")
        stranger.press("Show")
        stranger.reads("This ticket doesn't belong here.")
        texts.append(stranger.page.locator("main").inner_text())
    assert texts[0] == texts[1]
    assert ticket not in stranger.page.url


def test_s6_the_other_evidence_looks_the_same_for_unknown_names(arrive, later):
    owner = Owner(later)
    seen = []
    for name in (owner.username, Visitor.new_person().username):
        visitor = at(later, arrive())
        visitor.begin_sign_in(name)
        visitor.press("Forgot password?")
        visitor.press("Use a different verification option")
        pages = []
        for way, label, wrong in (
            ("Enter my password", "Password", "not the password at all"),
            ("Use my authenticator app", "Six-digit code", "000000"),
        ):
            visitor.follow(way)
            visitor.type(label, wrong)
            visitor.press("Continue")
            visitor.reads("is not right")
            pages.append(visitor.page.locator("main").inner_text().replace(name, "NAME"))
            visitor.press("Use a different verification option")
        visitor.follow("Use a passkey")
        pages.append(visitor.page.locator("main").inner_text().replace(name, "NAME"))
        options = visitor.page.locator("form[data-passkey]").get_attribute("data-options")
        pages.append(re.sub(r'"challenge":"[^"]*"', "", options))
        seen.append(pages)
    assert seen[0] == seen[1]


def test_h5_the_end_is_shown_in_local_time_too(browser, later):
    owner = Owner(later)
    context = browser.new_context(timezone_id="Asia/Tokyo", locale="en-GB")
    visitor = Visitor(later, context.new_page())
    claim(visitor, owner)
    texts = visitor.page.locator(".sheet .local").all_inner_texts()
    assert len(texts) == 2 and all("where you are" in text for text in texts), texts
    context.close()


def test_h3_learn_more_leads_to_the_table(visitor, later):
    owner = Owner(later)
    open_weighing(at(later, visitor), owner)
    visitor.follow("Learn more")
    visitor.sees("What opens an account, and how fast")
    row = visitor.page.locator("tr", has=visitor.page.get_by_role("rowheader", name="6", exact=True))
    expect(row).to_contain_text("held 30 days")
