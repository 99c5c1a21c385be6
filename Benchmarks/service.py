"""What the benchmarks share: the built program with fresh data, a client that costs little, and the bare primitives.

Server, client and whatever is compared share the machine's cores: runs alternate, and medians are quoted."""

import ctypes
import ctypes.util
import http.client
import json
import os
import pathlib
import re
import resource
import secrets
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
CORES = os.cpu_count() or 1
PASSWORD = "eleven owls over the lake"
PASSWORD_COST, CODE_COST = (19_456, 2), (8_192, 1)
TICKS = os.sysconf("SC_CLK_TCK")


class Service:
    """The program, with hashes at their real cost. `settings` are set by name; limits are off unless they say so."""

    def __init__(self, binary, folder=None, **settings):
        self.binary = str(pathlib.Path(binary).resolve())
        if not pathlib.Path(self.binary).exists():
            sys.exit(f"{binary} is missing. Build it: make program")
        self.folder = folder or tempfile.mkdtemp(prefix="sparekey-benchmark-")
        self.is_ours = folder is None
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = {"limits": "off", "log-level": "error"} | {
            name.replace("_", "-"): value for name, value in settings.items()}
        words = [word for name, value in settings.items() for word in ("--set", f"{name}={value}")]
        begun = time.perf_counter()
        self.process = subprocess.Popen(
            [self.binary, "serve", "--data", self.folder, "--port", str(self.port), *words], cwd=self.folder,
            env=self.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                client = http.client.HTTPConnection("localhost", self.port, timeout=5)
                client.request("GET", "/readyz")
                client.getresponse().read()
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit("The program ended at once. Try it by hand first.")
                time.sleep(0.001)
        self.started_in = time.perf_counter() - begun

    @staticmethod
    def environment():
        return {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}

    def memory(self, kind="VmRSS"):
        """In MiB: `VmRSS` all of it, `RssAnon` what is this process's own, `VmHWM` the most there ever was."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith(kind)).split()[1]) / 1024

    def processor(self):
        """Seconds so far."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def call(self, method, path, body=None, token=None):
        client = http.client.HTTPConnection("localhost", self.port, timeout=60)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        client.request(method, path, json.dumps(body) if body is not None else None, headers)
        response = client.getresponse()
        content = response.read()
        if response.status >= 400:
            raise RuntimeError(f"{method} {path}: {response.status} {content[:200]!r}")
        return json.loads(content) if content else None

    def people(self, count, prefix="person"):
        """Accounts with a session and a code, as the load program reads them."""
        lines = []
        for number in range(count):
            name = f"{prefix}{number}"
            token = self.call("POST", "/api/v1/accounts", {"username": name, "password": PASSWORD})["session"]["token"]
            lines.append(f"{name}\t{token}\t{self.call('POST', '/api/v1/recovery-code', {}, token)['code']}")
        return "\n".join(lines) + "\n"

    def load(self, what, people, seconds, connections=16, rate=None):
        """Runs the load program. - Returns: its figures, with the server's processor milliseconds for each completed."""
        before = self.processor()
        words = [load_program(), what, str(self.port), str(seconds), str(connections)] + ([str(rate)] if rate else [])
        done = subprocess.run(words, input=people, capture_output=True, text=True, check=True)
        figures = json.loads(done.stdout)
        each = max(figures["completed"], 1)
        figures["server_processor_ms_each"] = 1_000 * (self.processor() - before) / each
        figures["client_processor_ms_each"] = 1_000 * figures["client_processor_seconds"] / each
        return figures

    def wrk(self, path, token, seconds, connections):
        """The same with `wrk`, a client that costs next to nothing and leaves the cores to the service."""
        before, client = self.processor(), resource.getrusage(resource.RUSAGE_CHILDREN)
        words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "-H", f"Authorization: Bearer {token}"]
        said = subprocess.run(
            [*words, f"http://localhost:{self.port}{path}"], capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in said:
            raise RuntimeError(said)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        client = spent.ru_utime + spent.ru_stime - client.ru_utime - client.ru_stime
        completed = int(re.search(r"(\d+) requests in", said)[1])
        units = {"us": 0.001, "ms": 1, "s": 1_000}

        def milliseconds(share):
            number, unit = re.search(rf"{share}%\s+([\d.]+)(us|ms|s)", said).groups()
            return float(number) * units[unit]

        return {
            "per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]),
            "median_ms": milliseconds(50), "p99_ms": milliseconds(99),
            "server_processor_ms_each": 1_000 * (self.processor() - before) / completed,
            "client_processor_ms_each": 1_000 * client / completed}

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        if self.is_ours:
            shutil.rmtree(self.folder, ignore_errors=True)


def load_program():
    return compiled("load", ROOT / "Benchmarks/Load.swift")


def compiled(name, *sources):
    """A program of one module, built when its sources are newer."""
    program = ROOT / ".build/benchmarks" / name
    program.parent.mkdir(parents=True, exist_ok=True)
    if not program.exists() or any(source.stat().st_mtime > program.stat().st_mtime for source in sources):
        subprocess.run(
            ["swiftc", "-O", "-wmo", "-swift-version", "6", "-parse-as-library", "-module-name", name.capitalize(),
             "-o", program, *sources], check=True)
    return str(program)


def bare_hashes(cost, seconds, kept=False):
    """Per second: Argon2id in a loop on every core, with nothing around it; as libsodium does it, or with the memory kept
    between hashes as the service does (docs/decisions/0020)."""
    words = [sys.executable, __file__, *map(str, cost), str(seconds)]
    environment = os.environ | ({"LD_PRELOAD": kept_memory()} if kept else {})
    return float(subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout)


def kept_memory():
    """The service's own way to keep memory, as a library."""
    source = ROOT / "Sources/CHashMemory"
    library = ROOT / ".build/benchmarks/hash_memory.so"
    library.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", f"-I{source}/include", source / "hash_memory.c", "-o", library], check=True)
    return str(library)


def loop_of_hashes(cost, seconds):
    keep = getattr(ctypes.CDLL(None), "hash_memory_keep", None) if "LD_PRELOAD" in os.environ else None
    sodium = ctypes.CDLL(ctypes.util.find_library("sodium") or "libsodium.so.23")
    sodium.sodium_init()
    memory, passes = cost
    until = time.perf_counter() + seconds
    counts = []

    def work():
        output, salt = ctypes.create_string_buffer(32), secrets.token_bytes(16)
        if keep:
            keep(True)
        count = 0
        while time.perf_counter() < until:  # ctypes lets go of Python's lock while it hashes
            sodium.crypto_pwhash(
                output, ctypes.c_ulonglong(32), PASSWORD.encode(), ctypes.c_ulonglong(len(PASSWORD)), salt,
                ctypes.c_ulonglong(passes), ctypes.c_size_t(memory * 1024), ctypes.c_int(2))
            count += 1
        counts.append(count)

    begun = time.perf_counter()
    threads = [threading.Thread(target=work) for _ in range(CORES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - begun)


def median_of(rounds, *kinds):
    """Asks each kind in turn, again and again. - Returns: for each kind the median of its answers, member by member."""
    answers = [[] for _ in kinds]
    for _ in range(rounds):
        for place, kind in enumerate(kinds):
            answers[place].append(kind())

    def middle(values):
        if isinstance(values[0], dict):
            return {name: middle([value[name] for value in values]) for name in values[0]
                    if isinstance(values[0][name], int | float)}
        return statistics.median(values)

    return [middle(values) for values in answers]


if __name__ == "__main__":
    memory, passes, seconds = sys.argv[1:]
    print(loop_of_hashes((int(memory), int(passes)), float(seconds)))
