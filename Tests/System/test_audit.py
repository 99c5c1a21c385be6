"""The audit trail of the built program (O4): it verifies, and tampering with any row is found and located."""

import json
import sqlite3
import time

import pytest
from test_api import NEW_PASSWORD


@pytest.fixture(scope="module")
def trail(start_server):
    """A stopped server whose operator made six accounts, each of them chained."""
    server = start_server(settings={"hash-cost": "cheap"})
    for number in range(6):
        made = server.command_with(
            NEW_PASSWORD + "\n", "account", "create", "--username", f"audited{number}", "--password-stdin",
            "--set", "hash-cost=cheap")
        assert made.returncode == 0, made.stderr
    deadline = time.monotonic() + 40
    while verify(server)["entries"] < 6:
        assert time.monotonic() < deadline, "entries were not numbered"
        time.sleep(0.5)
    server.stop()
    return server


def verify(server, *words):
    return json.loads(server.command("audit", "verify", "--json", *words).stdout)


def test_o4_the_trail_is_exported_and_verifies(trail):
    lines = [json.loads(line) for line in trail.command("audit", "export").stdout.splitlines()]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5, 6]
    assert {(line["actor"], line["action"]) for line in lines} == {("operator", "account-created")}
    report = trail.command("audit", "verify")
    assert report.returncode == 0 and f"Head: {lines[-1]['chain']}" in report.stdout
    assert verify(trail, "--holding", lines[2]["chain"]).get("fault") is None


@pytest.mark.parametrize(
    "tampering, fault",
    [
        ("UPDATE audit SET detail = 'nothing' WHERE number = 3", "entry 3"),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", "entry 1"),
        ("UPDATE audit SET actor = 'nobody at all' WHERE number = 4", "entry 4"),
        ("UPDATE audit SET account_id = NULL WHERE number = 6", "entry 6"),
        ("UPDATE audit SET chain = x'00' WHERE number = 2", "entry 2"),
        ("DELETE FROM audit WHERE number = 5", "entry 5 is missing"),
        ("UPDATE audit SET number = number + 10 WHERE number > 3", "entry 4 is missing"),
    ])
def test_o4_tampering_is_found_and_located(trail, tmp_path, tampering, fault):
    copy = tmp_path / "copy.sqlite"
    assert trail.command("backup", str(copy)).returncode == 0
    with sqlite3.connect(copy) as database:
        for name in ("audit_is_immutable", "audit_is_numbered_once", "audit_is_append_only"):
            database.execute(f"DROP TRIGGER {name}")
        database.execute(tampering)
    found = trail.command("audit", "verify", "--database", f"sqlite:{copy}")
    assert found.returncode == 1 and fault in found.stderr, found.stderr


def test_o4_a_trail_that_was_cut_off_lacks_the_head_that_was_noted(trail, tmp_path):
    head = verify(trail)["head"]
    copy = tmp_path / "copy.sqlite"
    assert trail.command("backup", str(copy)).returncode == 0
    with sqlite3.connect(copy) as database:
        database.execute("DROP TRIGGER audit_is_append_only")
        database.execute("DELETE FROM audit WHERE number = 6")
    place = ("--database", f"sqlite:{copy}")
    assert trail.command("audit", "verify", *place).returncode == 0, "alone it looks whole"
    found = trail.command("audit", "verify", "--holding", head, *place)
    assert found.returncode == 1 and "ends with entry 5" in found.stderr
    wrong = trail.command("audit", "verify", "--holding", "zz")
    assert wrong.returncode == 1 and "64 digits" in wrong.stderr
