"""O4, Q4, T11, T27: the primary of three PostgreSQL servers is killed, or frozen and later thawed, while people redeem and
make codes and holds complete over two nodes. Every acknowledged change is there afterwards, nothing happened twice, every
request got an answer or 503, and the service is back without a restart. How long that took is printed.

FAIL_OVER_ROUNDS sets how often of each kind (default 1), FAIL_OVER_SEED the choices."""

import collections
import concurrent.futures
import os
import random
import shutil
import threading
import time

import pytest
import requests

import ledger
import people
import postgres
from conftest import PATIENCE, Server
from people import PASSWORD, Claim, choose, enter_password, good, show

ROUNDS = int(os.environ.get("FAIL_OVER_ROUNDS", "1"))
SEED = int(os.environ.get("FAIL_OVER_SEED", "1"))
WORKERS = 4
CLAIMS = 6
PERIOD = 6


class Service:
    """Two nodes as one service, for the people of `ledger` and `people`. Whoever gets a 503 comes back; whatever else is no
    answer is a fault of the service."""

    def __init__(self, nodes):
        self.nodes = nodes
        self.statuses = collections.Counter()
        # When changes were acknowledged, for the time without service.
        self.changes = []

    def call(self, method, path, body=None, token=None):
        path = path if path.startswith("/") else f"/api/v1/{path}"
        deadline = time.monotonic() + 60
        while True:
            node = random.choice(self.nodes)
            # No waiting longer than the program promises: a hanging request is a fault.
            answer = requests.request(
                method, f"{node.url}{path}", json=body, timeout=PATIENCE,
                headers={"Authorization": f"Bearer {token}"} if token else {})
            self.statuses[answer.status_code] += 1
            if answer.status_code != 503:
                if answer.ok and path.endswith(("/recovery-code", "/new-password")):
                    self.changes.append(time.monotonic())
                return answer
            assert answer.headers["Retry-After"] and time.monotonic() < deadline
            time.sleep(0.05)

    def change_database(self, statement, *values):
        self.nodes[0].change_database(statement, *values)

    def mails(self, to):
        return [mail for node in self.nodes for mail in node.mails(to)]


class Worker(ledger.Person):
    """Counts what was acknowledged; a 503 is asked again until it is answered, so that the count is exact."""

    redeemed = 0

    def redeem(self, service):
        super().redeem(service)
        self.redeemed += 1


@pytest.fixture
def cluster():
    with postgres.room() as folder:
        cluster = postgres.Cluster(folder)
        try:
            yield cluster
        finally:
            cluster.stop()


@pytest.fixture
def service(cluster, tmp_path):
    nodes = []
    try:
        for number in range(2):
            data = tmp_path / f"node{number}"
            data.mkdir()
            if number:
                shutil.copy(tmp_path / "node0" / "sparekey.keys", data)
            nodes.append(Server(data, {"database": cluster.url(), "hold-period": f"{PERIOD}s"}))
        yield Service(nodes)
        for node in nodes:
            assert node.process.poll() is None, node.log.read_text()[-3000:]
    finally:
        for node in nodes:
            node.stop()


def work(worker, service, stop, faults):
    try:
        while not stop.is_set():
            random.choice([worker.generate, worker.redeem])(service)
    except Exception as fault:  # told to the test, which runs in another thread
        faults.append(f"{worker.name}: {fault!r}")


def longest_gap(changes, begin, end):
    moments = [begin] + sorted(moment for moment in changes if begin < moment < end) + [end]
    return max(later - earlier for earlier, later in zip(moments, moments[1:]))


def kinds(cluster):
    """How often each kind of event stands in each account's history."""
    rows = cluster.primary.ask(
        "SELECT a.username, h.kind, COUNT(*) FROM security_history h JOIN accounts a ON a.id = h.account_id "
        "GROUP BY 1, 2", database="sparekey")
    return {(name, kind): int(count) for name, kind, count in rows}


def nobody_is_believed(believer, service, witness, worker):
    """The old primary knows nothing of what happened since: a session that was ended, a code that was used. A node that
    asks it, and answers by it, would be wrong."""
    good(service.call("DELETE", "session", token=witness.token), 204)
    # Beginning to sign in asks no database.
    journey = good(believer.call("POST", "/api/v1/sign-in", {"username": witness.name}))["journey"]
    questions = [
        ("GET", "/api/v1/session", None, witness.token),
        ("POST", "/api/v1/sign-in/password", {"journey": journey, "password": PASSWORD}, None),
        ("POST", "/api/v1/recovery", {"username": worker.name}, None),
    ]
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda question: believer.call(*question), questions))
    assert [answer.status_code for answer in answers] == [503] * 3, [answer.text for answer in answers]


