"""Q4, C9, T27: kill -9 at any moment while accounts and codes are made and redeemed. What was acknowledged is there
afterwards, a dead code never lives, and what got no answer is wholly done or not at all.

KILL_ROUNDS sets how often (default 8), KILL_SEED the choices."""

import os
import random

from ledger import Newcomers, Service, cut_off, people

ROUNDS = int(os.environ.get("KILL_ROUNDS", "8"))
SEED = int(os.environ.get("KILL_SEED", "1"))


def test_q4_kill_nine_loses_nothing_that_was_acknowledged(tmp_path):
    random.seed(SEED)
    service = Service(tmp_path / "data")
    service.start()
    try:
        workers = [*people(service), Newcomers()]
        for _ in range(ROUNDS):
            cut_off(service, workers)
            service.start()
            for worker in workers:
                worker.check(service)
    finally:
        service.kill()
