"""Every command tells who gave it, from where and within what: beside the journal, in the trails of all whom it may be told, and not in
the journal itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs
import pytest

from credit_trading import Admin, ManualClock, OrderRejected
from credit_trading.exchange import commands as cmd
from credit_trading.journal.log import FILE_NAME
from tests.floor import CASH, CREDIT, SYMBOL, Floor, rows_of
from tests.transfer.archives import deposit, lines

WHO, WHERE, WITHIN, REMARK, OUTSIDE = "admin:Grace", "Origin-9", "Request-9", "Remark-9", "Outside-9"
NOTED = (WHO, WHERE, WITHIN)


@attrs.frozen
class Act:
    """One way to give a command. `before` makes what it needs, under another name; `own` where the users do it themselves, too."""

    command: type[cmd.Command]
    do: Callable[[Admin, Any, Any], object]
    before: Callable[[Floor], object] = lambda _: None
    told: tuple[str, ...] = ("ann",)
    own: bool = False


def _resting(floor: Floor, **more: Any) -> int:
    return floor.place("ann", "buy", 2, "1.00", **more).order_id


def _pending(floor: Floor) -> int:
    report = floor.admin.on_behalf_of("ann").transactions.record_transaction("withdrawal", CASH, 1, status="pending")
    return report.transaction_id


def _traded(floor: Floor) -> int:
    floor.place("bob", "sell", 1, "2.00")
    floor.place("ann", "buy", 1, "2.00")
    return floor.user("ann").transactions.get_transaction_history(limit=1)[0].trade_id or 0


def _imported(admin: Admin) -> None:
    path = Path(admin._exchange.home).parent / "history.jsonl"
    path.write_bytes(lines(deposit()))
    assert admin.transfer.import_(path).done


ACTS = (
    Act(cmd.PlaceOrder, lambda _, ann, __: ann.orders.create_order(SYMBOL, "buy", 1, "1.00"), own=True),
    Act(
        cmd.PlaceExternalOrder,
        lambda _, ann, __: ann.orders.create_order(SYMBOL, "buy", 1, "1.00", route="external"),
        own=True,
    ),
    Act(
        cmd.FillOutside,
        lambda _, ann, order: ann.orders.update_order_progress(order, quantity=1, price="1.00", outside=OUTSIDE),
        lambda floor: _resting(floor, route="external"),
    ),
    Act(cmd.CancelOrder, lambda _, ann, order: ann.orders.cancel_order(order), _resting, own=True),
    Act(cmd.AmendOrder, lambda _, ann, order: ann.orders.amend_order(order, quantity=1), _resting, own=True),
    Act(cmd.CancelOrders, lambda _, ann, __: ann.orders.cancel_all_orders(), _resting, own=True),
    Act(cmd.CancelOrders, lambda admin, _, __: admin.trading.cancel_all_orders(symbol=SYMBOL), _resting),
    Act(cmd.Deposit, lambda admin, _, __: admin.accounts.deposit("ann", CASH, 1, note=REMARK)),
    Act(cmd.Withdraw, lambda admin, _, __: admin.accounts.withdraw("ann", CASH, 1, note=REMARK)),
    Act(
        cmd.EnterTransaction,
        lambda _, ann, __: ann.transactions.record_transaction(
            "buy", CREDIT, 1, price_per_credit=1, currency=CASH, outside=OUTSIDE, note=REMARK
        ),
    ),
    Act(
        cmd.EnterTransaction,
        lambda admin, _, __: admin.transactions.record_transaction(
            buyer="ann", seller="bob", credit_type=CREDIT, quantity=1, price_per_credit=1, currency=CASH, note=REMARK
        ),
        told=("ann", "bob"),
    ),
    Act(
        cmd.UpdateTransaction,
        lambda _, ann, number: ann.transactions.update_transaction_status(number, "settled", note=REMARK),
        _pending,
    ),
    Act(cmd.SetCostMethod, lambda _, ann, __: ann.transactions.set_cost_method("fifo"), own=True),
    Act(cmd.RecordTransaction, lambda admin, _, __: _imported(admin)),
    Act(
        cmd.CreateUser,
        lambda admin, _, __: admin.databases.create_trading_database("eve", "eve@example.com"),
        told=("eve",),
    ),
    Act(cmd.ChangeEmail, lambda admin, _, __: admin.databases.change_email("ann", "ann2@example.com")),
    Act(
        cmd.DeleteUser,
        lambda admin, _, __: admin.databases.delete_trading_database("ann", sweep_to="bob"),
        told=("bob",),
    ),
    Act(cmd.SuspendUser, lambda admin, _, __: admin.trading.suspend_user("ann", note=REMARK), _resting),
    Act(cmd.ResumeUser, lambda admin, _, __: admin.trading.resume_user("ann", note=REMARK)),
    Act(cmd.SetUserFees, lambda admin, _, __: admin.trading.set_user_fees("ann", SYMBOL, taker_fee="0.01")),
    Act(cmd.BustTrade, lambda admin, _, trade: admin.trading.bust_trade(trade, note=REMARK), _traded, ("ann", "bob")),
    Act(cmd.AddAsset, lambda admin, _, __: admin.assets.add_asset("EUR", decimals=2), told=()),
    Act(
        cmd.AddInstrument,
        lambda admin, _, __: admin.instruments.add_instrument("X", base=CREDIT, quote=CASH, tick="0.01", lot="1"),
        told=(),
    ),
    Act(cmd.SetRules, lambda admin, _, __: admin.instruments.set_rules(SYMBOL, collar="0.5"), told=()),
    Act(
        cmd.SetSchedule,
        lambda admin, _, __: admin.instruments.set_schedule(SYMBOL, hours="mon-sun 00:00-24:00", time_zone="UTC"),
        told=(),
    ),
    Act(cmd.SetInstrumentStatus, lambda admin, _, __: admin.instruments.halt_instrument(SYMBOL, note=REMARK), told=()),
    # Refused
    Act(cmd.PlaceOrder, lambda _, ann, __: ann.orders.create_order(SYMBOL, "buy", 10**6, "9999.00"), own=True),
    Act(cmd.Withdraw, lambda admin, _, __: admin.accounts.withdraw("ann", CASH, 10**9)),
    Act(
        cmd.EnterTransaction,
        lambda admin, _, __: admin.transactions.record_transaction(
            buyer="ann", seller="bob", credit_type=CREDIT, quantity=10**9, price_per_credit=1, currency=CASH
        ),
    ),
)
"""At least one for every command that there is."""


def _given(floor: Floor, act: Act, acting: Admin, ann: Any) -> int:
    """Gives the command; where the journal stood before."""
    needed = act.before(floor)
    after = floor.exchange.sequence
    with suppress(OrderRejected):
        act.do(acting, ann, needed)
    return after


def test_every_command_is_given() -> None:
    """A new one needs a line above."""
    known = {
        kind for kind in cmd.Command.__subclasses__() if kind.__module__ == cmd.__name__
    }  # other tests have kinds of theirs
    assert {act.command for act in ACTS} == known
    assert len(known) > 20


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.command.__name__)
def test_an_administrators_command_tells_who_gave_it(floor: Floor, act: Act) -> None:
    """On its first event, and on all that it brings about in the trails of those whom it concerns."""
    acting = floor.exchange.as_admin("Grace", origin=WHERE, correlation_id=WITHIN)
    after = _given(floor, act, acting, acting.on_behalf_of("ann"))
    path = Path(floor.exchange.home) / FILE_NAME
    journal = rows_of(path, "SELECT sequence, content, note FROM journal WHERE sequence > ?", (after,))
    first = [sequence for sequence, content, _ in journal if content is not None]
    written = rows_of(
        path, "SELECT sequence, actor, origin, correlation_id FROM command_notes WHERE sequence > ?", (after,)
    )
    assert written == [(sequence, *NOTED) for sequence in first]
    assert [sequence for sequence, _, note in journal if note is not None] == first
    assert {(event.actor, event.origin, event.correlation_id) for event in _since(floor, after)} == {NOTED}
    for user in act.told:
        trail = [event for event in floor.user(user).audit.list_events() if event.sequence > after]
        assert {(event.actor, event.origin, event.correlation_id) for event in trail} == {NOTED}, user


@pytest.mark.parametrize("act", [act for act in ACTS if act.own], ids=lambda act: act.command.__name__)
@pytest.mark.parametrize("words", [(None, None), (WHERE, WITHIN)], ids=["silent", "with words"])
def test_a_users_own_command_tells_that_it_was_the_user(floor: Floor, act: Act, words: tuple[str | None, ...]) -> None:
    """With the host's words on it, if there are any."""
    origin, correlation_id = words
    ann = floor.exchange.as_user("ann", origin=origin, correlation_id=correlation_id)
    after = _given(floor, act, floor.admin, ann)
    for events in (_since(floor, after), [one for one in ann.audit.list_events() if one.sequence > after]):
        assert {(event.actor, event.origin, event.correlation_id) for event in events} == {("user:ann", *words)}


