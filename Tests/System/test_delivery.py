"""Mail leaves by SMTP, text messages through an HTTP gateway, each at least once and never in clear (H6, O1, T14). The
servers are real ones on this machine; the mail server is aiosmtpd."""

import asyncio
import base64
import contextlib
import datetime
import email
import email.policy
import email.utils
import http.server
import ipaddress
import json
import os
import pathlib
import re
import socket
import sqlite3
import ssl
import statistics
import subprocess
import threading
import time

import pytest
import requests
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("SPAREKEY_BINARY", ".build/debug/sparekey")
PATIENCE = 40
USER, PASSWORD = "post@man", "open sesame of the mail server"
SENDER = "accounts@sender.example"
GOOD_PASSWORD = "correct kettle 99 stone"


# Certificates


def name_of(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


class Authority:
    """A certificate authority for one test run."""

    def __init__(self, folder, name="ca"):
        self.folder, self.name = folder, name
        self.key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.datetime.now(datetime.UTC)
        certificate = (
            x509.CertificateBuilder().subject_name(name_of(name)).issuer_name(name_of(name))
            .public_key(self.key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=30)).not_valid_after(now + datetime.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256()))
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, hosts=("localhost",), ended=False):
        """What a server speaks TLS with: a certificate for those hosts, perhaps one that has run out."""
        key = ec.generate_private_key(ec.SECP256R1())
        end = datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=-1 if ended else 1)
        names = [x509.DNSName(host) for host in hosts] + [x509.IPAddress(ipaddress.ip_address("127.0.0.1"))] * (
            "localhost" in hosts)
        certificate = (
            x509.CertificateBuilder().subject_name(name_of(hosts[0])).issuer_name(name_of(self.name))
            .public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(end - datetime.timedelta(days=2)).not_valid_after(end)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self.key, hashes.SHA256()))
        pair = self.folder / f"{self.name}-{certificate.serial_number}.pem"
        pair.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
            + certificate.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair)
        return context


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


# Servers


class Letter:
    """What came: the envelope, the bytes, and how."""

    def __init__(self, session, envelope):
        self.sender, self.recipients = envelope.mail_from, envelope.rcpt_tos
        self.content = envelope.content
        self.encrypted = session.ssl is not None
        self.user = session.auth_data
        self.message = email.message_from_bytes(envelope.content, policy=email.policy.SMTP)

    @property
    def text(self):
        return self.message.get_content()


class MailServer:
    """A real mail server that takes mail after STARTTLS and AUTH only."""

    def __init__(self, port, context, password=PASSWORD, from_start=False, replies=(), delay=0):
        self.letters, self.logins, self.asked = [], [], []
        self.replies, self.delay = list(replies), delay
        self.password = password
        secure = {"ssl_context": context} if from_start else {"tls_context": context, "require_starttls": True}
        self.controller = Controller(
            self, hostname="127.0.0.1", port=port, auth_required=True, auth_require_tls=not from_start,
            authenticator=self.authenticate, **secure)
        self.controller.start()

    def authenticate(self, server, session, envelope, mechanism, data):
        fits = (data.login.decode(), data.password.decode()) == (USER, self.password)
        self.logins.append(fits)
        # With success=False it answers only when told that nobody else did.
        return AuthResult(success=fits, handled=fits, auth_data=data.login.decode())

    async def handle_RCPT(self, server, session, envelope, address, options):
        self.asked.append(address)
        if self.replies:
            return self.replies.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        await asyncio.sleep(self.delay)
        self.letters.append(Letter(session, envelope))
        return "250 OK"

    def to(self, address):
        return [letter for letter in self.letters if letter.recipients == [address]]

    def stop(self):
        self.controller.stop()


class Plain:
    """Takes any mail in clear."""

    def __init__(self):
        self.came = []

    async def handle_DATA(self, server, session, envelope):
        self.came += envelope.rcpt_tos
        return "250 OK"


