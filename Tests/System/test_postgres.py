"""The built program on a real PostgreSQL: alone, and as three nodes behind haproxy whose requests go to each in turn.

O3, O6, T11 and H11 across nodes; the URL's password; the key file's rule."""

import collections
import concurrent.futures
import contextlib
import json
import shutil
import subprocess
import time

import pytest
import requests

import people
import postgres
from conftest import BINARY, PATIENCE, Server, free_port
from people import PASSWORD, Claim, choose, enter_password, good, refused, show
from test_faults import assert_nothing_written, fill, mounted
from test_known_bugs import assert_limited

PERIOD = 4


@pytest.fixture(scope="module")
def database():
    """One server for these tests. `secret` is a role with a password."""
    with postgres.room() as folder:
        server = postgres.Postgres(folder, rules=[
            "host all secret 127.0.0.1/32 scram-sha-256", "host all postgres 127.0.0.1/32 trust"]).make().start()
        try:
            server.ask("CREATE ROLE secret LOGIN PASSWORD 'hush-hush 1'")
            yield server
        finally:
            server.stop()


def new(database, name, owner="postgres"):
    database.ask(f"CREATE DATABASE {name} OWNER {owner}")
    return database.url(name, owner)


def program(*words, folder, variables=None):
    return subprocess.run(
        [BINARY, *map(str, words)], cwd=folder, env={"PATH": "/usr/bin", "HOME": str(folder), **(variables or {})},
        capture_output=True, text=True, timeout=60)


