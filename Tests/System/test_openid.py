"""Apps can use it (A1): OpenID Connect with apps that nobody here wrote, and every MUST of RFC 9700 the other way."""

import json
import os
import queue
import re
import shutil
import subprocess
import threading
import time
import urllib.parse

import pytest
import requests
from authlib.integrations.requests_client import OAuth2Session
from conftest import PATIENCE, free_port
from joserfc import jwt
from joserfc.jwk import KeySet
from openid import REDIRECT, Challenge, Client, Listener, Screenless, claims, sent
from people import NEW_PASSWORD, PASSWORD, Person, choose, good, show, two_step
from playwright.sync_api import expect, sync_playwright

CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
APACHE = shutil.which("apache2", path="/usr/sbin:/usr/bin")


@pytest.fixture(scope="module")
def server(start_server):
    return start_server()


@pytest.fixture(scope="module")
def notes(server):
    return Client(server)


@pytest.fixture(scope="module")
def configuration(server):
    return requests.get(f"{server.url}/.well-known/openid-configuration", timeout=PATIENCE).json()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser):
    context = browser.new_context()
    yield context.new_page()
    context.close()


def checked(token, server, client, algorithm="ES256"):
    """The claims of a token whose signature and head are right."""
    keys = KeySet.import_key_set(requests.get(f"{server.url}/oauth2/jwks", timeout=PATIENCE).json())
    read = jwt.decode(token, keys, algorithms=[algorithm])
    assert read.header["alg"] == algorithm and read.claims["iss"] == server.url
    assert read.claims["aud"] == client.id
    return read.claims


def sign_in(page, person):
    page.get_by_label("Username").fill(person.name)
    page.get_by_role("button", name="Next").or_(page.get_by_role("button", name="Continue")).first.click()
    page.get_by_label("Password", exact=True).fill(person.password)
    page.locator("form[action='/sign-in/password'] button.button").first.click()


# -- apps that nobody here wrote


class AuthlibApp:
    """An app on Authlib: signs in, checks the ID token by the published keys, and hears of sign-outs."""

    def __init__(self, server, *words):
        self.server = server
        self.heard = queue.Queue()
        self.listener = Listener(self.handle)
        self.redirect = f"{self.listener.url}/callback"
        self.client = Client(
            server, *words, "--post-logout-uri", f"{self.listener.url}/bye", "--back-channel-logout-uri",
            f"{self.listener.url}/back-channel", redirect=self.redirect, name="Authlib notes")
        self.configuration = requests.get(
            f"{server.url}/.well-known/openid-configuration", timeout=PATIENCE).json()
        self.pending, self.token, self.user = {}, None, None
        self.extra = {}

    def session(self):
        return OAuth2Session(
            self.client.id, self.client.secret, scope="openid profile email offline_access",
            redirect_uri=self.redirect, code_challenge_method="S256",
            token_endpoint_auth_method="client_secret_basic" if self.client.secret else "none")

    def handle(self, path, headers, body):
        place = urllib.parse.urlsplit(path)
        if place.path == "/back-channel":
            self.heard.put(dict(urllib.parse.parse_qsl(body))["logout_token"])
            return 200, {}, ""
        if place.path == "/login":
            verifier = Challenge().verifier
            url, state = self.session().create_authorization_url(
                self.configuration["authorization_endpoint"], code_verifier=verifier, nonce="n-77", **self.extra)
            self.pending[state] = verifier
            return 302, {"Location": url}, ""
        if place.path == "/callback":
            query = dict(urllib.parse.parse_qsl(place.query))
            assert query["iss"] == self.configuration["issuer"]
            session = self.session()
            self.token = session.fetch_token(
                self.configuration["token_endpoint"], authorization_response=self.listener.url + path,
                state=query["state"], code_verifier=self.pending.pop(query["state"]))
            self.user = session.get(self.configuration["userinfo_endpoint"]).json()
            return 200, {"Content-Type": "text/html"}, f"<h1>Hello {self.user['preferred_username']}</h1>"
        return 200, {"Content-Type": "text/html"}, "<h1>Bye</h1>"

    def logout_token(self):
        return self.heard.get(timeout=PATIENCE)


@pytest.fixture(scope="module")
def authlib_app(server):
    app = AuthlibApp(server)
    yield app
    app.listener.stop()


