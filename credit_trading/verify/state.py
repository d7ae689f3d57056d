"""The invariants that hold in memory: sums, holds, books, and the fees that were earned.

Here: one replica, looked at. Never here: files, or how the replica came to be.
"""

from __future__ import annotations

from collections.abc import Iterator

from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.book import BookSide, Level
from credit_trading.exchange.fees import required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import EXTERNAL, Order
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.stops import is_elected
from credit_trading.money.amount import format_units
from credit_trading.verify.finding import IN_MEMORY, RESTART, Finding


def check_state(replica: Replica) -> list[Finding]:
    """All of them, in the order sums, holds, books."""
    return [*_check_sums(replica), *_check_holds(replica), *_check_books(replica)]


def check_fees(replica: Replica, charged: dict[str, int]) -> Iterator[Finding]:
    """The fee account holds what the trades were `charged`, by asset, and nothing else."""
    earned = {asset: balance.posted for asset, balance in replica.accounts.of(FEES).items()}
    for asset in sorted(earned.keys() | charged.keys()):
        if earned.get(asset, 0) != charged.get(asset, 0):
            yield _finding(
                f"fee account, {asset}",
                "the account does not hold what the trades were charged",
                expected=_amount(replica, asset, charged.get(asset, 0)),
                found=_amount(replica, asset, earned.get(asset, 0)),
            )


def _finding(row: str, problem: str, *, expected: object = None, found: object = None) -> Finding:
    return Finding(
        file=IN_MEMORY,
        row=row,
        problem=problem,
        expected=None if expected is None else str(expected),
        found=None if found is None else str(found),
        repair=RESTART,
    )


def _amount(replica: Replica, code: str, units: int) -> str:
    """As people write it; of an asset that is not there, in units."""
    asset = replica.assets.get(code)
    return format_units(units, 0 if asset is None else asset.decimals)


def _check_sums(replica: Replica) -> Iterator[Finding]:
    totals = dict.fromkeys(replica.assets, 0)
    for account, asset, balance in replica.accounts:
        totals[asset] = totals.get(asset, 0) + balance.posted
        if account > 0 and not 0 <= balance.held <= balance.posted:
            yield _finding(
                f"user #{account}, {asset}",
                "more is held than is there",
                expected=f"0 to {_amount(replica, asset, balance.posted)}",
                found=_amount(replica, asset, balance.held),
            )
    for asset, total in totals.items():
        if total:
            expected, found = _amount(replica, asset, 0), _amount(replica, asset, total)
            yield _finding(f"asset {asset}", "the accounts do not sum to zero", expected=expected, found=found)


def _check_holds(replica: Replica) -> Iterator[Finding]:
    needed: dict[tuple[int, str], int] = {}
    for order in replica.orders.values():
        required = required_hold(order, price_ticks=order.price_ticks, remaining_lots=order.remaining_lots)
        if order.at_market and order.route != EXTERNAL:
            yield _finding(f"order {order.number}", "an order at market does not stay open")
        elif order.hold != required:
            yield _finding(
                f"order {order.number}",
                "it does not hold what it needs",
                expected=_amount(replica, order.held_asset, required),
                found=_amount(replica, order.held_asset, order.hold),
            )
        key = (order.user, order.held_asset)
        needed[key] = needed.get(key, 0) + order.hold
    for pending in replica.pending_transactions.values():
        for user, asset, amount in pending.holds():
            needed[user, asset] = needed.get((user, asset), 0) + amount
    held = {(account, asset): balance.held for account, asset, balance in replica.accounts if balance.held}
    for user, asset in sorted(held.keys() | needed.keys()):
        expected, found = needed.get((user, asset), 0), held.get((user, asset), 0)
        if expected != found:
            yield _finding(
                f"user #{user}, {asset}",
                "what is held is not what open orders and pending transactions hold",
                expected=_amount(replica, asset, expected),
                found=_amount(replica, asset, found),
            )


def _check_books(replica: Replica) -> Iterator[Finding]:
    for symbol, market in replica.markets.items():
        book = market.book
        if book.is_crossed():
            yield _finding(symbol, "the best bid is not below the best ask")
        for level in (*book.bids.levels(), *book.asks.levels()):
            orders = list(level.orders.values())
            lots = sum(order.shown_lots for order in orders)
            if level.lots != lots:
                row = f"{symbol}, level {level.price_ticks}"
                yield _finding(row, "the level does not know the sum of its orders", expected=lots, found=level.lots)
            if not all(_may_rest(order, level) for order in orders):
                yield _finding(symbol, f"an order that should not rest at {level.price_ticks} does")
        yield from _check_stops(symbol, market)
        if not all(number == order.number and _is_worked_outside(order) for number, order in market.external.items()):
            yield _finding(symbol, "an order that is not worked outside is among those that are")
    placed = [
        order.number
        for market in replica.markets.values()
        for order in (
            *market.stops,
            *market.external.values(),
            *_resting(market.book.bids),
            *_resting(market.book.asks),
        )
    ]
    if sorted(placed) != sorted(replica.orders):
        yield _finding(
            "books", "an open order stands in no book, waits for no price and is not worked outside, or does so twice"
        )


def _resting(side: BookSide) -> Iterator[Order]:
    for level in side.levels():
        yield from level.orders.values()


def _may_rest(order: Order, level: Level) -> bool:
    shows_right = 0 < order.shown_lots <= order.slice_of(order.remaining_lots)
    in_book = order.stop_ticks is None and order.route != EXTERNAL
    return shows_right and in_book and order.price_ticks == level.price_ticks


def _is_worked_outside(order: Order) -> bool:
    return order.route == EXTERNAL and order.stop_ticks is None and order.remaining_lots > 0


def _check_stops(symbol: str, market: Market) -> Iterator[Finding]:
    """Whatever the last trade's price elects has come in."""
    last_ticks = market.last_price_ticks
    for order in market.stops:
        if order.stop_ticks is None or is_elected(buys=order.buys, stop_ticks=order.stop_ticks, price_ticks=last_ticks):
            yield _finding(symbol, f"the stop order {order.number} should have been triggered")
