"""Q6, C4, T14: after a full run at debug level, nothing that opens an account stands where it should not."""

import base64
import email
import email.policy
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import urllib.parse
import uuid

import pytest
import requests
from conftest import BINARY, Server
from openid import Challenge, Client, Screenless
from people import App, Claim, Person, good, make_token, totp
from test_hold import first_token
from test_support import case_of, open_case

PASSWORDS = ["planted first password xyzzy", "planted second password plugh", "planted wrong password frobozz"]
WORDS = "The planted thief took my quartz-lantern-93 and all my papers."
EMAIL = "planted@example.org"
NEVER = "(?!)"
# Someone without rights.
NOBODY = 65534


class Run:
    """One run through everything. `answers` are all that came: what was asked, the status, heads and text. `secrets` has
    each secret and what may show it: a pattern for the method and path of answers, with a status of success, and for the
    files beside the database."""

    def __init__(self, server, folder, monkeypatch):
        self.server, self.answers, self.secrets, self.digits = server, [], {}, set()
        send = requests.Session.send

        def kept(session, request, **options):
            answer = send(session, request, **options)
            heads = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
            self.answers.append((f"{request.method} {request.path_url}", answer.status_code, f"{heads}\n{answer.text}"))
            return answer

        monkeypatch.setattr(requests.Session, "send", kept)
        self.account_and_codes()
        self.authenticator_app()
        self.recovery_that_waits()
        self.support()
        self.apps()
        self.operator()
        self.mistakes()
        self.backup = folder / "copy.sqlite"
        made = server.command("backup", str(self.backup))
        assert made.returncode == 0, made.stderr

    def plant(self, secret, answers=NEVER, files=NEVER):
        assert len(secret) >= 10
        self.secrets[secret] = re.compile(answers), re.compile(files)
        return secret

    def plant_code(self, code, answers):
        for form in (code.replace("-", ""), code.lower(), code.lower().replace("-", "")):
            self.plant(form)
        return self.plant(code, answers)

    def call(self, path, body=None, token=None, **options):
        return self.server.call("POST", f"/api/v1/{path}", body, token, **options)

    def account_and_codes(self):
        server = self.server
        first, second, wrong = (self.plant(password) for password in PASSWORDS)
        made = self.call("accounts", {"username": "planted", "password": first, "email": EMAIL})
        token = self.plant(made.json()["session"]["token"], "POST /api/v1/accounts")
        self.digits.add(server.wait_for_digits(EMAIL, 0))
        key = self.plant(str(uuid.uuid4()))
        code = self.call("recovery-code", token=token, key=key).json()["code"]
        assert self.call("recovery-code", token=token, key=key).json()["code"] == code
        self.plant_code(code, "POST /api/v1/recovery-code")
        self.call("step-up", {"password": wrong}, token)
        self.plant(self.call("step-up", {"password": first}, token).json()["token"], "POST /api/v1/step-up")
        journey = self.journey("sign-in", {"username": "planted"})
        self.call("sign-in/password", {"journey": journey, "password": wrong})
        start = self.journey("recovery", {"username": "planted"})
        self.call("recovery/recovery-code", {"journey": start, "code": code[:-1]})
        proved = self.journey("recovery/recovery-code", {"journey": start, "code": code.lower()})
        self.call("recovery/new-password", {"journey": proved, "password": "short"})
        new = self.call("recovery/new-password", {"journey": proved, "password": second}).json()["recoveryCode"]
        self.plant_code(new, "POST /api/v1/recovery/new-password")
        self.call(f"nowhere?code={code}", {"password": second})
        server.call("GET", f"/recover/code?code={code}&password={second}")

    def journey(self, path, body):
        journey = self.call(path, body).json()["journey"]
        return self.plant(journey, f"POST /api/v1/{path.split('/')[0]}")

    def authenticator_app(self):
        person = Person(self.server, "planted2")
        added = good(person.call("POST", "/api/v1/security-info/totp", {"name": "My phone"}), 201)
        person.app = App(self.server, added["id"], added["secret"])
        # In letters it is shown once; as bytes nowhere.
        self.plant(added["secret"], "POST /api/v1/security-info/totp$")
        self.plant(base64.b32decode(added["secret"]).decode("latin-1"))
        self.plant(base64.b32decode(added["secret"]).hex())
        for wrong in (totp(added["secret"], 1), totp(added["secret"], 2)):
            self.digits.add(wrong)
            self.call(f"security-info/totp/{added['id']}/confirm", {"code": wrong}, person.token)
        good(person.call("POST", f"/api/v1/security-info/totp/{added['id']}/confirm", {"code": self.app_code(person)}))
        good(person.call("PUT", "/api/v1/two-step", {"enabled": True}))
        person.token = self.plant(good(self.call(
            "step-up", {"password": person.password, "totp": self.app_code(person)}, person.token))["token"],
            "POST /api/v1/step-up")
        self.person = person

    def app_code(self, person):
        code = person.app.code()
        self.digits.add(code)
        return code

    def recovery_that_waits(self):
        code = self.plant_code(self.person.make_code(), "POST /api/v1/recovery-code")
        claim = Claim(self.server, self.person, code, password=self.plant("planted parked password quux"))
        self.plant(claim.ticket, "POST /api/v1/recovery/new-password")
        self.plant(claim.ticket.replace("-", ""))
        link = self.plant(first_token(self.server, claim, self.person.emails[0]), files=r"outbox/.*\.eml")
        self.server.call("GET", f"/stop/{link}x")
        self.call("holds/by-stop-token", {"stopToken": link[:-2]})
        self.server.call("GET", f"/api/v1/holds/{claim.id}", token=claim.ticket)
        self.server.call("GET", f"/api/v1/holds/{claim.id}", token=claim.ticket[:-1])

    def support(self):
        self.plant("quartz-lantern-93", "GET /api/v1/help/support/cases/")
        case = open_case(self.server, "lost@elsewhere.example", "planted", words=WORDS)
        self.plant(case["ticket"], "POST /api/v1/help/support/confirm")
        self.plant(case["ticket"].replace("-", ""))
        case_of(self.server, case)
        self.server.call("GET", f"/api/v1/help/support/cases/{case['number']}", token=case["ticket"][:-1])
        self.call("help/support", {"category": "other", "description": WORDS, "email": "no address"})

    def apps(self):
        client, challenge = Client(self.server), Challenge()
        self.client = client
        self.plant(client.secret)
        self.plant(challenge.verifier)
        person = Person(self.server, "planted3")
        browser = Screenless(self.server, person.token)
        code = self.plant(
            browser.allow(client, challenge, scope="openid offline_access")["code"],
            "(POST|GET) /oauth2/(consent|authorize)")
        client.exchange(code + "x", challenge.verifier)
        tokens = client.exchange(code, challenge.verifier).json()
        renewed = client.refresh(tokens["refresh_token"]).json()
        for each in (tokens, renewed):
            for name in ("access_token", "refresh_token", "id_token"):
                self.plant(each[name], "POST /oauth2/token")
        client.user_info(renewed["access_token"])
        client.user_info(renewed["access_token"] + "x")
        client.post("introspect", token=renewed["access_token"])
        # One that was used already ends its family.
        client.refresh(tokens["refresh_token"])
        client.exchange(code, challenge.verifier)
        client.post("revoke", token=renewed["refresh_token"])

    def operator(self):
        token = self.plant(make_token(self.server))
        for path in ("token", "accounts/planted", "clients", "holds", "cases", "audit"):
            assert self.server.call("GET", f"/api/v1/admin/{path}", token=token).ok, path
        self.server.call("GET", "/api/v1/admin/accounts", token=token[:-1])

    def mistakes(self):
        """Each secret in every place where it does not belong."""
        server = self.server
        self.mistaken = len(self.answers)
        for secret in list(self.secrets):
            if not secret.isprintable() or not secret.isascii():
                continue
            typed = urllib.parse.quote(secret)
            for path in (f"/nowhere/{typed}", f"/api/v1/nowhere?x={typed}", f"/sign-in?x={typed}", f"/stop/{typed}x"):
                server.call("GET", path)
            server.call("GET", "/api/v1/session", token="x" + secret)
            server.call("GET", "/api/v1/admin/accounts", token="x" + secret)
            self.call("sign-in", {"username": {"x": secret}})
            self.call("sign-in", {"username": "planted", "x": secret}, key=secret)
            self.call("recovery/recovery-code", {"journey": "x" + secret, "code": secret})
            for kind in ("application/json", "application/x-www-form-urlencoded"):
                for path in ("/api/v1/sign-in", "/recover", "/oauth2/token"):
                    requests.post(server.url + path, data=f'{{"username": "{secret}', headers={"Content-Type": kind})
            self.client.exchange("x" + secret, secret)
            self.client.refresh("x" + secret)
            requests.get(server.url + "/account/security", cookies={"sparekey-session": "x" + secret})

    def files(self):
        """Everything beside and in the database, and the backup."""
        for path in [*self.server.data.rglob("*"), self.backup]:
            if path.is_file() and not path.name.endswith("-shm"):
                content = path.read_bytes()
                text = content.decode("latin-1")
                if path.suffix == ".eml":
                    text += email.message_from_bytes(content, policy=email.policy.SMTP).get_content()
                yield f"{path.parent.name}/{path.name}", text
        for words in ("account list", "account show planted2", "hold list", "case list", "client list", "token list",
                      "audit export", "report no-way-back", "config"):
            printed = self.server.command(*words.split())
            assert printed.returncode == 0, printed.stderr
            yield f"sparekey {words}", printed.stdout


