"""A running Sparekey and a browser to use it with.

    pip install -r Tests/requirements.txt
    pytest Tests/Browser

`SPAREKEY_BINARY` names the program (otherwise the debug build), `CHROMIUM` the browser.
"""

import email
import email.policy
import itertools
import os
import re
import secrets
import socket
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from devices import APP_CODE, AuthenticatorApp
from playwright.sync_api import Error, Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SPAREKEY_BINARY", ROOT / ".build/debug/sparekey"))
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
SCREENSHOTS = ROOT / "screenshots"
NARROWEST = {"width": 320, "height": 700}
SCREENS = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}
# Colours do not depend on the screen, nor the room on the colours.
LOOKS = [("desktop", "light"), ("phone", "dark")]
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_numbers = itertools.count(1)
_run = secrets.token_hex(2)


def scan(picture):
    """What a QR code in this PNG says."""
    scanned = subprocess.run(
        ["zbarimg", "--raw", "--quiet", "-Sdisable", "-Sqrcode.enable", picture], capture_output=True, text=True)
    return scanned.stdout.removesuffix("\n")


def clean_environment():
    """The program refuses settings that it does not know, so the tests' own variables stay out."""
    return {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}


class Server:
    """One Sparekey of its own, with a data folder of its own."""

    def __init__(self, folder, *options):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = Path(folder)
        self.url = f"http://localhost:{self.port}"
        self.log_file = self.folder / "log"
        command = [BINARY, "serve", "--data", self.folder, "--port", str(self.port), "--set", "hash-cost=cheap"]
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen(
                [*command, *options], stdout=log, stderr=log, env=clean_environment())
        deadline = time.monotonic() + 30
        while not self._is_up():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("The server did not start:\n" + self.log)

    def _is_up(self):
        time.sleep(0.05)
        try:
            with urllib.request.urlopen(f"{self.url}/healthz", timeout=1) as answer:
                return answer.status == 200
        except OSError:
            return False

    @property
    def log(self):
        return self.log_file.read_text(errors="replace")

    def mails(self, address):
        """Everything sent to an address, oldest first."""
        # A name that begins with a dot is a letter half written.
        files = sorted((self.folder / "outbox").glob("[!.]*.eml"), key=lambda file: file.name)
        letters = [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]
        return [letter for letter in letters if letter["To"] == address]

    def issued_code(self, address, after=0):
        """The six digits of the newest letter that has some, once there are more than `after` such letters."""
        deadline = time.monotonic() + 10
        while True:
            codes = [found[0] for letter in self.mails(address) if (found := re.findall(r"^\d{6}", letter["Subject"]))]
            if len(codes) > after:
                return codes[-1]
            if time.monotonic() > deadline:
                raise AssertionError(f"No code came to {address}.")
            time.sleep(0.05)

    def text_message_code(self, number, after=0):
        """The six digits of the newest text message to a number, once there are more than `after`."""
        deadline = time.monotonic() + 10
        while True:
            messages = [file.read_text() for file in sorted((self.folder / "outbox").glob("[!.]*.sms"))]
            codes = [
                "".join(found.groups()) for text in messages
                if (found := re.match(rf"To: {re.escape(number)}\n\nYour code: (\d{{3}}) (\d{{3}})\.", text))]
            if len(codes) > after:
                return codes[-1]
            assert time.monotonic() < deadline, f"No code came to {number}."
            time.sleep(0.05)

    def expect_mail(self, address, subject):
        """Letters are sent soon after what they tell of."""
        deadline = time.monotonic() + 10
        while subject not in (subjects := [letter["Subject"] for letter in self.mails(address)]):
            assert time.monotonic() < deadline, f"{address} was not told: {subject}. {subjects}"
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@dataclass
class Person:
    username: str
    email: str
    password: str


