"""On the way to an app and back, in a real browser (A1): every kind of signing in ends at the app it was begun for,
although pages let forms lead nowhere else; and every page on the way is for everyone (Q1)."""

import hashlib
import http.server
import json
import re
import secrets
import subprocess
import threading
import urllib.parse
from base64 import urlsafe_b64encode

import pytest
import requests
from conftest import BINARY, LOOKS, clean_environment
from devices import PasskeyDevice
from playwright.sync_api import expect


class App:
    """An app at an origin of its own. It shows what it was sent."""

    def __init__(self, server):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.send_header("Content-Type", "text/html")
                self.end_headers()
                self.wfile.write(b"<!doctype html><html lang=en><title>App</title><link rel=icon href='data:,'>"
                                 b"<h1>This is the app</h1>")

            def log_message(self, *_):
                pass

        self.listener = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.listener.serve_forever, daemon=True).start()
        self.origin = f"http://localhost:{self.listener.server_port}"
        self.server = server
        made = subprocess.run(
            [BINARY, "client", "create", "--name", "Garden club", "--redirect-uri", f"{self.origin}/in",
             "--post-logout-uri", f"{self.origin}/bye", "--json", "--data", server.folder],
            capture_output=True, text=True, env=clean_environment(), timeout=60, check=True)
        described = json.loads(made.stdout)
        self.id, self.secret = described["id"], described["secret"]

    def id_token(self, visitor):
        """Of someone who is signed in, and says yes."""
        verifier = secrets.token_urlsafe(40)
        visitor.page.goto(self.request(verifier))
        visitor.press("Allow")
        self.is_reached(visitor.page)
        code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(visitor.page.url).query))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": f"{self.origin}/in",
                "code_verifier": verifier}
        answer = requests.post(f"{self.server.url}/oauth2/token", form, auth=(self.id, self.secret), timeout=10)
        return answer.json()["id_token"]

    def request(self, verifier=None, **more):
        verifier = verifier or secrets.token_urlsafe(40)
        challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        return f"{self.server.url}/oauth2/authorize?" + urllib.parse.urlencode({
            "response_type": "code", "client_id": self.id, "redirect_uri": f"{self.origin}/in", "state": "s",
            "scope": "openid profile email offline_access", "code_challenge": challenge,
            "code_challenge_method": "S256"} | more)

    def is_reached(self, page, with_code=True):
        expect(page.get_by_role("heading", name="This is the app")).to_be_visible()
        assert page.url.startswith(f"{self.origin}/in?{'code' if with_code else 'error'}="), page.url


@pytest.fixture(scope="module")
def app(server):
    app = App(server)
    yield app
    app.listener.shutdown()
    app.listener.server_close()


