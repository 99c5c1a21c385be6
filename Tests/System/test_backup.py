"""Backup and restore (O5): a backup is whole, and what was spent, stopped and signed out since it was made does not come
back to life."""

import json
import os
import sqlite3
import threading
import time

import people
import pytest
from test_api import Person, choose, sign_in


def backup(server, file):
    made = server.command("backup", str(file), "--json")
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


def restore(server, *words):
    server.stop()
    restored = server.command("restore", *map(str, words), "--json")
    assert restored.returncode == 0, restored.stderr
    server.start()
    return json.loads(restored.stdout)


def test_o5_a_backup_under_load_is_whole_and_holds_every_account_acknowledged_before(start_server, tmp_path):
    server = start_server()
    before = [Person(server).username for _ in range(20)]
    stop = threading.Event()

    def load():
        while not stop.is_set():
            Person(server)

    workers = [threading.Thread(target=load) for _ in range(3)]
    for worker in workers:
        worker.start()
    file = tmp_path / "copy.sqlite"
    answer = backup(server, file)
    stop.set()
    for worker in workers:
        worker.join()
    assert answer["bytes"] == file.stat().st_size and file.stat().st_mode & 0o077 == 0
    assert [path.name for path in tmp_path.iterdir()] == ["copy.sqlite"], "nothing lies beside it"
    with sqlite3.connect(file) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        names = {name for (name,) in database.execute("SELECT username FROM accounts")}
    assert set(before) <= names
    again = server.command("backup", str(file))
    assert again.returncode == 1 and "already" in again.stderr


def test_o5_a_code_that_was_used_since_does_not_open_the_restored_account(start_server, tmp_path):
    server = start_server()
    used, unused = Person(server), Person(server)
    spent, kept = used.make_code(), unused.make_code()
    file = tmp_path / "copy.sqlite"
    backup(server, file)
    assert choose(server, used.proved(spent)).status_code == 200
    report = restore(server, file)
    assert report["sessionsEnded"] >= 2 and os.path.exists(report["formerDatabase"])
    for person in (used, unused):
        assert person.call("GET", "/api/v1/session").status_code == 401, "nobody is signed in"
    for person, code in ((used, spent), (unused, kept)):
        answer = person.enter_code(code)
        assert answer.status_code == 200 and answer.json()["outcome"] == "held", "row 9"
    unused.token = sign_in(server, unused.username, "violet anchor sevenfold").json()["session"]["token"]
    fresh = unused.make_code()
    assert unused.enter_code(fresh).json()["outcome"] == "now", "a new code works as always"


def test_o5_with_the_list_of_spent_codes_all_others_open_at_once(start_server, tmp_path):
    server = start_server()
    used, unused = Person(server), Person(server)
    spent, kept = used.make_code(), unused.make_code()
    file = tmp_path / "copy.sqlite"
    backup(server, file)
    assert choose(server, used.proved(spent)).status_code == 200
    listed = server.command("recovery-code", "ended", "--since", "2020-01-01T00:00:00Z")
    assert listed.returncode == 0, listed.stderr
    assert used.username not in listed.stdout and len(listed.stdout.splitlines()) == 1
    (tmp_path / "spent").write_text(listed.stdout)
    report = restore(server, file, "--spent", tmp_path / "spent")
    assert (report["endedCodes"], report["ownersTold"]) == (1, 0)
    assert used.enter_code(spent).status_code == 403, "it was used"
    assert unused.enter_code(kept).json()["outcome"] == "now"


def test_o5_a_stopped_hold_comes_back_waiting_and_its_owner_hears_of_it_again(start_server, tmp_path):
    server = start_server(settings={"hold-period": "1h"})
    person, code = people.two_step(server)
    claim = people.Claim(server, person, code)
    file = tmp_path / "copy.sqlite"
    backup(server, file)
    person.sign_in()
    people.good(person.call("POST", f"/api/v1/holds/{claim.id}/stop"))
    assert claim.state() == "stopped"
    report = restore(server, file)
    assert (report["holds"], report["ownersTold"]) == (1, 1)
    assert claim.state() == "running"
    deadline = time.monotonic() + 20
    while not any("please look again" in mail["Subject"] for mail in person.mails()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    server.change_database("DROP TRIGGER holds_are_immutable")
    server.change_database("UPDATE holds SET ends_at = started_at + 1, told_at = started_at")
    server.change_database("UPDATE accounts SET hold_due_at = 1 WHERE hold_due_at IS NOT NULL")
    time.sleep(2.5)
    assert claim.state() == "running", "it does not end at once, although its time has come"


def test_o5_what_is_no_backup_is_refused_and_nothing_is_lost(start_server, tmp_path):
    server = start_server()
    person = Person(server)
    file = tmp_path / "copy.sqlite"
    backup(server, file)
    running = server.command("restore", str(file))
    assert running.returncode == 1 and "Stop the service first" in running.stderr
    server.stop()
    (tmp_path / "text").write_text("not a database" * 1_000)
    sqlite3.connect(tmp_path / "other").execute("CREATE TABLE things (id)").connection.close()
    damaged = bytearray(file.read_bytes())
    damaged[5_000:9_000] = bytes(4_000)
    (tmp_path / "damaged").write_bytes(damaged)
    for name in ("text", "other", "damaged", "missing"):
        refused = server.command("restore", str(tmp_path / name))
        assert refused.returncode == 1 and refused.stderr, name
        assert "Fatal" not in refused.stderr
    server.start()
    assert sign_in(server, person.username, "violet anchor sevenfold").status_code == 200
    assert not list(server.data.glob("*restor*"))


@pytest.mark.parametrize("words", [[], ["file", "--mark-only"], ["missing", "--spent", "missing"]])
def test_o5_what_was_meant_is_asked(start_server, words):
    server = start_server()
    server.stop()
    refused = server.command("restore", *words)
    assert refused.returncode in (1, 64) and refused.stderr
