"""Random histories of one user, as events in a file: everything that statistics are counted from.

Here: making them, and writing them into a file in slices. Never here: what they come to.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import TypeVar

import msgspec

from credit_trading.exchange import events as ev
from credit_trading.exchange.entered import MOVES, changes
from credit_trading.money import Asset, Instrument
from credit_trading.store.sqlite import Connection, connect, immediate
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import template

E = TypeVar("E", bound=ev.Event)

ME, OTHER = 1, 2
HOUR_US = 3_600_000_000
START_US = 1_767_225_600_000_000
ASSETS = {asset.code: asset for asset in (Asset("USD", 2), Asset("EUR", 2), Asset("VCS", 0), Asset("TON", 3))}
INSTRUMENTS = {
    f"{base}/{quote}": Instrument.checked(
        f"{base}/{quote}", ASSETS[base], ASSETS[quote], tick_size="0.01", lot_size="1"
    )
    for base, quote in (("VCS", "USD"), ("VCS", "EUR"), ("TON", "USD"), ("EUR", "USD"))
}
"""One of them trades what others are paid in."""


class History:
    """Grows by one event at a time; `late` is how likely one is to have happened before others that are there."""

    def __init__(self, seed: int, *, late: float = 0.2, methods: bool = True) -> None:
        self.events: list[ev.Entry] = []
        self._random = Random(seed)
        self._late = late
        self._now = START_US
        self._trades: list[ev.Event] = []
        self._pending: list[tuple[int, ev.TransactionEntered]] = []
        self._orders: dict[int, tuple[ev.OrderAccepted, int]] = {}
        self._numbers = 0
        self._kinds = [
            *[self._deposited, self._withdrawn, self._transferred, self._order_rejected, self._busted] * 1,
            *[self._entered, self._accepted, self._canceled, self._updated, self._recorded] * 2,
            *[self._traded, self._filled_outside] * 4,
            *[self._method] * methods,
        ]

    def choose(self, cost_method: str) -> History:
        self._add(ev.CostMethodChanged(ME, cost_method))
        return self

    def grow(self, events: int) -> History:
        while len(self.events) < events:
            self._now += self._random.choice((0, 1, HOUR_US, 9 * HOUR_US))
            event = self._random.choice(self._kinds)()
            if event is not None:
                self._add(event)
        return self

    def _add(self, event: ev.Event) -> int:
        number = len(self.events) + 1
        self.events.append(ev.Entry(number, self._now, "cause", None, event, ME, number, 0, None, None, None))
        return number

    def _number(self) -> int:
        self._numbers += 1
        return self._numbers

    def _past(self) -> int:
        """Now, or some time before: often on the very moment of something else."""
        if self._random.random() >= self._late or not self.events:
            return self._now
        if self._random.random() < 0.5:
            return self._random.choice(self.events).time_us
        return self._now - self._random.randrange(40 * 24 * HOUR_US)

    def _pair(self) -> Instrument:
        return self._random.choice(list(INSTRUMENTS.values()))

    def _priced(self) -> tuple[Instrument, int, int, int]:
        """An instrument, lots, ticks, and their value."""
        pair = self._pair()
        lots, ticks = self._random.randrange(1, 30), self._random.randrange(1, 500)
        return pair, lots, ticks, pair.value(price_ticks=ticks, quantity_lots=lots)

    def _deposited(self) -> ev.Event:
        return ev.Deposited(ME, self._random.choice(list(ASSETS)), self._random.randrange(1, 40))

    def _withdrawn(self) -> ev.Event:
        return ev.Withdrawn(ME, self._random.choice(list(ASSETS)), self._random.randrange(1, 20))

    def _transferred(self) -> ev.Event:
        sender, receiver = self._random.sample((ME, OTHER), 2)
        return ev.Transferred(sender, receiver, self._random.choice(list(ASSETS)), self._random.randrange(1, 20))

    def _entered(self) -> ev.Event:
        pair, lots, ticks, total = self._priced()
        kind = self._random.choice(("buy", "sell", *MOVES))
        comes_with_price = MOVES.get(kind, 0) > 0 and self._random.random() < 0.5
        trades, priced = kind in ("buy", "sell"), kind in ("buy", "sell") or comes_with_price
        quantity = pair.quantity_units(lots)
        pending, mutual = self._random.random() < 0.3, trades and self._random.random() < 0.5
        fee = self._random.randrange(5) if trades and not mutual else 0
        asset_change, currency_change = changes(kind, quantity=quantity, total=total if trades else 0, fee=fee)
        event = ev.TransactionEntered(
            user=ME if not mutual or self._random.random() < 0.5 else OTHER,
            transaction_type=kind,
            occurred_at_us=self._past(),
            asset=pair.base.code,
            quantity=quantity,
            asset_change=asset_change,
            currency=pair.quote.code if priced else None,
            price=ticks if priced else None,
            price_decimals=2 if priced else None,
            total=total if priced else None,
            fee=fee,
            currency_change=currency_change,
            counterparty=None,
            trade=self._number() if mutual and not pending else None,
            status="pending" if pending else "settled",
        )
        if mutual:
            event = _with_other(event)
        if pending:
            self._pending.append((len(self.events) + 1, event))
        elif mutual:
            self._trades.append(event)
        return event

    def _updated(self) -> ev.Event | None:
        if not self._pending:
            return None
        number, entered = self._pending.pop(self._random.randrange(len(self._pending)))
        settled = self._random.random() < 0.7
        mutual = entered.counterparty is not None
        event = ev.TransactionUpdated(
            user=entered.user,
            transaction=number,
            status="settled" if settled else "cancelled",
            asset=entered.asset,
            asset_change=entered.asset_change,
            currency=entered.currency,
            currency_change=entered.currency_change,
            counterparty=entered.counterparty,
            trade=self._number() if mutual and settled else None,
        )
        if mutual and settled:
            assert event.trade is not None
            self._trades.append(_evolve(entered, trade=event.trade))
        return event

    def _recorded(self) -> ev.Event:
        pair, lots, ticks, total = self._priced()
        quantity, buys, fee = pair.quantity_units(lots), self._random.random() < 0.5, self._random.randrange(-3, 9)
        sign = 1 if buys else -1
        event = ev.TransactionRecorded(
            user=ME,
            transaction_type="buy" if buys else "sell",
            reference=f"r{len(self.events)}",
            occurred_at_us=self._past(),
            asset=pair.base.code,
            quantity=quantity,
            asset_change=sign * quantity,
            currency=pair.quote.code,
            price=ticks,
            price_decimals=2,
            total=total,
            fee=fee,
            currency_change=-sign * total - fee,
            trade_reference=f"t{len(self.events)}" if self._random.random() < 0.7 else None,
        )
        if event.trade_reference is not None:
            self._trades.append(event)
        return event

    def _accepted(self) -> ev.Event:
        pair, lots, ticks, _ = self._priced()
        event = ev.OrderAccepted(
            user=ME,
            order=self._number(),
            symbol=pair.symbol,
            side=self._random.choice(("buy", "sell")),
            order_type="limit",
            time_in_force="GTC",
            price_ticks=ticks,
            quantity_lots=lots,
            hold=0,
        )
        self._orders[event.order] = (event, lots)
        return event

    def _order_rejected(self) -> ev.Event:
        pair, lots, _, _ = self._priced()
        return ev.OrderRejected(
            ME, self._number(), pair.symbol, "buy", "limit", "GTC", lots, "insufficient_funds", price_ticks=1
        )

    def _canceled(self) -> ev.Event | None:
        if not self._orders:
            return None
        order = self._random.choice(list(self._orders))
        del self._orders[order]
        if self._random.random() < 0.5:
            return ev.OrderExpired(ME, order, 0)
        return ev.OrderCanceled(ME, order, "requested", 0)

    def _fill(self) -> tuple[ev.OrderAccepted, Instrument, int, int, int] | None:
        """An open order, and lots, ticks and value of a fill of it."""
        if not self._orders:
            return None
        order, left = self._orders.pop(self._random.choice(list(self._orders)))
        lots, ticks = self._random.randint(1, left), self._random.randrange(1, 500)
        if lots < left:
            self._orders[order.order] = (order, left - lots)
        pair = INSTRUMENTS[order.symbol]
        return order, pair, lots, ticks, pair.value(price_ticks=ticks, quantity_lots=lots)

    def _traded(self) -> ev.Event | None:
        filled = self._fill()
        if filled is None:
            return None
        order, pair, lots, ticks, value = filled
        mine, theirs = (ME, order.order, self._random.randrange(-3, 9), 0), (OTHER, 10**6 + self._number(), 0, 0)
        takes = self._random.random() < 0.5
        side = order.side if takes else {"buy": "sell", "sell": "buy"}[order.side]
        both = (*mine, *theirs) if takes else (*theirs, *mine)
        event = ev.Trade(self._number(), pair.symbol, ticks, lots, value, side, *both)
        self._trades.append(event)
        return event

    def _filled_outside(self) -> ev.Event | None:
        filled = self._fill()
        if filled is None:
            return None
        order, _, lots, ticks, value = filled
        fee = self._random.randrange(6)
        nothing = (0, 0, 0, 0, 0)
        return ev.OrderFilledOutside(
            ME, order.order, order.symbol, order.side, self._past(), lots, ticks, 2, value, fee, *nothing
        )

    def _busted(self) -> ev.Event | None:
        if not self._trades:
            return None
        made = self._trades.pop(self._random.randrange(len(self._trades)))
        if isinstance(made, ev.TransactionRecorded):
            return _evolve(
                made,
                transaction_type=f"{made.transaction_type}_busted",
                reference=f"r{len(self.events)}",
                occurred_at_us=self._now,
                asset_change=-made.asset_change,
                currency_change=-made.currency_change,
                fee=-made.fee,
            )
        if isinstance(made, ev.TransactionEntered):
            assert made.counterparty is not None
            assert made.trade is not None
            buyer, seller = made.user, made.counterparty
            if made.transaction_type == "sell":
                buyer, seller = seller, buyer
            return ev.TradeBusted(
                made.trade, buyer, seller, made.asset, str(made.currency), made.quantity, made.total or 0
            )
        assert isinstance(made, ev.Trade)
        pair = INSTRUMENTS[made.symbol]
        sides = [(made.taker, made.taker_fee), (made.maker, made.maker_fee)]
        (buyer, buyer_fee), (seller, seller_fee) = sides if made.taker_side == "buy" else reversed(sides)
        quantity = pair.quantity_units(made.quantity_lots)
        names = (pair.base.code, pair.quote.code)
        return ev.TradeBusted(
            made.trade, buyer, seller, *names, quantity, made.value, buyer_fee, seller_fee, pair.symbol
        )

    def _method(self) -> ev.Event:
        return ev.CostMethodChanged(ME, self._random.choice(("average", "fifo")))


@contextmanager
def file_of(
    events: Sequence[ev.Entry], path: Path, *, slices: Random | None = None, at_once: int = 40
) -> Iterator[Connection]:
    """A user's file in which these events stand: all at once, or in slices of random lengths."""
    path.write_bytes(template())
    connection = connect(path, mode="rw", synchronous="NORMAL")
    try:
        rest = list(events)
        while rest:
            length = len(rest) if slices is None else slices.randint(1, at_once)
            write(connection, rest[:length])
            rest = rest[length:]
        yield connection
    finally:
        connection.close()


def write(connection: Connection, events: Sequence[ev.Entry]) -> None:
    """In one transaction, as the projector does."""
    with immediate(connection):
        projection = Projection(
            connection,
            ME,
            assets=ASSETS.__getitem__,
            instruments=INSTRUMENTS.__getitem__,
            user_id_of=str,
            email_of=str,
            note_of=lambda _: None,
        )
        for entry in events:
            projection.apply(entry)
        projection.finish()


def _with_other(event: ev.TransactionEntered) -> ev.TransactionEntered:
    return _evolve(event, counterparty=OTHER if event.user == ME else ME)


def _evolve(event: E, **changed: object) -> E:
    return msgspec.structs.replace(event, **changed)
