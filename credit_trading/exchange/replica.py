"""The state of the exchange in memory, built from the journal's events and from nothing else.

Here: the place of each event in history, and which effects it has. Never here: rules, checks, clocks - whether something may happen was
decided before its event existed.
Always: the same events give the same state; state is changed by `apply` alone and never taken back: a replica in doubt is thrown away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from credit_trading.exchange import account_effects as accounts
from credit_trading.exchange import events as ev
from credit_trading.exchange import instrument_effects as instruments
from credit_trading.exchange import order_effects as orders
from credit_trading.exchange.answers import Answer
from credit_trading.exchange.exchange_state import ExchangeState, UserState


class Replica(ExchangeState):
    """The exchange's state, and how it goes on."""

    def __init__(self) -> None:
        super().__init__()
        self.pending: list[ev.Entry] = []
        """Entries recorded by the engine and not yet taken to the journal."""

    def record(self, event: ev.Event, time_us: int, cause: str, content: str | None) -> None:
        """Gives a new event its place in history, applies it and keeps the entry in `pending`."""
        user_a, user_b = event.users()
        number_a = previous_a = number_b = previous_b = None
        if user_a is not None:
            user = self.users.get(user_a, _WITHOUT_HISTORY)
            number_a, previous_a = user.event_count + 1, user.last_sequence
        if user_b is not None:
            user = self.users.get(user_b, _WITHOUT_HISTORY)
            number_b, previous_b = user.event_count + 1, user.last_sequence
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
        sequence, time_us, content, event = entry.sequence, entry.time_us, entry.content, entry.event
        assert sequence == self.sequence + 1, f"journal entry {sequence} after {self.sequence}"
        self.sequence = sequence
        self.time_us = time_us
        if content is not None:
            self.latest_id = cause = entry.cause
            self.latest_answer = answer = Answer(content, sequence, time_us)
            self.answers.add(cause, answer)
        _EFFECTS[type(event)](self, entry, event)
        if entry.user_a is not None:
            user = self.users[entry.user_a]
            user.event_count = number = user.event_count + 1
            user.last_sequence = sequence
            assert number == entry.number_a, f"event {entry.number_a} of user {user}"
        if entry.user_b is not None:
            user = self.users[entry.user_b]
            user.event_count = number = user.event_count + 1
            user.last_sequence = sequence
            assert number == entry.number_b, f"event {entry.number_b} of user {user}"


_WITHOUT_HISTORY = UserState(0)
"""Stands for a user whom the event itself creates."""


def _nothing(_: ExchangeState, __: ev.Entry, ___: ev.Event) -> None:
    """For events that change what stands in users' files alone, or mark a place, and no shared state."""


_EFFECTS: dict[type[ev.Event], Callable[[ExchangeState, ev.Entry, Any], None]] = {
    ev.Founded: instruments.founded,
    ev.Fenced: _nothing,
    ev.AssetAdded: instruments.asset_added,
    ev.InstrumentAdded: instruments.instrument_added,
    ev.InstrumentRulesChanged: instruments.instrument_rules_changed,
    ev.InstrumentScheduled: instruments.instrument_scheduled,
    ev.InstrumentStatusChanged: instruments.instrument_status_changed,
    ev.UserCreated: accounts.user_created,
    ev.UserEmailChanged: _nothing,
    ev.UserFeesChanged: instruments.user_fees_changed,
    ev.UserSuspended: accounts.user_suspended,
    ev.UserResumed: accounts.user_resumed,
    ev.UserDeleted: accounts.user_deleted,
    ev.Deposited: accounts.deposited,
    ev.Withdrawn: accounts.withdrawn,
    ev.Transferred: accounts.transferred,
    ev.TradedOffBook: accounts.traded_off_book,
    ev.TransactionRecorded: accounts.transaction_recorded,
    ev.TransactionEntered: accounts.transaction_entered,
    ev.TransactionUpdated: accounts.transaction_updated,
    ev.CostMethodChanged: _nothing,
    ev.OrderAccepted: orders.order_accepted,
    ev.OrderFilledOutside: orders.order_filled_outside,
    ev.OrderRejected: orders.order_rejected,
    ev.OrderAmended: orders.order_amended,
    ev.OrderTriggered: orders.order_triggered,
    ev.OrderRefreshed: orders.order_refreshed,
    ev.OrderReduced: orders.order_reduced,
    ev.OrderCanceled: orders.order_canceled,
    ev.OrdersMassCanceled: _nothing,
    ev.OrderExpired: orders.order_expired,
    ev.CommandRejected: accounts.command_rejected,
    ev.Trade: orders.trade,
    ev.TradeBusted: accounts.trade_busted,
}