class Balanced:
    """Nodes on one database behind haproxy: what `people` needs of a server. Each request goes to the next node."""

    def __init__(self, folder, url, count=3, settings=None):
        self.folder, self.nodes, self.seen = folder, [], collections.Counter()
        for number in range(count):
            data = folder / f"node{number}"
            data.mkdir()
            if number:
                # Every node has a copy of the same key file.
                shutil.copy(folder / "node0" / "sparekey.keys", data)
            self.nodes.append(Server(data, {"database": url, **(settings or {})}))
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        servers = "\n".join(
            f"  server node{number} 127.0.0.1:{node.port} check inter 300ms fall 2 rise 1"
            for number, node in enumerate(self.nodes))
        # A request that may have been read is never sent twice: only one that found no connection goes to another node.
        (folder / "haproxy.cfg").write_text(f"""
defaults
  mode http
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  retries 3
  option redispatch 1
  retry-on conn-failure
frontend front
  bind 127.0.0.1:{self.port}
  default_backend nodes
backend nodes
  balance roundrobin
  option httpchk GET /healthz
  http-response set-header X-Node %s
{servers}
""")
        self.haproxy = subprocess.Popen(
            ["haproxy", "-db", "-f", folder / "haproxy.cfg"], stdout=subprocess.DEVNULL,
            stderr=(folder / "haproxy.log").open("wb"))
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.ConnectionError):
                if requests.get(f"{self.url}/readyz", timeout=5).ok:
                    return
            time.sleep(0.05)
        raise AssertionError((folder / "haproxy.log").read_text())

    def call(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = requests.request(method, f"{self.url}{path}", json=body, headers=headers, timeout=PATIENCE)
        self.seen[answer.headers["X-Node"]] += 1
        return answer

    def change_database(self, statement, *values):
        self.nodes[0].change_database(statement, *values)

    def mails(self, to):
        """Whichever node delivered them."""
        found = [mail for node in self.nodes for mail in node.mails(to)]
        return sorted(found, key=lambda mail: mail["Date"].datetime)

    def stop(self):
        self.haproxy.terminate()
        self.haproxy.wait(PATIENCE)
        for node in self.nodes:
            if node.process.poll() is None:
                node.stop()


@pytest.fixture(scope="module")
def nodes(database, tmp_path_factory):
    balanced = Balanced(
        tmp_path_factory.mktemp("nodes"), new(database, "nodes"), settings={"hold-period": f"{PERIOD}s"})
    yield balanced
    balanced.stop()


def history(database, name, kind, at="nodes"):
    return int(database.ask(
        "SELECT COUNT(*) FROM security_history h JOIN accounts a ON a.id = h.account_id "
        f"WHERE a.username = '{name}' AND h.kind = '{kind}'", database=at)[0][0])


# MARK: one node


def test_o1_a_password_comes_from_a_file_and_stands_nowhere(database, tmp_path):
    url = new(database, "secret", "secret")
    (tmp_path / "password").write_text("hush-hush 1\n")
    node = Server(tmp_path, {"database": url, "database-password-file": tmp_path / "password"})
    try:
        people.Person(node)
    finally:
        node.stop()
    # In the URL it works as well, and is not shown.
    loud = url.replace("secret@", "secret:hush-hush%201@")
    assert program("doctor", "--data", tmp_path, "--database", loud, folder=tmp_path).returncode == 0
    for command in ("config", "doctor"):
        answer = program(command, "--data", tmp_path, "--database", loud, folder=tmp_path)
        assert f"postgresql://127.0.0.1:{database.port}/secret" in answer.stdout
        assert "hush" not in answer.stdout + answer.stderr
    # libpq's own file works, too.
    (tmp_path / "pass").write_text("127.0.0.1:*:*:secret:hush-hush 1\n")
    (tmp_path / "pass").chmod(0o600)
    variables = {"PGPASSFILE": str(tmp_path / "pass")}
    assert program("doctor", "--data", tmp_path, "--database", url, folder=tmp_path, variables=variables).returncode == 0


@pytest.mark.parametrize("url, words", [
    ("postgresql://secret:wrong-hush@127.0.0.1:{port}/secret", "password authentication failed"),
    ("postgresql://postgres@127.0.0.1:{port}/nowhere", "does not exist"),
    ("postgresql://postgres:hush@127.0.0.1:1/x", "Connection refused"),
    ("postgresql://postgres:hush@[::1/x", "it should read like"),
])
def test_o1_a_database_that_cannot_be_reached_is_one_clear_line(database, tmp_path, url, words):
    answer = program(
        "serve", "--data", tmp_path, "--port", 0, "--database", url.format(port=database.port), folder=tmp_path)
    assert answer.returncode in (1, 64) and words in answer.stderr, answer.stderr
    assert "hush" not in answer.stderr
    assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr


def test_t13_a_node_with_another_key_file_is_refused_and_makes_none(database, tmp_path):
    url = new(database, "keys")
    first = tmp_path / "first"
    first.mkdir()
    Server(first, {"database": url}).stop()
    second = tmp_path / "second"
    second.mkdir()
    words = ["serve", "--data", second, "--port", 0, "--database", url]
    answer = program(*words, folder=tmp_path)
    assert answer.returncode == 1 and "sparekey.keys is missing" in answer.stderr
    assert not (second / "sparekey.keys").exists()
    # One that belongs to another database.
    other = tmp_path / "other"
    other.mkdir()
    Server(other, {"database": new(database, "otherkeys")}).stop()
    shutil.copy(other / "sparekey.keys", second)
    answer = program(*words, folder=tmp_path)
    assert answer.returncode == 1 and "another key file" in answer.stderr
    shutil.copy(first / "sparekey.keys", second)
    Server(second, {"database": url}).stop()


def test_q4_what_was_answered_is_there_after_a_restart_of_program_and_server(database, tmp_path):
    node = Server(tmp_path, {"database": new(database, "restart")})
    try:
        person = people.Person(node)
        code = person.make_code()
        node.stop()
        node.start()
        assert good(person.call("GET", "/api/v1/session"))["account"]["username"] == person.name
        done = good(choose(node, show(node, person.name, code=code)["journey"]))
        assert done["recoveryCode"] != code
        # Its connections are dead then, and nobody notices.
        database.kill()
        database.start()
        person.sign_in(people.NEW_PASSWORD)
        assert good(person.call("GET", "/api/v1/recovery-code"))["serial"]
    finally:
        node.stop()


def test_q3_without_a_database_people_are_asked_to_come_back_and_all_goes_on_when_it_is_there(database, tmp_path):
    node = Server(tmp_path, {"database": new(database, "gone")})
    try:
        person = people.Person(node)
        database.freeze()
        started = time.monotonic()
        answer = enter_password_or_none(node, person.name)
        took = time.monotonic() - started
        page = requests.get(f"{node.url}/account/security", cookies={"sparekey-session": "x" * 52}, timeout=PATIENCE)
        ready = requests.get(f"{node.url}/readyz", timeout=PATIENCE)
        database.thaw()
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        assert refused(answer, "busy")["status"] == 503
        assert ready.status_code == 503 and page.status_code in (303, 503)
        assert took < 12
        person.sign_in()
    finally:
        database.thaw()
        node.stop()


def enter_password_or_none(server, name):
    """The first answer on the way through a sign-in that is not the expected one."""
    answer = server.call("POST", "/api/v1/sign-in", {"username": name})
    if answer.status_code != 200:
        return answer
    return server.call("POST", "/api/v1/sign-in/password", {"journey": answer.json()["journey"], "password": PASSWORD})


@pytest.mark.parametrize("listed", [False, True])
def test_o5_what_was_spent_or_stopped_since_a_dump_does_not_come_back_with_it(database, tmp_path, listed):
    """As docs/operating.md says: PostgreSQL's own tools, then `restore --mark-only` before any node is started."""
    name = f"given_up_{listed}".lower()
    node = Server(tmp_path, {"database": new(database, name), "hold-period": "1h"})
    try:
        used, unused = people.Person(node), people.Person(node)
        spent, kept = used.make_code(), unused.make_code()
        held, alone = people.two_step(node)
        claim = Claim(node, held, alone)
        dump = tmp_path / "dump"
        tools = postgres.programs()
        subprocess.run([tools / "pg_dump", "--format=custom", f"--file={dump}", database.url(name)], check=True)
        good(choose(node, show(node, used.name, code=spent)["journey"]))
        held.sign_in()
        good(held.call("POST", f"/api/v1/holds/{claim.id}/stop"))
        assert claim.state() == "stopped"
        node.stop()
        words = ["--data", tmp_path, "--database"]
        ended = program(
            "recovery-code", "ended", "--since", "2020-01-01T00:00:00Z", *words, database.url(name), folder=tmp_path)
        assert ended.returncode == 0 and ended.stdout, ended.stderr
        (tmp_path / "spent").write_text(ended.stdout)

        restored = new(database, f"{name}_restored")
        subprocess.run([tools / "pg_restore", "--exit-on-error", f"--dbname={restored}", dump], check=True)
        more = ["--spent", tmp_path / "spent"] if listed else []
        marked = program("restore", "--mark-only", "--json", *more, *words, restored, folder=tmp_path)
        assert marked.returncode == 0, marked.stderr
        report = json.loads(marked.stdout)
        assert report["holds"] == 1 and report["sessionsEnded"] >= 3 and "formerDatabase" not in report
        node.settings["database"] = restored
        node.start()

        for person in (used, unused, held):
            assert person.call("GET", "/api/v1/session").status_code == 401, "nobody is signed in"
        if listed:
            journey = people.start(node, used.name)["journey"]
            answer = node.call("POST", "/api/v1/recovery/recovery-code", {"journey": journey, "code": spent})
            assert answer.status_code == 403, "it was used"
            assert show(node, unused.name, code=kept)["outcome"] == "now"
            return
        for person, code in ((used, spent), (unused, kept)):
            assert show(node, person.name, code=code)["outcome"] == "held", "row 9"
        assert report["ownersTold"] == 3
        # The one that was stopped waits again, longer than before, and its owner hears of it.
        assert claim.state() == "running"
        deadline = time.monotonic() + PATIENCE
        while not any("please look again" in mail["Subject"] for mail in held.mails()):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        database.ask("ALTER TABLE holds DISABLE TRIGGER USER",
                     "UPDATE holds SET ends_at = started_at + 1, told_at = started_at",
                     "UPDATE accounts SET hold_due_at = 1 WHERE hold_due_at IS NOT NULL", database=f"{name}_restored")
        time.sleep(2.5)
        assert claim.state() == "running", "it does not end at once, although its time has come"
        assert enter_password(node, held.name, claim.password).status_code == 403
    finally:
        node.stop()


# MARK: three nodes


def test_o3_a_journey_may_hop_nodes_at_every_step(nodes):
    before = nodes.seen.copy()
    person, code = people.two_step(nodes)
    done = show(nodes, person.name, code=code, totp=person.app.code())
    assert done["outcome"] == "now"
    answer = good(choose(nodes, done["journey"]))
    person.token, person.password = answer["session"]["token"], people.NEW_PASSWORD
    full, person.app = people.settle(nodes, person.token)
    person.token = full["session"]["token"]
    person.step_up()
    person.make_code()
    # By email, whichever node sends the mail.
    progress = show(nodes, person.name, email=person.emails[0])
    assert progress["evidence"]
    used = nodes.seen - before
    assert len(used) == 3 and min(used.values()) > 5, used


def test_o3_sessions_end_and_limits_count_for_all_nodes(nodes):
    person = people.Person(nodes)
    tokens = []
    for _ in range(3):
        person.sign_in()
        tokens.append(person.token)
    for token in tokens:
        assert {nodes.call("GET", "/api/v1/session", token=token).status_code for _ in range(3)} == {200}
    good(nodes.call("DELETE", "/api/v1/sessions", token=tokens[0]), 204)
    for token in tokens:
        assert {nodes.call("GET", "/api/v1/session", token=token).status_code for _ in range(3)} == {401}


def test_t11_of_many_uses_of_one_code_over_three_nodes_one_wins(nodes, database):
    for _ in range(3):
        person = people.Person(nodes)
        code = person.make_code()
        journeys = [show(nodes, person.name, code=code)["journey"] for _ in range(12)]
        with concurrent.futures.ThreadPoolExecutor(len(journeys)) as pool:
            answers = list(pool.map(
                lambda pair: choose(nodes, pair[1], f"new password of claimant {pair[0]}"), enumerate(journeys)))
        winners = [number for number, answer in enumerate(answers) if answer.status_code == 200]
        assert len(winners) == 1, [answer.status_code for answer in answers]
        for answer in answers:
            assert answer.status_code == 200 or refused(answer, "code-used")
        person.sign_in(f"new password of claimant {winners[0]}")
        assert history(database, person.name, "recovered") == 1


def test_c9_one_journey_sent_to_all_nodes_at_once_is_answered_alike(nodes, database):
    person = people.Person(nodes)
    journey = show(nodes, person.name, code=person.make_code())["journey"]
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: good(choose(nodes, journey)), range(12)))
    assert len({answer["recoveryCode"] for answer in answers}) == 1
    assert history(database, person.name, "recovered") == 1