def test_a1_an_app_on_authlib_signs_someone_in_through_a_browser(server, authlib_app, page):
    person = Person(server)
    page.goto(f"{authlib_app.listener.url}/login")
    expect(page.get_by_text("Sign in to go on to Authlib notes.")).to_be_visible()
    sign_in(page, person)
    expect(page.get_by_role("heading", name="Go on to this app?")).to_be_visible()
    page.get_by_role("button", name="Allow", exact=True).click()
    expect(page.get_by_role("heading", name=f"Hello {person.name}")).to_be_visible()

    token = checked(authlib_app.token["id_token"], server, authlib_app.client)
    assert token["nonce"] == "n-77" and token["sub"] == authlib_app.user["sub"]
    assert token["acr"] == "urn:sparekey:one-factor" and token["amr"] == ["pwd"]
    assert abs(token["auth_time"] - time.time()) < 60 and token["exp"] - token["iat"] == 300
    assert authlib_app.user["email"] == person.emails[0] and authlib_app.user["email_verified"] is True

    # The second time nothing is asked.
    page.goto(f"{authlib_app.listener.url}/login")
    expect(page.get_by_role("heading", name=f"Hello {person.name}")).to_be_visible()

    # Authlib refreshes, and gets a new pair.
    session = authlib_app.session()
    session.token = authlib_app.token
    renewed = session.refresh_token(authlib_app.configuration["token_endpoint"])
    assert renewed["refresh_token"] != authlib_app.token["refresh_token"]

    # Signing out in the app signs out here, at once, and comes back to the app.
    page.goto(
        authlib_app.configuration["end_session_endpoint"] + "?" + urllib.parse.urlencode({
            "id_token_hint": renewed["id_token"], "post_logout_redirect_uri": f"{authlib_app.listener.url}/bye"}))
    expect(page.get_by_role("heading", name="Bye")).to_be_visible()
    page.goto(f"{server.url}/account/security")
    expect(page).to_have_url(re.compile("/sign-in"))
    told = checked(authlib_app.logout_token(), server, authlib_app.client)
    assert told["sid"] == token["sid"] and told["sub"] == token["sub"]


class Apache:
    """Debian's Apache with mod_auth_openidc before one page."""

    def __init__(self, folder, server):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.folder = folder
        client = Client(
            server, "--algorithm", "RS256", "--back-channel-logout-uri", f"{self.url}/private/oidc?logout=backchannel",
            redirect=f"{self.url}/private/oidc", name="Apache")
        self.client = client
        (folder / "www/private").mkdir(parents=True)
        (folder / "www/private/page.html").write_text("<h1>Protected page</h1>")
        modules = "/usr/lib/apache2/modules"
        names = ["mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "mime", "dir"]
        loads = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in names)
        (folder / "apache.conf").write_text(f"""
ServerRoot {folder}
ServerName localhost
PidFile {folder}/apache.pid
ErrorLog {folder}/error.log
LogLevel warn auth_openidc:info
Listen 127.0.0.1:{self.port}
{loads}
TypesConfig /etc/mime.types
User www-data
Group www-data
DocumentRoot {folder}/www
OIDCProviderMetadataURL {server.url}/.well-known/openid-configuration
OIDCClientID {client.id}
OIDCClientSecret {client.secret}
OIDCRedirectURI {self.url}/private/oidc
OIDCCryptoPassphrase {Challenge().verifier}
OIDCPKCEMethod S256
OIDCScope "openid profile"
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCRemoteUserClaim preferred_username
OIDCSSLValidateServer Off
OIDCCacheType shm
<Location /private>
  AuthType openid-connect
  Require valid-user
</Location>
""")
        for path in [folder, folder / "www"]:
            path.chmod(0o755)
        with (folder / "start.log").open("wb") as log:
            self.process = subprocess.Popen(
                [APACHE, "-f", folder / "apache.conf", "-D", "FOREGROUND"], stdout=log, stderr=log)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                requests.get(self.url, timeout=5)
                return
            except requests.ConnectionError:
                time.sleep(0.05)
        self.stop()
        raise RuntimeError("Apache did not start:\n" + self.log())

    def log(self):
        return "".join(file.read_text(errors="replace") for file in self.folder.glob("*.log"))

    def stop(self):
        self.process.terminate()
        self.process.wait(PATIENCE)


def test_a1_apache_with_mod_auth_openidc_protects_a_page_and_hears_of_a_sign_out(
        server, browser, page, tmp_path_factory):
    assert APACHE, "apache2 is missing: scripts/install-packages test"
    folder = tmp_path_factory.mktemp("apache")
    for parent in list(folder.parents)[:-1]:
        if parent.stat().st_mode & 0o005 != 0o005:
            parent.chmod(parent.stat().st_mode | 0o055)
    apache = Apache(folder, server)
    try:
        person = Person(server)
        page.goto(f"{apache.url}/private/page.html")
        sign_in(page, person)
        page.get_by_role("button", name="Allow", exact=True).click()
        expect(page.get_by_role("heading", name="Protected page")).to_be_visible()

        # S7: signed out everywhere, the app knows it without the browser's help.
        other = browser.new_context().new_page()
        other.goto(f"{server.url}/sign-in")
        sign_in(other, person)
        other.get_by_role("button", name="Sign out everywhere").click()
        deadline = time.monotonic() + PATIENCE
        while page.goto(f"{apache.url}/private/page.html") and "/private/" in page.url:
            assert time.monotonic() < deadline, apache.log()
            time.sleep(0.3)
        assert page.url.startswith(server.url)
    finally:
        apache.stop()