@pytest.fixture(scope="module")
def run(start_server, tmp_path_factory):
    with pytest.MonkeyPatch.context() as monkeypatch:
        server = start_server({"log-level": "debug", "hold-period": "30d"})
        yield Run(server, tmp_path_factory.mktemp("backup"), monkeypatch)


def test_row_43_no_secret_reaches_log_database_mail_or_backup(run):
    places = dict(run.files())
    names = {pathlib.Path(name).name for name in places}
    assert {"server.log", "sparekey.sqlite", "sparekey.sqlite-wal", "copy.sqlite"} <= names
    assert any(name.endswith(".eml") for name in places)
    assert any(name.endswith("server.log") and "request" in text for name, text in places.items())
    for name, text in places.items():
        lower = text.lower()
        for secret, (_, files) in run.secrets.items():
            assert secret not in text or files.search(name), f"{name} holds {secret!r}"
            assert secret.encode().hex() not in lower, f"{name} holds {secret!r} in hexadecimal"
            assert base64.b64encode(secret.encode()).decode().rstrip("=")[:-1] not in text, f"{name} holds {secret!r}"
        # An email's code is what its mail is for; nothing else may hold it.
        if not name.endswith(".eml"):
            for digits in run.digits:
                assert not re.search(rf"\b{digits}\b", text), f"{name} holds the digits {digits}"
            assert EMAIL not in text and "elsewhere.example" not in text, f"{name} holds an address in clear"