def _since(floor: Floor, after: int) -> list[Any]:
    return [event for event in floor.admin.audit.list_events(changes=False) if event.sequence > after]


def test_what_only_time_brings_about_is_nobodys(floor: Floor, clock: ManualClock) -> None:
    """Orders that expire, instruments that open and close, pending transactions that run out."""
    floor.admin.instruments.set_schedule(SYMBOL, hours="mon-sun 00:00-23:00", time_zone="UTC")
    floor.place("ann", "buy", 1, "1.00", expires_at=clock.now_us() + 1_000_000)
    floor.admin.on_behalf_of("ann").transactions.record_transaction(
        "withdrawal", CASH, 1, status="pending", expires_at=clock.now_us() + 1_000_000
    )
    after = floor.exchange.sequence
    clock.advance(86_400)
    floor.exchange.expire_due()
    events = _since(floor, after)
    assert {event.kind for event in events} == {"order_expired", "transaction_updated", "instrument_status_changed"}
    assert {(event.actor, event.origin, event.note) for event in events} == {("system", None, None)}
    own = [event for event in floor.user("ann").audit.list_events() if event.sequence > after]
    assert {(event.kind, event.actor) for event in own} == {
        ("order_expired", "system"),
        ("transaction_updated", "system"),
    }


def test_the_other_side_of_a_trade_is_not_told_who_acted(floor: Floor) -> None:
    """Nor under which command; an administrator sees both."""
    floor.place("bob", "sell", 1, "2.00", client_order_id="bobs")
    after = floor.exchange.sequence
    ann = floor.exchange.as_user("ann", origin=WHERE, correlation_id=WITHIN)
    ann.orders.create_order(SYMBOL, "buy", 1, "2.00", client_order_id="anns")
    (seen,) = [event for event in floor.user("bob").audit.list_events() if event.sequence > after]
    assert (seen.kind, seen.cause, seen.actor, seen.origin, seen.correlation_id) == ("trade", None, None, None, None)
    assert not [word for word in (WHERE, WITHIN, "anns") if word in str(seen)]
    assert {(event.actor, event.origin) for event in _since(floor, after)} == {("user:ann", WHERE)}


def test_nothing_personal_stands_in_the_journal(floor: Floor) -> None:
    """Ids, e-mails, who acted, from where, within what, remarks, and who it was outside: none is in any payload or cause."""
    acting = floor.exchange.as_admin("Grace", origin=WHERE, correlation_id=WITHIN)
    for act in ACTS:
        if act.command not in (cmd.CreateUser, cmd.DeleteUser, cmd.SuspendUser, cmd.SetInstrumentStatus):
            _given(floor, act, acting, acting.on_behalf_of("ann"))
    path = Path(floor.exchange.home) / FILE_NAME
    words = ("ann", "bob", "Grace", "Origin", "Request", "Remark", "Outside", "example.com", "setup")
    found = rows_of(path, "SELECT cause, payload FROM journal")
    assert len(found) > 30
    for cause, payload in found:
        values = [value for value in json.loads(payload).values() if isinstance(value, str)]
        assert [word for word in words for value in (cause, *values) if word in value] == []