@pytest.mark.parametrize("javascript", [True, False], ids=["with JavaScript", "without"])
def test_a1_signing_in_ends_at_the_app_and_the_second_time_nothing_is_asked(arrive, app, javascript):
    person = arrive().sign_up()
    visitor = arrive(javascript=javascript)
    visitor.page.goto(app.request(login_hint=person.username))
    visitor.reads("Sign in to go on to Garden club.")
    expect(visitor.page.get_by_label("Username", exact=True)).to_have_value(person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.sees("Go on to this app?")
    visitor.reads(f"You go on to {app.origin}.")
    visitor.press("Allow")
    app.is_reached(visitor.page)
    visitor.page.goto(app.request())
    app.is_reached(visitor.page)

    # Once allowed, the sign-in form itself leads to the app.
    visitor.sign_out()
    visitor.page.goto(app.request())
    visitor.type("Username", person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    app.is_reached(visitor.page)
    # What was for that app is over: the next sign-in leads home.
    visitor.sign_out()
    visitor.sign_in(person)


def test_a1_a_new_account_a_second_factor_a_passkey_and_a_step_up_lead_to_the_app(arrive, app):
    visitor = arrive()
    person = visitor.new_person()
    visitor.page.goto(app.request())
    visitor.page.get_by_role("link", name="Open an account").or_(
        visitor.page.locator("a[href='/sign-up']")).first.click()
    visitor.type("Username", person.username)
    visitor.page.locator("input[name=email]").fill(person.email)
    visitor.type("Password", person.password)
    visitor.press("Open the account")
    visitor.sees("Go on to this app?")
    visitor.press("Allow")
    app.is_reached(visitor.page)

    device = PasskeyDevice(visitor.page)
    visitor.open("/account/passkey")
    visitor.add_passkey()
    visitor.reads("Your passkey is added.")
    authenticator = visitor.turn_on_two_step()
    visitor.page.goto(app.request(prompt="login"))
    visitor.sees("Please prove it's you")
    visitor.reads("Then you go on to the app.")
    visitor.type("Password", person.password)
    visitor.page.get_by_label(re.compile("six-digit|code", re.I)).first.fill(authenticator.code())
    visitor.press("Continue")
    app.is_reached(visitor.page)

    visitor.sign_out()
    visitor.page.goto(app.request())
    visitor.type("Username", person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.enter_second_factor(authenticator.code())
    app.is_reached(visitor.page)

    visitor.sign_out()
    visitor.page.goto(app.request())
    visitor.press("Sign in with a passkey")
    app.is_reached(visitor.page)
    assert device


def test_a1_a_no_leads_back_to_the_app_and_another_account_can_be_taken(arrive, app):
    other = arrive().sign_up()
    visitor = arrive()
    visitor.sign_up()
    visitor.page.goto(app.request())
    visitor.press("Don't allow")
    app.is_reached(visitor.page, with_code=False)
    visitor.page.goto(app.request())
    visitor.press("Use another account")
    visitor.reads("Sign in to go on to Garden club.")
    visitor.type("Username", other.username)
    visitor.press("Next")
    visitor.type("Password", other.password)
    visitor.press("Sign in")
    visitor.reads(f"You are signed in as {other.username}")
    visitor.press("Allow")
    app.is_reached(visitor.page)


def test_a1_an_app_that_asks_for_someone_gets_nobody_else(arrive, app):
    """OpenID Connect Core 3.1.2.1: `id_token_hint`."""
    owner, visitor = arrive(), arrive()
    person = owner.sign_up()
    hint = app.id_token(owner)
    visitor.sign_up()
    visitor.page.goto(app.request(id_token_hint=hint, prompt="none"))
    app.is_reached(visitor.page, with_code=False)
    assert "error=login_required" in visitor.page.url
    visitor.page.goto(app.request(id_token_hint=hint))
    visitor.reads("Garden club asks for someone else than you.")
    expect(visitor.page.get_by_role("button", name="Allow", exact=True)).to_have_count(0)
    visitor.finds_no_barrier()
    visitor.screenshot("app-someone-else")
    visitor.press("Use another account")
    visitor.type("Username", person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    app.is_reached(visitor.page)
    visitor.page.goto(app.request(id_token_hint=hint, prompt="none"))
    app.is_reached(visitor.page)


def test_a1_signing_out_for_an_app_is_asked_and_leads_back_to_it(arrive, app):
    visitor = arrive()
    visitor.sign_up()
    visitor.page.goto(f"{app.server.url}/oauth2/end-session?" + urllib.parse.urlencode({
        "client_id": app.id, "post_logout_redirect_uri": f"{app.origin}/bye"}))
    visitor.sees("Sign out?")
    visitor.page.locator("main").get_by_role("button", name="Sign out").click()
    expect(visitor.page).to_have_url(f"{app.origin}/bye")
    visitor.open("/account/security")
    visitor.sees("Sign in")


@pytest.mark.parametrize("screen, scheme", LOOKS)
def test_q1_every_page_on_the_way_to_an_app_is_for_everyone(arrive, app, screen, scheme):
    visitor = arrive(screen=screen, color_scheme=scheme)

    def stop(name):
        visitor.finds_no_barrier()
        visitor.screenshot(f"{name}-{screen}")

    visitor.page.goto(app.request())
    stop("app-sign-in")
    person = arrive().sign_up()
    visitor.type("Username", person.username)
    visitor.press("Next")
    visitor.type("Password", person.password)
    visitor.press("Sign in")
    visitor.sees("Go on to this app?")
    stop("app-consent")
    visitor.press("Allow")
    app.is_reached(visitor.page)
    visitor.open("/account/security")
    visitor.follow("See apps with access")
    visitor.sees("Apps with access")
    stop("apps")
    visitor.open("/account/clean-up")
    visitor.reads("These apps were allowed lately.")
    stop("app-clean-up")
    visitor.press("Remove Garden club")
    visitor.reads("The app has no access any more.")
    visitor.open("/account/apps")
    visitor.reads("No app has access.")
    stop("apps-none")
    visitor.page.goto(app.request(client_id="nobody"))
    visitor.sees("We don't know this app")
    stop("app-unknown")
    visitor.page.goto(app.request(redirect_uri="https://evil.example/"))
    visitor.sees("This link is not the app's own")
    visitor.open("/oauth2/end-session")
    visitor.sees("Sign out?")
    stop("app-sign-out")
