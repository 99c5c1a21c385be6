"""People who keep a ledger of what they were answered, and a service that can be cut off at any moment.

Shared by the tests of kill -9, power loss and full disks (Q4, C9, T27)."""

import os
import pathlib
import random
import signal
import socket
import subprocess
import threading
import time

import requests

BINARY = os.environ.get("SPAREKEY_BINARY", ".build/debug/sparekey")
PEOPLE = 4


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Service:
    """`sparekey serve` on a folder that outlives it. `variables` are for the process, beside what the tests run with."""

    def __init__(self, folder, settings=None, **variables):
        self.folder = folder
        self.settings = {"limits": "off", "hash-cost": "cheap", **(settings or {})}
        self.port = free_port()
        self.url = f"http://localhost:{self.port}"
        self.process = None
        self.log = pathlib.Path(f"{folder}.log")
        self.variables = variables

    def start(self):
        # Settings come from the command line alone.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SPAREKEY_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", "--data", str(self.folder), "--port", str(self.port)]
                + [word for name, value in self.settings.items() for word in ("--set", f"{name}={value}")],
                env=environment | self.variables, stdout=log, stderr=log)
        for _ in range(200):
            if self.process.poll() is not None:
                break
            try:
                if requests.get(self.url + "/readyz", timeout=2).ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.05)
        raise AssertionError("the service did not come back within ten seconds")

    def kill(self):
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        self.process.terminate()
        self.process.wait(20)

    def call(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return requests.request(method, self.url + "/api/v1/" + path, json=body, headers=headers, timeout=10)


class Person:
    """Keeps a ledger: what was answered, and what was asked without an answer."""

    def __init__(self, name):
        self.name = name
        self.passwords = []  # the last one answered, then those asked for without an answer
        self.codes = []
        self.dead = []
        self.doubt = None

    def sign_in(self, service, password):
        journey = service.call("POST", "sign-in", {"username": self.name}).json()["journey"]
        answer = service.call("POST", "sign-in/password", {"journey": journey, "password": password})
        assert answer.status_code in (200, 403, 409), answer.text
        return answer.json()["session"]["token"] if answer.status_code == 200 else None

    def prove(self, service, code):
        journey = service.call("POST", "recovery", {"username": self.name}).json()["journey"]
        return service.call("POST", "recovery/recovery-code", {"journey": journey, "code": code})

    def generate(self, service):
        token = self.sign_in(service, self.passwords[-1])
        self.doubt = ("generate",)
        answer = service.call("POST", "recovery-code", token=token)
        assert answer.status_code == 201, answer.text
        self.dead += self.codes
        self.codes = [answer.json()["code"]]
        self.doubt = None

    def redeem(self, service):
        answer = self.prove(service, self.codes[-1])
        assert answer.status_code == 200, answer.text
        journey = answer.json()["journey"]
        password = f"redeemed {random.random()} by {self.name}"
        self.doubt = ("redeem", journey, password)
        answer = service.call("POST", "recovery/new-password", {"journey": journey, "password": password})
        assert answer.status_code == 200, answer.text
        self.dead += self.codes
        self.codes = [answer.json()["recoveryCode"]]
        self.passwords = [password]
        self.doubt = None

    def work(self, service, stop, faults):
        try:
            while not stop.is_set():
                random.choice([self.generate, self.redeem])(service)
        except (requests.ConnectionError, requests.Timeout):
            pass
        except Exception as fault:  # told to the test, which runs in another thread
            faults.append(f"{self.name}: {fault!r}")

    def check(self, service):
        """After a restart: the ledger holds; what was in doubt is settled one way or the other."""
        doubt, self.doubt = self.doubt, None
        if doubt and doubt[0] == "redeem":
            _, journey, password = doubt
            # A lost answer loses nothing: the same journey again gives it, or does it now.
            answer = service.call("POST", "recovery/new-password", {"journey": journey, "password": password})
            assert answer.status_code == 200, f"{self.name} lost the way back: {answer.text}"
            self.dead += self.codes
            self.codes = [answer.json()["recoveryCode"]]
            self.passwords = [password]
        elif doubt:
            # A code was perhaps made and never seen: the last one shown works, or says that it was replaced.
            answer = self.prove(service, self.codes[-1])
            if answer.status_code != 200:
                assert answer.json()["type"].endswith("code-replaced"), answer.text
                self.dead += self.codes
                self.codes = []
                self.generate(service)
        assert self.sign_in(service, self.passwords[-1]), f"{self.name} cannot sign in with an acknowledged password"
        assert self.prove(service, self.codes[-1]).status_code == 200, f"{self.name}'s shown code does not work"
        for dead in self.dead[-3:]:
            assert self.prove(service, dead).status_code == 403, f"a dead code of {self.name} lives"


class Newcomers:
    """One name after the other signs up. The ledger: who was told that it worked, and who was told nothing."""

    def __init__(self):
        self.count = 0
        self.welcome = []
        self.doubt = None

    def work(self, service, stop, faults):
        try:
            while not stop.is_set():
                self.count += 1
                newcomer = Person(f"newcomer{self.count}x")
                newcomer.passwords = [f"the first password of {newcomer.name}"]
                self.doubt = newcomer
                answer = self.sign_up(service, newcomer)
                assert answer.status_code == 201, answer.text
                self.welcome.append(newcomer)
                self.doubt = None
        except (requests.ConnectionError, requests.Timeout):
            pass
        except Exception as fault:  # told to the test, which runs in another thread
            faults.append(f"sign-up: {fault!r}")

    @staticmethod
    def sign_up(service, person):
        return service.call(
            "POST", "accounts",
            {"username": person.name, "password": person.passwords[-1], "email": f"{person.name}@example.org"})

    def check(self, service):
        doubt, self.doubt = self.doubt, None
        if doubt:
            # Wholly made or not at all: whoever was told nothing can sign in, or sign up.
            if not doubt.sign_in(service, doubt.passwords[-1]):
                answer = self.sign_up(service, doubt)
                assert answer.status_code == 201, f"half an account of {doubt.name}: {answer.text}"
            self.welcome.append(doubt)
        for newcomer in self.welcome[-20:]:
            assert newcomer.sign_in(service, newcomer.passwords[-1]), f"the account of {newcomer.name} is gone"


def people(service):
    """A few people with codes, made by a service that runs."""
    made = [Person(f"person{number}x") for number in range(PEOPLE)]
    for person in made:
        person.passwords = [f"the first password of {person.name}"]
        answer = Newcomers.sign_up(service, person)
        assert answer.status_code == 201, answer.text
        person.generate(service)
    return made


def cut_off(service, workers):
    """Lets all of them work at once, and kills the service in the midst of it."""
    stop, faults = threading.Event(), []
    threads = [threading.Thread(target=worker.work, args=(service, stop, faults)) for worker in workers]
    for thread in threads:
        thread.start()
    time.sleep(random.uniform(0.05, 0.8))
    service.kill()
    stop.set()
    for thread in threads:
        thread.join()
    assert not faults, faults
