"""Accounts of every kind that a stranger's questions could tell from a name that nobody has (S6, row 25)."""

import secrets

from people import Claim, Person, good, start, two_step
from test_api_two_step import add_passkey


def frozen(server, name):
    person = Person(server, name)
    events = good(person.call("GET", "/api/v1/activity"))["events"]
    good(person.call("POST", f"/api/v1/activity/{events[0]['number']}/not-me"), 204)


def waiting(server, name):
    """A recovery of it waits."""
    Claim(server, *two_step(server, name))


def with_passkey(server, name):
    add_passkey(Person(server, name))


KINDS = {"confirmed": Person, "frozen": frozen, "waiting": waiting, "passkey": with_passkey, "two-step": two_step}


def nobodys_name(server):
    """A name that nobody has, shown one email: whoever looks for a difference compares names that have as many
    options. All are of one length."""
    for _ in range(200):
        name = f"kim{secrets.token_hex(4)}x"
        if [option["kind"] for option in start(server, name)["options"]] == ["email"]:
            return name
    raise AssertionError("no name is shown one email")
