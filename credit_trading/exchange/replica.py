"""The state of the exchange in memory, built from the journal's events and from nothing else.

Here: what each event changes. Never here: rules, checks, clocks - whether something may happen was decided before its event existed.
Always: the same events give the same state; state is changed by `apply` alone and never taken back: a replica in doubt is thrown away.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

import attrs

from credit_trading.exchange import events as ev
from credit_trading.exchange.accounts import FEES, OUTSIDE, Accounts
from credit_trading.exchange.answers import Answer, Answers
from credit_trading.exchange.fees import next_fee_part
from credit_trading.exchange.market import Market, TradePrint
from credit_trading.exchange.order import BUY, Order, OrderStatus
from credit_trading.money import Asset, Instrument


@attrs.define(eq=False)
class UserState:
    """A user as the exchange knows them. `last_sequence` and `event_count` lead backwards through the user's own history."""

    number: int
    event_count: int = 0
    last_sequence: int = 0
    deleted: bool = False
    open_orders: dict[int, Order] = attrs.Factory(dict)


class Replica:
    """`sequence` and `time_us` are those of the last event applied; 0 before the first."""

    def __init__(self) -> None:
        self.sequence = 0
        self.time_us = 0
        self.exchange_id = ""
        self.remember = (1, 1)
        """Most command ids remembered, and for how many microseconds; set when the exchange is founded."""
        self.assets: dict[str, Asset] = {}
        self.markets: dict[str, Market] = {}
        self.users: dict[int, UserState] = {}
        self.orders: dict[int, Order] = {}
        self.client_orders: dict[tuple[int, str], Order] = {}
        self.accounts = Accounts()
        self.answers = Answers(most=1, longest_us=1)
        self.last_order = 0
        self.last_trade = 0
        self.expiries: list[tuple[int, int]] = []
        """Heap of (expires_at_us, order number); orders that are gone already may still stand in it."""
        self.pending: list[ev.Entry] = []
        """Entries recorded by the engine and not yet taken to the journal."""
        self._apply: dict[type[ev.Event], Callable[[ev.Entry, Any], None]] = {
            ev.Founded: self._founded,
            ev.Fenced: _nothing,
            ev.AssetAdded: self._asset_added,
            ev.InstrumentAdded: self._instrument_added,
            ev.InstrumentStatusChanged: self._instrument_status_changed,
            ev.UserCreated: self._user_created,
            ev.UserEmailChanged: _nothing,
            ev.UserDeleted: self._user_deleted,
            ev.Deposited: self._deposited,
            ev.Withdrawn: self._withdrawn,
            ev.Transferred: self._transferred,
            ev.TradedOffBook: self._traded_off_book,
            ev.OrderAccepted: self._order_accepted,
            ev.OrderRejected: self._order_rejected,
            ev.OrderAmended: self._order_amended,
            ev.OrderCanceled: self._order_canceled,
            ev.OrderExpired: self._order_expired,
            ev.CommandRejected: self._command_rejected,
            ev.Trade: self._trade,
        }

    def record(self, event: ev.Event, *, time_us: int, cause: str, content: str | None) -> None:
        """Gives a new event its place in history, applies it and keeps the entry in `pending`."""
        user_a, user_b = event.users()
        number_a = previous_a = number_b = previous_b = None
        if user_a is not None:
            number_a, previous_a = self._place(user_a)
        if user_b is not None:
            number_b, previous_b = self._place(user_b)
        entry = ev.Entry(
            self.sequence + 1,
            time_us,
            cause,
            content,
            event,
            user_a,
            number_a,
            previous_a,
            user_b,
            number_b,
            previous_b,
        )
        self.apply(entry)
        self.pending.append(entry)

    def take_pending(self) -> list[ev.Entry]:
        pending, self.pending = self.pending, []
        return pending

    def apply(self, entry: ev.Entry) -> None:
        """The one way in which state changes. Entries come in the order of their sequence, without gaps."""
        assert entry.sequence == self.sequence + 1, f"journal entry {entry.sequence} after {self.sequence}"
        self.sequence = entry.sequence
        self.time_us = entry.time_us
        if entry.content is not None:
            self.answers.add(entry.cause, Answer(entry.content, entry.sequence, entry.time_us))
        self._apply[type(entry.event)](entry, entry.event)
        if entry.user_a is not None:
            self._advance(entry.user_a, entry.number_a, entry.sequence)
        if entry.user_b is not None:
            self._advance(entry.user_b, entry.number_b, entry.sequence)

    def _place(self, user: int) -> tuple[int, int]:
        state = self.users.get(user)
        return (state.event_count + 1, state.last_sequence) if state else (1, 0)

    def _advance(self, user: int, number: int | None, sequence: int) -> None:
        state = self.users[user]
        state.event_count += 1
        state.last_sequence = sequence
        assert number == state.event_count, f"event {number} of user {user} after {state.event_count - 1}"

    # The exchange itself

    def _founded(self, _: ev.Entry, event: ev.Founded) -> None:
        self.exchange_id = event.exchange_id
        self.remember = (event.remember_commands, event.remember_commands_us)
        self.answers = Answers(most=event.remember_commands, longest_us=event.remember_commands_us)

    def _asset_added(self, _: ev.Entry, event: ev.AssetAdded) -> None:
        self.assets[event.code] = Asset(event.code, event.decimals)

    def _instrument_added(self, _: ev.Entry, event: ev.InstrumentAdded) -> None:
        instrument = Instrument.restored(
            event.symbol,
            self.assets[event.base],
            self.assets[event.quote],
            tick_size=event.tick_size,
            lot_size=event.lot_size,
            maker_ppm=event.maker_ppm,
            taker_ppm=event.taker_ppm,
            collar_ppm=event.collar_ppm,
        )
        self.markets[event.symbol] = Market(instrument)

    def _instrument_status_changed(self, _: ev.Entry, event: ev.InstrumentStatusChanged) -> None:
        self.markets[event.symbol].halted = event.halted

    # Users and their balances

    def _user_created(self, _: ev.Entry, event: ev.UserCreated) -> None:
        self.users[event.user] = UserState(event.user)

    def _user_deleted(self, _: ev.Entry, event: ev.UserDeleted) -> None:
        self.users[event.user].deleted = True

    def _deposited(self, _: ev.Entry, event: ev.Deposited) -> None:
        self.accounts.move(OUTSIDE, event.user, event.asset, event.amount)

    def _withdrawn(self, _: ev.Entry, event: ev.Withdrawn) -> None:
        self.accounts.move(event.user, OUTSIDE, event.asset, event.amount)

    def _transferred(self, _: ev.Entry, event: ev.Transferred) -> None:
        self.accounts.move(event.sender, event.receiver, event.asset, event.amount)

    def _traded_off_book(self, _: ev.Entry, event: ev.TradedOffBook) -> None:
        self.last_trade = event.trade
        self.accounts.move(event.seller, event.buyer, event.base, event.quantity)
        self.accounts.move(event.buyer, event.seller, event.quote, event.total)

    def _command_rejected(self, entry: ev.Entry, event: ev.CommandRejected) -> None:
        answer = self.answers.get(entry.cause)
        if answer is not None:
            answer.code = event.code
            answer.order = event.order or 0

    # Orders

    def _order_accepted(self, entry: ev.Entry, event: ev.OrderAccepted) -> None:
        market = self.markets[event.symbol]
        buys = event.side == BUY
        number = event.order
        order = Order(
            number,
            event.user,
            market.instrument,
            buys,
            event.order_type,
            event.time_in_force,
            event.price_ticks,
            event.quantity_lots,
            event.maker_ppm,
            event.taker_ppm,
            event.hold,
            event.expires_at_us,
            event.client_order_id,
            entry.time_us,
            event.quantity_lots,
        )
        self.last_order = number
        self.orders[number] = order
        self.users[event.user].open_orders[number] = order
        if event.client_order_id is not None:
            self.client_orders[event.user, event.client_order_id] = order
        if event.expires_at_us is not None:
            self._expire_at(event.expires_at_us, number)
        self.accounts.hold(event.user, order.held_asset, event.hold)
        market.book.side(buys=buys).add(order)
        self._answer(entry.cause, order, OrderStatus.NEW)

    def _expire_at(self, expires_at_us: int, number: int) -> None:
        """Orders that are gone stay in the heap until most of it is theirs."""
        if len(self.expiries) > 64 + 2 * len(self.orders):
            self.expiries = [expiry for expiry in self.expiries if expiry[1] in self.orders]
            heapq.heapify(self.expiries)
        heapq.heappush(self.expiries, (expires_at_us, number))

    def _order_rejected(self, entry: ev.Entry, event: ev.OrderRejected) -> None:
        self.last_order = event.order
        answer = self.answers.get(entry.cause)
        if answer is not None:
            answer.code = event.code
            answer.order = event.order
            answer.status = OrderStatus.REJECTED.value
            answer.quantity_lots = event.quantity_lots

    def _order_amended(self, entry: ev.Entry, event: ev.OrderAmended) -> None:
        order = self.orders[event.order]
        side = self.markets[order.instrument.symbol].book.side(buys=order.buys)
        remaining_lots = event.quantity_lots - order.filled_lots
        if event.requeued or not remaining_lots:
            side.remove(order)
        else:
            side.reduce(order, order.remaining_lots - remaining_lots)
        self.accounts.hold(order.user, order.held_asset, event.hold - order.hold)
        order.hold = event.hold
        order.price_ticks = event.price_ticks
        order.quantity_lots = event.quantity_lots
        order.remaining_lots = remaining_lots
        if not remaining_lots:
            self._forget(order)
        elif event.requeued:
            side.add(order)
        self._answer(entry.cause, order, order.status)

    def _order_canceled(self, entry: ev.Entry, event: ev.OrderCanceled) -> None:
        order = self._close(event.order, event.released)
        self._answer(entry.cause, order, OrderStatus.CANCELED, event.reason)

    def _order_expired(self, _: ev.Entry, event: ev.OrderExpired) -> None:
        self._close(event.order, event.released)

    def _trade(self, entry: ev.Entry, event: ev.Trade) -> None:
        market = self.markets[event.symbol]
        instrument = market.instrument
        lots, value = event.quantity_lots, event.value
        taker, maker = self.orders[event.taker_order], self.orders[event.maker_order]
        self._fill(market, maker, lots, value, event.maker_fee, maker.maker_ppm, event.maker_released)
        self._fill(market, taker, lots, value, event.taker_fee, taker.taker_ppm, event.taker_released)
        buyer, seller, buyer_fee, seller_fee = (
            (taker.user, maker.user, event.taker_fee, event.maker_fee)
            if taker.buys
            else (maker.user, taker.user, event.maker_fee, event.taker_fee)
        )
        post = self.accounts.post
        base, quote, quantity = instrument.base.code, instrument.quote.code, lots * instrument.lot_units
        post(seller, base, -quantity)
        post(buyer, base, quantity)
        post(buyer, quote, -value - buyer_fee)
        post(seller, quote, value - seller_fee)
        if buyer_fee or seller_fee:
            post(FEES, quote, buyer_fee + seller_fee)
        self.last_trade = event.trade
        market.last_trades.append(
            TradePrint(event.trade, entry.sequence, entry.time_us, event.price_ticks, lots, event.taker_side)
        )
        self._answer(entry.cause, taker, taker.status)

    def _fill(
        self, market: Market, order: Order, lots: int, value: int, fee: int, rate_ppm: int, released: int
    ) -> None:
        side = market.book.side(buys=order.buys)
        if lots == order.remaining_lots:
            side.remove(order)
            self._forget(order)
        else:
            side.reduce(order, lots)
        order.remaining_lots -= lots
        order.filled_value += value
        order.fees_paid += fee
        order.fee_part_ppm = next_fee_part(fee_part_ppm=order.fee_part_ppm, rate_ppm=rate_ppm, value=value)
        order.hold -= released
        self.accounts.hold(order.user, order.held_asset, -released)

    def _close(self, number: int, released: int) -> Order:
        order = self.orders[number]
        self.markets[order.instrument.symbol].book.side(buys=order.buys).remove(order)
        self._forget(order)
        order.hold -= released
        assert order.hold == 0, f"order {number} keeps a hold of {order.hold}"
        self.accounts.hold(order.user, order.held_asset, -released)
        return order

    def _forget(self, order: Order) -> None:
        del self.orders[order.number]
        del self.users[order.user].open_orders[order.number]
        if order.client_order_id is not None:
            del self.client_orders[order.user, order.client_order_id]

    def _answer(self, cause: str, order: Order, status: OrderStatus, reason: str = "") -> None:
        """How the command's own order stands now; events of other causes and other orders leave the answer alone."""
        answer = self.answers.get(cause)
        if answer is None or (answer.order and answer.order != order.number):
            return
        answer.order = order.number
        answer.status = status.value
        answer.reason = reason
        answer.quantity_lots = order.quantity_lots
        answer.filled_lots = order.quantity_lots - order.remaining_lots
        answer.filled_value = order.filled_value
        answer.fees = order.fees_paid


def _nothing(_: ev.Entry, __: ev.Event) -> None:
    """For events that change personal data or mark a place, and no shared state."""
