"""A worker is killed at each step of both directions; the next one goes on. No credit is lost, doubled, or in two places."""

from __future__ import annotations

import os
from random import Random

from reliability.child import Child
from tests.host.credits import RIVER, CreditsHost
from tests.host.steps import Steps, counted

SEED = 5

WRITES = ("before INSERT", "before UPDATE", "before DELETE")

IN_THE_SUITE = {"sqlite": 3, "postgres": 2}
"""Kills, of different sorts; with --long, one at each step."""


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


def one_of_each_sort(steps: list[str], chance: Random) -> list[int]:
    """Just after something was committed on one side, just before it is on the other, and in the middle."""
    written = [at for at, name in enumerate(steps, 1) if name in WRITES and steps[at] == "before the host's COMMIT"]
    sorts = [
        [written[0] + 2],
        [written[1] + 2],
        [at for at, name in enumerate(steps, 1) if name == "before the journal's COMMIT"],
        [at for at, name in enumerate(steps, 1) if name == "after the journal's COMMIT"],
        [at for at, name in enumerate(steps, 1) if name in WRITES],
    ]
    return [chance.choice(sort) for sort in sorts]


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
    every = range(1, len(steps) + 1)
    for last in every if is_long else one_of_each_sort(steps, chance)[: IN_THE_SUITE[host.database.kind]]:
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
