"""Whether everything is as it must be: the chain, the books, the balances, every user's file.

Always: looks only; what it finds is data, in the order journal, state, files, and never an exception for a damaged part.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import attrs

from credit_trading.errors import FileCorrupt, TradingError
from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES
from credit_trading.exchange.book import BookSide, Level
from credit_trading.exchange.fees import required_hold
from credit_trading.exchange.market import Market
from credit_trading.exchange.order import Order
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.state import dump, restore, state_digest
from credit_trading.exchange.stops import is_elected
from credit_trading.journal import rows
from credit_trading.progress import Progress, no_progress
from credit_trading.trading.desk import Desk
from credit_trading.users import catalogue

ROWS_AT_ONCE = 5_000
"""Between so many rows, others may use the connection for reading."""


@attrs.frozen
class Finding:
    """`where` names a sequence, a user or a file; `problem` says what is expected and what was found."""

    where: str
    problem: str


@attrs.frozen
class Verification:
    """`state_digest` is the live replica's, as of `sequence`; `users` counts the files that were looked at."""

    sequence: int
    state_digest: str
    users: int
    findings: list[Finding]


def verify(desk: Desk, *, progress: Progress = no_progress) -> Verification:
    """Replays the journal from zero, compares it with the live replica, and rebuilds every user's file beside the real one.

    `progress` is told how many steps are done, and of how many. Writers may go on meanwhile.
    """
    findings: list[Finding] = []
    try:
        with desk.live.reading() as replica:
            sequence, digest = replica.sequence, state_digest(replica)
            findings += check_state(replica)
            if state_digest(restore(dump(replica))) != digest:
                findings.append(Finding("checkpoint", "the state changes by being saved and loaded"))
            numbers = [user.number for user in replica.users.values() if not user.deleted]
    except FileCorrupt as error:  # without a state there is nothing to compare the rest with
        return Verification(0, "", 0, [Finding("journal", str(error))])
    findings += _check_journal(desk, sequence, digest)
    for done, number in enumerate(numbers, 1):
        findings += _check_user(desk, number)
        progress(done, len(numbers))
    return Verification(sequence, digest, len(numbers), findings)


def check_state(replica: Replica) -> list[Finding]:
    """The invariants that hold in memory: sums, holds, books."""
    return [*_check_sums(replica), *_check_holds(replica), *_check_books(replica)]


def _check_sums(replica: Replica) -> list[Finding]:
    totals = dict.fromkeys(replica.assets, 0)
    findings = []
    for account, asset, balance in replica.accounts:
        totals[asset] += balance.posted
        if account > 0 and not 0 <= balance.held <= balance.posted:
            findings.append(Finding(f"user #{account}", f"{asset}: held {balance.held} of {balance.posted} posted"))
    findings += [
        Finding(f"asset {asset}", f"all accounts sum to {total}, not 0") for asset, total in totals.items() if total
    ]
    return findings


def _check_holds(replica: Replica) -> list[Finding]:
    needed: dict[tuple[int, str], int] = {}
    findings = []
    for order in replica.orders.values():
        required = required_hold(order, price_ticks=order.price_ticks, remaining_lots=order.remaining_lots)
        if order.at_market:
            findings.append(Finding(f"order {order.number}", "an order at market does not stay open"))
        elif order.hold != required:
            findings.append(Finding(f"order {order.number}", f"holds {order.hold}, needs {required}"))
        key = (order.user, order.held_asset)
        needed[key] = needed.get(key, 0) + order.hold
    held = {(account, asset): balance.held for account, asset, balance in replica.accounts if balance.held}
    findings += [
        Finding(
            f"user #{user}",
            f"{asset}: {held.get((user, asset), 0)} held, open orders hold {needed.get((user, asset), 0)}",
        )
        for user, asset in sorted(held.keys() | needed.keys())
        if held.get((user, asset), 0) != needed.get((user, asset), 0)
    ]
    return findings


def _check_books(replica: Replica) -> list[Finding]:
    findings = []
    for symbol, market in replica.markets.items():
        if market.book.is_crossed():
            findings.append(Finding(symbol, "the best bid is not below the best ask"))
        for level in (*market.book.bids.levels(), *market.book.asks.levels()):
            orders = list(level.orders.values())
            if level.lots != sum(order.shown_lots for order in orders):
                findings.append(Finding(symbol, f"the level {level.price_ticks} does not know the sum of its orders"))
            if not all(_may_rest(order, level) for order in orders):
                findings.append(Finding(symbol, f"an order that should not rest at {level.price_ticks} does"))
        findings += _check_stops(symbol, market)
    placed = [
        order.number
        for market in replica.markets.values()
        for order in (*market.stops, *_resting(market.book.bids), *_resting(market.book.asks))
    ]
    if sorted(placed) != sorted(replica.orders):
        findings.append(Finding("books", "an open order stands in no book and waits for no price, or does so twice"))
    return findings


