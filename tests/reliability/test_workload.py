"""The random trader: everything that can be asked is asked, in the order of its seed, and told line by line."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import credit_trading
from credit_trading import Exchange, ManualClock
from reliability.acts import Act, Answer, perform
from reliability.telling import Line, Told, tell, told_in
from reliability.workload import BEGINNING_US, RandomTrader, found


@pytest.fixture
def founded(home: Path, clock: ManualClock) -> Iterator[Exchange]:
    """An exchange for traders."""
    clock.set(BEGINNING_US)
    found(home, clock=clock)
    with credit_trading.open(home, clock=clock) as exchange:
        yield exchange


def _played(exchange: Exchange, clock: ManualClock, folder: Path, *, seed: str, steps: int) -> list[Told]:
    """A tour and so many steps; what was told."""
    path = folder / f"told-{seed}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    try:
        trader = RandomTrader(exchange, clock=clock, seed=seed, name="t", descriptor=descriptor, is_alone=True)
        trader.tour()
        trader.run(trader.done + steps)
    finally:
        os.close(descriptor)
    return told_in(path.read_bytes().splitlines(keepends=True))


def test_everything_that_can_be_asked_is_asked(founded: Exchange, clock: ManualClock, tmp_path: Path) -> None:
    """All kinds of orders with each time in force, and whatever else there is; most of it is taken, and nothing is wrong."""
    told = _played(founded, clock, tmp_path, seed="1", steps=400)
    kinds = Counter(one.act.kind for one in told if one.answer and not one.answer.code)
    assert kinds.keys() == {
        *("place", "place_unnamed", "group", "cancel", "cancel_all", "cancel_market", "amend", "deposit", "withdraw"),
        *("enter", "move_on", "place_outside", "fill", "complete"),
        *("deal", "bust", "create", "email", "delete", "suspend", "resume", "fees", "close_session", "open_session"),
    }
    rows = list(founded.as_admin("test").journal())
    orders = [entry.data for entry in rows if entry.kind == "order_accepted"]
    assert {order["order_type"] for order in orders} == {"limit", "market", "stop", "stop_limit"}
    assert {order["time_in_force"] for order in orders} == {"GTC", "DAY", "GTD", "IOC", "FOK"}
    assert any(order["display_lots"] for order in orders)
    assert any(order["post_only"] for order in orders)
    events = Counter(entry.kind for entry in rows)
    assert events["trade"] > 50
    assert events["order_expired"] > 3
    assert events["order_triggered"] > 3
    assert events["order_filled_outside"] > 3
    assert events["transaction_entered"] > 10
    updates = {(one.data["status"], one.data["reason"]) for one in rows if one.kind == "transaction_updated"}
    assert updates >= {("settled", "requested"), ("cancelled", "expired")}
    assert founded.as_admin("test").verify(deep=True).findings == []


def test_one_seed_gives_one_flow(tmp_path: Path) -> None:
    """Acts and answers alike, in two folders; another seed gives another."""
    told = []
    for number, seed in enumerate(("1", "1", "2")):
        home, clock = tmp_path / f"home-{number}", ManualClock(BEGINNING_US)
        found(home, clock=clock)
        with credit_trading.open(home, clock=clock) as exchange:
            told.append(_played(exchange, clock, tmp_path, seed=seed, steps=60))
    assert [(one.act, _without_made_up_ids(one.answer)) for one in told[0]] == [
        (one.act, _without_made_up_ids(one.answer)) for one in told[1]
    ]
    assert told[0] != told[2]


def _without_made_up_ids(answer: Answer | None) -> object:
    assert answer is not None
    command_id = str(answer.told.get("command_id", ""))
    return answer if "/id/" not in command_id or "/id/t-" in command_id else answer.told | {"command_id": ""}


def test_what_was_asked_and_not_answered_is_told_apart(tmp_path: Path) -> None:
    """The process ended in between; a last line that was cut short counts for nothing."""
    path = tmp_path / "told"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT)
    place, deposit = Act("place", "ann", "1", {"side": "buy"}), Act("deposit", "ann", "2")
    tell(descriptor, Line("t-1", act=place))
    tell(descriptor, Line("t-1", answer=Answer(sequence=7)))
    tell(descriptor, Line("t-2", act=deposit))
    tell(descriptor, Line("t-2", answer=Answer(sequence=8)))
    os.close(descriptor)
    lines = path.read_bytes()[:-1].splitlines(keepends=True)
    assert told_in(lines) == [Told("t-1", place, Answer(sequence=7)), Told("t-2", deposit, None)]
    assert told_in(lines)[0].trader == "t"


def test_an_act_that_is_asked_again_gets_its_first_answer(founded: Exchange) -> None:
    """Orders by client order id and by command id, groups, money by key, cancels; refusals too."""
    order = {"side": "buy", "quantity": 2, "price": "9.00"}
    acts = [
        Act("place", "ann", "1", order),
        Act("place_unnamed", "ann", "2", order),
        Act("group", "bob", "3", {"orders": [order | {"client_order_id": "3.0"}, order | {"client_order_id": "3.1"}]}),
        Act("deposit", "ann", "4", {"asset": "USD", "amount": "1.00"}),
        Act("withdraw", "ann", "5", {"asset": "USD", "amount": "10000000.00"}),
        Act("cancel", "ann", "6", {"order_id": 1}),
        Act("cancel_all", "bob", "7"),
    ]
    first = [perform(founded, act) for act in acts]
    again = [perform(founded, act) for act in acts]
    assert [answer.code for answer in first] == ["", "", "", "", "insufficient_funds", "", ""]
    assert [(answer.code, answer.sequence, answer.told) for answer in again] == [
        (answer.code, answer.sequence, answer.told) for answer in first
    ]
    assert [answer.repeated for answer in again] == [True, True, True, True, False, True, True]
    assert not any(answer.repeated for answer in first)


def test_what_the_exchange_does_not_understand_is_an_error_and_no_answer_of_the_market(founded: Exchange) -> None:
    assert perform(founded, Act("cancel", "ann", "1", {"order_id": 999})) == Answer(code="not_found", is_error=True)
    assert perform(founded, Act("deposit", "nobody", "2", {"asset": "USD", "amount": "1.00"})).is_error
