"""A worker is killed at each step of both directions; the next one goes on. No credit is lost, doubled, or in two places."""

from __future__ import annotations

import os
from collections import Counter
from random import Random

from reliability.child import Child
from tests.host.credits import RIVER, CreditsHost
from tests.host.steps import Steps, counted

SEED = 5

IN_THE_SUITE = {"sqlite": 5, "postgres": 3}
"""Kills; with --long, one at each step."""


def killed(host: CreditsHost, last: int | None) -> list[str]:
    """A round in a process of its own, which ends at that step; what it did until then, if it was not killed."""
    steps = Steps(last)

    def work(telling: int) -> None:
        host.reconnect()
        floor = host.open()
        with counted(steps, host.engine, host.home / "exchange.db"):
            floor.admin.host.sync()
        os.write(telling, "\n".join(steps.names).encode())

    child = Child(work)
    said = b"".join(child.ended()).decode().splitlines()
    assert child.was_killed is (last is not None)
    return said


def test_a_worker_killed_at_any_step_leaves_each_credit_in_one_place_and_each_activity_once(
    credits_host: CreditsHost, is_long: bool
) -> None:
    """What there is to do: trading to be shown, requests that are new, and ends of withdrawals that are decided."""
    host, chance = credits_host, Random(SEED)
    host.ask("a")
    host.trade(chance, 12)
    host.sync()
    host.ask("b")
    host.retire("retire", RIVER)
    host.trade(chance, 12)
    host.close()
    host.engine.dispose()
    copy, folder = host.copy(), host.copy_exchange("before")
    host.close()
    steps = killed(host, None)
    kinds = Counter(steps)
    assert min(kinds["before the host's COMMIT"], kinds["after the journal's COMMIT"], kinds["before INSERT"]) >= 2
    count = len(steps) if is_long else IN_THE_SUITE[host.database.kind]
    for last in sorted(chance.sample(range(1, len(steps) + 1), count)):
        host.put_back(copy)
        host.put_back_exchange(folder)
        host.close()
        killed(host, last)
        host.reopen()
        host.assert_sums()
        host.until_quiet()
        host.assert_settled()
        host.close()
        host.engine.dispose()