# -- S7, D6: what ends a session ends what apps got through it, and they are told


def allowed(server, app, person):
    """Someone signed in to the app."""
    return Screenless(server, person.token).tokens(app.client, scope="openid offline_access")


def is_dead(app, tokens):
    refreshed = app.client.refresh(tokens["refresh_token"])
    return app.client.user_info(tokens["access_token"]).status_code == 401 and refreshed.status_code == 400


@pytest.mark.parametrize("deed", ["everywhere", "one", "password", "recovery", "frozen", "removed"])
def test_s7_tokens_die_with_their_session_and_the_app_is_told(server, authlib_app, deed):
    person = Person(server)
    code = person.make_code()
    person.sign_in()
    tokens = allowed(server, authlib_app, person)
    said = claims(tokens["id_token"])
    assert authlib_app.client.user_info(tokens["access_token"]).json()["sub"] == said["sub"]
    while not authlib_app.heard.empty():
        authlib_app.heard.get()

    if deed == "everywhere":
        assert person.call("DELETE", "/api/v1/sessions").ok
    elif deed == "one":
        assert person.call("DELETE", "/api/v1/session").ok
    elif deed == "password":
        other = Person.__new__(Person)
        other.__dict__.update(person.__dict__)
        other.sign_in()
        assert other.call("PUT", "/api/v1/password", {"password": NEW_PASSWORD}).ok
    elif deed == "recovery":
        proved = show(server, person.name, code=code)
        good(choose(server, proved["journey"]))
    elif deed == "frozen":
        events = person.call("GET", "/api/v1/activity").json()["events"]
        number = next(event["number"] for event in events if event["kind"] == "signed-in")
        assert person.call("POST", f"/api/v1/activity/{number}/not-me").ok
    else:
        page = Screenless(server, person.token)
        listing = page.get("/account/apps")
        assert "Authlib notes" in listing.text
        assert page.submit(listing, "/account/apps/remove", app=authlib_app.client.id).status_code == 303

    assert is_dead(authlib_app, tokens)
    told = checked(authlib_app.logout_token(), server, authlib_app.client)
    assert told["sid"] == said["sid"] and told["sub"] == said["sub"] and "nonce" not in told
    assert list(told["events"]) == ["http://schemas.openid.net/event/backchannel-logout"]


def test_s7_an_app_that_is_away_is_told_later_and_one_that_refuses_is_given_up(start_server):
    server = start_server()
    answers, heard = [503, 200], queue.Queue()

    def handle(path, headers, body):
        heard.put(body)
        return answers.pop(0), {}, ""

    listener = Listener(handle)
    try:
        client = Client(server, "--back-channel-logout-uri", f"{listener.url}/out")
        person = Person(server)
        Screenless(server, person.token).tokens(client)
        assert person.call("DELETE", "/api/v1/sessions").ok
        first, second = heard.get(timeout=PATIENCE), heard.get(timeout=PATIENCE)
        assert claims(first.split("=")[1])["sid"] == claims(second.split("=")[1])["sid"]
    finally:
        listener.stop()


@pytest.mark.skipif(not os.environ.get("HANGING_APPS"), reason="takes the 30 seconds of a time limit; HANGING_APPS=1")
def test_s7_an_app_that_hangs_does_not_keep_others_from_being_told(start_server, authlib_app):
    server = start_server()
    released = threading.Event()

    def hang(path, headers, body):
        released.wait(60)
        return 200, {}, ""

    slow = Listener(hang)
    app = AuthlibApp(server)
    try:
        hanging = Client(server, "--back-channel-logout-uri", f"{slow.url}/out", name="Slow")
        people = [Person(server) for _ in range(6)]
        for person in people:
            Screenless(server, person.token).tokens(hanging)
            Screenless(server, person.token).tokens(app.client)
        for person in people:
            assert person.call("DELETE", "/api/v1/sessions").ok
        told = {claims(app.heard.get(timeout=75))["sub"] for _ in people}
        assert len(told) == 6
    finally:
        released.set()
        slow.stop()
        app.listener.stop()


