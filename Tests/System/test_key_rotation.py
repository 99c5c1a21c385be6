"""O6 on the built program: another key becomes the one that seals, everything is sealed again with it while people go on
and commands and service are killed, and the old key goes when nothing refers to it."""

import base64
import concurrent.futures
import contextlib
import datetime
import itertools
import json
import os
import random
import re
import shutil
import sqlite3
import subprocess
import threading
import time

import postgres
from conftest import BINARY, PATIENCE
from people import (
    NEW_PASSWORD, Claim, Person, choose, code_sent, codes_sent, good, settle, show, start, two_step)
from test_hold import first_token
from test_postgres import Balanced, database, new, program  # noqa: F401: a fixture is among them
from test_support import case_of, open_case

SEED = int(os.environ.get("SPAREKEY_SEED", random.randrange(10**9)))
PERIOD = 20
CROWD = 24
KILLS = 6
# Rows of the history are sealed for their account, whatever their number: copies make work that takes a while.
COPIES = 120

SEALED = {
    "accounts": "password", "recovery_codes": "hash", "contacts": "address", "authenticator_apps": "secret",
    "security_history": "state_before", "outbox": "body", "cases": "content", "case_messages": "body",
    "signing_keys": "sealed",
}


def ask(server, statement):
    with contextlib.closing(sqlite3.connect(server.data / "sparekey.sqlite", timeout=PATIENCE)) as database:
        return database.execute(statement).fetchall()


def under(server, key, tables=SEALED):
    """How many values are sealed with a key."""
    return sum(
        ask(server, f"SELECT COUNT(*) FROM {table} WHERE substr({column}, 1, 1) = x'{key:02x}'")[0][0]
        for table, column in tables.items())


def keys(server):
    return json.loads(server.command("keys", "list", "--json").stdout)


def let_time_pass(server, key):
    """The key took over two days ago."""
    file = server.data / "sparekey.keys"
    since = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text, count = re.subn(rf"(?m)^({key} \S+ since) \S+$", rf"\1 {since}", file.read_text())
    assert count == 1, text
    replace(file, text)


def replace(file, text):
    fresh = file.with_suffix(".fresh")
    fresh.write_text(text)
    fresh.chmod(0o600)
    fresh.rename(file)


def retire(server):
    return server.command("keys", "retire")