def test_q6_c4_no_answer_shows_a_secret_but_the_one_that_gives_it(run):
    met = {secret: 0 for secret in run.secrets}
    for number, (asked, status, text) in enumerate(run.answers):
        assert status < 500, asked
        for secret, (answers, _) in run.secrets.items():
            if secret not in text:
                continue
            meant = answers.match(asked) and status < 400 and number < run.mistaken
            assert meant, f"{asked} ({status}) shows {secret!r}"
            met[secret] += 1
        if number < run.mistaken:
            for digits in run.digits:
                assert not re.search(rf"\b{digits}\b", text), f"{asked} shows the digits {digits}"
    for secret, (answers, _) in run.secrets.items():
        assert met[secret] or answers.pattern == NEVER, f"{secret!r} was looked for in vain"


# -- the process


def read_by(user, pid, name):
    return subprocess.run(["cat", f"/proc/{pid}/{name}"], user=user, capture_output=True).returncode == 0


def test_q6_neither_a_debugger_nor_a_core_dump_sees_the_memory():
    """PR_SET_DUMPABLE 0: the files of the process in /proc are root's though it runs as somebody else, and that user
    cannot read them; those of another process of that user show that it can be told. A core may have no size."""
    program = BINARY.resolve()
    user = NOBODY if os.geteuid() == 0 else None
    if user and not all(each.stat().st_mode & 0o001 for each in [program, *program.parents]):
        pytest.skip(f"other users cannot run {program}")
    # Folders of pytest are closed to others.
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sparekey-"))
    if user:
        os.chown(folder, user, user)
    server = Server(folder, user=user)
    other = subprocess.Popen(["sleep", "60"], user=user)
    try:
        own, others = (pathlib.Path(f"/proc/{pid}") for pid in (server.process.pid, other.pid))
        for name in ("mem", "environ", "maps", "limits"):
            assert (own / name).stat().st_uid == 0 and (others / name).stat().st_uid == (user or os.geteuid())
        for name in ("environ", "maps", "auxv"):
            assert not read_by(user, server.process.pid, name) and read_by(user, other.pid, name)
        assert re.search(r"Max core file size\s+0\s+0", (own / "limits").read_text())
    finally:
        other.kill()
        other.wait()
        server.stop()
        shutil.rmtree(folder)