def test_d6_after_a_recovery_the_clean_up_shows_the_apps_of_the_last_30_days(server, notes):
    person = Person(server)
    Screenless(server, person.token).tokens(notes)
    browser = Screenless(server, person.token)
    page = browser.get("/account/clean-up")
    assert "Apps with access" in page.text and "Notes" in page.text
    removed = browser.submit(page, "/account/apps/remove", app=notes.id, **{"from": "clean-up"})
    assert removed.headers["Location"] == "/account/clean-up?notice=app-removed"
    assert "Notes" not in browser.get("/account/apps").text


# -- truthful claims


def test_a1_acr_and_amr_tell_what_was_shown(server, notes):
    person, _ = two_step(server)
    person.step_up()
    said = claims(Screenless(server, person.token).tokens(notes)["id_token"])
    assert said["acr"] == "urn:sparekey:two-factor" and said["amr"] == ["pwd", "otp", "mfa"]


def test_a1_a_session_born_from_a_recovery_says_so_until_its_owner_proves_more(server, notes):
    person, code = two_step(server)
    proved = show(server, person.name, code=code, password=PASSWORD)
    done = good(choose(server, proved["journey"]))
    assert done["outcome"] == "now", done
    person.password, person.token = NEW_PASSWORD, done["session"]["token"]

    # Before the second factors are settled it opens no app.
    browser = Screenless(server, person.token)
    assert browser.authorize(notes).headers["Location"] == "/sign-in"
    assert sent(browser.authorize(notes, prompt="none"), REDIRECT)["error"] == "login_required"

    person.token = settle_with_app(server, person)
    said = claims(Screenless(server, person.token).tokens(notes)["id_token"])
    assert said["acr"] == "urn:sparekey:recovery"
    assert "recovery" in said["amr"] and "mfa" not in said["amr"]
    person.step_up()
    said = claims(Screenless(server, person.token).tokens(notes)["id_token"])
    assert said["acr"] == "urn:sparekey:two-factor" and "recovery" not in said["amr"]


def settle_with_app(server, person):
    """Confirms the old app by use, and finishes."""
    good(server.call("POST", "/api/v1/factors/totp/use", {"code": person.app.code()}, person.token))
    return good(server.call("POST", "/api/v1/factors/finish", None, person.token))["session"]["token"]


def test_a1_max_age_and_prompt_login_ask_again_and_auth_time_tells(server, notes):
    person = Person(server)
    browser = Screenless(server, person.token)
    browser.tokens(notes)
    assert "code" in sent(browser.authorize(notes), REDIRECT)
    assert "code" in sent(browser.authorize(notes, max_age="3600"), REDIRECT)
    for asked in [{"prompt": "login"}, {"max_age": "0"}]:
        assert browser.authorize(notes, **asked).headers["Location"] == "/step-up?return-to=/oauth2/consent"
    time.sleep(2)
    assert sent(browser.authorize(notes, max_age="1", prompt="none"), REDIRECT)["error"] == "login_required"

    challenge = Challenge()
    browser.authorize(notes, challenge, prompt="login")
    asked = time.time()
    page = browser.get("/step-up", **{"return-to": "/oauth2/consent"})
    again = browser.submit(page, "/step-up", password=person.password)
    assert again.headers["Location"] == "/oauth2/consent"
    code = sent(browser.get("/oauth2/consent"), REDIRECT)["code"]
    said = claims(notes.exchange(code, challenge.verifier).json()["id_token"])
    assert said["auth_time"] >= int(asked)


def test_a1_prompt_none_never_shows_a_page(server, notes):
    nobody = Screenless(server)
    answer = sent(nobody.authorize(notes, prompt="none"), REDIRECT)
    assert answer["error"] == "login_required" and answer["state"] == "st-1" and answer["iss"] == server.url
    someone = Screenless(server, Person(server).token)
    assert sent(someone.authorize(notes, prompt="none"), REDIRECT)["error"] == "consent_required"
    someone.tokens(notes)
    assert "code" in sent(someone.authorize(notes, prompt="none"), REDIRECT)


