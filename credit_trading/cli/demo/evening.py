"""The demo's evening before the day, in one market: a sale that sets off stops, an iceberg, and a session that ends.

Here: who does what, and the journal's events of it in words. Never here: what happens (the exchange decides), how it looks (show).
Always: what is told is read from the journal; the book is empty before and after.
"""

from __future__ import annotations

import attrs

from credit_trading import Admin, Exchange, ManualClock, OrderRejected, OrderReport, Rejection
from credit_trading.app import JournalEntry
from credit_trading.cli.demo.market import Credit
from credit_trading.clock import format_time

LENGTH_S = 600
"""From its beginning to the end of the session."""

_PAUSE_US = 120_000_000
"""Between two sessions."""

_PACE_S = 30
"""Between what one user does and the next."""

_BIDS = ((10, 0, None), (10, 1, None), (30, 2, 10))
"""Eva's: quantity, ticks below the fair price, and how much of it the book shows where that is not all."""
_STOPS = (("ben", 10, 1), ("kim", 10, 0), ("raj", 5, 0))
"""Whose, quantity, stop price in ticks below the fair price; in the order in which they are placed."""
_SALE = 10


@attrs.frozen
class Line:
    """One event in words; `sequence` is where it stands in the journal."""

    time: str
    sequence: int
    happened: str


@attrs.frozen
class Evening:
    """`bids` and `stops` are what stood there before the sale of `asked`; `sold` is how much was sold in all.

    `stops` are in the order in which they were placed, `came_in` says whose came in, in that order.
    """

    symbol: str
    bids: list[str]
    stops: list[str]
    came_in: list[str]
    asked: int
    sold: int
    cascade: list[Line]
    session_end: list[Line]


@attrs.frozen
class Hours:
    """The end of one session, the beginning of the next, and both as they are written."""

    closes_us: int
    opens_us: int
    text: str

    @classmethod
    def around(cls, day_us: int) -> Hours:
        """The next session begins with the minute of `day_us`."""
        opens_us = day_us // 60_000_000 * 60_000_000
        closes_us = opens_us - _PAUSE_US
        return cls(closes_us, opens_us, f"mon-sun {_minute(opens_us)}-{_minute(closes_us)}")


def spend_evening(exchange: Exchange, admin: Admin, clock: ManualClock, credit: Credit, hours: Hours) -> Evening:
    """From now, `LENGTH_S` before the session ends, until the next one begins."""
    floor = _Floor(admin, clock, credit)
    for quantity, below, shows in _BIDS:
        floor.place("eva", "iceberg" if shows else "bid", quantity, floor.price(below), display_quantity=shows)
    for user_id, quantity, below in _STOPS:
        floor.place(user_id, "stop", quantity, stop_price=floor.price(below))
    floor.place("mia", "bid", 20, floor.price(9), time_in_force="DAY")
    begin = exchange.sequence
    floor.place("dan", "sale", _SALE)
    cascade = floor.told(after=begin)
    sequence = exchange.sequence
    clock.set(hours.closes_us)
    exchange.expire_due()
    refusal = floor.refusal("uma", "bid", 10, floor.price(0))
    floor.cancel_all("eva")
    clock.set(hours.opens_us)
    exchange.expire_due()
    return Evening(
        symbol=credit.symbol,
        bids=[
            f"{quantity} at {floor.price(below)}" + (f" (an iceberg: the book shows {shows})" if shows else "")
            for quantity, below, shows in _BIDS
        ],
        stops=[f"{user_id} {quantity} at {floor.price(below)}" for user_id, quantity, below in _STOPS],
        came_in=floor.triggered(after=begin),
        asked=_SALE,
        sold=sum(_whole(entry, "quantity_lots") for entry in admin.journal(after=begin) if entry.kind == "trade"),
        cascade=cascade,
        session_end=floor.told(after=sequence, refusal=refusal),
    )


class _Floor:
    """Orders, and what the journal says became of them."""

    def __init__(self, admin: Admin, clock: ManualClock, credit: Credit) -> None:
        self._admin = admin
        self._clock = clock
        self._credit = credit
        self._names: dict[int, str] = {}

    def price(self, below: int) -> str:
        return self._credit.price(self._credit.fair_ticks - below)

    def place(
        self,
        user_id: str,
        what: str,
        quantity: int,
        price: str | None = None,
        *,
        stop_price: str | None = None,
        time_in_force: str | None = None,
        display_quantity: int | None = None,
    ) -> OrderReport:
        """A buy with a limit, else a sell."""
        self._clock.advance(_PACE_S)
        report = self._admin.on_behalf_of(user_id).orders.create_order(
            self._credit.symbol,
            "buy" if price else "sell",
            quantity,
            price,
            stop_price=stop_price,
            time_in_force=time_in_force,
            display_quantity=display_quantity,
        )
        at = price or stop_price
        self._names[report.order_id] = f"{user_id}'s {what}" + (f" at {at}" if at else "")
        return report

    def refusal(self, user_id: str, what: str, quantity: int, price: str) -> str:
        """What the exchange says to an order that it does not take; nothing if it takes it after all."""
        try:
            self.place(user_id, what, quantity, price)
        except OrderRejected as no:
            return f"{user_id}'s {what} is refused: {Rejection(no.rejection).sentence}"
        return ""

    def cancel_all(self, user_id: str) -> None:
        self._clock.advance(_PACE_S)
        self._admin.on_behalf_of(user_id).orders.cancel_all_orders(symbol=self._credit.symbol)

    def triggered(self, *, after: int) -> list[str]:
        """Whose stops came in, in that order."""
        entries = [entry for entry in self._admin.journal(after=after) if entry.kind == "order_triggered"]
        return [self._name(entry).partition("'")[0] for entry in entries]

    def told(self, *, after: int, refusal: str = "") -> list[Line]:
        """The events beyond that sequence, those that there are words for."""
        entries = [
            (entry, refusal if entry.kind == "order_rejected" else self._words(entry))
            for entry in self._admin.journal(after=after)
        ]
        return [Line(format_time(entry.time_us), entry.sequence, words) for entry, words in entries if words]

    def _words(self, entry: JournalEntry) -> str:
        match entry.kind:
            case "order_accepted":
                return f"{self._name(entry)} comes in: {_whole(entry, 'quantity_lots')} at market"
            case "trade":
                price = self._credit.price(_whole(entry, "price_ticks"))
                return f"{_whole(entry, 'quantity_lots')} traded at {price}"
            case "order_triggered":
                return f"{self._name(entry)} comes in"
            case "order_refreshed":
                return f"{self._name(entry)} shows its next {_whole(entry, 'shown_lots')}"
            case "order_expired":
                return f"{self._name(entry)} expires: it was for the day"
            case "order_canceled":
                return f"{self._name(entry)} is canceled: a closed market takes cancels"
            case "instrument_status_changed":
                return "the session begins" if entry.data.get("session_open", True) else "the session ends"
        return ""

    def _name(self, entry: JournalEntry) -> str:
        """Whose order it is, and what; an order's acceptance is told before it is named."""
        return self._names.get(_whole(entry, "order"), "")


def _whole(entry: JournalEntry, name: str) -> int:
    value = entry.data[name]
    assert isinstance(value, int)
    return value


def _minute(moment_us: int) -> str:
    return format_time(moment_us)[11:16]