def test_h11_holds_that_are_due_complete_exactly_once_with_three_workers(nodes, database):
    claims = []
    for _ in range(8):
        person = people.Person(nodes, email=False).turn_on_two_step()
        claims.append(Claim(nodes, person, person.make_code()))
    # Beside the workers everybody asks at the moment of the end.
    ends = max(claim.asked_at for claim in claims) + PERIOD
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        def ask_until_after(claim):
            while time.time() < ends + 1.5:
                claim.state()
        list(pool.map(ask_until_after, claims))
    for claim in claims:
        claim.wait_for("completed")
        name = claim.person.name
        assert history(database, name, "hold-completed") == 1 and history(database, name, "recovered") == 1
        assert claim.sign_in()


def test_d4_a_notice_is_delivered_once_whichever_node_takes_it(nodes):
    person = people.Person(nodes)
    known = len(person.mails())
    for _ in range(6):
        person.make_code()
    deadline = time.monotonic() + PATIENCE
    while len(person.mails()) < known + 6 and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(2)
    mails = person.mails()
    assert len(mails) == known + 6
    assert len({mail["Message-ID"] for mail in mails}) == len(mails)


def test_o4_a_node_that_is_killed_loses_no_change_and_no_request_that_was_not_in_flight(nodes, database):
    person = people.Person(nodes)
    lost, answered = 0, 0
    killed = nodes.nodes[2]
    deadline = time.monotonic() + 5
    code = None
    try:
        while time.monotonic() < deadline:
            if answered == 10:
                killed.kill()
            try:
                code = good(nodes.call("POST", "/api/v1/recovery-code", token=person.token), 201)["code"]
                answered += 1
            except (requests.RequestException, AssertionError, KeyError):
                lost += 1
    finally:
        killed.start()
    assert answered > 20 and lost <= 1, (answered, lost)
    assert show(nodes, person.name, code=code)["outcome"] == "now"


