"""Instruments: their rules, their hours, and what an admin does to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import attrs
import pytest

from credit_trading import Exchange, ManualClock, OrderRejected
from credit_trading.clock import parse_time
from credit_trading.errors import InvalidInput, NotFound
from tests.floor import CASH, CREDIT, SYMBOL, Floor, opened, rows_of

Reopen = Callable[..., Exchange]

OFFICE = {"hours": "mon-fri 09:00-17:30", "time_zone": "UTC"}


def _at(clock: ManualClock, moment: str) -> None:
    clock.set(parse_time(f"{moment}:00Z"))


# Rules


@pytest.mark.parametrize(
    ("rules", "accepted", "refused", "code"),
    [
        ({"min_quantity": 5}, ("buy", 5, "4.00"), ("buy", 4, "4.00"), "quantity_too_small"),
        ({"max_quantity": 5}, ("buy", 5, "4.00"), ("buy", 6, "4.00"), "quantity_too_large"),
        ({"min_value": "20.00"}, ("buy", 5, "4.00"), ("buy", 5, "3.99"), "value_too_small"),
        ({"price_band": "0.1"}, ("buy", 1, "4.50"), ("buy", 1, "4.49"), "price_outside_band"),
        ({"price_band": "0.1"}, ("sell", 1, "5.50"), ("sell", 1, "5.51"), "price_outside_band"),
        (
            {"price_band": "0.1", "reference_price": "10.00"},
            ("sell", 1, "9.00"),
            ("sell", 1, "8.99"),
            "price_outside_band",
        ),
        ({"max_open_orders": 1}, ("buy", 1, "4.00"), ("buy", 1, "4.00"), "too_many_open_orders"),
        ({"collar": "0"}, ("buy", 1, None), ("buy", 1, None), "no_opposite_price"),
    ],
)
def test_each_rule_refuses_what_lies_beyond_it(
    floor: Floor, rules: dict[str, Any], accepted: tuple[Any, ...], refused: tuple[Any, ...], code: str
) -> None:
    """At the limit it is taken, beyond it is refused with the rule's code; both are in the user's file."""
    floor.place("cat", "sell", 2, "5.00")
    floor.place("bob", "buy", 1, "5.00")
    floor.admin.instruments.set_rules(SYMBOL, **rules)
    taken = floor.place("ann", *accepted)
    assert taken.order_status in ("new", "filled")
    with pytest.raises(OrderRejected, match=rf"\({code}\)"):
        floor.place("ann", *refused)
    last = floor.user("ann").orders.get_order(taken.order_id + 1)
    assert (last.order_status, last.reason) == ("rejected", code)
    assert floor.findings() == []


def test_rules_are_shown_kept_and_switched_off(floor: Floor, reopen: Reopen) -> None:
    """What is not named stays; None, or "none", switches a filter off; another process sees the same."""
    before = floor.admin.instruments.show_instrument(SYMBOL)
    assert (before.maker_fee, before.taker_fee, before.collar) == ("-0.0001", "0.0025", "0.05")
    all_filters = {
        "min_quantity": "2",
        "max_quantity": "1000",
        "min_value": "1.50",
        "price_band": "0.25",
        "reference_price": "5.00",
        "max_open_orders": 7,
    }
    changed = floor.admin.instruments.set_rules(SYMBOL, **all_filters, self_trade="cancel-both", taker_fee="0.003")  # type: ignore[arg-type]
    assert {name: getattr(changed, name) for name in all_filters} == all_filters
    assert (changed.self_trade, changed.maker_fee, changed.taker_fee) == ("cancel_both", "-0.0001", "0.003")
    assert Floor(reopen()).admin.instruments.show_instrument(SYMBOL) == changed
    for off in (None, "none"):
        rest = floor.admin.instruments.set_rules(SYMBOL, **dict.fromkeys(all_filters, off))
        assert rest == attrs.evolve(before, self_trade="cancel_both", taker_fee="0.003")
        floor.admin.instruments.set_rules(SYMBOL, max_open_orders="12")
    assert floor.findings() == []


def test_an_instrument_may_be_added_with_all_its_rules(floor: Floor) -> None:
    """On its own grid."""
    added = floor.admin.instruments.add_instrument(
        "X",
        base=CREDIT,
        quote=CASH,
        tick="0.5",
        lot="10",
        collar="0.1",
        self_trade="decrement",
        min_quantity=20,
        max_quantity=100,
        min_value="7",
        price_band="1",
        reference_price="3",
        max_open_orders=None,
    )
    assert (added.collar, added.self_trade, added.min_quantity, added.max_quantity) == ("0.1", "decrement", "20", "100")
    assert (added.min_value, added.price_band, added.reference_price) == ("7.00", "1", "3.00")
    assert (added.max_open_orders, added.maker_fee, added.status) == (None, "0", "open")


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "nothing to change"),
        ({"tick": "0.10"}, "no such rule"),
        ({"min_quantity": "0"}, "lot"),
        ({"max_quantity": "1.5"}, "quantity"),
        ({"min_quantity": 5, "max_quantity": 4}, "minimum quantity is above the maximum"),
        ({"max_quantity": 1}, "minimum quantity is above the maximum"),
        ({"min_value": "0"}, "zero"),
        ({"min_value": "-1"}, "negative"),
        ({"price_band": "-0.1"}, "negative"),
        ({"price_band": "1.5"}, "between -1 and 1"),
        ({"price_band": 0.1}, "float"),
        ({"collar": "-0.1"}, "negative"),
        ({"collar": None}, "cannot be switched off"),
        ({"taker_fee": "none"}, "cannot be switched off"),
        ({"reference_price": "5.001"}, "finer than"),
        ({"max_open_orders": 0}, "whole number"),
        ({"max_open_orders": "many"}, "whole number"),
        ({"max_open_orders": True}, "whole number"),
        ({"self_trade": "allow"}, "no such self-trade mode"),
        ({"taker_fee": "-0.001"}, "the taker fee may not be negative"),
        ({"maker_fee": "-0.0026"}, "any maker's rebate"),
        ({"taker_fee": "0"}, "any maker's rebate"),
    ],
)
def test_rules_that_are_none_are_refused(floor: Floor, rules: dict[str, Any], words: str) -> None:
    """Before the journal, in a line with a hint."""
    floor.admin.instruments.set_rules(SYMBOL, min_quantity=2)
    sequence = floor.exchange.sequence
    with pytest.raises(InvalidInput, match=words) as error:
        floor.admin.instruments.set_rules(SYMBOL, **rules)
    assert error.value.hint
    assert floor.exchange.sequence == sequence
    if "tick" not in rules and rules not in ({}, {"max_quantity": 1}) and None not in rules.values():
        grid = {"base": CREDIT, "quote": CASH, "tick": "0.01", "lot": "1"}
        own = {"maker_fee": "-0.0001", "taker_fee": "0.0025"} | rules
        with pytest.raises(InvalidInput, match=words):
            floor.admin.instruments.add_instrument("X", **grid, **own)


def test_rules_of_an_unknown_instrument_are_not_found(floor: Floor) -> None:
    """Whatever is asked of it."""
    attempts: list[Callable[[], object]] = [
        lambda: floor.admin.instruments.set_rules("X", taker_fee="0"),
        lambda: floor.admin.instruments.show_instrument("X"),
        lambda: floor.admin.instruments.set_schedule("X", **OFFICE),
        lambda: floor.admin.instruments.clear_schedule("X"),
        lambda: floor.admin.instruments.halt_instrument("X"),
        lambda: floor.admin.instruments.close_instrument("X"),
    ]
    for attempt in attempts:
        with pytest.raises(NotFound):
            attempt()


# Status


def test_a_halted_instrument_takes_cancels_only(floor: Floor) -> None:
    """Until it is resumed."""
    order = floor.place("ann", "sell", 5, "5.00")
    kept = floor.place("ann", "sell", 5, "5.50")
    assert floor.admin.instruments.halt_instrument(SYMBOL).status == "halted"
    attempts: list[Callable[[], object]] = [
        lambda: floor.place("bob", "buy", 1, "5.00"),
        lambda: floor.user("ann").orders.amend_order(kept.order_id, quantity=1),
    ]
    for attempt in attempts:
        with pytest.raises(OrderRejected, match="instrument_halted"):
            attempt()
    assert floor.user("ann").orders.cancel_order(order.order_id).order_status == "canceled"
    assert floor.admin.instruments.resume_instrument(SYMBOL).status == "open"
    assert floor.place("bob", "buy", 1, "5.50").order_status == "filled"
    assert floor.findings() == []


def test_a_halt_outweighs_the_session(floor: Floor) -> None:
    """Opening and closing go on beneath it; notes stand beside the journal."""
    instruments = floor.admin.instruments
    assert instruments.close_instrument(SYMBOL, note="registry is down").status == "closed"
    with pytest.raises(OrderRejected, match="instrument_closed"):
        floor.place("bob", "buy", 1, "5.00")
    halted = instruments.halt_instrument(SYMBOL)
    assert (halted.status, halted.session) == ("halted", "closed")
    assert instruments.open_instrument(SYMBOL).status == "halted"
    resumed = instruments.resume_instrument(SYMBOL)
    assert (resumed.status, resumed.session) == ("open", "open")
    notes = rows_of(floor.exchange.home / "exchange.db", "SELECT note FROM command_notes WHERE note IS NOT NULL")
    assert notes == [("registry is down",)]
    assert floor.findings() == []


# Hours


def test_an_instrument_opens_and_closes_by_its_schedule(floor: Floor, clock: ManualClock) -> None:
    """By itself, before whatever comes at that moment; what the schedule brings next is shown."""
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE, holidays=["2026-01-02"])
    closed = floor.admin.instruments.show_instrument(SYMBOL)
    assert (closed.status, closed.hours, closed.time_zone) == ("closed", OFFICE["hours"], "UTC")
    assert (closed.next_open, closed.next_close) == ("2026-01-01T09:00:00.000000Z", "2026-01-01T17:30:00.000000Z")
    with pytest.raises(OrderRejected, match="instrument_closed"):
        floor.place("ann", "sell", 1, "5.00")
    _at(clock, "2026-01-01T09:00")
    assert floor.place("ann", "sell", 1, "5.00").order_status == "new"
    _at(clock, "2026-01-01T17:30")
    assert floor.exchange.expire_due() == 0
    shown = floor.admin.instruments.show_instrument(SYMBOL)
    assert (shown.status, shown.next_open) == ("closed", "2026-01-05T09:00:00.000000Z")
    assert floor.findings() == []


def test_a_day_order_expires_with_its_session(floor: Floor, clock: ManualClock) -> None:
    """At the close that was the next when it was accepted, whatever becomes of the schedule; with its own reason."""
    with pytest.raises(OrderRejected, match="no_session_end"):
        floor.place("ann", "sell", 1, "5.00", time_in_force="DAY")
    _at(clock, "2026-01-01T10:00")
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE)
    today = floor.place("ann", "sell", 5, "5.00", time_in_force="DAY").order_id
    kept = floor.place("ann", "sell", 5, "6.00").order_id
    assert floor.user("ann").orders.get_order(today).expires_at == "2026-01-01T17:30:00.000000Z"
    floor.place("bob", "buy", 2, "5.00")
    floor.admin.instruments.clear_schedule(SYMBOL)
    clock.set(parse_time("2026-01-01T17:30:00Z") - 1)
    assert floor.exchange.expire_due() == 0
    clock.advance(0.000001)
    assert floor.exchange.expire_due() == 1
    done = floor.user("ann").orders.get_order(today)
    assert (done.order_status, done.reason, done.filled_quantity) == ("expired", "session_ended", "2")
    assert done.closed_at == "2026-01-01T17:30:00.000000Z"
    assert floor.user("ann").orders.get_order(kept).order_status == "new"
    assert floor.findings() == []


def test_orders_expire_before_the_session_ends_and_both_before_a_command(floor: Floor, clock: ManualClock) -> None:
    """Days later, by the first command: each session change at most once, the order's expiry before that of its close."""
    _at(clock, "2026-01-01T10:00")
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE)
    floor.place("ann", "sell", 5, "5.00", time_in_force="DAY")
    sequence = floor.exchange.sequence
    _at(clock, "2026-01-05T10:00")
    floor.place("bob", "buy", 5, "5.00")
    assert floor.kinds(after=sequence) == [
        "order_expired",
        *["instrument_status_changed"] * 4,
        "order_accepted",
    ]
    assert floor.findings() == []