def test_a1_prompt_select_account_asks_as_whom_and_another_account_can_be_taken(server, notes):
    """OpenID Connect Core, 3.1.2.1: the person chooses, although this app was allowed everything before."""
    first, second = Person(server), Person(server)
    browser = Screenless(server, first.token)
    browser.tokens(notes)
    assert "code" in sent(browser.authorize(notes), REDIRECT)

    def asked(challenge=None):
        answer = browser.authorize(notes, challenge, prompt="select_account")
        assert answer.headers["Location"].startswith("/oauth2/consent")
        page = browser.get("/oauth2/consent")
        assert page.status_code == 200 and first.name in page.text and 'value="other"' in page.text
        return page

    # The one who is signed in.
    challenge = Challenge()
    code = sent(browser.submit(asked(challenge), "/oauth2/consent", decision="allow"), REDIRECT)["code"]
    said = notes.exchange(code, challenge.verifier).json()
    assert notes.user_info(said["access_token"]).json()["preferred_username"] == first.name
    # Another one, who signs in for it.
    challenge = Challenge()
    other = browser.submit(asked(challenge), "/oauth2/consent", decision="other")
    assert other.headers["Location"] == "/sign-in"
    assert first.call("GET", "/api/v1/session").status_code in (200, 401)
    page = browser.submit(browser.get("/sign-in"), "/sign-in", username=second.name)
    page = browser.get(page.headers["Location"]) if page.status_code == 303 else page
    done = browser.submit(page, "/sign-in/password", password=second.password)
    assert done.headers["Location"] == "/oauth2/consent"
    page = browser.get("/oauth2/consent")
    assert second.name in page.text and first.name not in page.text
    code = sent(browser.submit(page, "/oauth2/consent", decision="allow"), REDIRECT)["code"]
    said = notes.exchange(code, challenge.verifier).json()
    assert notes.user_info(said["access_token"]).json()["preferred_username"] == second.name
    # Silence and a choice exclude each other.
    assert sent(browser.authorize(notes, prompt="none select_account"), REDIRECT)["error"] == "invalid_request"


def test_a1_consent_is_kept_for_what_was_allowed_and_asked_again_for_more(server, notes):
    browser = Screenless(server, Person(server).token)
    browser.tokens(notes, scope="openid")
    assert "code" in sent(browser.authorize(notes, scope="openid"), REDIRECT)
    assert browser.authorize(notes, scope="openid email").headers["Location"].startswith("/oauth2/consent")
    page = browser.get("/oauth2/consent")
    denied = browser.submit(page, "/oauth2/consent", decision="deny")
    assert sent(denied, REDIRECT)["error"] == "access_denied"
    assert browser.authorize(notes, scope="openid", prompt="consent").headers["Location"].startswith("/oauth2/consent")


def test_a1_userinfo_tells_what_was_allowed_and_no_more(server, notes):
    browser = Screenless(server, Person(server).token)
    tokens = browser.tokens(notes, scope="openid")
    assert list(notes.user_info(tokens["access_token"]).json()) == ["sub"]
    assert "refresh_token" not in tokens and tokens["scope"] == "openid"


# -- RFC 9700 and what it rests on, from the other side


@pytest.mark.parametrize("place", [
    REDIRECT + "/", REDIRECT + "?x=1", REDIRECT.upper(), "https://evil.example/signed-in",
    "https://app.example.org.evil.example/signed-in", "https://app.example.org/signed-in/../other", "//evil.example",
    "javascript:alert(1)", None])
def test_rfc9700_2_1_an_address_that_is_not_registered_letter_by_letter_is_never_gone_to(server, notes, place):
    answer = Screenless(server, Person(server).token).authorize(notes, redirect_uri=place)
    assert answer.status_code == 400 and "Location" not in answer.headers
    assert "not the app" in answer.text and "evil" not in answer.text


def test_rfc9700_4_11_unknown_clients_and_repeated_parameters_get_a_page_of_ours(server, notes):
    browser = Screenless(server, Person(server).token)
    assert browser.authorize(notes, client_id="nobody").status_code == 400
    twice = browser.get(
        f"/oauth2/authorize?client_id={notes.id}&client_id={notes.id}&response_type=code&scope=openid"
        f"&redirect_uri={urllib.parse.quote(REDIRECT)}")
    assert twice.status_code == 400 and "Location" not in twice.headers


@pytest.mark.parametrize("change, error", [
    ({"code_challenge": None}, "invalid_request"),
    ({"code_challenge_method": "plain"}, "invalid_request"),
    ({"code_challenge_method": None}, "invalid_request"),
    ({"code_challenge": "short"}, "invalid_request"),
    ({"response_type": "token"}, "unsupported_response_type"),
    ({"response_type": "id_token"}, "unsupported_response_type"),
    ({"response_type": "code id_token"}, "unsupported_response_type"),
    ({"response_type": None}, "invalid_request"),
    ({"response_mode": "fragment"}, "invalid_request"),
    ({"scope": "profile"}, "invalid_scope"),
    ({"prompt": "none login"}, "invalid_request"),
    ({"max_age": "-1"}, "invalid_request"),
    ({"request": "e30.e30."}, "request_not_supported"),
    ({"request_uri": "https://evil.example/r"}, "request_uri_not_supported"),
    ({"state": "x" * 3000}, "invalid_request"),
])
def test_rfc9700_2_1_1_other_mistakes_are_told_to_the_app_with_state_and_issuer(server, notes, change, error):
    answer = sent(Screenless(server, Person(server).token).authorize(notes, **change), REDIRECT)
    assert answer["error"] == error and answer["iss"] == server.url and "code" not in answer
    assert answer["state"] == change.get("state", "st-1")


