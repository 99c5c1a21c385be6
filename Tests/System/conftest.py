"""A running server for the tests in this folder: the built program, on a free port, with data of its own.

SPAREKEY_BINARY says which program; otherwise it is the one in .build/debug. With SERVERS_ON=postgresql each server that
`start_server` starts has a database of its own on a PostgreSQL server in place of a file.
"""

import contextlib
import email
import email.policy
import itertools
import os
import pathlib
import re
import socket
import sqlite3
import subprocess
import time

import pytest
import requests

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / os.environ.get("SPAREKEY_BINARY", ".build/debug/sparekey")
PATIENCE = 20


class Server:
    """`sparekey serve` as a process. Its settings are cheap hashes and no limits unless a test says otherwise."""

    def __init__(self, data, settings=None, demo=False, variables=None, user=None):
        self.data = pathlib.Path(data)
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.settings = {"limits": "off", "hash-cost": "cheap", "log-level": "warning", **(settings or {})}
        self.demo = demo
        self.variables = variables or {}
        self.user = user
        self.log = self.data / "server.log"
        self.start()

    def start(self):
        """Starts it, also again on the same data after `stop` or `kill`."""
        command = [BINARY, "serve", "--data", self.data, "--port", str(self.port)]
        command += [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")]
        if "LD_PRELOAD" in self.variables:
            # A library that changes the environment as it is loaded makes Swift lose its arguments; a shell in between
            # makes the change before.
            command = ["sh", "-c", 'exec "$0" "$@"', *command]
        # Settings come from the command line alone: neither from the environment nor from a file that lies about.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command + ["--demo"] * self.demo, cwd=self.data, env=environment | self.variables, stdout=log,
                stderr=log, user=self.user)
        try:
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise

    def _wait_until_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            time.sleep(0.05)
        raise RuntimeError(f"the server did not start:\n{self.log.read_text(errors='replace')}")

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def command(self, *words):
        """Another command of the program on the same data."""
        return self.command_with("", *words)

    def command_with(self, text, *words):
        """The same, with something to read from standard input."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
        database = ["--set", f"database={self.settings['database']}"] if "database" in self.settings else []
        return subprocess.run(
            [BINARY, *words, "--data", self.data, *database], cwd=self.data, env=environment, input=text,
            capture_output=True, text=True, timeout=60)

    def call(self, method, path, body=None, token=None, scheme="Bearer", host=None, key=None):
        """An API call: `body` is sent as JSON, `key` as its Idempotency-Key."""
        headers = {"Authorization": f"{scheme} {token}"} if token else {}
        if key:
            headers["Idempotency-Key"] = key
        if host:
            headers["Host"] = host
        return requests.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=PATIENCE)

    def mails(self, to):
        """The mails to an address so far, oldest first."""
        files = sorted((self.data / "outbox").glob("[!.]*.eml"))
        mails = [email.message_from_bytes(file.read_bytes(), policy=email.policy.SMTP) for file in files]
        return [mail for mail in mails if mail["To"] == to]

    def wait_for_mail(self, to, after):
        """The mail that comes after the first `after` ones."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            mails = self.mails(to)
            if len(mails) > after:
                return mails[after]
            time.sleep(0.1)
        raise AssertionError(f"no further mail to {to} came")

    def wait_for_digits(self, to, after):
        """The six digits of the mail that comes after the first `after` ones."""
        return re.search(r"\b[0-9]{6}\b", self.wait_for_mail(to, after)["Subject"]).group()

    def change_database(self, statement, *values):
        """For what would take too long to wait for, such as ten minutes passing."""
        if "database" in self.settings:
            return postgres().change(self.settings["database"], statement, *values)
        with contextlib.closing(sqlite3.connect(self.data / "sparekey.sqlite", timeout=PATIENCE)) as database:
            with database:
                changed = database.execute(statement, values).rowcount
        assert changed != 0, f"nothing matched: {statement}"


def postgres():
    import postgres as module  # it needs this module
    return module


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def database_setting():
    """Makes the setting that says where a new server keeps its data."""
    if os.environ.get("SERVERS_ON", "sqlite") == "sqlite":
        yield lambda: {}
        return
    with postgres().room() as folder:
        database = postgres().Postgres(folder, settings={"max_connections": 500}).make().start()
        numbers = itertools.count(1)

        def new():
            name = f"server{next(numbers)}"
            database.ask(f"CREATE DATABASE {name}")
            return {"database": database.url(name)}

        try:
            yield new
        finally:
            database.stop()


@pytest.fixture(scope="session")
def start_server(tmp_path_factory, database_setting):
    """Starts servers that live until the tests are over."""
    if not BINARY.exists():
        pytest.fail(f"{BINARY} is missing: build it first, or name another one in SPAREKEY_BINARY")
    running = []

    def start(settings=None, demo=False, data=None, variables=None):
        data = data or tmp_path_factory.mktemp("server")
        running.append(Server(data, database_setting() | (settings or {}), demo, variables))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def server(start_server):
    """The server that most tests share. It has the demo account, whose email is confirmed."""
    return start_server(demo=True)
