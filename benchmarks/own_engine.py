"""The whole engine: accounts, holds, rules and events, and the reports made from the events.

Here: the flow's messages as an exchange's commands. Never here: the journal and users' files (throughput, projection).
Always: a modify is a cancel and a new order; buyers and sellers are different users, so that nobody meets themselves; preparing
requests is the edge's work and not in the seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import msgspec

from benchmarks.flow import (
    CANCEL,
    CANCEL_ACK,
    CANCEL_REJECT,
    MODIFY,
    MODIFY_ACK,
    MODIFY_REJECT,
    NEW,
    ORDER_ACK,
    TRADE,
    Flow,
    FlowError,
    Message,
    Report,
)
from credit_trading.exchange import commands as cmd
from credit_trading.exchange import engine
from credit_trading.exchange import events as ev
from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset, Instrument
from credit_trading.money.amount import MAX_UNITS
from credit_trading.verify.finding import Finding
from credit_trading.verify.state import check_state

SYMBOL = "VCS/USD"
USERS = 50
"""Buyers, and as many sellers; an order is one of theirs by its id."""
TIME_US = 1_767_225_600_000_000
DAY_US = 86_400_000_000
REMEMBER = 100_000
"""Command ids, as an exchange does that was founded with the usual settings."""


class _Sent(msgspec.Struct, frozen=True, gc=False):
    """What a client knows of its order: the number that the engine gave it, and what was last asked for."""

    number: int
    user: int
    side: int
    price: int


class OwnEngine:
    """A founded exchange with one instrument, on which one tick times one lot is one smallest unit of cash."""

    def __init__(self, flow: Flow) -> None:
        self._replica = Replica()
        self._sent: dict[int, _Sent] = {}
        self._ids = [0]
        """The flow's id of each order, by the engine's number."""
        self._commands = 0
        self._shift = max(0, 1 - flow.lowest_ticks)
        """Added to prices: an exchange's are positive."""
        self._found()

    def play(self, messages: Sequence[Message], reports: list[Report]) -> float:
        seconds = 0.0
        for message in messages:
            kind, side, ioc, _, _, sequence, number, _, _ = message
            sent = self._sent.get(number)
            if kind == NEW:
                if sent is not None and sent.number in self._replica.orders:
                    raise FlowError(f"message {sequence}: order {number} is in the book already")
                seconds += self._enter(message, side, reports, ack=ORDER_ACK, force="IOC" if ioc else "GTC")
                continue
            if sent is None:  # it has no number that the engine could be asked about
                reports.append((CANCEL_REJECT if kind == CANCEL else MODIFY_REJECT, sequence, number))
                continue
            request = self._request(cmd.CancelOrder(sent.user, sent.number))
            start = perf_counter()
            refused = engine.handle(self._replica, request, time_us=TIME_US).code
            self._replica.take_pending()
            if refused:
                reports.append((CANCEL_REJECT if kind == CANCEL else MODIFY_REJECT, sequence, number))
            elif kind == CANCEL:
                reports.append((CANCEL_ACK, sequence, sent.side, number, sent.price))
            seconds += perf_counter() - start
            if kind == MODIFY and not refused:
                seconds += self._enter(message, sent.side, reports, ack=MODIFY_ACK, force="GTC")
        return seconds

    def _enter(self, message: Message, side: int, reports: list[Report], *, ack: int, force: str) -> float:
        """Sends the order that a message asks for, and reports what becomes of it; seconds."""
        _, _, _, _, lots, sequence, number, price, _ = message
        if not lots:  # nothing that an exchange would take: acknowledged, and gone
            reports.append((ack, sequence, side, number, price, lots))
            return 0.0
        user = 1 + number % USERS + USERS * side
        request = self._request(cmd.PlaceOrder(user, SYMBOL, not side, lots, price + self._shift, force))
        ids, shift = self._ids, self._shift
        start = perf_counter()
        answer = engine.handle(self._replica, request, time_us=TIME_US)
        ids.append(number)
        for entry in self._replica.take_pending():
            event = entry.event
            if type(event) is ev.OrderAccepted:
                reports.append((ack, sequence, side, number, event.price_ticks - shift, event.quantity_lots))
            elif type(event) is ev.Trade:
                maker = ids[event.maker_order]
                reports.append((TRADE, sequence, event.price_ticks - shift, event.quantity_lots, maker, number))
            elif type(event) is ev.OrderCanceled:
                reports.append((CANCEL_ACK, sequence, side, number, price))
        seconds = perf_counter() - start
        if answer.code:
            raise FlowError(f"message {sequence}: the engine refused order {number} ({answer.code})")
        self._sent[number] = _Sent(answer.order, user, side, price)
        return seconds

    def findings(self) -> list[Finding]:
        """What is wrong with the state that the flow has led to."""
        return check_state(self._replica)

    def _request(self, command: cmd.Command) -> cmd.Request:
        self._commands += 1
        return cmd.Request.of(command, command_id=f"c{self._commands}", prepared_us=TIME_US)

    def _found(self) -> None:
        founded = ev.Founded("benchmark", REMEMBER, DAY_US)
        self._replica.record(founded, time_us=TIME_US, cause="founding", content=None)
        credit, cash = Asset.checked("VCS", 0), Asset.checked("USD", 2)
        instrument = Instrument.checked(SYMBOL, credit, cash, tick_size="0.01", lot_size="1")
        for command in (cmd.AddAsset(credit), cmd.AddAsset(cash), cmd.AddInstrument(instrument)):
            engine.handle(self._replica, self._request(command), time_us=TIME_US)
        for user in range(1, 2 * USERS + 1):
            engine.handle(self._replica, self._request(cmd.CreateUser(f"user {user}")), time_us=TIME_US)
            deposit = cmd.Deposit(user, "USD" if user <= USERS else "VCS", MAX_UNITS // USERS)
            engine.handle(self._replica, self._request(deposit), time_us=TIME_US)
        self._replica.take_pending()