@pytest.mark.parametrize("verifier", ["another", None, "", "plain"])
def test_rfc9700_2_1_1_a_code_is_worthless_without_its_verifier(server, notes, verifier):
    challenge = Challenge()
    code = Screenless(server, Person(server).token).allow(notes, challenge)["code"]
    shown = {"another": Challenge().verifier, "plain": challenge.text}.get(verifier, verifier)
    answer = notes.exchange(code, shown)
    assert answer.status_code == 400 and answer.json()["error"] in ["invalid_grant", "invalid_request"]
    assert notes.exchange(code, challenge.verifier).status_code == 200


def test_rfc6749_4_1_2_a_code_that_comes_again_ends_what_it_gave(server, notes):
    challenge = Challenge()
    browser = Screenless(server, Person(server).token)
    code = browser.allow(notes, challenge, scope="openid offline_access")["code"]
    tokens = notes.exchange(code, challenge.verifier).json()
    assert notes.user_info(tokens["access_token"]).ok
    again = notes.exchange(code, challenge.verifier)
    assert again.status_code == 400 and again.json()["error"] == "invalid_grant"
    assert notes.user_info(tokens["access_token"]).status_code == 401
    assert notes.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_rfc6749_4_1_3_a_code_is_bound_to_its_client_and_its_address(server, notes):
    other = Client(server, name="Other")
    challenge = Challenge()
    browser = Screenless(server, Person(server).token)
    code = browser.allow(notes, challenge)["code"]
    assert other.exchange(code, challenge.verifier).json()["error"] == "invalid_grant"
    wrong = notes.exchange(code, challenge.verifier, redirect_uri="https://app.example.org/other")
    assert wrong.json()["error"] == "invalid_grant"
    assert notes.exchange(code, challenge.verifier).ok


def test_rfc6749_4_1_2_a_code_lives_for_a_minute(server, notes):
    challenge = Challenge()
    code = Screenless(server, Person(server).token).allow(notes, challenge)["code"]
    server.change_database("UPDATE authorizations SET created_at = created_at - 61000 WHERE redeemed_at IS NULL")
    assert notes.exchange(code, challenge.verifier).json()["error"] == "invalid_grant"


def test_rfc9700_4_14_a_refresh_token_that_comes_again_ends_its_family(server, notes):
    tokens = Screenless(server, Person(server).token).tokens(notes, scope="openid offline_access")
    first = notes.refresh(tokens["refresh_token"]).json()
    second = notes.refresh(first["refresh_token"]).json()
    assert claims(second["id_token"])["auth_time"] == claims(tokens["id_token"])["auth_time"]
    assert notes.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert notes.refresh(second["refresh_token"]).json()["error"] == "invalid_grant"
    for given in [tokens, first, second]:
        assert notes.user_info(given["access_token"]).status_code == 401


def test_rfc9700_4_14_a_refresh_token_is_bound_to_its_client_and_scope(server, notes):
    other = Client(server, name="Other")
    tokens = Screenless(server, Person(server).token).tokens(notes, scope="openid offline_access")
    assert other.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert notes.refresh(tokens["refresh_token"], scope="openid email").json()["error"] == "invalid_scope"
    assert notes.refresh(tokens["refresh_token"], scope="openid").ok


def test_rfc9700_2_5_a_confidential_client_shows_its_secret_and_no_other(server, notes):
    challenge = Challenge()
    code = Screenless(server, Person(server).token).allow(notes, challenge)["code"]
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
              "code_verifier": challenge.verifier}
    place = f"{server.url}/oauth2/token"
    bare = requests.post(place, data=fields | {"client_id": notes.id}, timeout=PATIENCE)
    wrong = requests.post(place, data=fields, auth=(notes.id, "wrong"), timeout=PATIENCE)
    body = requests.post(place, data=fields | {"client_id": notes.id, "client_secret": notes.secret}, timeout=PATIENCE)
    for answer in [bare, wrong, body]:
        assert answer.status_code == 401 and answer.json()["error"] == "invalid_client"
        assert answer.headers["WWW-Authenticate"].startswith("Basic")
    assert notes.exchange(code, challenge.verifier).ok


def test_a1_a_public_client_needs_no_secret_but_its_verifier(server):
    app = Client(server, "--public", redirect="http://127.0.0.1/callback", name="Desktop")
    challenge = Challenge()
    browser = Screenless(server, Person(server).token)
    # RFC 8252, section 7.3: a loopback address may have any port.
    app.redirect = "http://127.0.0.1:49152/callback"
    code = browser.allow(app, challenge)["code"]
    answer = app.exchange(code, challenge.verifier)
    assert answer.ok and answer.headers["Cache-Control"] == "no-store"
    assert browser.authorize(app, redirect_uri="http://127.0.0.1:49152/other").status_code == 400
    assert browser.authorize(app, redirect_uri="http://localhost:49152/callback").status_code == 400


