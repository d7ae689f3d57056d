"""A replica as plain data: for checkpoints, and for the digest by which two replicas are compared.

Always: `restore(dump(replica))` continues exactly as the replica would; `state_digest` covers what is owned, ordered and listed, and
neither times, ids of commands, nor rejections.
"""

from __future__ import annotations

import hashlib
import heapq

import msgspec

from credit_trading.exchange.answers import Answer, Answers
from credit_trading.exchange.market import Market, TradePrint
from credit_trading.exchange.order import Order
from credit_trading.exchange.replica import Replica, UserState
from credit_trading.money import Asset, Instrument

STATE_VERSION = 1
"""Raised whenever what `dump` or `state_digest` cover changes."""


class OrderState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open order without its instrument, which is its market's."""

    number: int
    user: int
    buys: bool
    order_type: str
    time_in_force: str
    price_ticks: int
    quantity_lots: int
    maker_ppm: int
    taker_ppm: int
    hold: int
    expires_at_us: int | None
    client_order_id: str | None
    accepted_at_us: int
    remaining_lots: int
    filled_value: int
    fees_paid: int
    fee_part_ppm: int


class MarketState(msgspec.Struct, frozen=True, array_like=True):
    """`orders` holds bids and then asks, each from the best price on and oldest first."""

    instrument: Instrument
    halted: bool
    orders: list[OrderState]
    last_trades: list[TradePrint]


class ReplicaState(msgspec.Struct, frozen=True):
    """`users` are (number, events, last sequence, deleted); `balances` are (account, asset, posted, held)."""

    sequence: int
    time_us: int
    exchange_id: str
    remember: tuple[int, int]
    last_order: int
    last_trade: int
    assets: list[Asset]
    markets: list[MarketState]
    users: list[tuple[int, int, int, bool]]
    balances: list[tuple[int, str, int, int]]
    answers: list[tuple[str, Answer]]


def dump(replica: Replica) -> ReplicaState:
    return ReplicaState(
        sequence=replica.sequence,
        time_us=replica.time_us,
        exchange_id=replica.exchange_id,
        remember=replica.remember,
        last_order=replica.last_order,
        last_trade=replica.last_trade,
        assets=list(replica.assets.values()),
        markets=[
            MarketState(market.instrument, market.halted, _orders(market), list(market.last_trades))
            for market in replica.markets.values()
        ],
        users=[(user.number, user.event_count, user.last_sequence, user.deleted) for user in replica.users.values()],
        balances=_balances(replica),
        answers=list(replica.answers),
    )


def restore(state: ReplicaState) -> Replica:
    replica = Replica()
    replica.sequence, replica.time_us, replica.exchange_id = state.sequence, state.time_us, state.exchange_id
    replica.last_order, replica.last_trade, replica.remember = state.last_order, state.last_trade, state.remember
    replica.answers = Answers(most=state.remember[0], longest_us=state.remember[1])
    for command_id, answer in state.answers:
        replica.answers.add(command_id, answer)
    for asset in state.assets:
        replica.assets[asset.code] = asset
    for number, event_count, last_sequence, deleted in state.users:
        replica.users[number] = UserState(number, event_count, last_sequence, deleted)
    for account, asset_code, posted, held in state.balances:
        balance = replica.accounts.balance(account, asset_code)
        balance.posted, balance.held = posted, held
    for market in state.markets:
        _restore_market(replica, market)
    heapq.heapify(replica.expiries)
    return replica


def state_digest(replica: Replica) -> str:
    """SHA-256 over balances, open orders in their places, instruments and users, as hex."""
    content = (
        STATE_VERSION,
        [(asset.code, asset.decimals) for asset in replica.assets.values()],
        [
            (market.instrument, market.halted, [_timeless(order) for order in _orders(market)])
            for market in replica.markets.values()
        ],
        [(user.number, user.deleted) for user in replica.users.values()],
        _balances(replica),
    )
    return hashlib.sha256(msgspec.msgpack.encode(content)).hexdigest()


def _orders(market: Market) -> list[OrderState]:
    return [
        OrderState(*(getattr(order, name) for name in OrderState.__struct_fields__))
        for side in (market.book.bids, market.book.asks)
        for level in side.levels()
        for order in level.orders.values()
    ]


def _timeless(order: OrderState) -> OrderState:
    return msgspec.structs.replace(order, accepted_at_us=0)


def _balances(replica: Replica) -> list[tuple[int, str, int, int]]:
    return [(account, asset, balance.posted, balance.held) for account, asset, balance in replica.accounts]


def _restore_market(replica: Replica, state: MarketState) -> None:
    market = replica.markets[state.instrument.symbol] = Market(state.instrument, state.halted)
    market.last_trades.extend(state.last_trades)
    for kept in state.orders:
        order = Order(instrument=state.instrument, **msgspec.structs.asdict(kept))
        market.book.side(buys=order.buys).add(order)
        replica.orders[order.number] = order
        replica.users[order.user].open_orders[order.number] = order
        if order.client_order_id is not None:
            replica.client_orders[order.user, order.client_order_id] = order
        if order.expires_at_us is not None:
            replica.expiries.append((order.expires_at_us, order.number))
