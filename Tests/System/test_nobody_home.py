"""S6, rows 25 and 27: whether a name is known cannot be told from how long an answer takes. Requests about an unknown
name and about accounts of every kind (unconfirmed, confirmed, frozen, with a recovery that waits, with a passkey, with
two-step verification) take turns against a server with the normal cost of hashing; the figures are printed.

TIMING_REQUESTS sets how often each is asked (default 25). Only a difference that anybody could see fails: finer ones
are for those who read the figures, with more requests, on a quiet machine."""

import math
import os
import pathlib
import re
import time

import numpy
import pytest
import requests
from kinds import KINDS, nobodys_name

REQUESTS = int(os.environ.get("TIMING_REQUESTS", "25"))
PASSWORD = "violet anchor sevenfold"
WRONG_CODE = "01234-56789-ABCDE-FGHJK-MNMMA"


@pytest.fixture(scope="module")
def slow_server(start_server):
    """Hashes cost what they cost in use."""
    return start_server({"hash-cost": "normal"})


@pytest.fixture(scope="module")
def names(slow_server):
    """One name of each kind. The confirmed one has a code too."""
    names = {kind: nobodys_name(slow_server) for kind in ["unknown", "unconfirmed", *KINDS]}
    for kind, make in KINDS.items():
        person = make(slow_server, names[kind])
        if kind == "confirmed":
            person.make_code()
    made = slow_server.call("POST", "/api/v1/accounts", {
        "username": names["unconfirmed"], "password": PASSWORD, "email": f"{names['unconfirmed']}@example.org"})
    assert made.status_code == 201, made.text
    return names


def begin(server, name):
    return server.call("POST", "/api/v1/recovery", {"username": name}).json()


def wrong_password(server, name):
    journey = server.call("POST", "/api/v1/sign-in", {"username": name}).json()["journey"]
    return "/api/v1/sign-in/password", {"journey": journey, "password": "not this one, surely"}, 403


def start_of_recovery(server, name):
    return "/api/v1/recovery", {"username": name}, 200


def mail_asked_for(server, name):
    started = begin(server, name)
    return "/api/v1/recovery/issued-code", {"journey": started["journey"], "option": started["options"][0]["id"]}, 200


def wrong_recovery_code(server, name):
    journey = begin(server, name)["journey"]
    return "/api/v1/recovery/recovery-code", {"journey": journey, "code": WRONG_CODE}, 403


def wrong_code_of_an_app(server, name):
    journey = begin(server, name)["journey"]
    return "/api/v1/recovery/totp", {"journey": journey, "code": "000000"}, 403


def rank_test(one, other):
    """Mann and Whitney's: how likely so different a mixture is if both come from one source (two-sided, normal
    approximation)."""
    both = numpy.concatenate([one, other])
    ranks = both.argsort().argsort() + 1.0
    u = ranks[:len(one)].sum() - len(one) * (len(one) + 1) / 2
    spread = math.sqrt(len(one) * len(other) * (len(both) + 1) / 12)
    return math.erfc(abs(u - len(one) * len(other) / 2) / spread / math.sqrt(2))


def hash_time(server, name):
    """What one password costs, by the clock of whoever asks."""
    times = []
    for _ in range(7):
        path, body, status = wrong_password(server, name)
        times.append(ask(server, path, body, status))
    return numpy.median(times)


def ask(server, path, body, status):
    began = time.perf_counter()
    answer = session.post(server.url + path, json=body, timeout=20)
    took = time.perf_counter() - began
    assert answer.status_code == status, answer.text
    return took * 1_000


session = requests.Session()


@pytest.mark.parametrize(
    "step", [wrong_password, start_of_recovery, mail_asked_for, wrong_recovery_code, wrong_code_of_an_app],
    ids=lambda step: step.__name__)
def test_s6_a_name_of_any_kind_takes_as_long_as_an_unknown_one(slow_server, names, step):
    times = {kind: [] for kind in names}
    for kind, name in names.items():
        ask(slow_server, *step(slow_server, name))
    for turn in range(REQUESTS):
        kinds = list(names)
        first = turn % len(kinds)
        for kind in kinds[first:] + kinds[:first]:
            times[kind].append(ask(slow_server, *step(slow_server, names[kind])))
    medians = {kind: numpy.median(each) for kind, each in times.items()}
    bound = 0.2 * hash_time(slow_server, names["unknown"])
    for kind in [kind for kind in names if kind != "unknown"]:
        likely = rank_test(times[kind], times["unknown"])
        print(
            f"{step.__name__}: {kind} {medians[kind]:.2f} ms, unknown {medians['unknown']:.2f} ms, "
            f"rank test p = {likely:.3f} of {REQUESTS} each")
        # A noisy machine makes medians differ; only what is large and no chance fails.
        assert abs(medians[kind] - medians["unknown"]) < bound or likely > 0.001


@pytest.mark.parametrize("step", [start_of_recovery, mail_asked_for, wrong_code_of_an_app], ids=lambda step: step.__name__)
def test_s6_what_looks_at_a_name_is_not_answered_before_its_time(server, step):
    for name in [nobodys_name(server) for _ in range(5)]:
        assert ask(server, *step(server, name)) >= 25


def test_s6_every_route_that_looks_at_a_name_is_even():
    source = pathlib.Path(__file__).resolve().parents[2] / "Sources/SparekeyWeb"
    routes = re.findall(
        r'router\.(?:get|post)\("((?:/api/v1)?(?:/recovery|/recover|/help/username)(?:/[^"]*)?)", use: (\w+)\(',
        "".join((source / name).read_text() for name in ["Routes.swift", "API/APIRoutes.swift"]))
    assert len(routes) > 30
    # The empty form for a contact looks at nothing.
    assert {path for path, how in routes if how != "evenly"} == {"/help/username"}


def test_the_rank_test_tells_what_differs():
    chance = numpy.random.default_rng(1)
    same, other = chance.normal(10, 1, 200), chance.normal(10, 1, 200)
    assert rank_test(same, other) > 0.01
    assert rank_test(same, other + 0.5) < 0.001