class Raw:
    """A server that does what `talk` does with each connection, and keeps the lines it was sent."""

    def __init__(self, port, talk):
        self.lines, self.talk, self.count = [], talk, 0
        self.open = []
        self.socket = socket.create_server(("127.0.0.1", port))
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.socket.accept()
                self.count += 1
                self.open.append(connection)
                threading.Thread(target=self.attend, args=(connection,), daemon=True).start()

    def attend(self, connection):
        with contextlib.suppress(OSError), connection, connection.makefile("rwb", buffering=0) as stream:
            self.talk(self, stream)

    def read(self, stream):
        line = stream.readline()
        self.lines.append(line)
        return line

    def stop(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        for connection in self.open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def hanging(raw, stream):
    while raw.read(stream):
        pass


def dropping(raw, stream):
    pass


def hanging_after_hello(raw, stream):
    stream.write(b"220 localhost\r\n")
    while raw.read(stream):
        pass


def without_starttls(raw, stream):
    """As if someone in between had cut STARTTLS out of what the server offers."""
    stream.write(b"220 localhost\r\n")
    while line := raw.read(stream):
        stream.write(b"250-localhost\r\n250 AUTH PLAIN LOGIN\r\n" if line.startswith(b"EHLO") else b"250 OK\r\n")


def refusing_starttls(raw, stream):
    stream.write(b"220 localhost\r\n")
    while line := raw.read(stream):
        if line.startswith(b"EHLO"):
            stream.write(b"250-localhost\r\n250-AUTH PLAIN LOGIN\r\n250 STARTTLS\r\n")
        else:
            stream.write(b"454 not now\r\n" if line.startswith(b"STARTTLS") else b"250 OK\r\n")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come about"
        time.sleep(0.05)
    return found


class Post:
    """A mail server's place: a port at which one server after the other may stand, and the settings that name it."""

    def __init__(self, folder, authority):
        self.port, self.authority, self.standing = free_port(), authority, None
        (folder / "password").write_text(PASSWORD + "\n")
        (folder / "password").chmod(0o600)
        self.settings = {
            "smtp": f"smtp://{USER.replace('@', '%40')}@localhost:{self.port}",
            "smtp-password-file": folder / "password", "smtp-ca-file": authority.file, "mail-from": SENDER}

    def stand(self, kind, *arguments, **options):
        """Another server in its place."""
        self.leave()
        self.standing = kind(self.port, *arguments, **options)
        return self.standing

    def good(self, **options):
        return self.stand(MailServer, self.authority.server_context(), **options)

    def raw(self, talk):
        return self.stand(Raw, talk)

    def leave(self):
        if self.standing:
            self.standing.stop()
        self.standing = None


@pytest.fixture
def post(tmp_path, authority):
    place = Post(tmp_path, authority)
    yield place
    place.leave()


def sign_up(server, name):
    """Asks for one mail: the code that confirms the address."""
    made = server.call(
        "POST", "/api/v1/accounts",
        {"username": name, "password": GOOD_PASSWORD, "email": f"{name}@people.example"})
    assert made.status_code == 201, made.text
    return f"{name}@people.example"


def outbox(server):
    with contextlib.closing(sqlite3.connect(server.data / "sparekey.sqlite", timeout=20)) as database:
        return database.execute("SELECT count(*) FROM outbox WHERE delivered_at IS NULL").fetchone()[0]


def assert_silent(server, *secrets):
    """T14: the log tells what is wrong, and holds neither password nor address nor message."""
    log = server.log.read_text()
    for secret in [PASSWORD, base64.b64encode(PASSWORD.encode()).decode(), "people.example", *secrets]:
        assert secret not in log, f"the log holds {secret}"
    return log


# Mail


def test_s4_mail_goes_out_by_starttls_and_login_exactly_as_it_was_meant(start_server, post):
    """A service name that begins with a dot and is not ASCII tries dot-stuffing and the encoding."""
    mail_server = post.good()
    server = start_server(post.settings | {"service-name": ".Schlüssel und Söhne"})
    address = sign_up(server, "anna")
    letter = until(lambda: mail_server.letters, "a mail")[0]
    assert (letter.sender, letter.recipients) == (SENDER, [address])
    assert letter.encrypted and letter.user == USER
    message = letter.message
    assert (message["From"], message["To"]) == (SENDER, address)
    assert re.fullmatch(r"[0-9]{6} is your code to confirm this email", message["Subject"])
    sent = email.utils.parsedate_to_datetime(message["Date"])
    assert abs((datetime.datetime.now(datetime.UTC) - sent).total_seconds()) < 60
    assert message["Message-ID"].endswith("@sender.example>") and message["Auto-Submitted"] == "auto-generated"
    lines = letter.text.splitlines()
    assert lines[0] == "Hello anna,"
    assert lines[-2:] == [".Schlüssel und Söhne", server.url]
    # Any server takes it: ASCII, short lines, CRLF.
    assert letter.content.isascii()
    assert all(len(line) <= 78 for line in letter.content.split(b"\r\n")) and b"\n" not in letter.content.replace(
        b"\r\n", b"")
    until(lambda: outbox(server) == 0, "an empty outbox")
    time.sleep(3)
    assert len(mail_server.letters) == 1
    assert not list((server.data / "outbox").iterdir()), "a mail that was sent lies in the folder too"
    assert_silent(server)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the server's socket speaks nothing else
def test_s4_mail_goes_out_by_tls_from_the_start(start_server, post):
    mail_server = post.good(from_start=True)
    server = start_server(post.settings | {"smtp": post.settings["smtp"].replace("smtp:", "smtps:")})
    address = sign_up(server, "anna")
    assert until(lambda: mail_server.to(address), "a mail")[0].user == USER


def test_row_20_sender_recipient_and_links_come_from_settings_and_database_only(start_server, post):
    mail_server = post.good()
    server = start_server(post.settings, demo=True)
    hostile = {
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9",
        "X-Original-URL": "//evil.example/", "Forwarded": "host=evil.example", "From": "evil@evil.example",
        "Sender": "evil@evil.example", "Reply-To": "evil@evil.example", "Origin": "https://evil.example",
        "User-Agent": "x\tBcc: evil@evil.example"}

    def call(path, body):
        body |= {"email": "evil@evil.example", "to": "evil@evil.example", "address": "evil@evil.example"}
        return requests.post(f"{server.url}/api/v1/{path}", json=body, headers=hostile, timeout=20)

    started = call("recovery", {"username": "demo"})
    if started.status_code != 200:  # members that nobody knows may be refused as a whole
        started = requests.post(
            f"{server.url}/api/v1/recovery", json={"username": "demo"}, headers=hostile, timeout=20)
    started = started.json()
    body = {"journey": started["journey"], "option": started["options"][0]["id"]}
    sent = requests.post(f"{server.url}/api/v1/recovery/issued-code", json=body, headers=hostile, timeout=20)
    assert sent.json()["step"] == "issued-code", sent.text
    refused = requests.post(
        f"{server.url}/api/v1/recovery/issued-code", json=body, headers={"Host": "evil.example"}, timeout=20)
    assert refused.status_code >= 400
    letters = until(lambda: [l for l in mail_server.letters if "is your code" in l.message["Subject"]], "a code")
    for letter in mail_server.letters:
        assert (letter.sender, letter.recipients) == (SENDER, ["demo@example.org"])
        assert (letter.message["From"], letter.message["To"]) == (SENDER, "demo@example.org")
        assert not {"Bcc", "Cc", "Reply-To", "Sender"} & set(letter.message.keys())
        assert b"evil.example" not in letter.content
    assert server.url in letters[0].text


def wrong_password(post):
    return post.good(password="another one")


def other_authority(post):
    stranger = Authority(post.authority.folder, "stranger")
    return post.stand(MailServer, stranger.server_context())


def other_host(post):
    return post.stand(MailServer, post.authority.server_context(["mail.example.org"]))


def run_out(post):
    return post.stand(MailServer, post.authority.server_context(ended=True))


@pytest.mark.parametrize(
    "wrong, words",
    [
        (wrong_password, "refuses user and password (535)"),
        (other_authority, "certificate is not trusted"),
        (other_host, "certificate is not trusted"),
        (run_out, "certificate is not trusted"),
        (lambda post: post.raw(without_starttls), "offers no TLS, so nothing was sent"),
        (lambda post: post.raw(refusing_starttls), "offers no TLS, so nothing was sent"),
    ],
    ids=["wrong password", "other authority", "other host", "certificate run out", "starttls stripped",
         "starttls refused"])
def test_t14_a_server_that_is_not_the_right_one_learns_nothing_and_the_mail_comes_later(
        start_server, post, wrong, words):
    bad = wrong(post)
    server = start_server(post.settings)
    address = sign_up(server, "anna")
    until(lambda: words in server.log.read_text(), "a try")
    if isinstance(bad, Raw):
        said = {line.split()[0] for line in bad.lines if line.strip()}
        assert said <= {b"EHLO", b"STARTTLS", b"QUIT"}, f"said in clear: {said}"
    else:
        assert not bad.letters and not bad.asked
        assert all(not fits for fits in bad.logins)
        assert bool(bad.logins) == (wrong is wrong_password), "it signed in to a server that it should not trust"
    assert outbox(server) == 1
    right = post.good()
    until(lambda: right.to(address), "the mail")
    until(lambda: outbox(server) == 0, "an empty outbox")
    assert len(right.letters) == 1
    assert_silent(server)


def refuse(post):
    post.leave()


@pytest.mark.parametrize(
    "down",
    [refuse, lambda post: post.raw(hanging), lambda post: post.raw(hanging_after_hello),
     lambda post: post.raw(dropping)],
    ids=["refusing", "hanging", "hanging after hello", "dropping"])
def test_row_26_with_mail_down_known_and_unknown_names_are_answered_alike(start_server, post, down):
    """Same status, same shape, same time, before and after the code is asked for; and what was asked for is sent once
    when the server is back."""
    down(post)
    server = start_server(post.settings, demo=True)

    def ask(name):
        start = time.monotonic()
        started = server.call("POST", "/api/v1/recovery", {"username": name})
        option = started.json()["options"][0]["id"]
        sent = server.call(
            "POST", "/api/v1/recovery/issued-code", {"journey": started.json()["journey"], "option": option})
        taken = time.monotonic() - start
        return taken, (started.status_code, sent.status_code, sorted(started.json()), sorted(sent.json()))

    # Most names that nobody has are offered something, as most accounts have an email.
    unknown = next(
        name for name in (f"nobody{number}" for number in range(50))
        if server.call("POST", "/api/v1/recovery", {"username": name}).json()["options"])
    answers = [(name, *ask(name)) for _ in range(6) for name in ("demo", unknown)]
    shapes = {repr(shape) for _, _, shape in answers}
    assert len(shapes) == 1, shapes
    times = {
        name: statistics.median(taken for who, taken, _ in answers if who == name)
        for name in ("demo", unknown)}
    assert max(times.values()) < 1, times
    assert abs(times["demo"] - times[unknown]) < 0.1, times
    assert outbox(server) >= 6
    assert not post.standing or post.standing.count > 0, "nothing was tried while the mail server was down"
    right = post.good()
    until(lambda: outbox(server) == 0, "an empty outbox", patience=90)
    assert {letter.recipients[0] for letter in right.letters} == {"demo@example.org"}
    identities = [letter.message["Message-ID"] for letter in right.letters]
    assert len(identities) == len(set(identities)), "a mail came twice"
    assert sum(letter.message["Subject"].endswith(" is your code") for letter in right.letters) == 6
    assert_silent(server, "demo@example.org", unknown)


def test_q4_kill_nine_between_mails_loses_none(start_server, post):
    """What was under way when the program died may come twice, then under the same Message-ID."""
    mail_server = post.good(delay=0.3)
    server = start_server(post.settings)
    expected = {sign_up(server, f"person{number:02}") for number in range(24)}
    kills = 0
    while kills < 3:
        seen = len(mail_server.letters)
        until(lambda: len(mail_server.letters) >= min(seen + 3, 24), "more mail")
        server.process.kill()
        server.process.wait()
        kills += 1
        assert outbox(server) > 0, "the kill came too late to prove anything"
        # What the dead program had taken up is free again after two minutes.
        with contextlib.suppress(AssertionError):
            server.change_database("UPDATE outbox SET due_at = 0 WHERE delivered_at IS NULL")
        server = start_server(post.settings, data=server.data)
    until(lambda: outbox(server) == 0, "an empty outbox")
    assert {letter.recipients[0] for letter in mail_server.letters} == expected
    by_id = {letter.message["Message-ID"]: letter.content for letter in mail_server.letters}
    assert len(by_id) == 24, "the same mail came under two names"
    assert len(mail_server.letters) <= 24 + kills * 4


def test_o1_a_mailbox_that_does_not_exist_is_given_up_and_one_that_is_busy_tried_again(start_server, post):
    mail_server = post.good(replies=["550 5.1.1 no such user"])
    server = start_server(post.settings)
    gone = sign_up(server, "gone")
    until(lambda: "a message was given up" in server.log.read_text(), "giving up")
    assert outbox(server) == 0
    mail_server.replies = ["451 4.7.1 come back later", "554 5.7.1 relay access denied"]
    busy = sign_up(server, "busy")
    until(lambda: mail_server.to(busy), "the mail after two refusals")
    assert mail_server.asked == [gone, busy, busy, busy]
    log = assert_silent(server)
    assert "will not take it (550)" in log and "does not take it now (451)" in log


def test_o1_a_server_that_never_says_goodbye_does_not_make_a_mail_come_twice(start_server, post):
    """Handing over counts, whatever comes after."""
    secure = post.authority.server_context()
    came = []

    def talk(raw, stream):
        connection = raw.open[-1]
        connection.sendall(b"220 localhost\r\n")
        assert stream.readline().startswith(b"EHLO")
        connection.sendall(b"250-localhost\r\n250 STARTTLS\r\n")
        assert stream.readline().startswith(b"STARTTLS")
        connection.sendall(b"220 go\r\n")
        with secure.wrap_socket(connection, server_side=True) as tls, tls.makefile("rb") as lines:
            while line := lines.readline():
                verb = line.split()[0].upper()
                if verb == b"QUIT":
                    while lines.readline():
                        pass
                    return
                tls.sendall(b"354 go\r\n" if verb == b"DATA" else b"250 OK\r\n")
                if verb == b"DATA":
                    while (line := lines.readline()) != b".\r\n":
                        assert line
                    came.append(time.monotonic())
                    tls.sendall(b"250 taken\r\n")

    post.raw(talk)
    settings = post.settings | {"smtp": f"smtp://localhost:{post.port}"}
    del settings["smtp-password-file"]
    server = start_server(settings)
    sign_up(server, "anna")
    until(lambda: came, "the mail")
    until(lambda: outbox(server) == 0, "the end of the wait for a goodbye", patience=50)
    assert len(came) == 1


# Text messages


class Gateway:
    """An SMS gateway: answers each number with the statuses it is given for it, then with 200."""

    def __init__(self):
        gateway = self
        self.requests, self.statuses, self.answers_endlessly = [], {}, False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                gateway.requests.append((time.monotonic(), self.path, self.headers, body))
                statuses = gateway.statuses.get(body["to"])
                status = statuses.pop(0) if statuses else 200
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.send_header("Content-Length", str(10**12) if gateway.answers_endlessly else "2")
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(b"{}")
                    while gateway.answers_endlessly:
                        self.wfile.write(b" " * 100_000)

            do_GET = do_POST

            def log_message(self, *arguments):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://localhost:{self.server.server_address[1]}/messages"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def to(self, number):
        return [request for request in self.requests if request[3]["to"] == number]

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def gateway():
    standing = Gateway()
    yield standing
    standing.stop()


def plant(server, kind, number="+4917112345689", identity=None):
    """Queues a notice to a phone as the program would: sealed with the key file (docs/operating.md)."""
    identity = identity or os.urandom(12).hex()
    lines = [line.split() for line in (server.data / "sparekey.keys").read_text().splitlines()]
    key_id, master = [(int(line[0]), base64.b64decode(line[1])) for line in lines if line and line[0] != "#"][-1]
    key = HKDF(hashes.SHA256(), 32, b"", b"sparekey/outbox/1").derive(master)
    notice = {
        "kind": kind, "username": "anna", "channel": "phone", "address": number, "at": int(time.time() * 1000),
        "source": {"address": "192.0.2.1", "agent": "Firefox"}}
    nonce = os.urandom(12)
    body = bytes([key_id]) + nonce + ChaCha20Poly1305(key).encrypt(
        nonce, json.dumps(notice).encode().ljust(768), f"outbox/{identity}".encode())
    server.change_database(
        "INSERT INTO outbox (id, body, created_at, due_at, attempts) VALUES (?1, ?2, ?3, ?3, 0)", identity, body,
        notice["at"])
    return identity


def test_s4_the_request_to_the_sms_gateway_is_the_documented_one(start_server, gateway, tmp_path):
    (tmp_path / "authorization").write_text("Bearer gateway-secret\n")
    server = start_server(
        {"sms-gateway": gateway.url, "sms-authorization-file": tmp_path / "authorization",
         "service-name": "Schlüssel"})
    identity = plant(server, {"issuedCode": {"code": "123456"}})
    until(lambda: gateway.requests, "a request")
    until(lambda: outbox(server) == 0, "an empty outbox")
    [(_, path, headers, body)] = gateway.requests
    assert path == "/messages"
    assert headers["Authorization"] == "Bearer gateway-secret"
    assert headers["Content-Type"] == "application/json" and headers["Idempotency-Key"] == identity
    assert set(body) == {"to", "text", "id"} and body["id"] == identity and body["to"] == "+4917112345689"
    assert body["text"].startswith("Your code: 123 456.") and "Schlüssel" in body["text"]
    plant(server, {"passwordChanged": {}})
    text = until(lambda: gateway.requests[1:], "a second request")[0][3]["text"]
    assert text.startswith("Your password was changed") and text.endswith(server.url) and len(text) <= 300
    assert "gateway-secret" not in assert_silent(server, "+4917112345689", "123 456", "123456")


def test_s4_a_text_message_that_is_refused_for_now_is_sent_again(start_server, gateway):
    numbers = {f"+49171123{status}": status for status in (503, 500, 408, 429, 404, 403, 401, 302)}
    gateway.statuses = {number: [status] * 2 for number, status in numbers.items()}
    server = start_server({"sms-gateway": gateway.url})
    identities = {number: plant(server, {"issuedCode": {"code": "123456"}}, number) for number in numbers}
    until(lambda: outbox(server) == 0, "an empty outbox")
    for number, identity in identities.items():
        tries = gateway.to(number)
        assert len(tries) == 3, f"{numbers[number]}: {len(tries)} tries"
        assert {(path, headers["Idempotency-Key"]) for _, path, headers, _ in tries} == {("/messages", identity)}
        first, second, third = [at for at, *_ in tries]
        assert second - first >= 1.5 and third - second >= 4, "it waits longer and longer"


def test_s4_a_text_message_that_is_refused_for_good_is_not_sent_again(start_server, gateway):
    gateway.statuses = {"+49171123400": [400], "+49171123422": [422]}
    server = start_server({"sms-gateway": gateway.url})
    for number in gateway.statuses:
        plant(server, {"issuedCode": {"code": "123456"}}, number)
    until(lambda: server.log.read_text().count("a message was given up") == 2, "giving up")
    assert outbox(server) == 0
    time.sleep(4)
    assert len(gateway.requests) == 2


def test_s4_an_endless_answer_of_the_gateway_is_not_read(start_server, gateway):
    gateway.answers_endlessly = True
    server = start_server({"sms-gateway": gateway.url})
    plant(server, {"issuedCode": {"code": "123456"}})
    until(lambda: outbox(server) == 0, "an empty outbox")
    time.sleep(3)
    assert len(gateway.requests) == 1


def test_t14_a_gateway_with_a_strange_certificate_is_told_nothing(start_server, authority, tmp_path):
    """The system's authorities count, and the test's is none of them."""
    seen = []
    context = authority.server_context()

    def talk(raw, stream):
        with contextlib.suppress(ssl.SSLError):
            with context.wrap_socket(raw.open[-1], server_side=True) as tls:
                seen.append(tls.recv(1))

    port = free_port()
    raw = Raw(port, talk)
    server = start_server({"sms-gateway": f"https://localhost:{port}/"})
    plant(server, {"issuedCode": {"code": "123456"}})
    until(lambda: "certificate is not trusted" in server.log.read_text(), "a refusal")
    assert outbox(server) == 1 and not any(seen)
    raw.stop()


def test_s4_without_a_gateway_text_messages_are_files(start_server):
    server = start_server()
    identity = plant(server, {"issuedCode": {"code": "123456"}})
    [file] = until(lambda: list((server.data / "outbox").glob("[!.]*.sms")), "a file")
    assert file.name.endswith(f"-{identity}.sms") and file.stat().st_mode & 0o077 == 0
    assert file.read_text().startswith("To: +4917112345689\n\nYour code: 123 456.")


def test_q4_a_mail_server_that_hangs_does_not_hold_up_text_messages(start_server, post, gateway):
    post.raw(hanging)
    server = start_server(post.settings | {"sms-gateway": gateway.url})
    for number in range(30):
        sign_up(server, f"person{number:02}")
    until(lambda: post.standing.count >= 4, "four mails under way")
    plant(server, {"issuedCode": {"code": "123456"}})
    until(lambda: gateway.requests, "the text message", patience=20)
    # What hangs is not waited for when the program is stopped.
    server.process.terminate()
    server.process.wait(8)


# Doctor and settings


def run(folder, command, settings, public_url=None):
    arguments = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
    arguments += ["--public-url", public_url] if public_url else []
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    return subprocess.run(
        [BINARY, command, "--data", folder / "data", *arguments], capture_output=True, text=True, timeout=90,
        cwd=folder, env=environment)


def doctor(folder, settings, public_url=None):
    """What it says of mails and text messages, and how it ends."""
    ended = run(folder, "doctor", settings, public_url)
    findings = dict(re.findall(r"^\w+\t([^:]+): (.*)$", ended.stdout, re.MULTILINE))
    states = dict((check, state) for state, check in re.findall(r"^(\w+)\t([^:]+):", ended.stdout, re.MULTILINE))
    assert PASSWORD not in ended.stdout + ended.stderr
    return ended.returncode, states, findings


def test_o5_doctor_signs_in_to_the_mail_server_and_sends_nothing(post, tmp_path):
    mail_server = post.good()
    code, states, findings = doctor(tmp_path, post.settings)
    assert (code, states["mails"]) == (0, "ok"), findings
    assert findings["mails"].endswith(" can be used")
    assert mail_server.logins == [True] and not mail_server.asked and not mail_server.letters


@pytest.mark.parametrize(
    "wrong, words",
    [
        (refuse, "cannot be reached"),
        (wrong_password, "refuses user and password (535)"),
        (other_authority, "certificate is not trusted"),
        (lambda post: post.raw(without_starttls), "offers no TLS"),
        (lambda post: post.raw(dropping), "cannot be reached, or does not answer"),
    ],
    ids=["nobody there", "wrong password", "other authority", "no starttls", "dropping"])
def test_o5_doctor_says_why_mail_would_not_go(post, tmp_path, wrong, words):
    wrong(post)
    code, states, findings = doctor(tmp_path, post.settings)
    assert (code, states["mails"]) == (1, "fail") and words in findings["mails"], findings


def test_o5_doctor_says_what_stays_on_this_machine(post, tmp_path, gateway):
    code, states, findings = doctor(tmp_path, {})
    assert (code, states["mails"], states["text messages"]) == (0, "ok", "ok")
    assert "no smtp" in findings["mails"] and "no sms-gateway" in findings["text messages"]
    _, states, _ = doctor(tmp_path, {}, "https://accounts.example.org")
    assert (states["mails"], states["text messages"]) == ("warn", "warn")
    post.good()
    (tmp_path / "password").chmod(0o644)
    settings = post.settings | {"sms-gateway": gateway.url}
    del settings["mail-from"]
    code, states, findings = doctor(tmp_path, settings, "https://accounts.example.org")
    assert (code, states["mails"], states["text messages"]) == (0, "ok", "ok"), findings
    assert (states["sender"], states["smtp-password-file"]) == ("warn", "warn")
    gateway.stop()
    code, states, findings = doctor(tmp_path, settings)
    assert (code, states["text messages"]) == (1, "fail") and "cannot be reached" in findings["text messages"]


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"smtp": "mail.example.org"}, "smtp (--set smtp) should read like smtp://user@mail.example.org:587"),
        ({"smtp": "http://mail.example.org"}, "smtp (--set smtp) should read like"),
        ({"smtp": "smtp://user:hidden-word@mail.example.org"}, "with the password in smtp-password-file"),
        ({"smtp": "smtp://mail.example.org/hidden-word"}, "smtp (--set smtp) should read like"),
        ({"smtp": "smtp://user@mail.example.org"}, "smtp-password-file belong together"),
        ({"smtp": "smtp://mail.example.org", "smtp-password-file": "word"}, "smtp-password-file belong together"),
        ({"smtp": "smtp://u@mail.example.org", "smtp-password-file": "gone"}, "gone (--set smtp-password-file), which"),
        ({"smtp": "smtp://u@mail.example.org", "smtp-password-file": "empty"}, "must hold one line of text"),
        ({"smtp": "smtp://u@mail.example.org", "smtp-password-file": "two"}, "must hold one line of text"),
        ({"smtp-password-file": "word"}, "smtp-password-file is set (--set smtp-password-file), but smtp is not"),
        ({"smtp": "smtp://mail.example.org", "smtp-tls": "off"}, "smtp-tls=off (--set smtp-tls) is for a mail server on"),
        ({"smtp": "smtps://localhost", "smtp-tls": "off"}, "smtp-tls=off (--set smtp-tls) is for a mail server on"),
        ({"smtp": "smtp://localhost", "smtp-tls": "maybe"}, "required or off"),
        ({"smtp": "smtp://mail.example.org", "smtp-ca-file": "gone"}, "gone (--set smtp-ca-file), which cannot be read"),
        ({"sms-gateway": "http://sms.example.org/"}, "http only for this machine"),
        ({"sms-gateway": "https://u:hidden-word@sms.example.org/"}, "sms-gateway (--set sms-gateway) should read like"),
        ({"sms-gateway": "https://sms.example.org/", "sms-authorization-file": "two"}, "must hold one line of text"),
        ({"sms-authorization-file": "word"}, "but sms-gateway is not"),
    ])
def test_o1_a_delivery_setting_that_cannot_be_is_refused_with_its_fix(tmp_path, settings, sentence):
    (tmp_path / "word").write_text("hidden-word\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "two").write_text("hidden-word\r\nX-Injected: yes\n")
    for command in ("config", "serve"):
        refused = run(tmp_path, command, settings)
        assert refused.returncode == 1 and sentence in refused.stderr, refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1
        assert "hidden-word" not in refused.stderr + refused.stdout


def test_o1_config_lists_the_servers_and_never_the_password(post, tmp_path):
    listed = run(tmp_path, "config", post.settings)
    assert listed.returncode == 0 and post.settings["smtp"] in listed.stdout
    assert PASSWORD not in listed.stdout


def test_o1_tls_may_be_off_on_this_machine_only(start_server, post):
    mail = Controller(handler := Plain(), hostname="127.0.0.1", port=post.port)
    mail.start()
    try:
        server = start_server({"smtp": f"smtp://localhost:{post.port}", "smtp-tls": "off", "mail-from": SENDER})
        address = sign_up(server, "anna")
        until(lambda: handler.came == [address], "a mail")
    finally:
        mail.stop()
