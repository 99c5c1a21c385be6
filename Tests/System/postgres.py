"""Real PostgreSQL servers for the tests: one, or three with quorum commit that a test promotes, freezes and kills.

Each runs in a folder of its own on a free port of 127.0.0.1, as the OS user `postgres` when the tests run as root (the
server refuses to be root), and is stopped by its process ids."""

import contextlib
import glob
import itertools
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

from conftest import free_port

PATIENCE = 30


def programs():
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(path.split("/")[-2]))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return pathlib.Path(found[-1])


def os_user():
    """Keywords for `subprocess` that make a child somebody else than root."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def room():
    """A folder that whoever the servers run as can get to; pytest's own are closed to others."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sparekey-postgres-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def change(url, statement, *values):
    """The same SQL text as for the file of SQLite, with `?` for the values."""
    quoted = ["'" + str(value).replace("'", "''") + "'" for value in values]
    parts = statement.split("?")
    assert len(parts) == len(quoted) + 1
    text = "".join(itertools.chain.from_iterable(itertools.zip_longest(parts, quoted, fillvalue="")))
    answer = subprocess.run(
        ["psql", "-X", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", text], capture_output=True, text=True, timeout=PATIENCE)
    assert answer.returncode == 0, answer.stderr
    assert not answer.stdout.endswith(" 0\n"), f"nothing matched: {statement}"


class Postgres:
    """One server. `settings` are postgres settings; `rules` the lines of pg_hba.conf in place of `trust`."""

    def __init__(self, folder, name="only", settings=None, rules=None):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        if os.getuid() == 0:
            shutil.chown(self.folder, "postgres", "postgres")
        self.name, self.port, self.process = name, free_port(), None
        self.data, self.log = self.folder / "data", self.folder / "log"
        self.settings = {
            "port": self.port, "listen_addresses": "127.0.0.1", "unix_socket_directories": self.folder,
            "max_connections": 60, "shared_buffers": "32MB", **(settings or {})}
        self.rules = rules

    def run(self, program, *words):
        with self.log.open("ab") as log:
            subprocess.run(
                [programs() / program, *map(str, words)], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, check=True, timeout=120, **os_user())

    def make(self):
        self.run("initdb", f"--pgdata={self.data}", "--username=postgres", "--auth=trust", "--encoding=UTF8",
                 "--locale=C.UTF-8", "--no-sync", "--data-checksums")
        if self.rules:
            (self.data / "pg_hba.conf").write_text("\n".join(self.rules) + "\n")
        return self

    def copy(self, primary):
        """Becomes a standby of the primary."""
        self.run("pg_basebackup", "-D", self.data, "-h", "127.0.0.1", "-p", primary.port, "-U", "postgres",
                 "--checkpoint=fast", "--write-recovery-conf", "--no-sync", "-d", f"application_name={self.name}")
        return self

    def start(self):
        words = [word for name, value in self.settings.items() for word in ("-c", f"{name}={value}")]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [programs() / "postgres", "-D", self.data, *words], cwd=self.folder, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, **os_user())
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            if subprocess.run(
                    [programs() / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(self.port)]).returncode == 0:
                return self
            time.sleep(0.05)
        raise AssertionError(f"PostgreSQL did not start:\n{self.log.read_text(errors='replace')[-3000:]}")

    def processes(self):
        """The server and all it has started."""
        parents = {}
        for entry in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parents[int(entry.parent.name)] = int(entry.read_text().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
        return [self.process.pid] + [child for child, parent in parents.items() if parent == self.process.pid]

    def signal_all(self, number):
        # The parent first, so that it starts no others meanwhile.
        for process in self.processes():
            try:
                os.kill(process, number)
            except ProcessLookupError:
                continue

    def freeze(self):
        self.signal_all(signal.SIGSTOP)

    def thaw(self):
        self.signal_all(signal.SIGCONT)

    def kill(self):
        """As a machine that loses power: all at once."""
        self.freeze()
        for process in reversed(self.processes()):
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.kill()

    def ask(self, *statements, database="postgres", timeout=20):
        """The rows of the last statement, as lists of text."""
        words = [word for statement in statements for word in ("-c", statement)]
        answer = subprocess.run(
            ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres",
             "-d", database, *words], capture_output=True, text=True, timeout=timeout)
        assert answer.returncode == 0, answer.stderr
        return [line.split("|") for line in answer.stdout.splitlines()]

    def url(self, database="sparekey", user="postgres"):
        return f"postgresql://{user}@127.0.0.1:{self.port}/{database}"


class Cluster:
    """Three servers. A commit is answered once one of the two others has it on disk as well."""

    NAMES = ("one", "two", "three")

    def __init__(self, folder):
        self.nodes = [
            Postgres(folder, name, {
                "wal_level": "replica", "hot_standby": "on", "wal_log_hints": "on", "synchronous_commit": "on",
                "wal_receiver_status_interval": "1s", "wal_keep_size": "256MB",
                "synchronous_standby_names":
                    f"ANY 1 ({', '.join(other for other in self.NAMES if other != name)})"})
            for name in self.NAMES]
        self.primary = self.nodes[0]
        # Until there are standbys nothing could be committed.
        names = self.primary.settings.pop("synchronous_standby_names")
        self.primary.make().start()
        self.primary.ask("CREATE DATABASE sparekey")
        for standby in self.nodes[1:]:
            standby.copy(self.primary).start()
        self.primary.ask(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'", "SELECT pg_reload_conf()")
        self.wait_for_standbys(2)

    def wait_for_standbys(self, count):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            (found,), = self.primary.ask("SELECT COUNT(*) FROM pg_stat_replication WHERE state = 'streaming'")
            if int(found) >= count:
                return
            time.sleep(0.1)
        raise AssertionError("the standbys do not follow")

    def url(self):
        hosts = ",".join(f"127.0.0.1:{node.port}" for node in self.nodes)
        return f"postgresql://postgres@{hosts}/sparekey?target_session_attrs=read-write"

    def promote(self):
        """What the operators' tool does once the primary is gone. First NO standby follows it any longer: from then on it
        can confirm nothing. Only then is it known which one has everything that was ever confirmed."""
        standbys = [node for node in self.nodes if node is not self.primary]
        for node in standbys:
            node.ask("ALTER SYSTEM SET primary_conninfo = ''", "SELECT pg_reload_conf()")
        for node in standbys:
            while node.ask("SELECT COUNT(*) FROM pg_stat_wal_receiver") != [["0"]]:
                time.sleep(0.01)
        positions = [
            int(node.ask("SELECT pg_wal_lsn_diff(pg_last_wal_receive_lsn(), '0/0')::bigint")[0][0])
            for node in standbys]
        chosen = standbys[positions.index(max(positions))]
        chosen.ask("SELECT pg_promote(true, 30)")
        for node in standbys:
            if node is not chosen:
                node.ask(
                    "ALTER SYSTEM SET primary_conninfo = "
                    f"'host=127.0.0.1 port={chosen.port} user=postgres application_name={node.name}'",
                    "SELECT pg_reload_conf()")
        outlived, self.primary = self.primary, chosen
        return outlived

    def stop(self):
        for node in self.nodes:
            node.stop()