class Crowd:
    """People who redeem and make codes without a pause, and others whose recoveries wait."""

    def __init__(self, service):
        self.service = service
        self.workers = [Worker(f"worker{random.getrandbits(40)}x") for _ in range(WORKERS)]
        for worker in self.workers:
            worker.passwords = [f"the first password of {worker.name}"]
            good(ledger.Newcomers.sign_up(service, worker), 201)
            worker.generate(service)
        self.claims = []
        for _ in range(CLAIMS):
            person = people.Person(service, email=False).turn_on_two_step()
            self.claims.append(
                Claim(service, person, person.make_code(), password=f"parked password of {person.name}"))

    def start(self):
        """Returns when the holds are about to end."""
        self.stopping, self.faults = threading.Event(), []
        self.threads = [
            threading.Thread(target=work, args=(worker, self.service, self.stopping, self.faults))
            for worker in self.workers]
        for thread in self.threads:
            thread.start()
        time.sleep(max(1, self.claims[0].asked_at + PERIOD - time.time() - random.uniform(0, 1)))

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join()
        assert not self.faults, self.faults
        assert set(self.service.statuses) <= {200, 201, 202, 503}, self.service.statuses

    @property
    def redeemed(self):
        return sum(worker.redeemed for worker in self.workers)

    def check(self, cluster):
        """Everything that was acknowledged is there, and nothing happened twice."""
        for worker in self.workers:
            worker.check(self.service)
        for claim in self.claims:
            claim.wait_for("completed")
            assert enter_password(self.service, claim.person.name, claim.password).status_code == 200
            assert enter_password(self.service, claim.person.name, PASSWORD).status_code == 403
        found = kinds(cluster)
        for worker in self.workers:
            assert found.get((worker.name, "recovered"), 0) == worker.redeemed
        for claim in self.claims:
            name = claim.person.name
            assert found[name, "hold-completed"] == found[name, "recovered"] == found[name, "hold-started"] == 1


def one_round(cluster, service, frozen, believers):
    # A node that knows this server alone, and somebody signed in there.
    believer = believers(cluster.primary) if frozen else None
    witness = people.Person(service, email=False)
    crowd = Crowd(service)
    crowd.start()
    before, service.statuses = service.statuses, collections.Counter()
    begin = time.monotonic()
    gone = cluster.primary
    gone.freeze() if frozen else gone.kill()
    cluster.promote()
    promoted = time.monotonic() - begin
    time.sleep(6)
    thawed_at = len(service.changes)
    if frozen:
        # It does not know that it was replaced, and nobody believes it.
        gone.thaw()
        assert gone.ask("SELECT pg_is_in_recovery()") == [["f"]]
        time.sleep(3)
        assert len(service.changes) > thawed_at, "nothing went on beside the old primary"
    end = time.monotonic()
    crowd.stop()
    gap = longest_gap(service.changes, begin, end)

    if frozen:
        nobody_is_believed(believer, service, witness, crowd.workers[0])
        gone.kill()
    crowd.check(cluster)
    print(
        f"\n{'freeze' if frozen else 'kill -9'}: {gap:.2f} s without a change (promotion took {promoted:.2f} s); "
        f"{crowd.redeemed} redeemed, {service.statuses[503]} of "
        f"{sum(service.statuses.values())} answers were 503; {sum(before.values())} before")
    return gone


@pytest.mark.parametrize("frozen", [False, True], ids=["killed", "frozen and thawed"])
def test_o4_a_primary_that_goes_loses_nothing_and_does_nothing_twice(
        cluster, service, frozen, tmp_path_factory, request):
    def believers(primary):
        data = tmp_path_factory.mktemp("believer")
        shutil.copy(service.nodes[0].data / "sparekey.keys", data)
        node = Server(data, {"database": primary.url()})
        request.addfinalizer(node.stop)
        return node

    random.seed(SEED)
    for _ in range(ROUNDS):
        gone = one_round(cluster, service, frozen, believers)
        # It comes back as a standby of the new one, from scratch.
        shutil.rmtree(gone.data)
        (gone.folder / "standby.signal").unlink(missing_ok=True)
        gone.settings["synchronous_standby_names"] = (
            f"ANY 1 ({', '.join(name for name in cluster.NAMES if name != gone.name)})")
        gone.copy(cluster.primary).start()
        cluster.primary.ask("SELECT pg_reload_conf()")
        cluster.wait_for_standbys(2)
