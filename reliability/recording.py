"""A seeded day on an exchange, with everything that it did to the disk and everything that it acknowledged, in one order.

Here: what happens on that day, so that every way of writing is among it: trading, users who come, go and get other names, files closed
and opened, checkpoints, WALs that start over, files that are rebuilt. Never here: the cuts.
Always: one seed gives one list of calls, call by call of the same kind and size, so that a cut can be repeated by its number.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import attrs
import msgspec

import credit_trading
from credit_trading import Exchange, ManualClock, Settings
from credit_trading.store import files, sqlite
from credit_trading.store.sqlite import Connection, connect
from credit_trading.users.private_writer import PrivateWriter
from reliability.acts import SYMBOL, Act, Answer, perform
from reliability.recorded_disk import RecordedDisk, recorded_disk
from reliability.telling import Line, Told, tell, told_in
from reliability.unsynced import Operation
from reliability.workload import BEGINNING_US, USERS, RandomTrader, found

SETTINGS = Settings(pool_size=3, checkpoint_every_events=40)
"""Small, so that files are closed and checkpoints are written all the time."""

WAL_PAGES = 60
"""SQLite starts a WAL over after so many pages; left to itself after 1,000."""

ADDRESSES = ("daniel@example.com", "dan@example.com")
"""Dan cannot decide."""


@attrs.frozen
class Recording:
    """`founded_at` is how many calls founding took; `phases` say from which call on what was done.

    `facts`: after how many calls which user had written down which private fact.
    """

    calls: list[Operation]
    heard: list[tuple[int, bytes]]
    phases: list[tuple[int, str]]
    facts: list[tuple[int, str, int]]
    founded_at: int
    end_us: int

    def facts_before(self, position: int) -> list[tuple[str, int]]:
        """The users' private facts that were acknowledged when so many calls were made."""
        return [(user, fact) for place, user, fact in self.facts if place <= position]

    def told_before(self, position: int) -> list[Told]:
        """What had been asked and acknowledged when so many calls were made."""
        return told_in(line for place, line in self.heard if place <= position)

    @property
    def asked(self) -> list[tuple[int, Act]]:
        """After how many calls each act was asked."""
        lines = ((position, msgspec.json.decode(data, type=Line)) for position, data in self.heard)
        return [(position, line.act) for position, line in lines if line.act is not None]


def record(home: Path, *, seed: str, steps: int) -> Recording:
    """Runs the day in the folder `home`, which does not exist yet. AssertionError if a write was not seen."""
    home.mkdir(mode=0o700)
    bytes_of = random.Random(f"{seed}/secrets").randbytes
    clock = ManualClock(BEGINNING_US)
    with recorded_disk(home) as disk, mock.patch("secrets.token_bytes", bytes_of), _short_wals():
        found(home, clock=clock, settings=SETTINGS)
        founded_at = len(disk.calls)
        day = _Day(home, disk, clock, seed)
        day.run(steps)
    unseen = disk.differences()
    assert not unseen, f"written past the record: {unseen}"
    return Recording(disk.calls, disk.heard, [(0, "found"), *day.phases], day.facts, founded_at, clock.now_us())


@contextmanager
def _short_wals() -> Iterator[None]:
    configure: Callable[..., None] = sqlite._configure

    def configured(connection: Connection, *rest: Any) -> None:
        configure(connection, *rest)
        connection.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES}")

    with mock.patch.object(sqlite, "_configure", configured):
        yield


class _Day:
    def __init__(self, home: Path, disk: RecordedDisk, clock: ManualClock, seed: str) -> None:
        self.home = home
        self.disk = disk
        self.clock = clock
        self.seed = seed
        self.phases: list[tuple[int, str]] = []
        self.facts: list[tuple[int, str, int]] = []
        self.acts = 0

    def run(self, steps: int) -> None:
        """Between every few random acts comes one of those that are rare, in turn."""
        exchange = self._open()
        try:
            trader = RandomTrader(exchange, clock=self.clock, seed=self.seed, name="t", descriptor=self.disk.ear)
            for step in range(steps):
                self._begin("trade")
                trader.step()
                if step % 4 == 2:
                    rare = _RARE[step // 4 % len(_RARE)]
                    self._begin(rare.__name__)
                    trader.exchange = exchange = rare(self, exchange)
        finally:
            self._begin("close")
            exchange.close()

    def _begin(self, phase: str) -> None:
        self.phases.append((len(self.disk.calls), phase))

    def _open(self) -> Exchange:
        return credit_trading.open(self.home, clock=self.clock, settings=SETTINGS)

    def rename(self, exchange: Exchange) -> Exchange:
        act = Act("email", "dan", arguments={"email": ADDRESSES[self.acts % 2]})
        self._told([act], lambda: [perform(exchange, act)])
        return exchange

    def _told(self, acts: list[Act], perform_all: Callable[[], list[Answer]]) -> None:
        """Announces the acts, carries them out, tells the answers."""
        first, self.acts = self.acts, self.acts + len(acts)
        for number, act in enumerate(acts, first):
            tell(self.disk.ear, Line(f"r-{number}", act=act))
        for number, answer in enumerate(perform_all(), first):
            tell(self.disk.ear, Line(f"r-{number}", answer=answer))

    def bring_many(self, exchange: Exchange) -> Exchange:
        """New users, several at once; their files are synced one after the other, or the calls would not be the same every time."""
        ids = [f"guest.r-{self.acts + place}" for place in range(2)]
        pairs = [(user_id, f"{user_id}@example.com") for user_id in ids]

        def bring() -> list[Answer]:
            exchange.as_admin("day").databases.create_trading_databases(pairs)
            return [Answer()] * len(pairs)

        with mock.patch.object(files, "_TOGETHER", 1):
            self._told([Act("create", user_id, arguments={"email": email}) for user_id, email in pairs], bring)
        return exchange

    def follow(self, exchange: Exchange) -> Exchange:
        """One round of what brings files forward in the background."""
        exchange._follower.follow()
        return exchange

    def reopen(self, exchange: Exchange) -> Exchange:
        exchange.close()
        return self._open()

    def rebuild(self, exchange: Exchange) -> Exchange:
        """A file that an older version has written is written anew when it is next read."""
        path = exchange.as_admin("day").databases.show_trading_database("ann").path
        with closing(connect(path, mode="rw", synchronous="NORMAL")) as connection:
            connection.execute("UPDATE metadata SET projection_version = 0")
        exchange.as_user("ann").orders.get_active_orders()
        return exchange

    def write_privately(self, exchange: Exchange) -> Exchange:
        """Each user's facts are numbered across all users, so that none of them can be taken for another."""
        writer = PrivateWriter(exchange._files, exchange._projector)
        for number, user in enumerate(USERS, 1):  # as they were founded
            fact = len(self.facts) + 1
            with writer.writing(number) as connection:
                connection.execute("CREATE TABLE IF NOT EXISTS facts (fact INTEGER PRIMARY KEY)")
                connection.execute("INSERT INTO facts VALUES (?)", (fact,))
            self.facts.append((len(self.disk.calls), user, fact))
        return exchange

    def look_at_trades(self, exchange: Exchange) -> Exchange:
        exchange.market_data.get_trades(SYMBOL)
        return exchange


_RARE: list[Callable[[_Day, Exchange], Exchange]] = [
    _Day.rename,
    _Day.write_privately,
    _Day.look_at_trades,
    _Day.rebuild,
    _Day.rename,
    _Day.bring_many,
    _Day.follow,
    _Day.write_privately,
    _Day.reopen,
]