@pytest.fixture(scope="module")
def limited(database, tmp_path_factory):
    balanced = Balanced(tmp_path_factory.mktemp("limited"), new(database, "limited"), settings={"limits": "on"})
    yield balanced
    balanced.stop()


def test_t8_row_06_limits_on_one_name_are_the_same_over_three_nodes_as_on_one(limited):
    """CVE-2019-5421 across nodes: what one node counted, all of them know."""
    def guess(server, person):
        return enter_password(server, person.name, "not this one, surely")

    before = limited.seen.copy()
    # The balancer is the source of its requests; a node that is asked by itself has another person to count for.
    for server in (limited.nodes[0], limited):
        person = people.Person(server, email=False)
        assert_limited([lambda server=server, person=person: guess(server, person)] * 20)
        waiting = next(answer for answer in iter(lambda: guess(server, person), None) if answer.status_code == 429)
        assert 1 <= int(waiting.headers["Retry-After"]) <= 11
    used = limited.seen - before
    assert len(used) == 3 and min(used.values()) > 5, used
    # During the wait the right one is not looked at either, on no node.
    answers = [enter_password(limited, person.name, PASSWORD) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {429}, [answer.text for answer in answers]
    # Then there is one try, whichever node gets it, and a longer wait.
    time.sleep(max(int(answer.headers["Retry-After"]) for answer in answers))
    assert guess(limited, person).status_code == 403
    again = [guess(limited, person) for _ in range(3)]
    assert {answer.status_code for answer in again} == {429}
    assert all(5 < int(answer.headers["Retry-After"]) <= 21 for answer in again)
    # Strangers' guesses count for this name and source alone.
    other = people.Person(limited, email=False)
    other.sign_in()


# --- A full disk


@pytest.fixture
def full_database(database, tmp_path):
    """A node whose tables are on a disk of a few megabytes, and that disk."""
    with mounted(database.folder / "small", "24m") as place:
        shutil.chown(place, database.data.stat().st_uid)
        database.ask(f"CREATE TABLESPACE small LOCATION '{place}'")
        database.ask("CREATE DATABASE small TABLESPACE small")
        node = Server(tmp_path, {"database": database.url("small")})
        try:
            yield node, place
        finally:
            node.stop()
            database.ask("DROP DATABASE small WITH (FORCE)")
            database.ask("DROP TABLESPACE small")


def test_q4_a_full_disk_of_the_database_refuses_loses_nothing_and_heals(full_database):
    node, disk = full_database

    def sign_up(name):
        return node.call(
            "POST", "/api/v1/accounts",
            {"username": name, "password": PASSWORD, "email": f"{name}@example.org"})

    assert sign_up("before").status_code == 201
    filler = fill(disk)
    for number in range(1_000):
        refused_one = sign_up(f"late{number}")
        if refused_one.status_code != 201:
            break
    assert_nothing_written(refused_one)
    log = node.log.read_text()
    assert "The database cannot be used now: could not extend file" in log and "(SQLSTATE 53100)" in log
    assert "example.org" not in log
    filler.unlink()
    assert sign_up(f"late{number}").status_code == 201
    for name in ("before", f"late{number}"):
        good(enter_password(node, name, PASSWORD))
