"""Q4, H11, T30: kill -9 at any moment while holds begin, are stopped and complete. An acknowledged hold is there, it
completes once, and one that was stopped never applies.

KILL_ROUNDS sets how often (default 8), KILL_SEED the choices."""

import concurrent.futures
import os
import random
import sqlite3
import threading
import time

import requests

from people import PASSWORD, Person, choose, enter_password, good, show

ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))
SEED = int(os.environ.get("KILL_SEED", "1"))
CLAIMS = 6
PERIOD = 2
LOST = (requests.ConnectionError, requests.Timeout)


def let_mail_go_on(server):
    """A message that was under way when the program died is taken up again two minutes later; this is in its place."""
    with sqlite3.connect(server.data / "sparekey.sqlite", timeout=20) as database:
        database.execute("UPDATE outbox SET due_at = 0 WHERE delivered_at IS NULL")


class Ledger:
    """One account, one claim: what was answered, and what was asked without an answer."""

    def __init__(self, server, number, email=False):
        # Those with an email complete only once it was told of the start; the others don't wait for that.
        self.person = Person(server, email=email).turn_on_two_step()
        self.server = server
        self.code = self.person.make_code()
        self.password = f"parked password of {self.person.name}"
        self.journey = None
        self.hold = None  # as answered
        self.stopped = False  # as answered
        self.stop_in_doubt = False
        self.wants_stop = number % 2 == 0
        self.told = None  # the end, once it was answered
        self.fault = None

    def begin(self):
        self.journey = show(self.server, self.person.name, code=self.code)["journey"]
        self.claim()

    def claim(self):
        self.hold = good(choose(self.server, self.journey, self.password), 202)
        assert self.hold["outcome"] == "held"

    def stop(self):
        self.stop_in_doubt = True
        answer = self.person.call("POST", f"/api/v1/holds/{self.hold['hold']}/stop")
        # It may have completed a moment before; then the session is over too.
        assert answer.status_code in (200, 401, 409), answer.text
        self.stopped = answer.status_code == 200
        self.stop_in_doubt = False

    def work(self):
        try:
            time.sleep(random.uniform(0, 0.5))
            self.begin()
            if self.wants_stop:
                time.sleep(random.uniform(0, 0.7 * PERIOD))
                self.stop()
        except LOST:
            pass
        except Exception as fault:  # told to the test, which runs in another thread
            self.fault = f"{self.person.name}: {fault!r}"

    def state(self):
        state = good(self.server.call("GET", f"/api/v1/holds/{self.hold['hold']}", token=self.hold["ticket"]))["state"]
        assert self.told in (None, state), f"the hold of {self.person.name} was {self.told}, and is {state}"
        if state != "running":
            self.told = state
        return state

    def resume(self):
        """After a restart: a lost answer loses nothing. The same journey again gives it, or begins the hold now."""
        if self.hold is None:
            if self.journey is None:
                self.begin()
            else:
                self.claim()
        assert not self.stopped or self.state() == "stopped", f"the stopped hold of {self.person.name} lives"

    def check(self):
        """The ledger holds to the end; what was in doubt is settled one way or the other."""
        name = self.person.name
        self.resume()
        deadline = time.monotonic() + 60
        while (state := self.state()) == "running":
            assert time.monotonic() < deadline, f"the hold of {name} does not complete"
            time.sleep(0.2)
        if self.stopped:
            assert state == "stopped", f"the stopped hold of {name} is {state}"
        elif not self.stop_in_doubt:
            assert state == "completed", f"nobody stopped the hold of {name}, and it is {state}"
        works = enter_password(self.server, name, self.password).status_code == 200
        assert works == (state == "completed"), f"{name}: {state}, and the parked password works: {works}"
        assert (enter_password(self.server, name, PASSWORD).status_code == 200) == (state == "stopped")
        assert self.kinds().count(f"hold-{state}") == 1
        assert self.kinds().count("recovered") == (state == "completed")

    def kinds(self):
        with sqlite3.connect(self.server.data / "sparekey.sqlite", timeout=20) as database:
            rows = database.execute(
                "SELECT kind FROM security_history WHERE account_id = (SELECT id FROM accounts WHERE username = ?)",
                (self.person.name,)).fetchall()
        return [kind for (kind,) in rows]


def test_h11_kill_nine_loses_no_hold_completes_none_twice_and_applies_no_stopped_one(start_server):
    random.seed(SEED)
    server = start_server({"hold-period": f"{PERIOD}s"})
    completed = stopped = 0
    earlier = []
    for _ in range(ROUNDS):
        with concurrent.futures.ThreadPoolExecutor(CLAIMS) as pool:
            claims = list(pool.map(lambda number: Ledger(server, number, email=number % 3 == 0), range(CLAIMS)))
        threads = [threading.Thread(target=claim.work) for claim in claims]
        for thread in threads:
            thread.start()
        # Often in the midst of the completions, which all fall close together.
        time.sleep(random.uniform(0.2, 1.5 * PERIOD))
        server.kill()
        for thread in threads:
            thread.join()
        assert not [claim.fault for claim in claims if claim.fault]
        let_mail_go_on(server)
        server.start()
        for claim in claims + earlier[-CLAIMS:]:
            claim.check()
        states = [claim.state() for claim in claims]
        completed, stopped = completed + states.count("completed"), stopped + states.count("stopped")
        earlier += claims
    assert completed and (stopped or ROUNDS < 3), "the rounds did not reach both ends"
    print(f"{completed} completed, {stopped} stopped")
