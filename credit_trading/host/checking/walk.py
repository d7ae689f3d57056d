"""Going through the host's tables and the expected ones together, while both trading and following go on.

Here: transactions, positions, and the order of the passes. Never here: what is compared (comparing, request_check, own_tables), what
becomes of a deviation (check, repair).
Always: a page is one short transaction that holds the position; the expected tables are brought to that position within it. Between two
pages others have their turn.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, func, inspect, select

from credit_trading.errors import FileCorrupt, FileForeign, NotFound, StorageError
from credit_trading.host import position as positions
from credit_trading.host import schema
from credit_trading.host.adapter import Adapter
from credit_trading.host.checking.comparing import Deviation, ExpectedRows, FoundRows, Page, Pass, Sight
from credit_trading.host.checking.difference import Difference, DifferenceKind, shown
from credit_trading.host.checking.expected import Expected
from credit_trading.host.checking.request_check import ExpectedRequests, FoundRequests
from credit_trading.host.connecting.connections import borrowed, translated_errors
from credit_trading.host.keyed import Key
from credit_trading.host.tables import Tables
from credit_trading.journal.follower import Position
from credit_trading.journal.live import LiveReplica
from credit_trading.progress import Progress

_log = logging.getLogger(__name__)

T = TypeVar("T")

Handle = Callable[[Any, Sight, list[Deviation]], int]
"""Told of a page's deviations within its transaction: the adapter's connection, the sight, what deviates. Says how many rows it changed."""

_WAITS_S = (0.1, 0.5, 2.0)
"""Before a page is tried again: the server was started anew, or two have waited for each other."""

_LONGEST_REST_S = 0.05

_FAR_BEHIND = 500
"""Events; who is so far behind derives them before the next page begins, for nobody can follow while it lasts."""

_BY = {"balances": "user_id", "statistics": "user_id", "orders": "order_id", "activity": "sequence"}
"""The column that tells most of a table's rows apart."""


