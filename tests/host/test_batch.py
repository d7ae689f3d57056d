"""What a batch of events makes of the host's tables: the same as the exchange itself, wherever batches end."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from random import Random
from typing import Any

from credit_trading.exchange import events as ev
from credit_trading.exchange.order import OrderType
from credit_trading.host.entries.daily import counts_of
from credit_trading.host.outwards.seen import moment
from tests.exchange.market import Market
from tests.host.journals import Derived, traded, written

_WITH_LIMIT = (OrderType.LIMIT, OrderType.STOP_LIMIT)


def test_after_any_trading_the_tables_are_what_the_exchange_says(tmp_path: Path, *, is_long: bool) -> None:
    """And they are the same to the last value wherever batches end: also where each event is one of its own."""
    for seed in range(200 if is_long else 4):
        random = Random(seed)
        market = traded(seed, steps=random.randrange(100, 300))
        sizes = random.choices(range(1, 50), k=7) if seed else [1]
        with written(market, tmp_path / f"{seed}") as live, Derived.of(live, 10_000) as whole:
            _agrees(whole, market)
            with Derived.of(live, *sizes) as portions:
                assert portions.content() == whole.content(), f"seed {seed}, batches of {sizes}"


def _agrees(derived: Derived, market: Market) -> None:
    replica = market.live
    names = {number: name for name, number in market.users.items()}
    balances = {(row["user_id"], row["asset"]): row for row in derived.rows("balances")}
    expected = {(names[user], asset): one for user, asset, one in replica.accounts if user > 0}
    assert {key: (row["posted_units"], row["held_units"]) for key, row in balances.items() if row["posted_units"]} == {
        key: (one.posted, one.held) for key, one in expected.items()
    }
    for row in balances.values():
        asset = replica.assets[row["asset"]]
        assert row["available_units"] == row["posted_units"] - row["held_units"]
        assert row["posted"] == asset.format(row["posted_units"])
        assert row["held"] == asset.format(row["held_units"])
        assert row["available"] == asset.format(row["available_units"])
    _agrees_in_orders(derived, market, names)
    _agrees_in_statistics(derived, market, names)
    activity = derived.rows("activity")
    daily = {tuple(row.values())[:6]: list(row.values())[6:] for row in derived.rows("activity_daily")}
    assert daily == counts_of(activity)  # type: ignore[arg-type]
    assert len(activity) == len({(row["sequence"], row["part"]) for row in activity})


def _agrees_in_orders(derived: Derived, market: Market, names: dict[int, str]) -> None:
    rows = {row["order_id"]: row for row in derived.rows("orders")}
    assert rows.keys() == market.live.orders.keys()
    for number, order in market.live.orders.items():
        instrument, row = order.instrument, rows[number]
        assert row["user_id"] == names[order.user]
        assert row["side"] == ("buy" if order.buys else "sell")
        assert (row["order_type"], row["time_in_force"], row["route"]) == (
            order.order_type,
            order.time_in_force,
            order.route,
        )
        assert (row["status"], row["client_order_id"], row["hold_units"]) == (
            order.status,
            order.client_order_id,
            order.hold,
        )
        limit = instrument.format_price(order.price_ticks) if order.order_type in _WITH_LIMIT else None
        assert row["price"] == limit
        assert row["quantity"] == instrument.format_quantity(order.quantity_lots)
        assert row["filled"] == instrument.format_quantity(order.filled_lots)
        assert row["remaining"] == instrument.format_quantity(order.remaining_lots)
        assert row["placed_at"] == moment(order.accepted_at_us)
        assert row["expires_at"] == (None if order.expires_at_us is None else moment(order.expires_at_us))


def _agrees_in_statistics(derived: Derived, market: Market, names: dict[int, str]) -> None:
    """What was bought, came in, was earned, less what went, is what is there; each trade and each order is counted once."""
    replica = market.live
    posted: dict[tuple[str, str], int] = defaultdict(int)
    trades: Counter[str] = Counter()
    orders: dict[str, Counter[str]] = defaultdict(Counter)
    for row in derived.rows("statistics"):
        user = row["user_id"]
        posted[user, row["asset"]] += (
            row["bought_units"] - row["sold_units"] + row["came_in_units"] - row["went_out_units"]
        )
        if row["currency"]:
            posted[user, row["currency"]] += row["earned_units"] - row["spent_units"] - row["fees_units"]
        trades[user] += row["trades"]
        for name in ("placed", "filled", "canceled", "expired", "rejected"):
            orders[user][name] += row[f"orders_{name}"]
        asset = replica.assets[row["asset"]]
        assert row["bought"] == asset.format(row["bought_units"])
        assert row["went_out"] == asset.format(row["went_out_units"])
        assert row["first_at"] <= row["last_at"]
    there = {number for number, user in replica.users.items() if not user.deleted}
    expected = {(names[user], asset): one.posted for user, asset, one in replica.accounts if user in there}
    assert {key: units for key, units in posted.items() if units} == expected
    counted, done = _recount(market)
    assert trades == +Counter({names[user]: count for user, count in counted.items() if user in there})
    assert {user: +count for user, count in orders.items() if +count} == {
        names[user]: count for user, count in done.items() if user in there
    }


def _recount(market: Market) -> tuple[Counter[int], dict[int, Counter[str]]]:
    """Trades that stand, and what became of orders, by user."""
    trades: Counter[int] = Counter()
    orders: dict[int, Counter[str]] = defaultdict(Counter)
    open_: dict[int, int] = {}
    for event in (entry.event for entry in market.entries):
        if isinstance(event, ev.OrderAccepted):
            orders[event.user]["placed"] += 1
            open_[event.order] = event.user
        elif isinstance(event, ev.OrderRejected):
            orders[event.user]["rejected"] += 1
        elif isinstance(event, ev.OrderCanceled):
            orders[open_.pop(event.order)]["canceled"] += 1
        elif isinstance(event, ev.OrderExpired):
            orders[open_.pop(event.order)]["expired"] += 1
        elif isinstance(event, ev.Trade):
            trades.update((event.taker, event.maker))
        elif isinstance(event, ev.OrderFilledOutside):
            trades[event.user] += 1
        elif isinstance(event, ev.TradeBusted):
            trades.subtract((event.buyer, event.seller))
        elif isinstance(event, ev.TransactionEntered | ev.TransactionUpdated):
            is_trade = event.status == "settled" and event.currency_change
            trades.update(user for user in (event.user, event.counterparty) if user and is_trade)
    for number, user in open_.items():
        if number not in market.live.orders:
            orders[user]["filled"] += 1
    return trades, orders


def _kinds(market: Market) -> Counter[str]:
    return Counter(entry.event.kind for entry in market.entries)


def test_random_trading_brings_about_nearly_every_kind_of_event() -> None:
    """Else the test above would say little."""
    kinds: Counter[str] = sum((_kinds(traded(seed, steps=400)) for seed in range(6)), Counter())
    never: set[Any] = {"fenced", "user_email_changed", "withdrawn", "traded_off_book", "transaction_recorded"}
    assert {kind for kind, _ in ev.KINDS} - kinds.keys() <= never | {"instrument_scheduled"}
