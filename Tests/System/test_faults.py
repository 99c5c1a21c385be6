"""Q4, Q5, O1: disks that are full, read-only or damaged, files in the wrong place, and two programs on one database.
What was acknowledged holds, and what is wrong is said in words."""

import contextlib
import os
import pathlib
import random
import re
import shutil
import sqlite3
import subprocess
import threading

import pytest
import requests
from ledger import BINARY, Newcomers, Person, Service, people

PAGE = 4096
DAMAGES = int(os.environ.get("DAMAGES", "12"))
# Someone without rights, for files that only others may read.
NOBODY = 65534


@contextlib.contextmanager
def mounted(place, size="4m"):
    """A disk of a few megabytes of its own."""
    place.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def small_disk(tmp_path):
    with mounted(tmp_path / "disk") as place:
        yield place


@pytest.fixture
def run_service():
    """Starts services, and ends them with the test."""
    running = []

    def run(folder):
        service = Service(folder)
        service.start()
        running.append(service)
        return service

    yield run
    for service in running:
        if service.process.poll() is None:
            service.kill()


@pytest.fixture
def installation(tmp_path, run_service):
    """A folder with a database, keys and an account, served before and not now."""
    service = run_service(tmp_path / "data")
    person = Person("person")
    person.passwords = ["the first password of person"]
    assert Newcomers.sign_up(service, person).status_code == 201
    for _ in range(3):
        person.generate(service)
    service.stop()
    return service.folder, person


def start(folder, *arguments, user=None):
    """Starts a service that is not expected to stay."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    try:
        return subprocess.run(
            [pathlib.Path(BINARY).resolve(), "serve", "--data", folder, "--port", "0", *arguments],
            capture_output=True, text=True, timeout=20, env=environment, cwd="/", user=user)
    except subprocess.TimeoutExpired as stayed:
        return stayed


def assert_refused(ended, *words):
    """It ended at once, with one line for the person who has to mend it."""
    assert isinstance(ended, subprocess.CompletedProcess), "it serves"
    assert ended.returncode == 1, ended.stderr
    lines = ended.stderr.strip().splitlines()
    assert len(lines) == 1, ended.stderr
    for word in words:
        assert word in lines[0], lines[0]
    for noise in ("NSCocoa", "Error Domain", "Problem(", "errno", "ptr:"):
        assert noise not in lines[0], lines[0]


def content(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


# --- A full disk


def fill(disk):
    """- Returns: what to remove to have space again."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(PAGE)) == PAGE:
            pass
    return filler


def sign_in_on_a_page(service, person):
    browser = requests.Session()
    answer = browser.get(service.url + "/sign-in", timeout=10)
    for fields in ({"username": person.name}, {"password": person.passwords[-1]}):
        hidden = dict(re.findall(r'name="(csrf|journey)" value="([^"]*)"', answer.text))
        path = "/sign-in/password" if "password" in fields else "/sign-in"
        answer = browser.post(service.url + path, data=hidden | fields, timeout=10)
    return answer


def assert_nothing_written(answer):
    """A refusal in words of ours: neither a stack nor the database's own."""
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert set(answer.json()) <= {"type", "title", "status", "detail", "retryAfter"}, answer.text
    assert "SQL" not in answer.text and "disk" not in answer.text


def test_q4_a_full_disk_loses_nothing_and_heals_without_a_restart(small_disk, run_service):
    service = run_service(small_disk / "data")
    maker, claimant = people(service)[:2]
    for again in range(2):
        token = maker.sign_in(service, maker.passwords[-1])
        proved = claimant.prove(service, claimant.codes[-1]).json()["journey"]
        filler = fill(small_disk)
        while (made := service.call("POST", "recovery-code", token=token)).status_code == 201:
            maker.dead += maker.codes
            maker.codes = [made.json()["code"]]
        assert_nothing_written(made)
        assert_nothing_written(service.call("POST", "recovery-code", token=token))
        newcomer = Person(f"late{again}x")
        newcomer.passwords = ["the first password of someone late"]
        assert_nothing_written(Newcomers.sign_up(service, newcomer))
        never = {"journey": proved, "password": "this one was never accepted"}
        assert_nothing_written(service.call("POST", "recovery/new-password", never))
        # What needs no writing works on; a sign-in says that it cannot be done now.
        assert service.call("GET", "session", token=token).status_code == 200
        assert requests.get(service.url + "/help/sign-in", timeout=10).ok
        page = sign_in_on_a_page(service, maker)
        assert page.status_code == 503 and int(page.headers["Retry-After"]) > 0
        for words in ("serve you this second", "Nothing was changed"):
            assert words in page.text
        assert "SQL" not in page.text and "disk" not in page.text

        filler.unlink()
        for person in (maker, claimant):
            person.check(service)
        assert not claimant.sign_in(service, never["password"])
        assert Newcomers.sign_up(service, newcomer).status_code == 201
        maker.generate(service)
        claimant.redeem(service)
    service.kill()
    service.start()
    for person in (maker, claimant, newcomer):
        assert person.sign_in(service, person.passwords[-1])
    for person in (maker, claimant):
        person.check(service)


