"""O3, Q4: the operators' way, tried: three PostgreSQL servers kept by pg_auto_failover, nobody promotes by hand.

    apt-get install pg-auto-failover-cli postgresql-15-auto-failover
    .venv/bin/python Tests/System/pg_auto_failover.py [--rounds 1] [--defaults]

Two nodes of the built program work on it while the primary, with its keeper, is killed or frozen. Everything that was
acknowledged has to be there afterwards, nothing twice, and nobody restarts anything. Prints how long there was no change.
`--defaults` leaves pg_auto_failover's own waiting times, which are long; docs/operating.md has those used here.
"""

import argparse
import collections
import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import postgres
from conftest import Server, free_port
from test_postgres_fail_over import PERIOD, Crowd, Service, longest_gap

# Milliseconds, on the monitor. Safe together with the keepers' own 3 s without which a primary gives up its place.
WAITING = {
    "health_check_period": 1_000, "health_check_timeout": 1_000, "health_check_max_retries": 1,
    "health_check_retry_delay": 500, "node_considered_unhealthy_timeout": 3_000, "primary_demote_timeout": 3_000}
PATIENCE = 120


class Keeper:
    """`pg_autoctl` with its server: the monitor, or one that keeps data."""

    def __init__(self, folder, name):
        self.folder, self.name, self.port = folder, name, free_port()
        self.data, self.log, self.process = folder / name, folder / f"{name}.log", None

    def environment(self):
        return {"PATH": f"{postgres.programs()}:/usr/bin:/bin", "HOME": str(self.folder), "LANG": "C.UTF-8"}

    def run(self, *words):
        with self.log.open("ab") as log:
            subprocess.run(
                ["pg_autoctl", *map(str, words), "--pgdata", self.data], cwd=self.folder, env=self.environment(),
                stdout=log, stderr=log, check=True, timeout=PATIENCE, **postgres.os_user())

    def create(self, *words):
        self.run("create", *words, "--pgport", self.port, "--hostname", "127.0.0.1", "--auth", "trust", "--no-ssl")

    def start(self):
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                ["pg_autoctl", "run", "--pgdata", self.data], cwd=self.folder, env=self.environment(), stdout=log,
                stderr=log, **postgres.os_user())

    def family(self):
        """The keeper and all that it started, and what those started."""
        parents = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                parents[int(entry.parent.name)] = int(entry.read_text().rsplit(")", 1)[1].split()[1])
        family = [self.process.pid]
        for member in family:
            family += [child for child, parent in parents.items() if parent == member]
        return family

    def signal(self, number):
        for member in self.family():
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, number)

    def kill(self):
        """As a machine that loses power: all at once."""
        family = self.family()
        self.signal(signal.SIGSTOP)
        for member in reversed(family):
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self.process.wait()

    def ask(self, statement, database="sparekey", user="postgres"):
        answer = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", user, "-d", database,
             "-c", statement], capture_output=True, text=True, timeout=20, env=os.environ | {"PGCONNECT_TIMEOUT": "2"})
        assert answer.returncode == 0, answer.stderr
        return [line.split("|") for line in answer.stdout.splitlines()]


class Formation:
    """A monitor and three servers."""

    def __init__(self, folder):
        self.monitor, self.nodes = Keeper(folder, "monitor"), []

    def make(self, defaults):
        self.monitor.create("monitor")
        self.monitor.start()
        self.wait("the monitor answers", lambda: self.monitor.ask("SELECT 1", "pg_auto_failover", "autoctl_node"))
        if not defaults:
            for name, value in WAITING.items():
                self.monitor.ask(f"ALTER SYSTEM SET pgautofailover.{name} = {value}", "postgres")
            self.monitor.ask("SELECT pg_reload_conf()", "postgres")
        self.nodes = [Keeper(self.monitor.folder, name) for name in ("one", "two", "three")]
        address = f"postgres://autoctl_node@127.0.0.1:{self.monitor.port}/pg_auto_failover?sslmode=disable"
        for node in self.nodes:
            node.create("postgres", "--monitor", address, "--name", node.name, "--dbname", "sparekey")
            if not defaults:
                node.run("config", "set", "timeout.network_partition_timeout", 3)
            node.start()
            self.wait(f"{node.name} takes part", lambda: node.name in self.states())
        self.wait_until_whole()

    def wait(self, what, look):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with contextlib.suppress(AssertionError, subprocess.TimeoutExpired):
                if look():
                    return
            time.sleep(0.2)
        raise AssertionError(f"not in {PATIENCE} s: {what}; {self.states()}")

    def states(self):
        """Name and state of each server, as the monitor sees it."""
        rows = self.monitor.ask(
            "SELECT nodename, reportedstate FROM pgautofailover.node", "pg_auto_failover", "autoctl_node")
        return {name: state for name, state in rows}

    def wait_until_whole(self):
        self.wait("one primary and two secondaries", lambda: sorted(self.states().values()) == [
            "primary", "secondary", "secondary"])

    @property
    def primary(self):
        states = self.states()
        return next(node for node in self.nodes if states[node.name] == "primary")

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/sparekey?target_session_attrs=read-write"

    def stop(self):
        for node in [*self.nodes, self.monitor]:
            if node.process and node.process.poll() is None:
                node.signal(signal.SIGCONT)
                node.kill()


def one_round(formation, service, frozen):
    crowd = Crowd(service)
    crowd.start()
    service.statuses = collections.Counter()
    gone, begin = formation.primary, time.monotonic()
    gone.signal(signal.SIGSTOP) if frozen else gone.kill()
    while len([moment for moment in service.changes if moment > begin + 1]) < 20:
        assert time.monotonic() < begin + PATIENCE, formation.states()
        time.sleep(0.1)
    time.sleep(2)
    end = time.monotonic()
    if frozen:
        gone.signal(signal.SIGCONT)
    else:
        gone.start()
    back = time.monotonic()
    formation.wait_until_whole()
    back = time.monotonic() - back
    crowd.stop()
    assert formation.primary is not gone
    crowd.check(formation)
    print(
        f"{'freeze' if frozen else 'kill -9'}: {longest_gap(service.changes, begin, end):.2f} s without a change; "
        f"{crowd.redeemed} redeemed, nothing lost or doubled; {service.statuses[503]} of "
        f"{sum(service.statuses.values())} answers were 503; the old primary follows again {back:.1f} s after it was back",
        flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--defaults", action="store_true")
    chosen = parser.parse_args()
    if not shutil.which("pg_autoctl"):
        raise SystemExit("pg_autoctl is missing: apt-get install pg-auto-failover-cli postgresql-15-auto-failover")
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(postgres.room())
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        formation = Formation(folder)
        stack.callback(formation.stop)
        formation.make(chosen.defaults)
        place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sparekey-nodes-")))
        nodes = []
        for number in range(2):
            data = place / f"node{number}"
            data.mkdir()
            if number:
                shutil.copy(place / "node0" / "sparekey.keys", data)
            nodes.append(Server(data, {"database": formation.url(), "hold-period": f"{PERIOD}s"}))
            stack.callback(nodes[-1].stop)
        for _ in range(chosen.rounds):
            for frozen in (False, True):
                one_round(formation, Service(nodes), frozen)


if __name__ == "__main__":
    main()
