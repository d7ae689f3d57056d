"""Which fields of an order go together; each that does not is refused before the journal, in a line that says what to do."""

from __future__ import annotations

from typing import Any

import pytest

from credit_trading.errors import InvalidInput
from tests.floor import SYMBOL, Floor

LIMIT: dict[str, Any] = {"price": "5.00"}
MARKET: dict[str, Any] = {"price": None}
STOP: dict[str, Any] = {"price": None, "stop_price": "6.00"}
STOP_LIMIT: dict[str, Any] = {"price": "6.10", "stop_price": "6.00"}
LATER = "2026-02-01T00:00:00Z"


@pytest.mark.parametrize(
    ("order", "order_type", "time_in_force"),
    [
        (LIMIT, "limit", "GTC"),
        (LIMIT | {"order_type": "limit"}, "limit", "GTC"),
        (LIMIT | {"expires_at": LATER}, "limit", "GTD"),
        (LIMIT | {"time_in_force": "GTD", "expires_at": LATER}, "limit", "GTD"),
        (LIMIT | {"time_in_force": "IOC"}, "limit", "IOC"),
        (LIMIT | {"time_in_force": "FOK"}, "limit", "FOK"),
        (MARKET, "market", "IOC"),
        (MARKET | {"order_type": "market", "time_in_force": "IOC"}, "market", "IOC"),
        (STOP, "stop", "GTC"),
        (STOP | {"order_type": "stop", "expires_at": LATER}, "stop", "GTD"),
        (STOP_LIMIT, "stop_limit", "GTC"),
        (STOP_LIMIT | {"order_type": "stop-limit"}, "stop_limit", "GTC"),
        (STOP_LIMIT | {"order_type": "stop_limit", "display_quantity": 1}, "stop_limit", "GTC"),
        (LIMIT | {"post_only": True, "display_quantity": 5, "expires_at": LATER}, "limit", "GTD"),
        (LIMIT | {"self_trade": "cancel-oldest"}, "limit", "GTC"),
    ],
)
def test_type_and_time_in_force_follow_from_what_is_given(
    floor: Floor, order: dict[str, Any], order_type: str, time_in_force: str
) -> None:
    """As the user's file has them."""
    floor.place("cat", "sell", 1, "9.00")
    report = floor.user("ann").orders.create_order(SYMBOL, "buy", 5, **order)
    shown = floor.user("ann").orders.get_order(report.order_id)
    assert (shown.order_type, shown.time_in_force) == (order_type, time_in_force)
    assert shown.self_trade == order.get("self_trade", "cancel_newest").replace("-", "_")


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (LIMIT | {"order_type": "iceberg"}, "no such order type"),
        (LIMIT | {"order_type": "market"}, "a market order takes neither"),
        (LIMIT | {"order_type": "stop"}, "a stop order takes a stop price and no price"),
        (MARKET | {"order_type": "stop"}, "Give a stop price, and no price"),
        (LIMIT | {"order_type": "stop_limit"}, "a stop-limit order takes a stop price and a price"),
        (MARKET | {"order_type": "limit"}, "a limit order takes a price and no stop price"),
        (STOP | {"order_type": "stop_limit"}, "a stop-limit order takes"),
        (STOP | {"order_type": "market"}, "a market order takes neither"),
        (STOP_LIMIT | {"order_type": "limit"}, "a limit order takes"),
        (STOP_LIMIT | {"order_type": "stop"}, "Give a stop price, and no price"),
        (STOP | {"stop_price": "6.001"}, "finer than"),
        (STOP | {"stop_price": "0"}, "tick"),
        (STOP | {"stop_price": 6.0}, "float"),
        (LIMIT | {"time_in_force": "gtc"}, "no such time in force"),
        (LIMIT | {"time_in_force": 1}, "no such time in force"),
        (LIMIT | {"time_in_force": "GTD"}, "a GTD order needs an expiry"),
        (LIMIT | {"time_in_force": "GTC", "expires_at": LATER}, "only a GTD order takes an expiry"),
        (LIMIT | {"time_in_force": "DAY", "expires_at": LATER}, "only a GTD order takes an expiry"),
        (LIMIT | {"time_in_force": "IOC", "expires_at": LATER}, "only a GTD order takes an expiry"),
        (MARKET | {"expires_at": LATER}, "only a GTD order takes an expiry"),
        (MARKET | {"time_in_force": "GTC"}, "a market order is IOC"),
        (MARKET | {"time_in_force": "DAY"}, "a market order is IOC"),
        (MARKET | {"time_in_force": "FOK"}, "a market order is IOC"),
        (STOP | {"time_in_force": "IOC"}, "a stop order waits for its price"),
        (STOP_LIMIT | {"time_in_force": "FOK"}, "a stop-limit order waits for its price"),
        (LIMIT | {"expires_at": "2026-02-01"}, "not a moment"),
        (LIMIT | {"expires_at": "tomorrow"}, "not a moment"),
        (MARKET | {"post_only": True}, "can be post-only"),
        (STOP | {"post_only": True}, "can be post-only"),
        (STOP_LIMIT | {"post_only": True}, "can be post-only"),
        (LIMIT | {"post_only": True, "time_in_force": "IOC"}, "can be post-only"),
        (LIMIT | {"post_only": True, "time_in_force": "FOK"}, "can be post-only"),
        (LIMIT | {"post_only": 1}, "either set or not"),
        (LIMIT | {"post_only": "no"}, "either set or not"),
        (LIMIT | {"display_quantity": 6}, "more than the order's quantity"),
        (LIMIT | {"display_quantity": 0}, "lot"),
        (LIMIT | {"display_quantity": "0.5"}, "quantity"),
        (LIMIT | {"display_quantity": 1, "time_in_force": "IOC"}, "show a part of itself"),
        (LIMIT | {"display_quantity": 1, "time_in_force": "FOK"}, "show a part of itself"),
        (MARKET | {"display_quantity": 1}, "show a part of itself"),
        (STOP | {"display_quantity": 1}, "show a part of itself"),
        (LIMIT | {"self_trade": "allow"}, "no such self-trade mode"),
        (LIMIT | {"self_trade": 1}, "no such self-trade mode"),
        (LIMIT | {"client_order_id": ""}, "an id is"),
        (LIMIT | {"client_order_id": "x" * 65}, "an id is"),
        (LIMIT | {"client_order_id": "ann@example.com"}, "an id is"),
        (LIMIT | {"command_id": "a b"}, "an id is"),
        (STOP | {"stop_price": str(2**54)}, "larger than any account"),
    ],
)
def test_options_that_do_not_go_together_are_refused(floor: Floor, order: dict[str, Any], words: str) -> None:
    """With a hint; the journal is as before."""
    sequence = floor.exchange.sequence
    with pytest.raises(InvalidInput, match=words) as error:
        floor.user("ann").orders.create_order(SYMBOL, "buy", 5, **order)
    assert error.value.hint
    assert "\n" not in str(error.value)
    assert floor.exchange.sequence == sequence


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "nothing to change"),
        ({"expected_version": 1}, "nothing to change"),
        ({"quantity": 3, "display_quantity": 4}, "more than the order's quantity"),
        ({"quantity": 0}, "lot"),
        ({"price": "5.001"}, "finer than"),
        ({"expires_at": "soon"}, "not a moment"),
        ({"price": "5.10", "expected_version": 0}, "a version is a whole number"),
        ({"price": "5.10", "expected_version": True}, "a version is a whole number"),
        ({"price": "5.10", "expected_version": "1"}, "a version is a whole number"),
    ],
)
def test_changes_that_are_none_are_refused(floor: Floor, changes: dict[str, Any], words: str) -> None:
    """Before the journal; the order is as it was."""
    order = floor.place("ann", "sell", 5, "5.00").order_id
    sequence, before = floor.exchange.sequence, floor.user("ann").orders.get_order(order)
    with pytest.raises(InvalidInput, match=words):
        floor.user("ann").orders.amend_order(order, **changes)
    assert floor.exchange.sequence == sequence
    assert floor.user("ann").orders.get_order(order) == before