@pytest.mark.parametrize("grant", ["password", "client_credentials", "implicit", "urn:x"])
def test_rfc9700_2_4_there_is_no_grant_by_password(server, notes, grant):
    answer = notes.post("token", grant_type=grant, username="demo", password=PASSWORD)
    assert answer.status_code == 400 and answer.json()["error"] == "unsupported_grant_type"


def test_rfc9700_4_12_4_16_redirects_are_303_pages_are_never_framed_and_authorize_has_no_cors(server, notes):
    browser = Screenless(server, Person(server).token)
    answer = browser.session.get(
        f"{server.url}/oauth2/authorize", params={"client_id": notes.id}, headers={"Origin": "https://evil.example"},
        allow_redirects=False, timeout=PATIENCE)
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert browser.authorize(notes).status_code == 303
    page = browser.get("/oauth2/consent")
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    assert page.headers["X-Frame-Options"] == "DENY"
    assert "form-action 'self' https://app.example.org;" in page.headers["Content-Security-Policy"]
    # Elsewhere forms lead nowhere else.
    assert "form-action 'self';" in Screenless(server).get("/sign-in").headers["Content-Security-Policy"]


def test_oidc_3_1_2_1_a_request_may_come_as_a_form(server, notes):
    browser = Screenless(server, Person(server).token)
    browser.tokens(notes)
    query = urllib.parse.urlsplit(browser.authorize(notes).request.url).query
    place = f"{server.url}/oauth2/authorize"
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = requests.post(place, data=query, headers=kind, allow_redirects=False, timeout=PATIENCE)
    assert answer.status_code == 303 and answer.headers["Location"] == f"/oauth2/authorize?{query}"
    assert "code" in sent(browser.get(answer.headers["Location"]), REDIRECT)
    for body, status in [("a=1\r\nSet-Cookie: x=y", 400), ("a=" + "x" * 9000, 413), ("a=\u00e9".encode(), 400)]:
        assert requests.post(
            place, data=body, headers=kind, allow_redirects=False, timeout=PATIENCE).status_code == status


def test_rfc6749_3_2_a_field_that_comes_twice_is_a_mistake(server, notes):
    answer = requests.post(
        f"{server.url}/oauth2/token", data="grant_type=authorization_code&code=a&code=b",
        headers={"Content-Type": "application/x-www-form-urlencoded"}, auth=(notes.id, notes.secret), timeout=PATIENCE)
    assert answer.status_code == 400 and answer.json()["error"] == "invalid_request"


def test_t24_consent_cannot_be_given_by_another_site_or_in_another_browser(server, notes):
    person = Person(server)
    browser = Screenless(server, person.token)
    browser.authorize(notes)
    page = browser.get("/oauth2/consent")
    forged = browser.submit(page, "/oauth2/consent", decision="allow", csrf="x")
    assert forged.status_code == 403
    request = re.search(r'name="request" value="([^"]+)"', page.text)[1]
    other = Screenless(server, person.token)
    own = other.get("/account/apps")
    csrf = re.search(r'name="csrf" value="([^"]+)"', own.text)[1]
    stolen = other.session.post(
        f"{server.url}/oauth2/consent", data={"csrf": csrf, "request": request, "decision": "allow"},
        allow_redirects=False, timeout=PATIENCE)
    assert stolen.status_code == 400 and "Location" not in stolen.headers


def test_a1_apps_in_browsers_may_call_from_their_own_origin(server, configuration):
    for name in ["token_endpoint", "userinfo_endpoint", "jwks_uri", "revocation_endpoint"]:
        answer = requests.options(
            configuration[name], headers={"Origin": "https://app.example.org",
                                          "Access-Control-Request-Method": "POST"}, timeout=PATIENCE)
        assert answer.status_code == 204 and answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
    answer = requests.get(f"{server.url}/.well-known/openid-configuration", timeout=PATIENCE)
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_a1_discovery_says_what_there_is(server, configuration):
    assert configuration["issuer"] == server.url
    assert configuration["code_challenge_methods_supported"] == ["S256"]
    assert configuration["response_types_supported"] == ["code"]
    assert configuration["authorization_response_iss_parameter_supported"] is True
    assert configuration["backchannel_logout_session_supported"] is True
    for name, value in configuration.items():
        if name.endswith(("_endpoint", "_uri")):
            assert value.startswith(server.url) and requests.get(value, timeout=PATIENCE).status_code != 404, name


