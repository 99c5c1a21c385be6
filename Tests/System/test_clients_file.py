"""Apps that the configuration file describes (A1, O1, O2)."""

import json
import os
import sqlite3
import subprocess

import pytest
import requests

from conftest import BINARY
from people import make_token

SECRET = "correct-horse-battery-staple-and-more-of-it"
NOTES = {
    "id": "notes", "name": "Notes", "kind": "confidential", "redirect-uris": ["https://notes.example.org/in"],
    "post-logout-uris": ["https://notes.example.org/"], "algorithm": "RS256", "secret-file": "notes-secret"}
PHONE = {"id": "phone.app", "name": "Phone", "kind": "public", "redirect-uris": ["org.example.phone:/in"]}


def write(folder, *clients, **settings):
    (folder / "notes-secret").write_text(SECRET + "\n")
    # JSON is YAML.
    (folder / "sparekey.yaml").write_text(json.dumps({**settings, "clients": list(clients)}))


def listed(server):
    return {app["id"]: app for app in json.loads(server.command("client", "list", "--json").stdout)}


def restart(server, *clients):
    server.stop()
    write(server.data, *clients)
    server.start()


@pytest.fixture
def with_file(start_server, tmp_path):
    write(tmp_path, NOTES, PHONE)
    return start_server(data=tmp_path)


def test_apps_of_the_file_are_there_after_the_start(with_file):
    apps = listed(with_file)
    assert apps.keys() == {"notes", "phone.app"}
    assert apps["notes"]["origin"] == apps["phone.app"]["origin"] == "file"
    assert apps["notes"]["redirectUris"] == NOTES["redirect-uris"]
    assert apps["notes"]["algorithm"] == "RS256"
    assert "in the file" in with_file.command("client", "list").stdout
    # The secret of the file is the app's.
    asked = lambda secret: requests.post(
        f"{with_file.url}/oauth2/introspect", auth=("notes", secret), data={"token": "x"}, timeout=20).status_code
    assert asked(SECRET) == 200
    assert asked(SECRET + "x") == 401


def test_starting_again_changes_nothing_and_a_changed_line_is_a_changed_app(with_file):
    before = listed(with_file)
    restart(with_file, NOTES, PHONE)
    assert listed(with_file) == before
    restart(with_file, {**NOTES, "name": "Better notes"}, PHONE)
    assert listed(with_file) == {**before, "notes": {**before["notes"], "name": "Better notes"}}
    with sqlite3.connect(with_file.data / "sparekey.sqlite") as database:
        deeds = [row[0] for row in database.execute("SELECT action FROM audit ORDER BY at")]
    assert sorted(deeds) == ["client-changed", "client-registered", "client-registered"]


def test_commands_and_api_leave_an_app_of_the_file_alone(with_file):
    for words in (["rotate-secret", "notes"], ["delete", "notes"]):
        refused = with_file.command("client", *words)
        assert refused.returncode == 1
        assert "in the configuration file" in refused.stderr
    token = make_token(with_file, "clients:write")
    body = {"name": "N", "redirectUris": ["https://a.example/"]}
    for method, path, sent in (("PUT", "", body), ("DELETE", "", None), ("POST", "/secret", None)):
        refused = with_file.call(method, f"/api/v1/admin/clients/notes{path}", sent, token)
        assert refused.status_code == 409
        assert refused.json()["type"] == "urn:sparekey:problem:client-from-file"
    assert listed(with_file)["notes"]["name"] == "Notes"


def test_an_app_that_left_the_file_works_on_is_reported_and_may_be_deleted(with_file):
    restart(with_file, PHONE)
    assert listed(with_file)["notes"]["origin"] == "formerly-file"
    assert "stands in the configuration file no more" in with_file.log.read_text()
    # `doctor` reads the file of its folder, as `serve` does.
    found = json.loads(with_file.command("doctor", "--json").stdout)
    (finding,) = [finding for finding in found if finding["check"] == "apps"]
    assert finding["state"] == "warn" and "sparekey client delete notes" in finding["detail"]
    restart(with_file, PHONE, NOTES)
    assert listed(with_file)["notes"]["origin"] == "file", "back in the file, it is the file's again"
    restart(with_file, PHONE)
    assert with_file.command("client", "delete", "notes").returncode == 0
    assert listed(with_file).keys() == {"phone.app"}


def test_an_app_made_by_command_can_move_into_the_file(start_server, tmp_path):
    server = start_server(data=tmp_path)
    made = json.loads(server.command(
        "client", "create", "--name", "Old", "--redirect-uri", "https://notes.example.org/in", "--json").stdout)
    restart(server, {**NOTES, "id": made["id"]})
    moved = listed(server)[made["id"]]
    assert (moved["name"], moved["origin"], moved["createdAt"]) == ("Notes", "file", made["createdAt"])


def test_config_shows_apps_and_no_secret(with_file):
    for words in ([], ["--json"]):
        shown = with_file.command("config", *words)
        assert shown.returncode == 0
        assert "notes" in shown.stdout and "phone.app" in shown.stdout
        assert SECRET not in shown.stdout


@pytest.mark.parametrize("client, says", [
    ({**NOTES, "secret": SECRET}, "a secret does not belong into this file"),
    ({**NOTES, "colour": "red"}, '"colour" is none of'),
    ({k: v for k, v in NOTES.items() if k != "secret-file"}, "A confidential client needs one"),
    ({**PHONE, "secret-file": "notes-secret"}, "A public client has no secret"),
    ({**NOTES, "secret-file": "nowhere"}, "secret-file names nowhere"),
    ({**NOTES, "secret-file": "short"}, "at least 32 characters"),
    ({**NOTES, "redirect-uris": ["http://evil.example/in"]}, "is no address for an app"),
    ({**NOTES, "redirect-uris": "https://a.example/in"}, "redirect-uris is a list"),
    ({**NOTES, "kind": "secret"}, "kind is public or confidential"),
    ({**NOTES, "algorithm": "none"}, "algorithm is ES256 or RS256"),
    ({**NOTES, "id": "two words"}, "An id has"),
    ({k: v for k, v in NOTES.items() if k != "id"}, "without an id"),
    ({**NOTES, "name": ""}, "name is one line"),
    ("notes", "clients is not a list of apps"),
])
def test_q5_a_line_that_cannot_be_is_refused_by_name_before_anything_starts(tmp_path, client, says):
    write(tmp_path, client)
    (tmp_path / "short").write_text("short\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    run = subprocess.run(
        [BINARY, "serve", "--data", tmp_path, "--port", "0"], cwd=tmp_path, env=environment, capture_output=True,
        text=True, timeout=30)
    assert run.returncode == 1
    assert says in run.stderr
    assert "sparekey.yaml" in run.stderr
    assert SECRET not in run.stderr
    assert not (tmp_path / "sparekey.sqlite").exists()


def test_two_apps_of_one_id_are_refused(tmp_path):
    write(tmp_path, PHONE, PHONE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
    run = subprocess.run(
        [BINARY, "config"], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=30)
    assert "two clients with the id phone.app" in run.stderr