class Crowd:
    """People whose sessions are used all the time, and a few who sign in, make codes and use them."""

    def __init__(self, *servers):
        self.servers = servers
        self.stopped = threading.Event()
        self.faults = []
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            self.people = list(pool.map(lambda _: Person(servers[0], email=False), range(CROWD)))
            self.codes = dict(zip(self.people, pool.map(Person.make_code, self.people)))
        self.workers, self.watched = self.people[:2], self.people[2:12]
        self.recovered = set(self.workers)
        self.done = 0

    def begin(self):
        self.stopped.clear()
        self.threads = [threading.Thread(target=self.attempt, args=(self.work, person)) for person in self.workers]
        self.threads.append(threading.Thread(target=self.attempt, args=(self.watch, None)))
        for thread in self.threads:
            thread.start()

    def end(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults

    def attempt(self, act, person):
        try:
            while not self.stopped.is_set():
                act(person)
                self.done += 1
        except BaseException as fault:  # told to the test, which runs in another thread
            self.faults.append(repr(fault))

    def watch(self, _):
        """Nobody is ever signed out, whichever process is asked."""
        for person, server in itertools.product(self.watched, self.servers):
            good(server.call("GET", "/api/v1/session", token=person.token))

    def work(self, person):
        person.sign_in()
        self.codes[person] = person.make_code()
        shown = show(person.server, person.name, code=self.codes[person])
        person.password = f"chosen {random.random()} by {person.name}"
        self.codes[person] = good(choose(person.server, shown["journey"], person.password))["recoveryCode"]

    def check(self):
        """Every session of before is alive, but those that a recovery ended."""
        for person in set(self.people) - self.recovered:
            good(person.call("GET", "/api/v1/session"))

    def recover(self, person):
        """With the code of before."""
        self.recovered.add(person)
        shown = show(person.server, person.name, code=self.codes[person])
        assert good(choose(person.server, shown["journey"]))["recoveryCode"] != self.codes[person]


def start_rotation(server):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    return subprocess.Popen(
        [BINARY, "keys", "rotate", "--data", server.data], cwd=server.data, env=environment,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def copy_history(server):
    server.change_database(
        "WITH RECURSIVE copy (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM copy WHERE n < ?) "
        "INSERT INTO security_history SELECT account_id, number + 1000 * n, at, kind, detail, source_address, "
        "source_agent, left_version, state_before FROM security_history, copy WHERE state_before IS NOT NULL", COPIES)


def test_o6_keys_rotate_under_load_and_killed_and_everything_of_before_goes_on(start_server):
    random.seed(SEED)
    print(f"SPAREKEY_SEED={SEED}")
    server = start_server({"hold-period": f"{PERIOD}s"})
    # A second process on the same file has to notice as well. Recoveries that are claimed there wait for long.
    other = start_server({"hold-period": "30d"}, data=server.data)
    decoys = [start(server, f"nobody{number}") for number in range(5)]
    crowd = Crowd(server, other)
    plain = Person(server)
    sleeper, sleepers_code = two_step(server)
    ending, ending_code = two_step(server)
    stopping, stopping_code = two_step(server)
    copy_history(server)
    first_file = (server.data / "sparekey.keys").read_text()
    all_of_it = under(server, 1)
    assert all_of_it > 1_000 and under(server, 2) == 0
    letter = open_case(server, "lost@example.net", plain.name)
    # In the midst of a recovery: the code is in the mail.
    halfway = start(server, plain.name)
    option = next(option for option in halfway["options"] if option["kind"] == "email")["id"]
    known = codes_sent(server, plain.emails[0])
    halfway = good(server.call(
        "POST", "/api/v1/recovery/issued-code", {"journey": halfway["journey"], "option": option}))["journey"]
    stop = Claim(other, stopping, stopping_code)
    complete = Claim(server, ending, ending_code)
    link = first_token(server, stop, stopping.emails[0])

    crowd.begin()
    mixed = 0
    for number in range(KILLS):
        rotation = start_rotation(server)
        deadline = time.monotonic() + 5
        before = under(server, 2, {"security_history": "state_before"})
        while rotation.poll() is None and time.monotonic() < deadline:
            if under(server, 2, {"security_history": "state_before"}) > before:
                break
        time.sleep(random.uniform(0, 0.15))
        if number == KILLS // 2:
            # The service dies with it, in the midst of both.
            crowd.end()
            server.kill()
            rotation.kill()
            server.start()
            crowd.begin()
        rotation.kill()
        rotation.communicate()
        mixed += under(server, 1) > 0 and under(server, 2) > 0
    assert mixed >= 2, "no rotation was killed in the middle"
    finished = server.command("keys", "rotate", "--json")
    assert finished.returncode == 0, finished.stderr
    crowd.end()
    assert crowd.done > 20
    assert under(server, 1) == 0 and under(server, 2) >= all_of_it // 2
    report = json.loads(finished.stdout)
    assert [key["id"] for key in report["keys"]] == [1, 2], "what was killed was finished, and no further key was made"
    assert report["current"] == 2
    assert not list(server.data.glob("*.new")), "no keys lie about"

    # Everything of before goes on.
    crowd.check()
    assert [start(server, f"nobody{number}")["options"] for number in range(5)] == [
        decoy["options"] for decoy in decoys]
    digits = code_sent(server, plain.emails[0], known)
    proved = good(server.call("POST", "/api/v1/recovery/issued-code", {"journey": halfway, "code": digits}))
    assert proved["journey"]
    assert case_of(server, letter)["number"] == letter["number"]
    sleeper.sign_in()
    shown = show(server, sleeper.name, code=sleepers_code, totp=sleeper.app.code())
    assert good(choose(server, shown["journey"]))["outcome"] == "now"
    for person in crowd.people[12:16]:
        crowd.recover(person)
    Person(server)

    # The old key stays as long as anything refers to it.
    early = retire(server)
    assert early.returncode == 1 and "can retire from" in early.stderr
    let_time_pass(server, 2)
    held = retire(server)
    assert held.returncode == 1 and "2 holds" in held.stderr and "sessions" in held.stderr, held.stderr
    # The link of a mail from before pauses; the other hold takes effect, with the password that was parked.
    answer = good(server.call("POST", f"/api/v1/holds/{stop.id}/stop", {"stopToken": link}))
    assert answer["state"] == "contested"
    stopping.sign_in()
    good(stopping.call("POST", f"/api/v1/holds/{stop.id}/stop"))
    complete.wait_for("completed", PERIOD + 20)
    settle(server, complete.sign_in())
    assert under(server, 1) == 0, "what waited under the old key is under the new one now"
    held = retire(server)
    assert held.returncode == 1 and "hold" not in held.stderr and "sessions" in held.stderr, held.stderr
    # A week later those that nobody used are gone.
    server.change_database("DELETE FROM sessions WHERE length(token_digest) = 33 AND substr(token_digest, 1, 1) = x'01'")
    gone = retire(server)
    assert gone.returncode == 0, gone.stderr
    old_secret = first_file.split("\n1 ")[1].split()[0]
    assert old_secret not in (server.data / "sparekey.keys").read_text()

    for again in (False, True):
        if again:
            server.stop()
            server.start()
        else:
            time.sleep(1.5)
        crowd.check()
        crowd.watch(None)
        assert [start(server, f"nobody{number}")["options"] for number in range(5)] == [
            decoy["options"] for decoy in decoys]
        sleeper.password = NEW_PASSWORD
        sleeper.sign_in()
        crowd.recover(crowd.people[16 + again])
        Person(server)
    for _ in range(60):
        trail = json.loads(server.command("audit", "verify", "--json").stdout)
        if trail["entries"] >= 2:
            break
        time.sleep(0.5)
    assert trail["entries"] == 2 and trail.get("fault") is None, trail
    assert keys(server)["unreadable"] == 0
    assert server.command("doctor").returncode == 0
    log = server.log.read_text()
    assert "worker failed" not in log and "key file" not in log, log


def test_o6_a_key_file_that_cannot_be_used_is_told_of_once_and_changes_nothing(start_server, tmp_path):
    server = start_server()
    person = Person(server, email=False)
    file = server.data / "sparekey.keys"
    right = file.read_text()
    for wrong, words in [
        ("# nothing\n", "has no key that seals"), (right + "2 what\n", "cannot be read at line"),
        (f"1 {base64.b64encode(bytes(32)).decode()}\n", "another installation"),
    ]:
        replace(file, wrong)
        deadline = time.monotonic() + PATIENCE
        while words not in server.log.read_text() and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.2)
        assert server.log.read_text().count(words) == 1, server.log.read_text()
        good(person.call("GET", "/api/v1/session"))
        person.sign_in()
    replace(file, right)
    person.sign_in()
    # Going back to a file without the key that seals by now is refused, too.
    assert server.command("keys", "rotate").returncode == 0
    replace(file, right)
    time.sleep(1.5)
    assert "key 2, which seals at present, is not in it" in server.log.read_text()
    person.sign_in()


def test_o6_a_former_key_file_is_refused_at_the_start(start_server):
    server = start_server()
    person = Person(server)
    file = server.data / "sparekey.keys"
    former = file.read_text()
    assert server.command("keys", "rotate").returncode == 0
    server.stop()
    right = file.read_text()
    replace(file, former)
    refused = server.command("serve", "--port", "0")
    assert refused.returncode == 1 and "lacks keys that are in use" in refused.stderr, refused.stderr
    replace(file, right)
    server.start()
    person.sign_in()


def test_o6_two_commands_never_make_two_keys_of_one_number(start_server):
    server = start_server()
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: server.command("keys", "rotate", "--json"), range(6)))
    done = [answer for answer in answers if answer.returncode == 0]
    assert done and all("Another command changes" in a.stderr for a in answers if a.returncode), answers
    assert [key["id"] for key in keys(server)["keys"]] == [1, 2]


