"""Client order ids: one order each, as long as they are remembered, in every process and after every restart."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from credit_trading import Exchange, ManualClock, OrderRejected, Settings
from credit_trading.errors import CommandConflict, InvalidInput
from tests.floor import SYMBOL, Floor, opened

Reopen = Callable[..., Exchange]

SHORT = Settings(remember_client_orders=2, remember_client_orders_s=60, remember_commands=3, remember_commands_s=60)


@pytest.fixture
def forgetful(home: Path, clock: ManualClock) -> Iterator[Floor]:
    """An exchange that was founded to remember three commands, and two done orders of each user, for a minute."""
    with opened(home, clock=clock, settings=SHORT) as exchange:
        yield Floor(exchange).set_up("ann", "bob")


def _place(floor: Floor, name: str, *, user: str = "ann", quantity: int = 1, command_id: str | None = None) -> bool:
    """Whether it was known already."""
    more = {} if command_id is None else {"command_id": command_id}
    return floor.place(user, "sell", quantity, "5.00", client_order_id=name, **more).repeated


def _cancel(floor: Floor, name: str) -> None:
    floor.user("ann").orders.cancel_order(client_order_id=name)


def test_the_same_order_again_is_the_first_answer_whatever_the_command_is_called(floor: Floor, reopen: Reopen) -> None:
    """Here, in another process, under a command id of its own; accepted or refused."""
    assert not _place(floor, "a")
    with pytest.raises(OrderRejected, match="insufficient_funds"):
        _place(floor, "poor", quantity=10**6)
    sequence = floor.exchange.sequence
    for one in (floor, Floor(reopen())):
        assert _place(one, "a")
        assert _place(one, "a", command_id=f"retry-{id(one)}")
        with pytest.raises(OrderRejected, match="insufficient_funds"):
            _place(one, "poor", quantity=10**6)
        with pytest.raises(OrderRejected, match="insufficient_funds"):
            _place(one, "poor", quantity=10**6, command_id=f"again-{id(one)}")
    assert floor.exchange.sequence == sequence
    assert len(floor.user("ann").orders.get_active_orders()) == 1


def test_another_order_under_a_taken_id_is_refused(floor: Floor) -> None:
    """As a conflict where the client order id is all that names the command, else by the market; open or done."""
    _place(floor, "a")
    for _ in range(2):
        with pytest.raises(CommandConflict):
            _place(floor, "a", quantity=2)
        with pytest.raises(OrderRejected, match="duplicate_client_order_id"):
            _place(floor, "a", quantity=2, command_id=f"c{floor.exchange.sequence}")
        if floor.user("ann").orders.get_active_orders():
            _cancel(floor, "a")
    assert not _place(floor, "a", user="bob", quantity=2)
    assert floor.findings() == []


def test_it_survives_a_restart(floor: Floor, clock: ManualClock) -> None:
    """From the journal, and from a checkpoint."""
    _place(floor, "open")
    _place(floor, "done")
    _cancel(floor, "done")
    floor.exchange.close()
    for settings in (Settings(), Settings(checkpoint_every_events=1), Settings()):
        with opened(floor.exchange.home, clock=clock, settings=settings) as exchange:
            again = Floor(exchange)
            assert _place(again, "open")
            assert _place(again, "done")
            with pytest.raises(CommandConflict):
                _place(again, "done", quantity=2)


def test_a_done_order_is_forgotten_after_so_many_others_of_its_user(forgetful: Floor) -> None:
    """The oldest first; open ones never, and other users' do not count."""
    _place(forgetful, "open")
    for name in ("a", "b", "c"):
        _place(forgetful, name)
        _cancel(forgetful, name)
    for number in range(5):
        _place(forgetful, f"b{number}", user="bob")
    assert _place(forgetful, "c")
    assert _place(forgetful, "b")
    assert _place(forgetful, "open")
    assert not _place(forgetful, "a", quantity=3)
    assert forgetful.findings() == []


def test_a_done_order_is_forgotten_after_some_time(forgetful: Floor, clock: ManualClock) -> None:
    """To the microsecond; an open one is not."""
    _place(forgetful, "open")
    _place(forgetful, "done")
    clock.advance(30)
    _cancel(forgetful, "done")
    clock.advance(60)
    assert _place(forgetful, "done")
    clock.advance(0.000001)
    assert _place(forgetful, "open")
    assert not _place(forgetful, "done", quantity=3)
    assert forgetful.findings() == []


def test_what_is_remembered_is_founded_with_the_exchange(
    forgetful: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the settings of those who open it later say: all processes must agree."""
    _place(forgetful, "a")
    _cancel(forgetful, "a")
    forgetful.exchange.close()
    (founded,) = [one for one in _journal(forgetful.exchange.home, clock) if one["kind"] == "founded"]
    assert {name: founded[name] for name in founded if name.startswith("remember")} == {
        "remember_commands": 3,
        "remember_commands_us": 60_000_000,
        "remember_client_orders": 2,
        "remember_client_orders_us": 60_000_000,
    }
    monkeypatch.setenv("CREDIT_TRADING_REMEMBER_CLIENT_ORDERS_S", "3600")
    assert Settings.from_environment().remember_client_orders_s == 3600
    with opened(forgetful.exchange.home, clock=clock) as exchange:
        clock.advance(61)
        assert not _place(Floor(exchange), "a", quantity=3)
    for wrong in (0, -1, 10**12 + 1):
        with pytest.raises(InvalidInput):
            Settings(remember_client_orders_s=wrong)


def _journal(home: Path, clock: ManualClock) -> list[dict[str, object]]:
    with opened(home, clock=clock) as exchange:
        return [{"kind": entry.kind, **entry.data} for entry in exchange.as_admin("look").journal()]


def test_a_forgotten_command_with_a_remembered_order_is_still_known(forgetful: Floor) -> None:
    """Three commands are remembered; the order's own memory is not theirs."""
    order = forgetful.place("ann", "sell", 1, "5.00", client_order_id="a", command_id="c").order_id
    for _ in range(5):
        forgetful.place("bob", "sell", 1, "9.00")
    again = forgetful.user("ann").orders.create_order(SYMBOL, "sell", 1, "5.00", client_order_id="a", command_id="c")
    assert (again.order_id, again.repeated) == (order, True)