def test_what_is_opened_by_hand_stays_so_until_the_next_boundary(floor: Floor, clock: ManualClock) -> None:
    """And a boundary never lifts a halt."""
    instruments = floor.admin.instruments
    instruments.set_schedule(SYMBOL, **OFFICE)
    assert instruments.open_instrument(SYMBOL).status == "open"
    _at(clock, "2026-01-01T08:59")
    floor.place("ann", "sell", 1, "5.00")
    _at(clock, "2026-01-01T17:30")
    instruments.halt_instrument(SYMBOL)
    assert instruments.show_instrument(SYMBOL).session == "closed"
    _at(clock, "2026-01-02T12:00")
    floor.exchange.expire_due()
    halted = instruments.show_instrument(SYMBOL)
    assert (halted.status, halted.session) == ("halted", "open")
    assert instruments.resume_instrument(SYMBOL).status == "open"
    assert instruments.close_instrument(SYMBOL).status == "closed"
    _at(clock, "2026-01-05T09:00")
    assert floor.place("ann", "sell", 1, "5.00").order_status == "new"
    cleared = instruments.clear_schedule(SYMBOL)
    assert (cleared.status, cleared.hours, cleared.next_close) == ("open", None, None)
    assert floor.findings() == []


def test_a_schedule_goes_on_after_a_restart(floor: Floor, clock: ManualClock) -> None:
    """From the checkpoint or from the journal; wherever it was set, all processes open at the same moment."""
    floor.admin.instruments.set_schedule(SYMBOL, hours="sun-thu 22:00-06:00", time_zone="America/New_York")
    before = floor.admin.instruments.show_instrument(SYMBOL)
    assert (before.status, before.next_open) == ("closed", "2026-01-01T03:00:00.000000Z")
    floor.exchange.close()
    with opened(floor.exchange.home, clock=clock) as exchange:
        again = Floor(exchange)
        assert again.admin.instruments.show_instrument(SYMBOL) == before
        _at(clock, "2026-01-01T03:00")
        assert again.place("ann", "sell", 1, "5.00", time_in_force="DAY").order_status == "new"
        _at(clock, "2026-01-01T11:00")
        assert exchange.expire_due() == 1
        assert again.findings() == []