def test_a1_introspection_is_for_those_who_show_who_they_are(server, notes):
    tokens = Screenless(server, Person(server).token).tokens(notes, scope="openid profile offline_access")
    told = notes.post("introspect", token=tokens["access_token"]).json()
    assert told["active"] is True and told["client_id"] == notes.id and told["token_type"] == "Bearer"
    other, public = Client(server, name="Files"), Client(server, "--public", name="Public")
    assert other.post("introspect", token=tokens["access_token"]).json()["active"] is True
    assert other.post("introspect", token=tokens["refresh_token"]).json() == {"active": False}
    assert notes.post("introspect", token="nothing").json() == {"active": False}
    assert public.post("introspect", token=tokens["access_token"]).status_code == 400
    assert requests.post(
        f"{server.url}/oauth2/introspect", data={"token": tokens["access_token"]}, timeout=PATIENCE).status_code == 401


def test_a1_revocation_ends_ones_own_tokens_and_no_others(server, notes):
    other = Client(server, name="Other")
    tokens = Screenless(server, Person(server).token).tokens(notes, scope="openid offline_access")
    assert other.post("revoke", token=tokens["refresh_token"]).ok
    assert other.post("revoke", token=tokens["access_token"]).ok
    assert notes.user_info(tokens["access_token"]).ok
    assert notes.post("revoke", token=tokens["refresh_token"]).ok
    assert notes.user_info(tokens["access_token"]).status_code == 401
    assert notes.refresh(tokens["refresh_token"]).status_code == 400


def test_a1_signing_out_asks_first_unless_the_app_shows_the_token_of_this_session(server):
    app = Client(server, "--post-logout-uri", "https://app.example.org/bye")
    person = Person(server)
    browser = Screenless(server, person.token)
    hint = browser.tokens(app)["id_token"]
    person.sign_in()
    second = Screenless(server, person.token)
    # The token of another session, none at all, and one that is not ours: each time the owner is asked.
    for given in [hint, None, hint[:-8] + "AAAAAAAA"]:
        page = second.get("/oauth2/end-session", **({"id_token_hint": given} if given else {}))
        assert page.status_code == 200 and "Sign out?" in page.text
    assert second.get("/account/security").status_code == 200
    # An address that is not registered is never gone to.
    page = second.get(
        "/oauth2/end-session", client_id=app.id, post_logout_redirect_uri="https://evil.example/")
    done = second.submit(page, "/oauth2/end-session/confirm")
    assert done.headers["Location"] == "/sign-in?notice=signed-out"
    assert second.get("/account/security").status_code == 303
    place = browser.get(
        "/oauth2/end-session", id_token_hint=hint, post_logout_redirect_uri="https://app.example.org/bye",
        state="s 2")
    assert place.headers["Location"] == "https://app.example.org/bye?state=s%202"
    assert browser.get("/account/security").status_code == 303


# -- the operator's side


def test_o2_the_operator_registers_shows_and_forgets_apps(server):
    client = Client(server, name="Wiki")
    shown = json.loads(server.command("client", "show", client.id, "--json").stdout)
    assert shown["name"] == "Wiki" and "secret" not in shown and shown["redirectUris"] == [REDIRECT]
    assert client.id in server.command("client", "list").stdout
    tokens = Screenless(server, Person(server).token).tokens(client)
    old = client.secret
    client.secret = json.loads(server.command("client", "rotate-secret", client.id, "--json").stdout)["secret"]
    assert client.post("introspect", token=tokens["access_token"]).json()["active"] is True
    assert requests.post(
        f"{server.url}/oauth2/introspect", data={"token": "x"}, auth=(client.id, old), timeout=PATIENCE
    ).status_code == 401
    assert server.command("client", "delete", client.id).returncode == 0
    assert client.user_info(tokens["access_token"]).status_code == 401
    assert server.command("client", "show", client.id).returncode == 1


@pytest.mark.parametrize("uri", [
    "http://app.example.org/x", "https://user@app.example.org/x", "https://app.example.org/x#y", "https://*/x",
    "myapp:/x", "javascript:alert(1)", "https:///x", "/x", "https://app.example.org/a b"])
def test_o2_an_address_that_no_app_should_have_is_not_registered(server, uri):
    answer = server.command("client", "create", "--name", "Bad", "--redirect-uri", uri)
    assert answer.returncode == 1 and "no address for an app" in answer.stderr


def test_t13_no_secret_of_an_app_stands_in_the_database(server):
    client = Client(server)
    challenge = Challenge()
    code = Screenless(server, Person(server).token).allow(client, challenge, scope="openid offline_access")["code"]
    tokens = client.exchange(code, challenge.verifier).json()
    stored = b"".join(file.read_bytes() for file in server.data.glob("sparekey.sqlite*"))
    for secret in [client.secret, code, tokens["access_token"], tokens["refresh_token"][26:]]:
        assert secret.encode() not in stored