def test_o6_two_nodes_on_postgresql_take_a_new_key_and_lose_the_old_one(database, tmp_path):  # noqa: F811
    url = new(database, "rotation")
    nodes = Balanced(tmp_path, url, count=2)
    try:
        first, second = (node.data for node in nodes.nodes)

        def command(*words):
            return program("keys", *words, "--data", first, "--database", url, folder=tmp_path)

        def copy():
            shutil.copy(first / "sparekey.keys", second / "sparekey.new")
            (second / "sparekey.new").rename(second / "sparekey.keys")
            time.sleep(1.5)

        person, code = two_step(nodes)
        others = [Person(nodes, email=False) for _ in range(4)]
        refusal = command("rotate")
        assert refusal.returncode == 1 and "keys add" in refusal.stderr
        assert command("add").returncode == 0
        copy()
        for _ in range(2):
            rotated = command("rotate")
            assert rotated.returncode == 0, rotated.stderr
            assert "to every other node" in rotated.stdout
            for _ in range(4):
                # Each request goes to the other node: one seals with the new key, one with the old.
                person.sign_in()
                for other in others:
                    good(other.call("GET", "/api/v1/session"))
                    good(other.call("GET", "/api/v1/session"))
            copy()
        listed = json.loads(command("list", "--json").stdout)
        assert listed["unreadable"] == 0
        (old,) = [key for key in listed["keys"] if key["state"] == "old"]
        assert set(old["references"]) <= {"sessions"}, old
        text = re.sub(r"since \S+", "since 2026-01-01T00:00:00Z", (first / "sparekey.keys").read_text())
        replace(first / "sparekey.keys", text)
        if old["references"]:
            postgres.change(url, "DELETE FROM sessions WHERE substr(token_digest, 1, 1) <> '\\x02'")
        gone = command("retire")
        assert gone.returncode == 0, gone.stderr
        copy()
        for restarted in (False, True):
            if restarted:
                for node in nodes.nodes:
                    node.stop()
                    node.start()
                time.sleep(1)
            person.sign_in()
            for other in others:
                good(other.call("GET", "/api/v1/session"))
                good(other.call("GET", "/api/v1/session"))
        done = good(choose(nodes, show(nodes, person.name, code=code, totp=person.app.code())["journey"]))
        assert done["outcome"] == "now"
    finally:
        nodes.stop()
