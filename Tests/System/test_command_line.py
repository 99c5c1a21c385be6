"""The program from the command line: what it prints, how it ends (O1, O2), and whether it reads recovery codes as
the second implementation of the format does (C1, C2, C7)."""

import json
import os
import pathlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = Path(os.environ.get("SPAREKEY_BINARY", ROOT / ".build/debug/sparekey")).resolve()
GOOD_PASSWORD = "correct kettle 99 stone\n"


@pytest.fixture
def run(tmp_path):
    """Runs the program in an empty folder, without settings of this machine."""

    def run(*arguments, text="", **variables):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
        return subprocess.run(
            [BINARY, *arguments], input=text, capture_output=True, text=True, timeout=60, cwd=tmp_path,
            env=environment | variables)

    return run


def create(run, *arguments, password=GOOD_PASSWORD, data="data"):
    return run(
        "account", "create", "--data", data, "--set", "hash-cost=cheap", "--password-stdin", *arguments, text=password)


def test_o1_config_prints_every_setting_and_its_origin(run, tmp_path):
    (tmp_path / "my.yaml").write_text("service-name: Example\nsign-up: closed\n")
    printed = run(
        "config", "--json", "--config", "my.yaml", "--port", "9000", "--set", "log-level=debug",
        SPAREKEY_MAIL_FROM="keys@example.org")
    assert printed.returncode == 0, printed.stderr
    lines = {line["name"]: line for line in json.loads(printed.stdout)}
    assert lines["port"]["value"] == "9000" and "--port" in lines["port"]["origin"]
    assert lines["service-name"]["value"] == "Example" and "my.yaml" in lines["service-name"]["origin"]
    assert "SPAREKEY_MAIL_FROM" in lines["mail-from"]["origin"]
    assert "--set" in lines["log-level"]["origin"]
    assert lines["hash-threads"]["origin"] == "default"
    for line in lines.values():
        assert line["summary"] and line["variable"] == "SPAREKEY_" + line["name"].upper().replace("-", "_")
    manual = (pathlib.Path(__file__).parents[2] / "docs/operating.md").read_text()
    for name, line in lines.items():
        assert f"| `{name}` | `{line['variable']}` |" in manual, f"{name} stands in no line of docs/operating.md"
    table = run("config").stdout
    assert all(any(row.startswith(name + " ") for row in table.splitlines()) for name in lines)


def test_o1_a_flag_goes_before_the_environment_and_that_before_the_file(run, tmp_path):
    (tmp_path / "sparekey.yaml").write_text("port: 1001\nhost: 127.0.0.1\nservice-name: File\n")
    printed = run(
        "config", "--json", "--port", "1003", SPAREKEY_PORT="1002", SPAREKEY_SERVICE_NAME="Environment")
    values = {line["name"]: line["value"] for line in json.loads(printed.stdout)}
    assert (values["port"], values["service-name"], values["host"]) == ("1003", "Environment", "127.0.0.1")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["--port", "70000"], "port"),
        (["--set", "port=abc"], "port"),
        (["--set", "colour=blue"], "colour=blue is not a setting"),
        (["--set", "log-level"], "log-level is not a setting and its value"),
        (["--set", "log-level=loud"], "log-level"),
        (["--set", "sign-up=perhaps"], "sign-up"),
        (["--set", "hash-threads=0"], "hash-threads"),
        (["--set", "hash-threads=-1"], "hash-threads"),
        (["--set", "hash-queue=many"], "hash-queue"),
        (["--set", "trusted-proxies=nowhere"], "trusted-proxies"),
        (["--set", "operator-contact=javascript:alert(1)"], "operator-contact"),
        (["--set", "mail-from=nobody"], "mail-from"),
        (["--database", "oracle:x"], "database"),
        (["--public-url", "accounts.example.org"], "public-url"),
        (["--public-url", "https://example.org", "--set", "hash-cost=cheap"], "hash-cost=cheap is for tests"),
        (["--public-url", "https://example.org", "--set", "limits=off"], "limits=off is for tests"),
        (["--config", "missing.yaml"], "missing.yaml cannot be read"),
        (["--set", "hold-period=30"], "30d for days"),
        (["--set", "hold-period=0s"], "from 1s to 365d"),
        (["--set", "hold-period=366d"], "from 1s to 365d"),
        (["--set", "hold-period=99999999999999999999d"], "30d, 12h, 90m or 90s"),
        (["--set", "hold-period=9223372036854775807d"], "from 1s to 365d"),
        (["--set", "hold-period=-5d"], "30d, 12h, 90m or 90s"),
        (["--set", "hold-period=5 d"], "30d, 12h, 90m or 90s"),
        (["--set", "hold-period="], "30d, 12h, 90m or 90s"),
        (["--set", "hold-period=1w"], "30d, 12h, 90m or 90s"),
        (["--set", "recovery-policy=loose"], "recovery-policy"),
        (["--set", "allow-unsafe=perhaps"], "allow-unsafe"),
        (["--public-url", "https://example.org", "--set", "hold-period=23h"], "before they read about it"),
    ],
)
def test_o1_a_bad_setting_is_named_with_its_fix(run, arguments, sentence):
    """The server does not start, and the one sentence says which setting and what it should read like."""
    for command in ("config", "serve"):
        refused = run(command, *arguments)
        assert refused.returncode == 1, (command, refused.stdout, refused.stderr)
        assert sentence in refused.stderr, refused.stderr
        assert "Problem(" not in refused.stderr
        assert len(refused.stderr.strip().splitlines()) == 1, refused.stderr