def _resting(side: BookSide) -> Iterator[Order]:
    for level in side.levels():
        yield from level.orders.values()


def _may_rest(order: Order, level: Level) -> bool:
    shows_right = 0 < order.shown_lots <= order.slice_of(order.remaining_lots)
    return shows_right and order.price_ticks == level.price_ticks and order.stop_ticks is None


def _check_stops(symbol: str, market: Market) -> list[Finding]:
    """Whatever the last trade's price elects has come in."""
    last_ticks = market.last_price_ticks
    return [
        Finding(symbol, f"the stop order {order.number} should have been triggered")
        for order in market.stops
        if order.stop_ticks is None or is_elected(buys=order.buys, stop_ticks=order.stop_ticks, price_ticks=last_ticks)
    ]


def _check_journal(desk: Desk, sequence: int, digest: str) -> list[Finding]:
    """Every row's hash, dense numbers and back-pointers (by replaying), the fees they charge, and the state they lead to."""
    replica, previous_hash = Replica(), rows.FIRST_HASH
    fees: dict[str, int] = {}
    while replica.sequence < sequence:
        with desk.live.history() as log:
            stored = list(islice(log.rows_from(replica.sequence + 1), min(ROWS_AT_ONCE, sequence - replica.sequence)))
        if not stored:
            return [Finding(f"journal sequence {replica.sequence + 1}", "the journal ends before its head")]
        for row in stored:
            event = _applied(replica, row, previous_hash)
            if isinstance(event, str):
                return [Finding(f"journal sequence {row[0]}", event)]
            previous_hash = row[rows.HASH]
            _count_fees(replica, event, fees)
    earned = {asset: balance.posted for asset, balance in replica.accounts.of(FEES).items()}
    if earned != {asset: amount for asset, amount in fees.items() if amount}:
        return [Finding("fee account", f"it has {earned}, and the trades were charged {fees}")]
    if state_digest(replica) != digest:
        return [Finding("replica", "the journal replayed from zero leads to another state than the live one")]
    return []


def _count_fees(replica: Replica, event: ev.Event, fees: dict[str, int]) -> None:
    """What the event charges, or gives back, per asset."""
    if isinstance(event, ev.Trade):
        asset, amount = replica.markets[event.symbol].instrument.quote.code, event.taker_fee + event.maker_fee
    elif isinstance(event, ev.TradeBusted):
        asset, amount = event.quote, -event.buyer_fee - event.seller_fee
    else:
        return
    fees[asset] = fees.get(asset, 0) + amount


def _applied(replica: Replica, row: rows.Row, previous_hash: bytes) -> ev.Event | str:
    """The next row's event, applied to `replica`; what is wrong with the row if something is."""
    if row[0] != replica.sequence + 1 or row[rows.HASH] != rows.row_hash(row, previous_hash):
        return "the chain is broken here"
    if row[1] < replica.time_us:
        return "time runs backwards here"
    if (row[7], row[8]) != _place(replica, row[6]) or (row[10], row[11]) != _place(replica, row[9]):
        return "an event number or back-pointer is wrong"
    try:
        entry = rows.decode(row)
        replica.apply(entry)
    except (TradingError, AssertionError, LookupError) as error:
        return f"cannot be replayed: {error}"
    return entry.event


def _place(replica: Replica, user: int | None) -> tuple[int | None, int | None]:
    if user is None:
        return None, None
    state = replica.users.get(user)
    return (state.event_count + 1, state.last_sequence) if state else (1, 0)


def _check_user(desk: Desk, number: int) -> list[Finding]:
    """A difference is looked at twice: the e-mail may have been changed, or the user deleted, while the file was rebuilt."""
    finding = _difference(desk, number)
    return [finding] if finding and (finding := _difference(desk, number)) else []


def _difference(desk: Desk, number: int) -> Finding | None:
    with desk.live.history() as log:
        user = catalogue.by_number(log.connection, number)
    if user.state != "active":
        return None
    where = f"user {user.user_id}"
    try:
        digest, rebuilt = desk.projector.compare(number)
        name = desk.files.path_of(number).name
    except TradingError as error:
        return Finding(where, str(error))
    if digest == rebuilt:
        return None
    problem = f"{name} differs from what the journal gives: move it away, and it is rebuilt when next opened"
    return Finding(where, problem)
