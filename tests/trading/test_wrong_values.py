"""Values of the wrong kind, as JSON and spreadsheets bring them: refused before anything is decided, with every file left as it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from credit_trading.errors import InvalidInput, NotFound
from tests.floor import CASH, CREDIT, SYMBOL, Floor

WRONG: list[Any] = [["x"], {"a": 1}, 1.5, b"x", True, object(), "half an emoji \ud83d", "x\0y", "x" * 10_000, 10**5000]

OPEN_ALL_DAY = {"hours": "mon-sun 00:00-24:00", "time_zone": "UTC"}
DEAL = {"buyer": "ann", "seller": "bob", "credit_type": CREDIT, "quantity": 1, "price_per_credit": 1, "currency": CASH}

Call = Callable[[Floor, Any], object]


def _orders(floor: Floor) -> Any:
    return floor.user("ann").orders


def _place(name: str) -> Call:
    return lambda floor, value: floor.place(
        **{"user": "ann", "side": "buy", "quantity": 1, "price": "1.00", name: value}
    )


def _deal(name: str) -> Call:
    return lambda floor, value: floor.admin.transactions.record_transaction(**{**DEAL, name: value})


def _rule(name: str) -> Call:
    return lambda floor, value: floor.admin.instruments.set_rules(SYMBOL, **{name: value})


def _schedule(name: str) -> Call:
    return lambda floor, value: floor.admin.instruments.set_schedule(SYMBOL, **{**OPEN_ALL_DAY, name: value})


CALLS: dict[str, Call] = {
    "order: symbol": lambda floor, value: _orders(floor).create_order(value, "buy", 1, "1.00"),
    **{
        f"order: {name}": _place(name)
        for name in (
            *("side", "quantity", "price", "stop_price", "order_type", "time_in_force", "expires_at"),
            *("display_quantity", "self_trade", "client_order_id", "command_id"),
        )
    },
    "amend: id": lambda floor, value: _orders(floor).amend_order(value, quantity=1),
    "amend: client order id": lambda floor, value: _orders(floor).prepare_amend(
        symbol=SYMBOL, quantity=1, client_order_id=value
    ),
    "amend: symbol": lambda floor, value: _orders(floor).prepare_amend(1, symbol=value, quantity=1),
    "amend: nothing": lambda floor, value: _orders(floor).prepare_amend(value, symbol=SYMBOL),
    "amend: version": lambda floor, value: _orders(floor).amend_order(1, quantity=1, expected_version=value),
    "cancel: id": lambda floor, value: _orders(floor).prepare_cancel(value),
    "cancel: client order id": lambda floor, value: _orders(floor).prepare_cancel(client_order_id=value),
    "cancel all: symbol": lambda floor, value: _orders(floor).cancel_all_orders(symbol=value),
    "active orders: symbol": lambda floor, value: _orders(floor).get_active_orders(symbol=value),
    "order: by client order id": lambda floor, value: _orders(floor).get_order(client_order_id=value),
    "history: limit": lambda floor, value: _orders(floor).get_order_history(limit=value),
    "transactions: limit": lambda floor, value: floor.user("ann").transactions.get_transaction_history(limit=value),
    "transactions: credit type": lambda floor, value: floor.user("ann").transactions.get_transaction_history(
        credit_type=value
    ),
    "audit trail: limit": lambda floor, value: floor.user("ann").audit.list_events(limit=value),
    "book: symbol": lambda floor, value: floor.exchange.market_data.get_book(value),
    "book: depth": lambda floor, value: floor.exchange.market_data.get_book(SYMBOL, depth=value),
    "queues: depth": lambda floor, value: floor.exchange.market_data.get_orders(SYMBOL, depth=value),
    "best: symbol": lambda floor, value: floor.exchange.market_data.get_best(value),
    "trades: symbol": lambda floor, value: floor.exchange.market_data.get_trades(value),
    "trades: limit": lambda floor, value: floor.exchange.market_data.get_trades(SYMBOL, limit=value),
    "user": lambda floor, value: floor.exchange.as_user(value),
    "user: origin": lambda floor, value: floor.exchange.as_user("ann", origin=value),
    "user: correlation id": lambda floor, value: floor.exchange.as_user("ann", correlation_id=value),
    "admin": lambda floor, value: floor.exchange.as_admin(value),
    "admin: origin": lambda floor, value: floor.exchange.as_admin("x", origin=value),
    "journal": lambda floor, value: list(floor.admin.journal(after=value)),
    "users: create": lambda floor, value: floor.admin.databases.create_trading_database(value, "x@example.com"),
    "users: e-mail": lambda floor, value: floor.admin.databases.change_email("ann", value),
    "users: show": lambda floor, value: floor.admin.databases.show_trading_database(value),
    "users: sweep to": lambda floor, value: floor.admin.databases.delete_trading_database("ann", sweep_to=value),
    "users: search": lambda floor, value: floor.admin.databases.list_trading_databases(value),
    "users: sort": lambda floor, value: floor.admin.databases.list_trading_databases(sort=value),
    "users: limit": lambda floor, value: floor.admin.databases.list_trading_databases(limit=value),
    "users: offset": lambda floor, value: floor.admin.databases.list_trading_databases(offset=value),
    "assets: code": lambda floor, value: floor.admin.assets.add_asset(value, decimals=2),
    "assets: decimals": lambda floor, value: floor.admin.assets.add_asset("EUR", decimals=value),
    "instruments: symbol": lambda floor, value: floor.admin.instruments.add_instrument(
        value, base=CREDIT, quote=CASH, tick="0.01", lot="1"
    ),
    "instruments: base": lambda floor, value: floor.admin.instruments.add_instrument(
        "X", base=value, quote=CASH, tick="0.01", lot="1"
    ),
    "instruments: show": lambda floor, value: floor.admin.instruments.show_instrument(value),
    "instruments: halt": lambda floor, value: floor.admin.instruments.prepare_halt(value),
    "instruments: note": lambda floor, value: floor.admin.instruments.prepare_halt(SYMBOL, note=value),
    "instruments: set": lambda floor, value: floor.admin.instruments.set_rules(value, taker_fee=0),
    "instruments: set nothing": lambda floor, value: floor.admin.instruments.set_rules(value),
    **{
        f"rule: {name}": _rule(name)
        for name in (
            "maker_fee",
            "collar",
            "self_trade",
            "min_quantity",
            "min_value",
            "reference_price",
            "max_open_orders",
        )
    },
    "schedule: symbol": lambda floor, value: floor.admin.instruments.set_schedule(value, **OPEN_ALL_DAY),
    "schedule: clear": lambda floor, value: floor.admin.instruments.clear_schedule(value),
    **{f"schedule: {name}": _schedule(name) for name in ("hours", "time_zone", "holidays")},
    "schedule: holiday": lambda floor, value: floor.admin.instruments.set_schedule(
        SYMBOL, **OPEN_ALL_DAY, holidays=[value]
    ),
    "deposit: user": lambda floor, value: floor.admin.accounts.deposit(value, CASH, 1),
    "deposit: asset": lambda floor, value: floor.admin.accounts.deposit("ann", value, 1),
    "deposit: key": lambda floor, value: floor.admin.accounts.deposit("ann", CASH, 1, key=value),
    "deposit: note": lambda floor, value: floor.admin.accounts.prepare_deposit("ann", CASH, 1, note=value),
    **{
        f"deal: {name}": _deal(name)
        for name in (*DEAL, "key", "external_reference", "note")
        if name != "price_per_credit"
    },
    "suspend": lambda floor, value: floor.admin.trading.suspend_user(value),
    "suspend: note": lambda floor, value: floor.admin.trading.suspend_user("ann", note=value),
    "fees: symbol": lambda floor, value: floor.admin.trading.set_user_fees("ann", value, maker_fee=0),
    "mass cancel: user": lambda floor, value: floor.admin.trading.cancel_all_orders(user_id=value),
    "mass cancel: symbol": lambda floor, value: floor.admin.trading.cancel_all_orders(symbol=value),
    "bust": lambda floor, value: floor.admin.trading.bust_trade(value),
    "bust: note": lambda floor, value: floor.admin.trading.bust_trade(1, note=value),
    "submit": lambda floor, value: floor.exchange.submit(value),
}


def _files(floor: Floor) -> dict[str, int]:
    """A file that is deleted and made anew is another one."""
    return {path.name: path.stat().st_ino for path in Path(floor.exchange.home).glob("*.db")}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_what_cannot_be_meant_is_refused_and_leaves_nothing(floor: Floor, call: Call) -> None:
    """One line that can be printed; no event, no file made anew, and the journal's end still in memory."""
    floor.place("ann", "sell", 2, "5.00")
    floor.place("bob", "buy", 1, "5.00")
    floor.exchange.market_data.get_trades(SYMBOL)
    sequence, files = floor.exchange.sequence, _files(floor)
    for value in WRONG:
        with pytest.raises((InvalidInput, NotFound)) as error:
            call(floor, value)
        assert str(error.value).isprintable()
        assert len(str(error.value)) < 250
    assert (floor.exchange.sequence, _files(floor)) == (sequence, files)
