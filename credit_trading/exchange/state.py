"""A replica as plain data: for checkpoints, and for the digest by which two replicas are compared.

Here: a replica taken apart into a head and short parts, and put together again; so that whoever does it beside others can let them work
in between. Never here: files.
Always: a replica put together continues exactly as the one taken apart would; `state_digest` covers what is owned, ordered and listed,
and neither times, ids of commands, nor rejections.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from itertools import islice
from sys import intern
from typing import Any, TypeVar

import msgspec
from msgspec.structs import astuple

from credit_trading.exchange.answers import Answer, Answers
from credit_trading.exchange.client_orders import ClientOrder, ClientOrders
from credit_trading.exchange.entered import PendingTransaction
from credit_trading.exchange.events import Founded
from credit_trading.exchange.exchange_state import UserState
from credit_trading.exchange.market import Market
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import EXTERNAL, Order, OrderState
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import Boundaries, Schedule
from credit_trading.money import Asset, Instrument

STATE_VERSION = 5
"""Raised whenever what is taken apart, its encoding, or what `state_digest` covers changes."""

PART_ITEMS = 500

_T = TypeVar("_T")


class MarketState(msgspec.Struct, frozen=True, array_like=True):
    """A market but for its orders. `user_fees` are (user, maker, taker), by user."""

    instrument: Instrument
    rules: MarketRules
    schedule: Schedule | None
    boundaries: Boundaries
    halted: bool
    session_open: bool
    last_price_ticks: int | None
    user_fees: list[tuple[int, int | None, int | None]]


class Head(msgspec.Struct, frozen=True):
    """What is needed first, and is little."""

    sequence: int
    time_us: int
    founded: Founded
    last_order: int
    last_trade: int
    assets: list[Asset]
    markets: list[MarketState]


class Part(msgspec.Struct, frozen=True, array_like=True):
    """Some of what there is much of; one list follows on the other, and each on the same list of the part before.

    `users` are (number, events, last sequence, deleted, suspended), `balances` (account, asset, posted, held). `orders` stand with the
    place of their market in the head: market by market, of each the bids and then the asks, from the best price on and oldest first, and
    behind them the stops, buys and then sells, by stop and number, and last those that are worked outside, by number.
    """

    users: list[tuple[int, int, int, bool, bool]] = []
    balances: list[tuple[int, str, int, int]] = []
    orders: list[tuple[int, OrderState]] = []
    answers: list[tuple[str, Answer]] = []
    client_orders: list[tuple[int, str, ClientOrder]] = []
    busted: list[tuple[int, Answer]] = []
    pending_transactions: list[PendingTransaction] = []


class ReplicaState(Part, frozen=True, array_like=True, kw_only=True):
    """All of it in one piece."""

    head: Head


def dump(replica: Replica) -> ReplicaState:
    return ReplicaState(
        head=head(replica),
        users=list(_users(replica)),
        balances=list(_balances(replica)),
        orders=list(_orders(replica)),
        answers=list(replica.answers.items()),
        client_orders=list(replica.client_orders),
        busted=list(replica.busted.items()),
        pending_transactions=list(replica.pending_transactions.values()),
    )


def restore(state: ReplicaState) -> Replica:
    return assemble(state.head, [state])


def head(replica: Replica) -> Head:
    return Head(
        sequence=replica.sequence,
        time_us=replica.time_us,
        founded=replica.founded,
        last_order=replica.last_order,
        last_trade=replica.last_trade,
        assets=list(replica.assets.values()),
        markets=[_market_state(market) for market in replica.markets.values()],
    )


def parts(replica: Replica) -> Iterator[Part]:
    """All that the head leaves out, `PART_ITEMS` at a time. The replica must not change meanwhile."""
    yield from (Part(users=some) for some in _sliced(_users(replica)))
    yield from (Part(balances=some) for some in _sliced(_balances(replica)))
    yield from (Part(orders=some) for some in _sliced(_orders(replica)))
    yield from (Part(answers=some) for some in _sliced(replica.answers.items()))
    yield from (Part(client_orders=some) for some in _sliced(replica.client_orders))
    yield from (Part(busted=some) for some in _sliced(replica.busted.items()))
    yield from (Part(pending_transactions=some) for some in _sliced(replica.pending_transactions.values()))


def assemble(head: Head, parts: Iterable[Part]) -> Replica:
    """The replica that was taken apart; the parts in the order in which they came."""
    replica, founded = Replica(), head.founded
    replica.sequence, replica.time_us = head.sequence, head.time_us
    replica.last_order, replica.last_trade = head.last_order, head.last_trade
    replica.founded = founded
    replica.answers = Answers(most=founded.remember_commands, longest_us=founded.remember_commands_us)
    replica.client_orders = ClientOrders(
        most_done=founded.remember_client_orders, longest_us=founded.remember_client_orders_us
    )
    replica.assets = {asset.code: asset for asset in head.assets}
    markets = [_market(state) for state in head.markets]
    replica.markets = {market.instrument.symbol: market for market in markets}
    for part in parts:
        _add(replica, markets, part)
    replica.expiries.update(
        (order.expires_at_us, number) for number, order in replica.orders.items() if order.expires_at_us is not None
    )
    replica.transaction_expiries.update(
        (pending.expires_at_us, number)
        for number, pending in replica.pending_transactions.items()
        if pending.expires_at_us is not None
    )
    for symbol, market in replica.markets.items():
        if market.boundaries.next_us is not None:
            replica.sessions.add((market.boundaries.next_us, symbol))
    replica.find_next_due()
    return replica


def dissolve(replica: Replica) -> Iterator[None]:
    """Lets go of a replica that is of no more use, a little in each step: freeing a big one at once keeps all threads waiting."""
    tables: list[dict[Any, Any]] = [replica.markets, replica.users, replica.orders, replica.answers]
    tables.append(replica.pending_transactions)
    for table in (*tables, *replica.accounts.tables(), *replica.client_orders.tables()):
        while table:
            for _ in range(min(len(table), PART_ITEMS)):
                table.popitem()
            yield


def state_digest(replica: Replica) -> str:
    """SHA-256, as hex, over balances, open orders in their places, pending transactions, instruments with rules and status, and users."""
    orders = list(_orders(replica))
    for _, order in orders:
        order.accepted_at_us = 0
    content = (
        STATE_VERSION,
        list(replica.assets.values()),
        [msgspec.structs.replace(state, boundaries=Boundaries()) for state in head(replica).markets],
        orders,
        [(user.number, user.deleted, user.suspended) for user in replica.users.values()],
        list(_balances(replica)),
        list(replica.pending_transactions.values()),
    )
    return hashlib.sha256(msgspec.msgpack.encode(content)).hexdigest()


def _sliced(items: Iterable[_T]) -> Iterator[list[_T]]:
    remaining = iter(items)
    while some := list(islice(remaining, PART_ITEMS)):
        yield some


def _users(replica: Replica) -> Iterator[tuple[int, int, int, bool, bool]]:
    for user in replica.users.values():
        yield user.number, user.event_count, user.last_sequence, user.deleted, user.suspended


def _balances(replica: Replica) -> Iterator[tuple[int, str, int, int]]:
    for account, asset, balance in replica.accounts:
        yield account, asset, balance.posted, balance.held


def _orders(replica: Replica) -> Iterator[tuple[int, OrderState]]:
    for place, market in enumerate(replica.markets.values()):
        for side in (market.book.bids, market.book.asks):
            for level in side.levels():
                for order in level.orders.values():
                    yield place, _order_state(order)
        for order in (*market.stops, *market.external.values()):
            yield place, _order_state(order)


def _order_state(order: Order) -> OrderState:
    *kept, _ = astuple(order)
    return OrderState(*kept)


def _market_state(market: Market) -> MarketState:
    return MarketState(
        market.instrument,
        market.rules,
        market.schedule,
        market.boundaries,
        market.halted,
        market.session_open,
        market.last_price_ticks,
        [(user, *market.user_fees[user]) for user in sorted(market.user_fees)],
    )


def _market(state: MarketState) -> Market:
    return Market(
        state.instrument,
        state.rules,
        state.schedule,
        state.boundaries,
        state.halted,
        state.session_open,
        state.last_price_ticks,
        {user: (maker_ppm, taker_ppm) for user, maker_ppm, taker_ppm in state.user_fees},
    )


def _add(replica: Replica, markets: list[Market], part: Part) -> None:
    for number, event_count, last_sequence, deleted, suspended in part.users:
        replica.users[number] = UserState(number, event_count, last_sequence, deleted, suspended)
    for account, asset, posted, held in part.balances:
        replica.accounts.open(account, asset, posted=posted, held=held)
    for place, kept in part.orders:
        _add_order(replica, markets[place], kept)
    replica.answers.load(part.answers)
    for user, client_order_id, placed in part.client_orders:
        replica.client_orders.add(user, client_order_id, placed)
    replica.busted.update(part.busted)
    replica.pending_transactions.update((pending.number, pending) for pending in part.pending_transactions)


def _add_order(replica: Replica, market: Market, kept: OrderState) -> None:
    order = Order(*astuple(kept), instrument=market.instrument)
    order.order_type, order.time_in_force = intern(order.order_type), intern(order.time_in_force)
    order.held_asset, order.self_trade = intern(order.held_asset), intern(order.self_trade)
    order.route = intern(order.route)
    number, symbol = order.number, market.instrument.symbol
    if order.stop_ticks is not None:
        market.stops.add(order)
    elif order.route == EXTERNAL:
        market.external[number] = order
    else:
        (market.book.bids if order.buys else market.book.asks).add(order)
    replica.orders[number] = order
    own = replica.users[order.user].open_orders
    if symbol in own:
        own[symbol][number] = order
    else:
        own[symbol] = {number: order}