def test_o7_a_full_disk_is_named_in_the_log(small_disk, run_service):
    service = run_service(small_disk / "data")
    filler = fill(small_disk)
    # A little of the log's own.
    os.truncate(filler, filler.stat().st_size - 2 * PAGE)
    newcomers = Newcomers()
    faults = []
    newcomers.work(service, threading.Event(), faults)
    assert faults
    log = service.log.read_text()
    assert "The database cannot be used now: database or disk is full" in log and "newcomer" not in log
    assert "fault" not in log


# --- Places that cannot be used


def test_o1_a_place_that_cannot_hold_data_is_named(tmp_path):
    (tmp_path / "file").write_text("something else")
    assert_refused(start(tmp_path / "file"), "file cannot be made", "a file has that name")
    assert_refused(start(tmp_path / "file" / "data"), "cannot be made", "a file has that name")
    assert (tmp_path / "file").read_text() == "something else"
    (tmp_path / "data" / "sparekey.sqlite").mkdir(parents=True)
    assert_refused(start(tmp_path / "data"), "sparekey.sqlite cannot be opened: it is a folder")
    nowhere = tmp_path / "nowhere" / "accounts.sqlite"
    assert_refused(start(tmp_path / "other", "--database", f"sqlite:{nowhere}"), str(nowhere), "No such file or directory")
    assert not nowhere.parent.exists()


def test_o1_a_port_that_is_taken_is_named(installation, run_service):
    folder, _ = installation
    service = run_service(folder)
    assert_refused(start(folder, "--port", str(service.port)), f"port {service.port}", "Address already in use")
    assert_refused(start(folder, "--host", "203.0.113.9"), "203.0.113.9", "Cannot assign requested address")


def test_q4_a_read_only_disk_is_named_and_nothing_is_invented(installation, small_disk):
    folder, _ = installation
    shutil.copytree(folder, small_disk / "data")
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    before = content(small_disk / "data")
    assert_refused(start(small_disk / "data"), "sparekey.sqlite cannot be opened", "Read-only file system")
    assert_refused(start(small_disk / "new"), "new cannot be made", "Read-only file system")
    assert content(small_disk / "data") == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    "path, owner, mode, words",
    [
        ("sparekey.sqlite", NOBODY, 0o400, ["sparekey.sqlite cannot be opened", "Permission denied"]),
        ("sparekey.sqlite", 0, 0o600, ["sparekey.sqlite cannot be opened", "Permission denied"]),
        (".", NOBODY, 0o500, ["sparekey.sqlite cannot be opened", "its folder: Permission denied"]),
        ("sparekey.keys", 0, 0o600, ["sparekey.keys cannot be read", "Permission denied"]),
        ("sparekey.keys", NOBODY, 0o640, ["sparekey.keys can be read by other users", "chmod 600"]),
    ],
)
def test_o1_missing_rights_are_named(installation, path, owner, mode, words):
    program = pathlib.Path(BINARY).resolve()
    if not all(each.stat().st_mode & 0o001 for each in [program, *program.parents]):
        pytest.skip(f"other users cannot run {program}")
    folder, _ = installation
    for above in folder.parents:
        if above.stat().st_uid == os.geteuid() and above != pathlib.Path("/") and not above.stat().st_mode & 0o001:
            above.chmod(above.stat().st_mode | 0o011)
    for each in [folder, *folder.rglob("*")]:
        os.chown(each, NOBODY, NOBODY)
    os.chown(folder / path, owner, owner)
    (folder / path).chmod(mode)
    before = content(folder)
    assert_refused(start(folder, user=NOBODY), *words)
    assert content(folder) == before


# --- A damaged database


def pages_in_use(database):
    """All but the leaves of SQLite's list of free pages, whose bytes mean nothing (its file format, section 1.5)."""
    pages, free, trunk = len(database) // PAGE, set(), int.from_bytes(database[32:36])
    while trunk:
        numbers = [int.from_bytes(database[place:place + 4])
                   for place in range((trunk - 1) * PAGE, trunk * PAGE, 4)]
        free.update(numbers[2:2 + numbers[1]])
        trunk = numbers[0]
    return [number for number in range(pages) if number + 1 not in free]


