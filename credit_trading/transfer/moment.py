"""The moment that an export shows: who there was, and after which event of each user.

Here: the moment, and a user's tables as of it. Never here: what is written of them (export). Always: all users are shown as of one sequence
of the journal, so that what they have adds up; nobody who trades meanwhile waits for it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from credit_trading.exchange.replica import Replica
from credit_trading.money import Asset
from credit_trading.store.sqlite import Connection
from credit_trading.trading.desk import Desk
from credit_trading.trading.instrument_record import InstrumentRecord
from credit_trading.users.tables import contents


@attrs.frozen
class Moment:
    """`ends` and `counts` are by user number, from `first` on: the sequence of the user's last event by then, and how many they are.

    Of who is deleted both are 0. They take sixteen bytes for each user there ever was.
    """

    exchange_id: str
    assets: list[Asset]
    instruments: list[InstrumentRecord]
    first: int
    ends: array[int] = attrs.field(repr=False)
    counts: array[int] = attrs.field(repr=False)

    @classmethod
    def now(cls, desk: Desk, *, only: int | None = None) -> Moment:
        """As of the journal's head, of all users or of that one."""
        now_us = desk.sequencer.clock.now_us()
        return desk.reading(lambda replica: cls._of(replica, now_us, only))

    @classmethod
    def _of(cls, replica: Replica, now_us: int, only: int | None) -> Moment:
        numbers = range(1, len(replica.users) + 1) if only is None else (only,)
        users = [replica.users[number] for number in numbers]
        return cls(
            replica.exchange_id,
            sorted(replica.assets.values(), key=lambda asset: asset.code),
            sorted(
                (InstrumentRecord.of(market, now_us) for market in replica.markets.values()),
                key=lambda instrument: instrument.symbol,
            ),
            only or 1,
            array("q", [0 if user.deleted else user.last_sequence for user in users]),
            array("q", [0 if user.deleted else user.event_count for user in users]),
        )

    @property
    def last(self) -> int:
        """The number of the last user."""
        return self.first + len(self.ends) - 1

    @property
    def users(self) -> int:
        """How many there were, without those who were deleted."""
        return len(self.ends) - self.ends.count(0)

    def has(self, number: int) -> bool:
        """Whether there was that user."""
        return self.first <= number <= self.last and self.ends[number - self.first] > 0

    @contextmanager
    def tables(self, desk: Desk, number: int) -> Iterator[Connection]:
        """The user's tables as of it: those of the user's file, or what the journal gives up to it if the user has moved on.

        Raises NotFound for a user who was deleted meanwhile.
        """
        end, events = self.ends[number - self.first], self.counts[number - self.first]
        with (
            desk.projector.brought_to(number, sequence=end, events=events) as connection,
            contents.snapshot(connection),
        ):
            if contents.position(connection) == end:
                yield connection
                return
        with desk.projector.rebuilt(number, sequence=end, events=events) as connection:
            yield connection