def test_a_machine_that_does_not_know_the_time_zone_closes_that_instrument_alone(
    floor: Floor, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """At the next boundary, and loudly; all else goes on, cancels in it too; a new schedule or an opening by hand helps."""
    order = floor.place("ann", "sell", 1, "5.00")
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE)
    _at(clock, "2026-01-01T10:00")

    def unknown(name: str) -> None:
        raise KeyError(name)

    with monkeypatch.context() as patched:
        patched.setattr("credit_trading.trading.calendar._zone", unknown)
        assert floor.admin.instruments.show_instrument(SYMBOL).status == "closed"
        with pytest.raises(OrderRejected, match="instrument_closed"):
            floor.place("bob", "buy", 1, "5.00")
        assert "does not know the time zone UTC" in caplog.text
        floor.user("ann").orders.cancel_order(order.order_id)
        floor.admin.accounts.withdraw("ann", CASH, 1)
        told = floor.admin.instruments.show_instrument(SYMBOL)
        assert (told.status, told.next_open, told.next_close) == ("closed", None, None)
        with pytest.raises(InvalidInput, match="time zone"):
            floor.admin.instruments.set_schedule(SYMBOL, **OFFICE)
        assert floor.admin.instruments.open_instrument(SYMBOL).status == "open"
    assert floor.admin.instruments.set_schedule(SYMBOL, **OFFICE).next_close == "2026-01-01T17:30:00.000000Z"
    assert floor.findings() == []


