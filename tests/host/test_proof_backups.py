"""An older copy of either side is put back. What the other side knows comes back, once, or is named until a person has done it."""

from __future__ import annotations

from random import Random

import pytest

from credit_trading.errors import FileForeign
from tests.host.credits import AT_LENGTH_ON_POSTGRES, FOREST, RIVER, USERS, CreditsHost, ForgetfulCredits

SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))]


def go_on(host: CreditsHost, chance: Random, name: str) -> None:
    """A while in the life of both."""
    for number in range(chance.randint(1, 3)):
        user, code, amount = chance.choice(USERS), chance.choice((FOREST, RIVER)), chance.randint(1, 9)
        request_id = f"{name}-{number}"
        if chance.random() < 0.5:
            host.bring(f"{request_id}-in", amount, user, code)
        else:
            host.take_back(f"{request_id}-{chance.choice(('out', 'no'))}", amount, user, code)
        if chance.random() < 0.5:
            host.trade(chance, 3)
        if chance.random() < 0.6:
            host.sync()
    if chance.random() < 0.3:
        host.ask(name)


@AT_LENGTH_ON_POSTGRES
@pytest.mark.parametrize("seed", SEEDS)
def test_an_older_copy_of_the_hosts_database_gets_back_all_that_it_had_lost(
    credits_host: CreditsHost, seed: int, is_long: bool
) -> None:
    host, chance = credits_host, Random(seed)
    copies = [host.copy()]
    for number in range(12 if is_long else 2):
        go_on(host, chance, f"r{number}")
        copies.append(host.copy())
        go_on(host, chance, f"s{number}")
        at = chance.randrange(len(copies))
        host.put_back(copies[at])
        del copies[at + 1 :]
        if chance.random() < 0.5:
            go_on(host, chance, f"t{number}")
        host.assert_sums()
        host.until_quiet()
        host.assert_sums()
    host.assert_settled()


@AT_LENGTH_ON_POSTGRES
def test_without_reapply_each_lost_request_is_named_until_its_own_side_is_done_by_hand(
    credits_host: CreditsHost,
) -> None:
    host = credits_host
    host.close()
    host.engine.dispose()
    host.kind = ForgetfulCredits
    host.reconnect()
    host.open()
    host.ask("a")
    copy = host.copy()
    host.until_quiet()
    host.ask("b")
    host.until_quiet()
    host.put_back(copy)
    host.until_quiet()
    lost = frozenset({"a-out", "b-in", "b-out"})
    told = host.floor.admin.host.check().differences
    waiting = {one.key for one in told if one.kind == "reapply"}
    assert waiting <= lost
    assert {"b-in"} <= waiting
    assert {one.key for one in told} == waiting
    host.assert_settled(waiting=frozenset(waiting))
    for request_id in sorted(waiting):
        by_hand(host, request_id)
    host.assert_settled()


def by_hand(host: CreditsHost, request_id: str) -> None:
    """What a person does who has found out."""
    row = host.requests()[request_id]
    amount = int(row["amount"]) * (-1 if row["kind"] == "deposit" else 1)
    values = {"owner": row["user_id"], "project": int(row["project_id"]), "amount": amount}
    own = "UPDATE credits SET amount = amount + :amount WHERE owner = :owner AND project_id = :project"
    host.database.execute(own, **values)
    host.database.execute("UPDATE trading_requests SET reapply = false WHERE id = :id", id=request_id)


@AT_LENGTH_ON_POSTGRES
@pytest.mark.parametrize("seed", SEEDS)
def test_an_older_exchange_is_told_and_nothing_is_touched_until_its_history_is_taken(
    credits_host: CreditsHost, seed: int, is_long: bool
) -> None:
    host, chance = credits_host, Random(seed)
    go_on(host, chance, "a")
    host.until_quiet()
    folder = host.copy_exchange("older")
    for number in range(6 if is_long else 2):
        go_on(host, chance, f"b{number}")
    host.ask("c")
    host.sync()
    host.bring("late", 3)
    before = host.content()
    host.put_back_exchange(folder)
    for _ in range(2):
        with pytest.raises(FileForeign, match="--other-history"):
            host.sync()
    (told,) = host.floor.admin.host.check().differences
    assert told.kind == "ahead"
    assert (status := host.floor.admin.host.status()) is not None
    assert status.problem is not None
    assert host.content() == before
    host.floor.admin.host.repair(other_history=True, own_tables=True)
    host.assert_sums()
    host.until_quiet()
    host.assert_settled()


@AT_LENGTH_ON_POSTGRES
def test_a_withdrawal_that_an_older_exchange_cannot_hold_any_more_is_named(credits_host: CreditsHost) -> None:
    """The host has its credits, and nothing can take them from the exchange again: a person has to decide."""
    host = credits_host
    folder = host.copy_exchange("older")
    host.floor.user("bob").orders.create_order("FOREST-2020/USD", "sell", 100, "10.00")
    host.floor.user("ann").orders.create_order("FOREST-2020/USD", "buy", 100, "10.00")
    host.take_back("out", 600)
    host.until_quiet()
    assert host.requests()["out"]["status"] == "done"
    host.put_back_exchange(folder)
    host.floor.admin.host.repair(other_history=True, own_tables=True)
    host.until_quiet()
    assert host.requests()["out"]["status"] == "refused"
    assert [one.key for one in host.floor.admin.host.check().differences] == ["out"]
