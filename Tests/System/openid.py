"""Apps for the tests of OpenID Connect: clients that the operator registers, a browser without a screen that walks
through the pages by their forms, and a small app that uses Authlib."""

import base64
import hashlib
import html
import http.server
import json
import re
import secrets
import threading
import urllib.parse

import requests
from conftest import PATIENCE, free_port

REDIRECT = "https://app.example.org/signed-in"


class Client:
    """An app as the operator registers it."""

    def __init__(self, server, *words, redirect=REDIRECT, name="Notes"):
        answer = server.command("client", "create", "--name", name, "--redirect-uri", redirect, "--json", *words)
        assert answer.returncode == 0, answer.stderr
        described = json.loads(answer.stdout)
        self.server = server
        self.id, self.secret, self.redirect = described["id"], described.get("secret"), redirect

    def post(self, path, **fields):
        """As the app's server: by HTTP Basic, or by the id alone for a public client."""
        if self.secret is None:
            fields.setdefault("client_id", self.id)
        return requests.post(
            f"{self.server.url}/oauth2/{path}", data={k: v for k, v in fields.items() if v is not None},
            auth=(self.id, self.secret) if self.secret else None, timeout=PATIENCE)

    def exchange(self, code, verifier, **changed):
        fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect,
                  "code_verifier": verifier}
        return self.post("token", **fields | changed)

    def refresh(self, token, **more):
        return self.post("token", grant_type="refresh_token", refresh_token=token, **more)

    def user_info(self, token):
        return requests.get(
            f"{self.server.url}/oauth2/userinfo", headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)


class Challenge:
    def __init__(self):
        self.verifier = secrets.token_urlsafe(48)
        self.text = base64url(hashlib.sha256(self.verifier.encode()).digest())


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def claims(token):
    """What a token says; its signature is checked elsewhere."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class Screenless:
    """A browser without a screen: cookies, forms, and where it was sent."""

    def __init__(self, server, token=None):
        self.server = server
        self.session = requests.Session()
        self.get("/sign-in")
        if token:
            self.sign_in(token)

    def sign_in(self, token):
        """With the session of a sign-in by the API."""
        self.session.cookies.set("sparekey-session", token, domain="localhost.local", path="/")

    def get(self, path, **query):
        return self.session.get(
            path if path.startswith("http") else self.server.url + path, params=query, allow_redirects=False,
            timeout=PATIENCE)

    def submit(self, page, path, **fields):
        """Sends a form of that page, with its hidden fields."""
        hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
        data = {name: html.unescape(value) for name, value in hidden.items()} | fields
        return self.session.post(self.server.url + path, data=data, allow_redirects=False, timeout=PATIENCE)

    def authorize(self, client, challenge=None, **changed):
        """A good request, or with what is changed; None leaves a parameter out."""
        challenge = challenge or Challenge()
        query = {
            "response_type": "code", "client_id": client.id, "redirect_uri": client.redirect,
            "scope": "openid profile email", "state": "st-1", "nonce": "no-1", "code_challenge": challenge.text,
            "code_challenge_method": "S256"}
        return self.get(
            "/oauth2/authorize", **{name: value for name, value in (query | changed).items() if value is not None})

    def allow(self, client, challenge=None, **changed):
        """The whole way with a yes where it is asked for. Gives back what the app is sent."""
        answer = self.authorize(client, challenge, **changed)
        if answer.headers.get("Location", "").startswith("/oauth2/consent"):
            page = self.get("/oauth2/consent")
            assert page.status_code == 200, page.headers
            answer = self.submit(page, "/oauth2/consent", decision="allow")
        return sent(answer, client.redirect)

    def tokens(self, client, **changed):
        challenge = Challenge()
        code = self.allow(client, challenge, **changed)["code"]
        answer = client.exchange(code, challenge.verifier)
        assert answer.status_code == 200, answer.text
        return answer.json()


def sent(answer, redirect):
    """What the browser was sent back to the app with."""
    place = answer.headers.get("Location", "")
    assert answer.status_code == 303 and place.startswith(redirect + "?"), (answer.status_code, place)
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(place).query))


class Listener:
    """A web server in this process that hands each request to a function."""

    def __init__(self, handle):
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.answer(b"")

            def do_POST(self):
                self.answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

            def answer(self, body):
                status, headers, text = handle(self.path, dict(self.headers), body.decode())
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
