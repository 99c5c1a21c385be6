"""Q6, C4, T14: after a full run at debug level, nothing that opens an account stands where it should not."""

import re

PASSWORDS = ["planted first password xyzzy", "planted second password plugh", "planted wrong password frobozz"]


def test_row_43_no_secret_reaches_logs_or_the_database(start_server):
    server = start_server({"log-level": "debug"})
    first, second, wrong = PASSWORDS

    def call(path, body=None, token=None, method="POST"):
        return server.call(method, f"/api/v1/{path}", body, token)

    made = call("accounts", {"username": "planted", "password": first, "email": "planted@example.org"})
    token = made.json()["session"]["token"]
    digits = server.wait_for_digits("planted@example.org", 0)
    code = call("recovery-code", token=token).json()["code"]
    call("step-up", {"password": wrong}, token)
    stepped = call("step-up", {"password": first}, token).json()["token"]
    journey = call("sign-in", {"username": "planted"}).json()["journey"]
    call("sign-in/password", {"journey": journey, "password": wrong})
    start = call("recovery", {"username": "planted"}).json()["journey"]
    call("recovery/recovery-code", {"journey": start, "code": code[:-1]})
    proved = call("recovery/recovery-code", {"journey": start, "code": code.lower()}).json()["journey"]
    call("recovery/new-password", {"journey": proved, "password": "short"})
    new = call("recovery/new-password", {"journey": proved, "password": second}).json()["recoveryCode"]
    call(f"nowhere?code={code}", {"password": second})
    server.call("GET", f"/recover/code?code={code}&password={second}")

    # An email's code is what its mail is for; nothing else may hold it, and the mail holds nothing else.
    secrets = [*PASSWORDS, token, stepped, journey, start, proved]
    secrets += [form for each in (code, new) for form in (each, each.replace("-", ""), each.lower())]
    places = {
        path: path.read_bytes().decode("latin-1")
        for path in server.data.rglob("*") if path.is_file() and not path.name.endswith("-shm")
    }
    assert any(path.name == "server.log" and "request" in text for path, text in places.items())
    for path, text in places.items():
        for secret in secrets:
            assert secret not in text, f"{path.name} holds a secret"
        if path.suffix != ".eml":
            assert not re.search(rf"\b{digits}\b", text), f"{path.name} holds an issued code"
            assert "planted@example.org" not in text, f"{path.name} holds an address in clear"


def test_q6_the_process_cannot_be_dumped(server):
    """PR_SET_DUMPABLE shows in who owns the process's files in /proc; a core may have no size."""
    limits = open(f"/proc/{server.process.pid}/limits").read()
    assert re.search(r"Max core file size\s+0\s+0", limits)
