"""A replica as plain data: for checkpoints, and for the digest by which two replicas are compared.

Always: `restore(dump(replica))` continues exactly as the replica would; `state_digest` covers what is owned, ordered and listed, and
neither times, ids of commands, nor rejections.
"""

from __future__ import annotations

import hashlib

import msgspec

from credit_trading.exchange.answers import Answer, Answers
from credit_trading.exchange.client_orders import ClientOrder, ClientOrders
from credit_trading.exchange.events import Founded
from credit_trading.exchange.exchange_state import UserState
from credit_trading.exchange.market import Market
from credit_trading.exchange.market_rules import MarketRules
from credit_trading.exchange.order import Order
from credit_trading.exchange.replica import Replica
from credit_trading.exchange.schedule import Boundaries, Schedule
from credit_trading.money import Asset, Instrument

STATE_VERSION = 2
"""Raised whenever what `dump` or `state_digest` cover changes."""


class OrderState(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An open order without its instrument, which is its market's; the fields of `Order`."""

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
    held_asset: str
    expires_at_us: int | None
    client_order_id: str | None
    stop_ticks: int | None
    display_lots: int | None
    post_only: bool
    self_trade: str
    accepted_at_us: int
    at_market: bool
    remaining_lots: int
    shown_lots: int
    version: int
    filled_value: int
    fees_paid: int
    fee_part_ppm: int


class MarketState(msgspec.Struct, frozen=True, array_like=True):
    """`orders` holds bids and then asks, each from the best price on and oldest first; `stops` buys and then sells, by stop and number.

    `user_fees` are (user, maker, taker), by user.
    """

    instrument: Instrument
    rules: MarketRules
    schedule: Schedule | None
    boundaries: Boundaries
    halted: bool
    session_open: bool
    last_price_ticks: int | None
    user_fees: list[tuple[int, int | None, int | None]]
    orders: list[OrderState]
    stops: list[OrderState]


class ReplicaState(msgspec.Struct, frozen=True):
    """`users` are (number, events, last sequence, deleted, suspended); `balances` are (account, asset, posted, held)."""

    sequence: int
    time_us: int
    founded: Founded
    last_order: int
    last_trade: int
    assets: list[Asset]
    markets: list[MarketState]
    users: list[tuple[int, int, int, bool, bool]]
    balances: list[tuple[int, str, int, int]]
    answers: list[tuple[str, Answer]]
    client_orders: list[tuple[int, str, ClientOrder]]
    busted: list[tuple[int, Answer]]


def dump(replica: Replica) -> ReplicaState:
    return ReplicaState(
        sequence=replica.sequence,
        time_us=replica.time_us,
        founded=replica.founded,
        last_order=replica.last_order,
        last_trade=replica.last_trade,
        assets=list(replica.assets.values()),
        markets=[_market_state(market) for market in replica.markets.values()],
        users=[
            (user.number, user.event_count, user.last_sequence, user.deleted, user.suspended)
            for user in replica.users.values()
        ],
        balances=_balances(replica),
        answers=list(replica.answers.items()),
        client_orders=list(replica.client_orders),
        busted=list(replica.busted.items()),
    )


def restore(state: ReplicaState) -> Replica:
    replica, founded = Replica(), state.founded
    replica.sequence, replica.time_us = state.sequence, state.time_us
    replica.last_order, replica.last_trade = state.last_order, state.last_trade
    replica.founded = founded
    replica.answers = Answers(most=founded.remember_commands, longest_us=founded.remember_commands_us)
    for command_id, answer in state.answers:
        replica.answers.add(command_id, answer)
    replica.client_orders = ClientOrders(
        most_done=founded.remember_client_orders, longest_us=founded.remember_client_orders_us
    )
    for user, client_order_id, placed in state.client_orders:
        replica.client_orders.add(user, client_order_id, placed)
    replica.busted.update(state.busted)
    for asset in state.assets:
        replica.assets[asset.code] = asset
    for number, event_count, last_sequence, deleted, suspended in state.users:
        replica.users[number] = UserState(number, event_count, last_sequence, deleted, suspended)
    for account, asset_code, posted, held in state.balances:
        balance = replica.accounts.balance(account, asset_code)
        balance.posted, balance.held = posted, held
    for market in state.markets:
        _restore_market(replica, market)
    replica.find_next_due()
    return replica


def state_digest(replica: Replica) -> str:
    """SHA-256 over balances, open orders in their places, instruments with their rules and status, and users, as hex."""
    content = (
        STATE_VERSION,
        [(asset.code, asset.decimals) for asset in replica.assets.values()],
        [_timeless_market(_market_state(market)) for market in replica.markets.values()],
        [(user.number, user.deleted, user.suspended) for user in replica.users.values()],
        _balances(replica),
    )
    return hashlib.sha256(msgspec.msgpack.encode(content)).hexdigest()


def _market_state(market: Market) -> MarketState:
    book = [
        _order_state(order)
        for side in (market.book.bids, market.book.asks)
        for level in side.levels()
        for order in level.orders.values()
    ]
    return MarketState(
        market.instrument,
        market.rules,
        market.schedule,
        market.boundaries,
        market.halted,
        market.session_open,
        market.last_price_ticks,
        [(user, *market.user_fees[user]) for user in sorted(market.user_fees)],
        book,
        [_order_state(order) for order in market.stops],
    )


def _order_state(order: Order) -> OrderState:
    return OrderState(*(getattr(order, name) for name in OrderState.__struct_fields__))


def _timeless_market(state: MarketState) -> MarketState:
    return msgspec.structs.replace(
        state,
        boundaries=Boundaries(),
        orders=[msgspec.structs.replace(order, accepted_at_us=0) for order in state.orders],
        stops=[msgspec.structs.replace(order, accepted_at_us=0) for order in state.stops],
    )


def _balances(replica: Replica) -> list[tuple[int, str, int, int]]:
    return [(account, asset, balance.posted, balance.held) for account, asset, balance in replica.accounts]


def _restore_market(replica: Replica, state: MarketState) -> None:
    instrument, boundaries = state.instrument, state.boundaries
    market = Market(
        instrument,
        state.rules,
        state.schedule,
        boundaries,
        state.halted,
        state.session_open,
        state.last_price_ticks,
        {user: (maker_ppm, taker_ppm) for user, maker_ppm, taker_ppm in state.user_fees},
    )
    replica.markets[instrument.symbol] = market
    if boundaries.next_us is not None:
        replica.sessions.add((boundaries.next_us, instrument.symbol))
    for kept in (*state.orders, *state.stops):
        order = Order(instrument=instrument, **msgspec.structs.asdict(kept))
        if order.stop_ticks is None:
            market.book.side(buys=order.buys).add(order)
        else:
            market.stops.add(order)
        replica.orders[order.number] = order
        replica.users[order.user].open_orders.setdefault(instrument.symbol, {})[order.number] = order
        if order.expires_at_us is not None:
            replica.expiries.add((order.expires_at_us, order.number))
