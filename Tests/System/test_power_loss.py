"""Q4, C9, T27: the power fails at any moment while accounts and codes are made and redeemed. Of what the program wrote
only what it synced is safe; what was acknowledged is there afterwards all the same, and a dead code never lives. H11:
the same while holds begin, are stopped and complete.

POWER_ROUNDS sets how often (default 6), POWER_SEED the choices."""

import concurrent.futures
import contextlib
import os
import random
import sqlite3
import time

import pytest
from ledger import Newcomers, Person, Service, cut_off, people
from power_loss import CHOICES, Disk, build_shim
from test_kill_holds import LOST, Ledger

ROUNDS = int(os.environ.get("POWER_ROUNDS", "6"))
SEED = int(os.environ.get("POWER_SEED", "1"))
PERIOD = 2


@pytest.fixture
def disk(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return Disk(folder, tmp_path / "log")


@pytest.fixture
def service(tmp_path, disk):
    service = Service(
        disk.folder, LD_PRELOAD=str(build_shim(tmp_path)), SHIM_FOLDER=str(disk.folder), SHIM_LOG=str(disk.log))
    yield service
    if service.process.poll() is None:
        service.kill()


def test_the_record_is_whole_and_a_disk_that_lies_is_found_out(service, disk):
    """The test of the tests: the record holds all that reached the disk; and a disk that forgets loses an account."""
    service.start()
    person = Person("person")
    person.passwords = ["the first password of person"]
    assert Newcomers.sign_up(service, person).status_code == 201
    service.stop()
    # SQLite's -shm is shared memory, made anew at each start; a stop that had to hurry leaves it behind.
    there = {
        str(path.relative_to(disk.folder)): path.read_bytes() for path in disk.folder.rglob("*")
        if path.is_file() and path.suffix != ".sqlite-shm"}
    assert disk.everything() == there
    assert disk.cut_power("no-sync") > 100
    service.start()
    assert person.sign_in(service, person.passwords[-1]) is None


def at_risk(rounds, lost):
    """So many rounds, and more of them while no power cut came between a write and its flush: with a quick disk that is a
    short moment."""
    for number in range(10 * rounds):
        if number >= rounds and lost():
            return
        yield number


def test_q4_power_loss_loses_nothing_that_was_acknowledged(service, disk):
    print(f"POWER_SEED={SEED}")
    random.seed(SEED)
    service.start()
    newcomers = Newcomers()
    workers = [*people(service), newcomers]
    lost = 0
    for number in at_risk(ROUNDS, lambda: lost):
        cut_off(service, workers)
        lost += disk.cut_power(CHOICES[number % len(CHOICES)])
        service.start()
        for worker in workers:
            worker.check(service)
    assert lost > 0, "nothing was ever at risk"
    # Nobody's mail was lost either: what was taken up when the power failed is taken up again when its lease is over.
    with contextlib.closing(sqlite3.connect(disk.folder / "sparekey.sqlite", timeout=20)) as database, database:
        database.execute("UPDATE outbox SET due_at = 0 WHERE delivered_at IS NULL")
    waiting = {f"{newcomer.name}@example.org" for newcomer in newcomers.welcome}
    deadline = time.monotonic() + 20
    while waiting and time.monotonic() < deadline:
        waiting -= {line for mail in (disk.folder / "outbox").glob("[!.]*.eml") for line in mail.read_text().split()}
        time.sleep(0.2)
    assert not waiting, f"no mail came to {waiting}"
    print(f"{ROUNDS} power cuts, {lost} steps lost, {len(newcomers.welcome)} accounts, none missing")


class Door:
    """The service as `people` calls it."""

    def __init__(self, service):
        self.service, self.data = service, service.folder

    def call(self, method, path, body=None, token=None):
        return self.service.call(method, path.removeprefix("/api/v1/"), body, token)


class Claims:
    """Strangers with a code alone, some each round: every other one is stopped by the owner. What was told of them once
    has to stay."""

    EACH_ROUND = 4

    def __init__(self):
        self.ready, self.claims = [], []

    def prepare(self, service):
        """Before the power is at risk."""
        first = len(self.claims)
        with concurrent.futures.ThreadPoolExecutor(self.EACH_ROUND) as pool:
            self.ready = list(pool.map(
                lambda number: Ledger(Door(service), number), range(first, first + self.EACH_ROUND)))
        self.claims += self.ready

    def work(self, service, stop, faults):
        try:
            for claim in self.ready:
                claim.begin()
            for claim in self.ready:
                if claim.wants_stop:
                    claim.stop()
            while not stop.is_set():
                for claim in self.claims[-3 * self.EACH_ROUND:]:
                    claim.state()
        except LOST:
            pass
        except Exception as fault:  # told to the test, which runs in another thread
            faults.append(f"claims: {fault!r}")

    def check(self, service):
        """After a restart: everything acknowledged is there, and those whose time has not come go on waiting."""
        for claim in self.claims[-3 * self.EACH_ROUND:]:
            claim.resume()
            claim.state()


def test_h11_power_loss_loses_no_hold_completes_none_twice_and_applies_no_stopped_one(service, disk):
    print(f"POWER_SEED={SEED}")
    random.seed(SEED)
    service.settings["hold-period"] = f"{PERIOD}s"
    service.start()
    claims = Claims()
    lost, rounds = 0, max(3, ROUNDS // 2)
    for number in at_risk(rounds, lambda: lost):
        claims.prepare(service)
        cut_off(service, [claims])
        lost += disk.cut_power(CHOICES[number % len(CHOICES)])
        service.start()
        claims.check(service)
    for claim in claims.claims:
        claim.check()
    states = [claim.state() for claim in claims.claims]
    assert lost > 0, "nothing was ever at risk"
    assert states.count("completed") >= rounds and states.count("stopped")
    print(f"{rounds} power cuts, {lost} steps lost, {states.count('completed')} completed, {states.count('stopped')} stopped")