class Visitor:
    """A person at one page of a browser: what they do, in their words."""

    def __init__(self, server, page: Page, javascript=True):
        self.server = server
        self.page = page
        self.javascript = javascript

    @staticmethod
    def new_person():
        name = f"kim-{_run}-{next(_numbers)}"
        return Person(name, f"{name}@example.org", f"copper window {secrets.token_hex(6)}")

    @staticmethod
    def mistype(code, *positions):
        """The code with other symbols at some positions, counted from 0 without the dashes."""
        characters = list(code)
        for position in positions:
            index = position + position // 5
            characters[index] = "7" if characters[index] != "7" else "K"
        return "".join(characters)

    def open(self, path):
        return self.page.goto(self.server.url + path)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def follow(self, name):
        self.page.get_by_role("link", name=name, exact=True).first.click()

    def type(self, label, text):
        self.page.get_by_label(label, exact=True).fill(text)

    def sees(self, heading):
        expect(self.page.get_by_role("heading", name=heading, level=1, exact=True)).to_be_visible()
        # The heading may stand there before the rest does, and before the style sheet.
        self.page.wait_for_load_state("load")

    def reads(self, text):
        expect(self.page.locator("main")).to_contain_text(text)

    def sign_up(self, person=None, confirmed=True):
        person = person or self.new_person()
        self.open("/sign-up")
        self.type("Username", person.username)
        self.page.locator("input[name=email]").fill(person.email)
        self.type("Password", person.password)
        self.press("Open the account")
        self.sees("Manage how I sign in")
        if confirmed:
            self.confirm(person.email)
        return person

    def confirm(self, address):
        self.open("/account/security")
        self.page.get_by_role("link", name=f"Confirm {address}").click()
        self.type("Six-digit code", self.server.issued_code(address))
        self.press("Confirm")
        self.reads("Your email is confirmed.")

    def begin_sign_in(self, username):
        self.open("/sign-in")
        self.type("Username", username)
        self.press("Next")
        self.sees("Enter your password")

    def sign_in(self, person, password=None):
        self.begin_sign_in(person.username)
        self.type("Password", password or person.password)
        self.press("Sign in")
        self.sees("Manage how I sign in")

    def add_app(self, name="My phone"):
        """Connects an authenticator app, from the page that asks for its name."""
        self.sees("Add an authenticator app")
        self.page.get_by_label("Name").fill(name)
        self.press("Next")
        self.sees("Connect your authenticator app")
        app = AuthenticatorApp(self.page.locator("a[href^='otpauth:']").get_attribute("href"))
        self.type(APP_CODE, app.code())
        self.press("Connect the app")
        return app

    def add_passkey(self, name="My laptop"):
        """Makes a passkey, from the page that asks for its name."""
        self.sees("Add a passkey")
        self.page.get_by_label("Name").fill(name)
        self.press("Make a passkey")

    def turn_on_two_step(self):
        """With an authenticator app."""
        self.open("/account/authenticator-app")
        app = self.add_app()
        self.reads("Now you can turn on two-step verification.")
        self.press("Turn on two-step verification")
        self.reads("Two-step verification is on.")
        return app

    def enter_second_factor(self, code):
        self.sees("Enter your second factor")
        self.type(APP_CODE, code)
        self.press("Sign in")

    def sign_in_with_app(self, person, app, password=None):
        self.begin_sign_in(person.username)
        self.type("Password", password or person.password)
        self.press("Sign in")
        self.enter_second_factor(app.code())
        self.sees("Manage how I sign in")

    def sign_out(self):
        self.open("/account/security")
        self.press("Sign out")
        self.sees("Sign in")

    def generate(self):
        """Makes a recovery code and gives it back as it stands on the sheet."""
        self.open("/account/security")
        self.press("Generate a new code")
        self.sees("Generate a new code")
        self.press("Generate a new code")
        self.sees("Your recovery code")
        return self.code_on_sheet()

    def code_on_sheet(self):
        code = "-".join(self.page.locator(".groups li").all_inner_texts())
        assert re.fullmatch(r"([0-9A-HJKMNP-TV-Z]{5}-){4}[0-9A-HJKMNP-TV-Z]{5}", code), code
        return code

    def open_code_page(self, username):
        """One click from the password page (S3)."""
        self.begin_sign_in(username)
        self.press("Use a recovery code")
        self.sees("Do you have an account recovery code?")

    def enter_code(self, code):
        self.type("Recovery code", code)
        self.press("Use this code")

    def choose_password(self, person, password=None):
        person.password = password or f"basil harbour {secrets.token_hex(6)}"
        self.sees("Choose a new password")
        self.type("New password", person.password)
        self.press("Change the password")

    def barriers(self):
        """What axe finds on the page, and whether it has to be scrolled sideways on the narrowest screen (Q1)."""
        self.page.wait_for_load_state("load")
        results = Axe().run(self.page, options={"runOnly": {"type": "tag", "values": WCAG}})
        found = [
            f"{violation['id']}: {violation['help']}\n    " + "\n    ".join(
                node["html"][:200] for node in violation["nodes"])
            for violation in results.response["violations"]
        ]
        full_size = self.page.viewport_size
        self.page.set_viewport_size(NARROWEST)
        width = self.page.evaluate("document.documentElement.scrollWidth")
        if width > NARROWEST["width"]:
            found.append(f"{width} pixels wide")
        self.page.set_viewport_size(full_size)
        return [f"{self.page.url}: {barrier}" for barrier in found]

    def finds_no_barrier(self):
        barriers = self.barriers()
        assert not barriers, "\n".join(barriers)

    def screenshot(self, name):
        SCREENSHOTS.mkdir(exist_ok=True)
        self.page.wait_for_load_state("load")
        for attempt in range(3):
            try:
                self.page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
                return
            except Error as error:
                # Chromium refuses now and then, and takes the same picture a moment later.
                if attempt == 2 or "Unable to capture screenshot" not in error.message:
                    raise


@pytest.fixture(scope="session")
def start_server(tmp_path_factory):
    """Starts further servers, each with settings of its own."""
    servers = []

    def start(*options):
        servers.append(Server(tmp_path_factory.mktemp("sparekey"), "--set", "limits=off", *options))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server):
    return start_server()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def arrive(server, browser):
    """Makes visitors, each in a browser of their own. Nothing any of them does may end in an error on the console,
    which is also where a violated Content-Security-Policy shows."""
    contexts, errors = [], []

    def arrive(screen="desktop", color_scheme="light", javascript=True, user_agent=None):
        context = browser.new_context(
            viewport=SCREENS[screen], color_scheme=color_scheme, java_script_enabled=javascript, user_agent=user_agent)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()

        def note(message):
            # The browser reports every answer with an error status; a form sent back is one.
            if message.type == "error" and not re.search(r"responded with a status of 4\d\d", message.text):
                errors.append(f"{page.url}: {message.text}")

        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(f"{page.url}: {error}"))
        return Visitor(server, page, javascript)

    yield arrive
    for context in contexts:
        context.close()
    assert not errors, "\n".join(errors)


@pytest.fixture
def visitor(arrive):
    return arrive()
