"""Every kind of order from its placing to its end, as its owner sees it: report, file, book."""

from __future__ import annotations

import pytest

from credit_trading import ManualClock, OrderRejected
from credit_trading.errors import InvalidInput
from credit_trading.trading.records import OrderRecord
from tests.floor import CASH, CREDIT, SYMBOL, Floor


def _order(floor: Floor, user: str, order_id: int) -> OrderRecord:
    return floor.user(user).orders.get_order(order_id)


def _book(floor: Floor) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Bids and asks as (price, shown quantity)."""
    book = floor.exchange.market_data.get_book(SYMBOL)
    bids, asks = ([(level.price, level.quantity) for level in side] for side in (book.bids, book.asks))
    return bids, asks


def _trade_at(floor: Floor, price: str) -> None:
    """Makes a price: cat sells one to bob."""
    floor.place("cat", "sell", 1, price)
    assert floor.place("bob", "buy", 1, price).order_status == "filled"


def _held(floor: Floor, user: str, asset: str) -> str:
    return {one.asset: one.held for one in floor.user(user).accounts.get_balances()}[asset]


# Stops


def test_a_stop_waits_unseen_and_goes_at_market_when_its_price_trades(floor: Floor, clock: ManualClock) -> None:
    """FIX OrdType 3. Until then it stands in no book; its stop price stays on record."""
    _trade_at(floor, "5.00")
    floor.place("bob", "buy", 10, "4.70")
    stop = floor.place("ann", "sell", 4, None, stop_price="4.80")
    assert (stop.order_status, _book(floor)) == ("new", ([("4.70", "10")], []))
    waiting = _order(floor, "ann", stop.order_id)
    assert (waiting.order_type, waiting.stop_price, waiting.price_per_credit) == ("stop", "4.80", None)
    assert (waiting.version, waiting.triggered_at, waiting.hold) == (1, None, "4")
    clock.advance(60)
    _trade_at(floor, "4.80")
    done = _order(floor, "ann", stop.order_id)
    assert (done.order_status, done.average_price, done.stop_price) == ("filled", "4.700000", "4.80")
    assert (done.version, done.triggered_at) == (3, "2026-01-01T00:01:00.000000Z")
    assert (done.price_per_credit, _book(floor)) == (None, ([("4.70", "6")], []))
    assert floor.findings() == []


def test_a_stop_limit_rests_at_its_limit_once_it_is_triggered(floor: Floor) -> None:
    """FIX OrdType 4."""
    stop = floor.place("ann", "buy", 4, "5.10", stop_price="5.20", display_quantity=3).order_id
    held = _order(floor, "ann", stop).hold
    assert held == "20.46"  # 4 x 5.10, and the taker fee of 0.25 % on it, rounded up
    _trade_at(floor, "5.20")
    shown = _order(floor, "ann", stop)
    assert (shown.order_status, shown.hold, shown.version) == ("new", held, 2)
    assert shown.triggered_at is not None
    assert _book(floor) == ([("5.10", "3")], [])
    assert floor.findings() == []


def test_a_stop_that_the_last_trade_has_reached_is_refused(floor: Floor) -> None:
    """Either way; one beyond waits."""
    _trade_at(floor, "5.00")
    for side, reached, beyond in (("sell", "5.00", "4.99"), ("buy", "5.00", "5.01")):
        with pytest.raises(OrderRejected, match="stop_would_trigger"):
            floor.place("ann", side, 1, None, stop_price=reached)
        assert floor.place("ann", side, 1, None, stop_price=beyond).order_status == "new"
    assert _order(floor, "ann", 3).stop_price == "5.00"
    assert floor.findings() == []


def test_a_stop_buy_at_market_is_funded_when_it_is_triggered(floor: Floor) -> None:
    """Until then it holds nothing; what there is then is what it trades with, and nothing is too little."""
    dan, eve = floor.add("dan", cash="10.00", credits=1), floor.add("eve", cash="5.00", credits=1)
    stop = dan.orders.create_order(SYMBOL, "buy", 100, stop_price="5.20").order_id
    hopeless = eve.orders.create_order(SYMBOL, "buy", 1, stop_price="5.20").order_id
    eve.orders.create_order(SYMBOL, "buy", 1, "4.98")
    assert (_held(floor, "dan", CASH), _held(floor, "eve", CASH)) == ("0.00", "5.00")
    floor.place("cat", "sell", 50, "5.30")
    _trade_at(floor, "5.20")
    done = _order(floor, "dan", stop)
    assert (done.order_status, done.reason, done.filled_quantity) == ("canceled", "funds_exhausted", "1")
    assert done.triggered_at is not None
    lost = _order(floor, "eve", hopeless)
    assert (lost.order_status, lost.reason, lost.triggered_at) == ("canceled", "funds_exhausted", None)
    assert floor.findings() == []


# Icebergs and post-only


def test_an_iceberg_shows_slices_and_queues_each_anew(floor: Floor) -> None:
    """FIX DisplayQty 1138: the next slice stands behind who came meanwhile; all of it is held."""
    ice = floor.place("ann", "sell", 10, "5.00", display_quantity=4).order_id
    floor.place("cat", "sell", 5, "5.00")
    assert _book(floor)[1] == [("5.00", "9")]
    assert (_order(floor, "ann", ice).displayed_quantity, _held(floor, "ann", CREDIT)) == ("4", "10")
    floor.place("bob", "buy", 5, "5.00")
    queues = floor.exchange.market_data.get_orders(SYMBOL).asks
    assert [(order.order_id, order.quantity) for order in queues[0].orders] == [(ice + 1, "4"), (ice, "4")]
    floor.place("bob", "buy", 9, "5.00")
    shown = _order(floor, "ann", ice)
    assert (shown.filled_quantity, shown.remaining_quantity, _book(floor)[1]) == ("9", "1", [("5.00", "1")])
    assert shown.version == 1 + 3 + 2  # three trades, two refreshed slices
    assert floor.findings() == []


def test_a_post_only_order_never_takes(floor: Floor) -> None:
    """FIX ExecInst 6; also not by an amend, nor against an order of its own user."""
    floor.place("cat", "sell", 5, "5.00")
    with pytest.raises(OrderRejected, match="post_only_would_take"):
        floor.place("ann", "buy", 1, "5.00", post_only=True)
    order = floor.place("ann", "buy", 1, "4.99", post_only=True).order_id
    assert _order(floor, "ann", order).post_only
    with pytest.raises(OrderRejected, match="post_only_would_take"):
        floor.user("ann").orders.amend_order(order, price="5.00")
    with pytest.raises(OrderRejected, match="post_only_would_take"):
        floor.place("cat", "buy", 1, "5.00", post_only=True)
    assert (_order(floor, "ann", order).price_per_credit, _order(floor, "ann", order).version) == ("4.99", 1)
    assert floor.findings() == []


# Self-trade


@pytest.mark.parametrize(
    ("mode", "taker", "maker"),
    [
        ("cancel_newest", ("canceled", "self_trade", "0", "6"), ("new", None, "0", "4")),
        ("cancel_oldest", ("new", None, "0", "6"), ("canceled", "self_trade", "0", "4")),
        ("cancel_both", ("canceled", "self_trade", "0", "6"), ("canceled", "self_trade", "0", "4")),
        ("decrement", ("new", None, "0", "2"), ("canceled", "self_trade", "0", "4")),
    ],
)
def test_what_happens_where_a_users_own_orders_meet(
    floor: Floor, mode: str, taker: tuple[str | None, ...], maker: tuple[str | None, ...]
) -> None:
    """FIX SelfMatchPreventionInstruction 2964, by order or by instrument: no trade, no fee."""
    for by_order in (True, False):
        resting = floor.place("ann", "sell", 4, "5.00").order_id
        if not by_order:
            floor.admin.instruments.set_rules(SYMBOL, self_trade=mode)
        incoming = floor.place("ann", "buy", 6, "5.00", **({"self_trade": mode} if by_order else {})).order_id
        for order_id, (status, reason, filled, quantity) in ((incoming, taker), (resting, maker)):
            shown = _order(floor, "ann", order_id)
            assert (shown.order_status, shown.reason) == (status, reason)
            assert (shown.filled_quantity, shown.fees) == (filled, "0.00")
            assert quantity in (shown.quantity, shown.remaining_quantity)
        assert _order(floor, "ann", incoming).self_trade == mode
        floor.user("ann").orders.cancel_all_orders()
    assert floor.findings() == []


# Changing orders


def test_an_amend_may_change_price_quantity_expiry_and_display(floor: Floor) -> None:
    """Each in the file; a new expiry makes the order GTD; the version counts."""
    mine = floor.user("ann").orders
    order = floor.place("ann", "sell", 10, "5.00").order_id
    mine.amend_order(order, quantity=8, expires_at="2026-03-01T00:00:00Z")
    shown = mine.get_order(order)
    assert (shown.quantity, shown.time_in_force, shown.expires_at) == ("8", "GTD", "2026-03-01T00:00:00.000000Z")
    mine.amend_order(order, price="5.10", display_quantity=2)
    shown = mine.get_order(order)
    assert (shown.price_per_credit, shown.displayed_quantity, shown.version) == ("5.10", "2", 3)
    assert _book(floor)[1] == [("5.10", "2")]
    assert floor.findings() == []


def test_an_amend_to_what_is_filled_completes_the_order(floor: Floor) -> None:
    """To less is refused."""
    order = floor.place("ann", "sell", 10, "5.00").order_id
    floor.place("bob", "buy", 4, "5.00")
    with pytest.raises(OrderRejected, match="quantity_below_filled"):
        floor.user("ann").orders.amend_order(order, quantity=3)
    report = floor.user("ann").orders.amend_order(order, quantity=4)
    assert (report.order_status, report.remaining_quantity) == ("filled", "0")
    assert _order(floor, "ann", order).order_status == "filled"
    assert _held(floor, "ann", CREDIT) == "0"
    assert floor.findings() == []


def test_an_amend_may_insist_on_the_version_it_saw(floor: Floor) -> None:
    """What changed in between refuses it; the version that is there now does not."""
    mine = floor.user("ann").orders
    order = floor.place("ann", "sell", 10, "5.00").order_id
    seen = mine.get_order(order).version
    floor.place("bob", "buy", 1, "5.00")
    with pytest.raises(OrderRejected, match="version_changed"):
        mine.amend_order(order, quantity=8, expected_version=seen)
    assert mine.get_order(order).quantity == "10"
    assert mine.amend_order(order, quantity=8, expected_version=mine.get_order(order).version).quantity == "8"


def test_a_stop_without_a_limit_has_no_price_to_change(floor: Floor) -> None:
    """Nor a displayed quantity; quantity and expiry it has."""
    mine = floor.user("ann").orders
    order = floor.place("ann", "sell", 10, None, stop_price="4.00").order_id
    for changes in ({"price": "4.10"}, {"display_quantity": 1}):
        with pytest.raises(InvalidInput, match="a stop order without a limit"):
            mine.amend_order(order, **changes)
    mine.amend_order(order, quantity=4, expires_at="2026-03-01T00:00:00Z")
    shown = mine.get_order(order)
    assert (shown.quantity, shown.time_in_force, shown.hold) == ("4", "GTD", "4")
    assert floor.findings() == []


def test_a_user_cancels_all_their_orders_or_those_of_one_instrument(floor: Floor) -> None:
    """FIX 35=q: waiting stops too, by number, nobody else's; repeated, it is the first answer."""
    floor.admin.instruments.add_instrument("X", base=CREDIT, quote=CASH, tick="0.50", lot="10")
    here = [
        floor.place("ann", "sell", 1, "5.00").order_id,
        floor.place("ann", "sell", 1, None, stop_price="3.00").order_id,
    ]
    mine = floor.user("ann").orders
    there = mine.create_order("X", "sell", 10, "7.50").order_id
    theirs = floor.place("bob", "sell", 1, "6.00").order_id
    report = mine.cancel_all_orders(symbol=SYMBOL, command_id="all")
    assert (report.orders, report.repeated) == (2, False)
    again = mine.cancel_all_orders(symbol=SYMBOL, command_id="all")
    assert (again.orders, again.sequence, again.repeated) == (2, report.sequence, True)
    assert [order.order_id for order in mine.get_order_history()] == here[::-1]
    assert {order.reason for order in mine.get_order_history()} == {"mass_cancel"}
    assert mine.cancel_all_orders().orders == 1
    assert _order(floor, "ann", there).order_status == "canceled"
    assert mine.cancel_all_orders().orders == 0
    assert _order(floor, "bob", theirs).order_status == "new"
    assert floor.kinds().count("orders_mass_canceled") == 3
    assert floor.findings() == []
