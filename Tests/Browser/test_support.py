"""G3, G4: someone who lost everything and two agents of support, walked in browsers. Each stop is looked at by axe, and
leaves a picture in `screenshots/support-*.png`."""

import contextlib
import re
import sqlite3
import subprocess
import time

import pytest
from conftest import BINARY, clean_environment
from devices import APP_CODE
from playwright.sync_api import expect

# Long enough to press every button while it runs, on a busy machine too.
PERIOD = 20
TICKET = r"([0-9A-HJKMNP-TV-Z]{4}-){4}[0-9A-HJKMNP-TV-Z]{4}"
NUMBER = r"[0-9A-HJKMNP-TV-Z]{3}-[0-9A-HJKMNP-TV-Z]{3}"


@pytest.fixture(scope="module")
def server(start_server):
    """Recoveries end within a minute."""
    return start_server("--set", f"hold-period={PERIOD}s")


def make_agent(visitor):
    """Signs up, turns on two-step verification, gets the role from the operator, and proves to be there."""
    person = visitor.sign_up()
    app = visitor.turn_on_two_step()
    made = subprocess.run(
        [BINARY, "agent", "add", "--username", person.username, "--data", visitor.server.folder],
        env=clean_environment(), capture_output=True, text=True, timeout=60)
    assert made.returncode == 0, made.stderr
    visitor.open("/support")
    # The session is from before two-step verification.
    visitor.sees("Please prove it's you")
    visitor.reads("Then you can act on accounts.")
    visitor.type("Password", person.password)
    visitor.type(APP_CODE, app.code())
    visitor.press("Continue")
    visitor.sees("Support")
    visitor.person = person
    return visitor


def write(visitor, email, username, words="My bag was stolen: phone, keys and the sheet."):
    visitor.type("What happened?", words)
    visitor.page.locator("input[name=username]").fill(username)
    visitor.page.locator("input[name=email]").fill(email)
    visitor.press("Next: confirm the email")
    visitor.sees("Confirm your email")


def journey(owner, person, ada, ben):
    """The whole of it; gives who is looking, and at what."""
    server, page = person.server, person.page
    email = f"{owner.username}.new@elsewhere.example"
    person.open("/help/support")
    yield person, "contact"
    page.get_by_label("I lost everything I could prove myself with").check()
    page.get_by_label("My username").check()
    person.press("Show me what helps")
    person.sees("What helps")
    person.reads("faster than support")
    yield person, "ways"
    person.follow("Describe the problem")
    person.sees("Describe the problem")
    yield person, "describe"
    page.locator("textarea").fill("x" * 1_201)
    page.locator("input[name=email]").fill("someone@nowhere")
    person.press("Next: confirm the email")
    expect(page.locator("[aria-invalid=true]").first).to_be_visible()
    yield person, "describe-wrong"
    write(person, email, owner.username)
    yield person, "confirm"
    person.type("Six-digit code", "12")
    person.press("Send it to support")
    person.reads("The code has six digits.")
    yield person, "confirm-wrong"
    person.press("Send it again")
    person.reads("Only the newest one works.")
    person.type("Six-digit code", server.issued_code(email, after=1))
    person.press("Send it to support")
    person.sees("We have your message")
    ticket = "-".join(page.locator(".groups li").all_inner_texts())
    assert re.fullmatch(TICKET, ticket), ticket
    number = page.locator(".sheet-facts dd").first.inner_text()
    assert re.fullmatch(NUMBER, number), number
    yield person, "opened"
    person.follow("See your case")
    yield person, "ticket"
    person.type("Case ticket", "AAAA-AAAA-AAAA-AAAA-AAAA")
    person.press("Show")
    person.reads("doesn't belong to this case")
    yield person, "ticket-wrong"
    person.type("Case ticket", ticket.lower())
    person.press("Show")
    person.sees("Your case")
    person.reads("A person will look at it.")
    yield person, "case"
    person.type("Your message", 'It was <b>yesterday</b>: <a href="http://phish.example">look</a>')
    person.press("Send")
    person.reads("It is added.")

    ada.open("/support")
    ada.sees("Support")
    yield ada, "console"
    ada.page.get_by_role("link", name=re.compile(number)).first.click()
    ada.sees(f"Case number {number}")
    # T17: what was written is text.
    ada.reads('<a href="http://phish.example">')
    assert ada.page.locator("a[href*=phish]").count() == 0
    yield ada, "case-file"
    ada.press("Take it")
    ada.reads("It is done.")
    ada.type("Your words", "We are sorry. Is there really no old mailbox?")
    ada.press("Send as a question, and wait")
    ada.reads("Waiting for the person")
    server.expect_mail(email, f"Case {number}: we have a question")
    yield ada, "case-file-asked"
    ada.follow("Look at the account")
    ada.sees("How the account stands")
    assert owner.email not in ada.page.content()
    yield ada, "account"
    ada.page.get_by_label("Reason").fill("Answered in the case: really nothing left")
    ada.press("Ask for a recovery")
    ada.reads("It is asked for, and the owner is told.")
    server.expect_mail(owner.email, "Support was asked to recover your account")
    ada.open("/support")
    assert ada.page.get_by_role("button", name=f"Agree: start it {owner.username}").count() == 0
    yield ada, "console-own-request"

    ben.open("/support")
    yield ben, "console-request"
    ben.page.get_by_role("button", name=f"Agree: start it {owner.username}").click()
    ben.reads("The recovery was started.")
    server.expect_mail(email, f"Case {number}: a recovery was started for you")
    yield ben, "approved"

    person.open("/help/support")
    person.type("Case number", number.lower().replace("-", ""))
    person.press("Open the case")
    person.type("Case ticket", ticket)
    person.press("Show")
    person.reads("A recovery was started for you")
    yield person, "case-hold"
    person.follow("See how it stands")
    person.type("Claim ticket", ticket)
    person.press("Show")
    person.reads("with a code sent to your email")
    yield person, "hold"
    deadline = time.monotonic() + PERIOD + 30
    while page.locator("h1").inner_text() != "Your recovery has taken effect":
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        time.sleep(1)
        person.open(page.url.removeprefix(server.url))
        person.type("Claim ticket", ticket)
        person.press("Show")
    yield person, "hold-done"
    person.follow("Choose a new password")
    person.type("Claim ticket", ticket)
    codes = len([mail for mail in server.mails(email) if re.match(r"\d{6}", mail["Subject"])])
    person.press("Send the code")
    person.reads("We sent a code to")
    person.type("Six-digit code", server.issued_code(email, after=codes))
    person.type("New password", "lantern quiet marble ridge")
    person.press("Change the password")
    owner.password = "lantern quiet marble ridge"
    person.sign_in(owner)
    ada.open(f"/support/cases/{number}")
    ada.press("Close it")
    ada.reads("Closed")
    yield ada, "case-file-closed"


@pytest.mark.parametrize("screen, color_scheme, javascript", [
    ("desktop", "light", True), ("phone", "dark", True), ("phone", "light", False)])
def test_g3_g4_q1_someone_who_lost_everything_and_two_agents(arrive, screen, color_scheme, javascript):
    owner = arrive().sign_up()
    ada, ben = (make_agent(arrive(screen, color_scheme, javascript)) for _ in range(2))
    problems = []
    for visitor, name in journey(owner, arrive(screen, color_scheme, javascript), ada, ben):
        visitor.screenshot(f"support-{name}-{screen}-{color_scheme}{'' if javascript else '-plain'}")
        if not javascript:
            # The wait after it was walked with scripts; its pages are those of every recovery.
            if name == "hold":
                break
            for button in visitor.page.locator("button[type=button]").all():
                assert not button.is_visible(), name
            continue
        problems += [f"{name}: {barrier}" for barrier in visitor.barriers()]
    assert not problems, "\n\n".join(problems)


def test_q5_nothing_typed_is_lost_when_the_proof_grows_old(arrive, server):
    """After five minutes an act is refused, and the reason stays in its field."""
    ada = make_agent(arrive())
    owner = arrive().sign_up()
    ada.open(f"/support/account?username={owner.username}")
    ada.page.get_by_label("Reason").fill("A long and careful reason")
    age_sessions(server)
    ada.press("Freeze the account")
    ada.reads("More than five minutes have passed.")
    expect(ada.page.get_by_label("Reason")).to_have_value("A long and careful reason")
    ada.finds_no_barrier()
    ada.screenshot("support-account-stale-desktop-light")


def age_sessions(server):
    with contextlib.closing(sqlite3.connect(server.folder / "sparekey.sqlite", timeout=10)) as database, database:
        database.execute("UPDATE sessions SET proved_at = proved_at - 600000")


def test_g3_every_way_from_the_first_page_leads_somewhere(visitor):
    visitor.open("/help/support")
    visitor.page.get_by_label("Something else").check()
    visitor.press("Show me what helps")
    visitor.sees("Describe the problem")
    visitor.open("/help/support")
    visitor.page.get_by_label("I can't sign in").check()
    for label in ("My username", "My printed recovery code", "A claim ticket of a recovery that waits"):
        visitor.page.get_by_label(label).check()
    visitor.press("Show me what helps")
    visitor.reads("printed on the ticket")
    visitor.follow("Get back into your account")
    visitor.sees("Get back into your account")
    visitor.open("/help/support?case=12")
    visitor.reads("A case number has six letters and digits")
    visitor.finds_no_barrier()