def test_an_instrument_is_shown_as_the_clock_has_it(floor: Floor, clock: ManualClock) -> None:
    """Also where nobody has sent a command since; then the journal says the same, and nothing was written to show it."""
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE, holidays=["2026-01-02"])
    shown = []
    for moment in ("2026-01-01T10:00", "2026-01-01T17:30", "2026-01-02T12:00", "2026-01-05T09:00", "2026-01-06T18:00"):
        _at(clock, moment)
        sequence = floor.exchange.sequence
        told = floor.admin.instruments.show_instrument(SYMBOL)
        assert floor.admin.instruments.list_instruments() == [told]
        assert floor.exchange.sequence == sequence
        floor.exchange.expire_due()
        assert floor.exchange.sequence > sequence or moment == "2026-01-02T12:00"
        assert floor.admin.instruments.show_instrument(SYMBOL) == told
        shown.append((told.status, str(told.next_open)[:16], str(told.next_close)[:16]))
    assert shown == [
        ("open", "2026-01-05T09:00", "2026-01-01T17:30"),
        ("closed", "2026-01-05T09:00", "2026-01-05T17:30"),
        ("closed", "2026-01-05T09:00", "2026-01-05T17:30"),
        ("open", "2026-01-06T09:00", "2026-01-05T17:30"),
        ("closed", "2026-01-07T09:00", "2026-01-07T17:30"),
    ]


def test_a_halt_and_a_session_opened_by_hand_are_shown_too(floor: Floor, clock: ManualClock) -> None:
    """By hand it is open until the next boundary; a halt stays over it."""
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE)
    floor.admin.instruments.open_instrument(SYMBOL)
    assert floor.admin.instruments.show_instrument(SYMBOL).status == "open"
    floor.admin.instruments.halt_instrument(SYMBOL)
    _at(clock, "2026-01-01T20:00")
    told = floor.admin.instruments.show_instrument(SYMBOL)
    assert (told.status, told.session) == ("halted", "closed")


def test_a_pause_of_more_than_a_year_ends(floor: Floor, clock: ManualClock) -> None:
    """It closes before 420 holidays, and opens after them."""
    days = [date(2026, 1, 2) + timedelta(days=day) for day in range(420)]
    floor.admin.instruments.set_schedule(SYMBOL, **OFFICE, holidays=days)
    for moment in ("2026-01-01T18:00", "2026-10-01T12:00"):
        _at(clock, moment)
        floor.exchange.expire_due()
        told = floor.admin.instruments.show_instrument(SYMBOL)
        assert (told.status, told.next_open) == ("closed", "2027-02-26T09:00:00.000000Z")
        floor.admin.accounts.deposit("ann", CASH, 1)
    _at(clock, "2027-02-26T09:00")
    assert floor.place("ann", "sell", 1, "5.00", time_in_force="DAY").order_status == "new"
