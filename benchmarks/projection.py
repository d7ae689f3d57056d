"""(d) Trades carried from the journal into both users' files, against the same statements with their constants lying ready."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.counts import Counts
from benchmarks.figure import Figure, Target, compare
from benchmarks.market import SYMBOL, Market
from credit_trading.clock import SystemClock
from credit_trading.exchange.events import Entry
from credit_trading.exchange.replica import Replica
from credit_trading.journal import notes
from credit_trading.journal.live import LiveReplica
from credit_trading.journal.log import Log
from credit_trading.store.sqlite import Connection, TrackedConnection, connect, sqlite3
from credit_trading.users import catalogue
from credit_trading.users.files import UserFiles
from credit_trading.users.projector import Projector
from credit_trading.users.tables.projection import Projection
from credit_trading.users.tables.schema import template

GOAL = Target(kind="at least", ratio=0.5)
SELLER, BUYER = 1, 2

_Statement = tuple[str, Sequence[Any] | list[Sequence[Any]]]
"""With its parameters, or a list of them for one that is done many times."""


def projection(counts: Counts, folder: Path) -> list[Figure]:
    """One seller's resting orders of one lot each are taken one by one; each trade fills and closes an order of each of the two.

    The taker's file shows its order and the fill, the maker's only the fill: three events in two transactions.
    """
    figures = []
    for title, trades, keep_open in (
        ("pool hits", counts.trades, True),
        ("pool misses", counts.reopened_trades, False),
    ):
        for together, count in trades.items():
            place = folder / f"{together}-{keep_open}"
            place.mkdir()
            ours, by_hand = _measure(counts, place, count, together, keep_open=keep_open)
            figures.append(
                compare(
                    "d",
                    f"trades into both files, {together} to a transaction, {title}",
                    ours,
                    unit="trades/s",
                    compared_with="the same SQL by hand",
                    compared=by_hand,
                    target=GOAL,
                )
            )
    return figures


def _measure(
    counts: Counts, folder: Path, count: int, together: int, *, keep_open: bool
) -> tuple[list[float], list[float]]:
    """Trades per second of every repetition, projected and by hand; the two take turns after every commit."""
    ours, by_hand = [], []
    with Market(folder / "home", users=2, project_on_commit=False) as market:
        live = LiveReplica(market.home, lock_timeout_s=30)
        files = UserFiles(market.home, live, pool_size=2 if keep_open else 1, lock_timeout_s=30)
        projector = Projector(live, files, SystemClock())
        hands = {number: _Hand(folder, number, keep_open=keep_open) for number in (SELLER, BUYER)}
        seller, buyer = market.users
        for _ in range(counts.repetitions):
            market.exchange.submit(seller.orders.prepare_order(SYMBOL, "sell", "1", "10.00") for _ in range(count))
            _carry(live, projector, hands)
            seconds = hand_seconds = 0.0
            for _ in range(0, count, together):
                market.exchange.submit(buyer.orders.prepare_order(SYMBOL, "buy", "1", "10.00") for _ in range(together))
                times = _carry(live, projector, hands)
                seconds += times[0]
                hand_seconds += times[1]
            ours.append(count / seconds)
            by_hand.append(count / hand_seconds)
        for hand in hands.values():
            hand.close()
        files.close()
        live.close()
    return ours, by_hand


def _carry(live: LiveReplica, projector: Projector, hands: dict[int, _Hand]) -> tuple[float, float]:
    """Seconds to bring both users' files up to the journal: by the projector, and by hand."""
    with live.reading() as replica, live.history() as log:
        for hand in hands.values():
            hand.make_ready(replica, log)
    start = perf_counter()
    for number in hands:
        with projector.caught_up(number):
            pass
    seconds = perf_counter() - start
    start = perf_counter()
    for hand in hands.values():
        hand.run()
    return seconds, perf_counter() - start


class _Recording(TrackedConnection):
    """Remembers what it is told to write; the answers to what it is asked a hand that knows them all would not look up."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.told: list[_Statement] = []

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        if not sql.startswith(("SELECT", "PRAGMA")):
            self.told.append((sql, parameters))
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
        rows = list(parameters)
        self.told.append((sql, rows))
        return super().executemany(sql, rows)


class _Hand:
    """A user's file written by hand, beside a rehearsal of the same file from which the statements are taken down."""

    def __init__(self, folder: Path, number: int, *, keep_open: bool) -> None:
        self._number = number
        self._done = 0
        self._path = folder / f"by-hand-{number}.db"
        rehearsal = folder / f"rehearsal-{number}.db"
        for path in (self._path, rehearsal):
            path.write_bytes(template())
        self._rehearsal = connect(rehearsal, mode="rw", synchronous="NORMAL", factory=_Recording)
        self._open = self._connected() if keep_open else None
        self._ready: list[_Statement] = []

    def make_ready(self, replica: Replica, log: Log) -> None:
        """Takes down what has to be written for the user's events that came since the last time."""
        assert isinstance(self._rehearsal, _Recording)
        entries = [
            entry for entry in map(log.entry, range(self._done + 1, replica.sequence + 1)) if self._is_own(entry)
        ]
        projected = Projection(
            self._rehearsal,
            self._number,
            assets=replica.assets.__getitem__,
            instruments=lambda symbol: replica.markets[symbol].instrument,
            user_id_of=lambda user: catalogue.by_number(log.connection, user).user_id,
            email_of=lambda user: catalogue.by_number(log.connection, user).email,
            note_of=lambda entry: notes.read(log.connection, entry.sequence),
        )
        self._rehearsal.told.clear()
        for entry in entries:
            assert entry is not None
            projected.apply(entry)
        projected.finish()
        self._done = replica.sequence
        position = "UPDATE metadata SET applied_sequence = ?, applied_hash = ?, event_number = event_number + ?"
        self._ready = [*self._rehearsal.told, (position, (self._done, log.hash_at(self._done), len(entries)))]

    def run(self) -> None:
        """One transaction of the statements that lie ready."""
        with self._connection() as connection:
            execute = connection.execute
            execute("BEGIN IMMEDIATE")
            for sql, parameters in self._ready:
                if isinstance(parameters, list):
                    connection.executemany(sql, parameters)
                else:
                    execute(sql, parameters).fetchall()
            execute("COMMIT")

    def close(self) -> None:
        self._rehearsal.close()
        if self._open is not None:
            self._open.close()

    def _is_own(self, entry: Entry | None) -> bool:
        return entry is not None and self._number in (entry.user_a, entry.user_b)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        connection = self._open or self._connected()
        yield connection
        if self._open is None:
            connection.close()

    def _connected(self) -> Connection:
        connection: Connection = sqlite3.connect(self._path, isolation_level=None, cached_statements=256)
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection
