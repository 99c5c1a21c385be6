"""An app in Swift that signs people in through Sparekey (A4): the built `notes` beside the built `sparekey`, both as
`make example` starts them."""

import json
import os
import re
import socket
import stat
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest
from conftest import BINARY, LOOKS, ROOT, clean_environment
from playwright.sync_api import expect

NOTES = BINARY.parent / "notes"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def is_up(url):
    try:
        with urllib.request.urlopen(url, timeout=1):
            return True
    except OSError:
        return False


def wait_until_up(url, process, log):
    deadline = time.monotonic() + 30
    while not is_up(url):
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


class Notes:
    """The app, registered and running."""

    def __init__(self, server, folder):
        port = free_port()
        self.url = f"http://localhost:{port}"
        registered = folder / "client.json"
        made = subprocess.run(
            [BINARY, "client", "create", "--name", "Notes", "--redirect-uri", f"{self.url}/auth/callback",
             "--post-logout-uri", f"{self.url}/", "--back-channel-logout-uri", f"{self.url}/auth/signed-out", "--json",
             "--data", server.folder],
            capture_output=True, text=True, env=clean_environment(), timeout=60, check=True)
        registered.write_text(made.stdout)
        self.log = folder / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [NOTES], stdout=log, stderr=log, env=clean_environment() | {
                    "NOTES_PORT": str(port), "NOTES_ISSUER": server.url, "NOTES_CLIENT": str(registered)})
        wait_until_up(self.url, self.process, self.log)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture(scope="module")
def notes(server, tmp_path_factory):
    app = Notes(server, tmp_path_factory.mktemp("notes"))
    yield app
    app.stop()


def sign_in(visitor, person):
    """At Sparekey, on the way from the app."""
    visitor.reads("Sign in to go on to Notes.")
    visitor.type("Username", person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")


def is_at(visitor, notes, place="/notes"):
    expect(visitor.page).to_have_url(notes.url + place)
    expect(visitor.page.get_by_role("heading", name="My notes")).to_be_visible()


def keep(visitor, text):
    visitor.page.get_by_label("New note").fill(text)
    visitor.press("Keep it")


def is_out_soon(visitor, notes):
    """What Sparekey tells the app takes a moment."""
    deadline = time.monotonic() + 15
    while visitor.page.goto(f"{notes.url}/notes") and visitor.page.url.startswith(notes.url):
        assert time.monotonic() < deadline, notes.log.read_text()
        time.sleep(0.2)
    assert "/sign-in" in visitor.page.url


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a4_a_protected_page_leads_to_sparekey_and_back_to_itself(arrive, server, notes, javascript):
    person = arrive().sign_up()
    visitor = arrive(javascript=javascript)
    visitor.page.goto(f"{notes.url}/notes?from=here")
    sign_in(visitor, person)
    visitor.sees("Go on to this app?")
    visitor.press("Allow")
    is_at(visitor, notes, "/notes?from=here")
    # D4: the owner is told.
    server.expect_mail(person.email, "An app was allowed")

    keep(visitor, "Buy <b>bread</b> & 'butter'")
    is_at(visitor, notes)
    expect(visitor.page.locator("li p")).to_have_text("Buy <b>bread</b> & 'butter'")
    expect(visitor.page.get_by_text(f"Signed in as {person.username}")).to_be_visible()
    # The next visit asks nothing, and nobody else sees the note.
    other = arrive()
    other_person = other.sign_up()
    other.page.goto(f"{notes.url}/notes")
    other.press("Allow")
    is_at(other, notes)
    expect(other.page.locator("li")).to_have_count(0)
    assert other_person.username != person.username
    visitor.page.get_by_role("button", name="Remove").click()
    expect(visitor.page.get_by_text("Nothing here yet.")).to_be_visible()


def test_a4_signing_out_in_the_app_signs_out_of_both_and_comes_back(arrive, notes):
    visitor = arrive()
    visitor.sign_up()
    visitor.page.goto(f"{notes.url}/notes")
    visitor.press("Allow")
    is_at(visitor, notes)
    visitor.press("Sign out")
    expect(visitor.page).to_have_url(f"{notes.url}/")
    visitor.open("/account/security")
    visitor.sees("Sign in")
    visitor.page.goto(f"{notes.url}/notes")
    visitor.reads("Sign in to go on to Notes.")


def test_a4_an_answer_of_another_browser_or_from_long_ago_signs_nobody_in(arrive, notes):
    victim, attacker = arrive(), arrive()
    attacker.sign_up()
    sent = []
    attacker.page.on("response", lambda answer: sent.append(answer.headers.get("location", "")))
    attacker.page.goto(f"{notes.url}/notes")
    attacker.press("Allow")
    is_at(attacker, notes)
    callback = next(address for address in sent if address.startswith(f"{notes.url}/auth/callback?"))
    # The attacker's own answer in someone else's browser: it would keep notes in the attacker's account.
    answer = victim.page.goto(callback)
    assert answer.status == 400
    expect(victim.page.get_by_role("heading", name="Not signed in")).to_be_visible()
    victim.finds_no_barrier()
    victim.screenshot("notes-not-signed-in")
    victim.page.goto(f"{notes.url}/notes")
    victim.reads("Sign in to go on to Notes.")
    # In the browser it was for, once more: it is spent, and does no harm.
    attacker.page.goto(callback)
    expect(attacker.page).to_have_url(f"{notes.url}/")
    victim.page.goto(f"{notes.url}/auth/callback?code=x&state=" + "A" * 43)
    expect(victim.page.get_by_role("heading", name="Not signed in")).to_be_visible()


def test_s7_signing_out_everywhere_at_sparekey_ends_the_app_s_session(arrive, notes):
    visitor = arrive()
    person = visitor.sign_up()
    visitor.page.goto(f"{notes.url}/notes")
    visitor.press("Allow")
    is_at(visitor, notes)
    elsewhere = arrive()
    elsewhere.open("/sign-in")
    elsewhere.sign_in(person)
    elsewhere.open("/account/security")
    elsewhere.press("Sign out everywhere")
    is_out_soon(visitor, notes)
    sign_in(visitor, person)
    is_at(visitor, notes)


def test_s7_after_a_recovery_by_code_the_app_s_session_is_gone_and_the_new_one_is_told_apart(arrive, notes):
    visitor = arrive()
    person = visitor.sign_up()
    code = visitor.generate()
    visitor.page.goto(f"{notes.url}/notes")
    visitor.press("Allow")
    is_at(visitor, notes)
    keep(visitor, "Still mine")

    claimant = arrive()
    claimant.open_code_page(person.username)
    claimant.enter_code(code)
    claimant.choose_password(person)
    claimant.sees("Your password is changed")
    is_out_soon(visitor, notes)
    sign_in(visitor, person)
    is_at(visitor, notes)
    expect(visitor.page.get_by_text("Still mine")).to_be_visible()


@pytest.mark.parametrize("screen, scheme", LOOKS)
def test_q1_the_example_is_for_everyone(arrive, notes, screen, scheme):
    visitor = arrive(screen=screen, color_scheme=scheme)

    def stop(name):
        visitor.finds_no_barrier()
        visitor.screenshot(f"{name}-{screen}")

    visitor.sign_up()
    visitor.page.goto(notes.url)
    stop("notes-home")
    visitor.page.get_by_role("link", name="My notes").click()
    visitor.press("Allow")
    is_at(visitor, notes)
    stop("notes-none")
    keep(visitor, "Water the plants")
    keep(visitor, "Call Ada about Saturday")
    expect(visitor.page.locator("li")).to_have_count(2)
    stop("notes")
    keep(visitor, "averylongword" * 12)
    expect(visitor.page.locator("li")).to_have_count(3)
    stop("notes-long")


def test_a4_make_example_starts_both_keeps_the_secret_off_the_screen_and_stops_both(tmp_path):
    ports = [free_port(), free_port()]
    environment = clean_environment() | {
        "DATA": str(tmp_path / "data"), "PORT": str(ports[0]), "NOTES_PORT": str(ports[1])}
    log = tmp_path / "log"
    secrets = []
    for _ in range(2):
        with log.open("wb") as output:
            process = subprocess.Popen(
                [ROOT / "scripts/run-example"], stdout=output, stderr=output, env=environment, start_new_session=True)
        deadline = time.monotonic() + 60
        while "Stop both with Ctrl-C." not in log.read_text():
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        file = tmp_path / "data/notes-client.json"
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        secrets.append(json.loads(file.read_text())["secret"])
        assert secrets[-1] not in log.read_text()
        assert is_up(f"http://localhost:{ports[0]}/healthz") and is_up(f"http://localhost:{ports[1]}/")
        process.terminate()
        process.wait(30)
        assert not is_up(f"http://localhost:{ports[0]}/healthz") and not is_up(f"http://localhost:{ports[1]}/")
    # The second start found the app registered.
    assert secrets[0] == secrets[1]