def test_o1_a_bad_variable_or_file_is_named(run, tmp_path):
    assert "SPAREKEY_COLOUR is not a setting" in run("config", SPAREKEY_COLOUR="blue").stderr
    (tmp_path / "bad.yaml").write_text("colour: blue\n")
    assert '"colour" is not a setting' in run("config", "--config", "bad.yaml").stderr
    (tmp_path / "list.yaml").write_text("- a\n- b\n")
    assert "not a YAML mapping" in run("config", "--config", "list.yaml").stderr


def test_o2_an_account_is_made(run):
    made = create(run, "--username", "kim", "--email", "kim@example.org", "--json")
    assert made.returncode == 0, made.stderr
    assert json.loads(made.stdout)["username"] == "kim"
    again = create(run, "--username", "KIM")
    assert again.returncode == 1
    assert "This username is taken" in again.stderr
    assert "Made the account lee." in create(run, "--username", "lee").stdout


@pytest.mark.parametrize(
    "arguments, password, sentence",
    [
        (["--username", "x"], GOOD_PASSWORD, "A username has at least"),
        (["--username", "kim smith"], GOOD_PASSWORD, "A username can't contain"),
        (["--username", "kim"], "", "Type a new password."),
        (["--username", "kim"], "short\n", "This password is too short"),
        (["--username", "kim"], "passwordpassword\n", "password"),
        (["--username", "kim", "--email", "nowhere"], GOOD_PASSWORD, "This doesn't look like an email address."),
    ],
)
def test_q5_a_bad_account_is_refused_with_a_sentence(run, arguments, password, sentence):
    refused = create(run, *arguments, password=password)
    assert refused.returncode == 1, refused.stdout
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["account", "create", "--username", "kim"],
        ["account", "create", "--password-stdin"],
        ["nonsense"],
        ["serve", "--port", "many"],
        ["config", "--colour"],
        ["recovery-code", "generate"],
        ["recovery-code", "generate", "--example", "--count", "0"],
        ["hold", "stop", "0d3fh2m8yq6n5v7x1k9r4t2wjb"],
        ["hold", "show"],
    ],
)
def test_o2_wrong_use_ends_with_64(run, arguments):
    refused = run(*arguments)
    assert refused.returncode == 64, (refused.returncode, refused.stderr)
    assert "Usage:" in refused.stderr


def test_o2_doctor_finds_what_is_broken(run, tmp_path):
    assert create(run, "--username", "kim").returncode == 0
    well = run("doctor", "--data", "data", "--json")
    assert well.returncode == 0, well.stdout
    assert {finding["state"] for finding in json.loads(well.stdout)} == {"ok"}
    open_to_all = run("doctor", "--data", "data", "--public-url", "http://accounts.example.org")
    assert open_to_all.returncode == 1
    assert "is not https" in open_to_all.stdout
    (tmp_path / "data/sparekey.keys").write_text("not a key file")
    broken = run("doctor", "--data", "data")
    assert broken.returncode == 1
    assert "fail\tkey file" in broken.stdout
    # Without its keys the server must not start and make new ones.
    refused = run("serve", "--data", "data", "--port", "0")
    assert refused.returncode == 1, refused.stderr


def test_o1_demo_is_for_this_machine(run):
    refused = run("serve", "--demo", "--data", "data", "--public-url", "https://accounts.example.org")
    assert refused.returncode == 1
    assert "--demo is for this machine" in refused.stderr


def test_h2_a_short_hold_or_a_demo_on_a_public_address_needs_an_explicit_setting(run):
    public = ["--public-url", "https://accounts.example.org"]
    assert run("config", *public, "--set", "hold-period=1d").returncode == 0
    insisted = run("config", *public, "--set", "hold-period=5s", "--set", "allow-unsafe=on", "--json")
    values = {line["name"]: line["value"] for line in json.loads(insisted.stdout)}
    assert (values["hold-period"], values["recovery-policy"], values["allow-unsafe"]) == ("5s", "standard", "on")
    refused = run("serve", "--demo", "--data", "data", *public)
    assert refused.returncode == 1 and "allow-unsafe=on" in refused.stderr


def test_h2_a_short_hold_is_warned_of_at_the_start_and_by_the_doctor(run, start_server):
    assert "WARNING: hold-period is 10s" in start_server({"hold-period": "10s"}).log.read_text()
    assert "WARNING" not in start_server({"hold-period": "1d"}).log.read_text()
    said = run("doctor", "--data", "data", "--set", "hold-period=10s")
    assert "warn\thold period: 10s" in said.stdout


def test_o2_help_and_version(run):
    assert run("--version").stdout.strip()
    for command in ([], ["serve"], ["account"], ["account", "create"], ["config"], ["doctor"], ["recovery-code"], ["hold"],
                    ["hold", "resume"]):
        shown = run(*command, "--help")
        assert shown.returncode == 0 and "USAGE" in shown.stdout


def test_c1_example_codes_are_valid(run):
    codes = run("recovery-code", "generate", "--example", "--count", "50").stdout.split()
    assert len(set(codes)) == 50
    readings = run("recovery-code", "read", text="".join(json.dumps(code) + "\n" for code in codes)).stdout
    assert [json.loads(line) for line in readings.splitlines()] == [
        {"code": code, "result": "code"} for code in codes]


def test_c7_two_implementations_read_alike():
    """C1, C2, C7: 2,000 texts, typed well and badly, read by the program and by the reference."""
    compared = subprocess.run(
        [sys.executable, Path(__file__).with_name("recovery_code_reference.py"), "compare", "--count", "2000", "--seed",
         "1", "--", BINARY, "recovery-code", "read"],
        capture_output=True, text=True, timeout=600)
    assert compared.returncode == 0, compared.stdout + compared.stderr