class Walk:
    """Of one check or repair."""

    def __init__(
        self, live: LiveReplica, adapter: Adapter, tables: Tables, expected: Expected, progress: Progress
    ) -> None:
        self.rows: dict[str, int] = {}
        """How many expected rows each table has, as far as they were compared."""
        self.subject = str(getattr(adapter, "subject", type(adapter).__name__))
        self._live = live
        self._adapter = adapter
        self._tables = tables
        self._expected = expected
        self._progress = progress
        self._is_far_behind = True
        self._rows_ahead = 0

    def passes(self, *, waiting_since: datetime | None = None) -> list[Pass]:
        """Those of the requests come last: they are what the host writes too."""
        tables, expected = self._tables, self._expected.tables
        passes: list[Pass] = []
        for name in ("balances", "orders", "statistics", "activity", "activity_daily"):
            by = _BY.get(name, "user_id")
            pair = getattr(tables, name), getattr(expected, name)
            passes += [ExpectedRows(*pair, by), FoundRows(*pair, by)]
        return [*passes, *self.request_passes(waiting_since=waiting_since)]

    def request_passes(self, *, waiting_since: datetime | None = None) -> list[Pass]:
        requests, expected = self._tables.requests, self._expected.tables
        return [
            ExpectedRequests(requests, expected.requests),
            FoundRequests(requests, expected, self._live, waiting_since),
        ]

    @contextmanager
    def transaction(self) -> Iterator[tuple[Any, Connection]]:
        """One of the host's database: the adapter's connection, and the same for statements of ours. Raises StorageError."""
        with translated_errors(self.subject), self._adapter.transaction() as connection:
            yield connection, borrowed(connection)

    def missing(self) -> list[Difference]:
        """Tables that are not there, and the position's row. Raises NotFound where there is none of them."""
        with self.transaction() as (_, host):
            there = inspect(host)
            missing = [one for one in self._tables.metadata.sorted_tables if not there.has_table(one.name)]
            if len(missing) == len(self._tables.metadata.sorted_tables):
                problem = "our tables are not there"
                raise NotFound("host", self.subject, problem, hint="Make them: credit-trading host init.")
            told = [Difference(kind=DifferenceKind.MISSING, table=one.name) for one in missing]
            if self._tables.position not in missing and not _has_position(host, self._tables):
                told.append(Difference(kind=DifferenceKind.MISSING, table=self._tables.position.name, key="1"))
        return told

    def position(self) -> Position:
        """As it is now. Raises NotFound where there is none."""
        with self.transaction() as (_, host):
            return positions.stored(host, self._tables)

    def check_ready(self) -> None:
        """Raises VersionUnsupported for tables of a newer version, NotFound for those of an older one."""
        with self._live.history() as log:
            exchange_id = log.exchange_id
        with self.transaction() as (_, host):
            schema.check_ready(host, self._tables, exchange_id=exchange_id)

    def off_history(self, position: Position) -> Difference | None:
        """What is wrong with a position that does not lie on the journal's history."""
        with self._live.history() as log:
            ours, known, (head, _) = log.exchange_id, log.hash_at(position.sequence), log.head()
        wanted: object
        if position.exchange_id != ours:
            kind, column, wanted, found = DifferenceKind.FOREIGN, "exchange_id", ours, position.exchange_id
        elif known is None:
            kind, column, wanted, found = DifferenceKind.AHEAD, "sequence", f"{head} at most", str(position.sequence)
        elif known != position.hash:
            kind, column, wanted, found = DifferenceKind.FOREIGN, "hash", known.hex(), position.hash.hex()
        else:
            return None
        table = self._tables.position.name
        return Difference(kind=kind, table=table, key="1", column=column, expected=shown(wanted), found=shown(found))

    @contextmanager
    def sight(self) -> Iterator[tuple[Any, Sight]]:
        """Both at the host's position, which stands still until the end of the block. Raises FileForeign, StorageError."""
        if self._is_far_behind:
            self._expected.bring_to(self._on_history(self.position()))
        with self.transaction() as (connection, host):
            sequence = self._on_history(positions.locked(host, self._tables))
            self._is_far_behind = sequence - self._expected.position.sequence > _FAR_BEHIND
            self._expected.bring_to(sequence)
            with self._expected.reading() as scratch:
                yield connection, Sight(host=host, expected=scratch, sequence=sequence)

    @contextmanager
    def sight_as_expected(self) -> Iterator[tuple[Any, Sight]]:
        """The host's tables, whatever their position, beside the expected ones as they are."""
        with self.transaction() as (connection, host), self._expected.reading() as scratch:
            yield connection, Sight(host=host, expected=scratch, sequence=self._expected.position.sequence)

    def tried(self, look: Callable[[Any, Sight], T], *, off_history: bool = False) -> T:
        """`look` in one transaction; anew where the database fails. `off_history`: whatever the host's position says."""
        for wait_s in _WAITS_S:
            try:
                return self._looked(look, off_history=off_history)
            except (FileCorrupt, FileForeign):
                raise
            except StorageError as error:
                _log.info("%s: a page is tried again: %s", self.subject, error)
                time.sleep(wait_s)
        return self._looked(look, off_history=off_history)

    def go(self, one: Pass, handle: Handle, *, off_history: bool = False) -> int:
        """All pages of a pass; how many rows were changed."""
        after: Key | None = None
        changed, more = 0, True
        while more:
            began = time.monotonic()
            page, of_page = self.tried(_turning(one, handle, after), off_history=off_history)
            changed += of_page
            after, more = page.then, page.then is not None
            self._count(one, page.rows)
            if more:
                time.sleep(min(time.monotonic() - began, _LONGEST_REST_S))
        return changed

    def go_within(self, connection: Any, sight: Sight, one: Pass, handle: Handle) -> int:
        """All pages of a pass within one transaction; how many rows were changed."""
        after: Key | None = None
        changed, more = 0, True
        while more:
            page, of_page = _turning(one, handle, after)(connection, sight)
            changed += of_page
            after, more = page.then, page.then is not None
        return changed

    def expect_rows(self) -> None:
        """Progress from now on is of so many rows as there should be."""
        tables = self._expected.tables
        with self._expected.reading() as scratch:
            for table in (tables.balances, tables.orders, tables.statistics, tables.activity, tables.activity_daily):
                self._rows_ahead += scratch.execute(select(func.count()).select_from(table)).scalar_one()

    def _looked(self, look: Callable[[Any, Sight], T], *, off_history: bool) -> T:
        with (self.sight_as_expected if off_history else self.sight)() as (connection, sight):
            return look(connection, sight)

    def _count(self, one: Pass, rows: int) -> None:
        name = one.table.name
        self.rows[name] = self.rows.get(name, 0) + rows
        done = sum(self.rows.values())
        self._progress(done, max(done, self._rows_ahead))

    def _on_history(self, position: Position) -> int:
        """Its sequence. Raises FileForeign where it does not lie on the journal's history, or has been set back meanwhile."""
        with self._live.history() as log:
            positions.check(position, log)
        if position.sequence < self._expected.position.sequence:
            problem = f"its position was set back to {position.sequence} meanwhile"
            raise FileForeign("host", positions.FOLLOWER, problem, hint="Try again.")
        return position.sequence


def _turning(one: Pass, handle: Handle, after: Key | None) -> Callable[[Any, Sight], tuple[Page, int]]:
    """Looks at the page beyond that key."""

    def look(connection: Any, sight: Sight) -> tuple[Page, int]:
        try:
            page = one.page(sight, after)
        except ValueError as error:
            problem = f"a value in it cannot be read ({error})"
            raise FileCorrupt("host", one.table.name, problem, hint="Find and correct it by hand.") from error
        return page, handle(connection, sight, page.deviations)

    return look


def _has_position(host: Connection, tables: Tables) -> bool:
    try:
        positions.stored(host, tables)
    except NotFound:
        return False
    return True