def test_q4_a_damaged_page_is_found_at_the_start(installation, run_service):
    """Each page's own head is overwritten, as a failing disk does: never a start on what is left."""
    folder, _ = installation
    file = folder / "sparekey.sqlite"
    whole = file.read_bytes()
    for number in pages_in_use(whole):
        damaged = bytearray(whole)
        damaged[number * PAGE] ^= 0x40
        file.write_bytes(damaged)
        assert_refused(start(folder), "sparekey.sqlite", "not a database" if number == 0 else "damaged")
        assert file.read_bytes() == damaged, "what is damaged is left for those who repair it"
    file.write_bytes(b"not a database, however long it is. " * 1_000)
    assert_refused(start(folder), "file is not a database")
    file.write_bytes(whole)
    run_service(folder)


def answered(service, first, second, username, **proof):
    """Two steps of a journey. - Returns: whether both were taken; a refusal or a fault is in words of ours."""
    answer = service.call("POST", first, {"username": username})
    if answer.status_code == 200:
        answer = service.call("POST", second, {"journey": answer.json()["journey"]} | proof)
    if answer.status_code != 200:
        assert answer.status_code in (403, 409, 500), answer.text
        assert answer.json()["type"].startswith("urn:sparekey:problem:")
    return answer.status_code == 200


def test_q4_one_wrong_byte_anywhere_never_revives_a_code_nor_brings_a_stack(installation):
    """SQLite has no checksums of its own: what a start does not find out must do no harm. What is sealed does not open."""
    folder, person = installation
    file = folder / "sparekey.sqlite"
    whole = file.read_bytes()
    service = Service(folder)
    seed = int(os.environ.get("DAMAGE_SEED", "1"))
    print(f"DAMAGE_SEED={seed}")
    chance = random.Random(seed)
    refused = 0
    used = [place for place in range(len(whole)) if whole[place]]
    for _ in range(DAMAGES):
        damaged = bytearray(whole)
        damaged[chance.choice(used)] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        for rest in ("-wal", "-shm"):
            (folder / f"sparekey.sqlite{rest}").unlink(missing_ok=True)
        try:
            service.start()
        except AssertionError:
            assert_refused(start(folder), "sparekey.sqlite")
            refused += 1
            continue
        try:
            for code in [*person.dead, *person.codes]:
                proved = answered(service, "recovery", "recovery/recovery-code", username=person.name, code=code)
                assert not proved or code in person.codes, "a dead code lives"
            answered(
                service, "sign-in", "sign-in/password", username=person.name, password=person.passwords[-1])
        finally:
            service.kill()
    print(f"{DAMAGES} damages, {refused} refused at the start")


def test_o2_doctor_looks_through_the_whole_database(installation):
    folder, person = installation
    with contextlib.closing(sqlite3.connect(folder / "sparekey.sqlite")) as database, database:
        # An index that disagrees with its table: each page is well, the whole is not.
        database.execute("PRAGMA writable_schema = ON")
        database.execute(
            "UPDATE sqlite_schema SET sql = 'CREATE INDEX recovery_codes_by_account ON recovery_codes (id, created_at)'"
            " WHERE name = 'recovery_codes_by_account'")
    ended = subprocess.run(
        [BINARY, "doctor", "--data", folder], capture_output=True, text=True, timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")})
    assert ended.returncode == 1, ended.stdout
    assert re.search(r"fail\tdatabase: .*is damaged: .*recovery_codes_by_account.*backup", ended.stdout), ended.stdout


# --- Two programs on one database


def test_q4_two_services_on_one_database_lose_nothing(tmp_path, run_service):
    """Everyone's requests go to the one and to the other; the command line and doctor look in meanwhile."""
    first = run_service(tmp_path / "data")
    second = run_service(tmp_path / "data")

    class Either:
        """The first or the second, as it happens."""

        @staticmethod
        def call(*arguments, **named):
            return random.choice([first, second]).call(*arguments, **named)

    everyone = [*people(Either), Newcomers()]
    stop, faults = threading.Event(), []
    threads = [threading.Thread(target=each.work, args=(Either, stop, faults)) for each in everyone]
    for thread in threads:
        thread.start()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    made = []
    for number in range(4):
        create = subprocess.run(
            [BINARY, "account", "create", "--data", first.folder, "--username", f"operator{number}x",
             "--password-stdin", "--set", "hash-cost=cheap"],
            input="the first password of an operator\n", capture_output=True, text=True, timeout=60, env=environment)
        assert create.returncode == 0, create.stderr
        person = Person(f"operator{number}x")
        person.passwords = ["the first password of an operator"]
        made.append(person)
        doctor = subprocess.run(
            [BINARY, "doctor", "--data", first.folder], capture_output=True, text=True, timeout=60, env=environment)
        assert doctor.returncode == 0, doctor.stdout
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults
    for service in (first, second):
        for each in everyone:
            each.check(service)
        for person in made:
            assert person.sign_in(service, person.passwords[-1])
